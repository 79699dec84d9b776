//! The search for secrets: all that devices ever wrote and all that passed the proxy is read, and each kind of secret is
//! recorded where it was seen. It judges nothing: the password in a sign-in is recorded, too.

mod finder;
mod forms;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::rc::Rc;

use flate2::read::GzDecoder;
use memchr::memmem;
use serde_json::Value;

use finder::{Finder, Needle};
use forms::forms;

use super::authenticators::Authenticators;
use super::cast::password_of;
use super::network::SERVER;
use super::stage::{Member, World};
use crate::base::hex;
use crate::check::Claim;
use crate::client::REFRESH_TOKEN;
use crate::disk::WriteLog;
use crate::history::{Part, Place, Recorder, Secret, Sighting, What};
use crate::protocol::{Profile, Tokens, path};
use crate::proxy::{Overheard, Proxy};
use crate::scenario::{self, Action, Scenario};

/// What begins every SQLite database that nobody encrypted.
const UNENCRYPTED: &str = "SQLite format 3";
/// The first bytes of a gzip stream (RFC 1952, 2.3.1).
const GZIP: &[u8] = &[0x1f, 0x8b, 0x08];
/// No more than this of a gzip stream is looked at, in bytes.
const MAX_INFLATED: u64 = 8 << 20;
/// So many of the story's texts are searched for.
const MAX_TEXTS: usize = 32;
/// Texts shorter than this are left to steps that name them: two words of a story are found in any noise.
const WORTH_SEARCHING: usize = 15;
/// What was collected is searched as soon as it is this much, in bytes.
const MUCH: usize = 32 << 20;

/// A secret as it is known.
struct Known {
    secret: Secret,
    /// Which one, in words.
    what: String,
    text: String,
    /// The device holds a later one in its place: it is searched for once more, and then forgotten.
    replaced: bool,
}

/// All that is known to be secret, and what passed the proxy and was not searched yet.
#[derive(Default)]
pub(super) struct Secrets {
    known: RefCell<Vec<Known>>,
    wire: RefCell<Wire>,
    told: RefCell<BTreeSet<(String, Secret, KindOfPlace)>>,
    /// Texts of which it is told how a device's database holds them.
    stored: BTreeSet<String>,
    /// Refresh tokens that were in a device's keychain at the last search, by device.
    tokens: RefCell<BTreeMap<String, usize>>,
    /// Bytes searched, by device.
    written: RefCell<BTreeMap<String, u64>>,
    passed: Cell<u64>,
}

/// A disk, a text in a database, or a part of the messages of a path: what is told of once.
type KindOfPlace = Option<(String, bool, Part)>;

/// Parts of messages, one behind the other.
#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    parts: Vec<(usize, String, Place)>,
}

impl Secrets {
    /// What a scenario holds that no disk may show: its texts, and the words that it searches for.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let secrets = Self { stored: stored_texts(scenario), ..Self::default() };
        secrets.know(Secret::Text, "the head of an unencrypted database".into(), UNENCRYPTED);
        let mut texts = BTreeSet::new();
        let sealed = sealed_texts(scenario);
        for step in &scenario.steps {
            if let Action::Edit(scenario::Edit { set, .. }) | Action::Create(scenario::Create { set, .. }) =
                &step.action
            {
                set.values().for_each(|value| gather(value, &mut texts));
            }
            if let Action::SearchDisk(search) = &step.action {
                texts.extend(search.words.iter().map(String::as_str));
            }
        }
        for text in texts.difference(&sealed) {
            secrets.know(Secret::Text, format!("`{text}`"), text);
        }
        for text in sealed {
            secrets.know(Secret::Sealed, format!("`{text}`"), text);
        }
        secrets
    }

    /// Hears all that passes `proxy` from now on.
    pub(super) fn listen(self: Rc<Self>, proxy: &Proxy) {
        proxy.on_heard(Rc::new(move |heard| self.hear(heard)));
    }

    /// From now on `text` is searched for.
    pub(super) fn know(&self, secret: Secret, what: String, text: &str) {
        self.known.borrow_mut().push(Known { secret, what, text: text.to_owned(), replaced: false });
    }

    /// A token that takes the place of the one that went by the same words.
    fn know_token(&self, secret: Secret, what: String, text: &str) {
        let mut known = self.known.borrow_mut();
        known.iter_mut().filter(|known| known.what == what).for_each(|known| known.replaced = true);
        drop(known);
        self.know(secret, what, text);
    }

    /// Passwords, and what authenticators share with the server.
    pub(super) fn know_users(&self, users: &[Profile], authenticators: &Authenticators) {
        for user in users.iter().map(|user| &user.user_id) {
            self.know(Secret::Password, format!("the password of {user}"), &password_of(user));
            for secret in authenticators.of(user) {
                self.know(Secret::Key, format!("the authenticator of {user}"), &hex(&secret));
            }
        }
    }

    /// Takes down what passes the proxy; tokens are known as soon as they are handed out.
    fn hear(&self, heard: &Overheard<'_>) {
        let hands_out =
            heard.answer && heard.part == Part::Body && [path::SIGN_IN, path::REFRESH].contains(&heard.path);
        if hands_out && let Ok(tokens) = serde_json::from_slice::<Tokens>(heard.bytes) {
            self.know_token(Secret::AccessToken, format!("an access token of {}", heard.device), &tokens.access_token);
            self.know_token(
                Secret::RefreshToken,
                format!("a refresh token of {}", heard.device),
                &tokens.refresh_token,
            );
        }
        let mut wire = self.wire.borrow_mut();
        let (exchange, path) = (heard.exchange, heard.path.to_owned());
        let place = Place::Wire { exchange, path, answer: heard.answer, part: heard.part };
        let from = wire.bytes.len();
        wire.parts.push((from, heard.device.to_owned(), place));
        wire.bytes.extend_from_slice(heard.bytes);
    }

    /// What the keychain of a device ever held: of the tokens, those that came since the last search, and the one before.
    fn of_device(&self, name: &str, held: Vec<(String, String)>) -> Vec<Known> {
        let (tokens, keys): (Vec<_>, Vec<_>) = held.into_iter().partition(|(called, _)| called == REFRESH_TOKEN);
        let searched = self.tokens.borrow_mut().insert(name.to_owned(), tokens.len()).unwrap_or(0);
        let tokens = tokens.into_iter().skip(searched.saturating_sub(1)).map(|held| (Secret::RefreshToken, held));
        let keys = keys.into_iter().map(|held| (Secret::Key, held));
        tokens
            .chain(keys)
            .map(|(secret, (called, text))| Known {
                secret,
                what: format!("the {called} of {name}"),
                text,
                replaced: false,
            })
            .collect()
    }

    /// What was replaced by the time of a search opens nothing any more.
    fn forget_replaced(&self) {
        self.known.borrow_mut().retain(|known| !known.replaced);
    }

    fn finder(&self, of_devices: &[Known]) -> Finder {
        let known = self.known.borrow();
        let needles = known.iter().chain(of_devices).flat_map(|known| forms(known.secret, &known.what, &known.text));
        Finder::new(needles.collect())
    }

    fn search_disk(&self, finder: &Finder, recorder: &Recorder, device: &str, written: &WriteLog) {
        each_hit(finder, written.bytes(), |needle, position, packed| {
            let Some((file, offset)) = written.place(position) else { return };
            let place = Place::Disk { file: file.to_owned() };
            self.tell(recorder, device, needle, place, offset, packed);
        });
        let mut sums = self.written.borrow_mut();
        let sum = sums.entry(device.to_owned()).or_default();
        *sum += written.bytes().len() as u64;
    }

    /// What lies in a database in the clear once it is decrypted: records belong there, secrets do not.
    fn search_inside(&self, finder: &Finder, recorder: &Recorder, device: &str, contents: &[u8]) {
        each_hit(finder, contents, |needle, position, packed| {
            if ![Secret::Text, Secret::Sealed].contains(&needle.secret) || self.stored.contains(&needle.what) {
                self.tell(recorder, device, needle, Place::Database, position, packed);
            }
        });
    }

    /// What lies in the server's database: records do by right, but nothing that was sealed.
    fn search_server(&self, finder: &Finder, recorder: &Recorder, contents: &[u8]) {
        each_hit(finder, contents, |needle, position, packed| {
            if needle.secret == Secret::Sealed {
                self.tell(recorder, SERVER, needle, Place::Server, position, packed);
            }
        });
    }

    fn search_wire(&self, finder: &Finder, recorder: &Recorder) {
        let wire = self.wire.take();
        each_hit(finder, &wire.bytes, |needle, position, packed| {
            let part = wire.parts.partition_point(|(from, ..)| *from <= position).checked_sub(1);
            let Some((from, device, place)) = part.and_then(|index| wire.parts.get(index)) else { return };
            // What users write into records passes here by right.
            if needle.secret != Secret::Text {
                self.tell(recorder, device, needle, place.clone(), position - from, packed);
            }
        });
        self.passed.set(self.passed.get() + wire.bytes.len() as u64);
    }

    /// Records a sighting, unless one of its kind at such a place is on record.
    fn tell(&self, recorder: &Recorder, device: &str, needle: &Needle, place: Place, offset: usize, packed: bool) {
        let kind_of_place = match &place {
            Place::Disk { .. } | Place::Server => None,
            Place::Database if needle.secret == Secret::Text => Some((needle.what.clone(), packed, Part::Body)),
            Place::Database => Some((String::new(), false, Part::Body)),
            Place::Wire { path, answer, part, .. } => Some((path.clone(), *answer, *part)),
        };
        if !self.told.borrow_mut().insert((device.to_owned(), needle.secret, kind_of_place)) {
            return;
        }
        let (secret, what, form) = (needle.secret, needle.what.clone(), needle.form);
        let sighting = Sighting { secret, what, form, packed, place, offset: offset as u64 };
        recorder.record(What::Sighted { device: device.to_owned(), sighting });
    }
}

/// Every needle in `hay` and where: of what lies in a gzip stream, where that begins.
fn each_hit<'a>(finder: &'a Finder, hay: &[u8], mut hit: impl FnMut(&'a Needle, usize, bool)) {
    finder.find(hay, |needle, at| hit(needle, at, false));
    for stream in memmem::find_iter(hay, GZIP) {
        let mut plain = Vec::new();
        // What cannot be inflated further was inflated as far as it goes.
        let _ = GzDecoder::new(&hay[stream..]).take(MAX_INFLATED).read_to_end(&mut plain);
        finder.find(&plain, |needle, _| hit(needle, stream, true));
    }
}

/// The texts of which a claim says that they are stored compressed, as searches call them.
fn stored_texts(scenario: &Scenario) -> BTreeSet<String> {
    let claims = scenario.claims().into_iter();
    let texts = claims.filter_map(|claim| if let Claim::Compressed(claim) = claim { Some(claim.text) } else { None });
    texts.map(|text| format!("`{text}`")).collect()
}

/// What the story writes into sealed fields.
#[expect(clippy::wildcard_enum_match_arm, reason = "most steps write nothing")]
fn sealed_texts(scenario: &Scenario) -> BTreeSet<&str> {
    let mut texts = BTreeSet::new();
    for step in &scenario.steps {
        let set = match &step.action {
            Action::Edit(scenario::Edit { set, .. })
            | Action::EditMany(scenario::EditMany { set, .. })
            | Action::Create(scenario::Create { set, .. })
            | Action::OfficeEdit(scenario::OfficeEdit { set, .. })
            | Action::OfficeEditMany(scenario::OfficeEditMany { set, .. })
            | Action::OfficeCreate(scenario::OfficeCreate { set, .. }) => set,
            _ => continue,
        };
        let sealed = set.iter().filter(|(field, _)| scenario.world.sealed.contains(field));
        sealed.for_each(|(_, value)| gather(value, &mut texts));
    }
    texts
}

/// The texts in a value that are long enough to be told from noise.
fn gather<'a>(value: &'a Value, texts: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) if text.len() >= WORTH_SEARCHING && texts.len() < MAX_TEXTS => drop(texts.insert(text)),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl World {
    /// Searches all that was written and all that passed since the last search, and says so.
    pub fn search(&self) {
        self.check_keys();
        self.search_quietly();
        for member in self.members.values() {
            self.searched(member);
        }
        self.recorder.record(What::WireSearched { bytes: self.secrets.passed.get() });
    }

    /// Records how much of a device was searched; says whether its disk can be read at all.
    pub(super) fn searched(&self, member: &Member) -> bool {
        let Some(bytes) = self.secrets.written.borrow().get(&member.name).copied() else { return false };
        self.recorder.record(What::DiskSearched { device: member.name.clone(), bytes });
        true
    }

    /// Searches before it becomes too much to keep.
    pub(super) fn search_if_much(&self) {
        let written: usize = self.members.values().map(|member| member.device.unsearched()).sum();
        if written + self.secrets.wire.borrow().bytes.len() > MUCH {
            self.search_media();
            self.secrets.forget_replaced();
        }
    }

    pub(super) fn search_quietly(&self) {
        let finder = self.search_media();
        for (name, member) in &self.members {
            let inside = member.device.inside().unwrap_or_default();
            self.secrets.search_inside(&finder, &self.recorder, name, &inside);
        }
        if let (Some(machine), Some(_)) = (&self.machine, &self.sealing) {
            let contents = machine.server.contents().unwrap_or_default();
            self.recorder.record(What::ServerSearched { bytes: contents.len() as u64 });
            self.secrets.search_server(&finder, &self.recorder, &contents);
        }
        self.secrets.forget_replaced();
    }

    /// What was written and what passed; not what lies in the databases now.
    fn search_media(&self) -> Finder {
        let mut of_devices = Vec::new();
        let mut logs = Vec::new();
        for (name, member) in &self.members {
            let Some(disk) = member.device.disk() else { continue };
            of_devices.extend(self.secrets.of_device(name, disk.secrets));
            logs.push((name, disk.written));
        }
        let finder = self.secrets.finder(&of_devices);
        for (name, written) in &logs {
            self.secrets.search_disk(&finder, &self.recorder, name, written);
        }
        self.secrets.search_wire(&finder, &self.recorder);
        finder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(known: &[Known]) -> Vec<&str> {
        known.iter().map(|known| known.text.as_str()).collect()
    }

    #[test]
    fn a_replaced_token_is_searched_for_once_more() {
        let secrets = Secrets::default();
        for token in ["first", "second"] {
            secrets.know_token(Secret::AccessToken, "an access token of maria".into(), token);
            secrets.know_token(Secret::AccessToken, format!("an access token of {token}"), token);
        }
        assert_eq!(words(&secrets.known.borrow()), ["first", "first", "second", "second"]);
        secrets.forget_replaced();
        assert_eq!(words(&secrets.known.borrow()), ["first", "second", "second"]);
    }

    #[test]
    fn of_a_keychain_the_keys_are_always_searched_for_and_tokens_until_they_are_replaced() {
        let secrets = Secrets::default();
        let held = |names: &[(&str, &str)]| -> Vec<(String, String)> {
            names.iter().map(|(called, text)| ((*called).to_owned(), (*text).to_owned())).collect()
        };
        let mut all = vec![("database key", "key"), (REFRESH_TOKEN, "1"), (REFRESH_TOKEN, "2")];
        assert_eq!(words(&secrets.of_device("maria", held(&all))), ["1", "2", "key"]);
        all.push((REFRESH_TOKEN, "3"));
        assert_eq!(words(&secrets.of_device("maria", held(&all))), ["2", "3", "key"]);
        assert_eq!(words(&secrets.of_device("jan", held(&all))), ["1", "2", "3", "key"]);
    }
}

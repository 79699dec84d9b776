//! Files on their way down (spec 6.2): thumbnails of all pictures, whole files on demand, in parts that go on where they
//! stopped (RFC 9110, 13 and 14) and are sealed as they come (decision p).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::file_store::{FileError, PREFIX};
use super::pace::ChunkPace;
use super::part::{Part, digest, request};
use super::sealed::SEGMENT;
use crate::base::hex;
use crate::client::answer::Failure;
use crate::client::engine::{Engine, EngineError};
use crate::client::push::Pushed;
use crate::client::store::downloads::{self, Coming, Line};
use crate::client::store::{StoreError, files, rows};
use crate::client::transport::{Method, Request, Response};
use crate::history::{DeviceEvent, FileEvent, HeldFile};
use crate::protocol::{ErrorCode, path};

/// What the name of a thumbnail ends with.
pub(in crate::client) const SMALL: &str = ".small";
/// Times that a file may come and not be what it should, before it is let alone.
const MOST_STRIKES: u32 = 3;

/// Why a file cannot be opened now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The order has no such file.
    NoSuchFile(String),
    /// The user has set that whole pictures come over WiFi alone.
    WaitsForWifi(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchFile(order) => write!(f, "`{order}` has no such file"),
            Self::WaitsForWifi(file) => {
                write!(f, "`{file}` comes over WiFi alone: whole pictures on a cellular network are switched off")
            }
        }
    }
}

/// A file that is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) struct Wish {
    line: Line,
    thumbnail: bool,
    /// The user waits for it.
    asked: bool,
}

impl Wish {
    fn name(&self) -> String {
        name(&self.line.attachment_id, self.thumbnail)
    }
}

/// How the downloads of this run of the app stand.
#[derive(Debug, Default)]
pub(in crate::client) struct Downloads {
    pace: ChunkPace,
    /// What is to come, in order; `None` when it has to be looked for anew.
    wishes: Option<VecDeque<Wish>>,
    /// What is let alone until the user pulls to refresh, or opens it again, by name.
    put_aside: BTreeSet<String>,
    /// How often a file came and was not what it should be.
    strikes: BTreeMap<String, u32>,
    /// Files that are shown as soon as they come.
    awaited: BTreeSet<String>,
    /// Files of which it is known that what is here of them is sound, by name.
    sound: BTreeSet<String>,
}

impl Downloads {
    /// Whatever link comes, nothing is known of it.
    pub(in crate::client) fn another_link(&mut self) {
        self.pace = ChunkPace::default();
    }

    /// What orders say of files, or what may come, is not what it was.
    pub(in crate::client) fn look_again(&mut self) {
        self.wishes = None;
    }

    /// Whether something changed since it was last looked for what is to come.
    pub(in crate::client) fn is_to_look(&self) -> bool {
        self.wishes.is_none()
    }

    /// The user wants all of it tried.
    pub(in crate::client) fn try_again(&mut self) {
        self.put_aside.clear();
        self.strikes.clear();
        self.wishes = None;
    }
}

/// What a step of a download came to.
enum Came {
    /// A part more is here.
    Further,
    /// Something more urgent goes first, or the network is none for it any more.
    GaveWay,
    /// All of it is here.
    Whole(HeldFile),
}

/// Why a part did not come.
enum Trouble {
    /// The way to the server, or its answer.
    Call(Failure),
    /// The device's own disk.
    File(FileError),
    /// It is not what the server said that it would be.
    Different,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Call(failure)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Call(error.into())
    }
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl Engine {
    /// Opens a file of a work order, the latest one unless `file` names another: shows it if it is here, else has it come
    /// and shows it then. Without a network it comes when there is one.
    ///
    /// # Errors
    /// When there is no such file, the user's settings keep it from this network, or storage fails.
    pub fn open_file(&self, order: &str, file: Option<&str>) -> Result<(), EngineError> {
        let id = rows::current_id(self.store.read(), order)?;
        let visible = self.visible(&id)?;
        let lines = downloads::lines_of(visible.get("attachments"));
        let named = lines.into_iter().rev().find(|line| file.is_none_or(|file| line.file_name == file));
        let line = named.ok_or(EngineError::Open(OpenError::NoSuchFile(id)))?;
        if self.show_file(&line)? {
            return Ok(());
        }
        let wish = Wish { line, thumbnail: false, asked: true };
        if !self.may_come(&wish) {
            return Err(EngineError::Open(OpenError::WaitsForWifi(wish.line.file_name)));
        }
        self.store.write(|tx| downloads::want(tx, &wish.line.attachment_id))?;
        let down = &mut self.uploads.borrow_mut().down;
        down.put_aside.remove(&wish.name());
        down.strikes.remove(&wish.name());
        down.awaited.insert(wish.line.attachment_id);
        down.look_again();
        self.schedule.borrow_mut().user_acted();
        self.wake.notify_one();
        Ok(())
    }

    /// Shows a file if it is here and can be read; one that the server can give again is forgotten if it cannot.
    fn show_file(&self, line: &Line) -> Result<bool, EngineError> {
        let id = &line.attachment_id;
        let name = name(id, false);
        let Some((kept, sha256)) = downloads::whole(self.store.read(), &name)? else { return Ok(false) };
        let (bytes, attachment_id) = (kept.size, id.clone());
        match self.file_store.sha256(&kept) {
            Ok(read) if read == sha256 => {
                let shown = HeldFile { attachment_id, thumbnail: false, bytes, sha256 };
                self.emit(DeviceEvent::File(FileEvent::Shown(shown)));
                Ok(true)
            }
            Err(error) if files::pending(self.store.read(), id)?.is_some() => Err(error.into()),
            Ok(_) | Err(_) => {
                self.store.write(|tx| downloads::give_up(tx, &name))?;
                Ok(false)
            }
        }
    }

    /// What comes next: what the user waits for, or anything.
    pub(in crate::client) fn wish(&self, asked: bool) -> Result<Option<Wish>, StoreError> {
        if self.uploads.borrow().down.is_to_look() {
            let wishes = self.wishes()?;
            self.uploads.borrow_mut().down.wishes = Some(wishes);
        }
        let down = &self.uploads.borrow().down;
        let mut wishes = down.wishes.iter().flatten().filter(|wish| wish.asked || !asked);
        Ok(wishes.find(|wish| !down.put_aside.contains(&wish.name()) && self.may_come(wish)).cloned())
    }

    /// Files that are not here: what the user opened, what is critical, and thumbnails (spec 3.1A, 6.2).
    fn wishes(&self) -> Result<VecDeque<Wish>, StoreError> {
        let c = self.store.read();
        let (mut opened, mut critical, mut small) = (Vec::new(), Vec::new(), Vec::new());
        let mut known = BTreeSet::new();
        for line in downloads::lines(c)? {
            let id = &line.attachment_id;
            if !known.insert(id.clone()) || downloads::whole(c, &name(id, false))?.is_some() {
                continue;
            }
            let asked = downloads::wanted(c, id)?;
            if !line.went_up && !asked {
                continue;
            }
            if line.picture && downloads::whole(c, &name(id, true))?.is_none() {
                small.push(Wish { line: line.clone(), thumbnail: true, asked: false });
            }
            match (asked, line.critical) {
                (true, _) => opened.push(Wish { line, thumbnail: false, asked }),
                (false, true) => critical.push(Wish { line, thumbnail: false, asked }),
                (false, false) => {}
            }
        }
        Ok(opened.into_iter().chain(critical).chain(small).collect())
    }

    /// Whether the user's settings let it come over the network at hand.
    fn may_come(&self, wish: &Wish) -> bool {
        let wifi = self.schedule.borrow().on_wifi();
        self.file_settings.get().downloads(wifi, wish.line.picture, wish.thumbnail)
    }

    /// Takes `wish` one part further.
    ///
    /// # Errors
    /// What ends the sync: no network, no session, a server that cannot cope.
    pub(super) async fn fetch(&self, wish: &Wish, pushed: &Pushed) -> Result<(), Failure> {
        let came = if wish.thumbnail { self.small(wish, pushed).await } else { self.part_of(wish, pushed).await };
        match came {
            Ok(Came::Further) => Ok(()),
            Ok(Came::GaveWay) => {
                if wish.asked && !self.may_come(wish) {
                    self.withhold(wish, OpenError::WaitsForWifi(wish.line.file_name.clone()).to_string());
                }
                Ok(())
            }
            Ok(Came::Whole(held)) => {
                let awaited = {
                    let down = &mut self.uploads.borrow_mut().down;
                    down.wishes.iter_mut().for_each(|wishes| wishes.retain(|other| other != wish));
                    !wish.thumbnail && down.awaited.remove(&held.attachment_id)
                };
                self.emit(DeviceEvent::File(FileEvent::Kept(held.clone())));
                if awaited {
                    self.emit(DeviceEvent::File(FileEvent::Shown(held)));
                }
                Ok(())
            }
            Err(Trouble::Call(failure)) => self.refused(wish, failure),
            Err(Trouble::File(error)) => {
                self.put_aside(wish, error.to_string());
                Ok(())
            }
            Err(Trouble::Different) => {
                self.strike(wish);
                Ok(())
            }
        }
    }

    /// What concerns this file alone does not keep the others waiting.
    fn refused(&self, wish: &Wish, failure: Failure) -> Result<(), Failure> {
        match failure.status {
            416 if failure.ours => {
                self.store.write(|tx| downloads::give_up(tx, &wish.name()))?;
                self.strike(wish);
                Ok(())
            }
            500 if failure.ours => {
                self.put_aside(wish, failure.detail);
                Ok(())
            }
            _ if failure.ours && matches!(failure.code, ErrorCode::NotFound | ErrorCode::PermissionDenied) => {
                self.put_aside(wish, failure.detail);
                Ok(())
            }
            _ => Err(failure),
        }
    }

    fn strike(&self, wish: &Wish) {
        let strikes = {
            let strikes = &mut self.uploads.borrow_mut().down.strikes;
            let strikes = strikes.entry(wish.name()).or_default();
            *strikes += 1;
            *strikes
        };
        if strikes >= MOST_STRIKES {
            let file = &wish.line.file_name;
            self.put_aside(wish, format!("`{file}` came {strikes} times, and was not what it should be"));
        }
    }

    fn put_aside(&self, wish: &Wish, detail: String) {
        self.uploads.borrow_mut().down.put_aside.insert(wish.name());
        if wish.asked {
            self.withhold(wish, detail);
        }
    }

    fn withhold(&self, wish: &Wish, detail: String) {
        let attachment_id = wish.line.attachment_id.clone();
        self.emit(DeviceEvent::File(FileEvent::Withheld { attachment_id, detail }));
    }

    /// A thumbnail, in one go.
    async fn small(&self, wish: &Wish, pushed: &Pushed) -> Result<Came, Trouble> {
        let id = &wish.line.attachment_id;
        self.fetching(wish, 0);
        let request = Request::new(Method::Get, format!("{}/{id}/thumbnail", path::ATTACHMENTS));
        let Some(answer) = self.ask_for(request, wish, pushed).await else { return Ok(Came::GaveWay) };
        let answer = answer?;
        let sha256 = hex(&Sha256::digest(&answer.body));
        if answer.status != 200 || digest(&answer)? != sha256 {
            return Err(Trouble::Different);
        }
        let name = wish.name();
        self.file_store.remove(&name)?;
        let kept = self.file_store.keep(&name, &answer.body, &mut self.random.borrow_mut())?;
        self.store.write(|tx| files::add(tx, id, &kept, Some(&sha256)))?;
        self.fetched(wish, 0, kept.size);
        Ok(Came::Whole(HeldFile { attachment_id: id.clone(), thumbnail: true, bytes: kept.size, sha256 }))
    }

    /// The next part of a whole file, and the last look at it.
    async fn part_of(&self, wish: &Wish, pushed: &Pushed) -> Result<Came, Trouble> {
        let (known, at) = self.stands(wish)?;
        if let Some(coming) = known.as_ref().filter(|coming| coming.kept.size == at) {
            return self.look_over(wish, coming);
        }
        let pace = self.uploads.borrow().down.pace.bytes() / SEGMENT as u64 * SEGMENT as u64;
        self.fetching(wish, at);
        let started = Instant::now();
        let request = request(&wish.line.attachment_id, at, pace, known.as_ref());
        let Some(answer) = self.ask_for(request, wish, pushed).await else { return Ok(Came::GaveWay) };
        let part = Part::of(answer?, at)?;
        self.uploads.borrow_mut().down.pace.note(part.bytes.len() as u64, started.elapsed());
        let coming = match known {
            // The server gave all of it anew, since it has become another.
            Some(coming) if coming.tag == part.tag && part.offset == at => coming,
            Some(_) | None if part.offset == 0 => self.begin_anew(wish, &part)?,
            Some(_) | None => return Err(Failure::network("a part of another file came").into()),
        };
        let bytes = part.whole_segments(coming.kept.size)?;
        self.file_store.extend(&coming.kept, part.offset, bytes)?;
        self.fetched(wish, part.offset, bytes.len() as u64);
        if part.offset + (bytes.len() as u64) < coming.kept.size {
            return Ok(Came::Further);
        }
        self.look_over(wish, &coming)
    }

    /// How far it has come. What an earlier run of the app left is looked over before anything is added to it.
    fn stands(&self, wish: &Wish) -> Result<(Option<Coming>, u64), Trouble> {
        let name = wish.name();
        let Some(coming) = downloads::coming(self.store.read(), &name)? else { return Ok((None, 0)) };
        let known = !self.uploads.borrow_mut().down.sound.insert(name);
        let there = if known { self.file_store.there(&coming.kept) } else { self.file_store.mend(&coming.kept) }?;
        Ok((Some(coming), there))
    }

    fn begin_anew(&self, wish: &Wish, part: &Part) -> Result<Coming, Trouble> {
        let kept = self.file_store.begin(&wish.name(), part.total, &mut self.random.borrow_mut())?;
        let coming = Coming { kept, tag: part.tag.clone(), sha256: part.sha256.clone() };
        self.store.write(|tx| downloads::begin(tx, &wish.line.attachment_id, &coming))?;
        Ok(coming)
    }

    /// All of it is here: it is shown to nobody before it was found to be what the server, and the order, say.
    fn look_over(&self, wish: &Wish, coming: &Coming) -> Result<Came, Trouble> {
        let is = self.file_store.sha256(&coming.kept);
        let said = wish.line.sha256.as_ref().is_none_or(|said| *said == coming.sha256);
        if is.as_ref() != Ok(&coming.sha256) || !said {
            self.store.write(|tx| downloads::give_up(tx, &coming.kept.name))?;
            self.file_store.remove(&coming.kept.name)?;
            return Err(Trouble::Different);
        }
        let attachment_id = wish.line.attachment_id.clone();
        self.store.write(|tx| downloads::complete(tx, &attachment_id, coming))?;
        let (bytes, sha256) = (coming.kept.size, coming.sha256.clone());
        Ok(Came::Whole(HeldFile { attachment_id, thumbnail: false, bytes, sha256 }))
    }

    /// The answer to `request`, unless it is broken off.
    async fn ask_for(&self, request: Request, wish: &Wish, pushed: &Pushed) -> Option<Result<Response, Failure>> {
        self.unless_disturbed(self.session.file(request), pushed, || self.may_come(wish)).await
    }

    fn fetching(&self, wish: &Wish, offset: u64) {
        let (attachment_id, thumbnail) = (wish.line.attachment_id.clone(), wish.thumbnail);
        self.emit(DeviceEvent::File(FileEvent::Fetching { attachment_id, thumbnail, offset }));
    }

    fn fetched(&self, wish: &Wish, offset: u64, bytes: u64) {
        let (attachment_id, thumbnail) = (wish.line.attachment_id.clone(), wish.thumbnail);
        self.emit(DeviceEvent::File(FileEvent::Fetched { attachment_id, thumbnail, offset, bytes }));
    }
}

/// What a file is called on the disk. No id holds a dot, so that no two are called the same.
fn name(attachment_id: &str, thumbnail: bool) -> String {
    format!("{PREFIX}{attachment_id}{}", if thumbnail { SMALL } else { "" })
}

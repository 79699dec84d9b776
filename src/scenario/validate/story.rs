//! Checks the steps: devices that exist, orders that can be named, things that happen before they are used.

use std::collections::{BTreeMap, BTreeSet};

use super::header::SHORTEST_INTERVAL;
use super::{Cast, at_least_one, is_name, screen, values};
use crate::base::Span;
use crate::check::ShownClaim;
use crate::history::{ServerState, Tls};
use crate::protocol::{Record, WORK_ORDER_FIELDS, field_kind};
use crate::scenario::account::{EditCached, Logout, LookUp, Select, SignIn};
use crate::scenario::action::Action;
use crate::scenario::files_step::{Attach, DiskSpace, FileSettings, Network};
use crate::scenario::outline::{Node, Place};
use crate::scenario::period::SyncEvery;
use crate::scenario::problem::{Problems, did_you_mean, one_of};
use crate::scenario::reference::labels_in;
use crate::scenario::server_step::{Call, SearchDisk, Tamper};
use crate::scenario::step::{Crash, CrashWhen, SetClock};
use crate::scenario::work_step::{DAY, Work};
use crate::scenario::{Battery, DataSaver};

/// Random bytes hold any three given ones soon enough.
const SHORTEST_WORD: usize = 7;
/// Largest body of a tampered call, in bytes.
const LARGEST_CALL: u64 = 64 << 20;

/// Longest time that a story takes.
pub(super) const LONGEST_STORY: Span = Span::new(DAY.micros() * 3660);
/// Most changes that a device makes in a day of work.
const MOST_EDITS_A_DAY: u32 = 10_000;
/// Most files of one `attach`.
const MOST_FILES: u32 = 1_000;

/// Checks all steps; `outline` is their list.
pub(super) fn check(steps: &[Action], outline: &Node, cast: &Cast<'_>, tls: Tls, problems: &mut Problems<'_>) {
    if steps.is_empty() {
        problems.add(outline.place, "a story needs at least one step", None);
    }
    let later = labels(steps, outline);
    let (created, crashed, struck) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut story = Story {
        cast,
        problems,
        later,
        created,
        crashed,
        struck,
        server: ServerState::Up,
        tls,
        lasted: Some(Span::default()),
    };
    for (index, step) in steps.iter().enumerate() {
        if story.problems.is_full() {
            return;
        }
        story.step(step, outline.item(index).body());
    }
}

/// The labels of the story, each with the line that first creates it.
pub(super) fn labels<'a>(steps: &'a [Action], outline: &Node) -> BTreeMap<&'a str, u64> {
    let mut labels = BTreeMap::new();
    for (index, step) in steps.iter().enumerate() {
        if let Some(label) = label_of(step) {
            labels.entry(label).or_insert_with(|| outline.item(index).place.line);
        }
    }
    labels
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only two steps create")]
fn label_of(step: &Action) -> Option<&str> {
    match step {
        Action::Create(create) => Some(&create.label),
        Action::OfficeCreate(create) => Some(&create.label),
        _ => None,
    }
}

/// Whether `order` has the form of an id that the server gives.
pub(super) fn is_order_id(order: &str) -> bool {
    order
        .strip_prefix("WO-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// What to write instead of `order`, given the labels that can be named.
pub(super) fn order_help<'a>(order: &str, labels: impl IntoIterator<Item = &'a str>) -> String {
    let upper = order.to_ascii_uppercase();
    if is_order_id(&upper) {
        return format!("did you mean `{upper}`?");
    }
    did_you_mean(order, labels).unwrap_or_else(|| {
        "name an order by its id, such as WO-000017, or by the label of a step that creates it".to_owned()
    })
}

/// The story so far.
pub(super) struct Story<'a, 'p, 't> {
    cast: &'a Cast<'a>,
    pub(super) problems: &'p mut Problems<'t>,
    /// Every label, with the line that creates it.
    later: BTreeMap<&'a str, u64>,
    created: BTreeSet<&'a str>,
    /// The names that crash steps used.
    crashed: BTreeSet<&'a str>,
    /// Those names with the groups of single members among them.
    struck: BTreeSet<&'a str>,
    pub(super) server: ServerState,
    pub(super) tls: Tls,
    /// How long it has lasted; nothing once it was told that this is too long.
    lasted: Option<Span>,
}

impl<'a> Story<'a, '_, '_> {
    fn step(&mut self, step: &'a Action, at: &Node) {
        match step {
            Action::Sync(device)
            | Action::ClearCache(device)
            | Action::LoseFiles(device)
            | Action::Launch(device)
            | Action::ChangePassword(device)
            | Action::Background(device)
            | Action::Foreground(device) => self.device(device, at.place),
            Action::Offline(_) | Action::Online(_) | Action::Link(_) | Action::Handover(_) | Action::Flap(_) => {
                self.network(step, at);
            }
            Action::Edit(_) | Action::EditMany(_) | Action::Create(_) | Action::Delete(_) => self.edits(step, at),
            Action::Resolve(step) => self.decides(&step.device, Some(&step.order), step.field.as_deref(), at),
            Action::Prefer(step) => self.decides(&step.device, step.order.as_deref(), Some(&step.field), at),
            Action::Undo(step) => self.decides(&step.device, Some(&step.order), step.field.as_deref(), at),
            Action::OfficeEdit(_) | Action::OfficeEditMany(_) | Action::OfficeCreate(_) | Action::OfficeDelete(_) => {
                self.office(step, at);
            }
            Action::SearchDisk(step) => self.searches(step, at),
            Action::Work(step) => self.works(step, at),
            Action::Battery(step) => self.battery(step, at),
            Action::Attach(step) => self.attaches(step, at),
            Action::OpenFile(step) => self.on(&step.device, &step.order, at),
            Action::SyncEvery(step) => self.sets_period(step, at),
            Action::FileSettings(FileSettings { device, .. })
            | Action::Network(Network { device, .. })
            | Action::DiskSpace(DiskSpace { device, .. })
            | Action::DataSaver(DataSaver { device, .. })
            | Action::Logout(Logout { device, .. })
            | Action::Clock(SetClock { device, .. }) => self.device(device, at.at("device").place),
            Action::Look(claim) => self.look(claim, at),
            Action::Wait(span) => self.waits(*span, at.place),
            Action::Crash(step) => self.crashes(step, at),
            Action::Restart(device) => self.restarts(device, at.place),
            Action::CrashServer(step) => self.server_crashes(step, at),
            Action::ServerClock(_) => {}
            Action::SignIn(sign_in) => self.signs_in(sign_in, at),
            Action::Select(select) => self.selects(select, at),
            Action::LookUp(step) => self.looks_up(step, at),
            Action::EditCached(edit) => self.edits_cached(edit, at),
            Action::Lose(_)
            | Action::Answer(_)
            | Action::Spoil(_)
            | Action::Slow(_)
            | Action::Duplicate(_)
            | Action::Garble(_)
            | Action::Replay(_)
            | Action::Refuse(_)
            | Action::CaptivePortal(_)
            | Action::Server(_)
            | Action::Revoke(_)
            | Action::Retry(_)
            | Action::Discard(_)
            | Action::Mitm(_)
            | Action::Handshake(_)
            | Action::Certificate(_)
            | Action::OldClient(_) => self.goes_wrong(step, at),
            Action::Lock(_) | Action::Unlock(_) | Action::Install(_) | Action::Uninstall(_) | Action::Steal(_) => {
                self.guards(step, at);
            }
            Action::Tamper(step) => self.tampers(step, at),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only these steps come here")]
    fn edits(&mut self, step: &'a Action, at: &Node) {
        match step {
            Action::Edit(step) => {
                self.on(&step.device, &step.order, at);
                self.fields(&step.set, at.at("set"));
            }
            Action::EditMany(step) => {
                self.device(&step.device, at.at("device").place);
                self.many(step.orders, &step.set, at);
            }
            Action::Create(step) => {
                self.cast.single(&step.device, at.at("device").place, self.problems);
                self.creates(&step.label, at.at("as").place);
                self.fields(&step.set, at.at("set"));
            }
            Action::Delete(step) => self.on(&step.device, &step.order, at),
            _ => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only these steps come here")]
    fn office(&mut self, step: &'a Action, at: &Node) {
        match step {
            Action::OfficeEdit(step) => self.changes(&step.order, &step.set, at),
            Action::OfficeEditMany(step) => self.many(step.orders, &step.set, at),
            Action::OfficeCreate(step) => {
                self.creates(&step.label, at.at("as").place);
                self.fields(&step.set, at.at("set"));
            }
            Action::OfficeDelete(step) => self.order(&step.order, at.at("order").place),
            _ => {}
        }
    }

    /// A step of a device about an order.
    pub(super) fn on(&mut self, device: &str, order: &str, at: &Node) {
        self.device(device, at.at("device").place);
        self.order(order, at.at("order").place);
    }

    fn changes(&mut self, order: &str, set: &Record, at: &Node) {
        self.order(order, at.at("order").place);
        self.fields(set, at.at("set"));
    }

    fn many(&mut self, orders: u32, set: &Record, at: &Node) {
        at_least_one(orders, "orders", at.at("orders").place, self.problems);
        self.fields(set, at.at("set"));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only these steps come here")]
    fn guards(&mut self, step: &'a Action, at: &Node) {
        match step {
            Action::Lock(device) | Action::Unlock(device) | Action::Install(device) => self.device(device, at.place),
            Action::Uninstall(step) => self.device(&step.device, at.at("device").place),
            Action::Steal(step) => self.cast.single(&step.from, at.at("from").place, self.problems),
            _ => {}
        }
    }

    fn tampers(&mut self, step: &Tamper, at: &Node) {
        self.cast.single(&step.device, at.at("device").place, self.problems);
        if step.push.is_empty() && step.call.is_empty() {
            let help = Some("list operations under `push`, or calls under `call`".to_owned());
            self.problems.add(at.place, "it sends nothing", help);
        }
        for (index, call) in step.call.iter().enumerate() {
            let node = at.at("call").item(index);
            if !call.path.starts_with('/') || call.path.contains(char::is_whitespace) {
                let help = Some("write for example `path: /api/v1/profile`".to_owned());
                self.problems.add(node.at("path").place, format!("`{}` is no path", call.path), help);
            }
            for name in call.headers.keys().filter(|name| !Call::HEADERS.contains(&name.as_str())) {
                let help = Some(one_of(name, Call::HEADERS));
                let message = format!("`{name}` is no header that a call can have");
                self.problems.add(node.at("headers").key_place(name), message, help);
            }
            if call.body.is_none() && (call.fill.is_some() || call.gzip.is_some()) {
                self.problems.add(node.place, "without a `body` there is nothing to fill or to gzip", None);
            }
            if call.fill.is_some_and(|fill| fill.bytes() > LARGEST_CALL) {
                let message = format!("`fill` is more than {LARGEST_CALL} bytes");
                self.problems.add(node.at("fill").place, message, None);
            }
        }
    }

    fn look(&mut self, claim: &ShownClaim, at: &Node) {
        self.cast.single(&claim.device, at.at("device").place, self.problems);
        for (key, order) in [("order", &claim.order), ("lacks", &claim.lacks)] {
            if let Some(order) = order {
                self.order(order, at.at(key).place);
            }
        }
        screen::check(claim, at, self.problems);
    }

    fn battery(&mut self, step: &Battery, at: &Node) {
        self.device(&step.device, at.at("device").place);
        if step.percent > 100 {
            self.problems.add(at.at("percent").place, "a battery has at most 100 percent", None);
        }
    }

    fn signs_in(&mut self, step: &SignIn, at: &Node) {
        self.device(&step.device, at.at("device").place);
        if let Some(user) = &step.user {
            self.cast.single(user, at.at("as").place, self.problems);
        }
    }

    fn selects(&mut self, step: &Select, at: &Node) {
        self.device(&step.device, at.at("device").place);
        for (key, orders) in [("orders", &step.orders), ("give-up", &step.give_up)] {
            for (index, order) in orders.iter().enumerate() {
                self.order(order, at.at(key).item(index).place);
            }
        }
        if step.from.is_some() != step.to.is_some() {
            self.problems.add(at.place, "`from` and `to` go together", None);
        }
        if step.orders.is_empty() && step.give_up.is_empty() && step.from.is_none() {
            let help = Some("name `orders`, or a time by `from` and `to`".to_owned());
            self.problems.add(at.place, "`select` picks nothing", help);
        }
    }

    fn looks_up(&mut self, step: &LookUp, at: &Node) {
        self.device(&step.device, at.at("device").place);
        if step.what.is_empty() {
            let help = Some("name `profile`, or an asset by its id".to_owned());
            self.problems.add(at.at("what").place, "`look-up` looks nothing up", help);
        }
    }

    fn edits_cached(&mut self, step: &EditCached, at: &Node) {
        self.device(&step.device, at.at("device").place);
        if step.set.is_empty() {
            self.problems.add(at.at("set").place, "`set` sets nothing", None);
        }
    }

    pub(super) fn device(&mut self, name: &str, place: Place) {
        self.cast.known(name, place, self.problems);
    }

    pub(super) fn order(&mut self, order: &str, place: Place) {
        if self.created.contains(order) || is_order_id(order) {
            return;
        }
        match self.later.get(order) {
            Some(line) => {
                let message = format!("`{order}` does not exist yet; it is created in line {line}");
                self.problems.add(place, message, None);
            }
            None => {
                let help = order_help(order, self.created.iter().copied());
                self.problems.add(place, format!("there is no order `{order}`"), Some(help));
            }
        }
    }

    fn creates(&mut self, label: &'a str, place: Place) {
        if !is_name(label) {
            let help = "use small letters, digits and hyphens".to_owned();
            self.problems.add(place, format!("`{label}` cannot be a label"), Some(help));
        }
        if !self.created.insert(label) {
            self.problems.add(place, format!("an order `{label}` has been created already"), None);
        }
    }

    fn fields(&mut self, set: &Record, at: &Node) {
        if set.is_empty() {
            self.problems.add(at.place, "`set` sets nothing", None);
        }
        for (field, value) in set {
            for label in labels_in(value) {
                self.order(label, at.at(field).place);
            }
            if !self.problems.is_full() && field_kind(field).is_none() {
                let known: Vec<&str> = WORK_ORDER_FIELDS.iter().map(|(name, _)| *name).collect();
                let message = format!("a work order has no field `{field}` that can be set");
                self.problems.add(at.key_place(field), message, Some(one_of(field, &known)));
            }
        }
        values::check(set, at, self.cast, self.problems);
    }

    /// A decision on conflicts. A field is named as they name it: a line after a slash.
    fn decides(&mut self, device: &str, order: Option<&str>, field: Option<&str>, at: &Node) {
        self.device(device, at.at("device").place);
        if let Some(order) = order {
            self.order(order, at.at("order").place);
        }
        let Some(field) = field.and_then(|field| field.split('/').next()) else { return };
        if !self.problems.is_full() && field_kind(field).is_none() {
            let known: Vec<&str> = WORK_ORDER_FIELDS.iter().map(|(name, _)| *name).collect();
            let message = format!("a work order has no field `{field}`");
            self.problems.add(at.at("field").place, message, Some(one_of(field, &known)));
        }
    }

    fn searches(&mut self, step: &SearchDisk, at: &Node) {
        self.device(&step.device, at.at("device").place);
        for (index, word) in step.words.iter().enumerate().filter(|(_, word)| word.len() < SHORTEST_WORD) {
            let message = format!("`{word}` is so short that it is found in any noise");
            let help = format!("search for words of at least {SHORTEST_WORD} characters");
            self.problems.add(at.at("for").item(index).place, message, Some(help));
        }
    }

    fn works(&mut self, step: &Work, at: &Node) {
        self.device(&step.device, at.at("device").place);
        at_least_one(step.days, "days", at.at("days").place, self.problems);
        self.lasts_on(Span::new(DAY.micros().saturating_mul(step.days.into())), at.at("days").place);
        if step.edits_a_day > MOST_EDITS_A_DAY {
            let message = format!("`edits-a-day` must be at most {MOST_EDITS_A_DAY}");
            self.problems.add(at.at("edits-a-day").place, message, None);
        }
        let Some(zone) = step.dead_zone else { return };
        let at = at.at("dead-zone");
        if zone.at_most > DAY {
            self.problems.add(at.at("at-most").place, "a daily dead zone lasts a day at most", None);
        }
        if zone.at_least > zone.at_most {
            self.problems.add(at.at("at-least").place, "`at-least` is more than `at-most`", None);
        }
    }

    fn attaches(&mut self, step: &'a Attach, at: &Node) {
        self.device(&step.device, at.at("device").place);
        self.order(&step.order, at.at("order").place);
        if !(1..=MOST_FILES).contains(&step.times) {
            let message = format!("`times` must be from 1 to {MOST_FILES}");
            self.problems.add(at.at("times").place, message, None);
        }
        if step.photo.is_some() == step.document.is_some() {
            self.problems.add(at.place, "`attach` needs either `photo` or `document`, with a size", None);
        }
        if step.broken.is_some() && step.photo.is_none() {
            self.problems.add(at.at("broken").place, "only a photo can be `broken`", None);
        }
    }

    fn sets_period(&mut self, step: &SyncEvery, at: &Node) {
        self.device(&step.device, at.at("device").place);
        if step.every.0.is_some_and(|every| every < SHORTEST_INTERVAL) {
            let message = format!("`every` must be at least {SHORTEST_INTERVAL}, or `never`");
            self.problems.add(at.at("every").place, message, None);
        }
    }

    fn waits(&mut self, span: Span, place: Place) {
        if span == Span::default() {
            self.problems.add(place, "a wait must last some time", None);
        }
        self.lasts_on(span, place);
    }

    /// Adds to how long the story lasts.
    fn lasts_on(&mut self, span: Span, place: Place) {
        let Some(lasted) = self.lasted else { return };
        let lasts = Span::new(lasted.micros().saturating_add(span.micros()));
        self.lasted = Some(lasts).filter(|lasts| *lasts <= LONGEST_STORY);
        if self.lasted.is_none() {
            let message = format!("with this the story lasts {lasts}; {LONGEST_STORY} is the most, ten years");
            self.problems.add(place, message, None);
        }
    }

    fn crashes(&mut self, step: &'a Crash, at: &Node) {
        self.device(&step.device, at.at("device").place);
        self.crashed.insert(&step.device);
        self.struck.extend(self.cast.find(&step.device).map(|device| device.name.as_str()));
        match (step.when, step.operation) {
            (CrashWhen::DiskOperation, Some(operation)) => {
                at_least_one(operation, "operation", at.at("operation").place, self.problems);
            }
            (CrashWhen::DiskOperation, None) => {
                let help = Some("add for example `operation: 3`, the third write from now".to_owned());
                self.problems.add(at.at("when").place, "`when: disk-operation` needs `operation`", help);
            }
            (_, Some(_)) => {
                let message = "`operation` goes with `when: disk-operation` alone";
                self.problems.add(at.key_place("operation"), message, None);
            }
            (_, None) => {}
        }
        self.dies_at_exchange(step, at);
    }

    fn restarts(&mut self, device: &str, place: Place) {
        self.device(device, place);
        let Some(found) = self.cast.find(device) else { return };
        let whole = found.name == device && self.struck.contains(device);
        if !whole && !self.crashed.contains(device) && !self.crashed.contains(found.name.as_str()) {
            let message = format!("no step before this one crashes `{device}`");
            self.problems.add(place, message, None);
        }
    }
}

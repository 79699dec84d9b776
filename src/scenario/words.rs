//! Steps in words, for histories and reports: `maria edits WO-000017: status = completed`.

use std::fmt;

use serde_json::Value;

use super::account::{EditCached, Select};
use super::action::Action;
use super::faults::server_words;
use super::platform::DataSaver;
use super::security;
use super::step::{Crash, CrashWhen, OfflineHow, Prefer, Resolve};
use crate::base::CrashHow;
use crate::check::ShownClaim;
use crate::history::Phase;
use crate::protocol::Record;

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sync(device) => write!(f, "{device} syncs"),
            Self::Offline(step) => write!(f, "{} goes offline: {}", step.device, step.how),
            Self::Online(device) => write!(f, "{device} comes back online"),
            Self::Link(step) => step.fmt(f),
            Self::Handover(device) => write!(f, "{device} gets another address"),
            Self::Flap(step) => step.fmt(f),
            Self::Edit(step) => write!(f, "{} edits {}: {}", step.device, step.order, Fields(&step.set)),
            Self::EditMany(step) => {
                write!(f, "{} edits the first {} orders: {}", step.device, step.orders, Fields(&step.set))
            }
            Self::Create(step) => write!(f, "{} creates `{}`: {}", step.device, step.label, Fields(&step.set)),
            Self::Delete(step) => write!(f, "{} deletes {}", step.device, step.order),
            Self::Resolve(step) => step.fmt(f),
            Self::Prefer(step) => step.fmt(f),
            Self::Undo(step) => write!(f, "{} takes the decision on {} back", step.device, step.order),
            Self::OfficeEdit(step) => write!(f, "the office edits {}: {}", step.order, Fields(&step.set)),
            Self::OfficeEditMany(step) => {
                write!(f, "the office edits the first {} orders: {}", step.orders, Fields(&step.set))
            }
            Self::OfficeCreate(step) => write!(f, "the office creates `{}`: {}", step.label, Fields(&step.set)),
            Self::OfficeDelete(step) => write!(f, "the office deletes {}", step.order),
            Self::Launch(device) => write!(f, "the user of {device} opens the app anew"),
            Self::Background(device) => write!(f, "{device} puts the app in the background"),
            Self::Foreground(device) => write!(f, "{device} brings the app to the foreground"),
            Self::Battery(step) => step.fmt(f),
            Self::DataSaver(DataSaver { device, on }) => write!(f, "the data saver of {device} is {}", on_off(*on)),
            Self::Attach(_) | Self::FileSettings(_) | Self::Network(_) | Self::DiskSpace(_) => about_files(self, f),
            Self::OpenFile(step) => step.fmt(f),
            Self::LoseFiles(device) => write!(f, "the files of {device} vanish from its disk"),
            Self::SyncEvery(step) => step.fmt(f),
            Self::Look(claim) => look(claim, f),
            Self::SearchDisk(step) => write!(f, "the disk of {} is searched", step.device),
            Self::Work(step) => step.fmt(f),
            Self::Wait(span) => write!(f, "{span} pass"),
            Self::Lose(step) => step.fmt(f),
            Self::Crash(step) => step.fmt(f),
            Self::Restart(device) => write!(f, "{device} starts again"),
            Self::ClearCache(device) => write!(f, "{device} clears its cache"),
            Self::Logout(step) if step.force => write!(f, "{} logs out, whatever is lost", step.device),
            Self::Logout(step) => write!(f, "{} logs out", step.device),
            Self::SignIn(step) => step.fmt(f),
            Self::Select(step) => step.fmt(f),
            Self::LookUp(step) => write!(f, "{} looks up {}", step.device, step.what),
            Self::EditCached(step) => step.fmt(f),
            Self::Clock(step) => write!(f, "the clock of {} is set {}", step.device, step.by.words()),
            Self::Answer(step) => step.fmt(f),
            Self::Spoil(step) => step.fmt(f),
            Self::Slow(step) => step.fmt(f),
            Self::Duplicate(step) => step.fmt(f),
            Self::Garble(step) => step.fmt(f),
            Self::Replay(step) => step.fmt(f),
            Self::Refuse(step) => step.fmt(f),
            Self::CaptivePortal(step) => step.fmt(f),
            Self::Server(state) => write!(f, "the server {}", server_words(*state)),
            Self::Revoke(device) => write!(f, "the office ends the sessions of {device}'s user"),
            Self::Retry(step) => write!(f, "{} tries the failed change of {} again", step.device, step.order),
            Self::Discard(step) => write!(f, "{} gives up the failed change of {}", step.device, step.order),
            Self::CrashServer(step) => step.fmt(f),
            Self::ServerClock(step) => write!(f, "the server's clock is set {}", step.by.words()),
            Self::Lock(_) | Self::Unlock(_) | Self::Install(_) | Self::Uninstall(_) | Self::Steal(_) => {
                security::words(self, f)
            }
            Self::ChangePassword(device) => write!(f, "the office gives the user of {device} another password"),
            Self::Mitm(_) | Self::Handshake(_) | Self::Certificate(_) | Self::OldClient(_) => tls_words(self, f),
            Self::Tamper(step) => step.fmt(f),
        }
    }
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps about files here")]
fn about_files(action: &Action, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match action {
        Action::Attach(step) => write!(f, "{step}"),
        Action::FileSettings(step) => write!(f, "{step}"),
        Action::Network(step) => write!(f, "{step}"),
        Action::DiskSpace(step) => write!(f, "{step}"),
        _ => Ok(()),
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} picks what to sync: {}", self.device, self.orders.join(", "))?;
        if let (Some(from), Some(to)) = (&self.from, &self.to) {
            write!(f, "from {from} to {to}")?;
        }
        if self.give_up.is_empty() { Ok(()) } else { write!(f, "; no more {}", self.give_up.join(", ")) }
    }
}

impl fmt::Display for EditCached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tries to change {}: {}", self.device, self.record, Fields(&self.set))
    }
}

impl fmt::Display for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.field.as_deref().map(|field| format!("{field} of ")).unwrap_or_default();
        write!(f, "{} decides the conflict on {of}{}: keep {}", self.device, self.order, self.with)
    }
}

impl fmt::Display for Prefer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = self.order.as_deref().unwrap_or("every order");
        write!(f, "{} saves for later conflicts on {} of {of}: ", self.device, self.field)?;
        match self.with.side() {
            Some(side) => write!(f, "keep {side}"),
            None => f.write_str("ask"),
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps about TLS here")]
fn tls_words(step: &Action, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match step {
        Action::Mitm(step) => write!(f, "{step}"),
        Action::Handshake(step) => write!(f, "{step}"),
        Action::Certificate(step) => write!(f, "{step}"),
        Action::OldClient(device) => write!(f, "a client of yesterday tries the server in the place of {device}"),
        _ => Ok(()),
    }
}

/// The claim as the file has it, without its braces.
fn look(claim: &ShownClaim, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "a look at {}", claim.device)?;
    let Ok(Value::Object(fields)) = serde_json::to_value(claim) else { return Ok(()) };
    for (name, value) in fields.iter().filter(|(name, _)| *name != "device") {
        match value.as_str() {
            Some(text) => write!(f, ", {name} {text}")?,
            None => write!(f, ", {name} {value}")?,
        }
    }
    Ok(())
}

impl fmt::Display for OfflineHow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Airplane => "airplane mode",
            Self::DeadZone => "dead zone",
            Self::NoUplink => "no uplink",
            Self::NoDownlink => "no downlink",
            Self::NoDns => "no names resolved",
        })
    }
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            CrashHow::Kill => "process killed",
            CrashHow::Power => "power lost",
            CrashHow::Torn => "power lost in a write",
        };
        let of = match self.of {
            Phase::Push => "push",
            Phase::Pull => "pull",
            Phase::Files => "upload",
        };
        let device = &self.device;
        let of = match self.nth {
            1 => format!("next {of}{}", self.only),
            nth => format!("{of} number {nth} from now{}", self.only),
        };
        match self.when {
            CrashWhen::Now => write!(f, "{device} crashes: {how}"),
            CrashWhen::BeforeRequest => write!(f, "{device} will crash before its {of}: {how}"),
            CrashWhen::AfterCommit => write!(f, "{device} will crash before the answer to its {of}: {how}"),
            CrashWhen::AfterAnswer => write!(f, "{device} will crash after the answer to its {of}: {how}"),
            CrashWhen::DiskOperation => {
                write!(f, "{device} will crash at disk operation {} from now: {how}", self.operation.unwrap_or(1))
            }
        }
    }
}

/// Fields and values in words: `status = completed, priority = high`.
struct Fields<'a>(&'a Record);

impl fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match value.as_str() {
                Some(text) => write!(f, "{comma}{field} = {text}")?,
                None => write!(f, "{comma}{field} = {value}")?,
            }
        }
        Ok(())
    }
}

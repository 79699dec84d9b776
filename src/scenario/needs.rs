//! What a scenario needs of the client that it is played with. Where that is a team's own, what it lacks decides which
//! scenarios are skipped, and with which reason.

use super::action::Action;
use super::file::Scenario;
use crate::check::Claim;
use crate::history::Capability as Can;
use crate::history::Tls;

/// Something that a scenario needs, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What.
    pub capability: Can,
    /// Which line of the scenario, which claim or which requirement needs it.
    pub by: String,
}

impl Scenario {
    /// What a client must be able to do and to tell for this scenario to mean anything.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        let mut needs = Vec::new();
        let mut need = |by: String, all: &[Can]| {
            needs.extend(all.iter().map(|capability| Need { capability: *capability, by: by.clone() }));
        };
        if self.world.tls != Tls::None {
            need("its world".into(), &[Can::Tls]);
        }
        if !self.world.sealed.is_empty() {
            need("its world".into(), &[Can::Sealing]);
        }
        for device in &self.devices {
            let page: &[Can] = if device.page.is_some() { &[Can::Page] } else { &[] };
            need(format!("the page size of {}", device.name), page);
            let skewed: &[Can] = if device.clock.millis() == 0 { &[] } else { &[Can::Clock] };
            need(format!("the clock of {}", device.name), skewed);
        }
        for step in &self.steps {
            need(at(step.line, &step.text()), of_step(&step.action));
        }
        for (claim, line) in self.claims().iter().zip(self.claim_lines()) {
            need(at(line, "what is claimed"), of_claim(claim));
        }
        for id in &self.covers {
            need(format!("requirement {id}"), of_requirement(id));
        }
        needs
    }

    /// Why a client that lacks `lacks` cannot be judged by this scenario; `None` when it can.
    #[must_use]
    pub fn beyond(&self, lacks: &[Can]) -> Option<String> {
        let missing = self.needs().into_iter().find(|need| lacks.contains(&need.capability))?;
        Some(format!("the client does not offer `{}`, which {} needs", missing.capability, missing.by))
    }
}

fn at(line: u64, what: &str) -> String {
    if line == 0 { what.to_owned() } else { format!("line {line} ({what})") }
}

fn of_step(action: &Action) -> &'static [Can] {
    match action {
        Action::Create(_) => &[Can::Create],
        Action::Delete(_) => &[Can::Delete],
        Action::Work(_) => &[Can::Create, Can::Delete],
        Action::Resolve(_) | Action::Undo(_) => &[Can::Resolve],
        Action::Prefer(_) => &[Can::Prefer],
        Action::Background(_)
        | Action::Foreground(_)
        | Action::Battery(_)
        | Action::DataSaver(_)
        | Action::Network(_) => &[Can::Circumstances],
        Action::Attach(_)
        | Action::OpenFile(_)
        | Action::FileSettings(_)
        | Action::DiskSpace(_)
        | Action::LoseFiles(_) => &[Can::Attach],
        Action::SyncEvery(_) => &[Can::Triggers],
        Action::Clock(_) => &[Can::Clock],
        Action::Answer(answer) if answer.status == 401 => &[Can::Refresh],
        Action::Revoke(_) | Action::ChangePassword(_) => &[Can::Refresh],
        Action::Retry(_) | Action::Discard(_) => &[Can::FailedChanges],
        Action::ClearCache(_) => &[Can::ClearCache],
        Action::Logout(_) | Action::SignIn(_) => &[Can::LogOut],
        Action::Select(_) => &[Can::Select],
        Action::LookUp(_) => &[Can::LookUp],
        Action::Mitm(_) | Action::Handshake(_) | Action::Certificate(_) | Action::OldClient(_) => &[Can::Tls],
        // Their claims come with those of the end.
        Action::Look(_)
        | Action::Sync(_)
        | Action::Offline(_)
        | Action::Online(_)
        | Action::Link(_)
        | Action::Handover(_)
        | Action::Flap(_)
        | Action::Edit(_)
        | Action::EditMany(_)
        | Action::EditCached(_)
        | Action::OfficeEdit(_)
        | Action::OfficeEditMany(_)
        | Action::OfficeCreate(_)
        | Action::OfficeDelete(_)
        | Action::Launch(_)
        | Action::SearchDisk(_)
        | Action::Wait(_)
        | Action::Lose(_)
        | Action::Crash(_)
        | Action::Restart(_)
        | Action::Answer(_)
        | Action::Spoil(_)
        | Action::Slow(_)
        | Action::Duplicate(_)
        | Action::Garble(_)
        | Action::Replay(_)
        | Action::Refuse(_)
        | Action::CaptivePortal(_)
        | Action::Server(_)
        | Action::CrashServer(_)
        | Action::ServerClock(_)
        | Action::Lock(_)
        | Action::Unlock(_)
        | Action::Uninstall(_)
        | Action::Install(_)
        | Action::Steal(_)
        | Action::Tamper(_) => &[],
    }
}

fn of_claim(claim: &Claim) -> &'static [Can] {
    match claim {
        Claim::Conflict(_) | Claim::Conflicts(_) => &[Can::Conflicts],
        Claim::Undecided(_) | Claim::Decided(_) => &[Can::Resolve],
        Claim::Removed(_) | Claim::Rescued(_) => &[Can::Removals],
        Claim::Rejected(_) => &[Can::Notices],
        Claim::Took(_) | Claim::Bytes(_) | Claim::Documents(_) | Claim::Failed(_) => &[Can::Syncs],
        Claim::Syncs(_) => &[Can::Syncs, Can::Triggers],
        Claim::Waits(_) | Claim::Escalated(_) => &[Can::Backoff],
        Claim::Pushed(_) => &[Can::Priorities],
        Claim::Warned(_) => &[Can::LogOut],
        Claim::Shown(_) | Claim::Look { .. } => &[Can::Status, Can::Changes],
        Claim::Acked(_) => &[Can::Triggers],
        Claim::Uploads(_) | Claim::Opened(_) => &[Can::Attach],
        Claim::Server(_)
        | Claim::ServerLacks(_)
        | Claim::Device(_)
        | Claim::DeviceLacks(_)
        | Claim::Requests(_)
        | Claim::Peak(_)
        | Claim::Compressed(_)
        | Claim::FetchedAgain(_)
        | Claim::Stock(_)
        | Claim::DeadLetter(_)
        | Claim::Tampered(_) => &[],
    }
}

/// What no client without it can be said to keep to.
fn of_requirement(id: &str) -> &'static [Can] {
    match id {
        "1.1/auto-resolve" | "3.1B/conflicts" | "7.1/version" | "F2" => &[Can::Conflicts],
        "4.1/increment" | "5.1/refresh" => &[],
        "4.3/preference" => &[Can::Prefer],
        "4.4/audit" => &[Can::Audit, Can::Conflicts],
        "1.1/critical-first" | "F8" => &[Can::Priorities],
        "2.3/profile" => &[Can::LookUp],
        "2.3/selective" => &[Can::Select],
        "5.3/status" => &[Can::Status],
        "5.3/icons" | "7.3/queue-view" => &[Can::Changes],
        "7.3/failed" | "7.1/validation" => &[Can::Notices],
        "7.1/not-found" | "7.1/permission" => &[Can::Removals],
        "7.1/network" | "7.1/server" | "F6" => &[Can::Backoff],
        "7.1/auth" | "F5" | "8.2/access" | "8.2/refresh" => &[Can::Refresh],
        "8.3/e2e" => &[Can::Sealing],
        "8.3/tls13" | "8.3/pinning" | "X4" => &[Can::Tls],
        "8.4/clear" | "F9" => &[Can::ClearCache],
        "8.4/logout" => &[Can::LogOut],
        "F3" => &[Can::Create],
        "F4" | "P3" => &[Can::Attach],
        _ => match id.split_once('/').map(|(section, _)| section) {
            Some("4.3") => &[Can::Resolve],
            Some("4.1" | "4.2") => &[Can::Conflicts],
            Some("5.1") => &[Can::Triggers],
            Some("5.2") => &[Can::Priorities],
            Some("6.2") => &[Can::Attach],
            Some("6.4") => &[Can::LookUp],
            Some("7.2") => &[Can::Backoff],
            _ => &[],
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Capability;
    use crate::scenario::{Options, Scenario, parse};

    fn scenario(covers: &str, step: &str) -> Scenario {
        let text = format!("name: x\ncovers: [{covers}]\ndevices: {{ maria: {{}} }}\nsteps:\n  - {step}\n");
        parse(&text, "x.yaml", &Options { known_links: &["wifi"] }).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn what_a_step_needs_is_named_with_its_line() {
        let why = scenario("F1", "create: { device: maria, as: new, set: { title: x } }").beyond(&[Capability::Create]);
        let why = why.expect("a reason");
        assert!(why.starts_with("the client does not offer `create`, which line 5 (maria creates"), "{why}");
    }

    #[test]
    fn a_requirement_that_cannot_be_shown_skips_its_scenario() {
        let story = scenario("5.3/status", "sync: maria");
        let why = story.beyond(&[Capability::Status]).expect("a reason");
        assert_eq!(why, "the client does not offer `status`, which requirement 5.3/status needs");
        assert_eq!(story.beyond(&[Capability::Attach]), None);
    }

    #[test]
    fn a_plain_story_needs_nothing() {
        assert_eq!(scenario("F1", "sync: maria").beyond(&Capability::ALL), None);
    }
}

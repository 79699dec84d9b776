//! What a client can be asked for, and what it tells of itself, beyond what every client must: one that lacks something is
//! not judged by it, and it is never said that it passed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that not every client can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// It makes orders, offline too.
    Create,
    /// It deletes orders.
    Delete,
    /// It shows conflicts that wait for a choice, takes the choice, and takes it back.
    Resolve,
    /// It saves choices for later conflicts.
    Prefer,
    /// Failed changes can be tried again, given up, and corrected.
    FailedChanges,
    /// It syncs orders that the user picks.
    Select,
    /// It shows the user's profile and single assets, cached as the server allows.
    LookUp,
    /// It clears its cache.
    ClearCache,
    /// It logs its user out, with a warning, and lets another sign in.
    LogOut,
    /// It attaches files, and shows those of others.
    Attach,
    /// It minds screen, battery and network.
    Circumstances,
    /// Its wall clock can be set wrong.
    Clock,
    /// It keeps its access token in memory alone and refreshes it.
    Refresh,
    /// It reaches the server over TLS, as `tls` says.
    Tls,
    /// It seals the fields that the server names to the devices that may read them, and opens what is sealed to it.
    Sealing,
    /// It starts syncs by itself, by the triggers and the period that it is given.
    Triggers,
    /// It tries again by itself, by the table of waits.
    Backoff,
    /// It has pages of the size that it is told.
    Page,
    /// It sends by the ten priorities.
    Priorities,
    /// Its state has `queue`, and it says `opened` with what it found there.
    Queue,
    /// It says when syncs and their halves begin and end.
    Syncs,
    /// It has a status line, and says when that changes.
    Status,
    /// It has a view of its changes, and icons, and says when they change.
    Changes,
    /// It keeps a conflict log.
    Conflicts,
    /// It keeps an audit log.
    Audit,
    /// It shows changes that failed.
    Notices,
    /// It says which records leave it, and keeps what was pending on them in a rescue log.
    Removals,
}

impl Capability {
    /// All of them, in the order of the documents.
    pub const ALL: [Self; 27] = [
        Self::Create,
        Self::Delete,
        Self::Resolve,
        Self::Prefer,
        Self::FailedChanges,
        Self::Select,
        Self::LookUp,
        Self::ClearCache,
        Self::LogOut,
        Self::Attach,
        Self::Circumstances,
        Self::Clock,
        Self::Refresh,
        Self::Tls,
        Self::Sealing,
        Self::Triggers,
        Self::Backoff,
        Self::Page,
        Self::Priorities,
        Self::Queue,
        Self::Syncs,
        Self::Status,
        Self::Changes,
        Self::Conflicts,
        Self::Audit,
        Self::Notices,
        Self::Removals,
    ];

    /// As greetings and reports name it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Resolve => "resolve",
            Self::Prefer => "prefer",
            Self::FailedChanges => "failed-changes",
            Self::Select => "select",
            Self::LookUp => "look-up",
            Self::ClearCache => "clear-cache",
            Self::LogOut => "log-out",
            Self::Attach => "attach",
            Self::Circumstances => "circumstances",
            Self::Clock => "clock",
            Self::Refresh => "refresh",
            Self::Tls => "tls",
            Self::Sealing => "sealing",
            Self::Triggers => "triggers",
            Self::Backoff => "backoff",
            Self::Page => "page",
            Self::Priorities => "priorities",
            Self::Queue => "queue",
            Self::Syncs => "syncs",
            Self::Status => "status",
            Self::Changes => "changes",
            Self::Conflicts => "conflicts",
            Self::Audit => "audit",
            Self::Notices => "notices",
            Self::Removals => "removals",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_has_one_name() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.word());
        }
    }
}

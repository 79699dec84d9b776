//! What a user may, by role and sites.

use crate::protocol::Profile;

/// What a user may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Sees their own work.
    Technician,
    /// Sees all work of their sites; of all sites when they have none.
    Supervisor,
    /// Sees everything, changes nothing.
    Auditor,
}

impl Role {
    /// The role called `name`; the least for a name that is not known.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "supervisor" => Self::Supervisor,
            "auditor" => Self::Auditor,
            _ => Self::Technician,
        }
    }

    /// The role of `profile`.
    pub(super) fn of(profile: &Profile) -> Self {
        Self::named(&profile.role)
    }
}

/// Whether a user with sites looks after `site`.
pub(super) fn oversees(profile: &Profile, site: Option<&str>) -> bool {
    profile.site_ids.is_empty() || site.is_some_and(|site| profile.site_ids.iter().any(|mine| mine == site))
}

//! Bytes by purpose: what a device's data allowance was spent on (spec 1.1, 6).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::{History, MessageKind, What};

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Handshakes of TLS.
    Handshakes,
    /// Sign-in and refresh.
    SignIn,
    /// The user's own profile.
    Profile,
    /// Specs of assets.
    Assets,
    /// Changes that come down.
    Pull,
    /// Changes that go up.
    Push,
    /// What the user picks to sync.
    Selection,
    /// Files that go up or come down.
    Attachments,
    /// Their thumbnails.
    Thumbnails,
    /// Anything else.
    Other,
}

impl Purpose {
    /// What a request of `kind` is for.
    fn of(kind: &MessageKind) -> Self {
        match kind {
            MessageKind::SignIn | MessageKind::Refresh => Self::SignIn,
            MessageKind::Profile => Self::Profile,
            MessageKind::Asset => Self::Assets,
            MessageKind::Delta { .. } | MessageKind::DeltaAnswer { .. } => Self::Pull,
            MessageKind::Push { .. } | MessageKind::PushAnswer { .. } => Self::Push,
            MessageKind::Selection | MessageKind::SelectionAnswer { .. } => Self::Selection,
            MessageKind::File { thumbnail: true, .. } => Self::Thumbnails,
            MessageKind::File { .. }
            | MessageKind::FileAnswer { .. }
            | MessageKind::Upload(_)
            | MessageKind::UploadAnswer { .. } => Self::Attachments,
            MessageKind::NotModified | MessageKind::Problem { .. } | MessageKind::Other { .. } => Self::Other,
        }
    }

    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Handshakes => "handshakes",
            Self::SignIn => "sign-in",
            Self::Profile => "profile",
            Self::Assets => "assets",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Selection => "selection",
            Self::Attachments => "attachments",
            Self::Thumbnails => "thumbnails",
            Self::Other => "other",
        }
    }
}

/// Bytes in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bytes {
    /// From devices to the proxy, heads and bodies.
    pub up: u64,
    /// From the proxy to devices, of answers that it passed on.
    pub down: u64,
}

/// The bytes of `history` by what they were for. An answer is for what its request was for.
pub(super) fn of(history: &History) -> BTreeMap<Purpose, Bytes> {
    let mut asked = BTreeMap::new();
    let mut traffic: BTreeMap<Purpose, Bytes> = BTreeMap::new();
    for event in &history.0 {
        if let What::Secured { up, down, .. } = &event.what {
            let spent = traffic.entry(Purpose::Handshakes).or_default();
            (spent.up, spent.down) = (spent.up + up, spent.down + down);
        }
        if let What::Request(message) = &event.what {
            let purpose = Purpose::of(&message.kind);
            asked.insert(message.exchange, purpose);
            traffic.entry(purpose).or_default().up += message.bytes;
        }
        if let What::Answer(message) = &event.what
            && message.delivered
        {
            let purpose = asked.get(&message.exchange).copied().unwrap_or(Purpose::Other);
            traffic.entry(purpose).or_default().down += message.bytes;
        }
    }
    traffic
}

/// The bytes of several histories together.
pub(super) fn sum<'t>(all: impl Iterator<Item = &'t BTreeMap<Purpose, Bytes>>) -> BTreeMap<Purpose, Bytes> {
    let mut sum: BTreeMap<Purpose, Bytes> = BTreeMap::new();
    for (purpose, bytes) in all.flatten() {
        let whole = sum.entry(*purpose).or_default();
        (whole.up, whole.down) = (whole.up + bytes.up, whole.down + bytes.down);
    }
    sum
}

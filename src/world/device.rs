//! What a scenario can ask of a client, whatever that client is: the reference engine in this process, or a child
//! process that speaks the same words as JSON lines (`docs/DEVICE_PROTOCOL.md`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use super::platform::Platform;
use crate::base::CrashHow;
use crate::client::FileSettings;
use crate::disk::WriteLog;
use crate::history::{Circumstance, DeviceState, OperationRecord, Side, SyncOutcome};
use crate::protocol::{Record, SelectionRequest};

/// See [`Device::disk`].
#[derive(Clone, Debug, Default)]
pub struct DiskContent {
    /// What was written.
    pub written: WriteLog,
    /// The secrets that were ever kept elsewhere, with their names.
    pub secrets: Vec<(String, String)>,
}

/// A request to a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Sign in; needs the network.
    SignIn {
        /// The user's id.
        user: String,
        /// The user's password.
        password: String,
        /// What the user's authenticator shows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Change fields of a work order.
    Edit {
        /// The order's id on this device.
        order: String,
        /// The fields.
        set: Record,
    },
    /// Make a work order.
    Create {
        /// Its fields.
        set: Record,
    },
    /// Delete a work order.
    Delete {
        /// The order's id on this device.
        order: String,
    },
    /// Keep a side of a conflict.
    Resolve {
        /// The order's id on this device.
        order: String,
        /// The field; all that wait for a choice when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
        /// The side.
        with: Side,
    },
    /// Save which side to keep in later conflicts.
    Prefer {
        /// The order's id on this device; every order when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<String>,
        /// The field.
        field: String,
        /// The side; to be asked again when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<Side>,
    },
    /// Take the latest choice on a conflict back.
    Undo {
        /// The order's id on this device.
        order: String,
        /// The field; any when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
    },
    /// Clear the cache; a full pull follows by itself.
    ClearCache,
    /// Pick what to sync beyond one's own; needs the network.
    Select(SelectionRequest),
    /// Look up the user's profile, or an asset.
    LookUp {
        /// `profile`, or an asset's id.
        what: String,
    },
    /// Log the user out.
    LogOut {
        /// The user has been warned of what would be lost.
        force: bool,
    },
    /// Push and pull now, and answer when that has ended.
    Sync,
    /// The operating system says whether there is a network.
    Connectivity {
        /// Whether there is.
        online: bool,
    },
    /// The operating system tells of screen, battery and network.
    Told {
        /// What.
        what: Circumstance,
    },
    /// The user or the operating system sets the wall clock.
    Clock {
        /// How far it is ahead of the truth from now on, in milliseconds.
        skew_ms: i64,
    },
    /// The user has the failed changes of an order tried again, at once.
    Retry {
        /// The order's id on this device.
        order: String,
    },
    /// The user gives up the failed changes of an order.
    Discard {
        /// The order's id on this device.
        order: String,
    },
    /// Attach a file to a work order.
    Attach {
        /// The order's id on this device.
        order: String,
        /// As the user knows it.
        file_name: String,
        /// Its media type.
        mime_type: String,
        /// The file, in base64.
        content: Content,
        /// Nobody who sees the order should be without it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        critical: bool,
    },
    /// Set how files are synced.
    FileSettings(FileSettingsChange),
    /// Show a file of a work order, now or when it has come.
    OpenFile {
        /// The order's id on this device.
        order: String,
        /// The file's name; the order's latest when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
    },
    /// Set how often it syncs by itself.
    SyncEvery {
        /// In milliseconds; never when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        every_ms: Option<u64>,
    },
    /// Show one order.
    Read {
        /// The order's id on this device.
        order: String,
    },
    /// Show everything.
    State,
}

/// See [`Ask::FileSettings`]; what is absent stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileSettingsChange {
    /// Files go up over WiFi alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wifi_only: Option<bool>,
    /// Thumbnails are fetched on a cellular network, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails_on_cellular: Option<bool>,
    /// Whole pictures are fetched on a cellular network, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_images_on_cellular: Option<bool>,
    /// Photos are made smaller before they go up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress_photos: Option<bool>,
}

impl FileSettingsChange {
    /// `settings` with the change.
    pub(super) fn over(self, settings: FileSettings) -> FileSettings {
        FileSettings {
            wifi_only: self.wifi_only.unwrap_or(settings.wifi_only),
            thumbnails_on_cellular: self.thumbnails_on_cellular.unwrap_or(settings.thumbnails_on_cellular),
            full_images_on_cellular: self.full_images_on_cellular.unwrap_or(settings.full_images_on_cellular),
            compress_photos: self.compress_photos.unwrap_or(settings.compress_photos),
        }
    }
}

/// The bytes of a file, in base64 where they are written.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(pub Vec<u8>);

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.0.len())
    }
}

impl Serialize for Content {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A device's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done,
    /// The change is stored for good and will carry this id.
    Made(Box<OperationRecord>),
    /// The sync has ended.
    Synced(SyncOutcome),
    /// It did not log out: so many changes that the server does not have would be lost.
    Unsynced(u64),
    /// The order's row; none when the device shows no such order.
    Row(Option<Record>),
    /// All of it.
    State(Box<DeviceState>),
    /// It cannot be done; nothing changed.
    Refused(String),
}

/// Why a device gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// It crashed under the request, which may or may not have taken effect.
    Crashed,
    /// It does not run.
    NotRunning,
    /// It is locked, and its app cannot work.
    Locked,
    /// It broke the protocol: in words.
    Broken(String),
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crashed => f.write_str("the device crashed"),
            Self::Locked => f.write_str("the device is locked: its app gets no key"),
            Self::NotRunning => f.write_str("the device is not running: restart it first"),
            Self::Broken(why) => write!(f, "the device broke the protocol: {why}"),
        }
    }
}

impl std::error::Error for DeviceError {}

/// A client under test.
pub trait Device {
    /// Asks, and waits for the answer.
    fn ask(&self, ask: Ask) -> LocalBoxFuture<'_, Result<Reply, DeviceError>>;

    /// Ends it without warning; its disk keeps what `how` leaves.
    fn crash(&self, how: CrashHow);

    /// Arms the disk to cut itself at its `after`-th operation from now, which takes the device down and fires `fault`,
    /// unless that has been recorded. Says whether this device can do that.
    fn crash_at_disk_operation(&self, after: u64, how: CrashHow, fault: Option<u64>) -> bool;

    /// All that was written to its disk since this was last asked, and the secrets that should not be in it; `None` where
    /// it cannot be told.
    fn disk(&self) -> Option<DiskContent>;

    /// Lets its disk take so many bytes more and no further; any number when `None`. Says whether it can do that.
    fn limit_disk(&self, free: Option<usize>) -> bool;

    /// Removes its files from under it, and nothing else. Says whether it can do that.
    fn lose_files(&self) -> bool;

    /// Every text in its database, in the clear; `None` where it cannot be told.
    fn inside(&self) -> Option<Vec<u8>>;

    /// Operations that have changed its disk so far; `None` where it cannot be told.
    fn disk_operations(&self) -> Option<u64>;

    /// How many bytes [`Device::disk`] would give.
    fn unsearched(&self) -> usize;

    /// The platform under it; `None` where it is out of reach.
    fn platform(&self) -> Option<&dyn Platform>;

    /// Takes an armed cut of the disk back.
    fn disarm(&self);

    /// Starts it, on what its disk holds; `online` is what the operating system says of the network.
    fn start(&self, online: bool) -> LocalBoxFuture<'_, Result<(), DeviceError>>;

    /// Whether it runs.
    fn is_running(&self) -> bool;

    /// Whether it broke the protocol, so that nobody talks to it any more.
    fn given_up(&self) -> bool {
        false
    }
}

//! Steps about files: what users attach, and what they set about it (spec 6.2).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::faults::{is_one, one};
use crate::base::Size;

/// See [`Action::Attach`](super::Action::Attach).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Attach {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// A photo of about so many bytes, as a camera takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub photo: Option<Size>,
    /// A document of so many bytes.
    #[schemars(example = "document: 2MB")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Size>,
    /// What is wrong with it.
    #[schemars(example = "broken: truncated")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
    /// Nobody who sees the order should be without it: it comes to their devices by itself.
    #[schemars(example = "critical: true")]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub critical: bool,
    /// So many of them, one after the other; 1 when absent.
    #[schemars(example = "times: 10")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
}

/// What can be wrong with a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Broken {
    /// The second half of it is missing.
    Truncated,
    /// A few bytes that claim to be a picture of gigabytes.
    Bomb,
    /// There is nothing in it.
    Empty,
    /// It is something else.
    NoPicture,
}

/// See [`Action::OpenFile`](super::Action::OpenFile).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenFile {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
    /// The file's name; the order's latest when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// See [`Action::FileSettings`](super::Action::FileSettings). What is absent stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileSettings {
    /// The device or group.
    pub device: String,
    /// Files go up over WiFi alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wifi_only: Option<bool>,
    /// Thumbnails are fetched on a cellular network, too.
    #[schemars(example = "thumbnails-on-cellular: true")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails_on_cellular: Option<bool>,
    /// Whole pictures are fetched on a cellular network, too.
    #[schemars(example = "full-images-on-cellular: true")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_images_on_cellular: Option<bool>,
    /// Photos are made smaller before they go up.
    #[schemars(example = "compress-photos: false")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compress_photos: Option<bool>,
}

/// See [`Action::Network`](super::Action::Network).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Network {
    /// The device or group.
    pub device: String,
    /// Which kind it is now.
    pub kind: NetworkKind,
}

/// Kinds of networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// It costs nothing.
    Wifi,
    /// Each byte costs.
    Cellular,
}

/// See [`Action::DiskSpace`](super::Action::DiskSpace).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DiskSpace {
    /// The device or group.
    pub device: String,
    /// So much can still be written; any amount when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Size>,
}

impl fmt::Display for Attach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} attaches to {}: ", self.device, self.order)?;
        if self.times > 1 {
            write!(f, "{} times ", self.times)?;
        }
        if self.critical {
            f.write_str("as critical, ")?;
        }
        match self.broken {
            None => {}
            Some(Broken::Truncated) => f.write_str("half of ")?,
            Some(Broken::Bomb) => f.write_str("a bomb instead of ")?,
            Some(Broken::Empty) => f.write_str("nothing instead of ")?,
            Some(Broken::NoPicture) => f.write_str("something else instead of ")?,
        }
        match (self.photo, self.document) {
            (Some(size), _) => write!(f, "a photo of {size}"),
            (None, Some(size)) => write!(f, "a document of {size}"),
            (None, None) => f.write_str("nothing"),
        }
    }
}

impl fmt::Display for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or("the latest file");
        write!(f, "{} opens {file} of {}", self.device, self.order)
    }
}

impl fmt::Display for FileSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sets", self.device)?;
        let all = [
            ("WiFi only", self.wifi_only),
            ("thumbnails on cellular", self.thumbnails_on_cellular),
            ("full images on cellular", self.full_images_on_cellular),
            ("compress photos", self.compress_photos),
        ];
        let set = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let set = set.map(|(name, value)| format!(" {name} {}", if value { "on" } else { "off" }));
        f.write_str(&set.collect::<Vec<_>>().join(","))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            NetworkKind::Wifi => "WiFi",
            NetworkKind::Cellular => "a cellular network",
        };
        write!(f, "{} is on {kind} now", self.device)
    }
}

impl fmt::Display for DiskSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.free {
            Some(free) => write!(f, "the disk of {} has {free} left", self.device),
            None => write!(f, "the disk of {} has room again", self.device),
        }
    }
}

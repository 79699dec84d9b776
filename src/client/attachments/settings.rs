//! What the user sets about files (spec 6.2), and what follows from it on the network at hand. Pure.

use serde::{Deserialize, Serialize};

/// The settings about files; they outlive the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileSettings {
    /// Files go up over WiFi alone. Changes of records always go.
    pub wifi_only: bool,
    /// Thumbnails are fetched on a cellular network, too.
    pub thumbnails_on_cellular: bool,
    /// Whole pictures are fetched on a cellular network, too.
    pub full_images_on_cellular: bool,
    /// Photos are made smaller before they go up.
    pub compress_photos: bool,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self { wifi_only: false, thumbnails_on_cellular: true, full_images_on_cellular: false, compress_photos: true }
    }
}

impl FileSettings {
    /// Whether a file may come: whole pictures and thumbnails are settings of their own, and what is no picture comes.
    pub(in crate::client) fn downloads(self, wifi: bool, picture: bool, thumbnail: bool) -> bool {
        let on_cellular = if thumbnail { self.thumbnails_on_cellular } else { self.full_images_on_cellular };
        wifi || !picture || on_cellular
    }

    /// Whether files may go up.
    pub(in crate::client) fn uploads(self, wifi: bool) -> bool {
        wifi || !self.wifi_only
    }
}

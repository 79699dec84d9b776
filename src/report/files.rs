//! Events about files as sentences.

use super::words::short;
use crate::history::{Upload, UploadStep, What};

/// An event about files.
#[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the events about files here")]
pub(super) fn what(what: &What) -> String {
    match what {
        What::Captured { device, entity_id, mime_type, bytes, .. } => {
            format!("{device} takes {bytes} bytes of {mime_type} for {entity_id}")
        }
        What::FileSettings { device, wifi_only, .. } => {
            let wifi = wifi_only.map(|on| if on { ", over WiFi alone" } else { ", over any network" });
            format!("{device} sets how files are synced{}", wifi.unwrap_or_default())
        }
        What::ServerFile { attachment_id, bytes, .. } => {
            format!("the server ends with {bytes} bytes of {}", short(attachment_id))
        }
        _ => String::new(),
    }
}

/// A request of an upload.
pub(super) fn upload(upload: &Upload) -> String {
    let file = short(&upload.attachment_id);
    match upload.step {
        UploadStep::Create { length } => format!("upload of {length} bytes ({file})"),
        UploadStep::Offset => format!("where does {file} stand?"),
        UploadStep::Part { offset, bytes, cut } => {
            format!("{bytes} bytes of {file} from {offset} on{}", if cut { ", cut off" } else { "" })
        }
        UploadStep::End => format!("no more of {file}"),
    }
}

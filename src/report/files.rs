//! Events about files as sentences.

use super::words::{milliseconds, short};
use crate::history::{FileEvent, HeldFile, Upload, UploadStep, What};

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
        What::FilesLost { device } => format!("the files of {device} vanish"),
        What::Opening { device, entity_id, file } => {
            format!("{device} opens {} of {entity_id}", file.as_deref().unwrap_or("the latest file"))
        }
        What::SyncEvery { device, every_ms: Some(every) } => {
            format!("{device} is to sync by itself every {}", milliseconds(*every))
        }
        What::SyncEvery { device, every_ms: None } => format!("{device} is never to sync by itself"),
        What::ServerFile { attachment_id, bytes, .. } => {
            format!("the server ends with {bytes} bytes of {}", short(attachment_id))
        }
        _ => String::new(),
    }
}

/// A request of an upload.
pub(super) fn upload(upload: &Upload) -> String {
    let file = short(&upload.attachment_id);
    let cut_off = |cut: bool| if cut { ", cut off" } else { "" };
    match upload.step {
        UploadStep::Create { length, bytes: 0, cut: false } => format!("upload of {length} bytes ({file})"),
        UploadStep::Create { length, bytes, cut } => {
            format!("upload of {length} bytes ({file}), and {bytes} of them{}", cut_off(cut))
        }
        UploadStep::Offset => format!("where does {file} stand?"),
        UploadStep::Part { offset, bytes, cut } => format!("{bytes} bytes of {file} from {offset} on{}", cut_off(cut)),
        UploadStep::End => format!("no more of {file}"),
    }
}

/// What happened to a file on its way down.
pub(super) fn came(event: &FileEvent) -> String {
    let of = |id: &str, thumbnail: bool| {
        let id = short(id);
        if thumbnail { format!("the thumbnail of {id}") } else { id.to_owned() }
    };
    match event {
        FileEvent::Fetching { attachment_id, thumbnail, offset } => {
            format!("asks for {} from {offset} on", of(attachment_id, *thumbnail))
        }
        FileEvent::Fetched { attachment_id, thumbnail, offset, bytes } => {
            format!("has got {bytes} bytes of {} from {offset} on", of(attachment_id, *thumbnail))
        }
        FileEvent::Kept(HeldFile { attachment_id, thumbnail, bytes, .. }) => {
            format!("has all {bytes} bytes of {}", of(attachment_id, *thumbnail))
        }
        FileEvent::Shown(held) => format!("shows {} whole", short(&held.attachment_id)),
        FileEvent::Withheld { attachment_id, detail } => {
            format!("tells its user that {} does not come: {detail}", short(attachment_id))
        }
    }
}

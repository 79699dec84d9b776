//! Spec 6.2, the settings about photos: with compression off a photo is kept as the camera took it, with compression on it
//! is not.

use crate::history::{DeviceEvent, What};

use super::super::case::{Case, device_event};
use super::super::verdict::Findings;

const CHECK: &str = "6.2 settings";

pub(in super::super) fn obey_the_settings(case: &Case<'_>, out: &mut Findings) {
    for (name, device) in &case.facts.devices {
        let mut compress = true;
        let mut captured: Option<(&str, &str)> = None;
        for event in &device.timeline {
            match &event.what {
                What::FileSettings { compress_photos: Some(wanted), .. } => compress = *wanted,
                What::Captured { mime_type, sha256, .. } => captured = Some((mime_type, sha256)),
                _ => match device_event(event) {
                    Some(DeviceEvent::LoggedOut) => compress = true,
                    Some(DeviceEvent::Attached { sha256, .. }) => {
                        let Some((mime_type, original)) = captured.take() else { continue };
                        let kept = sha256 == original;
                        if mime_type.starts_with("image/") && kept == compress {
                            let how = if compress { "makes photos smaller" } else { "keeps photos as they are" };
                            let happened = if kept { "it kept one as it was" } else { "it made another of one" };
                            out.violated(CHECK, format!("{name} {how}"), happened, &[event.seq]);
                        }
                    }
                    _ => {}
                },
            }
        }
    }
}

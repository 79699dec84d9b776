//! Defects of uploads.

use super::*;
use crate::history::{Upload, UploadStep};

/// A file of 200 bytes that goes up in two parts, as events, spoiled by `spoil`, within the clean story.
fn upload(spoil: impl FnOnce(&mut Vec<What>)) -> crate::check::Verdict {
    let says = |event| What::Device { device: "maria".into(), event };
    let id = || "file-a".to_owned();
    let message = |exchange: u64, status: u16, kind| Message {
        device: "maria".into(),
        connection: 1,
        exchange,
        bytes: 100,
        status,
        delivered: true,
        retry_after: None,
        kind,
    };
    let asked = |exchange: u64, step| {
        What::Request(message(exchange, 0, MessageKind::Upload(Upload { attachment_id: id(), step })))
    };
    let told = |exchange: u64, status: u16, offset: u64| {
        What::Answer(message(exchange, status, MessageKind::UploadAnswer { offset: Some(offset) }))
    };
    let part = |offset: u64| UploadStep::Part { offset, bytes: 100, cut: false };
    let sets_out = |offset: u64| says(DeviceEvent::Uploading { attachment_id: id(), offset, bytes: 100 });
    let (queue_id, sha256) = ("q-file".to_owned(), "ab".to_owned());
    let mut events = vec![
        says(DeviceEvent::Attached {
            attachment_id: id(),
            queue_id,
            original: 300,
            bytes: 200,
            sha256: sha256.clone(),
        }),
        asked(901, UploadStep::Create { length: 200 }),
        told(901, 201, 0),
        sets_out(0),
        asked(902, part(0)),
        told(902, 204, 100),
        sets_out(100),
        asked(903, part(100)),
        told(903, 204, 200),
        says(DeviceEvent::Uploaded { attachment_id: id() }),
        What::ServerFile { attachment_id: id(), bytes: 200, sha256 },
    ];
    spoil(&mut events);
    planted(|story| {
        let end = story.events.len() - 1;
        let at_ms = story.events[end].0;
        story.events.splice(end..end, events.into_iter().map(|what| (at_ms, what)));
    })
}

#[test]
fn a_clean_upload_is_green() {
    let verdict = upload(|_| {});
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
}

#[test]
fn resume_wrong_offset() {
    let verdict = upload(|events| {
        if let What::Device { event: DeviceEvent::Uploading { offset, .. }, .. } = &mut events[6] {
            *offset = 120;
        }
    });
    red(&verdict, "I16", &["goes on with file-a at 100", "at 120"]);
    let verdict = upload(|events| drop(events.remove(5)));
    red(&verdict, "I16", &["asks where the server stands", "goes on at 100"]);
    let verdict = upload(|events| {
        if let What::Request(Message { kind: MessageKind::Upload(upload), .. }) = &mut events[7] {
            upload.step = UploadStep::Part { offset: 90, bytes: 110, cut: false };
        }
    });
    red(&verdict, "I16", &["says from where it sends file-a", "90 passes"]);
}

#[test]
fn blob_uploaded_twice() {
    let verdict = upload(|events| {
        let again = events[1].clone();
        events.insert(9, again);
    });
    red(&verdict, "I2", &["sends each file once", "file-a again"]);
}

#[test]
fn taken_for_done_too_early() {
    let verdict = upload(|events| drop(events.remove(8)));
    red(&verdict, "I16", &["is told that the server has all of file-a"]);
}

#[test]
fn bytes_lost_or_changed_on_the_server() {
    let verdict = upload(|events| {
        if let What::Answer(Message { kind: MessageKind::UploadAnswer { offset }, .. }) = &mut events[8] {
            *offset = Some(50);
        }
    });
    red(&verdict, "I16", &["keeps what it has of file-a: 100", "it has 50"]);
    let verdict = upload(|events| {
        events.pop();
        events.push(What::ServerFile { attachment_id: "file-a".into(), bytes: 200, sha256: "cd".into() });
    });
    red(&verdict, "I16", &["holds file-a as maria kept it", "cd"]);
    let verdict = upload(|events| {
        events.push(What::ServerFile { attachment_id: "file-b".into(), bytes: 1, sha256: "ef".into() });
    });
    red(&verdict, "I4", &["stem from devices", "file-b"]);
}

//! Defects of uploads.

use super::*;
use crate::history::{Circumstance, FileEvent, HeldFile, Notice, Upload, UploadStep};
use crate::protocol::ErrorCode;

/// A message about a file, delivered over maria's one connection.
fn message(exchange: u64, status: u16, kind: MessageKind) -> Message {
    Message {
        device: "maria".into(),
        connection: 1,
        exchange,
        bytes: 100,
        status,
        delivered: true,
        retry_after: None,
        kind,
    }
}

/// A file of 200 bytes that goes up in two parts, as events, spoiled by `spoil`, within the clean story.
fn upload(spoil: impl FnOnce(&mut Vec<What>)) -> crate::check::Verdict {
    let says = |event| What::Device { device: "maria".into(), event };
    let id = || "file-a".to_owned();
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
        asked(901, UploadStep::Create { length: 200, bytes: 0, cut: false }),
        told(901, 201, 0),
        sets_out(0),
        asked(902, part(0)),
        told(902, 204, 100),
        sets_out(100),
        asked(903, part(100)),
        told(903, 204, 200),
        says(DeviceEvent::Uploaded { attachment_id: id() }),
        What::ServerFile { attachment_id: id(), bytes: 200, sha256, thumbnail: None },
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

/// Of the clean upload, the first part goes up with the creation: 0 captured, 1 sets out, 2 asked, 3 told, 4 sets out again.
fn along(events: &mut Vec<What>) {
    events.swap(1, 3);
    events.swap(2, 3);
    events.remove(4);
    if let What::Request(Message { kind: MessageKind::Upload(upload), .. }) = &mut events[2] {
        upload.step = UploadStep::Create { length: 200, bytes: 100, cut: false };
    }
    events.remove(4);
    if let What::Answer(Message { kind: MessageKind::UploadAnswer { offset }, .. }) = &mut events[3] {
        *offset = Some(100);
    }
}

#[test]
fn bytes_that_go_along_are_a_part_like_any_other() {
    let verdict = upload(along);
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
    let verdict = upload(|events| {
        along(events);
        events.remove(1);
    });
    red(&verdict, "I16", &["says from where it sends file-a", "0 passes"]);
    // It broke off, and nobody knows how much of it arrived: to begin at 0 again needs a question.
    let verdict = upload(|events| {
        along(events);
        events.remove(3);
        events.splice(3..3, [events[1].clone(), events[2].clone()]);
    });
    red(&verdict, "I16", &["asks where the server stands", "goes on at 0"]);
}

#[test]
fn nothing_goes_up_blindly_once_the_server_was_asked() {
    // The server begins anew, and the device cannot know it: its answer was lost.
    let verdict = upload(|events| {
        along(events);
        let What::Answer(answer) = &mut events[3] else { panic!("an answer") };
        (answer.status, answer.delivered) = (460, false);
        events.splice(4..4, [events[1].clone()]);
    });
    red(&verdict, "I16", &["asks where the server stands", "goes on at 0"]);
    let verdict = upload(|events| drop(events.drain(1..3)));
    red(&verdict, "I16", &["has an upload made of file-a", "it adds 100 bytes"]);
}

#[test]
fn of_a_damaged_answer_the_device_may_know_what_its_head_said() {
    let damaged = |events: &mut Vec<What>, goes_on_at: u64| {
        along(events);
        let What::Answer(answer) = &mut events[3] else { panic!("an answer") };
        let kind = MessageKind::Other { summary: "a spoilt answer".into() };
        let heard = Message { kind, ..answer.clone() };
        answer.delivered = false;
        events.insert(4, What::Answer(heard));
        if let What::Device { event: DeviceEvent::Uploading { offset, .. }, .. } = &mut events[5] {
            *offset = goes_on_at;
        }
    };
    let verdict = upload(|events| damaged(events, 100));
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
    let verdict = upload(|events| damaged(events, 50));
    red(&verdict, "I16", &["asks where the server stands", "goes on at 50"]);
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
        events.push(What::ServerFile {
            attachment_id: "file-a".into(),
            bytes: 200,
            sha256: "cd".into(),
            thumbnail: None,
        });
    });
    red(&verdict, "I16", &["holds file-a as maria kept it", "cd"]);
    let verdict = upload(|events| {
        events.push(What::ServerFile {
            attachment_id: "file-b".into(),
            bytes: 1,
            sha256: "ef".into(),
            thumbnail: None,
        });
    });
    red(&verdict, "I4", &["stem from devices", "file-b"]);
}

/// Maria's tablet gets `file-a`, which its device of the clean upload keeps, in two parts and shows it.
fn download(spoil: impl FnOnce(&mut Vec<What>)) -> crate::check::Verdict {
    let id = || "file-a".to_owned();
    let says = |event| What::Device { device: "maria".into(), event: DeviceEvent::File(event) };
    let held = || HeldFile { attachment_id: id(), thumbnail: false, bytes: 200, sha256: "ab".into() };
    let part = |exchange: u64, from: u64| {
        let if_range = (from > 0).then(|| "\"ab\"".to_owned());
        let range = Some(format!("bytes={from}-{}", from + 99));
        let kind = MessageKind::File { attachment_id: id(), thumbnail: false, range, if_range };
        What::Request(Message {
            device: "maria".into(),
            connection: 1,
            exchange,
            bytes: 100,
            status: 0,
            delivered: true,
            retry_after: None,
            kind,
        })
    };
    let asks = |offset: u64| says(FileEvent::Fetching { attachment_id: id(), thumbnail: false, offset });
    let gets = |offset: u64| says(FileEvent::Fetched { attachment_id: id(), thumbnail: false, offset, bytes: 100 });
    let wifi = What::Told { device: "maria".into(), what: Circumstance::Network { wifi: true } };
    let mut events = vec![
        wifi,
        asks(0),
        part(911, 0),
        gets(0),
        asks(100),
        part(912, 100),
        gets(100),
        says(FileEvent::Kept(held())),
        says(FileEvent::Shown(held())),
    ];
    spoil(&mut events);
    upload(|story| story.extend(events))
}

fn held(what: &mut What) -> &mut HeldFile {
    match what {
        What::Device { event: DeviceEvent::File(FileEvent::Kept(held) | FileEvent::Shown(held)), .. } => held,
        other => panic!("{other:?} shows no file"),
    }
}

#[test]
fn a_clean_download_is_green() {
    let verdict = download(|_| {});
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
}

#[test]
fn half_a_file_or_anothers_is_shown() {
    let verdict = download(|events| held(&mut events[8]).bytes = 100);
    red(&verdict, "I16", &["maria shows", "file-a as it is: 200 bytes", "100 bytes"]);
    let verdict = download(|events| held(&mut events[8]).sha256 = "cd".into());
    red(&verdict, "I16", &["file-a as it is: 200 bytes, ab", "cd"]);
    let verdict = download(|events| held(&mut events[7]).attachment_id = "file-b".into());
    red(&verdict, "I16", &["nobody ever had", "file-b"]);
}

#[test]
fn a_download_that_begins_anew_or_twice() {
    let verdict = download(|events| {
        if let What::Device { event: DeviceEvent::File(FileEvent::Fetching { offset, .. }), .. } = &mut events[4] {
            *offset = 0;
        }
    });
    red(&verdict, "I16", &["goes on with file-a at 100, where it stopped", "at 0"]);
    let verdict = download(|events| {
        if let What::Request(Message { kind: MessageKind::File { if_range, .. }, .. }) = &mut events[5] {
            *if_range = None;
        }
    });
    red(&verdict, "I16", &["if it is still the same", "no tag"]);
    let verdict = download(|events| {
        let again = events[1].clone();
        events.push(again);
    });
    red(&verdict, "I9", &["gets each file once", "file-a again"]);
}

/// The line of an order that calls `file-a` a picture.
fn picture() -> Record {
    let line = json!([{ "attachmentId": "file-a", "mimeType": "image/jpeg" }]);
    Record::from_iter([("workOrderId".into(), "WO-9".into()), ("attachments".into(), line)])
}

#[test]
fn a_picture_that_comes_against_the_settings() {
    let cellular = What::Told { device: "maria".into(), what: Circumstance::Network { wifi: false } };
    let seeded = |record| What::RecordSeeded { kind: "work-orders".into(), record };
    let verdict = download(|events| {
        events[0] = cellular;
        events.insert(0, seeded(picture()));
    });
    // All of it happens at once: only what was never allowed before is wrong.
    assert!(!finds(&verdict, "6.2 settings", &["no whole picture"]), "it may just have been told");
    let verdict = download(|events| {
        events[0] = seeded(picture());
    });
    red(&verdict, "6.2 settings", &["no whole picture comes to maria over a cellular network", "asks for it"]);
}

#[test]
fn a_picture_that_is_not_shown_and_a_file_that_no_order_names() {
    let spoilt = |change: fn(&mut DeviceState)| {
        planted(|story| {
            for (_, what) in &mut story.events {
                if let What::DeviceState { device, state } = what
                    && device == "maria"
                {
                    change(state);
                }
            }
            let (end, at_ms) = (story.events.len() - 1, story.events[story.events.len() - 1].0);
            let file = What::ServerFile {
                attachment_id: "file-a".into(),
                bytes: 2,
                sha256: "ab".into(),
                thumbnail: Some((1, "cd".into())),
            };
            story.events.insert(end, (at_ms, file));
        })
    };
    let verdict = spoilt(|state| {
        state.work_orders.insert("WO-9".into(), picture());
    });
    red(&verdict, "6.2 thumbnails", &["each picture", "nothing of file-a"]);
    let verdict = spoilt(|state| {
        state.files.push(HeldFile { attachment_id: "file-a".into(), thumbnail: true, bytes: 1, sha256: "ef".into() })
    });
    red(&verdict, "8.4", &["keeps files that an order names", "file-a"]);
    red(&verdict, "I16", &["the thumbnail of file-a as it is", "ef"]);
}

#[test]
fn an_upload_that_the_server_breaks_over_is_given_up_after_ten_answers() {
    let gives_up_after = |answers: u64| {
        upload(|events| {
            let step = UploadStep::Create { length: 200, bytes: 0, cut: false };
            let asked = Upload { attachment_id: "file-a".into(), step };
            let broken = MessageKind::Problem { code: ErrorCode::ServerError, detail: "it broke".into() };
            let tries = (0..answers).flat_map(|nth| {
                let asked = What::Request(message(920 + nth, 0, MessageKind::Upload(asked.clone())));
                [asked, What::Answer(message(920 + nth, 500, broken.clone()))]
            });
            let told = Notice {
                queue_id: "q-file".into(),
                entity_id: "WO-1".into(),
                code: ErrorCode::ServerError,
                detail: "it broke".into(),
            };
            let told = What::Device { device: "maria".into(), event: DeviceEvent::Noticed(told) };
            *events = [events[0].clone()].into_iter().chain(tries).chain([told]).collect();
        })
    };
    assert!(!finds(&gives_up_after(10), "7.2", &[]), "ten are enough");
    red(&gives_up_after(9), "7.2", &["fails after 10 answers", "SERVER_ERROR after 9"]);
}

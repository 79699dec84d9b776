//! Files on the server: who reads them, in what parts, and what may refer to them.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use super::uploads::{at, noise, sha256};
use super::*;

fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([(x % 251) as u8, (y % 241) as u8, 9]));
    let mut bytes = Vec::new();
    DynamicImage::from(picture).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).unwrap();
    bytes
}

async fn get(device: &Device, target: &str, headers: &[(&str, &str)]) -> Reply {
    send(&device.server, device.request("GET", target, headers, Body::empty())).await
}

#[tokio::test(start_paused = true)]
async fn a_part_is_the_part_that_was_asked_for() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let file = noise(200_000);
    maria.upload("a-1", &file, &[("mimeType", "image/jpeg"), ("fileName", "Siegel ö.jpg")]).await;
    let whole = get(&maria, &at("a-1"), &[]).await;
    let tag = whole.header("etag");
    assert_eq!((whole.status.as_u16(), tag.clone(), &whole.body), (200, format!("\"{}\"", sha256(&file)), &file));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-type")), ("bytes".into(), "image/jpeg".into()));
    assert_eq!(whole.header("content-disposition"), "inline; filename*=UTF-8''Siegel%20%C3%B6.jpg");
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=65535-65536", 65_535, 65_537),
        ("bytes=100000-", 100_000, 200_000),
        ("bytes=-7", 199_993, 200_000),
        ("bytes=199999-300000", 199_999, 200_000),
    ] {
        let part = get(&maria, &at("a-1"), &[("range", range)]).await;
        assert_eq!((part.status.as_u16(), part.body.as_slice()), (206, &file[from..to]), "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/200000", to - 1));
    }
    let outside = get(&maria, &at("a-1"), &[("range", "bytes=200000-")]).await;
    assert_eq!((outside.problem().status, outside.header("content-range")), (416, "bytes */200000".into()));
    let held = get(&maria, &at("a-1"), &[("range", "bytes=5-9"), ("if-range", &tag)]).await;
    assert_eq!((held.status.as_u16(), held.body.as_slice()), (206, &file[5..10]));
    let changed = get(&maria, &at("a-1"), &[("range", "bytes=5-9"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status.as_u16(), changed.body.len()), (200, 200_000));
    let known = get(&maria, &at("a-1"), &[("if-none-match", &tag), ("range", "bytes=5-9")]).await;
    assert_eq!((known.status.as_u16(), known.body.len(), known.header("etag")), (304, 0, tag));
}

#[tokio::test(start_paused = true)]
async fn what_a_browser_could_run_it_only_saves() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    for (id, kind) in
        [("a-1", "text/html"), ("a-2", "image/svg+xml"), ("a-3", "application/x-unheard-of"), ("a-4", "?")]
    {
        maria.upload(id, b"<script>alert(1)</script>", &[("mimeType", kind), ("fileName", "../x.html")]).await;
        let reply = get(&maria, &at(id), &[]).await;
        assert_eq!(reply.header("content-disposition"), "attachment; filename*=UTF-8''x.html", "{kind}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test(start_paused = true)]
async fn a_picture_has_a_thumbnail_and_nothing_else_has() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let small = |id: &str| format!("{}/thumbnail", at(id));
    maria.upload("a-1", &png(1000, 400), &[("mimeType", "image/png")]).await;
    let reply = get(&maria, &small("a-1"), &[]).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "image/jpeg".into()));
    assert_eq!(reply.header("cache-control"), "private, max-age=31536000, immutable");
    let picture = image::load_from_memory(&reply.body).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 102));
    let known = get(&maria, &small("a-1"), &[("if-none-match", &reply.header("etag"))]).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    assert_eq!(get(&maria, &small("a-1"), &[]).await.body, reply.body, "it is made once");
    let mut bomb = png(8, 8);
    // The width and height of its head, and their checksum.
    bomb[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    for (id, file) in
        [("a-2", bomb), ("a-3", png(300, 300)[..200].to_vec()), ("a-4", b"a text".to_vec()), ("a-5", Vec::new())]
    {
        let made = maria.begin(id, file.len(), &[("mimeType", "image/png")]).await;
        assert_eq!(made.status.as_u16(), 201);
        maria.add(id, 0, &file).await;
        assert_eq!(get(&maria, &small(id), &[]).await.problem().status, 404, "{id}");
        assert_eq!(get(&maria, &at(id), &[]).await.body, file, "the file is what it is");
    }
}

/// The checksum of a PNG's chunk.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_by_those_who_see_its_order() {
    let world = World::new();
    let maria = world.sign_in("maria", "phone").await;
    let mut chief = world.sign_in("chief", "desk").await;
    let jonas = world.sign_in("jonas", "phone").await;
    maria.upload("a-1", b"hers", &[("workOrderId", "WO-000001")]).await;
    let status = async |device: &Device| get(device, &at("a-1"), &[]).await.status.as_u16();
    assert_eq!((status(&maria).await, status(&chief).await, status(&jonas).await), (200, 200, 404));
    chief.update("WO-000001", 1, json!({ "assignedTo": "jonas" })).await;
    assert_eq!((status(&maria).await, status(&jonas).await), (200, 200), "whoever uploaded it keeps it");
    chief.delete("WO-000001", 2).await;
    let audit = world.sign_in("audit", "desk").await;
    assert_eq!(
        (status(&audit).await, status(&jonas).await),
        (200, 404),
        "an auditor reads what is left of a deleted one"
    );
    let nobody = Request::builder().uri(at("a-1")).body(Body::empty()).unwrap();
    assert_eq!(send(&world.server, nobody).await.problem().status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_record_refers_to_what_is_here_and_to_nothing_else() {
    let lines = json!([{ "attachmentId": "seeded", "fileName": "old.jpg" }]);
    let world = World::with(vec![
        order("WO-000001", json!({ "assignedTo": "maria", "attachments": lines })),
        order("WO-000002", json!({ "assignedTo": "maria" })),
    ]);
    let mut maria = world.sign_in("maria", "phone").await;
    let mut office = world.sign_in("office", "desk").await;
    maria.begin("half", 10, &[("workOrderId", "WO-000001")]).await;
    maria.add("half", 0, b"01234").await;
    maria.upload("other", b"x", &[("workOrderId", "WO-000002")]).await;
    maria.upload("mine", b"mine", &[("workOrderId", "WO-000001")]).await;
    maria.upload("loose", b"loose", &[]).await;
    office.upload("office", b"office", &[("workOrderId", "WO-000001")]).await;
    let line = |id: &str| json!({ "attachments": [{ "attachmentId": id, "fileName": "x.jpg" }] });
    for id in ["nothing", "half", "other", "office"] {
        let result = maria.update("WO-000001", 1, line(id)).await;
        assert_eq!(code(&result), ErrorCode::ValidationError, "{id}");
    }
    for (key, value) in [("sha256", json!(sha256(b"other"))), ("fileSize", json!(5))] {
        let mut wrong = line("mine");
        wrong["attachments"][0][key] = value;
        assert_eq!(code(&maria.update("WO-000001", 1, wrong).await), ErrorCode::ValidationError, "{key}");
    }
    let right = json!({ "attachments": [
        { "attachmentId": "mine", "sha256": sha256(b"mine"), "fileSize": 4 },
        { "attachmentId": "loose" },
        { "attachmentId": "seeded", "caption": "known from the start" },
    ] });
    assert_eq!(maria.update("WO-000001", 1, right).await.status, ResultStatus::Success);
    let referenced: Vec<_> = maria.uploads().await.into_iter().filter(|it| it.referenced).collect();
    assert_eq!(referenced.iter().map(|it| it.attachment_id.as_str()).collect::<Vec<_>>(), ["mine", "loose"]);
    assert_eq!(referenced[1].work_order_id.as_deref(), Some("WO-000001"));
    assert_eq!(
        maria.tus("DELETE", &at("mine"), &[], "").await.status.as_u16(),
        409,
        "the record would refer to nothing"
    );
    let caption = json!({ "attachments": [{ "attachmentId": "mine", "caption": "The seal" }] });
    assert_eq!(office.update("WO-000001", 2, caption).await.status, ResultStatus::Success, "the line is there");
    assert_eq!(get(&office, &at("loose"), &[]).await.body, b"loose");
}

#[tokio::test(start_paused = true)]
async fn a_file_of_an_order_that_is_yet_to_be_made_is_of_that_order_then() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    maria.upload("a-1", b"x", &[("workOrderId", "tmp-l-1")]).await;
    let made = maria.create("l-1", json!({ "attachments": [{ "attachmentId": "a-1" }] })).await;
    let id = made.entity_id.unwrap();
    assert_eq!(maria.uploads().await[0].work_order_id.as_deref(), Some(id.as_str()));
    let mut office = world.sign_in("office", "desk").await;
    assert_eq!(get(&office, &at("a-1"), &[]).await.status.as_u16(), 200);
    maria.upload("a-2", b"y", &[("workOrderId", "tmp-l-1")]).await;
    let line = json!({ "attachments": [{ "attachmentId": "a-2" }] });
    assert_eq!(maria.update(&id, 1, line).await.status, ResultStatus::Success);
    let refused = maria.create("l-2", json!({ "attachments": [{ "attachmentId": "a-3" }] })).await;
    assert_eq!(code(&refused), ErrorCode::ValidationError);
    assert_eq!(office.pull().await.work_orders.len(), 3, "WO-000001, WO-000002 and the one that was made");
}

#[tokio::test(start_paused = true)]
async fn files_leave_with_what_refers_to_them() {
    let world = World::new();
    let mut chief = world.sign_in("chief", "desk").await;
    chief.upload("kept", b"kept", &[("workOrderId", "WO-000001")]).await;
    chief.upload("orphan", b"orphan", &[]).await;
    chief.upload("goes", b"goes", &[("workOrderId", "WO-000002")]).await;
    let line = |id: &str| json!({ "attachments": [{ "attachmentId": id }] });
    chief.update("WO-000001", 1, line("kept")).await;
    chief.update("WO-000002", 1, line("goes")).await;
    chief.delete("WO-000002", 2).await;
    for _ in 0..7 {
        pass(15 * DAY).await;
        chief.refresh().await;
        chief.cursor = None;
        chief.pull().await;
    }
    let left: Vec<_> = chief.uploads().await.into_iter().map(|it| it.attachment_id).collect();
    assert_eq!(left, ["kept"]);
}

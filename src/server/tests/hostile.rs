//! Callers that mean no good, and clients that are broken: each is answered, and nothing else changes.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::protocol::OperationKind;
use crate::server::{auth, push, seed};

/// All that the server holds, as the auditor reads it.
async fn all(world: &World) -> Changes {
    world.sign_in("audit", "desk").await.pull().await
}

#[tokio::test(start_paused = true)]
async fn each_bad_operation_fails_by_itself_and_the_rest_of_the_batch_is_applied() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut jonas = world.sign_in("jonas", "phone").await;
    let theirs = jonas.operation("update", "WO-000003", 1, json!({ "title": "Secret" }));
    jonas.push_one(theirs.clone()).await;
    let good = maria.operation("update", "WO-000001", 1, json!({ "title": "one" }));
    let bad = |name: &str, value: Value| {
        let mut operation = good.clone();
        operation["queueId"] = format!("bad-{name}-{}", value.to_string().len()).into();
        operation["entityId"] = "WO-000002".into();
        operation[name] = value;
        operation
    };
    let payload = |fields: Value| {
        let mut payload = fields;
        payload["_version"] = 1.into();
        bad("payload", payload)
    };
    let (invalid, denied, unknown) =
        (Some(ErrorCode::ValidationError), Some(ErrorCode::PermissionDenied), Some(ErrorCode::NotFound));
    let long = "x".repeat(129);
    let cases = [
        (bad("colour", json!("red")), invalid),
        (bad("operation", json!("drop")), invalid),
        (bad("entityType", json!("planet")), invalid),
        (bad("entityType", json!(7)), invalid),
        (bad("queueId", json!("")), invalid),
        (bad("queueId", json!(null)), invalid),
        (bad("queueId", json!(long)), invalid),
        (bad("entityId", json!("../../etc/passwd")), invalid),
        (bad("entityId", json!("WO-000002\u{0}")), invalid),
        (bad("entityId", json!("WO-000002' OR 1=1 --")), unknown),
        (bad("entityId", json!("tmp-nobody-made-it")), unknown),
        (bad("entityId", json!("WO-000003")), denied),
        (theirs, denied),
        (bad("payload", json!({ "title": "x", "_version": 99 })), invalid),
        (bad("payload", json!({ "title": "x", "_version": -1 })), invalid),
        (bad("payload", json!({ "title": "x", "_version": "1" })), invalid),
        (bad("payload", json!("a text")), invalid),
        (payload(json!({ "workOrderId": "WO-000009" })), invalid),
        (payload(json!({ "createdBy": "maria" })), invalid),
        (payload(json!({ "updatedAt": "2099-01-01T00:00:00Z" })), invalid),
        (payload(json!({ "status": 5 })), invalid),
        (payload(json!({ "title": null })), invalid),
        (payload(json!({ "description": { "a": 1 } })), invalid),
        (payload(json!({ "rootCause": 5 })), invalid),
        (payload(json!({ "actualEnd": "yesterday" })), invalid),
        (payload(json!({ "tasks": "none" })), invalid),
        (payload(json!({ "tasks": [{ "taskId": "../T1" }] })), invalid),
        (payload(json!({ "tasks": [{ "taskId": "T1" }, { "taskId": "T1" }] })), invalid),
        (payload(json!({ "partsUsed": [{ "lineId": "L1", "partId": "P-1", "qty": [1] }] })), invalid),
        (json!(["q-1", "work-order", "WO-000002", "update", { "title": "x", "_version": 1 }]), invalid),
    ];
    let batch: Vec<Value> = cases.iter().map(|(operation, _)| operation.clone()).chain([good]).collect();
    let results = maria.push(Value::Array(batch)).await;
    for (result, (operation, code)) in results.iter().zip(&cases) {
        assert_eq!(result.error.as_ref().map(|error| error.code), *code, "{operation}");
        assert!(result.server_state.is_none() && result.new_version.is_none(), "tells nothing: {result:?}");
        let detail = &result.error.as_ref().unwrap().detail;
        assert!(!detail.contains("Secret") && detail.len() < 400, "{detail}");
    }
    assert_eq!(results.last().unwrap().status, ResultStatus::Success);
    let after = all(&world).await;
    let title = |id: &str| after.work_orders.iter().find(|order| order["workOrderId"] == id).unwrap();
    assert_eq!((&title("WO-000001")["title"], &title("WO-000001")["_version"]), (&json!("one"), &json!(2)));
    assert_eq!((&title("WO-000002")["title"], &title("WO-000002")["_version"]), (&json!("Check"), &json!(1)));
    assert_eq!((&title("WO-000003")["title"], &title("WO-000003")["_version"]), (&json!("Secret"), &json!(2)));
    assert_eq!(after.work_orders.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_queue_id_of_somebody_else_tells_nothing_and_takes_nothing() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut office = world.sign_in("office", "phone").await;
    let operation = maria.operation("update", "WO-000001", 1, json!({ "title": "hers" }));
    let first = maria.push_one(operation.clone()).await;
    let mut stolen = office.operation("update", "WO-000002", 1, json!({ "title": "x" }));
    stolen["queueId"] = operation["queueId"].clone();
    let result = office.push_one(stolen).await;
    assert!(!result.replayed, "{result:?}");
    assert_eq!(maria.push_one(operation).await, OperationResult { replayed: true, ..first }, "hers is still hers");
}

#[tokio::test(start_paused = true)]
async fn ten_megabytes_of_notes_are_too_large_however_small_they_travel() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let before = all(&world).await;
    let notes = "n".repeat(10 << 20);
    let operation = maria.operation("update", "WO-000001", 1, json!({ "completionNotes": notes }));
    let body = json!({ "operations": [operation] }).to_string();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 1 << 15, "it is small on the wire");
    for (coding, body) in [("gzip", gzip), ("identity", body.into_bytes())] {
        let request = Request::builder()
            .method("POST")
            .uri(path::PUSH)
            .header("authorization", format!("Bearer {}", maria.tokens.access_token))
            .header("content-encoding", coding);
        let reply = send(&world.server, request.body(Body::from(body)).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.problem().code), (413, ErrorCode::ValidationError), "{coding}");
    }
    assert_eq!(all(&world).await, before);
}

/// Where the result cannot be stored, the effect must not be: else a repeat would have it twice.
#[tokio::test(start_paused = true)]
async fn an_effect_without_its_stored_result_does_not_come_about() {
    let users = vec![user("maria", "technician", &["S1"])];
    let work_orders = vec![order("WO-000001", json!({ "assignedTo": "maria" }))];
    let mut store =
        seed::store(0, Seed(1).stream("server"), Seeded { users, work_orders, ..Seeded::default() }).unwrap();
    let request = crate::protocol::SignInRequest {
        user_id: "maria".into(),
        password: "maria's".into(),
        code: None,
        device_id: "phone".into(),
    };
    let tokens = auth::sign_in(&mut store, 1, &request, &[]).unwrap();
    let maria = auth::authenticate(&store, 1, &tokens.access_token).unwrap();
    let operation = |kind: OperationKind, id: &str, payload: Value| json!({ "queueId": "q", "entityType": "work-order", "entityId": id, "operation": kind, "payload": payload });
    let update = operation(OperationKind::Update, "WO-000001", json!({ "title": "x", "_version": 1 }));
    let create = operation(
        OperationKind::Create,
        "tmp-l",
        json!({ "_localId": "l", "siteId": "S1", "type": "t", "title": "x", "priority": "low", "status": "assigned" }),
    );
    store.connection.execute_batch("ALTER TABLE results RENAME TO away").unwrap();
    for operation in [update, create] {
        let results = push::push(&mut store, 2, &maria, vec![operation]);
        assert_eq!(code(&results[0]), ErrorCode::ServerError);
    }
    let count = |sql: &str| store.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM commits"), 1, "the seed's alone");
    assert_eq!(count("SELECT max(version) + count(*) FROM work_orders"), 2);
    assert_eq!(count("SELECT count(*) FROM creations"), 0);
}

//! The API's own description.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_checked_in_document_is_up_to_date() {
    let checked_in = include_str!("../../../schema/openapi.json");
    assert!(
        checked_in == Server::openapi(),
        "schema/openapi.json is stale; renew it: cargo run -- schema openapi > schema/openapi.json"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_served_without_a_token_and_every_endpoint_in_it_exists() {
    let world = World::new();
    let document: Value = world.call(Method::GET, path::OPENAPI, None, None).await.ok();
    assert_eq!(document, serde_json::from_str::<Value>(&Server::openapi()).unwrap());
    let maria = world.sign_in("maria", "phone").await;
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 17);
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let status = maria.call(method.clone(), path, None).await.status.as_u16();
            assert!(operation["responses"].get(status.to_string()).is_some(), "{method} {path}: {status}");
            let open = world.call(method.clone(), path, None, None).await.status != StatusCode::UNAUTHORIZED;
            assert_eq!(open, operation.get("security") == Some(&json!([])), "{method} {path}");
        }
    }
}

/// Names that the sync spec uses itself, in its examples and tables.
const SPEC: &[&str] = &[
    "GET /api/v1/sync/delta",
    "POST /api/v1/sync/push",
    "delta.since",
    "delta.entities",
    "delta.if-none-match",
    "DeltaAnswer.syncTimestamp",
    "DeltaAnswer.changes",
    "Changes.workOrders",
    "Changes.assets",
    "Changes.deletedIds",
    "PushRequest.operations",
    "Operation.queueId",
    "Operation.entityType",
    "Operation.entityId",
    "Operation.operation",
    "Operation.payload",
    "PushAnswer.results",
    "OperationResult.queueId",
    "OperationResult.status",
    "OperationResult.newVersion",
];

#[test]
fn what_the_spec_names_is_no_addition_and_everything_else_is_one() {
    let document: Value = serde_json::from_str(&Server::openapi()).unwrap();
    let mut own = BTreeSet::new();
    let added = |it: &Value| it.get("x-addition") == Some(&json!(true));
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if added(operation) {
                continue;
            }
            own.insert(format!("{} {path}", method.to_uppercase()));
            for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
                if !added(parameter) {
                    let name = parameter["name"].as_str().unwrap();
                    own.insert(format!("{}.{name}", operation["operationId"].as_str().unwrap()));
                }
            }
        }
    }
    for schema in ["DeltaAnswer", "Changes", "PushRequest", "Operation", "PushAnswer", "OperationResult"] {
        let properties = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        own.extend(properties.iter().filter(|(_, it)| !added(it)).map(|(name, _)| format!("{schema}.{name}")));
    }
    assert_eq!(own, SPEC.iter().map(|name| (*name).to_owned()).collect());
}

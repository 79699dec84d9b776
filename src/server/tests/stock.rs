//! Stock moves once for each line of parts, whatever the network does (decision d).

use super::*;

async fn available(world: &World) -> (Value, Value) {
    let all = world.sign_in("audit", "desk").await.pull().await.inventory;
    let of = |part: &str| all.iter().find(|row| row["partId"] == part).unwrap()["quantityAvailable"].clone();
    (of("P-1"), of("P-2"))
}

fn used(lines: Value) -> Value {
    json!({ "partsUsed": lines })
}

#[tokio::test(start_paused = true)]
async fn a_line_takes_its_parts_once_a_changed_one_the_difference_and_a_removed_one_gives_them_back() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let line = |quantity: Value| used(json!([{ "lineId": "L1", "partId": "P-1", "qty": quantity }]));
    let first = maria.operation("update", "WO-000001", 1, line(json!(3)));
    maria.push_one(first.clone()).await;
    assert!(maria.push_one(first).await.replayed);
    assert_eq!(available(&world).await, (json!(1), json!(5)));
    maria.update("WO-000001", 2, line(json!(3))).await;
    assert_eq!(available(&world).await.0, json!(1), "said again in another operation");
    maria.update("WO-000001", 2, line(json!(6))).await;
    assert_eq!(available(&world).await.0, json!(-2), "what is built in was there");
    maria.update("WO-000001", 3, used(json!([{ "lineId": "L1", "partId": "P-2" }]))).await;
    assert_eq!(available(&world).await, (json!(4), json!(-1)), "it was another part");
    maria.update("WO-000001", 4, used(json!([{ "lineId": "L1", "_deleted": true }]))).await;
    assert_eq!(available(&world).await, (json!(4), json!(5)));
    maria.update("WO-000001", 5, used(json!([{ "lineId": "L1", "_deleted": true }]))).await;
    assert_eq!(available(&world).await, (json!(4), json!(5)), "removed once");
    maria.update("WO-000001", 5, line(json!(0.1))).await;
    maria.update("WO-000001", 6, line(json!(0.3))).await;
    assert_eq!(available(&world).await.0, json!(3.7), "metres may be broken");
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_new_order_take_stock_and_its_deletion_gives_none_back() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let parts =
        used(json!([{ "lineId": "L1", "partId": "P-1", "qty": 1 }, { "lineId": "L2", "partId": "P-1", "qty": 1 },
        { "lineId": "L3", "partId": "none", "qty": 1 }, { "lineId": "L4", "qty": 1 }]));
    let made = maria.create("local-1", parts).await;
    assert_eq!(available(&world).await.0, json!(2));
    maria.delete(made.entity_id.as_ref().unwrap(), 1).await;
    assert_eq!(available(&world).await.0, json!(2));
}

#[tokio::test(start_paused = true)]
async fn whoever_sees_the_part_hears_how_many_there_are_and_who_took_them_too() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let mut jonas = world.sign_in("jonas", "phone").await;
    maria.pull().await;
    jonas.pull().await;
    maria.update("WO-000001", 1, used(json!([{ "lineId": "L1", "partId": "P-1", "qty": 1 }]))).await;
    for device in [&mut maria, &mut jonas] {
        let news = device.pull().await.inventory;
        let told = json!([{ "partId": "P-1", "quantityAvailable": 3 }]);
        assert_eq!(serde_json::to_value(news).unwrap(), told, "{}", device.user);
        assert_eq!(device.pull().await, Changes::default(), "{}", device.user);
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_is_refused_moves_nothing() {
    let world = World::new();
    let mut maria = world.sign_in("maria", "phone").await;
    let line = |quantity: Value| used(json!([{ "lineId": "L1", "partId": "P-1", "qty": quantity }]));
    assert_eq!(code(&maria.update("WO-000001", 1, line(json!("many"))).await), ErrorCode::ValidationError);
    assert_eq!(code(&maria.update("WO-000003", 1, line(json!(1))).await), ErrorCode::PermissionDenied);
    assert_eq!(available(&world).await.0, json!(4));
}

//! Defects of pull and cursor.

use crate::protocol::{Removal, RemovalReason};

use super::*;

#[test]
fn cursor_before_apply() {
    // The second page is lost for ever: neither order of it is on the device.
    let verdict = planted(|story| on_device(story, "tom", |state| drop(state.work_orders.remove("WO-5"))));
    red(&verdict, "I3", &["tom holds WO-5", "it lacks it"]);
}

#[test]
fn rows_skipped_at_a_page_edge_stay_old() {
    let verdict = planted(|story| {
        on_device(story, "tom", |state| {
            drop(state.work_orders.insert("WO-3".into(), record(order("WO-3", "A3", "tom", "assigned", "three!", 2))));
        })
    });
    red(&verdict, "I3", &["WO-3 on tom", "title: device \"three!\", server \"3\"", "_version: device 2, server 3"]);
}

#[test]
fn server_view_lacks_what_the_oracle_sees() {
    let verdict = planted(|story| {
        on_device(story, "tom", |state| drop(state.work_orders.remove("WO-5")));
        story.each(|what| {
            if let What::UserView { user_id, work_orders, .. } = what
                && user_id == "tom"
            {
                work_orders.retain(|id| id != "WO-5");
            }
        });
    });
    red(&verdict, "I3", &["tom sees WO-5", "a full pull does not hold it"]);
}

#[test]
fn cursor_goes_back_or_is_invented_or_begins_anew() {
    let ask = |cursor: Option<&'static str>| {
        planted(move |story| {
            story.each(|what| {
                if let What::Request(Message { kind: MessageKind::Delta { cursor: asked, .. }, .. }) = what
                    && asked.as_deref() == Some("m3")
                {
                    *asked = cursor.map(str::to_owned);
                }
            });
        })
    };
    red(&ask(Some("m1")), "I12", &["went back"]);
    red(&ask(Some("2025-11-08")), "I12", &["never given that position"]);
    red(&ask(None), "I12", &["began anew"]);
}

#[test]
fn cache_or_set_out_of_date() {
    let verdict = planted(|story| {
        on_device(story, "tom", |state| {
            drop(state.assets.get_mut("A3").map(|asset| asset.insert("status".into(), json!("failed"))));
            drop(state.inventory.remove("P1"));
            drop(state.work_orders.insert("WO-1".into(), record(order("WO-1", "A1", "maria", "on-hold", "one", 4))));
        })
    });
    red(&verdict, "I3", &["A3 on tom", "failed"]);
    red(&verdict, "I3", &["tom holds P1", "it lacks it"]);
    red(&verdict, "I3", &["tom does not hold WO-1", "it holds it"]);
    red(&verdict, "I13", &["tom never holds WO-1"]);
}

#[test]
fn own_finished_work_vanishes() {
    let verdict = planted(|story| on_device(story, "maria", |state| drop(state.work_orders.remove("WO-2"))));
    red(&verdict, "I3", &["maria keeps WO-2", "it lacks it"]);
    // Nor may a pull take it away.
    let verdict = planted(|story| {
        on_device(story, "maria", |state| drop(state.work_orders.remove("WO-2")));
        story.each(|what| {
            let What::Answer(Message { kind: MessageKind::DeltaAnswer { next_cursor, removed, .. }, .. }) = what else {
                return;
            };
            if next_cursor == "m4" {
                removed.push(Removal { id: "WO-2".into(), reason: RemovalReason::Revoked });
            }
        });
    });
    red(&verdict, "I3", &["maria keeps WO-2", "it lacks it"]);
}

#[test]
fn somebody_elses_order_is_handed_out() {
    let verdict = planted(|story| {
        story.each(|what| {
            if let What::Answer(Message { device, kind: MessageKind::DeltaAnswer { records, .. }, .. }) = what
                && device == "tom"
            {
                records.push(RecordRef { kind: "work-orders".into(), id: "WO-1".into(), version: 1 });
                records.push(RecordRef { kind: "assets".into(), id: "A2".into(), version: 0 });
                // His only since version 2.
                records.push(RecordRef { kind: "work-orders".into(), id: "WO-5".into(), version: 1 });
            }
        });
    });
    for id in ["WO-1", "A2", "WO-5"] {
        red(&verdict, "I13", &["tom at tom is never given", id]);
    }
}

//! Days of work, drawn from the seed: when each device changes what, and when it has no signal.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Member, World};
use super::steps::{Done, impossible, state};
use crate::base::Stream;
use crate::history::LinkState;
use crate::protocol::Record;
use crate::scenario::{DAY, Work};

/// What a device does at some time of its day.
enum Deed {
    Change,
    LoseSignal,
    FindSignal,
}

impl World {
    pub(super) async fn work(&self, member: &Member, step: &Work) -> Done {
        let mut draw = self.seed.stream(&format!("work/{}", member.name));
        let mut number = 0;
        for _ in 0..step.days {
            let morning = tokio::time::Instant::now();
            let orders: Vec<String> = state(member).await?.work_orders.into_keys().collect();
            if orders.is_empty() && step.edits_a_day > 0 {
                return Err(impossible(format!("{} holds no order to work on", member.name)));
            }
            for (at, deed) in day(step, &mut draw) {
                tokio::time::sleep_until(morning + at).await;
                match deed {
                    Deed::Change => {
                        number += 1;
                        let set = change(number, &member.name, &mut draw);
                        self.edit_one(member, draw.pick(&orders).clone(), &set).await?;
                    }
                    Deed::LoseSignal => self.set_link(member, LinkState::DeadZone),
                    Deed::FindSignal => self.reconnect(member).await?,
                }
            }
            tokio::time::sleep_until(morning + DAY.duration()).await;
        }
        Ok(())
    }
}

/// The deeds of one day by their times since its morning.
fn day(step: &Work, draw: &mut Stream) -> Vec<(Duration, Deed)> {
    let mut deeds: Vec<(Duration, Deed)> =
        (0..step.edits_a_day).map(|_| (within(DAY.millis(), draw), Deed::Change)).collect();
    if let Some(zone) = step.dead_zone {
        let (least, most) = (zone.at_least.millis(), zone.at_most.millis());
        let lasts = least + draw.below(most.saturating_sub(least) + 1);
        let begins = within(DAY.millis().saturating_sub(lasts), draw);
        deeds.push((begins, Deed::LoseSignal));
        deeds.push((begins + Duration::from_millis(lasts), Deed::FindSignal));
    }
    // Stable: what falls on the same instant happens in the order in which it was drawn.
    deeds.sort_by_key(|(at, _)| *at);
    deeds
}

fn within(millis: u64, draw: &mut Stream) -> Duration {
    Duration::from_millis(draw.below(millis))
}

/// The so-manieth change on a device: mostly notes and parts, now and then the status. No two set the same value.
fn change(number: u64, device: &str, draw: &mut Stream) -> Record {
    let text = format!("{device} {number}");
    let (field, value): (&str, Value) = match draw.below(10) {
        0 | 1 => ("status", json!(*draw.pick(&["in-progress", "on-hold"]))),
        2..=4 => ("partsUsed", json!([{ "lineId": format!("{device}-{number}"), "partId": "P-101", "qty": 1 }])),
        5 | 6 => ("laborRecords", json!([{ "laborId": format!("{device}-{number}"), "hours": 1, "note": text }])),
        _ => ("customFields", json!({ "lastNote": text })),
    };
    Record::from_iter([(field.to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Seed, Span};
    use crate::scenario::DeadZone;

    fn work(at_least: u64, at_most: u64) -> Work {
        let hours = |hours: u64| Span::from_millis(hours * 3_600_000);
        let zone = DeadZone { at_least: hours(at_least), at_most: hours(at_most) };
        Work { device: "maria".into(), days: 1, edits_a_day: 20, dead_zone: Some(zone) }
    }

    #[test]
    fn a_day_holds_all_its_changes_and_one_dead_zone_of_the_length_asked_for() {
        for seed in 0..50 {
            let day = day(&work(1, 6), &mut Seed(seed).stream("work"));
            let at = |wanted: fn(&Deed) -> bool| day.iter().find(|(_, deed)| wanted(deed)).unwrap().0;
            let lasts = at(|deed| matches!(deed, Deed::FindSignal)) - at(|deed| matches!(deed, Deed::LoseSignal));
            assert!((1..=6 * 3600).contains(&lasts.as_secs()), "{lasts:?}");
            assert_eq!(day.iter().filter(|(_, deed)| matches!(deed, Deed::Change)).count(), 20);
            assert!(day.is_sorted_by_key(|(at, _)| *at) && day.last().unwrap().0 <= DAY.duration());
        }
    }

    #[test]
    fn a_dead_zone_may_last_all_day() {
        let day = day(&work(24, 24), &mut Seed(1).stream("work"));
        assert_eq!(day.last().map(|(at, _)| *at), Some(DAY.duration()));
    }
}

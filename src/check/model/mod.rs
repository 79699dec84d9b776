//! The oracle's own server: replays what was accepted on the seeds, by rules stated here in its own words, and keeps
//! for every operation what became of each of its fields.
//!
//! Where the decisions leave two readings open, it takes the reported outcome as the fact and asks for less.

mod order;
mod place;
mod rules;
mod sight;

use std::collections::BTreeMap;

use crate::protocol::{OperationKind, Record};

pub(super) use order::{Order, Touch, Write};
pub use rules::{FieldRule, RULES, Rule, print_rules};
pub(super) use sight::{Sight, sight};

use super::facts::{Facts, WORK_ORDERS};
use super::item::{Item, items};
use super::operation::Op;
use place::placed;

/// What became of one item of an accepted operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// In force, unless the server's end state says otherwise.
    Stands,
    /// Replaced by the operation at this position.
    Superseded(usize),
    /// Lost to a foreign change; a conflict record must say so.
    Conflict,
}

/// A conflict that the rules call for.
#[derive(Clone, Debug)]
pub(super) struct Expected<'a> {
    /// The field as a conflict names it.
    pub(super) field: String,
    /// Both values; `None` where no value can be named (a delete, say).
    pub(super) values: Option<(&'a serde_json::Value, serde_json::Value)>,
    /// Who wins; `None` where the decisions allow either.
    pub(super) outcome: Option<crate::protocol::ConflictOutcome>,
    /// `false` where the decisions allow to report none.
    pub(super) certain: bool,
    /// The change that set theirs.
    pub(super) theirs: Write<'a>,
}

/// The replayed server.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    pub(super) orders: BTreeMap<&'a str, Order<'a>>,
    /// By operation: its items and their fates; empty for what was not accepted.
    pub(super) fates: Vec<Vec<(Item<'a>, Fate)>>,
    /// By operation: the conflicts that the rules call for.
    pub(super) expected: BTreeMap<usize, Vec<Expected<'a>>>,
}

impl<'a> Model<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let mut model = Self::default();
        model.fates.resize_with(facts.ops.all.len(), Vec::new);
        for (id, seen) in facts.seeded(WORK_ORDERS) {
            model.orders.insert(id, Order::seeded(seen));
        }
        let mut by_order: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, op) in facts.ops.all.iter().enumerate() {
            if op.accepted().is_some() || op.unanswered() {
                by_order.entry(facts.ops.resolve(op.entity).to_owned()).or_default().push(index);
            }
        }
        for (id, group) in by_order {
            model.replay(facts, &id, &group);
        }
        for (id, order) in &mut model.orders {
            order.id = id;
            order.server = facts.final_order(id);
            order.held = order.server.map(|seen| items(seen.record).collect()).unwrap_or_default();
        }
        model
    }

    fn replay(&mut self, facts: &Facts<'a>, id: &str, group: &[usize]) {
        let first = &facts.ops.all[group[0]];
        let origin = self.orders.get(id).map_or(0, |order| order.version);
        let last = facts.final_order(id).map(|seen| version_of(seen.record));
        let sequence = placed(&facts.ops, group, origin, last);
        if sequence.is_empty() {
            return;
        }
        let key: &'a str = self.orders.get_key_value(id).map_or_else(|| real_id(facts, first), |(key, _)| *key);
        let mut order = self.orders.remove(key).unwrap_or_default();
        for step in sequence {
            let op = &facts.ops.all[step.op];
            match op.kind {
                OperationKind::Create => order.create(facts, self, step),
                OperationKind::Update => order.update(facts, self, step),
                OperationKind::Delete => order.delete(facts, self, step),
            }
        }
        self.orders.insert(key, order);
    }

    /// The order that an operation is about.
    pub(super) fn order_of(&self, facts: &Facts<'a>, op: &Op<'a>) -> Option<&Order<'a>> {
        self.orders.get(facts.ops.resolve(op.entity))
    }
}

fn real_id<'a>(facts: &Facts<'a>, op: &Op<'a>) -> &'a str {
    facts.ops.resolve(op.entity)
}

/// The `_version` of a record; 1 where it names none, as the spec's table has it.
pub(super) fn version_of(record: &Record) -> i64 {
    record.get("_version").and_then(serde_json::Value::as_i64).unwrap_or(1)
}

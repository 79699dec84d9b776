//! What a scenario expects of its run, claim by claim.

mod at_rest;
mod clashes;
mod measures;
mod opened;
mod peak;
mod screen;
mod server;
mod states;
mod uploads;
mod wire;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::case::Case;
use super::claim::Claim;
use super::verdict::Findings;
use crate::protocol::Record;

/// Names in claims to ids in the history.
#[derive(Clone, Copy, Debug)]
struct Names<'n, 'a> {
    case: &'n Case<'a>,
    labels: &'n BTreeMap<String, String>,
}

impl<'n> Names<'n, '_> {
    /// The final id of an order that a claim names by id or label.
    fn order(&self, named: &'n str) -> &'n str {
        let id = self.labels.get(named).map_or(named, String::as_str);
        self.case.facts.ops.resolve(id)
    }

    /// `wanted` with the ids of the orders that it names as `@label`.
    fn named(&self, wanted: &Record) -> Record {
        wanted.iter().map(|(field, value)| (field.clone(), self.named_value(value))).collect()
    }

    fn named_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('@').and_then(|label| self.labels.get(label)) {
                Some(id) => Value::from(self.case.facts.ops.resolve(id)),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.named_value(item)).collect(),
            Value::Object(fields) => Value::Object(self.named(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
}

/// A value as scenarios write it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value).unwrap_or_default() {
        Value::String(word) => word,
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

/// Judges `claims`; `labels` names the orders that the story made.
pub(super) fn judge(case: &Case<'_>, claims: &[Claim], labels: &BTreeMap<String, String>, out: &mut Findings) {
    let names = Names { case, labels };
    for claim in claims {
        match claim {
            Claim::Server(claim) => states::server(names, claim, out),
            Claim::ServerLacks(claim) => states::server_lacks(names, claim, out),
            Claim::Device(claim) => states::device(names, claim, out),
            Claim::DeviceLacks(claim) => states::device_lacks(names, claim, out),
            Claim::Conflict(claim) => clashes::conflict(names, claim, out),
            Claim::Conflicts(claim) => clashes::conflicts(names, claim, out),
            Claim::Undecided(claim) => clashes::undecided(names, claim, out),
            Claim::Decided(claim) => clashes::decided(names, claim, out),
            Claim::Removed(claim) => clashes::removed(names, claim, out),
            Claim::Rescued(claim) => clashes::rescued(names, claim, out),
            Claim::Rejected(claim) => clashes::rejected(names, claim, out),
            Claim::Took(claim) => measures::took(case, claim, out),
            Claim::Bytes(claim) => measures::bytes(case, claim, out),
            Claim::Documents(claim) => measures::documents(case, claim, out),
            Claim::Waits(claim) => wire::waits(case, claim, out),
            Claim::Pushed(claim) => wire::pushed(names, claim, out),
            Claim::Requests(claim) => wire::requests(case, claim, out),
            Claim::Compressed(claim) => at_rest::compressed(case, claim, out),
            Claim::Escalated(claim) => wire::escalated(case, claim, out),
            Claim::Peak(claim) => peak::peak(case, claim, out),
            Claim::FetchedAgain(claim) => wire::fetched_again(case, claim, out),
            Claim::Warned(claim) => wire::warned(case, claim, out),
            Claim::Shown(claim) => screen::shown(names, claim, out),
            Claim::Look { step, shown } => screen::look(names, *step, shown, out),
            Claim::Acked(claim) => screen::acked(names, claim, out),
            Claim::Syncs(claim) => wire::syncs(case, claim, out),
            Claim::Stock(claim) => server::stock(names, claim, out),
            Claim::DeadLetter(claim) => server::dead_letter(names, claim, out),
            Claim::Uploads(claim) => uploads::uploads(case, claim, out),
            Claim::Opened(claim) => opened::opened(case, claim, out),
            Claim::Tampered(claim) => server::tampered(names, claim, out),
            Claim::Failed(claim) => wire::failed(case, claim, out),
        }
    }
}

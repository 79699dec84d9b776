//! Defects that sync engines shipped, each planted in the clean story and caught.

mod acknowledgement;
mod conflict;
mod files;
mod order;
mod platform;
mod pull;
mod retry;
mod sealed;
mod secrets;
mod server;
mod session;
mod told;
mod triggers;

use serde_json::json;

use crate::base::CrashHow;
use crate::history::{
    DeviceEvent, DeviceState, Fault, Message, MessageKind, RecordRef, Status, StepOutcome, Trigger, Wait, What,
};
use crate::protocol::{OperationResult, Record, ResultStatus};

use super::super::{Class, Finding};
use super::story::{Story, order, record, result};
use super::{clean, finds, planted, red, verdict};

fn on_server(story: &mut Story, id: &str, change: impl Fn(&mut Record)) {
    story.each(|what| {
        if let What::ServerRecord { record, .. } = what
            && record.get("workOrderId").is_some_and(|held| held == id)
        {
            change(record);
        }
    });
}

pub(super) fn on_device(story: &mut Story, name: &str, change: impl Fn(&mut DeviceState)) {
    story.each(|what| {
        if let What::DeviceState { device, state } = what
            && device == name
        {
            change(state);
        }
    });
}

fn in_both(story: &mut Story, id: &str, change: impl Fn(&mut Record)) {
    on_server(story, id, &change);
    for device in ["maria", "tom"] {
        on_device(story, device, |state| state.work_orders.get_mut(id).into_iter().for_each(&change));
    }
}

/// Changes every result of an operation; the second argument counts them from 0.
fn answered(story: &mut Story, queue_id: &str, mut change: impl FnMut(&mut OperationResult, usize)) {
    let mut count = 0;
    story.each(|what| {
        let What::Answer(Message { kind: MessageKind::PushAnswer { results }, .. }) = what else { return };
        for result in results.iter_mut().filter(|result| result.queue_id == queue_id) {
            change(result, count);
            count += 1;
        }
    });
}

fn set(field: &'static str, value: serde_json::Value) -> impl Fn(&mut Record) {
    move |record| drop(record.insert(field.into(), value.clone()))
}

//! Events as sentences: what a person reads around a failure.

use std::collections::BTreeMap;

use super::files;
use crate::history::{
    Capability, ChangeLine, Decision, DeviceEvent, DeviceState, Edit, Event, Icon, Message, MessageKind,
    OperationRecord, Phase, ResyncReason, Side, Status, StepOutcome, SyncOutcome, Tls, Wait, What,
};

/// Milliseconds as a person reads them: `0.250 s`, `26 min 45 s`, `7 d 0 h`.
#[must_use]
pub fn milliseconds(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds}.{:03} s", ms % 1_000),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// One event in a line, with its time.
#[must_use]
pub fn event(event: &Event) -> String {
    format!("{:>12}  {}", milliseconds(event.at_ms), what(&event.what))
}

fn what(what: &What) -> String {
    match what {
        What::RunStarted { scenario, seed, world, tls, .. } => started(scenario, *seed, world, *tls),
        What::UserSeeded { profile } => format!("the server knows {} ({})", profile.user_id, profile.role),
        What::DeviceAdded { device, user, link, .. } => format!("{device} belongs to {user} and is on {link}"),
        What::Lacks { device, capabilities } => lacks(device, capabilities),
        What::Broke { device, why } => format!("{device} breaks the device protocol: {why}"),
        What::RecordSeeded { kind, record } => format!("the server holds {} of {kind}", name_of(record)),
        What::StepStarted { text, .. } => format!("step: {text}"),
        What::StepEnded { outcome: StepOutcome::Done, .. } => "step done".into(),
        What::StepEnded { outcome: StepOutcome::Failed { detail }, .. } => format!("step not done: {detail}"),
        What::StepEnded { outcome: StepOutcome::Crashed, .. } => "the device crashed under the step".into(),
        What::StepEnded { outcome: StepOutcome::Impossible { detail }, .. } => format!("step impossible: {detail}"),
        What::Attempted { device, edit } => attempted(device, edit),
        What::Acknowledged { device, operation } => {
            let OperationRecord { operation, entity_id, queue_id, .. } = operation;
            format!("{device} may rely on the {operation} of {entity_id} ({})", short(queue_id))
        }
        What::Choosing { device, entity_id, field, with } => choosing(device, entity_id, field.as_deref(), *with),
        What::Preferring { device, entity_id, field, with } => preferring(device, entity_id.as_deref(), field, *with),
        What::DiskSearched { device, bytes } => format!("all {bytes} bytes ever written by {device} are searched"),
        What::ServerSearched { bytes } | What::WireSearched { bytes } => searched(what, *bytes),
        What::Guarded { device, event } => format!("{device} {event}"),
        What::Sighted { device, sighting } => format!("seen of {device}: {sighting}"),
        What::Tampered { device, answers } => format!("tampering as {device} is answered: {}", answers.join(", ")),
        What::Refused { device, detail } => format!("{device} is refused: {detail}"),
        What::Warned { device, changes, accepted } => warned(device, *changes, *accepted),
        What::SignedIn { device, user } => format!("{user} signs in on {device}"),
        What::Device { device, event } => format!("{device} {}", device_event(event)),
        What::Captured { .. }
        | What::FileSettings { .. }
        | What::FilesLost { .. }
        | What::Opening { .. }
        | What::SyncEvery { .. }
        | What::ServerFile { .. } => files::what(what),
        What::Told { device, what } => format!("the platform tells {device}: {what:?}"),
        What::LinkChanged { device, state } => format!("the link of {device} is now {state:?}"),
        What::ServerChanged { state } => format!("the server is now {state:?}"),
        What::Decided { device, order, decision } => format!("{device} has {}", decided(order, *decision)),
        What::ConnectionOpened { device, connection } => format!("{device} opens connection {connection}"),
        What::Secured { .. } | What::HandshakeFailed { .. } => handshake(what),
        What::ConnectionClosed { device, connection } => format!("connection {connection} of {device} ends"),
        What::Request(message) => request(message),
        What::Answer(message) => answer(message),
        What::FaultArmed { device, fault, .. } => format!("armed for {device}: {fault:?}"),
        What::FaultFired { device, id, .. } => format!("fault {id} strikes {device}"),
        What::Crashed { device, how, .. } => format!("{device} crashes ({how:?})"),
        What::Restarted { device } => format!("{device} starts again"),
        What::Healed => "the network heals".into(),
        What::Settled => "everything is at rest".into(),
        What::NotSettled { waits } => waiting(waits),
        What::Read { device, entity_id, row: Some(row) } => {
            let fields: Vec<String> = row.iter().map(|(field, value)| format!("{field} = {value}")).collect();
            format!("{device} reads in {entity_id}: {}", fields.join(", "))
        }
        What::Read { device, entity_id, row: None } => format!("{device} sees no {entity_id}"),
        What::Looked { device, state, .. } => format!("a look: {device} holds {}", held(state)),
        What::DeviceState { device, state } => format!("{device} holds {}", held(state)),
        What::DiskUsed { device, operations } => format!("the disk of {device} has seen {operations} operations"),
        What::UserView { user_id, work_orders, .. } => {
            format!("the server shows {user_id} {} orders", work_orders.len())
        }
        What::DeadLetters { letters } => format!("{} updates came too late for their orders", letters.len()),
        What::ServerRecord { kind, record } => format!("the server ends with {} of {kind}", name_of(record)),
        What::ServerConflict { record } => format!("the server's audit has a conflict on {}", record.entity_id),
        What::Interrupted => "interrupted".into(),
        What::Frozen { steps } => format!("given up: somebody runs in circles, {steps} steps and time stood still"),
        What::RunEnded => "the run ends".into(),
    }
}

fn lacks(device: &str, capabilities: &[Capability]) -> String {
    let all: Vec<&str> = capabilities.iter().map(|capability| capability.word()).collect();
    format!("the client on {device} does not offer {}", all.join(", "))
}

fn started(scenario: &str, seed: u64, world: &str, tls: Tls) -> String {
    let tls = match tls {
        Tls::None => "",
        Tls::Modelled => ", TLS modelled",
        Tls::Real => ", TLS 1.3",
    };
    format!("run of `{scenario}` starts, seed {seed}, {world}{tls}")
}

fn handshake(what: &What) -> String {
    if let What::Secured { device, connection, version, certificate, up, down } = what {
        let whose = if certificate.is_none_or(|shown| shown.is_the_servers()) { "" } else { " with an impostor" };
        return format!("connection {connection} of {device} is secured{whose}: {version}, {up} bytes up, {down} down");
    }
    let What::HandshakeFailed { device, connection, detail } = what else { return String::new() };
    format!("connection {connection} of {device} fails before a byte of HTTP: {detail}")
}

fn waiting(waits: &[Wait]) -> String {
    let waits: Vec<String> = waits.iter().map(|wait| format!("{} waits: {}", wait.device, wait.what)).collect();
    format!("not at rest: {}", waits.join("; "))
}

fn held(state: &DeviceState) -> String {
    format!("{} orders, {} queued", state.work_orders.len(), state.queue.len())
}

fn attempted(device: &str, edit: &Edit) -> String {
    format!("{device} sets out to {} {}", edit.action, edit.entity_id.as_deref().unwrap_or("a new order"))
}

fn preferring(device: &str, order: Option<&str>, field: &str, with: Option<Side>) -> String {
    let keep = with.map_or_else(|| "what its user says".to_owned(), |side| side.to_string());
    format!("{device} will keep {keep} on {field} of {}", order.unwrap_or("every order"))
}

fn warned(device: &str, changes: u64, accepted: bool) -> String {
    let answer = if accepted { "the user accepts that" } else { "so it does not log out" };
    format!("{device} warns that {changes} changes would be lost; {answer}")
}

fn choosing(device: &str, order: &str, field: Option<&str>, with: Side) -> String {
    format!("{device} chooses {with} on {} of {order}", field.unwrap_or("all that waits"))
}

fn decided(order: &str, decision: Decision) -> String {
    match decision {
        Decision::Retry => format!("the failed change of {order} tried again"),
        Decision::Discard => format!("the failed change of {order} given up"),
    }
}

pub(super) fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(8)..).unwrap_or(id)
}

fn name_of(record: &crate::protocol::Record) -> String {
    let id = ["workOrderId", "assetId", "partId"].iter().find_map(|key| record.get(*key)?.as_str());
    id.unwrap_or("a record").to_owned()
}

fn device_event(event: &DeviceEvent) -> String {
    match event {
        DeviceEvent::Opened { queued, interrupted } => {
            format!("opens its database: {queued} queued, {interrupted} interrupted")
        }
        DeviceEvent::SyncStarted { trigger } => format!("starts to sync ({trigger:?})"),
        DeviceEvent::PhaseStarted { phase } => format!("begins to {}", phase_name(*phase)),
        DeviceEvent::PhaseEnded { phase, count } => format!("is through with its {}: {count}", phase_name(*phase)),
        DeviceEvent::SyncEnded { outcome: SyncOutcome::Done } => "has synced".into(),
        DeviceEvent::SyncEnded { outcome: SyncOutcome::Offline } => "did not sync: offline".into(),
        DeviceEvent::SyncEnded { outcome: SyncOutcome::Failed { code, detail } } => {
            format!("failed to sync: {code}: {detail}")
        }
        DeviceEvent::Shown { status, queued, .. } => format!("shows `{}`, {queued} queued", status_name(status)),
        DeviceEvent::Marked { changes, icons } => marked(changes, icons),
        DeviceEvent::Backoff { failures, wait_ms, code, .. } => {
            format!("waits {} after failure {failures} ({code})", milliseconds(*wait_ms))
        }
        DeviceEvent::Conflict(record) => {
            let fields: Vec<&str> = record.fields.iter().map(|field| field.field.as_str()).collect();
            format!("records a conflict on {}: {}", record.entity_id, fields.join(", "))
        }
        DeviceEvent::Chosen(choice) => {
            let whose = if choice.by_preference { "follows a preference" } else { "keeps a choice" };
            format!("{whose} on {} ({})", choice.operation.entity_id, short(&choice.operation.queue_id))
        }
        DeviceEvent::Undone { queue_id } => format!("takes a choice back ({})", short(queue_id)),
        DeviceEvent::Noticed(notice) => {
            format!("tells its user: {} failed: {}: {}", notice.entity_id, notice.code, notice.detail)
        }
        DeviceEvent::Corrected { queue_id, by } => {
            format!("puts a corrected change ({}) in the place of {}", short(by), short(queue_id))
        }
        DeviceEvent::Escalated { failures, detail } => {
            format!("tells its user that the server has failed {failures} times: {detail}")
        }
        DeviceEvent::Removed { entity_id, reason } => format!("removes {entity_id} ({reason:?})"),
        DeviceEvent::Rescued(rescued) => {
            format!("rescues the {} of {}: {}", rescued.operation, rescued.entity_id, rescued.reason)
        }
        DeviceEvent::Resync { reason: ResyncReason::Expired } => {
            "pulls everything anew: its position is too old".into()
        }
        DeviceEvent::Resync { reason: ResyncReason::Differs } => {
            "pulls everything anew: it does not hold what the server says".into()
        }
        DeviceEvent::CacheCleared => "clears its cache".into(),
        DeviceEvent::CleanedUp { orders } => format!("deletes old work: {}", orders.join(", ")),
        DeviceEvent::Attached { attachment_id, original, bytes, .. } => {
            format!("keeps a file of {original} bytes as {bytes} ({})", short(attachment_id))
        }
        DeviceEvent::Uploading { attachment_id, offset, bytes } => {
            format!("sends {bytes} bytes of {} from {offset} on", short(attachment_id))
        }
        DeviceEvent::Uploaded { attachment_id } => format!("is through with {}", short(attachment_id)),
        DeviceEvent::File(event) => files::came(event),
        DeviceEvent::LookedUp { what, from, .. } => format!("looks up {what} ({from:?})"),
        DeviceEvent::LoggedOut => "logs its user out".into(),
    }
}

fn marked(changes: &[ChangeLine], icons: &BTreeMap<String, Icon>) -> String {
    let changes = changes.iter().map(|line| format!("{} of {}: {:?}", line.what, line.entity_id, line.state));
    let icons = icons.iter().map(|(id, icon)| format!("{id} {icon:?}"));
    format!("shows {}", changes.chain(icons).collect::<Vec<_>>().join(", "))
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Push => "push",
        Phase::Pull => "pull",
        Phase::Files => "files",
    }
}

fn status_name(status: &Status) -> String {
    match status {
        Status::Synced => "synced".into(),
        Status::Queued => "queued".into(),
        Status::Syncing => "syncing".into(),
        Status::Offline => "offline".into(),
        Status::Failed { code, retry_in_ms: None } => format!("failed: {code}"),
        Status::Failed { code, retry_in_ms: Some(wait) } => {
            format!("failed: {code}, next try in {}", milliseconds(*wait))
        }
    }
}

fn searched(what: &What, bytes: u64) -> String {
    let database = matches!(what, What::ServerSearched { .. });
    let place = if database { "in the server's database" } else { "that passed the proxy" };
    format!("all {bytes} bytes {place} are searched")
}

fn request(message: &Message) -> String {
    let lost = if message.delivered { "" } else { ", LOST" };
    format!("{} → server: {} ({} B{lost})", message.device, kind(&message.kind), message.bytes)
}

fn answer(message: &Message) -> String {
    let lost = if message.delivered { "" } else { ", LOST" };
    format!("server → {}: {} {} ({} B{lost})", message.device, message.status, kind(&message.kind), message.bytes)
}

fn kind(kind: &MessageKind) -> String {
    match kind {
        MessageKind::SignIn => "sign-in".into(),
        MessageKind::Refresh => "token refresh".into(),
        MessageKind::Profile => "profile".into(),
        MessageKind::Delta { cursor: None, since: None, .. } => "pull everything".into(),
        MessageKind::Delta { digest: true, .. } => "pull changes and compare".into(),
        MessageKind::Delta { .. } => "pull changes".into(),
        MessageKind::DeltaAnswer { records, removed, .. } => {
            format!("{} records, {} removals", records.len(), removed.len())
        }
        MessageKind::Selection => "pick what to sync".into(),
        MessageKind::SelectionAnswer { picked } => format!("{} orders picked", picked.len()),
        MessageKind::Upload(upload) => files::upload(upload),
        MessageKind::UploadAnswer { offset: Some(offset) } => format!("{offset} bytes are there"),
        MessageKind::UploadAnswer { offset: None } => "upload".into(),
        MessageKind::File { attachment_id, thumbnail, .. } => {
            format!("{} of {}", if *thumbnail { "thumbnail" } else { "file" }, short(attachment_id))
        }
        MessageKind::FileAnswer { bytes, .. } => format!("{bytes} bytes of a file"),
        MessageKind::Push { operations } => format!("push of {}", operations.len()),
        MessageKind::PushAnswer { results } => format!("{} results", results.len()),
        MessageKind::Asset => "specs of an asset".into(),
        MessageKind::NotModified => "nothing has changed".into(),
        MessageKind::Problem { code, detail } => format!("{code}: {detail}"),
        MessageKind::Other { summary } => summary.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        assert_eq!(milliseconds(250), "0.250 s");
        assert_eq!(milliseconds(1_605_000), "26 min 45 s");
        assert_eq!(milliseconds(7 * 86_400_000), "7 d 0 h");
    }
}

//! Sealed fields (spec 8.3, optional): the device's key, what goes out in envelopes, and what comes in them.
//!
//! In the device's own database, which is encrypted, values lie open. They are sealed when they first go out, to whoever
//! may see the record at that moment, and the envelope is kept with its operation: what is sent again is the same. What
//! cannot be opened here is kept as it came.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use rusqlite::Connection;
use serde_json::Value;

use super::answer::Failure;
use super::engine::Engine;
use super::keychain::{KeychainError, SEALING_KEY, secret};
use super::store::queue::Queued;
use super::store::{StoreError, meta, rows};
use super::transport::in_query;
use crate::base::{hex, unhex};
use crate::history::UNREADABLE;
use crate::protocol::{
    Envelope, OpeningKey, OperationKind, OperationResult, RecipientsAnswer, Record, SealingKey, SealingKeyRequest,
    Slot, TEMPORARY_ID_PREFIX, path, seal, temporary_ids,
};

/// The fields that the server takes sealed alone, as it last said.
fn fields(c: &Connection) -> Result<Vec<String>, StoreError> {
    Ok(meta::get(c, meta::SEALED)?.map(|fields| serde_json::from_str(&fields)).transpose()?.unwrap_or_default())
}

/// Whether the server takes `field` sealed alone: then nobody but users can compare two values of it.
pub(super) fn is_sealed(c: &Connection, field: &str) -> Result<bool, StoreError> {
    Ok(fields(c)?.iter().any(|sealed| sealed == field))
}

/// Takes down what the server says of sealed fields, and registers the device's key if there are any: before anything is
/// sent, so that nothing goes out open.
pub(super) async fn prepare(engine: &Engine) -> Result<(), Failure> {
    let begun = meta::get(engine.store.read(), meta::USER_ID)?.is_some();
    if !begun && engine.session.has_refresh_token()? {
        // A crash came between the sign-in and what it said.
        engine.session.renew().await?;
    }
    let mut sealed = fields(engine.store.read())?;
    if let Some(announced) = engine.session.take_announced()
        && announced != sealed
    {
        let written = serde_json::to_string(&announced).map_err(StoreError::from)?;
        engine.store.write(|tx| meta::set(tx, meta::SEALED, &written))?;
        sealed = announced;
    }
    let device_id = engine.device_id.borrow().clone();
    if sealed.is_empty() || meta::get(engine.store.read(), meta::SEALING_KEY_OF)?.as_ref() == Some(&device_id) {
        return Ok(());
    }
    let public_key = own_key(engine)?.public().text();
    let json = serde_json::to_vec(&SealingKeyRequest { public_key }).map_err(StoreError::from)?;
    let _registered: SealingKeyRequest = engine.session.post_json(path::SEALING_KEY, json).await?;
    Ok(engine.store.write(|tx| meta::set(tx, meta::SEALING_KEY_OF, &device_id))?)
}

/// The device's key; a new one if there is none.
fn own_key(engine: &Engine) -> Result<OpeningKey, KeychainError> {
    let random = &mut engine.random.borrow_mut();
    read_key(&secret(&*engine.keychain, SEALING_KEY, || hex(&OpeningKey::draw(random).to_bytes()))?)
}

fn read_key(text: &str) -> Result<OpeningKey, KeychainError> {
    let key = unhex(text).and_then(|bytes| OpeningKey::from_bytes(&bytes));
    key.ok_or_else(|| KeychainError::Failed("the key for sealed fields in it is damaged".into()))
}

impl Engine {
    /// The key by which envelopes that come in are opened, if the device has one.
    fn opening_key(&self) -> Result<Option<OpeningKey>, StoreError> {
        let text = self.keychain.get(SEALING_KEY).map_err(|error| StoreError::new(error.to_string()))?;
        text.map(|text| read_key(&text)).transpose().map_err(|error| StoreError::new(error.to_string()))
    }

    /// What envelopes call the device's key by, if it has one.
    pub(super) fn sealing_key_id(&self) -> Result<Option<String>, StoreError> {
        Ok(self.opening_key()?.map(|key| key.public().id()))
    }
}

/// Seals what is to be sealed of `operations`, which are about to go out in that order, in a batch of `budget` bytes at
/// most. What cannot go out yet is left out, with all behind it; and so is what is not sealed when the budget is spent, or
/// when something `overtakes` it: who may read it is asked of each order, and may take its time.
pub(super) async fn seal_all(
    engine: &Engine,
    operations: &mut Vec<Queued>,
    (budget, overtakes): (usize, impl Fn() -> Result<bool, StoreError>),
) -> Result<(), Failure> {
    let fields = fields(engine.store.read())?;
    if fields.is_empty() {
        return Ok(());
    }
    let waits = operations.iter().skip(1).position(|operation| must_wait(operation, &fields));
    operations.truncate(waits.map_or(operations.len(), |before| before + 1));
    let mut known: BTreeMap<String, Vec<SealingKey>> = BTreeMap::new();
    let (mut spent, mut ready) = (0, operations.len());
    for (index, operation) in operations.iter_mut().enumerate() {
        let open = to_seal(operation, &fields);
        if open.is_empty() {
            continue;
        }
        let query = who_may_see(operation);
        if !known.contains_key(&query) {
            if index > 0 && (spent > budget || overtakes()?) {
                ready = index;
                break;
            }
            known.insert(query.clone(), recipients(engine, &query).await?);
        }
        let keys = known.get(&query).map(Vec::as_slice).unwrap_or_default();
        let mut sealed = Record::new();
        for field in open {
            let value = operation.payload.get(&field).unwrap_or(&Value::Null);
            let slot = Slot { id: &operation.entity_id, field: &field };
            let envelope = seal(value, slot, keys, &mut engine.random.borrow_mut());
            let envelope = envelope.ok_or_else(|| Failure::network("a key that the server gave cannot be used"))?;
            // What is sealed packs badly: of base64 three quarters are left.
            spent += envelope.len() / 4 * 3;
            sealed.insert(field, envelope.into());
        }
        operation.sealed = Some(sealed);
    }
    operations.truncate(ready);
    Ok(())
}

/// The fields of `operation` that are to be sealed now: what was sent is the same for ever. What came in an envelope that
/// cannot be opened here goes back in it.
fn to_seal(operation: &Queued, fields: &[String]) -> Vec<String> {
    if operation.sent_as.is_some() || operation.sealed.is_some() {
        return Vec::new();
    }
    let value = |field: &String| operation.payload.get(field).unwrap_or(&Value::Null);
    let open = |field: &&String| !value(field).is_null() && Envelope::of(value(field)).is_none();
    fields.iter().filter(open).cloned().collect()
}

/// Whether the real id must be known first of the record that `operation` is about, or of one that it names in what is
/// sealed, where nobody but this device could put it.
fn must_wait(operation: &Queued, fields: &[String]) -> bool {
    let nameless = operation.operation != OperationKind::Create && operation.entity_id.starts_with(TEMPORARY_ID_PREFIX);
    let names = |field: &String| {
        let text = operation.payload.get(field).map(Value::to_string).unwrap_or_default();
        temporary_ids(&text).next().is_some()
    };
    let open = to_seal(operation, fields);
    !open.is_empty() && (nameless || open.iter().any(names))
}

/// The query that asks who may see the record once `operation` is done.
fn who_may_see(operation: &Queued) -> String {
    let text = |field: &str| operation.payload.get(field).and_then(Value::as_str);
    let created = operation.operation == OperationKind::Create;
    let asks = [
        ("order", (!created).then_some(operation.entity_id.as_str())),
        ("siteId", text("siteId").filter(|_| created)),
        ("assignedTo", text("assignedTo")),
    ];
    let mut query = String::new();
    for (ask, value) in asks.iter().filter_map(|(ask, value)| Some((ask, (*value)?))) {
        let mark = if query.is_empty() { '?' } else { '&' };
        let _ = write!(query, "{mark}{ask}={}", in_query(value));
    }
    query
}

/// The keys of whoever may see a record, asked for right before they are used. Of a record that the server does not give
/// its user, the push will tell; until then its user's own device can read what they wrote.
async fn recipients(engine: &Engine, query: &str) -> Result<Vec<SealingKey>, Failure> {
    let own = own_key(engine)?.public();
    let answer: RecipientsAnswer = match engine.session.get(format!("{}{query}", path::RECIPIENTS)).await {
        Ok(answer) => answer,
        Err(failure) if failure.ours && [403, 404].contains(&failure.status) => RecipientsAnswer::default(),
        Err(failure) => return Err(failure),
    };
    // A key that cannot be read shuts out its own device alone.
    let mut keys: Vec<SealingKey> =
        answer.recipients.iter().filter_map(|recipient| SealingKey::parse(&recipient.public_key)).collect();
    if !keys.contains(&own) {
        keys.push(own);
    }
    Ok(keys)
}

/// `record`, which the server gives as its state of `id`, with every envelope in it opened that can be.
pub(super) fn opened<'r>(
    engine: &Engine,
    tx: &Connection,
    id: &str,
    record: &'r Record,
) -> Result<Cow<'r, Record>, StoreError> {
    let mut opened = Cow::Borrowed(record);
    for (field, value) in record {
        if let Some(plain) = open(engine, tx, (id, field), value)? {
            opened.to_mut().insert(field.clone(), plain);
        }
    }
    Ok(opened)
}

/// The same for what the server says of an operation on `id`.
pub(super) fn opened_result<'r>(
    engine: &Engine,
    tx: &Connection,
    id: &str,
    result: &'r OperationResult,
) -> Result<Cow<'r, OperationResult>, StoreError> {
    let mut result = Cow::Borrowed(result);
    if let Some(state) = &result.server_state
        && let Cow::Owned(state) = opened(engine, tx, id, state)?
    {
        result.to_mut().server_state = Some(state);
    }
    for index in 0..result.conflicts.len() {
        let met = &result.conflicts[index];
        let mine = open(engine, tx, (id, &met.field), &met.mine)?;
        let theirs = open(engine, tx, (id, &met.field), &met.theirs)?;
        if let Some(mine) = mine {
            result.to_mut().conflicts[index].mine = mine;
        }
        if let Some(theirs) = theirs {
            result.to_mut().conflicts[index].theirs = theirs;
        }
    }
    Ok(result)
}

/// What is in `value`, if it is an envelope for this device that belongs where it lies.
fn open(
    engine: &Engine,
    tx: &Connection,
    (id, field): (&str, &str),
    value: &Value,
) -> Result<Option<Value>, StoreError> {
    let Some(envelope) = Envelope::of(value) else { return Ok(None) };
    let Some(key) = engine.opening_key()? else { return Ok(None) };
    if envelope.about() != id && !rows::became(tx, envelope.about(), id)? {
        return Ok(None);
    }
    Ok(envelope.open(field, &key))
}

/// `record` as its user is shown it: what cannot be read here says so.
pub(super) fn shown(mut record: Record) -> Record {
    for value in record.values_mut() {
        if Envelope::of(value).is_some() {
            *value = UNREADABLE.into();
        }
    }
    record
}

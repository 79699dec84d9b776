//! Sealed fields on the stage (spec 8.3): the office and the auditor have keys of their own, like a device, and what is
//! recorded of sealed fields is what the auditor reads in them. The server has neither key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::api::{ApiError, ApiUser};
use super::office::OFFICE;
use super::stage::{AUDITOR, World};
use crate::base::{Seed, Stream};
use crate::history::{ENVELOPES, MessageKind};
use crate::protocol::{
    ConflictRecord, DeadLetter, Envelope, FieldConflict, OpeningKey, OperationKind, Record, SealingKey, Slot, seal,
};
use crate::proxy::Proxy;

impl World {
    /// Makes the keys of office and auditor known to the server, before anything is sealed.
    pub(super) async fn enrol_readers(&self) -> Result<(), ApiError> {
        let Some(sealing) = &self.sealing else { return Ok(()) };
        self.office.api.register(&sealing.office.public()).await?;
        self.reader(AUDITOR).register(&sealing.auditor.public()).await
    }
}

/// Which fields are sealed, and the keys of those who have no device.
pub(super) struct Sealing {
    fields: Vec<String>,
    office: OpeningKey,
    auditor: OpeningKey,
    /// What temporary ids became, by the first record that was found under each.
    became: RefCell<BTreeMap<String, String>>,
}

impl Sealing {
    /// Sealing of `fields`, of which `proxy` records what the auditor reads; `None` where there are none.
    pub(super) fn of(fields: &[String], seed: Seed, proxy: &Proxy) -> Option<Rc<Self>> {
        if fields.is_empty() {
            return None;
        }
        let key = |user: &str| OpeningKey::draw(&mut seed.stream(&format!("{user}/sealing")));
        let (office, auditor) = (key(OFFICE), key(AUDITOR));
        let sealing = Rc::new(Self { fields: fields.to_vec(), office, auditor, became: RefCell::default() });
        let reader = sealing.clone();
        proxy.on_read(Rc::new(move |kind| reader.read(kind)));
        Some(sealing)
    }

    /// `payload` as the office sends it.
    pub(super) async fn seal(
        &self,
        office: &ApiUser,
        (operation, order): (OperationKind, &str),
        mut payload: Record,
        random: &RefCell<Stream>,
    ) -> Result<Record, ApiError> {
        let open: Vec<&String> =
            self.fields.iter().filter(|field| payload.get(*field).is_some_and(|value| !value.is_null())).collect();
        if open.is_empty() {
            return Ok(payload);
        }
        let text = |field: &str| payload.get(field).and_then(Value::as_str);
        let site = text("siteId").filter(|_| operation == OperationKind::Create);
        let known = (operation != OperationKind::Create).then_some(order);
        let asks = [("order", known), ("siteId", site), ("assignedTo", text("assignedTo"))];
        let keys = office.recipients(&asks).await?;
        for field in open {
            let value = payload.get(field).cloned().unwrap_or_default();
            payload.insert(field.clone(), sealed(&value, Slot { id: order, field }, &keys, random)?);
        }
        Ok(payload)
    }

    /// A message as the history has it: envelopes in it opened, as far as the auditor can. Whether each lies where it
    /// belongs, what the server holds at the end shows.
    pub(super) fn read(&self, mut kind: MessageKind) -> MessageKind {
        if let MessageKind::Push { operations } = &mut kind {
            operations.iter_mut().for_each(|operation| self.read_all(&mut operation.payload));
        }
        if let MessageKind::PushAnswer { results } = &mut kind {
            for result in results {
                self.read_conflicts(&mut result.conflicts);
                if let Some(state) = &mut result.server_state {
                    self.read_all(state);
                }
            }
        }
        kind
    }

    /// The server's record, with what the auditor reads in its envelopes where they lie in the right place, and the
    /// envelopes themselves beside it.
    pub(super) fn read_record(&self, id: &str, mut record: Record) -> Record {
        let found = |(field, value): (&String, &Value)| Envelope::of(value).map(|envelope| (field.clone(), envelope));
        let mut envelopes = Record::new();
        for (field, envelope) in record.iter().filter_map(found).collect::<Vec<_>>() {
            let here = envelope.about() == id || self.became(envelope.about(), id);
            let plain = here.then(|| envelope.open(&field, &self.auditor)).flatten();
            let raw = record.get(&field).cloned().unwrap_or_default();
            envelopes.insert(field.clone(), raw);
            if let Some(plain) = plain {
                record.insert(field, plain);
            }
        }
        if !envelopes.is_empty() {
            record.insert(ENVELOPES.into(), Value::Object(envelopes));
        }
        record
    }

    /// The server's record of a conflict.
    pub(super) fn read_conflict(&self, mut record: ConflictRecord) -> ConflictRecord {
        self.read_conflicts(&mut record.fields);
        record
    }

    /// What came too late.
    pub(super) fn read_letter(&self, mut letter: DeadLetter) -> DeadLetter {
        self.read_all(&mut letter.payload);
        letter
    }

    fn read_conflicts(&self, conflicts: &mut [FieldConflict]) {
        for met in conflicts {
            for value in [&mut met.mine, &mut met.theirs] {
                self.read_one(&met.field, value);
            }
        }
    }

    fn read_all(&self, record: &mut Record) {
        record.iter_mut().for_each(|(field, value)| self.read_one(field, value));
    }

    fn read_one(&self, field: &str, value: &mut Value) {
        if let Some(plain) = Envelope::of(value).and_then(|envelope| envelope.open(field, &self.auditor)) {
            *value = plain;
        }
    }

    fn became(&self, temporary: &str, id: &str) -> bool {
        let mut became = self.became.borrow_mut();
        became.entry(temporary.to_owned()).or_insert_with(|| id.to_owned()) == id
    }
}

fn sealed(value: &Value, slot: Slot<'_>, keys: &[SealingKey], random: &RefCell<Stream>) -> Result<Value, ApiError> {
    let envelope = seal(value, slot, keys, &mut random.borrow_mut());
    envelope.map(Value::from).ok_or_else(|| ApiError(format!("`{}` cannot be sealed", slot.field)))
}

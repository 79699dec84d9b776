//! All gates by name, and what can be done to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::gate::{Gate, Ground, ListenError, lock};
use super::toxic::{Description, Toxic, ToxicError};

/// The gates.
#[derive(Debug)]
pub(super) struct Gates {
    pub(super) ground: Arc<Ground>,
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
}

/// Why something cannot be done to a gate or a toxic.
#[derive(Debug)]
pub(super) enum GateError {
    /// There is no such gate.
    NoGate,
    /// There is one of this name.
    GateExists,
    /// There is no such toxic.
    NoToxic,
    /// There is one of this name.
    ToxicExists,
    /// The toxic is none.
    Toxic(ToxicError),
    /// The address cannot be listened on.
    Listen(ListenError),
}

impl From<ListenError> for GateError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<ToxicError> for GateError {
    fn from(error: ToxicError) -> Self {
        Self::Toxic(error)
    }
}

impl Gates {
    /// None yet.
    pub(super) fn new(ground: Arc<Ground>) -> Self {
        Self { ground, gates: Mutex::default() }
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<Arc<Gate>> {
        lock(&self.gates).values().cloned().collect()
    }

    /// The one called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Gate>, GateError> {
        lock(&self.gates).get(name).cloned().ok_or(GateError::NoGate)
    }

    /// Adds a gate, in place of one of the same name.
    pub(super) fn add(&self, gate: Arc<Gate>) {
        lock(&self.gates).insert(gate.name.to_string(), gate);
    }

    /// Makes a gate and opens it, if asked to.
    ///
    /// # Errors
    /// When there is one of this name, or it cannot be opened.
    pub(super) fn create(&self, name: &str, listen: &str, upstream: &str, open: bool) -> Result<Arc<Gate>, GateError> {
        let mut gates = lock(&self.gates);
        if gates.contains_key(name) {
            return Err(GateError::GateExists);
        }
        let gate = Arc::new(Gate::new(name, listen, upstream, Arc::clone(&self.ground)));
        if open {
            gate.open()?;
        }
        gates.insert(name.to_owned(), Arc::clone(&gate));
        Ok(gate)
    }

    /// Makes a gate as [`Gates::create`] does, in place of one that has this name and leads from or to somewhere else.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn populate(
        &self,
        name: &str,
        listen: &str,
        upstream: &str,
        open: bool,
    ) -> Result<Arc<Gate>, GateError> {
        if let Ok(gate) = self.get(name) {
            if gate.is_at(listen) && gate.upstream() == upstream {
                return Ok(gate);
            }
            self.remove(name)?;
        }
        self.create(name, listen, upstream, open)
    }

    /// Closes a gate and forgets it.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn remove(&self, name: &str) -> Result<(), GateError> {
        let gate = lock(&self.gates).remove(name).ok_or(GateError::NoGate)?;
        gate.close();
        gate.at_home({
            let name = Arc::clone(&gate.name);
            move |field| field.forget(&name)
        });
        Ok(())
    }

    /// Opens all gates and takes all toxics away.
    ///
    /// # Errors
    /// When a gate cannot be opened.
    pub(super) fn reset(&self) -> Result<(), GateError> {
        for gate in self.all() {
            gate.open()?;
            gate.change_toxics(|toxics| {
                toxics.clear();
                Ok::<(), GateError>(())
            })?;
        }
        Ok(())
    }

    /// Adds a toxic to the gate.
    ///
    /// # Errors
    /// When it is none, or there is one of this name.
    pub(super) fn add_toxic(&self, gate: &str, description: Description) -> Result<Toxic, GateError> {
        let toxic = Toxic::new(description)?;
        self.get(gate)?.change_toxics(|toxics| {
            if toxics.iter().any(|other| other.name == toxic.name) {
                return Err(GateError::ToxicExists);
            }
            toxics.push(toxic.clone());
            Ok(toxic)
        })
    }

    /// The gate's toxic called `name`.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn toxic(&self, gate: &str, name: &str) -> Result<Toxic, GateError> {
        self.get(gate)?.toxics().into_iter().find(|toxic| toxic.name == name).ok_or(GateError::NoToxic)
    }

    /// Changes toxicity and attributes of a toxic, as far as they are given.
    ///
    /// # Errors
    /// When there is no such toxic, or it would be none.
    pub(super) fn change_toxic(&self, gate: &str, name: &str, change: Description) -> Result<Toxic, GateError> {
        self.get(gate)?.change_toxics(|toxics| {
            let toxic = toxics.iter_mut().find(|toxic| toxic.name == name).ok_or(GateError::NoToxic)?;
            toxic.change(change.toxicity, change.attributes)?;
            Ok(toxic.clone())
        })
    }

    /// Takes a toxic away.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn remove_toxic(&self, gate: &str, name: &str) -> Result<(), GateError> {
        self.get(gate)?.change_toxics(|toxics| {
            let index = toxics.iter().position(|toxic| toxic.name == name).ok_or(GateError::NoToxic)?;
            toxics.remove(index);
            Ok(())
        })
    }
}

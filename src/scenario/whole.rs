//! Reads a whole file's outline into what is written: at once where all of it is right, and otherwise part by part, so
//! that everything wrong with its form is found at once.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::action::Action;
use super::outline::{Content, Key, Kind, Node, Place, Scalar};
use super::problem::MOST;
use super::typed::{Fault, Reader};
use super::written::{Written, WrittenDevice};
use crate::check::Claim;

/// What was read, and what could not be.
#[derive(Debug)]
pub(super) struct Read {
    /// What is written, but for what is wrong; none if that leaves nothing.
    pub(super) written: Option<Written>,
    /// What is wrong with the form.
    pub(super) faults: Vec<Fault>,
    /// Whether what is written can be judged: nothing that it speaks of was left out.
    pub(super) judgeable: bool,
}

/// Reads it. What is wrong is taken out of the outline, so that both keep step.
pub(super) fn read(outline: &mut Node) -> Read {
    if let Ok(written) = file(outline) {
        return Read { written: Some(written), faults: Vec::new(), judgeable: true };
    }
    let (mut faults, mut judgeable) = (Vec::new(), true);
    for key in outline.keys_mut() {
        match key.name.as_str() {
            "steps" => judgeable &= only_right::<Action>(key, &mut faults),
            // Nothing speaks of claims.
            "expect" => drop(only_right::<Claim>(key, &mut faults)),
            "devices" => judgeable &= right_devices(key, &mut faults),
            _ => {}
        }
    }
    let written = header(outline, &mut faults, &mut judgeable);
    Read { written, faults, judgeable }
}

fn file(outline: &Node) -> Result<Written, Fault> {
    Written::deserialize(Reader::new(outline, None))
}

/// Takes the items that are no `T` out of the list; whether the others can be judged without them.
fn only_right<T: DeserializeOwned>(list: &mut Key, faults: &mut Vec<Fault>) -> bool {
    let wrong = |item: &Node| T::deserialize(Reader::new(item, Some(&*list))).err();
    let found: Vec<Option<Fault>> = list.value.items().iter().map(wrong).collect();
    let mut judgeable = true;
    let mut at = found.iter();
    if let Content::List(items) = &mut list.value.content {
        let all = items.len();
        items.retain(|item| {
            let right = at.next().is_none_or(Option::is_none);
            // Later steps may speak of what it makes.
            judgeable &= right || !item.mentions("as");
            right
        });
        judgeable &= items.len() == all || !items.is_empty();
    }
    faults.extend(found.into_iter().flatten());
    judgeable
}

/// Takes the keys that are wrong out of each device; whether the others can be judged without them.
fn right_devices(devices: &mut Key, faults: &mut Vec<Fault>) -> bool {
    let Content::Keys(devices) = &mut devices.value.content else { return true };
    let mut judgeable = true;
    for device in devices {
        let Err(fault) = Option::<WrittenDevice>::deserialize(Reader::new(&device.value, Some(device))) else {
            continue;
        };
        let whole = device.clone();
        let alone = |key: &Key| {
            let value = Node { content: Content::Keys(vec![key.clone()]), ..whole.value };
            Option::<WrittenDevice>::deserialize(Reader::new(&value, Some(&whole))).err()
        };
        let before = faults.len();
        if let Content::Keys(keys) = &mut device.value.content {
            keys.retain(|key| {
                let fault = alone(key);
                // Whose it is, and how many it stands for, others depend on.
                judgeable &= fault.is_none() || !["user", "count", "role"].contains(&key.name.as_str());
                faults.extend(fault.clone());
                fault.is_none()
            });
        }
        if faults.len() == before {
            faults.push(fault);
            device.value.content = Content::Keys(Vec::new());
        }
    }
    judgeable
}

/// Reads on without each key of the file that is wrong, and with something in the place of each that is missing.
fn header(outline: &mut Node, faults: &mut Vec<Fault>, judgeable: &mut bool) -> Option<Written> {
    loop {
        let fault = match file(outline) {
            Ok(written) => return Some(written),
            Err(fault) => fault,
        };
        let part = fault.part.clone();
        // All that is said of others is said of these.
        let leads = |name: &str| ["world", "devices", "steps"].contains(&name);
        *judgeable &= part.as_ref().is_some_and(|part| !leads(&part.0));
        faults.push(fault);
        let (name, missing) = *part.filter(|_| faults.len() < MOST)?;
        let Content::Keys(keys) = &mut outline.content else { return None };
        keys.retain(|key| key.name != name);
        if missing || ["name", "covers", "devices", "steps"].contains(&name.as_str()) {
            keys.push(stand_in(&name));
        }
    }
}

fn stand_in(name: &str) -> Key {
    let content = match name {
        "name" => Content::Plain(Scalar { text: "-".to_owned(), kind: Kind::Text }),
        "devices" => Content::Keys(Vec::new()),
        _ => Content::List(Vec::new()),
    };
    let place = Place::default();
    Key { name: name.to_owned(), place, value: Node { place, content, from: 0 } }
}

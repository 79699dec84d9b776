//! Every fault there is, for lists and explanations: what it does, what can be set, and how a scenario asks for it.

use super::{canned, crash, duplicate, garble, leave_out, lose, refuse, replay, slow, spoil};

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: the step that arms it and, where the step has several, the way.
    pub name: &'static str,
    /// What happens, in a sentence.
    pub does: &'static str,
    /// What can be set beyond whom it strikes and when (`device`, `of`, `nth`, `times`, `only`).
    pub keys: &'static [&'static str],
    /// A step that arms it.
    pub example: &'static str,
    /// Where in the field it is met, or which text defines what it breaks.
    pub source: &'static str,
}

/// Every fault, file by file.
pub fn catalogue() -> impl Iterator<Item = &'static Entry> {
    [
        lose::ENTRIES,
        canned::ENTRIES,
        refuse::ENTRIES,
        spoil::ENTRIES,
        leave_out::ENTRIES,
        slow::ENTRIES,
        duplicate::ENTRIES,
        garble::ENTRIES,
        replay::ENTRIES,
        crash::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_a_name_of_its_own_and_is_explained() {
        let names: BTreeSet<&str> = catalogue().map(|entry| entry.name).collect();
        assert_eq!(names.len(), catalogue().count());
        for Entry { name, does, example, source, .. } in catalogue() {
            assert!(does.ends_with('.') && !source.is_empty(), "{name}");
            let step = name.split(' ').next().unwrap();
            assert!(example.starts_with(&format!("- {step}: ")), "{name}: {example}");
        }
    }

    #[test]
    fn every_key_is_in_the_example_or_beside_one_that_is() {
        for Entry { name, keys, example, .. } in catalogue().filter(|entry| !entry.keys.is_empty()) {
            assert!(keys.iter().any(|key| example.contains(&format!("{key}: "))), "{name}");
        }
    }
}

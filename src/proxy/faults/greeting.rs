//! Which connections are met by somebody else than the server, or by nobody: a pure decision.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The rules that are armed; `F` is a face to show. Clones are the same rules.
#[derive(Debug)]
pub struct Greetings<F>(Rc<RefCell<Vec<Armed<F>>>>);

/// One fault: of a device's connections, the `nth` from now and the following ones, `times` in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meeting<F> {
    /// Its number in the run.
    pub id: u64,
    /// Whose connections.
    pub device: String,
    /// The first that is struck; 1 is the next one.
    pub nth: u32,
    /// How many are struck.
    pub times: u32,
    /// How they are met.
    pub how: Greeting<F>,
}

/// How a connection is met before a byte of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting<F> {
    /// By nothing: the connection stays open, and nobody answers.
    Silence,
    /// It is closed as soon as the device has said its first words.
    Cut,
    /// By somebody with this face.
    By(F),
}

#[derive(Debug)]
struct Armed<F> {
    meeting: Meeting<F>,
    skip: u32,
    left: u32,
}

impl<F> Clone for Greetings<F> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<F> Default for Greetings<F> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<F: Clone> Greetings<F> {
    /// Arms `meeting`, behind those already armed.
    pub fn arm(&self, meeting: Meeting<F>) {
        let (skip, left) = (meeting.nth.saturating_sub(1), meeting.times);
        self.0.borrow_mut().push(Armed { meeting, skip, left });
    }

    /// Disarms the rule `id`, whether or not it has struck.
    pub fn disarm(&self, id: u64) {
        self.0.borrow_mut().retain(|armed| armed.meeting.id != id);
    }

    /// How often each rule that may strike yet may do so, by its number.
    #[must_use]
    pub fn left(&self) -> BTreeMap<u64, u32> {
        self.0.borrow().iter().filter(|armed| armed.left > 0).map(|armed| (armed.meeting.id, armed.left)).collect()
    }

    /// Disarms everything.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Counts a connection of `device` and says which rule strikes it. Of two whose turn it is, the one armed first
    /// strikes; the other waits for the next connection.
    #[must_use]
    pub fn decide(&self, device: &str) -> Option<(u64, Greeting<F>)> {
        let mut rules = self.0.borrow_mut();
        let mut struck = None;
        for armed in rules.iter_mut().filter(|armed| armed.left > 0 && armed.meeting.device == device) {
            if armed.skip > 0 {
                armed.skip -= 1;
            } else if struck.is_none() {
                armed.left -= 1;
                struck = Some((armed.meeting.id, armed.meeting.how.clone()));
            }
        }
        rules.retain(|armed| armed.left > 0);
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meeting(id: u64, nth: u32, times: u32) -> Meeting<char> {
        Meeting { id, device: "maria".into(), nth, times, how: Greeting::By('x') }
    }

    fn six(greetings: &Greetings<char>) -> Vec<Option<u64>> {
        (0..6).map(|_| greetings.decide("maria").map(|(id, _)| id)).collect()
    }

    #[test]
    fn nth_and_times_count_from_arming_and_one_rule_strikes_at_a_time() {
        let greetings = Greetings::default();
        greetings.arm(meeting(7, 2, 2));
        greetings.arm(meeting(8, 1, 2));
        assert_eq!(greetings.decide("office"), None);
        assert_eq!(six(&greetings), [Some(8), Some(7), Some(7), Some(8), None, None]);
    }

    #[test]
    fn what_is_disarmed_does_not_strike() {
        let greetings = Greetings::default();
        greetings.arm(meeting(1, 1, u32::MAX));
        greetings.arm(meeting(2, 1, u32::MAX));
        greetings.disarm(1);
        assert_eq!(greetings.decide("maria"), Some((2, Greeting::By('x'))));
        greetings.clear();
        assert_eq!(greetings.decide("maria"), None);
    }
}

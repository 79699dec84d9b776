//! Which exchanges are spoilt, and how: a pure decision.

mod canned;
mod greeting;
mod refuse;
mod spoil;

use std::cell::RefCell;
use std::rc::Rc;

pub use canned::{Canned, Page, RetryAfter};
pub use greeting::{Greeting, Greetings, Meeting};
pub use refuse::Refuse;
pub use spoil::Spoil;

pub(super) use spoil::Tail;

/// The rules that are armed. Clones are the same rules.
#[derive(Clone, Debug, Default)]
pub struct Faults(Rc<RefCell<Vec<Armed>>>);

/// One fault: of a device's requests for `target`, the `nth` from now and the following ones, `times` in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its number in the run.
    pub id: u64,
    /// Whose requests; everybody's when absent.
    pub device: Option<String>,
    /// Which of them.
    pub target: Target,
    /// The first that is struck; 1 is the next one.
    pub nth: u32,
    /// How many are struck.
    pub times: u32,
    /// What happens to them.
    pub act: Act,
}

/// Which requests a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Pushes.
    Push,
    /// Pages of a pull.
    Pull,
    /// Sign-ins.
    SignIn,
    /// Token refreshes.
    Refresh,
    /// Every request, whatever it is for.
    Any,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The request never reaches the server.
    LoseRequest(LoseHow),
    /// The server does its work; the answer never reaches the device.
    LoseAnswer(LoseHow),
    /// The device crashes.
    Crash(Moment),
    /// The request never reaches the server; the proxy answers.
    Answer(Canned),
    /// The server does its work; the proxy answers in its place.
    AnswerAfter(Canned),
    /// The server does its work; its answer arrives damaged.
    Spoil(Spoil),
    /// Of a push, the operations on some records fail.
    Refuse(Refuse),
}

/// How a message gets lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoseHow {
    /// The connection is closed at once.
    Cut,
    /// The connection stays open, and nothing comes.
    Silence,
}

/// When in an exchange a device crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The request has reached the proxy and goes no further.
    BeforeRequest,
    /// The server has done its work; the answer goes no further.
    AfterCommit,
    /// The answer has been handed to the link.
    AfterAnswer,
}

#[derive(Debug)]
struct Armed {
    rule: Rule,
    /// Matches still to let pass.
    skip: u32,
    /// Matches still to strike.
    left: u32,
}

impl Faults {
    /// Nothing armed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Arms `rule`, behind those already armed.
    pub fn arm(&self, rule: Rule) {
        let (skip, left) = (rule.nth.saturating_sub(1), rule.times);
        self.0.borrow_mut().push(Armed { rule, skip, left });
    }

    /// Disarms the rule `id`, whether or not it has struck.
    pub fn disarm(&self, id: u64) {
        self.0.borrow_mut().retain(|armed| armed.rule.id != id);
    }

    /// Disarms everything.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Whether no rule is left that may strike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// The rules that have not struck yet, in the order in which they were armed.
    #[must_use]
    pub fn armed(&self) -> Vec<u64> {
        self.0.borrow().iter().filter(|armed| armed.left == armed.rule.times).map(|armed| armed.rule.id).collect()
    }

    /// Counts a request of `device` and says which rule strikes it; `target` is `None` for a request that none of the
    /// named ones covers, `entities` are the records that a push is about. Of two rules whose turn it is, the one armed
    /// first strikes; the other waits for the next match.
    #[must_use]
    pub fn decide(&self, device: &str, target: Option<Target>, entities: &[&str]) -> Option<(u64, Act)> {
        let mut rules = self.0.borrow_mut();
        let mut struck = None;
        for armed in rules.iter_mut().filter(|armed| armed.matches(device, target, entities)) {
            if armed.skip > 0 {
                armed.skip -= 1;
            } else if struck.is_none() {
                armed.left -= 1;
                struck = Some((armed.rule.id, armed.rule.act.clone()));
            }
        }
        rules.retain(|armed| armed.left > 0);
        struck
    }
}

impl Act {
    /// Whether the request goes no further than the proxy.
    #[must_use]
    pub fn stops_request(&self) -> bool {
        matches!(self, Self::LoseRequest(_) | Self::Crash(Moment::BeforeRequest) | Self::Answer(_))
    }

    /// Whether the server's answer goes no further than the proxy.
    #[must_use]
    pub fn stops_answer(&self) -> bool {
        matches!(self, Self::LoseAnswer(_) | Self::Crash(Moment::AfterCommit) | Self::AnswerAfter(_) | Self::Spoil(_))
    }
}

impl Armed {
    fn matches(&self, device: &str, target: Option<Target>, entities: &[&str]) -> bool {
        let concerned = match &self.rule.act {
            Act::Refuse(refuse) => refuse.concerns(entities),
            Act::LoseRequest(_)
            | Act::LoseAnswer(_)
            | Act::Crash(_)
            | Act::Answer(_)
            | Act::AnswerAfter(_)
            | Act::Spoil(_) => true,
        };
        self.left > 0
            && concerned
            && self.rule.device.as_deref().is_none_or(|name| name == device)
            && (self.rule.target == Target::Any || Some(self.rule.target) == target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: Act = Act::LoseRequest(LoseHow::Cut);

    fn rule(id: u64, target: Target, nth: u32, times: u32) -> Rule {
        Rule { id, device: Some("maria".into()), target, nth, times, act: CUT }
    }

    /// Which of six pushes the rules strike, and by which rule.
    fn six_pushes(faults: &Faults) -> Vec<Option<u64>> {
        (0..6).map(|_| faults.decide("maria", Some(Target::Push), &[]).map(|(id, _)| id)).collect()
    }

    #[test]
    fn nth_and_times_count_from_arming() {
        let faults = Faults::new();
        faults.arm(rule(7, Target::Push, 3, 2));
        assert_eq!(six_pushes(&faults), [None, None, Some(7), Some(7), None, None]);
    }

    #[test]
    fn other_targets_and_devices_neither_count_nor_are_struck() {
        let faults = Faults::new();
        faults.arm(rule(7, Target::Push, 1, 1));
        assert_eq!(faults.decide("maria", Some(Target::Pull), &[]), None);
        assert_eq!(faults.decide("maria", None, &[]), None);
        assert_eq!(faults.decide("office", Some(Target::Push), &[]), None);
        assert_eq!(faults.decide("maria", Some(Target::Push), &[]), Some((7, CUT)));
    }

    #[test]
    fn any_matches_every_request() {
        for target in [Some(Target::Push), Some(Target::Pull), Some(Target::SignIn), Some(Target::Refresh), None] {
            let faults = Faults::new();
            faults.arm(rule(7, Target::Any, 1, 1));
            assert_eq!(faults.decide("maria", target, &[]), Some((7, CUT)));
        }
    }

    #[test]
    fn two_rules_strike_one_after_the_other() {
        let faults = Faults::new();
        faults.arm(rule(1, Target::Push, 1, 1));
        faults.arm(rule(2, Target::Any, 1, 1));
        faults.arm(rule(3, Target::Push, 4, 1));
        assert_eq!(six_pushes(&faults), [Some(1), Some(2), None, Some(3), None, None]);
    }

    #[test]
    fn a_rule_that_struck_is_no_longer_armed() {
        let faults = Faults::new();
        faults.arm(rule(1, Target::Push, 1, 2));
        faults.arm(rule(2, Target::Pull, 1, 1));
        assert_eq!(faults.armed(), [1, 2]);
        assert!(faults.decide("maria", Some(Target::Push), &[]).is_some());
        assert_eq!(faults.armed(), [2]);
        faults.clear();
        assert!(faults.armed().is_empty());
        assert_eq!(faults.decide("maria", Some(Target::Push), &[]), None);
    }

    #[test]
    fn a_rule_for_everybody_strikes_until_it_is_disarmed() {
        let faults = Faults::new();
        faults.arm(Rule { device: None, ..rule(4, Target::Any, 1, u32::MAX) });
        assert_eq!(faults.decide("office", None, &[]), Some((4, CUT)));
        assert_eq!(faults.decide("maria", Some(Target::Pull), &[]), Some((4, CUT)));
        assert!(faults.armed().is_empty());
        faults.disarm(4);
        assert_eq!(faults.decide("maria", Some(Target::Pull), &[]), None);
    }
}

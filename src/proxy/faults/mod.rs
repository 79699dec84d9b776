//! Which exchanges are struck, and how: a pure decision. `docs/ADD_A_FAULT.md` teaches how to add one.
//!
//! ```text
//!   Facts of a request ── Faults::decide ── Strike { id, act } ── carried out in strike.rs, script.rs
//!                            Rule, Only
//! ```

mod act;
mod canned;
mod catalogue;
mod crash;
mod duplicate;
mod garble;
mod greeting;
mod leave_out;
mod lose;
mod refuse;
mod replay;
mod rule;
mod slow;
mod spoil;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

pub use act::Act;
pub use canned::{Canned, Page, RetryAfter};
pub use catalogue::{Entry, catalogue};
pub use crash::Moment;
pub use duplicate::Duplicate;
pub use garble::Garble;
pub use greeting::{Greeting, Greetings, Meeting};
pub(super) use leave_out::leave_out;
pub use lose::LoseHow;
pub use refuse::Refuse;
pub use replay::Replay;
pub use rule::{Facts, Only, Rule, Target};
pub use slow::{Drops, Slow};
pub use spoil::{At, Spoil};

pub(super) use replay::Memory;
pub(super) use spoil::Damaged;

use crate::base::{Seed, Stream};

/// The rules that are armed. Clones are the same rules.
#[derive(Clone, Debug)]
pub struct Faults(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    seed: Seed,
    rules: RefCell<Vec<Armed>>,
    /// The streams that were drawn from, by the rules' words.
    drawn: RefCell<Vec<String>>,
}

/// A rule's decision on one exchange. While it lives, the exchange counts as one that the rule has in hand.
#[derive(Debug)]
pub struct Strike {
    /// The rule's number.
    pub id: u64,
    /// What it does.
    pub act: Act,
    /// Held until the exchange is over.
    pub turn: Turn,
}

/// One of the exchanges that a rule has in hand at once; given back when it is dropped.
pub struct Turn(Rc<Cell<u32>>);

impl Turn {
    fn take(taken: &Rc<Cell<u32>>) -> Self {
        taken.set(taken.get() + 1);
        Self(Rc::clone(taken))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({} taken)", self.0.get())
    }
}

#[derive(Debug)]
struct Armed {
    rule: Rule,
    /// Matches still to let pass.
    skip: u32,
    /// Matches still to strike.
    left: u32,
    /// Exchanges in hand.
    taken: Rc<Cell<u32>>,
    stream: Stream,
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(Seed(0))
    }
}

impl Faults {
    /// Nothing armed. What is left to chance is drawn from streams of `seed`.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self(Rc::new(Shared { seed, rules: RefCell::default(), drawn: RefCell::default() }))
    }

    /// Arms `rule`, behind those already armed.
    pub fn arm(&self, rule: Rule) {
        let (skip, left) = (rule.nth.saturating_sub(1), rule.times);
        let stream = self.0.stream(&rule);
        self.0.rules.borrow_mut().push(Armed { rule, skip, left, taken: Rc::default(), stream });
    }

    /// Disarms the rule `id`, whether or not it has struck.
    pub fn disarm(&self, id: u64) {
        self.0.rules.borrow_mut().retain(|armed| armed.rule.id != id);
    }

    /// Disarms everything.
    pub fn clear(&self) {
        self.0.rules.borrow_mut().clear();
    }

    /// Whether no rule is left that may strike.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.rules.borrow().is_empty()
    }

    /// How often each rule that may strike yet may do so, by its number.
    #[must_use]
    pub fn left(&self) -> BTreeMap<u64, u32> {
        self.0.rules.borrow().iter().map(|armed| (armed.rule.id, armed.left)).collect()
    }

    /// The rules that have not struck yet, in the order in which they were armed.
    #[must_use]
    pub fn armed(&self) -> Vec<u64> {
        let rules = self.0.rules.borrow();
        rules.iter().filter(|armed| armed.left == armed.rule.times).map(|armed| armed.rule.id).collect()
    }

    /// Counts a request and says which rule strikes it. Of two rules whose turn it is, the one armed first strikes; the
    /// other waits for the next match.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> Option<Strike> {
        let mut rules = self.0.rules.borrow_mut();
        let mut strike = None;
        for armed in rules.iter_mut().filter(|armed| armed.left > 0 && armed.rule.matches(facts)) {
            if armed.skip > 0 {
                armed.skip -= 1;
            } else if strike.is_none() && armed.may() {
                armed.left -= 1;
                let turn = Turn::take(&armed.taken);
                strike = Some(Strike { id: armed.rule.id, act: armed.rule.act.clone(), turn });
            }
        }
        rules.retain(|armed| armed.left > 0);
        strike
    }
}

impl Shared {
    /// A stream that hangs on nothing but whom the rule strikes, with what, and how many such rules there were before:
    /// another fault shifts no draw of this one.
    fn stream(&self, rule: &Rule) -> Stream {
        let name = format!("fault/{}/{}", rule.device.as_deref().unwrap_or("everybody"), rule.act.name());
        let mut drawn = self.drawn.borrow_mut();
        let before = drawn.iter().filter(|other| **other == name).count();
        let stream = self.seed.stream(&format!("{name}/{}", before + 1));
        drawn.push(name);
        stream
    }
}

impl Armed {
    /// Whether there is room for one more, and chance has it so.
    fn may(&mut self) -> bool {
        self.rule.only.at_once.is_none_or(|most| self.taken.get() < most)
            && self.rule.only.chance.is_none_or(|chance| self.stream.unit() < chance)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CUT: Act = Act::LoseRequest(LoseHow::Cut);

    fn rule(id: u64, target: Target, nth: u32, times: u32) -> Rule {
        Rule { id, device: Some("maria".into()), target, nth, times, only: Only::default(), act: CUT }
    }

    fn decide(faults: &Faults, device: &str, target: Option<Target>) -> Option<Strike> {
        faults.decide(&Facts {
            device,
            target,
            method: "POST",
            path: "/",
            entities: &[],
            mentions: &|_| false,
            at: Duration::ZERO,
        })
    }

    fn struck(faults: &Faults, device: &str, target: Option<Target>) -> Option<u64> {
        decide(faults, device, target).map(|strike| strike.id)
    }

    /// Which of six pushes the rules strike, and by which rule.
    fn six_pushes(faults: &Faults) -> Vec<Option<u64>> {
        (0..6).map(|_| struck(faults, "maria", Some(Target::Push))).collect()
    }

    #[test]
    fn nth_and_times_count_from_arming() {
        let faults = Faults::default();
        faults.arm(rule(7, Target::Push, 3, 2));
        assert_eq!(faults.left(), BTreeMap::from([(7, 2)]));
        assert_eq!(six_pushes(&faults), [None, None, Some(7), Some(7), None, None]);
        assert_eq!(faults.left(), BTreeMap::new());
    }

    #[test]
    fn other_targets_and_devices_neither_count_nor_are_struck() {
        let faults = Faults::default();
        faults.arm(rule(7, Target::Push, 1, 1));
        assert_eq!(struck(&faults, "maria", Some(Target::Pull)), None);
        assert_eq!(struck(&faults, "maria", None), None);
        assert_eq!(struck(&faults, "office", Some(Target::Push)), None);
        assert_eq!(struck(&faults, "maria", Some(Target::Push)), Some(7));
    }

    #[test]
    fn any_matches_every_request() {
        for target in [Some(Target::Push), Some(Target::Pull), Some(Target::SignIn), Some(Target::Refresh), None] {
            let faults = Faults::default();
            faults.arm(rule(7, Target::Any, 1, 1));
            assert_eq!(struck(&faults, "maria", target), Some(7));
        }
    }

    #[test]
    fn two_rules_strike_one_after_the_other() {
        let faults = Faults::default();
        faults.arm(rule(1, Target::Push, 1, 1));
        faults.arm(rule(2, Target::Any, 1, 1));
        faults.arm(rule(3, Target::Push, 4, 1));
        assert_eq!(six_pushes(&faults), [Some(1), Some(2), None, Some(3), None, None]);
    }

    #[test]
    fn a_rule_that_struck_is_no_longer_armed() {
        let faults = Faults::default();
        faults.arm(rule(1, Target::Push, 1, 2));
        faults.arm(rule(2, Target::Pull, 1, 1));
        assert_eq!(faults.armed(), [1, 2]);
        assert!(struck(&faults, "maria", Some(Target::Push)).is_some());
        assert_eq!(faults.armed(), [2]);
        faults.clear();
        assert!(faults.armed().is_empty());
        assert_eq!(struck(&faults, "maria", Some(Target::Push)), None);
    }

    #[test]
    fn a_rule_for_everybody_strikes_until_it_is_disarmed() {
        let faults = Faults::default();
        faults.arm(Rule { device: None, ..rule(4, Target::Any, 1, u32::MAX) });
        assert_eq!(struck(&faults, "office", None), Some(4));
        assert_eq!(struck(&faults, "maria", Some(Target::Pull)), Some(4));
        assert!(faults.armed().is_empty());
        faults.disarm(4);
        assert_eq!(struck(&faults, "maria", Some(Target::Pull)), None);
    }

    #[test]
    fn at_most_so_many_are_in_hand_at_once() {
        let faults = Faults::default();
        let only = Only { at_once: Some(2), ..Only::default() };
        faults.arm(Rule { only, ..rule(7, Target::Push, 1, 9) });
        let first = decide(&faults, "maria", Some(Target::Push));
        let second = decide(&faults, "maria", Some(Target::Push));
        assert!(first.is_some() && second.is_some());
        assert_eq!(struck(&faults, "maria", Some(Target::Push)), None, "two are in hand");
        drop(first);
        assert_eq!(struck(&faults, "maria", Some(Target::Push)), Some(7), "one is over");
    }

    #[test]
    fn chance_strikes_as_often_as_it_says_and_the_same_in_every_run() {
        let run = |seed: u64, others: u64| {
            let faults = Faults::new(Seed(seed));
            for other in 0..others {
                faults.arm(Rule { act: Act::LoseAnswer(LoseHow::Cut), ..rule(other, Target::Pull, 1, 1) });
            }
            let only = Only { chance: Some(0.3), ..Only::default() };
            faults.arm(Rule { only, ..rule(99, Target::Push, 1, u32::MAX) });
            (0..1_000).map(|_| struck(&faults, "maria", Some(Target::Push)).is_some()).collect::<Vec<bool>>()
        };
        let hits = run(1, 0).into_iter().filter(|hit| *hit).count();
        assert!((250..350).contains(&hits), "{hits} of 1000");
        assert_eq!(run(1, 0), run(1, 3), "another fault shifts no draw");
        assert_ne!(run(1, 0), run(2, 0));
    }

    #[test]
    fn two_rules_of_the_same_words_draw_apart() {
        let faults = Faults::default();
        let only = || Only { chance: Some(0.5), ..Only::default() };
        faults.arm(Rule { only: only(), ..rule(1, Target::Push, 1, u32::MAX) });
        faults.arm(Rule { only: only(), ..rule(2, Target::Pull, 1, u32::MAX) });
        let draws = |target| (0..64).map(|_| struck(&faults, "maria", Some(target)).is_some()).collect::<Vec<bool>>();
        assert_ne!(draws(Target::Push), draws(Target::Pull));
    }
}

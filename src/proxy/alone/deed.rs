//! What can be done to a gate beside toxics: to its link, to its HTTP faults; at once, or by a schedule.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::gate::{Gate, lock};
use super::secure::Shows;
use crate::history::{Fault, LinkState};
use crate::net::{Conditions, Congestion, Profile};
use crate::proxy::{Greeting, Rule};

/// Makes a rule of its number, its gate's name, and the time of its arming.
pub type MakeRule = Arc<dyn Fn(u64, &str, Duration) -> Rule + Send + Sync>;

/// What a fault is once it is armed.
#[derive(Clone)]
pub enum Armament {
    /// Exchanges are struck.
    Rule(MakeRule),
    /// Of the connections whose TLS ends here the `nth` and the following ones, `times` in all, are met otherwise.
    Greeting {
        /// The first that is struck; 1 is the next one.
        nth: u32,
        /// How many are struck.
        times: u32,
        /// By whom, or what.
        how: Greeting<Shows>,
    },
}

impl fmt::Debug for Armament {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(_) => f.write_str("Rule"),
            Self::Greeting { how, .. } => f.debug_tuple("Greeting").field(how).finish(),
        }
    }
}

/// A fault to be armed.
#[derive(Clone, Debug)]
pub struct Arming {
    /// What the history calls it.
    pub fault: Fault,
    /// Nobody minds if it never strikes.
    pub may_miss: bool,
    /// It.
    pub what: Armament,
}

/// How senders behind a proxy find their pace when their link does not say it: what fills a link and shares it evenly, since
/// here it is the rate that was asked for (`docs/DECISIONS.md`).
const PACE: Congestion = Congestion::Cubic;

/// What a link becomes.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// What it is like.
    pub conditions: Conditions,
    /// As it was written: a profile's name, or its numbers.
    pub written: Value,
    /// It gets there bit by bit in this time; at once when absent.
    pub over: Option<Duration>,
}

impl NewLink {
    /// A link of which nobody has said how its senders find their pace.
    #[must_use]
    pub fn unpaced(conditions: Conditions, written: Value, over: Option<Duration>) -> Self {
        Self { conditions: Conditions { congestion: PACE, ..conditions }, written, over }
    }
}

impl From<Profile> for NewLink {
    fn from(profile: Profile) -> Self {
        Self::unpaced(profile.into(), profile.name.into(), None)
    }
}

/// Something to do to a gate.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Its link becomes another one, connections included that are on one; none with `None`, for connections that come from
    /// then on.
    Link(Option<NewLink>),
    /// Its link changes its state, connections included.
    LinkState(LinkState),
    /// Its link comes and goes: so long down, so long up.
    Flap(Duration, Duration),
    /// The app gets another address: its connections are dead, and nobody is told.
    Handover,
    /// From the next connection on it shows another certificate.
    Show(Shows),
    /// A fault is armed.
    Arm(Arming),
    /// A fault is armed in place of the one that went by the same name, if any; it stays until then.
    Instead(&'static str, Option<Arming>),
}

impl Deed {
    /// The fault that it arms, if it arms one.
    pub(super) fn arming(&self) -> Option<&Arming> {
        match self {
            Self::Arm(arming) | Self::Instead(_, Some(arming)) => Some(arming),
            Self::Link(_) | Self::LinkState(_) | Self::Flap(..) | Self::Handover | Self::Show(_) => None,
            Self::Instead(_, None) => None,
        }
    }

    /// Whether it means something only where TLS ends here.
    fn needs_tls(&self) -> bool {
        let greets = |arming: &Arming| matches!(arming.what, Armament::Greeting { .. });
        matches!(self, Self::Show(_)) || self.arming().is_some_and(greets)
    }

    /// Whether it means something only where there is a link.
    pub(super) fn needs_link(&self) -> bool {
        matches!(self, Self::LinkState(_) | Self::Flap(..) | Self::Handover)
    }
}

/// Deeds with their time: what one step comes to.
#[derive(Clone, Debug)]
pub struct Timed {
    /// So long after the beginning of the schedule.
    pub at: Duration,
    /// They, in their order.
    pub deeds: Vec<Deed>,
    /// In words.
    pub text: String,
    /// As it was written.
    pub written: Value,
}

impl Timed {
    /// It, for a proxy at which no TLS ends.
    ///
    /// # Errors
    /// When it means something only where TLS does; the text says so.
    pub fn without_tls(self) -> Result<Self, String> {
        if self.deeds.iter().any(Deed::needs_tls) {
            return Err(format!("`{}` needs a proxy that ends TLS: start it with --tls-terminate", self.text));
        }
        Ok(self)
    }
}

/// Reads what requests and files ask for, in the words of scenario files: another room knows them. Both say what is wrong.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// A list of steps.
    pub steps: fn(&Value) -> Result<Vec<Timed>, String>,
    /// A link: a profile's name, or its numbers.
    pub link: fn(&Value) -> Result<NewLink, String>,
}

/// Whole milliseconds.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

impl Gate {
    /// Does what a step comes to, now; the numbers of the faults that it armed.
    pub(super) fn carry_out(self: &Arc<Self>, step: &Timed) -> Vec<u64> {
        step.deeds.iter().filter_map(|deed| self.do_one(deed, step)).collect()
    }

    fn do_one(self: &Arc<Self>, deed: &Deed, step: &Timed) -> Option<u64> {
        match deed {
            Deed::Link(link) => self.set_link(link.clone()),
            Deed::LinkState(state) => self.set_link_state(*state),
            Deed::Flap(down, up) => self.flap(*down, *up),
            Deed::Handover => self.hand_over(),
            Deed::Show(shows) => self.show(shows.clone()),
            Deed::Arm(arming) => return Some(self.arm(arming, step)),
            Deed::Instead(name, arming) => {
                let id = arming.as_ref().map(|arming| self.arm(arming, step));
                let mut standing = lock(&self.armory.standing);
                let before = match id {
                    Some(id) => standing.insert(name, id),
                    None => standing.remove(name),
                };
                drop(standing);
                before.map(|before| self.disarm(before));
                return id;
            }
        }
        None
    }
}

//! What a link is like: rates, delays, losses, and how its ends treat them.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::trace::Trace;
use crate::base::{Rate, Share, Span};

/// How much a queue holds unless said otherwise: what its link carries in this time.
pub const DEFAULT_QUEUE: Span = Span::from_millis(1_000);
/// A radio that needs waking up falls asleep after so much silence, unless said otherwise. Cellular networks release an
/// idle connection after five to twenty seconds.
pub const DEFAULT_SLEEPS_AFTER: Span = Span::from_millis(10_000);

/// What a link is like.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// What it carries to the device.
    pub down: Carries,
    /// What it carries from the device.
    pub up: Carries,
    /// One way, to the device.
    pub delay_down: Span,
    /// One way, from the device.
    pub delay_up: Span,
    /// Most extra delay of a packet, either way; each packet draws below it, and none overtakes another.
    pub jitter: Span,
    /// How packets get lost, either way.
    pub loss: Loss,
    /// The longest that a packet waits for its turn; where it would wait longer, it is dropped.
    pub queue: Span,
    /// How a sender's window grows and shrinks.
    pub congestion: Congestion,
    /// The radio's way from idle to connected; none when absent.
    pub wake_up: Option<WakeUp>,
    /// What the rates count.
    pub counts: Counts,
}

/// What one direction of a link carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Carries {
    /// Always as much; 0 is no limit.
    Steady(Rate),
    /// What was measured.
    Trace(Arc<Trace>),
}

/// How packets get lost: the model of Gilbert and Elliott. Without bursts it is one chance for every packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Loss {
    /// The share that is lost outside of bursts.
    pub share: Share,
    /// Times of bad reception.
    pub burst: Option<Burst>,
}

/// Times of bad reception, packet by packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Burst {
    /// The chance of each packet to begin one.
    pub begins: Share,
    /// The chance of each packet to end one.
    pub ends: Share,
    /// The share that is lost within.
    pub loss: Share,
}

/// How a sender finds out how much it may have on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Congestion {
    /// RFC 9438, with the slow start of Linux.
    Cubic,
    /// RFC 5681.
    Reno,
    /// Version 1, as Linux has it: it follows what the path carries, and losses hardly matter.
    #[default]
    Bbr,
}

/// A radio that sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WakeUp {
    /// The way from idle to connected.
    pub takes: Span,
    /// It sleeps after so long without a packet.
    pub sleeps_after: Span,
}

/// What the rates count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// Whole packets, headers and acknowledgements included, sent by the rules of TCP: a real link.
    #[default]
    Packets,
    /// Payload alone, with no window to limit it: what proxies do that shape a stream of bytes.
    Payload,
}

impl Conditions {
    /// A link with these rates and half of `rtt` each way, and nothing else to say of it.
    #[must_use]
    pub const fn new(down: Rate, up: Rate, rtt: Span) -> Self {
        let one_way = Span::new(rtt.micros() / 2);
        Self {
            down: Carries::Steady(down),
            up: Carries::Steady(up),
            delay_down: Span::new(rtt.micros() - one_way.micros()),
            delay_up: one_way,
            jitter: Span::new(0),
            loss: Loss { share: Share::new(0), burst: None },
            queue: DEFAULT_QUEUE,
            congestion: Congestion::Bbr,
            wake_up: None,
            counts: Counts::Packets,
        }
    }

    /// A packet's way there and back on the idle link, its transmission aside.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.delay_up.duration() + self.delay_down.duration()
    }

    /// What lies between `self` and `to`, `done` of the way: steady rates, delays, jitter and losses change bit by bit, and
    /// all else at once.
    #[must_use]
    pub fn towards(&self, to: &Self, done: Share) -> Self {
        let mix = |from: u64, to: u64| between(from, to, done.ppm());
        let span = |from: Span, to: Span| Span::new(mix(from.micros(), to.micros()));
        let carries = |from: &Carries, to: &Carries| match (from, to) {
            // No limit is no number to count from.
            (Carries::Steady(from), Carries::Steady(to)) if from.bits_per_second() > 0 && to.bits_per_second() > 0 => {
                Carries::Steady(Rate::new(mix(from.bits_per_second(), to.bits_per_second())))
            }
            _ => to.clone(),
        };
        Self {
            down: carries(&self.down, &to.down),
            up: carries(&self.up, &to.up),
            delay_down: span(self.delay_down, to.delay_down),
            delay_up: span(self.delay_up, to.delay_up),
            jitter: span(self.jitter, to.jitter),
            loss: Loss { share: Share::new(mix(self.loss.share.ppm(), to.loss.share.ppm())), burst: to.loss.burst },
            ..to.clone()
        }
    }
}

fn between(from: u64, to: u64, ppm: u64) -> u64 {
    let ppm = u128::from(ppm.min(1_000_000));
    let mixed = u128::from(from) * (1_000_000 - ppm) + u128::from(to) * ppm;
    u64::try_from(mixed / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_passes_through_what_lies_between() {
        let from = Conditions::new(Rate::new(1_000), Rate::new(0), Span::from_millis(100));
        let mut to = Conditions::new(Rate::new(3_000), Rate::new(500), Span::from_millis(200));
        to.loss.share = Share::new(10_000);
        let half = from.towards(&to, Share::new(500_000));
        assert_eq!(half.down, Carries::Steady(Rate::new(2_000)));
        assert_eq!(half.up, Carries::Steady(Rate::new(500)));
        assert_eq!((half.round_trip(), half.loss.share), (Duration::from_millis(150), Share::new(5_000)));
        assert_eq!(from.towards(&to, Share::new(1_000_000)), to);
    }
}

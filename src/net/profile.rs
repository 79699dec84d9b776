//! Named link profiles, each with its source.

use std::time::Duration;

use super::conditions::{Conditions, Loss};
use crate::base::{Rate, Share, Span};

/// A device's link when nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name scenarios use.
    pub name: &'static str,
    /// To the device, headers included; 0 is no limit.
    pub down: Rate,
    /// From the device, headers included; 0 is no limit.
    pub up: Rate,
    /// One way, to the device.
    pub delay_down: Span,
    /// One way, from the device.
    pub delay_up: Span,
    /// The share of packets that get lost, either way.
    pub loss: Share,
    /// Where the numbers come from.
    pub source: &'static str,
}

impl Profile {
    /// A packet's way there and back on the idle link, its transmission aside.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.delay_up.duration() + self.delay_down.duration()
    }
}

impl From<Profile> for Conditions {
    fn from(profile: Profile) -> Self {
        let Profile { down, up, delay_down, delay_up, loss, .. } = profile;
        let loss = Loss { share: loss, burst: None };
        Self { delay_down, delay_up, loss, ..Self::new(down, up, Span::default()) }
    }
}

/// Every profile by name: the ideal link first, then from slow to fast.
pub const PROFILES: &[Profile] = &[
    published("perfect", 0, 0, [0, 0], 0, "no limit and no delay"),
    published("gsm-dying", 2_400, 2_400, [600, 600], 100_000, "Firebase Test Lab GSM-poor"),
    published("gprs", 20_000, 18_000, [650, 650], 20_000, "Augmented Traffic Control 2G-DevelopingRural"),
    published("edge", 240_000, 200_000, [420, 420], 0, "WebPageTest Edge"),
    published("edge-lossy", 240_000, 200_000, [400, 440], 10_000, "Augmented Traffic Control Edge-Lossy"),
    published("3g-slow", 400_000, 400_000, [200, 200], 0, "WebPageTest 3GSlow"),
    published("3g-regular", 750_000, 250_000, [50, 50], 0, "Firefox Regular 3G"),
    published("satellite", 1_000_000, 256_000, [300, 300], 0, "Loadero satellite"),
    published("3g", 1_600_000, 768_000, [150, 150], 0, "WebPageTest 3G"),
    published("slow-4g", 1_600_000, 750_000, [75, 75], 0, "Lighthouse slow 4G"),
    published("hspa", 4_000_000, 2_000_000, [60, 60], 1_000, "Firebase Test Lab HSPA"),
    published("lte-poor", 4_000_000, 4_000_000, [60, 60], 1_500, "Firebase Test Lab LTE-poor"),
    published("fast-4g", 9_000_000, 1_500_000, [30, 30], 0, "Chrome DevTools Fast 4G"),
    published("lte", 12_000_000, 12_000_000, [35, 35], 0, "WebPageTest LTE"),
    published("wifi", 30_000_000, 15_000_000, [1, 1], 0, "Firefox Wi-Fi"),
    published("wifi-poor", 30_000_000, 30_000_000, [20, 20], 2_000, "comcast README, Wi-Fi (poor)"),
];

/// The profile called `name`.
#[must_use]
pub fn profile(name: &str) -> Option<Profile> {
    PROFILES.iter().find(|profile| profile.name == name).copied()
}

/// A profile as its source publishes it: rates in bits a second, delays down and up in milliseconds (half of a round trip
/// each where the source has only that), loss in millionths.
const fn published(
    name: &'static str,
    down: u64,
    up: u64,
    delays: [u64; 2],
    loss: u64,
    source: &'static str,
) -> Profile {
    Profile {
        name,
        down: Rate::new(down),
        up: Rate::new(up),
        delay_down: Span::from_millis(delays[0]),
        delay_up: Span::from_millis(delays[1]),
        loss: Share::new(loss),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_by_its_name() {
        let regular = profile("3g-regular").unwrap();
        assert_eq!((regular.down.bits_per_second(), regular.up.bits_per_second()), (750_000, 250_000));
        assert_eq!(regular.round_trip(), Duration::from_millis(100));
        assert_eq!(profile("5g"), None);
    }

    #[test]
    fn names_are_unique_and_every_source_is_named() {
        for (index, one) in PROFILES.iter().enumerate() {
            assert!(PROFILES[..index].iter().all(|other| other.name != one.name), "{} twice", one.name);
            assert!(!one.source.is_empty(), "{}", one.name);
        }
    }
}

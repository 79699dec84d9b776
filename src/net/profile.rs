//! Named link profiles, each with its source.

use std::time::Duration;

use crate::base::{Rate, Span};

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
    /// Most extra delay of a packet, either way; each packet draws below it.
    pub jitter: Span,
    /// Where the numbers come from.
    pub source: &'static str,
}

impl Profile {
    /// A packet's way there and back on the idle link.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.delay_up.duration() + self.delay_down.duration()
    }
}

/// Every profile by name: the ideal link first, then from slow to fast.
pub const PROFILES: &[Profile] = &[
    published("perfect", 0, 0, 0, "no limit and no delay"),
    published("edge", 240, 200, 840, "WebPageTest Edge"),
    published("3g-slow", 400, 400, 400, "WebPageTest 3GSlow"),
    published("3g-regular", 750, 250, 100, "Firefox Regular 3G"),
    published("satellite", 1_000, 256, 600, "Loadero satellite"),
    published("3g", 1_600, 768, 300, "WebPageTest 3G"),
    published("slow-4g", 1_600, 750, 150, "Lighthouse slow 4G"),
    published("fast-4g", 9_000, 1_500, 60, "Chrome DevTools Fast 4G"),
    published("lte", 12_000, 12_000, 70, "WebPageTest LTE"),
    published("wifi", 30_000, 15_000, 2, "Firefox Wi-Fi"),
];

/// The profile called `name`.
#[must_use]
pub fn profile(name: &str) -> Option<Profile> {
    PROFILES.iter().find(|profile| profile.name == name).copied()
}

/// A profile as its source publishes it: kbit/s and a round trip in milliseconds, half of it each way.
const fn published(name: &'static str, down: u64, up: u64, round_trip: u64, source: &'static str) -> Profile {
    let one_way = Span::from_millis(round_trip / 2);
    Profile {
        name,
        down: Rate::new(down * 1_000),
        up: Rate::new(up * 1_000),
        delay_down: one_way,
        delay_up: one_way,
        jitter: Span::new(0),
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
    fn names_are_unique_and_round_trips_halve_evenly() {
        for (index, one) in PROFILES.iter().enumerate() {
            assert!(PROFILES[..index].iter().all(|other| other.name != one.name), "{} twice", one.name);
            assert_eq!(one.delay_up, one.delay_down, "{}", one.name);
        }
    }
}

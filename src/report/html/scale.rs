//! The time axis, to scale: where an instant lies, and which instants are written at it.

use super::super::words::milliseconds;
use super::svg::{Picture, n};

/// Width of every picture.
pub(super) const WIDTH: f64 = 1080.0;
/// Where time begins; the names stand before it.
pub(super) const LEFT: f64 = 120.0;
/// Where time ends.
pub(super) const RIGHT: f64 = 1068.0;

/// A stretch of time over the width of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
}

impl Scale {
    /// From one instant to another, never empty.
    pub(super) fn new(from_ms: u64, to_ms: u64) -> Self {
        Self { from_ms, to_ms: to_ms.max(from_ms + 1) }
    }

    /// Where `at_ms` lies; instants outside lie at the border.
    pub(super) fn x(self, at_ms: u64) -> f64 {
        let at = at_ms.clamp(self.from_ms, self.to_ms) - self.from_ms;
        LEFT + (RIGHT - LEFT) * at as f64 / (self.to_ms - self.from_ms) as f64
    }

    /// Whether `at_ms` is in it.
    pub(super) fn holds(self, at_ms: u64) -> bool {
        (self.from_ms..=self.to_ms).contains(&at_ms)
    }

    /// Round instants, eight at most.
    fn ticks(self) -> Vec<u64> {
        const STEPS_MS: &[u64] = &[
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000,
            1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000,
        ];
        let span = self.to_ms - self.from_ms;
        let fits = |step: &&u64| span / **step <= 8;
        let step = STEPS_MS.iter().find(fits).copied().unwrap_or_else(|| 86_400_000 * (span / 86_400_000 / 8 + 1));
        let first = self.from_ms.div_ceil(step) * step;
        (0..9).map(|index| first + index * step).take_while(|at| *at <= self.to_ms).collect()
    }

    /// Draws the axis from `top` to `bottom`, its words below.
    pub(super) fn draw(self, picture: &mut Picture, top: f64, bottom: f64) {
        for at in self.ticks() {
            let x = self.x(at);
            picture.line((x, top), (x, bottom), "class=\"lane\" stroke=\"#d9dce1\"", "");
            let anchor = if x > RIGHT - 30.0 { "end" } else { "middle" };
            let style = format!("class=\"dim\" fill=\"#5c5f66\" font-size=\"11\" text-anchor=\"{anchor}\"");
            picture.text((x, bottom + 14.0), &style, &told(at));
        }
    }

    /// What the script needs to know of it.
    pub(super) fn data(self) -> String {
        let Self { from_ms, to_ms } = self;
        format!("data-left=\"{}\" data-right=\"{}\" data-from=\"{from_ms}\" data-to=\"{to_ms}\"", n(LEFT), n(RIGHT))
    }
}

/// An instant in few characters.
fn told(at_ms: u64) -> String {
    match at_ms {
        0 => "0".into(),
        _ if !at_ms.is_multiple_of(1_000) => milliseconds(at_ms),
        1..60_000 => format!("{} s", at_ms / 1_000),
        _ if at_ms.is_multiple_of(86_400_000) => format!("{} d", at_ms / 86_400_000),
        _ if at_ms.is_multiple_of(3_600_000) && at_ms < 86_400_000 => format!("{} h", at_ms / 3_600_000),
        _ if at_ms.is_multiple_of(60_000) && at_ms < 3_600_000 => format!("{} min", at_ms / 60_000),
        _ => milliseconds(at_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_stretch_has_a_few_round_instants() {
        for span in [1, 9, 21_830, 60_000, 3_599_999, 7 * 86_400_000, 400 * 86_400_000] {
            let ticks = Scale::new(0, span).ticks();
            assert!((1..=9).contains(&ticks.len()), "{span}: {ticks:?}");
        }
        assert_eq!(Scale::new(1_500, 4_400).ticks(), [1_500, 2_000, 2_500, 3_000, 3_500, 4_000]);
    }

    #[test]
    fn time_is_to_scale() {
        let scale = Scale::new(1_000, 3_000);
        assert!((scale.x(2_000) - f64::midpoint(LEFT, RIGHT)).abs() < 1e-9);
        assert!((scale.x(0) - LEFT).abs() < 1e-9 && (scale.x(9_000) - RIGHT).abs() < 1e-9);
    }
}

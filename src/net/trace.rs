//! Traces: what a link has carried in the field, to be played back.
//!
//! Two forms are read. Mahimahi's has a whole number of milliseconds a line, each a chance to carry 1500 bytes. The
//! other has `seconds Mbit/s` a line, the rate from that second on. The first line shows which it is.

use std::fmt;

/// Nanoseconds since the run began.
pub(super) type Nanos = u64;

pub(super) const MILLISECOND: Nanos = 1_000_000;
pub(super) const SECOND: Nanos = 1_000_000_000;

/// What one chance of a Mahimahi trace carries, in bytes.
const CHANCE: u64 = 1_500;
/// The longest file that is read, in lines: a quarter of an hour at 100 Mbit/s.
const MOST_LINES: usize = 8_000_000;

/// A trace, read and checked: it carries something and has an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    form: Form,
    /// How long it lasts.
    length: Nanos,
    /// Whether it begins anew at its end; else nothing is carried after it.
    wraps: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// When there is a chance to carry something, in order.
    Chances(Vec<Nanos>),
    /// From when on which rate holds, in bits a second.
    Rates(Vec<(Nanos, u64)>),
}

/// What is wrong with a trace, and in which line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The line.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for TraceError {}

/// How far a direction has used its trace up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// When the trace began.
    origin: Nanos,
    /// The number of the latest chance used, over all rounds.
    chance: u64,
    /// What is left of it, in bytes.
    left: u64,
}

impl Cursor {
    /// At the beginning of a trace that begins at `origin`.
    pub(super) fn new(origin: Nanos) -> Self {
        Self { origin, chance: 0, left: CHANCE }
    }
}

impl Trace {
    /// Reads a trace.
    ///
    /// # Errors
    /// When a line is not of the form of the first, times fall, nothing is carried, or the trace has no length.
    pub fn parse(text: &str, wraps: bool) -> Result<Self, TraceError> {
        let lines = || text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let (count, first) = (lines().count(), text.lines().next().unwrap_or_default());
        if count > MOST_LINES {
            return Err(wrong(MOST_LINES, format!("a trace has at most {MOST_LINES} lines")));
        }
        let columns = first.split_ascii_whitespace().count();
        let trace = match columns {
            1 => chances(lines())?,
            2 => rates(lines())?,
            _ => {
                let what = "a trace has a time in milliseconds on each line, or a time in seconds and a rate in Mbit/s";
                return Err(wrong(1, what.to_owned()));
            }
        };
        Ok(Self { wraps, ..trace })
    }

    /// The same trace, which begins anew at its end.
    #[must_use]
    pub fn wrapped(&self) -> Self {
        Self { wraps: true, ..self.clone() }
    }

    /// When `bytes` have been carried that are there at `from`; never when the trace stops before.
    pub(super) fn carry(&self, cursor: &mut Cursor, from: Nanos, bytes: u64) -> Option<Nanos> {
        match &self.form {
            Form::Chances(chances) => self.by_chances(chances, cursor, from, bytes),
            Form::Rates(rates) => {
                self.by_rates(rates, from.saturating_sub(cursor.origin), bytes).map(|end| end + cursor.origin)
            }
        }
    }

    fn by_chances(&self, chances: &[Nanos], cursor: &mut Cursor, from: Nanos, mut bytes: u64) -> Option<Nanos> {
        let count = chances.len() as u64;
        let time = |number: u64| {
            let (round, index) = (number / count, usize::try_from(number % count).unwrap_or(0));
            cursor.origin + round * self.length + chances[index]
        };
        let (mut number, mut left) = (cursor.chance, cursor.left);
        if time(number) < from {
            // A chance that nobody used is lost.
            let passed = from - cursor.origin;
            let round = passed / self.length;
            number = round * count + chances.partition_point(|at| *at < passed % self.length) as u64;
            left = CHANCE;
        } else if left == 0 {
            (number, left) = (number + 1, CHANCE);
        }
        while bytes > left {
            bytes -= left;
            (number, left) = (number + 1, CHANCE);
        }
        if !self.wraps && number >= count {
            return None;
        }
        let at = time(number);
        (cursor.chance, cursor.left) = (number, left - bytes);
        Some(at)
    }

    fn by_rates(&self, rates: &[(Nanos, u64)], from: Nanos, bytes: u64) -> Option<Nanos> {
        // In bits times nanoseconds a second, so that nothing is rounded on the way.
        let mut left = u128::from(bytes) * 8 * u128::from(SECOND);
        let per_round: u128 = (0..rates.len()).map(|index| self.content(rates, index)).sum();
        let mut round = from / self.length;
        let mut at = from % self.length;
        let mut index = rates.partition_point(|(since, _)| *since <= at).saturating_sub(1);
        loop {
            if !self.wraps && round > 0 {
                return None;
            }
            if index == 0 && at == 0 && left > per_round {
                let rounds = if self.wraps { left / per_round } else { 0 };
                left -= rounds * per_round;
                round += u64::try_from(rounds).ok()?;
            }
            let until = rates.get(index + 1).map_or(self.length, |(since, _)| *since);
            let rate = u128::from(rates[index].1);
            let content = rate * u128::from(until - at);
            if rate > 0 && left <= content {
                return Some(round * self.length + at + u64::try_from(left / rate).ok()?);
            }
            left -= content.min(left);
            (at, index) = (until, index + 1);
            if index == rates.len() {
                (at, index, round) = (0, 0, round + 1);
            }
        }
    }

    fn content(&self, rates: &[(Nanos, u64)], index: usize) -> u128 {
        let until = rates.get(index + 1).map_or(self.length, |(since, _)| *since);
        u128::from(rates[index].1) * u128::from(until - rates[index].0)
    }
}

fn wrong(line: usize, what: String) -> TraceError {
    TraceError { line, what }
}

fn chances<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Result<Trace, TraceError> {
    let mut chances: Vec<Nanos> = Vec::new();
    let mut last = (1, 0);
    for (number, line) in lines {
        let digits = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        let millis: Option<u64> = line.parse().ok().filter(|millis| digits && *millis <= u64::MAX / SECOND);
        let Some(millis) = millis else {
            let what = if line.trim().is_empty() {
                "an empty line".to_owned()
            } else {
                format!("`{line}` is not a whole number of milliseconds")
            };
            return Err(wrong(number, what));
        };
        if millis < last.1 {
            return Err(wrong(number, format!("{millis} comes after {}; times never fall", last.1)));
        }
        last = (number, millis);
        chances.push(millis * MILLISECOND);
    }
    if last.1 == 0 {
        return Err(wrong(last.0, "the last time is the trace's length and must be more than 0".to_owned()));
    }
    Ok(Trace { form: Form::Chances(chances), length: last.1 * MILLISECOND, wraps: false })
}

fn rates<'t>(lines: impl Iterator<Item = (usize, &'t str)>) -> Result<Trace, TraceError> {
    let mut rates: Vec<(Nanos, u64)> = Vec::new();
    let mut last = 1;
    for (number, line) in lines {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [seconds, rate] = columns[..] else {
            let what = if columns.is_empty() {
                "an empty line".to_owned()
            } else {
                format!("`{line}` is not `seconds Mbit/s`")
            };
            return Err(wrong(number, what));
        };
        let read = |text: &str, what: &str| {
            let value: Option<f64> = text.parse().ok().filter(|value: &f64| (0.0..1e9).contains(value));
            value.ok_or_else(|| wrong(number, format!("`{text}` is not {what}")))
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 10^18")]
        let whole = |value: f64| value.round() as u64;
        let since = whole(read(seconds, "a time in seconds")? * 1e9);
        let rate = whole(read(rate, "a rate in Mbit/s")? * 1e6);
        match rates.last() {
            None if since > 0 => {
                // What was before the first line was as its line says.
                rates.push((0, rate));
            }
            Some((before, _)) if since <= *before && since > 0 => {
                return Err(wrong(number, format!("{seconds} s does not come after the line before; times rise")));
            }
            Some(_) if since == 0 => return Err(wrong(number, "times rise, and this one is 0 again".to_owned())),
            _ => rates.push((since, rate)),
        }
        last = number;
    }
    if rates.iter().all(|(_, rate)| *rate == 0) {
        return Err(wrong(last, "the trace carries nothing at all".to_owned()));
    }
    // The last rate holds as long as the one before it.
    let end = match rates[..] {
        [.., (before, _), (since, _)] => since + (since - before),
        [(since, _)] => since + SECOND,
        [] => SECOND,
    };
    Ok(Trace { form: Form::Rates(rates), length: end, wraps: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(trace: &Trace, offers: &[(u64, u64)]) -> Vec<Option<u64>> {
        let mut cursor = Cursor::new(0);
        offers
            .iter()
            .map(|(at, bytes)| trace.carry(&mut cursor, at * MILLISECOND, *bytes).map(|end| end / MILLISECOND))
            .collect()
    }

    #[test]
    fn a_chance_carries_1500_bytes_and_is_lost_when_unused() {
        let trace = Trace::parse("2\n5\n5\n9\n", true).unwrap();
        // Two small ones share a chance; a large one spans several; the chance at 9 ms passes unused, and 2 ms later the
        // trace begins anew.
        assert_eq!(carried(&trace, &[(0, 700), (0, 800), (2, 1_501)]), [Some(2), Some(2), Some(5)]);
        assert_eq!(carried(&trace, &[(10, 1_500), (10, 1_500)]), [Some(11), Some(14)]);
        assert_eq!(
            carried(&Trace::parse("2\n5\n", false).unwrap(), &[(0, 1_500), (0, 1_500), (0, 1)]),
            [Some(2), Some(5), None]
        );
    }

    #[test]
    fn rates_hold_until_the_next_line() {
        // 8 kbit/s for a second, nothing for a second, 16 kbit/s for a second.
        let trace = Trace::parse("0 0.008\n1 0\n2 0.016\n", true).unwrap();
        assert_eq!(
            carried(&trace, &[(0, 500), (500, 500), (500, 501), (2_000, 2_000)]),
            [Some(500), Some(1_000), Some(2_000), Some(3_000)]
        );
        assert_eq!(carried(&trace, &[(0, 30_000 + 500), (2_500, 1_500)]), [Some(30_500), Some(3_500)]);
        let stops = Trace::parse("0 0.008\n1 0\n2 0.016\n", false).unwrap();
        assert_eq!(carried(&stops, &[(0, 3_000), (0, 3_001), (3_000, 1)]), [Some(3_000), None, None]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let why = |text: &str| Trace::parse(text, true).unwrap_err().to_string();
        assert_eq!(why("1\n3\n2\n"), "line 3: 2 comes after 3; times never fall");
        assert_eq!(why("1\n\n2\n"), "line 2: an empty line");
        assert_eq!(why("1\n-2\n"), "line 2: `-2` is not a whole number of milliseconds");
        assert_eq!(why("1\n2 3\n"), "line 2: `2 3` is not a whole number of milliseconds");
        assert_eq!(why("0\n0\n"), "line 2: the last time is the trace's length and must be more than 0");
        assert_eq!(why("0 1\n1 -2\n"), "line 2: `-2` is not a rate in Mbit/s");
        assert_eq!(why("0 1\n1 NaN\n"), "line 2: `NaN` is not a rate in Mbit/s");
        assert_eq!(why("0 1\n2 1\n1 1\n"), "line 3: 1 s does not come after the line before; times rise");
        assert_eq!(why("0 0\n1 0\n"), "line 2: the trace carries nothing at all");
        assert!(why("").starts_with("line 1: a trace has"));
        assert!(why("a b c\n").starts_with("line 1: a trace has"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[0-9 .\n-]{0,60}") {
            if let Ok(trace) = Trace::parse(&text, true) {
                trace.carry(&mut Cursor::new(0), 5 * SECOND, 100_000);
            }
        }
    }
}

//! The traces below `scenarios/traces/`: they are what this generator makes. `DEADZONE_WRITE_TRACES=1 cargo test --test
//! traces` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use deadzone::base::{Seed, Stream};
use deadzone::net::Trace;

/// A number that wanders: it moves by at most `step` at a time and stays between its bounds.
struct Walk {
    at: u64,
    least: u64,
    most: u64,
    step: u64,
}

impl Walk {
    fn next(&mut self, draws: &mut Stream) -> u64 {
        let moved = self.at + draws.below(2 * self.step + 1);
        self.at = moved.saturating_sub(self.step).clamp(self.least, self.most);
        self.at
    }
}

/// `seconds Mbit/s`, one line a second, of rates in kbit/s.
fn by_seconds(rates: impl Iterator<Item = u64>) -> String {
    rates.enumerate().fold(String::new(), |mut text, (second, rate)| {
        let _ = writeln!(text, "{second} {}.{:03}", rate / 1_000, rate % 1_000);
        text
    })
}

/// Mahimahi's form: a line for each chance to carry 1500 bytes, of rates in kbit/s that hold for 100 ms each.
fn by_chances(rates: impl Iterator<Item = u64>) -> String {
    let (mut text, mut bits, mut last) = (String::new(), 0, 0);
    for (index, rate) in rates.enumerate() {
        for millisecond in 0..100 {
            bits += rate;
            let at = index as u64 * 100 + millisecond + 1;
            while bits >= 12_000 {
                bits -= 12_000;
                last = at;
                let _ = writeln!(text, "{at}");
            }
        }
    }
    assert!(last > 0, "it carries something");
    text
}

/// Ten minutes in a train: 1 to 12 Mbit/s down, an eighth of it up, and three tunnels of 25, 40 and 70 s.
fn train(up: bool) -> String {
    let mut draws = Seed(1).stream("traces/train");
    let mut walk = Walk { at: 6_000, least: 1_000, most: 12_000, step: 1_500 };
    let tunnels = [(90, 115), (240, 280), (430, 500)];
    by_seconds((0..600).map(|second| {
        let rate = walk.next(&mut draws);
        let dark = tunnels.iter().any(|(from, to)| (*from..*to).contains(&second));
        if dark { 0 } else { rate / if up { 8 } else { 1 } }
    }))
}

/// Two minutes at the edge of a cell: 20 to 600 kbit/s down, a third of it up, changing ten times a second.
fn edge_of_a_cell(up: bool) -> String {
    let mut draws = Seed(1).stream("traces/edge-of-a-cell");
    let mut walk = Walk { at: 250, least: 20, most: 600, step: 60 };
    by_chances((0..1_200).map(|_| walk.next(&mut draws) / if up { 3 } else { 1 }))
}

/// Eight minutes on a wind farm: 0.5 to 3 Mbit/s outside, of which every third second loses half behind a blade; two climbs
/// of 60 s each in a steel tower, where nothing passes.
fn wind_farm(up: bool) -> String {
    let mut draws = Seed(1).stream("traces/wind-farm");
    let mut walk = Walk { at: 2_000, least: 500, most: 3_000, step: 300 };
    by_seconds((0..480).map(|second| {
        let rate = walk.next(&mut draws) / if second % 3 == 0 { 2 } else { 1 };
        let inside = (120..180).contains(&second) || (300..360).contains(&second);
        if inside { 0 } else { rate / if up { 4 } else { 1 } }
    }))
}

#[test]
fn the_traces_are_what_the_generator_makes() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces");
    type Make = fn(bool) -> String;
    let makers: [(&str, Make); 3] = [("train", train), ("edge-of-a-cell", edge_of_a_cell), ("wind-farm", wind_farm)];
    for (name, make) in makers {
        for (way, up) in [("down", false), ("up", true)] {
            let (file, text) = (folder.join(format!("{name}.{way}")), make(up));
            if std::env::var_os("DEADZONE_WRITE_TRACES").is_some() {
                std::fs::write(&file, &text).expect("the folder is there");
            }
            Trace::parse(&text, true).unwrap_or_else(|error| panic!("{name}.{way}: {error}"));
            let there = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(there == text, "{} is stale: see the head of this file", file.display());
        }
    }
}

//! The link model against kernel TCP: the same transfers, on fresh connections, over links of the same numbers.
//!
//! `tests/kernel/` has what was measured: `given.csv` by others, `own.csv` by `.ci/fidelity`, which measures anew and sets
//! `DEADZONE_KERNEL` to what it found.

use std::path::{Path, PathBuf};
use std::time::Duration;

use deadzone::base::{Rate, Seed, Share, Span};
use deadzone::net::{self, Conditions, Congestion, Loss, Way};

/// How late the emulated link itself may be in a figure of three or four crossings, in seconds: its process must be woken.
/// `given.csv` shows it in its handshakes, which take 70 ms by arithmetic and 75 by measurement.
const LATENESS_S: f64 = 0.010;
/// By how much a figure may be off beside that.
const TOLERANCE: f64 = 0.05;
/// The same where slow start overruns the queue: which packet falls out decides over seconds.
const OVERRUN: f64 = 0.15;
/// The same after an outage of some seconds.
const AFTER_OUTAGE: f64 = 0.10;
/// Seeds of a lossy link.
const SEEDS: u64 = 101;

struct Row {
    line: String,
    conditions: Conditions,
    dead: [Duration; 2],
    upload: bool,
    bytes: usize,
    /// Until connected, until the first byte, until the last, in seconds.
    figures: [f64; 3],
    spread: [f64; 2],
}

fn rows(file: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.split(',').collect();
    let number = |index: usize| columns[index].parse::<f64>().unwrap_or_else(|_| panic!("column {index} of {line}"));
    let whole = |value: f64| format!("{value:.0}").parse::<u64>().expect("a whole number");
    let rate = |index| Rate::new(whole(number(index) * 1e3));
    let mut conditions = Conditions::new(rate(1), rate(2), Span::from_millis(whole(number(3))));
    conditions.loss = Loss { share: Share::new(whole(number(4) * 1e6)), burst: None };
    conditions.congestion = match columns[0] {
        "bbr" => Congestion::Bbr,
        "cubic" => Congestion::Cubic,
        "reno" => Congestion::Reno,
        other => panic!("no congestion control is called {other}"),
    };
    Row {
        line: line.to_owned(),
        conditions,
        dead: [number(5), number(6)].map(Duration::from_secs_f64),
        upload: columns[7] == "POST",
        bytes: usize::try_from(whole(number(8))).expect("a size"),
        figures: [number(9), number(10), number(11)],
        spread: [number(12), number(13)],
    }
}

/// One transfer in the model, with a request of one line and, to an upload, an answer of one word.
fn transfer(row: &Row, seed: u64) -> [f64; 3] {
    let mut path = net::Path::new(row.conditions.clone(), Seed(seed), "link/fidelity");
    let line = 5 + row.bytes.to_string().len();
    let (up, down) = if row.upload { (line + 1 + row.bytes, 3) } else { (line, row.bytes) };
    let mut now = Duration::ZERO;
    let id = path.connect(now);
    while !path.is_open(id) {
        now = step(&mut path, row);
    }
    let connected = now;
    path.send(id, Way::Up, now, up);
    let mut arrived = 0;
    while arrived < up {
        now = step(&mut path, row);
        arrived += path.take_arrived(id, Way::Up).bytes;
    }
    path.send(id, Way::Down, now, down);
    let (mut arrived, mut first) = (0, None);
    while arrived < down {
        now = step(&mut path, row);
        let more = path.take_arrived(id, Way::Down).bytes;
        arrived += more;
        first = first.or((more > 0).then_some(now));
    }
    [connected, first.unwrap_or(now), now].map(|time| time.as_secs_f64())
}

/// The path's next event; in the row's outage nothing passes.
fn step(path: &mut net::Path, row: &Row) -> Duration {
    let now = path.next_event().expect("something is on its way");
    let [from, to] = row.dead;
    for way in [Way::Up, Way::Down] {
        if now >= from && from < to {
            path.set_open(from.max(Duration::ZERO), way, now >= to);
        }
    }
    path.advance(now);
    now
}

/// What is wrong with the model's figures for the row.
fn difference(row: &Row) -> Option<String> {
    let lossy = row.conditions.loss.share > Share::default();
    if !lossy {
        let figures = transfer(row, 1);
        let overruns = row.conditions.round_trip() > Duration::from_millis(800) && row.bytes >= 100_000;
        let off = figures.iter().zip(row.figures).enumerate().any(|(index, (model, kernel))| {
            let outage = row.dead[1] - row.dead[0];
            let tolerance = match index {
                1 | 2 if overruns => OVERRUN,
                1 | 2 if outage > Duration::ZERO && outage < Duration::from_secs(10) => AFTER_OUTAGE,
                _ => TOLERANCE,
            };
            (model - kernel).abs() > (kernel * tolerance).max(LATENESS_S)
        });
        return off.then(|| format!("{}\n  the model: {figures:.3?}", row.line));
    }
    let mut totals: Vec<f64> = (0..SEEDS).map(|seed| transfer(row, seed)[2]).collect();
    totals.sort_by(f64::total_cmp);
    let (median, [least, most]) = (totals[totals.len() / 2], row.spread);
    let within = median > least * (1.0 - TOLERANCE) && median < most * (1.0 + TOLERANCE);
    (!within).then(|| format!("{}\n  the model's median: {median:.3}", row.line))
}

fn agrees_with(file: &Path, at_least: usize) {
    let rows = rows(file);
    assert!(rows.len() >= at_least, "{} has only {} rows", file.display(), rows.len());
    let wrong: Vec<String> = rows.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{} of {} rows differ:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

fn measured(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel").join(name)
}

#[test]
fn the_model_agrees_with_the_figures_given() {
    agrees_with(&measured("given.csv"), 28);
}

#[test]
fn the_model_agrees_with_the_figures_measured_here() {
    match std::env::var_os("DEADZONE_KERNEL") {
        Some(file) => agrees_with(Path::new(&file), 1),
        None => agrees_with(&measured("own.csv"), 40),
    }
}

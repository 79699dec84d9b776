//! What adds up over time: changes that wait on each device, and bytes each way.

use super::super::story::bytes as bytes_told;
use super::lanes::Lanes;
use super::scale::{LEFT, RIGHT, Scale, WIDTH};
use super::svg::{Picture, n, short};

const TOP: f64 = 8.0;
const BOTTOM: f64 = 88.0;
/// Points of one line; more could not be told apart.
const MOST_POINTS: usize = 250;
/// Lines that differ by colour and by dash.
const LINES: &[&str] = &[
    "stroke=\"#0060a0\"",
    "stroke=\"#b03a00\" stroke-dasharray=\"6 3\"",
    "stroke=\"#00684c\" stroke-dasharray=\"2 2\"",
    "stroke=\"#7a5200\" stroke-dasharray=\"8 3 2 3\"",
];
const CLASSES: &[&str] = &["up", "lost", "down", "ink"];

/// A line that goes up and down in steps.
struct Steps {
    name: String,
    points: Vec<(u64, u64)>,
}

/// Changes that wait; nothing when none ever did.
pub(super) fn queue(lanes: &Lanes, scale: Scale) -> String {
    let lines = lanes.devices.iter().filter_map(|device| {
        let points = lanes.queued.get(device)?;
        points.iter().any(|(_, queued)| *queued > 0).then(|| Steps { name: device.clone(), points: points.clone() })
    });
    draw(&lines.collect::<Vec<_>>(), scale, "changes that wait, by device", |most| most.to_string())
}

/// Bytes each way, added up.
pub(super) fn bytes(lanes: &Lanes, scale: Scale) -> String {
    let added = |up: bool| {
        let mut sum = 0;
        let arrows = lanes.arrows.iter().filter(|arrow| arrow.up == up && (up || arrow.delivered));
        let points = arrows.map(|arrow| {
            sum += arrow.bytes;
            (arrow.at_ms, sum)
        });
        points.collect::<Vec<_>>()
    };
    let lines = [Steps { name: "up".into(), points: added(true) }, Steps { name: "down".into(), points: added(false) }];
    draw(&lines, scale, "bytes, added up", bytes_told)
}

fn draw(lines: &[Steps], scale: Scale, label: &str, told: impl Fn(u64) -> String) -> String {
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, value)| *value).max().unwrap_or_default();
    if most == 0 {
        return String::new();
    }
    let y = |value: u64| BOTTOM - (BOTTOM - TOP) * value as f64 / most as f64;
    let mut picture = Picture::default();
    scale.draw(&mut picture, TOP, BOTTOM);
    picture.line((LEFT, BOTTOM), (RIGHT, BOTTOM), "class=\"lane\" stroke=\"#b9bdc6\"", "");
    picture.text((LEFT - 8.0, TOP + 8.0), "class=\"dim\" fill=\"#5c5f66\" text-anchor=\"end\"", &told(most));
    picture.text((LEFT - 8.0, BOTTOM), "class=\"dim\" fill=\"#5c5f66\" text-anchor=\"end\"", "0");
    for (place, line) in lines.iter().enumerate() {
        let (style, class) = (LINES[place % LINES.len()], CLASSES[place % CLASSES.len()]);
        let mut path = format!("M{} {}", n(LEFT), n(y(0)));
        for (at_ms, value) in thinned(&line.points) {
            path.push_str(&format!("H{}V{}", n(scale.x(at_ms)), n(y(value))));
        }
        path.push_str(&format!("H{}", n(RIGHT)));
        picture.path(&path, &format!("class=\"{class}\" fill=\"none\" stroke-width=\"1.6\" {style}"), &line.name);
        let height = TOP + 26.0 + 15.0 * (place as f64);
        picture.line(
            (4.0, height - 4.0),
            (22.0, height - 4.0),
            &format!("class=\"{class}\" stroke-width=\"1.6\" {style}"),
            "",
        );
        if height < BOTTOM {
            picture.text((26.0, height), "fill=\"#1b1b1f\" font-size=\"11\"", &short(&line.name, 13));
        }
    }
    picture.done((WIDTH, BOTTOM + 20.0), "", label)
}

/// Every so-manieth point, the last one in any case.
fn thinned(points: &[(u64, u64)]) -> impl Iterator<Item = (u64, u64)> {
    let every = points.len() / MOST_POINTS + 1;
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(move |(place, _)| place % every == 0 || *place == last).map(|(_, point)| *point)
}

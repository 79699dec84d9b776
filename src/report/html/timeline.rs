//! The swimlanes: devices, network and server over time, to scale, with what lasted, what happened and what was said.

use std::collections::BTreeSet;

use super::lanes::{Arrow, Happening, Lanes, Lasting, Moment, NETWORK, SERVER, Stretch};
use super::scale::{LEFT, RIGHT, Scale, WIDTH};
use super::svg::{Picture, n, short};

const TOP: f64 = 8.0;
const LANE: f64 = 46.0;
/// Messages in one picture; of more that fall on one spot, one stands for all.
const MOST_ARROWS: usize = 160;
const MOST_MOMENTS: usize = 120;
const MOST_STRETCHES: usize = 120;

const BLUE: &str = "#0060a0";
const GREEN: &str = "#00684c";
const ORANGE: &str = "#b03a00";

/// Draws what `scale` holds of `lanes`. `told` are the events that findings point at: they are always drawn.
pub(super) fn timeline(lanes: &Lanes, scale: Scale, told: &BTreeSet<u64>, label: &str) -> String {
    let names: Vec<&str> = lanes.devices.iter().map(String::as_str).chain([NETWORK, SERVER]).collect();
    let drawing = Drawing { names, scale, told };
    let bottom = TOP + LANE * f64::from(u32::try_from(drawing.names.len()).unwrap_or(u32::MAX));
    let mut picture = Picture::default();
    scale.draw(&mut picture, TOP, bottom);
    for (place, name) in drawing.names.iter().enumerate() {
        let y = middle(place);
        picture.line((LEFT, y), (RIGHT, y), "class=\"lane\" stroke=\"#b9bdc6\"", "");
        picture.text((LEFT - 8.0, y + 4.0), "fill=\"#1b1b1f\" text-anchor=\"end\"", &short(name, 16));
    }
    let inside = |stretch: &&Stretch| stretch.to_ms >= scale.from_ms && stretch.from_ms <= scale.to_ms;
    for stretch in lanes.stretches.iter().filter(inside).take(MOST_STRETCHES) {
        drawing.stretch(&mut picture, stretch);
    }
    for arrow in drawing.thinned(&lanes.arrows) {
        drawing.arrow(&mut picture, arrow);
    }
    let moments = lanes.moments.iter().filter(|moment| scale.holds(moment.at_ms));
    for moment in moments.take(MOST_MOMENTS) {
        drawing.moment(&mut picture, moment);
    }
    picture.done((WIDTH, bottom + 22.0), &scale.data(), label)
}

fn middle(place: usize) -> f64 {
    TOP + LANE * (f64::from(u32::try_from(place).unwrap_or(u32::MAX)) + 0.5)
}

struct Drawing<'a> {
    names: Vec<&'a str>,
    scale: Scale,
    told: &'a BTreeSet<u64>,
}

impl Drawing<'_> {
    fn y(&self, lane: &str) -> Option<f64> {
        self.names.iter().position(|name| *name == lane).map(middle)
    }

    /// The arrows to draw: all, or of those that fall on one spot the first, and each that tells something.
    fn thinned<'l>(&self, arrows: &'l [Arrow]) -> Vec<&'l Arrow> {
        let seen = |arrow: &&Arrow| self.scale.holds(arrow.at_ms) && self.y(&arrow.device).is_some();
        let all: Vec<&Arrow> = arrows.iter().filter(seen).collect();
        if all.len() <= MOST_ARROWS {
            return all;
        }
        let mut spots = BTreeSet::new();
        let spot = |arrow: &Arrow| (n((self.scale.x(arrow.at_ms) / 6.0).floor()), arrow.device.clone(), arrow.up);
        let mut kept: Vec<&Arrow> = all
            .into_iter()
            .filter(|arrow| {
                let first = spots.insert(spot(arrow));
                first || !arrow.delivered || self.told.contains(&arrow.seq)
            })
            .collect();
        kept.sort_by_key(|arrow| (!self.told.contains(&arrow.seq), arrow.delivered, arrow.seq));
        kept.truncate(MOST_ARROWS);
        kept.sort_by_key(|arrow| arrow.seq);
        kept
    }

    fn stretch(&self, picture: &mut Picture, stretch: &Stretch) {
        let Some(y) = self.y(&stretch.lane) else { return };
        let from = self.scale.x(stretch.from_ms);
        let width = (self.scale.x(stretch.to_ms) - from).max(1.5);
        let (top, height, style) = match stretch.kind {
            Lasting::Outage => (y - 20.0, 40.0, "class=\"shade\" fill=\"#8a8f98\" fill-opacity=\"0.35\""),
            Lasting::Down => (y - 12.0, 24.0, "class=\"fault\" fill=\"#b03a00\" fill-opacity=\"0.35\""),
            Lasting::Armed => (y - 16.0, 32.0, "class=\"fault\" fill=\"#b03a00\" fill-opacity=\"0.14\""),
            Lasting::Sync => (y - 5.0, 10.0, "class=\"sync\" fill=\"#0060a0\" fill-opacity=\"0.55\""),
        };
        picture.rectangle((from, top), (width, height), style, &stretch.title);
        if matches!(stretch.kind, Lasting::Outage | Lasting::Down) && width > 60.0 {
            let style = "class=\"dim\" fill=\"#5c5f66\" font-size=\"11\"";
            picture.text((from + 4.0, y - 9.0), style, &short(&stretch.title, 24));
        }
    }

    /// A request goes down from its device to the server, an answer comes up; what is lost ends at the network.
    fn arrow(&self, picture: &mut Picture, arrow: &Arrow) {
        let (Some(device), Some(network), Some(server)) = (self.y(&arrow.device), self.y(NETWORK), self.y(SERVER))
        else {
            return;
        };
        let x = self.scale.x(arrow.at_ms);
        let (from, whole) = if arrow.up { (device, server) } else { (server, device) };
        let to = if arrow.delivered { whole } else { network };
        let (class, colour) = match (arrow.delivered, arrow.up) {
            (false, _) => ("lost", ORANGE),
            (true, true) => ("up", BLUE),
            (true, false) => ("down", GREEN),
        };
        let width = if self.told.contains(&arrow.seq) { 2.6 } else { 1.2 };
        let dash = if arrow.delivered { "" } else { " stroke-dasharray=\"4 3\"" };
        let style = format!("class=\"{class}\" stroke=\"{colour}\" stroke-width=\"{}\"{dash}", n(width));
        picture.line((x, from), (x, to), &style, &arrow.title);
        let back = if to > from { -5.0 } else { 5.0 };
        let tip = if arrow.delivered {
            format!("M{} {}L{} {}L{} {}", n(x - 3.0), n(to + back), n(x), n(to), n(x + 3.0), n(to + back))
        } else {
            cross(x, to, 4.0)
        };
        let style = format!("class=\"{class}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"");
        picture.path(&tip, &style, &arrow.title);
    }

    fn moment(&self, picture: &mut Picture, moment: &Moment) {
        let Some(y) = self.y(&moment.lane) else { return };
        let x = self.scale.x(moment.at_ms);
        let wide = if self.told.contains(&moment.seq) { 8.0 } else { 5.5 };
        let (path, style) = match moment.kind {
            Happening::Edit => (diamond(x, y - 13.0, wide), "class=\"edit\" fill=\"#00684c\""),
            Happening::Conflict => (triangle(x, y - 13.0, wide + 1.0), "class=\"clash\" fill=\"#7a5200\""),
            Happening::Crash => {
                (cross(x, y, wide + 3.0), "class=\"ink\" fill=\"none\" stroke=\"#1b1b1f\" stroke-width=\"3\"")
            }
            Happening::Restart => (
                format!("M{} {}v16", n(x), n(y - 8.0)),
                "class=\"ink\" fill=\"none\" stroke=\"#1b1b1f\" stroke-width=\"2\"",
            ),
            Happening::Strike => (triangle(x, y + 15.0, wide), "class=\"fault\" fill=\"#b03a00\""),
        };
        picture.path(&path, style, &moment.title);
    }
}

fn cross(x: f64, y: f64, arm: f64) -> String {
    let (a, b, c, d) = (n(x - arm), n(y - arm), n(x + arm), n(y + arm));
    format!("M{a} {b}L{c} {d}M{a} {d}L{c} {b}")
}

fn diamond(x: f64, y: f64, arm: f64) -> String {
    format!("M{} {}L{} {}L{} {}L{} {}Z", n(x), n(y - arm), n(x + arm), n(y), n(x), n(y + arm), n(x - arm), n(y))
}

fn triangle(x: f64, y: f64, arm: f64) -> String {
    format!("M{} {}L{} {}L{} {}Z", n(x), n(y - arm), n(x + arm), n(y + arm), n(x - arm), n(y + arm))
}

//! From a file, or its text, to a scenario, or to all that is wrong with it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;

use super::action::Action;
use super::expand::{self, Row};
use super::file::{Orders, Scenario};
use super::link::Link;
use super::outline::Node;
use super::parse::outline;
use super::problem::{Problem, Problems};
use super::written::Written;
use super::{validate, whole};

/// Largest scenario file, in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 20;
/// Largest file of work orders, in bytes.
const MOST_ORDER_BYTES: u64 = 256 << 20;

/// What a reader must be told, since it is decided elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Names of the network profiles that a device's `link` may have.
    pub known_links: &'a [&'a str],
}

/// One run of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The number of its row, from 1, where the file has a table of them.
    pub row: Option<u32>,
    /// What is played.
    pub scenario: Scenario,
}

/// Reads and checks a scenario file, and looks into the files that it names. One run, or one for each row of its table.
///
/// # Errors
/// One problem when the file cannot be read or is malformed; otherwise all that is wrong with what it says.
pub fn load(path: &Path, options: &Options<'_>) -> Result<Vec<Run>, Vec<Problem>> {
    let name = path.display().to_string();
    let text = text_of(path, MOST_BYTES).map_err(|message| vec![Problem::of_file(&name, &message)])?;
    read(&text, &name, Some(path), options)
}

/// Reads and checks a scenario's text, which is no table. Paths in it are resolved against the folder of `file_name`, but
/// not followed.
///
/// # Errors
/// As for [`load`].
pub fn parse(text: &str, file_name: &str, options: &Options<'_>) -> Result<Scenario, Vec<Problem>> {
    the_only(read(text, file_name, None, options)?, file_name)
}

/// The scenario of a file that is played once.
///
/// # Errors
/// One problem when the file has a table.
pub fn the_only(mut runs: Vec<Run>, file_name: &str) -> Result<Scenario, Vec<Problem>> {
    match (runs.pop(), runs.len()) {
        (Some(Run { scenario, .. }), 0) => Ok(scenario),
        (_, others) => {
            let message = format!("this is a table of {} runs; here one scenario is wanted", others + 1);
            Err(vec![Problem::of_file(file_name, &message)])
        }
    }
}

fn read(text: &str, file: &str, path: Option<&Path>, options: &Options<'_>) -> Result<Vec<Run>, Vec<Problem>> {
    let mut problems = Problems::new(file, text);
    let outline = match outline(text) {
        Ok(outline) => outline,
        Err(fault) => {
            problems.add(fault.place.unwrap_or_default(), fault.message, fault.help);
            return problems.into_result(None);
        }
    };
    let rows = expand::rows(outline, path, &mut problems);
    if !problems.is_empty() {
        return problems.into_result(None);
    }
    let mut runs = Vec::with_capacity(rows.len());
    for Row { number, outline } in rows {
        validate::check_texts(&outline, &mut problems);
        if let Some((written, outline)) = form(outline, &mut problems) {
            let scenario = validate::validate(written, &outline, file, options, &mut problems);
            if path.is_some() {
                look_into_files(&scenario, &outline, &mut problems);
            }
            runs.push(Run { row: number, scenario });
        }
    }
    problems.into_result(Some(runs))
}

/// What is written and where, if so much of the form is right that the rest can be judged.
fn form(mut outline: Node, problems: &mut Problems<'_>) -> Option<(Written, Node)> {
    let judgeable = validate::one_action_each(&mut outline, problems);
    let read = whole::read(&mut outline);
    for fault in read.faults {
        problems.add(fault.place.unwrap_or_default(), fault.message, fault.help);
    }
    let written = read.written.filter(|_| judgeable && read.judgeable)?;
    Some((written, outline))
}

/// The whole file, if it is a text of at most `most` bytes.
pub(super) fn text_of(path: &Path, most: u64) -> Result<String, String> {
    let bytes = bytes_of(path, most)?;
    let text = String::from_utf8(bytes).map_err(|_| "this is not a text file (not UTF-8)".to_owned())?;
    if text.contains('\0') { Err("this is not a text file".to_owned()) } else { Ok(text) }
}

/// The whole file, if it is a regular one of at most `most` bytes.
fn bytes_of(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's list is open")]
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "this file may not be read".to_owned(),
        _ => format!("this file cannot be read: {error}"),
    };
    let metadata = fs::metadata(path).map_err(cannot)?;
    if metadata.is_dir() {
        return Err("this is a folder, not a file".to_owned());
    }
    if !metadata.is_file() {
        return Err("this is not a regular file".to_owned());
    }
    let too_large = format!("this file is too large: at most {} MiB are read", most >> 20);
    if metadata.len() > most {
        return Err(too_large);
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > most { Err(too_large) } else { Ok(bytes) }
}

/// What must be readable in each work order of a file.
#[derive(Deserialize)]
struct OrderInFile {
    #[serde(rename = "workOrderId")]
    id: String,
}

fn look_into_files(scenario: &Scenario, outline: &Node, problems: &mut Problems<'_>) {
    look_into_orders(scenario, outline, problems);
    let devices = outline.at("devices");
    for device in &scenario.devices {
        look_into_traces(&device.link, devices.at(&device.name).at("link"), problems);
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        if let Action::Link(step) = &step.action {
            look_into_traces(&step.to, outline.at("steps").item(index).body().at("to"), problems);
        }
    }
}

fn look_into_traces(link: &Link, at: &Node, problems: &mut Problems<'_>) {
    let Some(files) = link.trace() else { return };
    for (key, file) in [("down", &files.down), ("up", &files.up)] {
        if let Err(why) = file.trace(files.at_end) {
            let help = format!("the path counts from the scenario's own folder; looked for {}", file.path.display());
            problems.add(at.at("trace").at(key).place, why, Some(help));
        }
    }
}

fn look_into_orders(scenario: &Scenario, outline: &Node, problems: &mut Problems<'_>) {
    let Orders::File { path, take, written } = &scenario.world.orders else { return };
    let world = outline.at("world");
    let place = world.at("orders").place;
    let bytes = match bytes_of(path, MOST_ORDER_BYTES) {
        Ok(bytes) => bytes,
        Err(why) => {
            let help = format!("the path counts from the scenario's own folder; looked for {}", path.display());
            return problems.add(place, format!("`{written}`: {why}"), Some(help));
        }
    };
    let orders: Vec<OrderInFile> = match serde_json::from_slice(&bytes) {
        Ok(orders) => orders,
        Err(error) => {
            let help = "the file must be a JSON array of work orders, each with a `workOrderId`".to_owned();
            return problems.add(place, format!("`{written}` holds something else: {error}"), Some(help));
        }
    };
    let mut ids: Vec<&str> = orders.iter().map(|order| order.id.as_str()).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        problems.add(place, format!("`{written}` holds {} twice", twice[0]), None);
    }
    if take.is_some_and(|take| take as usize > orders.len()) {
        let message = format!("`{written}` holds only {} work orders", orders.len());
        problems.add(world.at("take").place, message, None);
    }
}

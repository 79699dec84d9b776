//! All scenarios replayed for a command that wants their summary alone.

use std::fs;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use super::exit::Exit;
use super::interrupt::on_ctrl_c;
use super::replay::{Replay, name_of};
use super::{failed, jobs, select, tell, validate, wrong};
use crate::report::{Stopped, Summary};
use crate::world::Media;

/// The summary at `from`; without it, that of a run of everything below `paths` but the big ones.
///
/// # Errors
/// The exit code, when it cannot be had; why has been told.
pub(super) fn summary(from: Option<&Path>, paths: &[PathBuf]) -> Result<Summary, Exit> {
    match from {
        Some(file) => read(file),
        None => replayed(paths),
    }
}

/// Reads a summary; a folder means the one in it.
///
/// # Errors
/// The exit code, when it cannot be read; why has been told.
pub(super) fn read(file: &Path) -> Result<Summary, Exit> {
    let file = if file.is_dir() { file.join("summary.json") } else { file.to_owned() };
    let text = fs::read_to_string(&file).map_err(|error| error.to_string());
    let summary = text.and_then(|text| serde_json::from_str::<Summary>(&text).map_err(|error| error.to_string()));
    summary.map_err(|error| {
        wrong(&format!(
            "{}: {error}: name a summary.json, or the folder that `deadzone run --report` wrote",
            file.display()
        ))
    })
}

fn replayed(paths: &[PathBuf]) -> Result<Summary, Exit> {
    let (mut selected, wrong) = select::load(paths);
    if !wrong.is_empty() {
        validate::show(&wrong);
        return Err(Exit::WrongInput);
    }
    selected.retain(|selected| !select::is_left_out(&selected.scenario, paths, &[]));
    selected.sort_by_key(|selected| name_of(&selected.file));
    if selected.is_empty() {
        tell("nothing to run: no scenario there");
        return Err(Exit::Inconclusive);
    }
    let interrupt = on_ctrl_c().map_err(|error| failed(&format!("Ctrl-C cannot be heard: {error}")))?;
    let replay = Replay { seed: None, retries: 0, media: Media::Simulated, interrupt, unfit: None, accepted: None };
    let mut summary = Summary { version: Summary::VERSION, selected: selected.len() as u64, ..Summary::default() };
    let progress = ProgressBar::new(selected.len() as u64);
    let work = |number: usize, selected: &select::Selected| {
        (!replay.interrupt.is_raised()).then(|| replay.run(number, selected).summary)
    };
    jobs::in_order(jobs::cores(), &selected, work, |scenario| {
        progress.inc(1);
        scenario.map(|scenario| summary.scenarios.push(scenario)).is_some()
    });
    progress.finish_and_clear();
    summary.left_out = (selected.len() - summary.scenarios.len()) as u64;
    if summary.left_out > 0 {
        summary.stopped = Some(Stopped::Interrupted);
        tell("interrupted");
        return Err(Exit::Interrupted);
    }
    Ok(summary)
}

//! `deadzone check-client` and `check-server`: the scenarios that are built into this program, played with what a team has
//! made, and a verdict by requirement. It needs no file but the program.

use std::path::PathBuf;

use clap::Args;

use super::coverage::line;
use super::exit::Exit;
use super::run::{self, RunArguments};
use super::select::Selected;
use super::subject::SubjectArguments;
use super::{jobs, outputs, say, validate, wrong};
use crate::base::Span;
use crate::net;
use crate::report::{self, Proof, Summary};
use crate::scenario::{self, Options};

#[derive(Debug, Args)]
pub(super) struct CheckClientArguments {
    /// The program that plays the devices (docs/DEVICE_PROTOCOL.md); a shell reads the command
    command: String,
    #[command(flatten)]
    how: CheckArguments,
}

#[derive(Debug, Args)]
pub(super) struct CheckServerArguments {
    /// The server: `http://host:port`
    url: String,
    #[command(flatten)]
    how: CheckArguments,
}

#[derive(Debug, Args)]
struct CheckArguments {
    /// Only scenarios with this in their names
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Write the report here, as `deadzone run --report` does
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// So many scenarios at once [default: four for each core; a server plays one at a time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// A device that has not answered after this long is given up [default: 2min]
    #[arg(long, value_name = "SPAN")]
    answer_within: Option<Span>,
    /// Say only what did not hold, and the totals
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn check_client(arguments: &CheckClientArguments) -> Exit {
    let client = Some(arguments.command.clone());
    check(SubjectArguments { client, ..SubjectArguments::default() }, &arguments.how)
}

pub(super) fn check_server(arguments: &CheckServerArguments) -> Exit {
    let server = Some(arguments.url.clone());
    check(SubjectArguments { server, ..SubjectArguments::default() }, &arguments.how)
}

/// They mostly wait, so several are played at once.
const FOR_EACH_CORE: usize = 4;

fn check(subject: SubjectArguments, how: &CheckArguments) -> Exit {
    let mut selected = match built_in() {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let wanted = |name: &str| how.only.is_empty() || how.only.iter().any(|text| name.contains(text.as_str()));
    selected.retain(|it| wanted(&super::replay::name_of(&it.file)) || wanted(&it.scenario.name));
    if selected.is_empty() {
        return wrong("--only: no scenario has that in its name");
    }
    let subject = SubjectArguments { answer_within: how.answer_within, built_in: true, ..subject };
    let at_once = u16::try_from(FOR_EACH_CORE * jobs::cores()).unwrap_or(u16::MAX);
    let jobs = Some(how.jobs.unwrap_or(at_once));
    let arguments = RunArguments::of(subject, jobs, how.report.clone(), how.quiet);
    match run::conduct(&arguments, &selected, selected.len(), None) {
        Ok((exit, summary)) => {
            tell_requirements(&summary, how.quiet);
            exit
        }
        Err(exit) => exit,
    }
}

/// The requirement matrix, or what failed of it, and what it comes to.
fn tell_requirements(summary: &Summary, failed_alone: bool) {
    let matrix = outputs::matrix(summary);
    say("\nrequirement by requirement:");
    let told = matrix.iter().filter(|row| !failed_alone || row.proof == Proof::Failed);
    told.for_each(|row| say(&line(row)));
    let counts = report::counted(&matrix).map(|(proof, count)| format!("{count} {}", proof.word()));
    say(&format!("\n{} requirements: {}", matrix.len(), counts.join(", ")));
}

/// The scenarios in this program.
fn built_in() -> Result<Vec<Selected>, Exit> {
    let links: Vec<&str> = net::PROFILES.iter().map(|profile| profile.name).collect();
    let options = Options { known_links: &links };
    let (mut selected, mut wrong) = (Vec::new(), Vec::new());
    for (file, text) in SCENARIOS {
        match scenario::parse(text, file, &options) {
            Ok(scenario) => selected.push(Selected { file: PathBuf::from(file), scenario }),
            Err(problems) => wrong.push(problems),
        }
    }
    if wrong.is_empty() {
        return Ok(selected);
    }
    validate::show(&wrong);
    Err(Exit::Harness)
}

macro_rules! embedded {
    ($($file:literal,)*) => { &[$(($file, include_str!(concat!("../../", $file)))),*] };
}

/// Short stories in real time that together touch every requirement that can be shown there: first what every client must,
/// then what only some offer.
const SCENARIOS: &[(&str, &str)] = embedded![
    "scenarios/basics/acknowledgement-lost-once.yaml",
    "scenarios/basics/created-offline.yaml",
    "scenarios/basics/deleted-on-the-server.yaml",
    "scenarios/basics/first-sync-brings-the-work.yaml",
    "scenarios/basics/killed-with-changes-in-the-queue.yaml",
    "scenarios/basics/office-change-comes-down.yaml",
    "scenarios/basics/offline-edit-reaches-the-server.yaml",
    "scenarios/basics/pull-broken-off-between-two-pages.yaml",
    "scenarios/basics/token-refused-once.yaml",
    "scenarios/basics/two-devices-one-order.yaml",
    "scenarios/attachments/photo-taken-offline.yaml",
    "scenarios/bandwidth/nothing-new-costs-next-to-nothing.yaml",
    "scenarios/conflict/choice-taken-back.yaml",
    "scenarios/conflict/completed-offline-put-on-hold-by-the-office.yaml",
    "scenarios/conflict/decided-field-by-field.yaml",
    "scenarios/conflict/deleted-after-the-choice.yaml",
    "scenarios/conflict/own-line-given-up-for-the-servers.yaml",
    "scenarios/conflict/preference-answers-for-me.yaml",
    "scenarios/crash/after-the-commit.yaml",
    "scenarios/crash/before-the-request.yaml",
    "scenarios/device/offline-status-icons-and-queue.yaml",
    "scenarios/errors/broken-gzip-is-no-answer.yaml",
    "scenarios/network/a-page-from-a-cache-moves-nothing-back.yaml",
    "scenarios/network/an-old-acknowledgement-acknowledges-nothing.yaml",
    "scenarios/reference/follow-up-of-an-order-made-offline.yaml",
    "scenarios/select/others-work-cannot-be-picked.yaml",
    "scenarios/storage/caches-are-read-only.yaml",
    "scenarios/storage/cleared-cache-comes-back.yaml",
    "scenarios/storage/next-user-of-the-same-phone.yaml",
    "scenarios/sync/completed-order-stays-on-the-device.yaml",
    "scenarios/sync/created-offline-gets-its-real-id.yaml",
    "scenarios/sync/queue-goes-in-priority-order.yaml",
    "scenarios/sync/reassigned-while-edited-offline.yaml",
    "scenarios/sync/rejected-change-is-shown-and-blocks-nobody.yaml",
    "scenarios/triggers/back-online-pushes-at-once.yaml",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Orders;

    #[test]
    fn all_that_is_built_in_can_be_played_in_real_time_and_needs_no_file() {
        let selected = built_in().expect("valid scenarios");
        assert_eq!(selected.len(), SCENARIOS.len());
        for Selected { file, scenario } in selected {
            assert!(scenario.tags.iter().any(|tag| tag == "live"), "{} is not tagged `live`", file.display());
            assert!(matches!(scenario.world.orders, Orders::Generate(_)), "{} needs a file", file.display());
        }
    }
}

//! `JUnit` XML as Jenkins reads it: a suite for each scenario file, with its one case.
//!
//! Jenkins' schema knows properties and a file of suites alone, and no `skipped` of the whole. Times are the stories'
//! own, virtual ones, so that the same run writes the same bytes.

use std::fmt::Write;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::summary::{Class, ScenarioSummary, Summary};

/// The document.
#[must_use]
pub fn junit(summary: &Summary) -> String {
    let mut report = Report::new("deadzone");
    let run_ms: u64 = summary.scenarios.iter().map(|scenario| scenario.tally.run_ms).sum();
    report.set_time(Duration::from_millis(run_ms));
    report.add_test_suites(summary.scenarios.iter().map(|scenario| suite(summary, scenario)));
    // Writing to memory does not fail.
    let text = report.to_string().unwrap_or_default();
    text.replacen(&format!(" skipped=\"{}\"", report.skipped), "", 1)
}

fn suite(summary: &Summary, scenario: &ScenarioSummary) -> TestSuite {
    let mut suite = TestSuite::new(scenario.file.as_str());
    suite.set_time(Duration::from_millis(scenario.tally.run_ms));
    suite.extra.insert("file".into(), scenario.source().into());
    let line = scenario.line().to_string();
    let seed = scenario.seed.to_string();
    let (covers, replay) = (scenario.covers.join(", "), summary.replay(scenario));
    let properties = [("seed", &seed), ("replay", &replay), ("line", &line), ("covers", &covers)];
    suite.add_properties(properties.map(|(name, value)| (name, value.as_str())));
    for it in &scenario.unchecked {
        suite.add_property(("not-checked", format!("{}: {}", it.check, it.reason).as_str()));
    }
    let mut case = TestCase::new(scenario.name.as_str(), status(scenario));
    case.set_classname(class_name(&scenario.file));
    case.set_time(Duration::from_millis(scenario.tally.run_ms));
    if scenario.class.is_bad() {
        case.set_system_out(told(scenario, &replay));
    }
    suite.add_test_case(case);
    suite
}

fn status(scenario: &ScenarioSummary) -> TestCaseStatus {
    let mut status = match scenario.class {
        Class::Passed => return TestCaseStatus::success(),
        Class::Skipped => TestCaseStatus::skipped(),
        Class::Missed | Class::Failed | Class::NonDeterministic => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Class::Broken | Class::Interrupted => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_message(scenario.headline());
    if scenario.class != Class::Skipped {
        status.set_type(scenario.class.word());
    }
    status
}

/// `scenarios/crash/torn.yaml` is `scenarios.crash.torn`: Jenkins groups by it.
fn class_name(file: &str) -> String {
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file);
    let parts: Vec<String> = stem
        .split('/')
        .filter(|part| !part.is_empty() && *part != "." && *part != "..")
        .map(|part| part.replace('.', "-"))
        .collect();
    parts.join(".")
}

fn told(scenario: &ScenarioSummary, replay: &str) -> String {
    let mut text = format!("{}:{}\n", scenario.source(), scenario.line());
    for finding in &scenario.findings {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}\n  expected  {}\n  happened  {}", finding.check, finding.expected, finding.happened);
    }
    if !scenario.reason.is_empty() {
        let _ = writeln!(text, "{}", scenario.reason);
    }
    let _ = writeln!(text, "replay: {replay}");
    text
}

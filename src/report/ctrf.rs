//! The run as a CTRF document (Common Test Report Format, ctrf.io). Times are the stories' own, virtual ones, from 0.

use serde_json::{Value, json};

use super::summary::{Class, ScenarioSummary, Summary};

/// The version of the format that is written.
const SPEC_VERSION: &str = "0.0.0";

/// The document.
#[must_use]
pub fn ctrf(summary: &Summary) -> String {
    let count = |status| summary.scenarios.iter().filter(|scenario| self::status(scenario.class) == status).count();
    let run_ms: u64 = summary.scenarios.iter().map(|scenario| scenario.tally.run_ms).sum();
    let tests: Vec<Value> = summary.scenarios.iter().map(|scenario| test(summary, scenario)).collect();
    let document = json!({
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "generatedBy": "deadzone",
        "results": {
            "tool": { "name": "deadzone", "version": env!("CARGO_PKG_VERSION") },
            "summary": {
                "tests": summary.scenarios.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "skipped": count("skipped"),
                "pending": summary.left_out,
                "other": count("other"),
                "start": 0,
                "stop": run_ms,
            },
            "tests": tests,
        },
    });
    format!("{document:#}\n")
}

fn status(class: Class) -> &'static str {
    match class {
        Class::Passed => "passed",
        Class::Missed | Class::Failed | Class::NonDeterministic => "failed",
        Class::Skipped => "skipped",
        Class::Broken | Class::Interrupted => "other",
    }
}

fn test(summary: &Summary, scenario: &ScenarioSummary) -> Value {
    let folder = scenario.file.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let mut test = json!({
        "name": scenario.name,
        "status": status(scenario.class),
        "rawStatus": scenario.class.word(),
        "duration": scenario.tally.run_ms,
        "suite": [folder],
        "filePath": scenario.file,
        "line": scenario.line(),
        "tags": scenario.covers,
        "extra": { "seed": scenario.seed, "replay": summary.replay(scenario) },
    });
    if scenario.class != Class::Passed {
        test["message"] = scenario.headline().into();
    }
    if !scenario.unchecked.is_empty() {
        let all: Vec<String> = scenario.unchecked.iter().map(|it| format!("{}: {}", it.check, it.reason)).collect();
        test["extra"]["notChecked"] = all.into();
    }
    let trace: Vec<String> = scenario
        .findings
        .iter()
        .map(|finding| format!("{}: expected {}; happened {}", finding.check, finding.expected, finding.happened))
        .collect();
    if !trace.is_empty() {
        test["trace"] = trace.join("\n").into();
    }
    test
}

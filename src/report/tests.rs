//! Views of summaries that nobody would like to see: everything failed, names full of markup.

use super::*;
use crate::check::{self, Finding, Ledger};

/// A scenario that ended as `class`; its words hold what every format must escape.
fn scenario(place: usize, class: Class) -> ScenarioSummary {
    let finding = Finding {
        check: "I1 no <lost> update".into(),
        class: check::Class::Violated,
        expected: "a | b & \"c\"".into(),
        happened: "`d`\n::error::e <script>alert(1)</script>\u{1b}[31m".into(),
        events: Vec::new(),
        line: 7,
        claim: None,
    };
    let failed = matches!(class, Class::Failed | Class::NonDeterministic | Class::Missed);
    ScenarioSummary {
        file: format!("scenarios/a: b, c/{place:03}.yaml"),
        name: format!("The <name> of 100 % & number {place}"),
        seed: 9,
        covers: vec!["F1".into(), "F2".into()],
        class,
        reason: if class == Class::Skipped { "it | waits 7d".into() } else { String::new() },
        findings: if failed { vec![finding] } else { Vec::new() },
        ledger: Ledger::default(),
        unchecked: Vec::new(),
        tally: Tally::default(),
    }
}

fn summary(classes: &[Class]) -> Summary {
    let scenarios: Vec<ScenarioSummary> =
        classes.iter().enumerate().map(|(place, class)| scenario(place, *class)).collect();
    Summary { version: 1, selected: scenarios.len() as u64, scenarios, ..Summary::default() }
}

const ALL: &[Class] = &[
    Class::Passed,
    Class::Missed,
    Class::Skipped,
    Class::Failed,
    Class::NonDeterministic,
    Class::Broken,
    Class::Interrupted,
];

fn statement(id: &'static str, beyond: Option<&'static str>) -> Statement {
    Statement { id, text: "A statement.", beyond }
}

#[test]
fn github_is_told_nine_and_how_many_more() {
    let lines = annotations(&summary(&[Class::Failed; 30]));
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[9], "::error title=deadzone::and 21 more");
    assert!(lines[0].starts_with("::error file=scenarios/a%3A b%2C c/000.yaml,line=7,title=The <name> of 100 %25 &"));
    assert!(lines.iter().all(|line| !line.contains('\n') && line.matches("::error").count() <= 2), "{lines:?}");
    assert!(annotations(&summary(&[Class::Passed, Class::Skipped])).is_empty());
}

#[test]
fn a_job_summary_stays_below_a_mebibyte() {
    let mut much = summary(&[Class::Failed; 400]);
    for scenario in &mut much.scenarios {
        let finding = Finding { happened: "x|".repeat(5_000), ..scenario.findings[0].clone() };
        scenario.findings = vec![finding; 12];
    }
    let text = markdown(&much, &matrix(&[statement("F9", None)], &much));
    assert!(text.len() < 1 << 20, "{} bytes", text.len());
    assert!(text.contains("more; `summary.json` has them all.") && text.contains("| F9 |"));
}

#[test]
fn markdown_shows_words_as_they_are() {
    let text = markdown(&summary(ALL), &[]);
    assert!(text.contains("&lt;script&gt;") && !text.contains("<script>"), "{text}");
    assert!(text.contains("a \\| b &amp; "), "{text}");
}

#[test]
fn markdown_counts_what_was_not_begun_among_all() {
    let mut cut_short = Summary { left_out: 250, ..summary(&[Class::Passed; 30]) };
    cut_short.scenarios[0].ledger.made = 1;
    let text = markdown(&cut_short, &[]);
    for part in
        ["## deadzone: not complete\n", "| not begun | 250 |", "| **all** | **280** |", "\n1 operation, 0 lost;"]
    {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

#[test]
fn a_statement_is_proven_by_what_passed_alone() {
    let rows = |classes: &[Class]| {
        let statements = [statement("F1", None), statement("F2", Some("no browser here")), statement("F3", None)];
        matrix(&statements, &summary(classes)).iter().map(|row| row.proof).collect::<Vec<_>>()
    };
    use Proof::{Failed, NotProven, Passed};
    assert_eq!(rows(&[Class::Passed, Class::Skipped]), [Passed, NotProven, NotProven]);
    assert_eq!(rows(&[Class::Passed, Class::Missed]), [Failed, Failed, NotProven]);
    assert_eq!(rows(&[Class::Skipped]), [NotProven; 3]);
    assert_eq!(counted(&matrix(&[statement("F1", None)], &summary(ALL))).map(|(_, count)| count), [0, 1, 0]);
}

#[test]
fn html_names_what_failed_first_and_runs_nothing_of_it() {
    let summary = summary(ALL);
    let sections: Vec<String> =
        summary.scenarios.iter().map(|it| section(it, &crate::history::History::default(), "replay")).collect();
    let text = html(&summary, &matrix(&[statement("F1", None)], &summary), &sections);
    assert!(!text.contains("<script>alert") && text.contains("&#60;script&#62;alert"), "{text}");
    let link = text.find("<a class=\"to-failure\" href=\"#s-2\">").expect("a link to the first that failed");
    assert!(link < text.find("<table").expect("a table"));
    for place in 1..=ALL.len() {
        assert_eq!(text.matches(&format!("id=\"s-{place}\"")).count(), 1, "scenario {place}");
    }
}

#[test]
fn ctrf_counts_every_scenario_once() {
    let document: serde_json::Value = serde_json::from_str(&ctrf(&summary(ALL))).expect("JSON");
    let counts = &document["results"]["summary"];
    let sum: u64 = ["passed", "failed", "skipped", "other"].iter().filter_map(|status| counts[*status].as_u64()).sum();
    assert_eq!((sum, counts["tests"].as_u64()), (ALL.len() as u64, Some(ALL.len() as u64)));
    assert_eq!(document["results"]["tests"][3]["status"], "failed");
    assert_eq!(document["results"]["tests"][3]["line"], 7);
}

#[test]
fn a_replay_line_survives_a_shell() {
    let odd = ScenarioSummary { file: "it's here.yaml".into(), ..scenario(0, Class::Failed) };
    assert_eq!(Summary::default().replay(&odd), r"deadzone run 'it'\''s here.yaml' --seed 9");
    let live = Summary { live: true, ..Summary::default() };
    let plain = ScenarioSummary { file: "a/b.yaml".into(), ..odd };
    assert_eq!(live.replay(&plain), "deadzone run a/b.yaml --seed 9 --live");
}

#[test]
fn text_is_broken_at_spaces_and_escapes_take_no_room() {
    let told = fitted("         expected  one two three four", 24);
    assert_eq!(told, "         expected  one\n            two three\n            four");
    assert_eq!(fitted("\u{1b}[1mbold\u{1b}[0m word", 10), "\u{1b}[1mbold\u{1b}[0m word");
    assert_eq!(fitted("short\n\nlines", 80), "short\n\nlines");
    assert_eq!(fitted("averylongwordthatstayswhole", 10), "averylongwordthatstayswhole");
}

mod junit_rules {
    //! What Jenkins' schema for `JUnit` (junit-10.xsd of its xUnit plugin) allows, written down as a table.

    use std::collections::BTreeMap;

    use quick_xml::Reader;
    use quick_xml::events::{BytesStart, Event};

    use super::*;

    /// Element, attributes that it must have, attributes that it may have, elements in it.
    type Rule = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

    const RULES: &[Rule] = &[
        ("testsuites", &[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
        (
            "testsuite",
            &["name", "tests", "failures", "errors"],
            &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
        ),
        ("properties", &[], &[], &["property"]),
        ("property", &["name", "value"], &[], &[]),
        (
            "testcase",
            &["name"],
            &["time", "classname", "group"],
            &["skipped", "error", "failure", "system-out", "system-err"],
        ),
        ("skipped", &[], &["type", "message"], &[]),
        ("error", &[], &["type", "message"], &[]),
        ("failure", &[], &["type", "message"], &[]),
        ("system-out", &[], &[], &[]),
        ("system-err", &[], &[], &[]),
    ];

    fn check(element: &BytesStart<'_>, parents: &[String]) -> String {
        let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
        let rule = RULES.iter().find(|rule| rule.0 == name).unwrap_or_else(|| panic!("no element `{name}`"));
        let attributes: BTreeMap<String, String> = element
            .attributes()
            .map(|attribute| attribute.expect("an attribute"))
            .map(|it| {
                (String::from_utf8_lossy(it.key.as_ref()).into_owned(), String::from_utf8_lossy(&it.value).into_owned())
            })
            .collect();
        for must in rule.1 {
            assert!(attributes.contains_key(*must), "`{name}` lacks `{must}`");
        }
        for (key, value) in &attributes {
            assert!(rule.1.contains(&key.as_str()) || rule.2.contains(&key.as_str()), "`{name}` may not have `{key}`");
            let digits = || value.chars().all(|c| c.is_ascii_digit() || c == '.');
            assert!(key != "time" || digits(), "time `{value}`");
        }
        match parents.last() {
            Some(parent) => {
                let above = RULES.iter().find(|rule| rule.0 == parent).expect("a known parent");
                assert!(above.3.contains(&name.as_str()), "`{name}` may not lie in `{parent}`");
            }
            None => assert!(["testsuites", "testsuite"].contains(&name.as_str()), "the root is `{name}`"),
        }
        name
    }

    /// Fails where `text` is not what the schema allows.
    pub(super) fn hold(text: &str) -> usize {
        let mut reader = Reader::from_str(text);
        let (mut parents, mut cases) = (Vec::new(), 0);
        loop {
            match reader.read_event().expect("well-formed XML") {
                Event::Start(element) => {
                    let name = check(&element, &parents);
                    cases += usize::from(name == "testcase");
                    parents.push(name);
                }
                Event::Empty(element) => cases += usize::from(check(&element, &parents) == "testcase"),
                Event::End(_) => drop(parents.pop()),
                Event::Eof => return cases,
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    #[test]
    fn every_outcome_is_what_jenkins_reads() {
        let text = junit(&summary(ALL));
        assert_eq!(hold(&text), ALL.len());
        for part in ["name=\"seed\" value=\"9\"", "name=\"line\" value=\"7\"", "deadzone run &apos;scenarios/a: b, c/"]
        {
            assert!(text.contains(part), "`{part}` is missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "XML has no escape sequences");
    }

    #[test]
    #[should_panic(expected = "`testcase` may not have `file`")]
    fn the_rules_refuse_what_jenkins_refuses() {
        let suite = "<testsuite name='s' tests='1' failures='0' errors='0'>";
        hold(&format!("<testsuites>{suite}<testcase name='c' file='f'/></testsuite></testsuites>"));
    }
}

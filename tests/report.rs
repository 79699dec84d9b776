//! The report as a whole: the same bytes whatever the number of jobs and shards, gates on counts, and the HTML in a real
//! browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn deadzone(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "JOB_COMPLETION_INDEX", "CI_NODE_INDEX", "CI_NODE_TOTAL"] {
        command.env_remove(name);
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("the program starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn holds(arguments: &[&str]) -> String {
    let output = deadzone(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    text(&output)
}

fn files_of(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fn collect(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
        for path in fs::read_dir(folder).expect("a report folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                let bytes = fs::read(&path).expect("a report file");
                found.push((path.strip_prefix(root).expect("below it").to_path_buf(), bytes));
            }
        }
    }
    let mut found = Vec::new();
    collect(directory, directory, &mut found);
    found.sort();
    found
}

fn same(one: &Path, other: &Path) {
    let (one, other) = (files_of(one), files_of(other));
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for ((file, bytes), (_, others)) in one.iter().zip(&other) {
        assert!(bytes == others, "{} differs", file.display());
    }
}

/// Three scenarios, of which the last one claims what is not so and the middle one misses a target.
fn mixed(folder: &Path) -> PathBuf {
    let good = "name: a good one
covers: [F1]
world: { generate: 2 }
devices: { maria: {}, ben: {} }
steps:
  - sync: maria
  - offline: { device: maria, how: airplane }
  - edit: { device: maria, order: WO-000001, set: { title: <b>Bold & \"quoted\"</b> } }
  - office-edit: { order: WO-000001, set: { title: Office } }
  - wait: 10min
  - online: maria
";
    let stories = folder.join("stories");
    fs::create_dir_all(&stories).expect("a folder for the scenarios");
    let write = |name: &str, text: String| fs::write(stories.join(name), text).expect("a scenario");
    write("1-good.yaml", good.to_owned());
    write(
        "2-late.yaml",
        format!("{good}expect: [{{ took: {{ device: maria, at-most: 1ms }} }}]\n").replace("a good", "a late"),
    );
    let claim = "expect:\n  - server: { order: WO-000001, has: { title: Dragon } }\n";
    write("3-bad.yaml", format!("{good}{claim}").replace("a good", "a bad"));
    stories
}

#[test]
fn results_do_not_depend_on_the_number_of_jobs() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, many] = ["one", "many"].map(|name| folder.path().join(name).display().to_string());
    holds(&["run", "--tag", "smoke", "--jobs", "1", "--report", &one]);
    holds(&["run", "--tag", "smoke", "--jobs", "5", "--report", &many]);
    same(Path::new(&one), Path::new(&many));
}

#[test]
fn shards_put_together_are_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let stories = mixed(folder.path()).display().to_string();
    let run = |more: &[&str]| deadzone(&[&["run", &stories, "scenarios/crash"], more].concat());
    assert_eq!(run(&["--report", &path("whole")]).status.code(), Some(1));
    for shard in 1..=3 {
        run(&["--shard", &format!("{shard}/3"), "--report", &path(&format!("part-{shard}"))]);
    }
    let [a, b, c] = [1, 2, 3].map(|shard| path(&format!("part-{shard}")));
    let merged = deadzone(&["report", "merge", &c, &a, &b, "--to", &path("merged")]);
    assert_eq!(merged.status.code(), Some(1), "{}", text(&merged));
    same(&folder.path().join("whole"), &folder.path().join("merged"));
    // A shard that is missing, or there twice, is found out.
    let missing = deadzone(&["report", "merge", &a, &b, "--to", &path("wrong")]);
    assert_eq!(missing.status.code(), Some(2), "{}", text(&missing));
    assert!(text(&missing).contains("every shard"), "{}", text(&missing));
    let twice = deadzone(&["report", "merge", &a, &b, &c, &b, "--to", &path("wrong")]);
    assert_eq!(twice.status.code(), Some(2), "{}", text(&twice));
}

#[test]
fn a_failure_says_its_line_and_ends_a_run_that_is_to_fail_fast() {
    let folder = tempfile::tempdir().expect("a folder");
    let stories = mixed(folder.path());
    fs::copy(stories.join("3-bad.yaml"), stories.join("0-bad.yaml")).expect("a copy");
    let report = folder.path().join("report");
    for jobs in ["1", "4"] {
        let output = deadzone(&[
            "run",
            &stories.display().to_string(),
            "--fail-fast",
            "--jobs",
            jobs,
            "--retries",
            "1",
            "--report",
            &report.display().to_string(),
        ]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        let summary: Value =
            serde_json::from_slice(&fs::read(report.join("summary.json")).expect("a summary")).expect("JSON");
        assert_eq!((&summary["left_out"], &summary["stopped"]), (&3.into(), &"failed-fast".into()));
        // The same again is no sign of chance.
        assert_eq!(summary["scenarios"][0]["class"], "failed");
        assert_eq!(summary["scenarios"][0]["findings"][0]["line"], 13);
    }
}

#[test]
fn growth_over_the_baseline_exits_with_3() {
    let folder = tempfile::tempdir().expect("a folder");
    let base = folder.path().join("baseline.json").display().to_string();
    let file = "scenarios/conflict/equal-values-are-no-conflict.yaml";
    holds(&["baseline", "accept", file, "--to", &base]);
    holds(&["run", file, "--baseline", &base]);
    let accepted = fs::read_to_string(&base).expect("a baseline");
    let less = accepted.lines().map(|line| if line.contains("\"requests\"") { "\"requests\": 1," } else { line });
    fs::write(&base, less.collect::<Vec<_>>().join("\n")).expect("a baseline");
    let report = folder.path().join("report").display().to_string();
    let grown = deadzone(&["run", file, "--baseline", &base, "--report", &report]);
    assert_eq!(grown.status.code(), Some(3), "{}", text(&grown));
    assert!(text(&grown).contains("TOO MUCH  requests"), "{}", text(&grown));
    assert_eq!(deadzone(&["report", "compare", &base, &report]).status.code(), Some(3));
    assert_eq!(deadzone(&["report", "compare", &report, &report]).status.code(), Some(0));
    assert_eq!(deadzone(&["report", "compare", file, &report]).status.code(), Some(2));
}

#[test]
fn coverage_asks_for_every_requirement() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().display().to_string();
    holds(&["run", "scenarios/crash", "--report", &report]);
    let told = holds(&["coverage", "--from", &report]);
    assert!(told.contains("passed  F10") && told.contains("not proven  2.1/pwa"), "{told}");
    assert_eq!(deadzone(&["coverage", "--from", &report, "--require"]).status.code(), Some(1));
}

#[test]
fn github_is_told_where_it_listens() {
    let folder = tempfile::tempdir().expect("a folder");
    let job = folder.path().join("job.md");
    let output = Command::new(env!("CARGO_BIN_EXE_deadzone"))
        .arg("run")
        .arg(mixed(folder.path()))
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", &job)
        .output()
        .expect("the program starts");
    let told = text(&output);
    assert!(told.contains("::error file=") && told.contains("3-bad.yaml,line=13,title=a bad one::"), "{told}");
    assert!(fs::read_to_string(job).expect("a job summary").contains("#### a bad one"));
}

#[test]
fn quiet_says_only_what_did_not_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = deadzone(&["run", "--quiet", &mixed(folder.path()).display().to_string()]);
    let told = text(&output);
    assert!(
        !told.contains("a good one") && told.contains("a bad one") && told.contains("1 passed, 1 failed"),
        "{told}"
    );
}

#[test]
fn archives_and_traces_hold_what_viewers_need() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = "scenarios/network/lost-acknowledgement-doubles-nothing.yaml";
    holds(&["run", file, "--report", &folder.path().display().to_string()]);
    let read = |what: &str| -> Value {
        let path = folder.path().join(format!("{file}.{what}"));
        serde_json::from_slice(&fs::read(path).expect("a file of the report")).expect("JSON")
    };
    let har = read("maria.har");
    assert_eq!(har["log"]["version"], "1.2");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert!(entries.iter().any(|entry| entry["comment"] == "the answer was lost"), "{entries:?}");
    for entry in entries {
        for key in ["startedDateTime", "time", "request", "response", "cache", "timings"] {
            assert!(!entry[key].is_null(), "an entry lacks {key}");
        }
        assert!(
            entry["request"]["url"].as_str().is_some_and(|url| url.starts_with("http://server/api/v1/")),
            "{entry}"
        );
        let moment = entry["startedDateTime"].as_str().expect("a time");
        assert!(moment.starts_with("2025-11-08T06:00:") && moment.ends_with('Z'), "{moment}");
    }
    let trace = read("trace.json");
    let events = trace["traceEvents"].as_array().expect("events");
    let phases: Vec<&str> = events.iter().filter_map(|event| event["ph"].as_str()).collect();
    assert!(["M", "X", "i", "C"].iter().all(|phase| phases.contains(phase)), "{phases:?}");
}

/// Headless Chromium, where there is one; says why the test is left out where there is none.
#[expect(clippy::print_stdout, reason = "who reads the test's output should know what it did not show")]
fn chromium() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        println!("left out: there is no chromium on this machine");
    }
    found
}

/// Opens `page` and gives the document after its scripts have run, and all that the browser logged.
fn browsed(chromium: &str, page: &Path, folder: &Path) -> (String, String) {
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        // Time of its own, so that a busy machine does not end it before the page has settled.
        .args(["--enable-logging=stderr", "--window-size=1200,900", "--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// What the document's title has become.
fn title(document: &str) -> &str {
    document.split("<title>").nth(1).and_then(|rest| rest.split("</title>").next()).unwrap_or("no document")
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(chromium) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report");
    deadzone(&["run", &mixed(folder.path()).display().to_string(), "--report", &report.display().to_string()]);
    let page = report.join("report.html");
    let text = fs::read_to_string(&page).expect("a page");
    assert!(text.len() < 300_000, "{} bytes", text.len());
    // One click on the first failure; what is then in view, the title says.
    let click = "<script>addEventListener('load', () => {
        document.querySelector('a.to-failure[href=\"#s-3\"]').click();
        setTimeout(() => {
            const box = document.querySelector('#s-3 h2').getBoundingClientRect();
            const seen = box.top >= 0 && box.bottom <= innerHeight && box.height > 0;
            const asked = performance.getEntriesByType('resource').filter((it) => !it.name.startsWith('data:'));
            document.title = `seen ${seen}, ${asked.length} requests`;
        }, 1000);
    });</script></body>";
    let clicked = folder.path().join("clicked.html");
    fs::write(&clicked, text.replace("</body>", click)).expect("a page");
    let (document, log) = browsed(chromium, &clicked, folder.path());
    assert!(
        document.contains("<title>seen true, 0 requests</title>"),
        "out of view, or it asks the network: {}",
        title(&document)
    );
    assert!(document.contains("class=\"filter\"") && document.contains("class=\"tools\""), "the script did not run");
    assert!(!log.contains("CONSOLE"), "{log}");
}

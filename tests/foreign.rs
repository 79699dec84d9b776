//! Clients that are not the reference: what they do not offer is skipped and never passed, and whatever they do wrong, there
//! is a verdict with a reason within bounds, and nothing is left running.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const STORY: &str = "name: an edit
covers: [F1, 8.3/bearer]
world: { generate: 1 }
devices: { maria: {} }
steps:
  - sync: maria
  - edit: { device: maria, order: WO-000001, set: { title: Pump } }
  - sync: maria
";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn deadzone() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command.current_dir(root());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Whether the tests' client can be started; says so when it cannot.
#[expect(clippy::print_stderr, reason = "a test that was left out says so")]
fn python() -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: there is no python3 on this machine");
    }
    there
}

/// Runs `story` with the tests' client; its report is in the folder.
fn run(folder: &Path, story: &str, how: &str) -> Output {
    let file = folder.join("story.yaml");
    fs::write(&file, story).expect("a story");
    let client = format!("python3 tests/subjects/subject.py {how}");
    let mut command = deadzone();
    command.arg("run").arg(&file).args(["--client", &client, "--answer-within", "10s", "--report"]);
    command.arg(folder.join("report")).output().expect("the program starts")
}

fn summary(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("report/summary.json")).expect("a summary");
    serde_json::from_str(&text).expect("JSON")
}

/// Runs the story with a client that goes wrong in the way `how`, and gives what was found first.
fn found(how: &str) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), STORY, &format!("'{how}' 0"));
    assert_eq!(output.status.code(), Some(1), "{how}: {}", text(&output));
    let summary = summary(folder.path());
    let finding = &summary["scenarios"][0]["findings"][0];
    let part = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    (part("check"), part("happened"))
}

#[test]
fn a_client_that_does_not_keep_to_the_protocol_is_told_so() {
    if !python() {
        return;
    }
    let ways = [
        ("silent from the start", "it has not opened within 10 s"),
        (
            "dead from the start",
            "it ended before it had opened (exit status: 3; the end of its log: no module named sync)",
        ),
        ("another protocol", "it speaks protocol 7, and this is 1"),
        ("an unknown capability", "unknown variant `mind-reading`"),
        ("dies", "it ended by itself (exit status: 4; the end of its log: Segmentation fault, as it were)"),
        ("nonsense", "it wrote `Hello, world!`, which is not of the protocol"),
        ("answers twice", "it answered request 0, which nobody waits for"),
        ("answers something else", "asked to edit, it answered `synced`"),
        ("floods", "it floods: a line of more than 64 MiB"),
        ("floods with events", "it floods: 50001 lines that nobody asked for"),
    ];
    std::thread::scope(|scope| {
        for (how, expected) in ways {
            scope.spawn(move || {
                let (check, happened) = found(how);
                assert_eq!(check, "device protocol", "{how}: {happened}");
                assert!(happened.contains(expected), "{how}: {happened}");
            });
        }
    });
}

#[test]
fn a_client_that_hangs_is_given_up_and_nothing_is_left_running() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    // So long sleeps nobody else on this machine.
    let mark = format!("{}.{}", 86_400, std::process::id());
    let output = run(folder.path(), STORY, &format!("hangs {mark}"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("asked to edit, it gave no answer within 10 s"), "{}", text(&output));
    let running = fs::read_dir("/proc").into_iter().flatten().flatten();
    let of_ours = running.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    let left: Vec<String> = of_ours.filter(|line| line.contains(&mark) && !line.contains("foreign")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_client_that_lies_about_its_state_is_found_out() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(folder.path(), STORY, "lies");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let summary = summary(folder.path());
    let findings = summary["scenarios"][0]["findings"].as_array().expect("findings");
    let checks: Vec<&str> = findings.iter().filter_map(|finding| finding["check"].as_str()).collect();
    for check in ["I1 no lost update", "I6 session", "I3 convergence"] {
        assert!(checks.contains(&check), "{check} is not among {checks:?}");
    }
}

#[test]
fn what_a_client_does_not_offer_is_skipped_and_shown_everywhere() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let story = STORY.replace("- sync: maria\n  - edit", "- clear-cache: maria\n  - edit");
    let output = run(folder.path(), &story, "lies");
    // A run in which all is skipped proves nothing.
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    let why = "the client does not offer `clear-cache`, which line 6 (maria clears its cache) needs";
    for said in [why, "0 passed, 0 failed, 1 skipped", "every scenario was skipped: nothing is proven"] {
        assert!(text(&output).contains(said), "{said}: {}", text(&output));
    }
    let summary = summary(folder.path());
    assert_eq!(
        (&summary["scenarios"][0]["class"], &summary["scenarios"][0]["reason"]),
        (&"skipped".into(), &why.into())
    );
    assert_eq!(summary["subject"]["lacks"].as_array().map(Vec::len), Some(26));
    let of = |name: &str| fs::read_to_string(folder.path().join("report").join(name)).expect("a report");
    assert!(of("junit.xml").contains("<skipped message=\"the client does not offer `clear-cache`"));
    assert!(of("ctrf.json").contains("\"status\": \"skipped\""));
    assert!(of("report.html").contains("the client does not offer"));
    assert!(of("report.html").contains("<p>Tested: the client python3 tests/subjects/subject.py lies.</p>"));
    assert!(of("summary.md").contains("| F1 | not proven |"));
    let from = folder.path().join("report");
    let coverage = deadzone().arg("coverage").arg("--from").arg(from).output().expect("the program starts");
    let row = text(&coverage).lines().find(|line| line.contains(" F1 ")).map(str::to_owned).expect("a row");
    assert!(row.trim_start().starts_with("not proven"), "{row}");
}

#[test]
fn checks_that_take_more_than_a_client_tells_are_named() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), STORY, "lies");
    let summary = summary(folder.path());
    let unchecked = summary["scenarios"][0]["unchecked"].as_array().expect("checks that were not made");
    let names: Vec<&str> = unchecked.iter().filter_map(|it| it["check"].as_str()).collect();
    assert!(names.contains(&"I18 honest status") && !names.contains(&"I18 nothing forgotten"), "{names:?}");
    let junit = fs::read_to_string(folder.path().join("report/junit.xml")).expect("a report");
    assert!(junit.contains("value=\"I20 backoff: the client does not offer `backoff`\""), "{junit}");
}

#[test]
fn a_command_that_is_not_there_is_wrong_input() {
    let file = root().join("scenarios/sync/offline-edit-syncs.yaml");
    let output = deadzone().arg("run").arg(file).args(["--client", "no-such-client"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("--client: it ended before it had opened (exit status: 127"), "{}", text(&output));
}

#[test]
fn the_reference_engine_passes_as_a_foreign_client() {
    let file = root().join("scenarios/sync/offline-edit-syncs.yaml");
    let client = format!("{} device", env!("CARGO_BIN_EXE_deadzone"));
    let output = deadzone().arg("run").arg(file).args(["--client", &client]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("1 passed, 0 failed\n"), "{}", text(&output));
}

#[test]
fn the_example_in_python_fails_by_its_two_weaknesses_and_nothing_else() {
    if !python() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let client = "python3 examples/python-client/client.py";
    let mut command = deadzone();
    command.args(["check-client", client, "--only", "basics", "--report"]).arg(folder.path().join("report"));
    let output = command.output().expect("the program starts");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let summary = summary(folder.path());
    let scenarios = summary["scenarios"].as_array().expect("scenarios");
    let of = |class: &str| -> Vec<String> {
        let those = scenarios.iter().filter(|scenario| scenario["class"] == class);
        those.filter_map(|scenario| scenario["file"].as_str()).map(str::to_owned).collect()
    };
    let weak = ["acknowledgement-lost-once", "pull-broken-off-between-two-pages"];
    assert_eq!(of("failed"), weak.map(|name| format!("scenarios/basics/{name}.yaml")), "{told}");
    assert_eq!(of("passed").len(), scenarios.len() - weak.len(), "{told}");
    let (_, rows) = told.split_once("requirement by requirement:").expect("a verdict");
    let verdict = |id: &str| {
        let row = rows.lines().find(|line| line.split_whitespace().take(3).any(|word| word == id));
        row.map(|row| row.trim().to_owned()).unwrap_or_default()
    };
    for (id, word) in [("3.1B/merge", "failed"), ("F1", "passed"), ("F10", "passed"), ("4.4/audit", "not proven")] {
        assert!(verdict(id).starts_with(word), "{id}: {told}");
    }
    let again = "replay: deadzone check-client 'python3 examples/python-client/client.py' --only scenarios/basics/";
    assert!(told.contains(again), "{told}");
}

#[test]
fn the_smallest_client_of_the_guide_is_one() {
    if !python() {
        return;
    }
    let guide = fs::read_to_string(root().join("docs/TEST_YOUR_OWN.md")).expect("the guide");
    let program = guide.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    let folder = tempfile::tempdir().expect("a folder");
    let check = || {
        let mut command = deadzone();
        command.args(["check-client", "python3 client.py", "--only", "created-offline", "--only", "basics/office"]);
        command.current_dir(folder.path()).output().expect("the program starts")
    };
    let output = check();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("it ended before it had opened (exit status: 2"), "{}", text(&output));
    fs::write(folder.path().join("client.py"), program).expect("the program of the guide");
    let output = check();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("it cannot sign in: not yet"), "{}", text(&output));
    assert!(text(&output).contains("skipped  An order made offline becomes a real one"), "{}", text(&output));
}

/// The reference server as a stranger, which ends with this.
struct Stranger {
    process: std::process::Child,
    url: String,
}

impl Stranger {
    fn start(options: &[&str]) -> Self {
        let mut command = deadzone();
        command.arg("serve").args(options);
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("a server");
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let first = lines.next().expect("a line").expect("text");
        let url = first.strip_prefix("listening on ").expect("its address").to_owned();
        Self { process, url }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_is_tested_over_http_alone() {
    let server = Stranger::start(&["--stage"]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = deadzone();
    command.args(["check-server", &server.url, "--only", "basics/", "--only", "put on hold by the office", "--report"]);
    let output = command.arg(folder.path().join("report")).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("11 passed, 0 failed\n"), "{}", text(&output));
    assert_eq!(summary(folder.path())["subject"]["server"], server.url.as_str());
}

#[test]
fn what_only_our_own_server_can_do_is_skipped() {
    let server = Stranger::start(&["--stage"]);
    let file = root().join("scenarios/time/the-server-s-clock-steps-back.yaml");
    let output = deadzone().arg("run").arg(file).args(["--server", &server.url]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("sets the clock of the server, which cannot be done"), "{}", text(&output));
}

#[test]
fn a_server_that_is_not_there_is_wrong_input_and_one_that_takes_no_story_proves_nothing() {
    let check = |url: &str| deadzone().args(["check-server", url, "--quiet"]).output().expect("the program starts");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    let output = check(&format!("http://{nobody}"));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains(&format!("--server http://{nobody}: connect: ")), "{}", text(&output));
    let server = Stranger::start(&[]);
    let output = check(&server.url);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("the server does not offer /deadzone/v1/world (HTTP 404)"), "{}", text(&output));
}

#[test]
fn a_server_that_does_not_play_along_fails_with_its_reason() {
    if !python() {
        return;
    }
    let ways = [
        ("refuses worlds", "the server does not take the story's beginning: HTTP 507: no room for another world"),
        ("fails", "maria cannot sign in: "),
    ];
    for (how, expected) in ways {
        let mut command = Command::new("python3");
        command.current_dir(root()).args(["tests/subjects/server.py", how]);
        let server = Stranger::of(command);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = deadzone();
        command.args(["check-server", &server.url, "--only", "office-change", "--quiet", "--report"]);
        let output = command.arg(folder.path().join("report")).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{how}: {}", text(&output));
        let finding = &summary(folder.path())["scenarios"][0]["findings"][0];
        assert_eq!(finding["check"], "server", "{how}: {}", text(&output));
        let happened = finding["happened"].as_str().unwrap_or_default();
        assert!(happened.contains(expected), "{how}: {happened}");
    }
}

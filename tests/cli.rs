//! The program as a person or a pipeline meets it: exit codes, wrong input, Ctrl-C, a closed pipe.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn deadzone() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// A folder that goes with the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file for the test");
        path
    }
}

fn run(file: &PathBuf) -> Output {
    deadzone().arg("run").arg(file).output().expect("the program starts")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const GOOD: &str = "name: a good one
covers: [5.1/refresh]
world: { generate: 2 }
devices: { maria: {} }
steps: [{ sync: maria }]
";

#[test]
fn what_holds_exits_with_0() {
    let folder = Folder::new();
    let output = run(&folder.file("good.yaml", GOOD));
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed, 0 failed"));
}

#[test]
fn a_broken_claim_exits_with_1_and_is_told() {
    let folder = Folder::new();
    let file = folder.file(
        "claim.yaml",
        format!("{GOOD}expect: [{{ server: {{ order: WO-000001, has: {{ title: Dragon }} }} }}]\n"),
    );
    let output = run(&file);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["FAILED", "expected", "happened", "Dragon", "replay: deadzone run", "--seed 1"] {
        assert!(text.contains(part), "`{part}` is missing in\n{text}");
    }
}

#[test]
fn a_missed_target_exits_with_3() {
    let folder = Folder::new();
    let output =
        run(&folder.file("target.yaml", format!("{GOOD}expect: [{{ took: {{ device: maria, at-most: 1ms }} }}]\n")));
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_fault_that_never_struck_exits_with_1() {
    let folder = Folder::new();
    let text =
        GOOD.replace("[{ sync: maria }]", "[{ sync: maria }, { lose: { device: maria, what: answer, of: push } }]");
    let output = run(&folder.file("vacuous.yaml", text));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn nothing_selected_exits_with_4() {
    let output = deadzone().args(["run", "--tag", "no-such-tag"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(4));
}

#[test]
fn a_wrong_option_exits_with_2() {
    let output = deadzone().args(["run", "--sed", "7"]).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("--seed"));
}

#[test]
fn every_problem_of_a_file_is_drawn_at_its_place() {
    let folder = Folder::new();
    let text = GOOD.replace("sync: maria", "sync: mariah").replace("[5.1/refresh]", "[F99]");
    let output = run(&folder.file("problems.yaml", text));
    let told = told(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for part in
        ["problems.yaml:2:", "F99", "problems.yaml:5:", "mariah", "did you mean `maria`?", "2 problems in 1 file"]
    {
        assert!(told.contains(part), "`{part}` is missing in\n{told}");
    }
}

#[test]
fn hopeless_input_exits_with_2_and_never_panics() {
    let folder = Folder::new();
    let huge = folder.file("huge.yaml", "");
    fs::File::options().write(true).open(&huge).and_then(|file| file.set_len(2 << 30)).expect("a sparse file of 2 GiB");
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..40 {
        bomb += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    let files = [
        huge,
        folder.path("missing.yaml"),
        folder.file("empty.yaml", ""),
        folder.file("binary.yaml", [0_u8, 159, 146, 150, 0, 255]),
        folder.file("brackets.yaml", "[".repeat(10_000)),
        folder.file("bomb.yaml", bomb),
        folder.file("twice.yaml", format!("{GOOD}name: again\n")),
        folder.file("unit.yaml", GOOD.replace("{ sync: maria }", "{ wait: 5 }")),
        folder.file("two.yaml", GOOD.replace("{ sync: maria }", "{ sync: maria, wait: 5s }")),
    ];
    for file in files {
        let output = run(&file);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{}: {told}", file.display());
        assert!(told.contains(&*file.file_name().expect("a name").to_string_lossy()), "{}: {told}", file.display());
        assert!(!told.contains("panicked"), "{}: {told}", file.display());
    }
}

#[test]
fn ctrl_c_leaves_a_usable_partial_report() {
    let folder = Folder::new();
    let good = folder.file("1-good.yaml", GOOD);
    let long = folder.file("2-long.yaml", GOOD.replace("{ sync: maria }", "{ sync: maria }, { wait: 3650d }"));
    let report = folder.path("report");
    let mut child = deadzone()
        .arg("run")
        .args([&good, &long])
        .arg("--report")
        .arg(&report)
        .env("DEADZONE_LOG", "deadzone::cli=info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The log says when a scenario begins: a signal between two scenarios would leave the second one out altogether.
    let mut log = BufReader::new(child.stderr.take().expect("its log"));
    let mut line = String::new();
    while !line.contains("2-long.yaml") {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("a line of the log"), 0, "it ended before the second scenario");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let mut told = String::new();
    child.stdout.take().expect("its output").read_to_string(&mut told).expect("what it told");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{told}");
    let summary = fs::read_to_string(report.join("summary.json")).expect("a summary");
    assert!(summary.contains("\"interrupted\""), "{summary}");
    let histories: Vec<_> =
        walk(&report).into_iter().filter(|path| path.to_string_lossy().ends_with(".history.jsonl")).collect();
    assert_eq!(histories.len(), 2, "{histories:?}");
}

fn walk(folder: &PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = deadzone().arg("list").stdout(Stdio::piped()).spawn().expect("the program starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn results_that_are_lost_are_a_failure() {
    let folder = Folder::new();
    let file = folder.file("good.yaml", GOOD).display().to_string();
    let commands: [&[&str]; 6] = [
        &["run", &file],
        &["run", "--format", "json", &file],
        &["list", &file],
        &["validate", &file],
        &["schema", "openapi"],
        &["--help"],
    ];
    for command in commands {
        let full = fs::File::options().write(true).open("/dev/full").expect("a disk that is full");
        let output = deadzone().args(command).stdout(full).output().expect("the program starts");
        let told = told(&output);
        assert_eq!(output.status.code(), Some(70), "{command:?}: {told}");
        assert_eq!(told.matches("error: standard output: ").count(), 1, "{command:?}: {told}");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_said_before_anything_runs() {
    let folder = Folder::new();
    let file = folder.file("good.yaml", GOOD);
    // The last one is a folder in which not even the administrator can write.
    for report in [file.clone(), file.join("below"), PathBuf::from("/proc/self")] {
        let output =
            deadzone().arg("run").arg(&file).arg("--report").arg(&report).output().expect("the program starts");
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(&format!("error: --report {}: ", report.display())), "{told}");
        assert!(told.contains("name a folder that can be written"), "{told}");
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_verdict_is_said_though_its_report_cannot_be_written() {
    let folder = Folder::new();
    let bad = folder
        .file("bad.yaml", format!("{GOOD}expect: [{{ server: {{ order: WO-000001, has: {{ title: Dragon }} }} }}]\n"));
    // In the way of a scenario's file, and of the run's.
    for taken in [format!("root{}.history.jsonl", bad.display()), "junit.xml".to_owned()] {
        let report = folder.path("report");
        let taken = report.join(taken);
        fs::create_dir_all(&taken).expect("a folder where a file should be");
        let output = deadzone().arg("run").arg(&bad).arg("--report").arg(&report).output().expect("the program starts");
        let (said, told) = (String::from_utf8_lossy(&output.stdout).into_owned(), told(&output));
        assert_eq!(output.status.code(), Some(70), "{told}");
        assert!(said.contains("Dragon") && said.contains("0 passed, 1 failed"), "{said}");
        assert!(told.contains(&format!("error: --report {}: ", taken.display())), "{told}");
        fs::remove_dir_all(&report).expect("the report can be removed");
    }
}

#[test]
fn a_folder_that_cannot_be_read_is_wrong_input() {
    let folder = Folder::new();
    folder.file("good.yaml", GOOD);
    fs::create_dir(folder.path("secret")).expect("a folder");
    // So long a path that the folder can be read and the one in it cannot, whoever asks.
    let mut above = folder.0.path().display().to_string();
    above += &"/.".repeat((4094 - above.len()) / 2);
    for command in ["run", "validate", "list"] {
        let output = deadzone().args([command, &above]).output().expect("the program starts");
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {told}");
        assert!(told.contains("/secret") && told.contains("this folder cannot be read"), "{command}: {told}");
    }
}

#[test]
fn scenarios_of_one_name_have_a_history_each() {
    let folder = Folder::new();
    for name in ["", "up", "work", "work/up"] {
        fs::create_dir_all(folder.path(name)).expect("a folder");
    }
    let below = folder.file("work/up/good.yaml", GOOD);
    folder.file("good.yaml", GOOD);
    folder.file("work/good.yaml", GOOD);
    let root = folder.path("work").join(format!("root{}", below.parent().expect("a folder").display()));
    fs::create_dir_all(&root).expect("a folder");
    fs::write(root.join("good.yaml"), GOOD).expect("a scenario");
    let relative = root.strip_prefix(folder.path("work")).expect("below it").join("good.yaml");
    let output = deadzone()
        .current_dir(folder.path("work"))
        .args(["run", "../good.yaml", "up/good.yaml", "good.yaml", "--report", "report"])
        .args([&below, &relative])
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let histories = walk(&folder.path("work/report"));
    let histories = histories.iter().filter(|path| path.to_string_lossy().ends_with(".history.jsonl")).count();
    // One is named twice, by its absolute path and by its relative one.
    assert_eq!(histories, 4);
}

#[test]
fn a_tolerance_needs_its_unit_and_something_to_compare_with() {
    for more in [["--tolerance", "5", "--baseline", "reports/baseline.json"].as_slice(), &["--tolerance", "5%"]] {
        let output = deadzone().args(["run", "--tag", "no-such-tag"]).args(more).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", told(&output));
    }
}

#[test]
fn a_story_of_days_is_not_told_in_real_time() {
    let folder = Folder::new();
    let file = folder.file("days.yaml", GOOD.replace("{ sync: maria }", "{ sync: maria }, { wait: 7d }"));
    let output = deadzone().args(["run", "--live"]).arg(&file).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(4));
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("its story waits 7 d 0 h, and in real time so would you (2 min 0 s is the most)")
    );
}

#[test]
fn a_live_run_leaves_nothing_behind() {
    let folder = Folder::new();
    let file = folder.file("live.yaml", GOOD);
    let scratch = folder.path("scratch");
    fs::create_dir(&scratch).expect("a folder for scratch files");
    let output =
        deadzone().args(["run", "--live"]).arg(&file).env("TMPDIR", &scratch).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert_eq!(fs::read_dir(&scratch).expect("the folder is there").count(), 0);
}

#[test]
fn the_summary_is_one_json_document() {
    let folder = Folder::new();
    let file = folder.file("good.yaml", GOOD);
    let output = deadzone().args(["run", "--format", "json"]).arg(&file).output().expect("the program starts");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(summary["scenarios"][0]["class"], "passed");
}

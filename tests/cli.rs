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
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("deadzone-cli-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file for the test");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(file: &PathBuf) -> Output {
    deadzone().arg("run").arg(file).output().expect("the program starts")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const GOOD: &str = "name: a good one
covers: [F1]
world: { generate: 2 }
devices: { maria: {} }
steps: [{ sync: maria }]
";

#[test]
fn what_holds_exits_with_0() {
    let folder = Folder::new("good");
    let output = run(&folder.file("good.yaml", GOOD));
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed, 0 failed"));
}

#[test]
fn a_broken_claim_exits_with_1_and_is_told() {
    let folder = Folder::new("claim");
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
    let folder = Folder::new("target");
    let output =
        run(&folder.file("target.yaml", format!("{GOOD}expect: [{{ took: {{ device: maria, at-most: 1ms }} }}]\n")));
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_fault_that_never_struck_exits_with_1() {
    let folder = Folder::new("vacuous");
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
    let folder = Folder::new("problems");
    let text = GOOD.replace("sync: maria", "sync: mariah").replace("[F1]", "[F99]");
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
    let folder = Folder::new("hopeless");
    let huge = folder.file("huge.yaml", "");
    fs::File::options().write(true).open(&huge).and_then(|file| file.set_len(2 << 30)).expect("a sparse file of 2 GiB");
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for n in 1..40 {
        bomb += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    let files = [
        huge,
        folder.0.join("missing.yaml"),
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
    let folder = Folder::new("interrupt");
    let good = folder.file("1-good.yaml", GOOD);
    let long = folder.file("2-long.yaml", GOOD.replace("{ sync: maria }", "{ sync: maria }, { wait: 36500d }"));
    let report = folder.0.join("report");
    let mut child = deadzone()
        .arg("run")
        .args([&good, &long])
        .arg("--report")
        .arg(&report)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut first = String::new();
    output.read_line(&mut first).expect("a line for the first scenario");
    assert!(first.contains("passed"), "{first}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("the rest of its output");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{rest}");
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

//! Variables, tables and steps of other files: what they become, and what is said of those that are wrong.

use std::fs;
use std::path::PathBuf;

use super::{OPTIONS, read, says};
use crate::scenario::{Action, Run, draw, load};

/// A folder with a scenario and files that it includes; the runs of the scenario, or all that is wrong, drawn.
fn runs(files: &[(&str, &str)]) -> Result<Vec<Run>, String> {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder.path())).expect("a folder");
        fs::write(path, text).expect("a file for the test");
    }
    let path: PathBuf = folder.path().join(files[0].0);
    load(&path, &OPTIONS).map_err(|problems| {
        let drawn: Vec<String> = problems.iter().map(|problem| draw(problem, false)).collect();
        drawn.join("\n").replace(&format!("{}/", folder.path().display()), "")
    })
}

const HEAD: &str = "name: x\ncovers: [F1]\ndevices: { maria: {} }\n";

#[test]
fn a_variable_alone_is_what_it_was_and_within_a_text_it_is_text() {
    let scenario = read(&format!(
        "{HEAD}vars: {{ n: 2, who: maria, m: 5 }}\nsteps:\n  - lose: {{ device: \"${{who}}\", what: answer, nth: \"${{n}}\" }}\n  - wait: ${{m}}min\n"
    ))
    .unwrap();
    let Action::Lose(lose) = &scenario.steps[0].action else { panic!("it loses") };
    assert_eq!((lose.device.as_str(), lose.nth), ("maria", 2));
    assert_eq!(scenario.steps[1].action, Action::Wait("5min".parse().unwrap()));
}

#[test]
fn what_is_no_variable_stays() {
    let scenario =
        read(&format!("{HEAD}steps:\n  - office-create: {{ as: a, set: {{ title: \"costs ${{ 5 and $x\" }} }}\n"));
    let Action::OfficeCreate(step) = &scenario.unwrap().steps[0].action else { panic!("it creates") };
    assert_eq!(step.set["title"], "costs ${ 5 and $x");
}

#[test]
fn each_row_is_a_run_with_its_values_in_its_name() {
    let text = format!(
        "{HEAD}matrix:\n  - {{ pause: 1h, seed: 3 }}\n  - {{ pause: 2h, seed: 4 }}\nseed: ${{seed}}\nsteps: [{{ wait: \"${{pause}}\" }}, {{ sync: maria }}]\n"
    );
    let runs = runs(&[("a.yaml", &text)]).unwrap();
    let told: Vec<_> = runs.iter().map(|run| (run.row, run.scenario.name.as_str(), run.scenario.seed)).collect();
    assert_eq!(told, [(Some(1), "x (pause 1h, seed 3)", 3), (Some(2), "x (pause 2h, seed 4)", 4)]);
    assert_eq!(runs[1].scenario.waiting(), "2h".parse().unwrap());
}

#[test]
fn a_name_that_names_a_variable_is_left_alone() {
    let text = format!("{HEAD}matrix: [{{ pause: 1h }}]\nsteps: [{{ wait: \"${{pause}}\" }}, {{ sync: maria }}]\n");
    let runs = runs(&[("a.yaml", &text.replace("name: x", "name: A break of ${pause}"))]).unwrap();
    assert_eq!(runs[0].scenario.name, "A break of 1h");
}

#[test]
fn steps_of_other_files_come_in_their_place() {
    let text = format!("{HEAD}vars: {{ who: maria }}\nsteps:\n  - include: a.steps.yaml\n  - wait: 3s\n");
    let files = [
        ("main.yaml", text.as_str()),
        ("a.steps.yaml", "# first\n- sync: ${who}\n- include: deep/b.steps.yaml\n"),
        ("deep/b.steps.yaml", "- wait: 1s\n- wait: 2s\n"),
    ];
    let runs = runs(&files).unwrap();
    let told: Vec<_> = runs[0].scenario.steps.iter().map(|step| (step.line, step.text())).collect();
    let expected = [(6, "maria syncs"), (6, "1s pass"), (6, "2s pass"), (7, "3s pass")];
    assert_eq!(told, expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn what_is_wrong_in_another_file_is_told_where_it_stands() {
    let text = format!("{HEAD}steps:\n  - include: a.steps.yaml\n  - sync: mariah\n");
    let drawn = runs(&[("main.yaml", &text), ("a.steps.yaml", "- sync: maria\n- wait: 5\n- sync: jo\n")]).unwrap_err();
    let expected = r"
error: there is no device `mariah`
 --> main.yaml:6:11
  |
6 |   - sync: mariah
  |           ^^^^^^
  |
  = help: did you mean `maria`?
error: `5` is not a duration: its unit is missing (us, ms, s, min, h, d)
 --> a.steps.yaml:2:9
  |
2 | - wait: 5
  |         ^
  |
  = help: write for example 250ms, 5s, 15min, 2h or 7d
error: there is no device `jo`
 --> a.steps.yaml:3:9
  |
3 | - sync: jo
  |         ^^
  |
  = help: there are maria";
    assert_eq!(drawn, expected.trim_start());
}

#[test]
fn files_that_include_each_other_have_no_end() {
    let text = format!("{HEAD}steps:\n  - include: a.steps.yaml\n");
    let files = [
        ("main.yaml", text.as_str()),
        ("a.steps.yaml", "- include: b.steps.yaml\n"),
        ("b.steps.yaml", "- include: a.steps.yaml\n"),
    ];
    let expected = r"
error: `a.steps.yaml` includes itself, over one file or more
 --> b.steps.yaml:1:12
  |
1 | - include: a.steps.yaml
  |            ^^^^^^^^^^^^";
    assert_eq!(runs(&files).unwrap_err(), expected.trim_start());
}

/// Each file includes the next one twice: without a bound, more often than anybody could wait for.
#[test]
fn files_that_multiply_come_to_an_end() {
    let text = format!("{HEAD}steps:\n  - include: 0.steps.yaml\n");
    let files: Vec<(String, String)> = (0..40)
        .map(|n| (format!("{n}.steps.yaml"), format!("- include: {0}.steps.yaml\n- include: {0}.steps.yaml\n", n + 1)))
        .chain([("40.steps.yaml".to_owned(), "- sync: maria\n".to_owned())])
        .collect();
    let mut all = vec![("main.yaml", text.as_str())];
    all.extend(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let drawn = runs(&all).unwrap_err();
    assert!(drawn.contains("a story includes 200 files at most"), "{drawn}");
}

#[test]
fn files_that_cannot_be_included() {
    let text =
        format!("{HEAD}steps:\n  - include: gone.steps.yaml\n  - include: other.yaml\n  - include: map.steps.yaml\n");
    let drawn = runs(&[("main.yaml", &text), ("map.steps.yaml", "steps: []\n")]).unwrap_err();
    let expected = r"
error: `gone.steps.yaml`: there is no such file
 --> main.yaml:5:14
  |
5 |   - include: gone.steps.yaml
  |              ^^^^^^^^^^^^^^^
  |
  = help: the path counts from the folder of the file that names it; looked for gone.steps.yaml
error: `other.yaml` cannot be a file of steps
 --> main.yaml:6:14
  |
6 |   - include: other.yaml
  |              ^^^^^^^^^^
  |
  = help: call it for example `sign-in.steps.yaml`: by that, nobody takes it for a scenario
error: a file of steps is a list of steps, and nothing else
 --> map.steps.yaml:1:1
  |
1 | steps: []
  | ^
  |
  = help: begin each step with `- `, in the first column";
    assert_eq!(drawn, expected.trim_start());
}

#[test]
fn variables_that_are_not_there_or_not_used() {
    says(
        &format!("{HEAD}vars: {{ pause: 5s, spare: 1 }}\nsteps:\n  - wait: ${{pouse}}\n  - wait: ${{pause}}\n"),
        r"
error: nothing uses the variable `spare`
 --> story.yaml:4:20
  |
4 | vars: { pause: 5s, spare: 1 }
  |                    ^^^^^
  |
  = help: write `${spare}` where its value belongs, or take it out
error: there is no variable `pouse`
 --> story.yaml:6:11
  |
6 |   - wait: ${pouse}
  |           ^^^^^^^^
  |
  = help: did you mean `pause`?
",
    );
}

#[test]
fn rows_that_do_not_fit_each_other() {
    says(
        &format!(
            "{HEAD}vars: {{ a: 1s }}\nmatrix:\n  - {{ pause: 5s }}\n  - {{ pouse: 6s, a: 2s }}\nsteps: [{{ wait: \"${{pause}}\" }}, {{ wait: \"${{a}}\" }}]\n"
        ),
        r"
error: each row has the same variables; the first has pause
 --> story.yaml:7:5
  |
7 |   - { pouse: 6s, a: 2s }
  |     ^
error: `a` is in `vars` already
 --> story.yaml:7:18
  |
7 |   - { pouse: 6s, a: 2s }
  |                  ^
",
    );
}

#[test]
fn a_wrong_value_of_a_variable_is_told_where_it_is_used() {
    says(
        &format!("{HEAD}vars: {{ pause: soon }}\nsteps:\n  - wait: ${{pause}}\n"),
        r"
error: `soon` is not a duration: it does not start with a number
 --> story.yaml:6:11
  |
6 |   - wait: ${pause}
  |           ^^^^^^^^
  |
  = help: write for example 250ms, 5s, 15min, 2h or 7d
",
    );
}

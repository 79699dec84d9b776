//! Files made to hurt: they end in a problem, soon, and never in a panic.

use proptest::prelude::*;

use super::{after_story, read, story};
use crate::scenario::draw;

/// The first message about a text, which must be wrong; all of its problems are drawn on the way.
fn why(text: &str) -> String {
    let problems = read(text).unwrap_err();
    for problem in &problems {
        assert!(draw(problem, false).len() < 4000, "a drawing stays small");
    }
    problems[0].message.clone()
}

#[test]
fn deep_nesting_is_stopped() {
    for deep in
        ["[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000), format!("name: {}", "[".repeat(10_000))]
    {
        assert_eq!(why(&deep), "lists and keys are nested too deeply here");
    }
    let blocks: String = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(why(&blocks), "lists and keys are nested too deeply here");
}

#[test]
fn an_alias_bomb_is_stopped() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let inside = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{inside}]\n"));
    }
    assert!(why(&bomb).starts_with("anchors and aliases"));
}

#[test]
fn endless_lists_are_stopped() {
    let text = after_story(&format!("tags: [{}]\n", "a,".repeat(200_000)));
    assert_eq!(why(&text), "the file is too large for a scenario: at most 100000 values are read");
}

#[test]
fn many_problems_are_cut_off() {
    let problems = read(&story(&"  - sync: nobody\n".repeat(20_000))).unwrap_err();
    assert_eq!(problems.len(), 101);
    assert_eq!(problems[100].message, "there may be more: these are the first 100 problems");
}

#[test]
fn many_devices_and_steps_are_read_soon() {
    let devices: String = (0..6_000).map(|n| format!("  d{n}: {{ user: u }}\n")).collect();
    let steps: String =
        (0..6_000).map(|n| format!("  - crash: {{ device: d{n}, when: now }}\n  - restart: d{n}\n")).collect();
    assert!(read(&format!("name: x\ncovers: []\ndevices:\n{devices}steps:\n{steps}")).is_ok());
}

#[test]
fn long_words_are_cut_off_in_messages() {
    let long = "x".repeat(500_000);
    assert!(why(&story(&format!("  - sync: {long}\n"))).chars().count() < 1_000);
    assert!(why(&story(&format!("  - {long}: maria\n"))).len() < 1_000);
    assert!(why(&format!("{{name: x, covers: [{long}], {long}: 1}}")).len() < 1_000);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let problems = read(&story("  - sync: \"\\e[2Jx\"\n")).unwrap_err();
    assert_eq!(problems[0].message, "`sync` holds the character U+001B, which is obeyed rather than shown");
    let drawing = draw(&problems[1], false);
    assert!(drawing.contains(r"there is no device `\u{1b}[2Jx`"), "{drawing}");
    assert!(!drawing.contains('\u{1b}'));
}

#[test]
fn colours_are_drawn_when_asked_for() {
    let problem = &read(&story("  - sync: nobody\n")).unwrap_err()[0];
    assert!(draw(problem, true).contains("\u{1b}["));
    assert!(!draw(problem, false).contains("\u{1b}["));
}

#[test]
fn other_line_ends_and_marks_are_text_too() {
    assert!(read(&after_story("").replace('\n', "\r\n")).is_ok());
    assert!(read(&format!("\u{feff}{}", after_story(""))).is_ok());
    let problem = &read(&story("  - sync: nobody\n").replace('\n', "\r\n")).unwrap_err()[0];
    assert_eq!((problem.line, problem.column, problem.length), (7, 11, 6));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,80}|[-\\[\\]{}:,&*!|>'\"#% a\n\r\t~?@`<]{0,60}") {
        if let Err(problems) = read(&text) {
            problems.iter().for_each(|problem| drop(draw(problem, true)));
        }
    }

    #[test]
    fn no_slip_of_the_hand_panics(at in 0_usize..600, cut in 0_usize..4, put in "[-\\[\\]{}:,&*!\"'\n é\t]{0,3}") {
        let whole = after_story("world: { generate: 3 }\nexpect:\n  - took: { device: maria, at-most: 2s }\n  - server: { order: WO-1, has: { title: é } }\n");
        let mut letters: Vec<char> = whole.chars().collect();
        let from = at.min(letters.len());
        let to = (from + cut).min(letters.len());
        letters.splice(from..to, put.chars());
        if let Err(problems) = read(&letters.into_iter().collect::<String>()) {
            problems.iter().for_each(|problem| drop(draw(problem, false)));
        }
    }
}

//! What is said of files that are malformed, letter by letter.

use super::{after_story, says, story};

#[test]
fn an_empty_file() {
    says(
        "# nothing but a comment\n",
        r"
error: the file is empty
--> story.yaml
",
    );
}

#[test]
fn a_file_of_plain_text() {
    says(
        "just text\n",
        r"
error: the file must hold keys and values: `key: value`
 --> story.yaml:1:1
  |
1 | just text
  | ^^^^^^^^^
",
    );
}

#[test]
fn a_second_scenario_in_one_file() {
    says(
        &after_story("---\nname: y\n"),
        r"
error: a file holds one scenario; this begins a second one
 --> story.yaml:8:1
  |
8 | ---
  | ^^^
",
    );
}

#[test]
fn a_key_written_twice() {
    says(
        &after_story("seed: 1\nseed: 2\n"),
        r"
error: `seed` is written twice
 --> story.yaml:9:1
  |
9 | seed: 2
  | ^^^^
",
    );
}

#[test]
fn an_unclosed_bracket() {
    says(
        "name: [x\n",
        r"
error: this is not valid YAML: unclosed bracket '['
 --> story.yaml:1:7
  |
1 | name: [x
  |       ^
",
    );
}

#[test]
fn a_tab() {
    says(
        "name: x\ndevices:\n\tmaria: {}\n",
        r"
error: this is not valid YAML: tabs disallowed within this context (block indentation)
 --> story.yaml:3:2
  |
3 |     maria: {}
  |     ^
  |
  = help: indent with spaces; YAML allows no tabs there
",
    );
}

#[test]
fn a_colon_too_many() {
    says(
        "name: Offline: on hold\n",
        r"
error: this is not valid YAML: mapping values are not allowed in this context
 --> story.yaml:1:14
  |
1 | name: Offline: on hold
  |              ^
  |
  = help: put text that contains `: ` in quotes
",
    );
}

#[test]
fn an_alias() {
    says(
        "name: &a x\ncovers: [*a]\n",
        r"
error: anchors and aliases (`&`, `*`) are not part of the format; write the value out, or quote it
 --> story.yaml:1:10
  |
1 | name: &a x
  |          ^
",
    );
}

#[test]
fn a_tag() {
    says(
        "name: !secret x\n",
        r"
error: the tag `!secret` is not part of the format
 --> story.yaml:1:15
  |
1 | name: !secret x
  |               ^
",
    );
}

#[test]
fn a_merge_key() {
    says(
        "devices:\n  maria: { <<: {} }\n",
        r"
error: merging with `<<` is not part of the format; write the keys out
 --> story.yaml:2:12
  |
2 |   maria: { <<: {} }
  |            ^^
",
    );
}

#[test]
fn an_unknown_key() {
    says(
        &after_story("setle-within: 30min\n"),
        r"
error: a scenario has no key `setle-within`
 --> story.yaml:8:1
  |
8 | setle-within: 30min
  | ^^^^^^^^^^^^
  |
  = help: did you mean `settle-within`?
",
    );
}

#[test]
fn a_missing_key() {
    says(
        "covers: [F1]\ndevices: { maria: {} }\nsteps: [{ sync: maria }]\n",
        r"
error: `name` is missing
 --> story.yaml:1:1
  |
1 | covers: [F1]
  | ^
  |
  = help: write for example `name: Opening the app syncs`
",
    );
}

#[test]
fn an_unknown_step() {
    says(
        &story("  - snyc: maria\n"),
        r"
error: there is no step `snyc`
 --> story.yaml:7:5
  |
7 |   - snyc: maria
  |     ^^^^
  |
  = help: did you mean `sync`?
",
    );
}

#[test]
fn a_step_with_two_actions() {
    says(
        &story("  - sync: maria\n    restart: maria\n"),
        r"
error: a step has one action; this is a second one
 --> story.yaml:8:5
  |
8 |     restart: maria
  |     ^^^^^^^
  |
  = help: put `restart` on a `- ` line of its own, or indent it if it belongs to the line above
",
    );
}

#[test]
fn a_step_that_is_a_word() {
    says(
        &story("  - sync\n"),
        r"
error: a step is the name of its action, a colon and what it is about
 --> story.yaml:7:5
  |
7 |   - sync
  |     ^^^^
  |
  = help: write for example `- sync: maria`
",
    );
}

#[test]
fn steps_that_are_no_list() {
    says(
        &story("  sync: maria\n"),
        r"
error: `steps` must hold a list: `[a, b]`, or a line that begins with `- ` for each
 --> story.yaml:7:3
  |
7 |   sync: maria
  |   ^
",
    );
}

#[test]
fn a_step_without_its_value() {
    says(
        &story("  - sync:\n"),
        r"
error: `sync` has no value
 --> story.yaml:7:9
  |
7 |   - sync:
  |         ^
",
    );
}

#[test]
fn a_step_that_lacks_a_key() {
    says(
        &story("  - edit: { device: maria, order: WO-000017 }\n"),
        r"
error: `edit` lacks `set`
 --> story.yaml:7:5
  |
7 |   - edit: { device: maria, order: WO-000017 }
  |     ^^^^
",
    );
}

#[test]
fn a_step_with_an_unknown_key() {
    says(
        &story("  - edit:\n      devise: maria\n      order: WO-000017\n"),
        r"
error: `edit` has no key `devise`
 --> story.yaml:8:7
  |
8 |       devise: maria
  |       ^^^^^^
  |
  = help: did you mean `device`?
",
    );
}

#[test]
fn a_word_that_is_none_of_the_allowed() {
    says(
        &story("  - offline: { device: maria, how: tunnel }\n"),
        r"
error: `how` cannot be `tunnel`
 --> story.yaml:7:36
  |
7 |   - offline: { device: maria, how: tunnel }
  |                                    ^^^^^^
  |
  = help: allowed: airplane, dead-zone, no-uplink, no-downlink, no-dns
",
    );
}

#[test]
fn a_word_with_a_slip() {
    says(
        &story("  - offline: { device: maria, how: dead zone }\n"),
        r"
error: `how` cannot be `dead zone`
 --> story.yaml:7:36
  |
7 |   - offline: { device: maria, how: dead zone }
  |                                    ^^^^^^^^^
  |
  = help: did you mean `dead-zone`?
",
    );
}

#[test]
fn a_duration_without_its_unit() {
    says(
        &story("  - wait: 3\n"),
        r"
error: `3` is not a duration: its unit is missing (us, ms, s, min, h, d)
 --> story.yaml:7:11
  |
7 |   - wait: 3
  |           ^
  |
  = help: write for example 250ms, 5s, 15min, 2h or 7d
",
    );
}

#[test]
fn a_count_that_is_no_number() {
    says(
        &story("  - lose: { device: maria, what: answer, nth: second }\n"),
        r"
error: `nth` must hold a whole number
 --> story.yaml:7:47
  |
7 |   - lose: { device: maria, what: answer, nth: second }
  |                                               ^^^^^^
",
    );
}

#[test]
fn a_number_that_cannot_be_sent() {
    says(
        &story("  - office-edit: { order: WO-1, set: { title: .nan } }\n"),
        r"
error: `.nan` is not a number that can be sent
 --> story.yaml:7:47
  |
7 |   - office-edit: { order: WO-1, set: { title: .nan } }
  |                                               ^^^^
",
    );
}

#[test]
fn an_unknown_claim() {
    says(
        &after_story("expect:\n  - tok: { device: maria, at-most: 3s }\n"),
        r"
error: there is no claim `tok`
 --> story.yaml:9:5
  |
9 |   - tok: { device: maria, at-most: 3s }
  |     ^^^
  |
  = help: did you mean `took`?
",
    );
}

#[test]
fn a_claim_that_lacks_a_key() {
    says(
        &after_story("expect:\n  - took: { device: maria }\n"),
        r"
error: `took` lacks `at-most`
 --> story.yaml:9:5
  |
9 |   - took: { device: maria }
  |     ^^^^
",
    );
}

#[test]
fn items_that_do_not_line_up() {
    says(
        &story("  - sync: maria\n   - sync: jo\n"),
        r"
error: this is not valid YAML: while parsing a block collection, did not find expected '-' indicator
 --> story.yaml:8:4
  |
8 |    - sync: jo
  |    ^
  |
  = help: the items of a list begin in the same column
",
    );
}

//! What is said of files with several mistakes, and of values of the wrong kind, letter by letter.

use super::{says, story};

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    says(
        "covers: [F99]\nseed: soon\nsets: 3\ndevices:\n  maria: { role: boss }\n  jo: {}\nsteps:\n  - snyc: maria\n  - sync\n  - wait: 3\n  - sync: mariah\n",
        r"
error: `name` is missing
 --> story.yaml:1:1
  |
1 | covers: [F99]
  | ^
  |
  = help: write for example `name: Opening the app syncs`
error: `seed` must hold a whole number
 --> story.yaml:2:7
  |
2 | seed: soon
  |       ^^^^
error: a scenario has no key `sets`
 --> story.yaml:3:1
  |
3 | sets: 3
  | ^^^^
  |
  = help: did you mean `seed`?
error: `role` cannot be `boss`
 --> story.yaml:5:18
  |
5 |   maria: { role: boss }
  |                  ^^^^
  |
  = help: allowed: technician, supervisor
error: there is no step `snyc`
 --> story.yaml:8:5
  |
8 |   - snyc: maria
  |     ^^^^
  |
  = help: did you mean `sync`?
error: a step is the name of its action, a colon and what it is about
 --> story.yaml:9:5
  |
9 |   - sync
  |     ^^^^
  |
  = help: write for example `- sync: maria`
error: `3` is not a duration: its unit is missing (us, ms, s, min, h, d)
  --> story.yaml:10:11
   |
10 |   - wait: 3
   |           ^
   |
   = help: write for example 250ms, 5s, 15min, 2h or 7d
",
    );
}

#[test]
fn a_wrong_step_hides_nothing_of_the_others() {
    says(
        &story("  - snyc: maria\n  - sync: mariah\n"),
        r"
error: there is no step `snyc`
 --> story.yaml:7:5
  |
7 |   - snyc: maria
  |     ^^^^
  |
  = help: did you mean `sync`?
error: there is no device `mariah`
 --> story.yaml:8:11
  |
8 |   - sync: mariah
  |           ^^^^^^
  |
  = help: did you mean `maria`?
",
    );
}

#[test]
fn a_count_that_is_too_large() {
    says(
        &story("  - lose: { device: maria, what: answer, nth: 5000000000 }\n"),
        r"
error: `nth` must hold a whole number, 4294967295 at most
 --> story.yaml:7:47
  |
7 |   - lose: { device: maria, what: answer, nth: 5000000000 }
  |                                               ^^^^^^^^^^
",
    );
}

#[test]
fn a_word_where_true_or_false_belongs() {
    says(
        &story("  - data-saver: { device: maria, on: yes }\n"),
        r"
error: `on` must hold `true` or `false`
 --> story.yaml:7:38
  |
7 |   - data-saver: { device: maria, on: yes }
  |                                      ^^^
",
    );
}

#[test]
fn a_link_that_is_a_number() {
    says(
        &story("  - link: { device: maria, to: 3 }\n"),
        r"
error: `to` must hold the name of a network profile, or a link such as `{ down: 750kbps, up: 250kbps, rtt: 100ms }`
 --> story.yaml:7:32
  |
7 |   - link: { device: maria, to: 3 }
  |                                ^
",
    );
}

#[test]
fn a_step_of_another_shape() {
    says(
        &story("  - offline: maria\n  - sync: { device: maria }\n"),
        r"
error: `offline` must hold keys and values: `key: value`
 --> story.yaml:7:14
  |
7 |   - offline: maria
  |              ^^^^^
  |
  = help: write for example `- offline: { device: maria, how: dead-zone }`
error: `sync` must hold a single value
 --> story.yaml:8:11
  |
8 |   - sync: { device: maria }
  |           ^
  |
  = help: write for example `- sync: maria`
",
    );
}

#[test]
fn a_count_below_zero() {
    says(
        &story("  - lose: { device: maria, what: answer, nth: -1 }\n"),
        r"
error: `nth` must hold a whole number that is not below zero
 --> story.yaml:7:47
  |
7 |   - lose: { device: maria, what: answer, nth: -1 }
  |                                               ^^
",
    );
}

#[test]
fn a_wrong_header_hides_nothing_of_the_story() {
    says(
        "name: x\ncovers: [F99]\nsets: 3\nseed: soon\ndevices: { maria: { link: 3gg, page: few } }\nsteps:\n  - sync: mario\n  - wait: 5\n  - office-edit: { order: WO-000099, set: { status: completd } }\nexpect:\n  - shown: { device: bob, icon: syncd }\n",
        r"
error: there is no requirement `F99`
 --> story.yaml:2:10
  |
2 | covers: [F99]
  |          ^^^
  |
  = help: did you mean `F9`?
error: a scenario has no key `sets`
 --> story.yaml:3:1
  |
3 | sets: 3
  | ^^^^
  |
  = help: did you mean `seed`?
error: `seed` must hold a whole number
 --> story.yaml:4:7
  |
4 | seed: soon
  |       ^^^^
error: there is no network profile `3gg`
 --> story.yaml:5:27
  |
5 | devices: { maria: { link: 3gg, page: few } }
  |                           ^^^
  |
  = help: did you mean `3g`?
error: `page` must hold a whole number
 --> story.yaml:5:38
  |
5 | devices: { maria: { link: 3gg, page: few } }
  |                                      ^^^
error: there is no device `mario`
 --> story.yaml:7:11
  |
7 |   - sync: mario
  |           ^^^^^
  |
  = help: did you mean `maria`?
error: `5` is not a duration: its unit is missing (us, ms, s, min, h, d)
 --> story.yaml:8:11
  |
8 |   - wait: 5
  |           ^
  |
  = help: write for example 250ms, 5s, 15min, 2h or 7d
error: `status` cannot be `completd`
 --> story.yaml:9:53
  |
9 |   - office-edit: { order: WO-000099, set: { status: completd } }
  |                                                     ^^^^^^^^
  |
  = help: did you mean `completed`?
error: `icon` cannot be `syncd`
  --> story.yaml:11:33
   |
11 |   - shown: { device: bob, icon: syncd }
   |                                 ^^^^^
   |
   = help: did you mean `synced`?
",
    );
}

#[test]
fn each_missing_key_is_shown() {
    says(
        "tags: []\n",
        r"
error: `name` is missing
 --> story.yaml:1:1
  |
1 | tags: []
  | ^
  |
  = help: write for example `name: Opening the app syncs`
error: `covers` is missing
 --> story.yaml:1:1
  |
1 | tags: []
  | ^
  |
  = help: write for example `covers: [5.1/launch]`
error: `devices` is missing
 --> story.yaml:1:1
  |
1 | tags: []
  | ^
  |
  = help: write for example `devices: { maria: { link: 3g } }`
error: `steps` is missing
 --> story.yaml:1:1
  |
1 | tags: []
  | ^
  |
  = help: write for example `steps: [{ sync: maria }]`
",
    );
}

//! What is said of values that no field takes, and of stories that prove nothing or have no end, letter by letter.

use super::{read, says, story};

#[test]
fn values_of_another_kind() {
    says(
        &story(
            "  - edit: { device: maria, order: WO-000001, set: { title: 12, description: true, rootCause: 1.50, siteId: { a: 1 } } }\n  - office-edit: { order: WO-000001, set: { tasks: foo, partsUsed: [foo, { lineId: 7 }], customFields: foo } }\n",
        ),
        r#"
error: `title` is a text
 --> story.yaml:7:60
  |
7 |   - edit: { device: maria, order: WO-000001, set: { title: 12, description: true, rootCause: 1.50, siteId: { a: 1 } } }
  |                                                            ^^
  |
  = help: write `"12"`
error: `description` is a text
 --> story.yaml:7:77
  |
7 |   - edit: { device: maria, order: WO-000001, set: { title: 12, description: true, rootCause: 1.50, siteId: { a: 1 } } }
  |                                                                             ^^^^
  |
  = help: write `"true"`
error: `rootCause` is a text
 --> story.yaml:7:94
  |
7 |   - edit: { device: maria, order: WO-000001, set: { title: 12, description: true, rootCause: 1.50, siteId: { a: 1 } } }
  |                                                                                              ^^^^
  |
  = help: write `"1.50"`
error: `siteId` is a text
 --> story.yaml:7:108
  |
7 |   - edit: { device: maria, order: WO-000001, set: { title: 12, description: true, rootCause: 1.50, siteId: { a: 1 } } }
  |                                                                                                            ^
  |
  = help: write it in quotes, or `null` for none
error: `tasks` is a list of lines
 --> story.yaml:8:52
  |
8 |   - office-edit: { order: WO-000001, set: { tasks: foo, partsUsed: [foo, { lineId: 7 }], customFields: foo } }
  |                                                    ^^^
  |
  = help: write for example `tasks: [{ taskId: L-1 }]`
error: a line of `partsUsed` holds keys and values
 --> story.yaml:8:69
  |
8 |   - office-edit: { order: WO-000001, set: { tasks: foo, partsUsed: [foo, { lineId: 7 }], customFields: foo } }
  |                                                                     ^^^
  |
  = help: write for example `partsUsed: [{ lineId: L-1 }]`
error: `lineId` is a text
 --> story.yaml:8:84
  |
8 |   - office-edit: { order: WO-000001, set: { tasks: foo, partsUsed: [foo, { lineId: 7 }], customFields: foo } }
  |                                                                                    ^
  |
  = help: write `"7"`
error: `customFields` holds keys and values, or a list
 --> story.yaml:8:104
  |
8 |   - office-edit: { order: WO-000001, set: { tasks: foo, partsUsed: [foo, { lineId: 7 }], customFields: foo } }
  |                                                                                                        ^^^
  |
  = help: write for example `customFields: { key: value }`, or `null` for none
"#,
    );
}

#[test]
fn times_that_are_none() {
    says(
        &story(
            "  - edit: { device: maria, order: WO-000001, set: { scheduledStart: tomorrow, actualEnd: 2025-11-14 } }\n",
        ),
        r#"
error: `scheduledStart` is a time, which `tomorrow` is not
 --> story.yaml:7:69
  |
7 |   - edit: { device: maria, order: WO-000001, set: { scheduledStart: tomorrow, actualEnd: 2025-11-14 } }
  |                                                                     ^^^^^^^^
  |
  = help: write for example `"2025-11-14T08:00:00.000Z"`
error: `actualEnd` is a time, which `2025-11-14` is not
 --> story.yaml:7:90
  |
7 |   - edit: { device: maria, order: WO-000001, set: { scheduledStart: tomorrow, actualEnd: 2025-11-14 } }
  |                                                                                          ^^^^^^^^^^
  |
  = help: write for example `"2025-11-14T08:00:00.000Z"`
"#,
    );
}

#[test]
fn slips_in_words_that_the_world_knows() {
    says(
        &story(
            "  - edit: { device: maria, order: WO-000001, set: { status: completd, priority: hihg, type: Emergency } }\n  - office-edit: { order: WO-000001, set: { assignedTo: mariah } }\n  - office-edit: { order: WO-000002, set: { assignedTo: phone } }\n",
        ),
        r"
error: `status` cannot be `completd`
 --> story.yaml:7:61
  |
7 |   - edit: { device: maria, order: WO-000001, set: { status: completd, priority: hihg, type: Emergency } }
  |                                                             ^^^^^^^^
  |
  = help: did you mean `completed`?
error: `priority` cannot be `hihg`
 --> story.yaml:7:81
  |
7 |   - edit: { device: maria, order: WO-000001, set: { status: completd, priority: hihg, type: Emergency } }
  |                                                                                 ^^^^
  |
  = help: did you mean `high`?
error: `type` cannot be `Emergency`
 --> story.yaml:7:93
  |
7 |   - edit: { device: maria, order: WO-000001, set: { status: completd, priority: hihg, type: Emergency } }
  |                                                                                             ^^^^^^^^^
  |
  = help: did you mean `emergency`?
error: there is no user `mariah`
 --> story.yaml:8:57
  |
8 |   - office-edit: { order: WO-000001, set: { assignedTo: mariah } }
  |                                                         ^^^^^^
  |
  = help: did you mean `maria`?
error: there is no user `phone`
 --> story.yaml:9:57
  |
9 |   - office-edit: { order: WO-000002, set: { assignedTo: phone } }
  |                                                         ^^^^^
  |
  = help: `phone` is a group; name one of them, such as `phone-1`
",
    );
}

#[test]
fn orders_that_the_world_does_not_have() {
    says(
        "name: x\ncovers: [F1]\nworld: { generate: 5 }\ndevices:\n  maria: {}\n  phone: { count: 3 }\nsteps:\n  - edit: { device: maria, order: WO-000099, set: { rootCause: Wear } }\n  - office-delete: { order: WO-7 }\nexpect:\n  - device-lacks: { device: maria, order: WO-000099 }\n  - shown: { device: maria, order: WO-000006, icon: synced }\n",
        r"
error: there is no order `WO-000099`
 --> story.yaml:8:35
  |
8 |   - edit: { device: maria, order: WO-000099, set: { rootCause: Wear } }
  |                                   ^^^^^^^^^
  |
  = help: the world has `WO-000001` to `WO-000005`; `generate` says how many
error: there is no order `WO-7`
 --> story.yaml:9:29
  |
9 |   - office-delete: { order: WO-7 }
  |                             ^^^^
  |
  = help: the world has `WO-000001` to `WO-000005`; `generate` says how many
error: there is no order `WO-000006`
  --> story.yaml:12:36
   |
12 |   - shown: { device: maria, order: WO-000006, icon: synced }
   |                                    ^^^^^^^^^
   |
   = help: the world has `WO-000001` to `WO-000005`; `generate` says how many
",
    );
}

#[test]
fn waits_without_end() {
    says(
        &story("  - sync: maria\n  - wait: 1000000d\n  - wait: 1d\nsettle-within: 5000d\n"),
        r"
error: with this the story lasts 1000000d; 3660d is the most, ten years
 --> story.yaml:8:11
  |
8 |   - wait: 1000000d
  |           ^^^^^^^^
error: `settle-within` must be at most 3660d
  --> story.yaml:10:16
   |
10 | settle-within: 5000d
   |                ^^^^^
",
    );
}

#[test]
fn work_without_end() {
    says(
        &story(
            "  - wait: 3000d\n  - work: { device: maria, days: 700, edits-a-day: 20000 }\n  - attach: { device: maria, order: WO-000001, photo: 1MB, times: 4000000 }\n",
        ),
        r"
error: with this the story lasts 3700d; 3660d is the most, ten years
 --> story.yaml:8:34
  |
8 |   - work: { device: maria, days: 700, edits-a-day: 20000 }
  |                                  ^^^
error: `edits-a-day` must be at most 10000
 --> story.yaml:8:52
  |
8 |   - work: { device: maria, days: 700, edits-a-day: 20000 }
  |                                                    ^^^^^
error: `times` must be from 1 to 1000
 --> story.yaml:9:67
  |
9 |   - attach: { device: maria, order: WO-000001, photo: 1MB, times: 4000000 }
  |                                                                   ^^^^^^^
",
    );
}

#[test]
fn texts_that_a_terminal_obeys() {
    says(
        "name: \"x\\u202Eb\"\ncovers: [F1]\ndevices: { maria: {} }\nsteps:\n  - sync: maria\n  - edit: { device: maria, order: WO-000001, set: { completionNotes: \"one\\ntwo\", rootCause: \"\\a\" } }\n",
        r#"
error: `name` holds the character U+202E, which is obeyed rather than shown
 --> story.yaml:1:7
  |
1 | name: "x\u202Eb"
  |       ^^^^^^^^^^
  |
  = help: write the text without it
error: `rootCause` holds the character U+0007, which is obeyed rather than shown
 --> story.yaml:6:93
  |
6 |   - edit: { device: maria, order: WO-000001, set: { completionNotes: "one\ntwo", rootCause: "\a" } }
  |                                                                                             ^^^^
  |
  = help: write the text without it
"#,
    );
}

#[test]
fn numbers_that_no_number_holds() {
    says(
        &story(
            "  - sync: maria\nseed: 99999999999999999999999\nexpect:\n  - conflicts: { count: -99999999999999999999999 }\n",
        ),
        r"
error: `seed` must hold a whole number, 18446744073709551615 at most
 --> story.yaml:8:7
  |
8 | seed: 99999999999999999999999
  |       ^^^^^^^^^^^^^^^^^^^^^^^
error: `count` must hold a whole number that is not below zero
  --> story.yaml:10:25
   |
10 |   - conflicts: { count: -99999999999999999999999 }
   |                         ^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn a_story_in_which_nothing_happens() {
    says(
        &story("  - wait: 5s\n  - battery: { device: maria, percent: 10, charging: false }\n"),
        r"
error: nothing happens in this story, and nothing is expected of it: it proves nothing
 --> story.yaml:6:1
  |
6 | steps:
  | ^^^^^
  |
  = help: add what a user does, such as `- sync: maria`, or an `expect:` with a claim
",
    );
}

#[test]
fn what_may_be_meant_is_left_alone() {
    let text = story(
        "  - edit: { device: maria, order: WO-000001, set: { title: \"\", assignedTo: null, status: awaiting-parts, type: retrofit, customFields: null, tasks: [{ title: x }], actualStart: \"2025-11-14T08:00:00+01:00\" } }\n  - office-edit: { order: WO-000001, set: { assignedTo: somebody-else } }\n  - office-edit: { order: WO-000001, set: { assignedTo: phone-2 } }\n  - tamper: { device: maria, push: [{ payload: { title: 12, status: completd, x: \"\\e\" } }] }\n",
    );
    assert!(read(&text).is_ok(), "{:?}", read(&text));
    let text = story(
        "  - office-create: { as: leak, set: { title: x } }\n  - office-delete: { order: WO-000011 }\n  - select: { device: maria, orders: [WO-000099] }\nexpect:\n  - device-lacks: { device: maria, order: WO-000099 }\n",
    );
    assert!(read(&text).is_ok(), "{:?}", read(&text));
}

#[test]
fn what_is_quoted_is_cut() {
    let name = "x".repeat(900_000);
    let problems =
        read(&format!("name: {name}\ncovers: [{name}]\ndevices: {{ maria: {{}} }}\nsteps: [{{ sync: maria }}]\n"))
            .unwrap_err();
    let texts: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    let cut = format!("there is no requirement `{}…`", "x".repeat(100));
    assert_eq!(texts, ["`name` has 900000 characters; say it in 200 at most", cut.as_str()]);
}

#[test]
fn only_a_page_of_a_pull_can_be_short() {
    says(
        &story("  - spoil: { device: maria, how: short-of-one }\n"),
        r"
error: only a page of a pull can be short of a work order
 --> story.yaml:7:34
  |
7 |   - spoil: { device: maria, how: short-of-one }
  |                                  ^^^^^^^^^^^^
  |
  = help: write `of: pull`
",
    );
    read(&story("  - spoil: { device: maria, of: pull, how: short-of-one }\n")).unwrap();
}

//! What is said of headers that are well-formed and mean nothing, letter by letter.

use super::{after_story, says};

#[test]
fn an_empty_name() {
    says(
        "name: ' '\ncovers: []\ndevices: { maria: {} }\nsteps: [{ sync: maria }]\n",
        r"
error: `name` is empty; say in a few words what the scenario shows
 --> story.yaml:1:7
  |
1 | name: ' '
  |       ^^^
",
    );
}

#[test]
fn unknown_requirements() {
    says(
        "name: x\ncovers: [4.2/server-field, everything]\ndevices: { maria: {} }\nsteps: [{ sync: maria }]\n",
        r"
error: there is no requirement `4.2/server-field`
 --> story.yaml:2:10
  |
2 | covers: [4.2/server-field, everything]
  |          ^^^^^^^^^^^^^^^^
  |
  = help: did you mean `4.2/server-fields`?
error: there is no requirement `everything`
 --> story.yaml:2:28
  |
2 | covers: [4.2/server-field, everything]
  |                            ^^^^^^^^^^
  |
  = help: ids are such as F2 or 4.2/server-fields
",
    );
}

#[test]
fn a_tag_with_a_blank() {
    says(
        &after_story("tags: [smoke test]\n"),
        r"
error: `smoke test` cannot be a tag
 --> story.yaml:8:8
  |
8 | tags: [smoke test]
  |        ^^^^^^^^^^
  |
  = help: use small letters, digits and hyphens
",
    );
}

#[test]
fn both_orders_and_generate() {
    says(
        &after_story("world: { orders: a.json, generate: 3 }\n"),
        r"
error: a world has `orders` or `generate`, not both
 --> story.yaml:8:26
  |
8 | world: { orders: a.json, generate: 3 }
  |                          ^^^^^^^^
",
    );
}

#[test]
fn neither_orders_nor_generate() {
    says(
        &after_story("world: { assign: maria }\n"),
        r"
error: a world needs `orders` (a file) or `generate` (a number)
 --> story.yaml:8:8
  |
8 | world: { assign: maria }
  |        ^
",
    );
}

#[test]
fn what_goes_with_a_file_alone() {
    says(
        &after_story("world: { generate: 3, take: 2, assign: as-in-file }\n"),
        r"
error: `take` goes with `orders` alone
 --> story.yaml:8:23
  |
8 | world: { generate: 3, take: 2, assign: as-in-file }
  |                       ^^^^
error: `as-in-file` goes with `orders` alone
 --> story.yaml:8:40
  |
8 | world: { generate: 3, take: 2, assign: as-in-file }
  |                                        ^^^^^^^^^^
",
    );
}

#[test]
fn orders_assigned_to_a_group() {
    says(
        &after_story("world: { generate: 3, assign: phone }\n"),
        r"
error: `phone` is a group of 3; this is about a single device
 --> story.yaml:8:31
  |
8 | world: { generate: 3, assign: phone }
  |                               ^^^^^
  |
  = help: name one of them, such as `phone-1`
",
    );
}

#[test]
fn names_that_no_device_can_have() {
    says(
        "name: x\ncovers: []\ndevices:\n  Maria: {}\n  office: {}\n  in-turn: {}\nsteps: [{ wait: 1s }]\n",
        r"
error: `Maria` cannot be the name of a device
 --> story.yaml:4:3
  |
4 |   Maria: {}
  |   ^^^^^
  |
  = help: use small letters, digits and hyphens
error: the name `office` is reserved
 --> story.yaml:5:3
  |
5 |   office: {}
  |   ^^^^^^
  |
  = help: call a device otherwise
error: the name `in-turn` is reserved
 --> story.yaml:6:3
  |
6 |   in-turn: {}
  |   ^^^^^^^
  |
  = help: call a device otherwise
",
    );
}

#[test]
fn numbers_out_of_range() {
    says(
        "name: x\ncovers: []\ndevices:\n  a: { count: 0, page: 1001 }\n  b: { count: 10001, sync-every: 1ms }\nsteps: [{ wait: 0s }]\n",
        r"
error: `count` must be from 1 to 10000
 --> story.yaml:4:15
  |
4 |   a: { count: 0, page: 1001 }
  |               ^
error: `page` must be from 1 to 1000
 --> story.yaml:4:24
  |
4 |   a: { count: 0, page: 1001 }
  |                        ^^^^
error: `count` must be from 1 to 10000
 --> story.yaml:5:15
  |
5 |   b: { count: 10001, sync-every: 1ms }
  |               ^^^^^
error: `sync-every` must be at least 1s
 --> story.yaml:5:34
  |
5 |   b: { count: 10001, sync-every: 1ms }
  |                                  ^^^
  |
  = help: write `never` for a device that syncs only when told
error: a wait must last some time
 --> story.yaml:6:17
  |
6 | steps: [{ wait: 0s }]
  |                 ^^
",
    );
}

#[test]
fn an_unknown_link() {
    says(
        "name: x\ncovers: []\ndevices: { maria: { link: 3gg } }\nsteps: [{ wait: 1s }]\n",
        r"
error: there is no network profile `3gg`
 --> story.yaml:3:27
  |
3 | devices: { maria: { link: 3gg } }
  |                           ^^^
  |
  = help: did you mean `3g`?
",
    );
}

#[test]
fn a_device_named_like_a_member() {
    says(
        "name: x\ncovers: []\ndevices:\n  phone: { count: 3 }\n  phone-3: {}\n  phone-4: {}\nsteps: [{ wait: 1s }]\n",
        r"
error: the group `phone` has a `phone-3` already
 --> story.yaml:5:3
  |
5 |   phone-3: {}
  |   ^^^^^^^
",
    );
}

#[test]
fn a_user_with_two_roles() {
    says(
        "name: x\ncovers: []\ndevices:\n  maria: { role: supervisor }\n  tablet: { user: maria }\nsteps: [{ wait: 1s }]\n",
        r"
error: `maria` has another role on another device
 --> story.yaml:5:3
  |
5 |   tablet: { user: maria }
  |   ^^^^^^
  |
  = help: a user has one role; write it the same on each
",
    );
}

#[test]
fn sites_of_a_technician_and_other_sites_elsewhere() {
    says(
        "name: x\ncovers: []\ndevices:\n  ana: { role: supervisor, sites: [SITE-1] }\n  tablet: { user: ana, role: supervisor, sites: [\"\"] }\n  maria: { sites: [SITE-1] }\nsteps: [{ wait: 1s }]\n",
        r#"
error: `ana` has other sites on another device
 --> story.yaml:5:49
  |
5 |   tablet: { user: ana, role: supervisor, sites: [""] }
  |                                                 ^
  |
  = help: a user has the same sites everywhere; write them on each
error: a site needs a name such as `SITE-1`
 --> story.yaml:5:50
  |
5 |   tablet: { user: ana, role: supervisor, sites: [""] }
  |                                                  ^^
error: `sites` is for supervisors
 --> story.yaml:6:19
  |
6 |   maria: { sites: [SITE-1] }
  |                   ^
  |
  = help: leave it out, or write `role: supervisor`: a technician's sites are those of their orders
"#,
    );
}

#[test]
fn no_devices_and_no_steps() {
    says(
        "name: x\ncovers: []\ndevices: {}\nsteps: []\n",
        r"
error: a scenario needs at least one device
 --> story.yaml:3:10
  |
3 | devices: {}
  |          ^
error: a story needs at least one step
 --> story.yaml:4:8
  |
4 | steps: []
  |        ^
",
    );
}

#[test]
fn fields_that_cannot_be_sealed() {
    says(
        "name: x\ncovers: []\nworld: { generate: 2, sealed: [status, rootCause, rootCause] }\ndevices: { maria: {} }\nsteps: [{ sync: maria }]\n",
        r"
error: `status` is no field that can be sealed
 --> story.yaml:3:32
  |
3 | world: { generate: 2, sealed: [status, rootCause, rootCause] }
  |                                ^^^^^^
  |
  = help: those that can are description, completionNotes, rootCause, customFields
error: `rootCause` is named twice
 --> story.yaml:3:51
  |
3 | world: { generate: 2, sealed: [status, rootCause, rootCause] }
  |                                                   ^^^^^^^^^
",
    );
}

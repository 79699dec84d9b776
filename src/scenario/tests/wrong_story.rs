//! What is said of steps and claims that are well-formed and mean nothing, letter by letter.

use super::{after_story, says, story};

#[test]
fn unknown_devices() {
    says(
        &story("  - sync: mari\n  - sync: office\n  - sync: phone-4\n  - sync: somebody-else\n"),
        r"
error: there is no device `mari`
 --> story.yaml:7:11
  |
7 |   - sync: mari
  |           ^^^^
  |
  = help: did you mean `maria`?
error: there is no device `office`
 --> story.yaml:8:11
  |
8 |   - sync: office
  |           ^^^^^^
  |
  = help: the office has no device: it acts by `office-edit`, `office-create` and the like
error: there is no device `phone-4`
 --> story.yaml:9:11
  |
9 |   - sync: phone-4
  |           ^^^^^^^
  |
  = help: the group has `phone-1` to `phone-3`
error: there is no device `somebody-else`
  --> story.yaml:10:11
   |
10 |   - sync: somebody-else
   |           ^^^^^^^^^^^^^
   |
   = help: there are maria, phone
",
    );
}

#[test]
fn orders_that_nobody_created() {
    says(
        &story(
            "  - delete: { device: maria, order: wo-000017 }\n  - create: { device: maria, as: leak, set: { title: x } }\n  - delete: { device: maria, order: leek }\n",
        ),
        r"
error: there is no order `wo-000017`
 --> story.yaml:7:37
  |
7 |   - delete: { device: maria, order: wo-000017 }
  |                                     ^^^^^^^^^
  |
  = help: did you mean `WO-000017`?
error: there is no order `leek`
 --> story.yaml:9:37
  |
9 |   - delete: { device: maria, order: leek }
  |                                     ^^^^
  |
  = help: did you mean `leak`?
",
    );
}

#[test]
fn a_label_before_its_order() {
    says(
        &story("  - office-delete: { order: leak }\n  - office-create: { as: leak, set: { title: x } }\n"),
        r"
error: `leak` does not exist yet; it is created in line 8
 --> story.yaml:7:29
  |
7 |   - office-delete: { order: leak }
  |                             ^^^^
",
    );
}

#[test]
fn a_label_used_twice() {
    says(
        &story(
            "  - office-create: { as: leak, set: { title: x } }\n  - create: { device: maria, as: leak, set: { title: x } }\n",
        ),
        r"
error: an order `leak` has been created already
 --> story.yaml:8:34
  |
8 |   - create: { device: maria, as: leak, set: { title: x } }
  |                                  ^^^^
",
    );
}

#[test]
fn a_group_that_creates() {
    says(
        &story("  - create: { device: phone, as: Leak, set: { title: x } }\n"),
        r"
error: `phone` is a group of 3; this is about a single device
 --> story.yaml:7:23
  |
7 |   - create: { device: phone, as: Leak, set: { title: x } }
  |                       ^^^^^
  |
  = help: name one of them, such as `phone-1`
error: `Leak` cannot be a label
 --> story.yaml:7:34
  |
7 |   - create: { device: phone, as: Leak, set: { title: x } }
  |                                  ^^^^
  |
  = help: use small letters, digits and hyphens
",
    );
}

#[test]
fn unknown_fields() {
    says(
        &story(
            "  - edit: { device: maria, order: WO-000001, set: { statu: done, partsUsed: [{ qty: 2 }] } }\n  - office-edit: { order: WO-000001, set: {} }\n",
        ),
        r"
error: a work order has no field `statu` that can be set
 --> story.yaml:7:53
  |
7 |   - edit: { device: maria, order: WO-000001, set: { statu: done, partsUsed: [{ qty: 2 }] } }
  |                                                     ^^^^^
  |
  = help: did you mean `status`?
error: `set` sets nothing
 --> story.yaml:8:43
  |
8 |   - office-edit: { order: WO-000001, set: {} }
  |                                           ^
",
    );
}

#[test]
fn a_restart_without_a_crash() {
    says(
        &story(
            "  - crash: { device: phone-2, when: now }\n  - restart: phone\n  - restart: phone-1\n  - restart: maria\n",
        ),
        r"
error: no step before this one crashes `phone-1`
 --> story.yaml:9:14
  |
9 |   - restart: phone-1
  |              ^^^^^^^
error: no step before this one crashes `maria`
  --> story.yaml:10:14
   |
10 |   - restart: maria
   |              ^^^^^
",
    );
}

#[test]
fn keys_of_another_kind_of_crash() {
    says(
        &story(
            "  - crash: { device: maria, when: now, of: push, operation: 3 }\n  - crash: { device: maria, when: disk-operation }\n",
        ),
        r"
error: `of` goes with `before-request`, `after-commit` and `after-answer` alone
 --> story.yaml:7:40
  |
7 |   - crash: { device: maria, when: now, of: push, operation: 3 }
  |                                        ^^
error: `operation` goes with `when: disk-operation` alone
 --> story.yaml:7:50
  |
7 |   - crash: { device: maria, when: now, of: push, operation: 3 }
  |                                                  ^^^^^^^^^
error: `when: disk-operation` needs `operation`
 --> story.yaml:8:35
  |
8 |   - crash: { device: maria, when: disk-operation }
  |                                   ^^^^^^^^^^^^^^
  |
  = help: add for example `operation: 3`, the third write from now
",
    );
}

#[test]
fn counts_of_nothing() {
    says(
        &story(
            "  - lose: { device: maria, what: answer, nth: 0, times: 0 }\n  - edit-many: { device: maria, orders: 0, set: { title: x } }\n",
        ),
        r"
error: `nth` must be at least 1
 --> story.yaml:7:47
  |
7 |   - lose: { device: maria, what: answer, nth: 0, times: 0 }
  |                                               ^
error: `times` must be at least 1
 --> story.yaml:7:57
  |
7 |   - lose: { device: maria, what: answer, nth: 0, times: 0 }
  |                                                         ^
error: `orders` must be at least 1
 --> story.yaml:8:41
  |
8 |   - edit-many: { device: maria, orders: 0, set: { title: x } }
  |                                         ^
",
    );
}

#[test]
fn claims_about_nobody() {
    says(
        &after_story(
            "expect:\n  - took: { device: jo, sync: 0, at-most: 2s }\n  - conflicts: { device: phone, count: 1 }\n  - device-lacks: { device: maria, order: job }\n",
        ),
        r"
error: there is no device `jo`
 --> story.yaml:9:21
  |
9 |   - took: { device: jo, sync: 0, at-most: 2s }
  |                     ^^
  |
  = help: there are maria, phone
error: `sync` must be at least 1
 --> story.yaml:9:31
  |
9 |   - took: { device: jo, sync: 0, at-most: 2s }
  |                               ^
error: `phone` is a group of 3; this is about a single device
  --> story.yaml:10:26
   |
10 |   - conflicts: { device: phone, count: 1 }
   |                          ^^^^^
   |
   = help: name one of them, such as `phone-1`
error: there is no order `job`
  --> story.yaml:11:43
   |
11 |   - device-lacks: { device: maria, order: job }
   |                                           ^^^
   |
   = help: name an order by its id, such as WO-000017, or by the label of a step that creates it
",
    );
}

#[test]
fn claims_that_claim_nothing() {
    says(
        &after_story(
            "expect:\n  - bytes: { device: maria }\n  - server: { order: WO-000001, has: {} }\n  - conflict: { device: maria, order: WO-000001, field: statuss, mine: a, theirs: b, outcome: server-wins }\n",
        ),
        r"
error: `bytes` needs `up-at-most`, `down-at-most` or both
 --> story.yaml:9:12
  |
9 |   - bytes: { device: maria }
  |            ^
error: `has` claims nothing
  --> story.yaml:10:38
   |
10 |   - server: { order: WO-000001, has: {} }
   |                                      ^
error: a work order has no field `statuss`
  --> story.yaml:11:57
   |
11 |   - conflict: { device: maria, order: WO-000001, field: statuss, mine: a, theirs: b, outcome: server-wins }
   |                                                         ^^^^^^^
   |
   = help: did you mean `status`?
",
    );
}

#[test]
fn answers_that_no_server_gives() {
    says(
        &story(
            "  - answer: { device: maria, status: 200 }\n  - answer: { device: maria, status: 99, page: html, code: NOT_FOUND }\n  - answer: { device: maria, status: 503, retry-after: 1500ms, times: 0 }\n  - answer: { device: maria, status: 503, as-date: true }\n  - refuse: { device: maria, with: NOT_FOUND }\n  - server: up\n",
        ),
        r"
error: a problem document goes with statuses from 400 on
 --> story.yaml:7:38
  |
7 |   - answer: { device: maria, status: 200 }
  |                                      ^^^
  |
  = help: write for example `page: html`
error: 99 is no status of an answer: they go from 200 to 599
 --> story.yaml:8:38
  |
8 |   - answer: { device: maria, status: 99, page: html, code: NOT_FOUND }
  |                                      ^^
error: `code` goes with a problem document alone
 --> story.yaml:8:54
  |
8 |   - answer: { device: maria, status: 99, page: html, code: NOT_FOUND }
  |                                                      ^^^^
error: `retry-after` is written in whole seconds
 --> story.yaml:9:56
  |
9 |   - answer: { device: maria, status: 503, retry-after: 1500ms, times: 0 }
  |                                                        ^^^^^^
error: `times` must be at least 1
 --> story.yaml:9:71
  |
9 |   - answer: { device: maria, status: 503, retry-after: 1500ms, times: 0 }
  |                                                                       ^
error: `as-date` goes with `retry-after` alone
  --> story.yaml:10:43
   |
10 |   - answer: { device: maria, status: 503, as-date: true }
   |                                           ^^^^^^^
error: NOT_FOUND would be a lie that nothing mends
  --> story.yaml:11:36
   |
11 |   - refuse: { device: maria, with: NOT_FOUND }
   |                                    ^^^^^^^^^
   |
   = help: one of SERVER_ERROR, VALIDATION_ERROR, VERSION_CONFLICT
error: the server is in this state already
  --> story.yaml:12:13
   |
12 |   - server: up
   |             ^^
",
    );
}

#[test]
fn work_that_fills_no_day_or_more_than_one() {
    says(
        &story(
            "  - work: { device: maria, days: 0, edits-a-day: 3 }\n  - work: { device: maria, days: 1, edits-a-day: 0, dead-zone: { at-least: 30h, at-most: 25h } }\n",
        ),
        r"
error: `days` must be at least 1
 --> story.yaml:7:34
  |
7 |   - work: { device: maria, days: 0, edits-a-day: 3 }
  |                                  ^
error: `at-least` is more than `at-most`
 --> story.yaml:8:76
  |
8 |   - work: { device: maria, days: 1, edits-a-day: 0, dead-zone: { at-least: 30h, at-most: 25h } }
  |                                                                            ^^^
error: a daily dead zone lasts a day at most
 --> story.yaml:8:90
  |
8 |   - work: { device: maria, days: 1, edits-a-day: 0, dead-zone: { at-least: 30h, at-most: 25h } }
  |                                                                                          ^^^
",
    );
}

#[test]
fn faults_that_can_strike_nothing() {
    says(
        &story(
            "  - lose: { device: maria, what: answer, only: { method: post, percent: 100, at-once: 0 } }\n  - spoil: { device: maria, how: garbage, at: 3B, only: { path: push, order: WO-x, until: 0s } }\n",
        ),
        r"
error: `post` is no method of HTTP
 --> story.yaml:7:58
  |
7 |   - lose: { device: maria, what: answer, only: { method: post, percent: 100, at-once: 0 } }
  |                                                          ^^^^
  |
  = help: did you mean `POST`?
error: `percent` goes from 1 to 99
 --> story.yaml:7:73
  |
7 |   - lose: { device: maria, what: answer, only: { method: post, percent: 100, at-once: 0 } }
  |                                                                         ^^^
  |
  = help: leave it out for always
error: `at-once` must be at least 1
 --> story.yaml:7:87
  |
7 |   - lose: { device: maria, what: answer, only: { method: post, percent: 100, at-once: 0 } }
  |                                                                                       ^
error: `at` names no place in an answer spoilt so
 --> story.yaml:8:43
  |
8 |   - spoil: { device: maria, how: garbage, at: 3B, only: { path: push, order: WO-x, until: 0s } }
  |                                           ^^
  |
  = help: it goes with half, cut-off, stalled, overlong and cut-in-head
error: a path begins with `/`
 --> story.yaml:8:65
  |
8 |   - spoil: { device: maria, how: garbage, at: 3B, only: { path: push, order: WO-x, until: 0s } }
  |                                                                 ^^^^
  |
  = help: write for example `/api/v1/sync/*`
error: `until` must last some time
 --> story.yaml:8:91
  |
8 |   - spoil: { device: maria, how: garbage, at: 3B, only: { path: push, order: WO-x, until: 0s } }
  |                                                                                           ^^
",
    );
}

#[test]
fn faults_whose_keys_do_not_go_together() {
    says(
        &story(
            "  - slow: { device: maria, what: body, by: 1s, only: { from: 2h, until: 1h } }\n  - slow: { device: maria, what: answer, by: 0s, bytes: 3B }\n  - replay: { device: mari, of: pull, back: 4 }\n  - crash: { device: maria, when: now, nth: 2 }\n",
        ),
        r"
error: a head or a body that dribbles needs `bytes`, a drop
 --> story.yaml:7:34
  |
7 |   - slow: { device: maria, what: body, by: 1s, only: { from: 2h, until: 1h } }
  |                                  ^^^^
  |
  = help: add for example `bytes: 100B`
error: `from` is not before `until`
 --> story.yaml:7:62
  |
7 |   - slow: { device: maria, what: body, by: 1s, only: { from: 2h, until: 1h } }
  |                                                              ^^
error: `by` must last some time
 --> story.yaml:8:46
  |
8 |   - slow: { device: maria, what: answer, by: 0s, bytes: 3B }
  |                                              ^^
error: `bytes` goes with `what: head` or `body` alone
 --> story.yaml:8:50
  |
8 |   - slow: { device: maria, what: answer, by: 0s, bytes: 3B }
  |                                                  ^^^^^
error: there is no device `mari`
 --> story.yaml:9:23
  |
9 |   - replay: { device: mari, of: pull, back: 4 }
  |                       ^^^^
  |
  = help: did you mean `maria`?
error: `back` goes from 1, the last answer, to 3
 --> story.yaml:9:45
  |
9 |   - replay: { device: mari, of: pull, back: 4 }
  |                                             ^
error: `nth` goes with `before-request`, `after-commit` and `after-answer` alone
  --> story.yaml:10:40
   |
10 |   - crash: { device: maria, when: now, nth: 2 }
   |                                        ^^^
",
    );
}

#[test]
fn tls_that_is_not_there() {
    says(
        &story("  - mitm: { device: maria }\n  - certificate: { name: no host }\n"),
        r"
error: this step needs a world with TLS that can be broken
 --> story.yaml:7:11
  |
7 |   - mitm: { device: maria }
  |           ^
  |
  = help: write `tls: real` in `world`
error: this step needs a world with TLS that can be broken
 --> story.yaml:8:18
  |
8 |   - certificate: { name: no host }
  |                  ^
  |
  = help: write `tls: real` in `world`
error: `name` is no name of a server
 --> story.yaml:8:26
  |
8 |   - certificate: { name: no host }
  |                          ^^^^^^^
  |
  = help: write for example `name: other.example`
",
    );
}

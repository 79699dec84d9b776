//! Locked, copied, removed: what a device may not do then.

use super::super::{planted, red};
use crate::history::{DeviceEvent, Guarded, Message, MessageKind, What};

fn tom() -> String {
    "tom".into()
}

fn guarded(event: Guarded) -> What {
    What::Guarded { device: tom(), event }
}

#[test]
fn a_locked_device_reads_nothing_and_says_nothing() {
    let locked = |accesses, says: bool| {
        planted(|story| {
            story.tell(guarded(Guarded::Locked));
            if says {
                story.says("tom", DeviceEvent::Opened { queued: 0, interrupted: 0 });
            }
            story.tell(guarded(Guarded::Unlocked { accesses }));
        })
    };
    assert_eq!(locked(0, false).findings, Vec::new());
    red(&locked(3, false), "8.1 database key", &["tom does not touch its database", "3 times"]);
    red(&locked(0, true), "8.1 database key", &["tom says nothing while locked"]);
}

#[test]
fn a_copy_opens_nowhere_and_stays_as_it_is() {
    let tried = |opened, changed| {
        planted(|story| story.tell(guarded(Guarded::CopyTried { opened, changed, said: String::new() })))
    };
    assert_eq!(tried(false, false).findings, Vec::new());
    red(&tried(true, false), "8.1 database key", &["does not open elsewhere"]);
    red(&tried(false, true), "8.1 database key", &["leaves a copy", "changes it"]);
}

#[test]
fn the_key_hangs_on_the_credentials() {
    let checked = |bound| planted(|story| story.tell(guarded(Guarded::KeyChecked { cost: String::new(), bound })));
    assert_eq!(checked(true).findings, Vec::new());
    red(&checked(false), "8.1 database key", &["credentials of its user"]);
}

#[test]
fn a_logout_leaves_no_file() {
    let left = |files| planted(|story| story.tell(guarded(Guarded::FilesLeft { files })));
    assert_eq!(left(0).findings, Vec::new());
    red(&left(2), "8.4 nothing outlives the logout", &["no file is left on tom", "2 are"]);
}

#[test]
fn thieves_get_nothing_and_are_not_heard_for_long() {
    let stolen =
        |tries, given| planted(|story| story.tell(guarded(Guarded::Stolen { loot: "it".into(), tries, given })));
    assert_eq!(stolen(5, false).findings, Vec::new());
    red(&stolen(1, true), "8.2 stolen goods", &["it of tom", "gives them data"]);
    red(&stolen(11, false), "8.2 stolen goods", &["looks at 11"]);
}

#[test]
fn a_removed_app_remembers_nobody() {
    let verdict = planted(|story| {
        story.tell(guarded(Guarded::Uninstalled));
        story.tell(What::ConnectionOpened { device: tom(), connection: 79 });
        story.tell(What::Request(Message {
            device: tom(),
            connection: 79,
            exchange: 79,
            bytes: 1,
            status: 0,
            delivered: true,
            retry_after: None,
            kind: MessageKind::Refresh,
        }));
    });
    red(&verdict, "8.1 nothing outlives the app", &["tom knows nobody", "without a sign-in"]);
}

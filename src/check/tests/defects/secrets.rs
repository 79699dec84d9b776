//! Secrets where they do not belong.

use super::super::{finds, planted, red};
use crate::history::{Form, Message, MessageKind, Part, Place, Secret, Sighting, What};
use crate::protocol::path;

fn seen(secret: Secret, place: Place) -> crate::check::Verdict {
    let sighting = Sighting { secret, what: "it".into(), form: Form::Hex, packed: false, place, offset: 17 };
    planted(|story| story.tell(What::Sighted { device: "tom".into(), sighting }))
}

fn wire(path: &str, answer: bool, part: Part) -> Place {
    Place::Wire { exchange: 1, path: path.into(), answer, part }
}

#[test]
fn what_lies_on_a_disk_in_the_clear_is_named() {
    for secret in [Secret::Text, Secret::Password, Secret::AccessToken, Secret::RefreshToken, Secret::Key] {
        let verdict = seen(secret, Place::Disk { file: "deadzone.db-wal".into() });
        red(&verdict, "2.1 encryption", &["it at byte 17", "deadzone.db-wal", "in hexadecimal"]);
    }
    for secret in [Secret::Password, Secret::AccessToken, Secret::RefreshToken, Secret::Key] {
        red(&seen(secret, Place::Database), "2.1 secrets in the keychain", &["tom", "in its database"]);
    }
    // Records are what a database is for.
    assert_eq!(seen(Secret::Text, Place::Database).findings, Vec::new());
    let search = |bytes| planted(|story| story.tell(What::DiskSearched { device: "tom".into(), bytes }));
    assert_eq!(search(4096).findings, Vec::new());
    red(&search(0), "2.1 encryption", &["it is empty"]);
}

#[test]
fn a_secret_travels_only_where_it_belongs() {
    let rightful = [
        (Secret::Password, wire(path::SIGN_IN, false, Part::Body)),
        (Secret::AccessToken, wire(path::REFRESH, true, Part::Body)),
        (Secret::AccessToken, wire(path::PUSH, false, Part::Authorization)),
        (Secret::RefreshToken, wire(path::REFRESH, false, Part::Body)),
        (Secret::RefreshToken, wire(path::SIGN_IN, true, Part::Body)),
    ];
    for (secret, place) in rightful {
        assert_eq!(seen(secret, place).findings, Vec::new());
    }
    let wrong = [
        (Secret::Password, wire(path::SIGN_IN, true, Part::Body)),
        (Secret::Password, wire(path::PUSH, false, Part::Body)),
        (Secret::AccessToken, wire(path::DELTA, false, Part::Target)),
        (Secret::AccessToken, wire(path::DELTA, false, Part::Headers)),
        (Secret::AccessToken, wire(path::REFRESH, false, Part::Body)),
        (Secret::RefreshToken, wire(path::REFRESH, false, Part::Target)),
        (Secret::RefreshToken, wire(path::DELTA, false, Part::Authorization)),
        (Secret::Key, wire(path::SIGN_IN, false, Part::Body)),
    ];
    for (secret, place) in wrong {
        red(&seen(secret, place), "8.2 secrets on the wire", &["travels only where", "it at byte 17"]);
    }
}

#[test]
fn a_search_that_sees_no_password_is_blind() {
    let message = |device: &str| Message {
        device: device.into(),
        connection: 77,
        exchange: 77,
        bytes: 1,
        status: 0,
        delivered: true,
        retry_after: None,
        kind: MessageKind::SignIn,
    };
    let verdict = planted(|story| {
        story.tell(What::Request(message("tom")));
        story.tell(What::WireSearched { bytes: 1 });
    });
    red(&verdict, "8.2 secrets on the wire", &["the password with which tom", "it finds none"]);
}

#[test]
fn an_access_token_does_not_outlive_the_app() {
    let verdict = planted(|story| {
        story.tell(What::Restarted { device: "tom".into() });
        story.tell(What::ConnectionOpened { device: "tom".into(), connection: 78 });
        let (device, kind) = ("tom".into(), MessageKind::Profile);
        story.tell(What::Request(Message {
            device,
            connection: 78,
            exchange: 78,
            bytes: 1,
            status: 0,
            delivered: true,
            retry_after: None,
            kind,
        }));
    });
    assert!(finds(&verdict, "8.2 access token in memory", &["after its restart", "one that it kept"]));
}

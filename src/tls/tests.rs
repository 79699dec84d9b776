//! Handshakes between two sides in one place: who accepts whom, and how many bytes it takes.

use std::io::{Read, Write};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;
use crate::base::{Clock, Seed, WallClock};

const SERVER: &str = "server.example";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A server's keys, its authority, and a device that trusts them.
struct Scene {
    clock: WallClock,
    authority: Authority,
    first: Key,
    backup: Key,
    trust: Trust,
}

fn scene(seed: u64) -> Scene {
    let clock = WallClock::new(Clock::simulated(), 0);
    let mut random = Seed(seed).stream("tls");
    let authority = Authority::seeded("the authority", &mut random, clock.now()).unwrap();
    let (first, backup) = (Key::seeded(&mut random).unwrap(), Key::seeded(&mut random).unwrap());
    let trust = Trust {
        authorities: vec![authority.certificate_pem()],
        pins: vec![first.pin(), backup.pin()],
        server: SERVER.into(),
    };
    Scene { clock, authority, first, backup, trust }
}

impl Scene {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn certified(&self, key: &Key, name: &str) -> Certified {
        self.authority.issue(key, &[name], Validity::from_now(self.now(), DAY)).unwrap()
    }

    /// How a device of this scene gets on with a server that shows `certified`.
    fn meet(&self, certified: Certified) -> Result<(usize, usize), String> {
        let server = server_settings(Arc::new(certified), Versions::Only13, &self.clock).unwrap();
        self.meet_at(&self.clock, Versions::Only13, &server)
    }

    fn meet_at(
        &self,
        clock: &WallClock,
        versions: Versions,
        server: &Arc<ServerConfig>,
    ) -> Result<(usize, usize), String> {
        let settings = client_settings(&self.trust, versions, clock).unwrap();
        let name = ServerName::try_from(self.trust.server.clone()).unwrap();
        let client = ClientConnection::new(settings, name).unwrap();
        shake_hands(client, ServerConnection::new(server.clone()).unwrap())
    }
}

/// Bytes up and down until both are content, or what the client says.
fn shake_hands(mut client: ClientConnection, mut server: ServerConnection) -> Result<(usize, usize), String> {
    let say = |error: rustls::Error| why_refused(&std::io::Error::other(error)).unwrap();
    let (mut up, mut down) = (0, 0);
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
        let mut wire = Vec::new();
        up += client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        let refused = server.process_new_packets().err();
        let mut wire = Vec::new();
        while server.wants_write() {
            down += server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().map_err(say)?;
        refused.map_or(Ok(()), |error| Err(say(error)))?;
    }
    let mut answer = Vec::new();
    client.writer().write_all(b"hello").unwrap();
    client.write_tls(&mut answer).unwrap();
    server.read_tls(&mut answer.as_slice()).unwrap();
    server.process_new_packets().unwrap();
    let mut heard = [0; 5];
    server.reader().read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    Ok((up, down))
}

#[test]
fn every_handshake_has_the_same_number_of_bytes() {
    let mut seen = Vec::new();
    for seed in 1..=8 {
        let scene = scene(seed);
        for _ in 0..4 {
            seen.push(scene.meet(scene.certified(&scene.first, SERVER)).unwrap());
            seen.push(scene.meet(scene.certified(&scene.backup, SERVER)).unwrap());
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "bytes up and down differ: {seen:?}");
}

#[test]
fn a_seeded_authority_is_the_same_every_time() {
    let (once, again, other) = (scene(1), scene(1), scene(2));
    assert_eq!(once.authority.certificate_pem(), again.authority.certificate_pem());
    assert_eq!(once.first.pin(), again.first.pin());
    assert_ne!(once.authority.certificate_pem(), other.authority.certificate_pem());
    assert_ne!(once.first.pin(), once.backup.pin());
}

#[track_caller]
fn refused(outcome: Result<(usize, usize), String>, why: &str) {
    let said = outcome.expect_err("it must be refused");
    assert!(said.contains(why), "{said}");
}

#[test]
fn another_authority_is_refused() {
    let (scene, foreign) = (scene(1), scene(2));
    refused(scene.meet(foreign.certified(&scene.first, SERVER)), "no authority that this device trusts");
}

#[test]
fn another_key_is_refused_even_when_a_trusted_authority_vouches_for_it() {
    let (scene, foreign) = (scene(1), scene(2));
    refused(scene.meet(scene.certified(&foreign.first, SERVER)), "none of those that this app knows");
}

#[test]
fn another_name_is_refused() {
    let scene = scene(1);
    refused(scene.meet(scene.certified(&scene.first, "other.example")), "another server's");
}

#[test]
fn a_certificate_is_judged_by_the_clock_of_who_judges() {
    let scene = scene(1);
    let server = Arc::new(scene.certified(&scene.first, SERVER));
    let server = server_settings(server, Versions::Only13, &scene.clock).unwrap();
    let shifted = |days: i64| {
        let clock = WallClock::new(Clock::simulated(), days * 24 * 3600 * 1000);
        scene.meet_at(&clock, Versions::Only13, &server)
    };
    assert!(shifted(0).is_ok());
    refused(shifted(2), "it has expired");
    refused(shifted(-2), "it is not valid yet");
}

#[test]
fn nothing_older_than_tls_13_is_spoken_by_either_side() {
    let scene = scene(1);
    let certified = || Arc::new(scene.certified(&scene.first, SERVER));
    let old = server_settings(certified(), Versions::Only12, &scene.clock).unwrap();
    refused(scene.meet_at(&scene.clock, Versions::Only13, &old), "does not speak TLS 1.3");
    let ours = server_settings(certified(), Versions::Only13, &scene.clock).unwrap();
    refused(scene.meet_at(&scene.clock, Versions::Only12, &ours), "does not speak TLS 1.3");
    // Both would get on if only they were allowed to.
    assert!(scene.meet_at(&scene.clock, Versions::Only12, &old).is_ok());
}

#[test]
fn an_authority_is_kept_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("authority");
    let now = Timestamp::from_second(1_750_000_000).unwrap();
    let made = Authority::kept_in(&folder, now).unwrap();
    let read = Authority::kept_in(&folder, now).unwrap();
    assert_eq!(made.certificate_pem(), read.certificate_pem());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.join("authority-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Whoever trusts the one that was made gets on with what the one that was read issues.
    let scene = scene(1);
    let key = Key::random().unwrap();
    let trust = Trust { authorities: vec![made.certificate_pem()], pins: vec![key.pin()], server: SERVER.into() };
    let certified = read.issue(&key, &[SERVER], Validity::from_now(scene.now(), DAY)).unwrap();
    assert!(Scene { trust, ..scene }.meet(certified).is_ok());
}

#[test]
fn a_folder_with_something_else_in_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let now = Timestamp::from_second(1_750_000_000).unwrap();
    let (one, other) = (Authority::random(now).unwrap(), Authority::random(now).unwrap());
    std::fs::write(folder.path().join("authority.pem"), one.certificate_pem()).unwrap();
    let missing = Authority::kept_in(folder.path(), now).unwrap_err().to_string();
    assert!(missing.contains("authority-key.pem"), "{missing}");
    std::fs::write(folder.path().join("authority-key.pem"), other.key_pem()).unwrap();
    let mixed = Authority::kept_in(folder.path(), now).unwrap_err().to_string();
    assert!(mixed.contains("does not belong"), "{mixed}");
    let mut random = Seed(1).stream("tls");
    let foreign = Authority::seeded("somebody else", &mut random, now).unwrap();
    let named = Authority::from_pem(&foreign.certificate_pem(), &foreign.key_pem()).unwrap_err().to_string();
    assert!(named.contains("not one of"), "{named}");
    for garbage in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "\u{0}"] {
        assert!(Authority::from_pem(garbage, &one.key_pem()).is_err());
        assert!(Authority::from_pem(&one.certificate_pem(), garbage).is_err());
    }
}

#[test]
fn a_certificate_is_made_for_whatever_name_is_asked_for() {
    let scene = scene(1);
    let trust = Trust { server: "phones.example".into(), ..scene.trust.clone() };
    let on_demand = OnDemand::new(scene.authority, scene.first, scene.clock.clone(), vec!["127.0.0.1".to_owned()]);
    assert!(on_demand.for_name("127.0.0.1").is_ok());
    assert!(on_demand.for_name("not a name").is_err());
    let server = server_settings(Arc::new(on_demand), Versions::Both, &scene.clock).unwrap();
    let scene = super::tests::scene(1);
    let scene = Scene { trust, ..scene };
    assert!(scene.meet_at(&scene.clock, Versions::Only13, &server).is_ok());
    assert!(scene.meet_at(&scene.clock, Versions::Only12, &server).is_ok());
}

#[test]
fn a_pin_is_read_as_it_is_written() {
    let pin = scene(1).first.pin();
    assert_eq!(pin.to_string().parse(), Ok(pin));
    for wrong in ["", "sha256/", "sha256/AAAA", "sha1/AAAA", "AAAA"] {
        assert!(wrong.parse::<Pin>().unwrap_err().to_string().contains("is no pin"), "{wrong}");
    }
}

#[test]
fn nobody_can_be_trusted_without_an_authority() {
    let scene = scene(1);
    for authorities in [vec![], vec!["nonsense".to_owned()]] {
        let trust = Trust { authorities, ..scene.trust.clone() };
        assert!(client_settings(&trust, Versions::Only13, &scene.clock).is_err());
    }
}

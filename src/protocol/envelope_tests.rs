//! Envelopes: RFC 9180's own test vector, and what must not open.

use std::convert::Infallible;

use hpke::aead::AesGcm128;
use hpke::rand_core::{TryCryptoRng, TryRng};
use serde_json::json;

use super::*;
use crate::base::{Seed, unhex};

fn bytes(digits: &str) -> Vec<u8> {
    unhex(digits).unwrap()
}

/// Gives the bytes that a test vector drew.
struct Drawn(Vec<u8>);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("keys are drawn by bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("keys are drawn by bytes")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

/// RFC 9180, A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, mode base, the first encryption. The RFC has
/// none with AES-256-GCM over X25519; the AEAD is the one part in which the suites differ.
#[test]
fn the_rfcs_own_example_is_sealed_and_opened() {
    let (secret, public) =
        X25519HkdfSha256::derive_keypair(&bytes("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037"));
    assert_eq!(public.to_bytes().to_vec(), bytes("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"));
    let (info, aad) = (bytes("4f6465206f6e2061204772656369616e2055726e"), bytes("436f756e742d30"));
    let plain = bytes("4265617574792069732074727574682c20747275746820626561757479");
    let mut drawn = Drawn(bytes("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234"));
    let sealed = wrap::<AesGcm128>(&plain, &public, (&info, &aad), &mut drawn).unwrap();
    let (encapsulated, ciphertext) = sealed.split_at(ENCAPSULATED);
    assert_eq!(encapsulated, bytes("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
    let expected = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a";
    assert_eq!(ciphertext, bytes(expected));
    assert_eq!(unwrap::<AesGcm128>(&sealed, &secret, (&info, &aad)), Some(plain));
}

const NOTES: Slot<'_> = Slot { id: "WO-1", field: "completionNotes" };

fn keys() -> [OpeningKey; 3] {
    let mut random = Seed(1).stream("keys");
    [(); 3].map(|()| OpeningKey::draw(&mut random))
}

fn sealed(value: &Value, to: &[&OpeningKey]) -> String {
    let to: Vec<SealingKey> = to.iter().map(|key| key.public()).collect();
    seal(value, NOTES, &to, &mut Seed(2).stream("envelopes")).unwrap()
}

fn envelope(text: &str) -> Envelope {
    Envelope::of(&json!(text)).unwrap()
}

#[test]
fn each_recipient_reads_it_and_nobody_else_does() {
    let [maria, jan, thief] = keys();
    for value in [json!("seal of the gearbox leaks"), json!({"pressure": 4.5, "by": null}), json!("")] {
        let found = envelope(&sealed(&value, &[&maria, &jan]));
        assert_eq!(found.open(NOTES.field, &maria), Some(value.clone()));
        assert_eq!(found.open(NOTES.field, &jan), Some(value));
        assert_eq!(found.open(NOTES.field, &thief), None);
        assert_eq!(found.recipients().collect::<Vec<_>>(), [maria.public().id(), jan.public().id()]);
    }
}

#[test]
fn the_text_is_nowhere_in_it_and_draws_alone_decide_its_bytes() {
    let [maria, ..] = keys();
    let text = sealed(&json!("seal of the gearbox leaks"), &[&maria]);
    assert_eq!(text, sealed(&json!("seal of the gearbox leaks"), &[&maria]));
    let raw = text.split('.').flat_map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).collect::<Vec<u8>>();
    assert!(!raw.windows(7).any(|part| part == b"gearbox"));
}

#[test]
fn moved_to_another_order_or_field_it_does_not_open() {
    let [maria, ..] = keys();
    let text = sealed(&json!("seal of the gearbox leaks"), &[&maria]);
    assert_eq!(envelope(&text).open("rootCause", &maria), None);
    let moved = text.replacen(&URL_SAFE_NO_PAD.encode("WO-1"), &URL_SAFE_NO_PAD.encode("WO-2"), 1);
    assert_ne!(moved, text);
    assert_eq!(envelope(&moved).about(), "WO-2");
    assert_eq!(envelope(&moved).open(NOTES.field, &maria), None);
}

#[test]
fn whatever_is_changed_in_it_it_does_not_open_any_more() {
    let [maria, ..] = keys();
    let found = envelope(&sealed(&json!("seal of the gearbox leaks"), &[&maria]));
    for at in 0..found.boxed.len() {
        let mut other = found.clone();
        other.boxed[at] ^= 1;
        assert_eq!(other.open(NOTES.field, &maria), None, "byte {at} of the box");
    }
    for at in 0..SLOT {
        let mut other = found.clone();
        other.slots[0][at] ^= 1;
        assert_eq!(other.open(NOTES.field, &maria), None, "byte {at} of the key");
    }
}

#[test]
fn what_is_no_envelope_is_none() {
    let [maria, ..] = keys();
    let text = sealed(&json!("x"), &[&maria]);
    let (head, slots) = text.rsplit_once('.').unwrap();
    let cut = &text[..text.len() - 2];
    let wrong = ["sealed-1", "sealed-1...", "sealed", "", &format!("{head}."), cut, &format!("{text}.AA"), slots];
    for wrong in wrong {
        assert_eq!(Envelope::of(&json!(wrong)), None, "{wrong}");
    }
    assert_eq!(Envelope::of(&json!(["sealed-1"])), None);
    assert_eq!(Envelope::of(&json!(text.replacen("sealed-1", "sealed-2", 1))), None);
}

#[test]
fn a_key_survives_its_bytes() {
    let [maria, ..] = keys();
    let again = OpeningKey::from_bytes(&maria.to_bytes()).unwrap();
    assert_eq!(again.public(), maria.public());
    assert_eq!(SealingKey::parse(&maria.public().text()), Some(maria.public()));
    assert_eq!(SealingKey::parse("AAAA"), None);
    assert!(OpeningKey::from_bytes(&[1; 31]).is_none());
}

#[test]
fn an_envelope_is_as_long_as_is_said() {
    let random = &mut Seed(1).stream("length");
    for keys in 1..4 {
        for text in ["", "a", "ab", "abc", "Behind the door"] {
            let (value, slot) = (json!(text), Slot { id: "WO-000001", field: "rootCause" });
            let readers: Vec<SealingKey> = (0..keys).map(|_| OpeningKey::draw(random).public()).collect();
            let envelope = seal(&value, slot, &readers, random).unwrap();
            assert_eq!(
                envelope.len(),
                sealed_length(value.to_string().len(), slot.id.len(), keys),
                "{text} for {keys}"
            );
        }
    }
}

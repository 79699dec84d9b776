//! Sealed fields (spec 8.3, optional; addition): a value that is encrypted to the keys of devices, so that the server
//! stores and relays what it cannot read.
//!
//! ```text
//! sealed-1.<about>.<box>.<key><key>...      each part in base64url (RFC 4648, section 5) without padding
//! about   the id under which the record was called when the value was sealed
//! box     the value as JSON, by AES-256-GCM under a key of its own, which seals nothing else
//! key     id of a device's key (8 bytes), then that key sealed to it: HPKE (RFC 9180), mode base, with
//!         DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM: encapsulated key (32), ciphertext and tag (48)
//! ```
//!
//! Record and field are bound into both layers as associated data: moved to another one, an envelope does not open.

use aes_gcm::aead::{Aead as _, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hpke::aead::{Aead, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::CryptoRng;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base::Stream;

/// What begins every envelope; the digit is the version of what follows.
const HEAD: &str = "sealed-1";
/// What both layers are for: nothing else that was ever sealed by these keys can stand for it.
const PURPOSE: &str = "deadzone sealed field 1";
/// Bytes of a key's id.
const KEY_ID: usize = 8;
/// Bytes of an encapsulated key.
const ENCAPSULATED: usize = 32;
/// Bytes of a content key.
const CONTENT_KEY: usize = 32;
/// Bytes that tell whether what is sealed was touched.
const TAG: usize = 16;
/// Bytes of a content key sealed to a device.
const WRAPPED: usize = CONTENT_KEY + TAG;
/// Bytes of all that is said to one device.
const SLOT: usize = KEY_ID + ENCAPSULATED + WRAPPED;

/// Fields of a work order that can be sealed: what people write for people. The server plans, assigns and books by the rest.
pub const SEALABLE: &[&str] = &["description", "completionNotes", "rootCause", "customFields"];

/// The private half of a key to which values are sealed.
#[derive(Clone)]
pub struct OpeningKey(<X25519HkdfSha256 as Kem>::PrivateKey);

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpeningKey").field(&self.public().id()).finish()
    }
}

impl OpeningKey {
    /// A new one, drawn from `random`.
    pub fn draw(random: &mut Stream) -> Self {
        Self(X25519HkdfSha256::derive_keypair(&random.bytes::<32>()).0)
    }

    /// The key whose bytes these are; `None` when they are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Deserializable::from_bytes(bytes).ok().map(Self)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> SealingKey {
        SealingKey(X25519HkdfSha256::sk_to_pk(&self.0))
    }
}

/// The public half of a key to which values are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealingKey(<X25519HkdfSha256 as Kem>::PublicKey);

impl SealingKey {
    /// The key that `text` is; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Deserializable::from_bytes(&URL_SAFE_NO_PAD.decode(text).ok()?).ok().map(Self)
    }

    /// Its bytes in base64url, as they travel.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_bytes())
    }

    /// What an envelope calls it by: the first bytes of its SHA-256, in base64url.
    #[must_use]
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.id_bytes())
    }

    fn id_bytes(&self) -> [u8; KEY_ID] {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&Sha256::digest(self.0.to_bytes())[..KEY_ID]);
        id
    }
}

/// Where a value belongs.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    /// The record's id.
    pub id: &'a str,
    /// The field.
    pub field: &'a str,
}

impl Slot<'_> {
    /// Bound into what is sealed: no id or field holds a line's end.
    fn bound(self) -> Vec<u8> {
        format!("{PURPOSE}\nwork-order\n{}\n{}", self.id, self.field).into_bytes()
    }
}

/// `value`, for whoever holds the other half of one of `keys`; `None` when a key among them is none that can be sealed to.
/// The same draws from `random` give the same envelope.
pub fn seal(value: &Value, slot: Slot<'_>, keys: &[SealingKey], random: &mut Stream) -> Option<String> {
    let content_key = random.bytes::<CONTENT_KEY>();
    let aad = slot.bound();
    let plain = value.to_string();
    let payload = Payload { msg: plain.as_bytes(), aad: &aad };
    let boxed = Aes256Gcm::new(&content_key.into()).encrypt(&once(), payload).ok()?;
    let mut slots = Vec::with_capacity(keys.len() * SLOT);
    for key in keys {
        slots.extend(key.id_bytes());
        slots.extend(wrap::<AesGcm256>(&content_key, &key.0, (PURPOSE.as_bytes(), &aad), random.crypto())?);
    }
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    Some(format!("{HEAD}.{}.{}.{}", part(slot.id.as_bytes()), part(&boxed), part(&slots)))
}

/// How long an envelope is, in bytes, of a value of `value` bytes as JSON in a record whose id has `id`, for so many `keys`.
#[must_use]
pub fn sealed_length(value: usize, id: usize, keys: usize) -> usize {
    let base64 = |bytes: usize| (4 * bytes).div_ceil(3);
    HEAD.len() + 3 + base64(id) + base64(value + TAG) + base64(keys * SLOT)
}

/// A key is used for one value, and needs no nonce but one.
fn once() -> Nonce<aes_gcm::aead::consts::U12> {
    Nonce::from([0; 12])
}

/// `SealBase` of RFC 9180, 6.1: the encapsulated key, then the ciphertext.
fn wrap<A: Aead>(
    plain: &[u8],
    to: &<X25519HkdfSha256 as Kem>::PublicKey,
    (info, aad): (&[u8], &[u8]),
    random: &mut impl CryptoRng,
) -> Option<Vec<u8>> {
    let sealed =
        single_shot_seal_with_rng::<A, HkdfSha256, X25519HkdfSha256>(&OpModeS::Base, to, info, plain, aad, random);
    let (encapsulated, ciphertext) = sealed.ok()?;
    Some([encapsulated.to_bytes().as_slice(), &ciphertext].concat())
}

/// `OpenBase` of RFC 9180, 6.1, of what [`wrap`] gives.
fn unwrap<A: Aead>(
    wrapped: &[u8],
    by: &<X25519HkdfSha256 as Kem>::PrivateKey,
    (info, aad): (&[u8], &[u8]),
) -> Option<Vec<u8>> {
    let (encapsulated, ciphertext) = wrapped.split_at_checked(ENCAPSULATED)?;
    let encapsulated = Deserializable::from_bytes(encapsulated).ok()?;
    single_shot_open::<A, HkdfSha256, X25519HkdfSha256>(&OpModeR::Base, by, &encapsulated, info, ciphertext, aad).ok()
}

/// A sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    about: String,
    boxed: Vec<u8>,
    slots: Vec<[u8; SLOT]>,
}

impl Envelope {
    /// The envelope that `value` is; `None` for what has not the form of one.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let rest = value.as_str()?.strip_prefix(HEAD)?.strip_prefix('.')?;
        let mut parts = rest.split('.').map(|part| URL_SAFE_NO_PAD.decode(part));
        let (about, boxed, slots) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
        let (slots, rest) = slots.as_chunks::<SLOT>();
        if parts.next().is_some() || !rest.is_empty() || slots.is_empty() {
            return None;
        }
        Some(Self { about: String::from_utf8(about).ok()?, boxed, slots: slots.to_vec() })
    }

    /// What its record was called when it was sealed: where that was a temporary id, whoever opens it must know what became
    /// of it.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The ids of the keys to which it is sealed.
    pub fn recipients(&self) -> impl Iterator<Item = String> {
        self.slots.iter().map(|slot| URL_SAFE_NO_PAD.encode(&slot[..KEY_ID]))
    }

    /// What is in it, if it is sealed to `key` and belongs to `field` of the record that it names, and nobody has touched it.
    #[must_use]
    pub fn open(&self, field: &str, key: &OpeningKey) -> Option<Value> {
        let id = key.public().id_bytes();
        let aad = Slot { id: &self.about, field }.bound();
        let mut own = self.slots.iter().filter(|slot| slot[..KEY_ID] == id);
        let content_key =
            own.find_map(|slot| unwrap::<AesGcm256>(&slot[KEY_ID..], &key.0, (PURPOSE.as_bytes(), &aad)))?;
        let payload = Payload { msg: &self.boxed, aad: &aad };
        let plain = Aes256Gcm::new_from_slice(&content_key).ok()?.decrypt(&once(), payload).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;

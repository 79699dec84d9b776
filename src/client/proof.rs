//! Proofs that a request comes from this device (DPoP, RFC 9449): a key pair that never leaves the keychain signs what is
//! asked, where and when. A token that the server has bound to the key is good for nothing without it.
//!
//! The algorithm is Ed25519 (`EdDSA`, RFC 8037): its signatures are the same every time, and cost a fifth of P-256's.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;

use super::keychain::{DEVICE_KEY, Keychain, KeychainError};
use crate::base::{Stream, hex, unhex};
use crate::protocol::ORIGIN;

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    jwk: Jwk<'a>,
}

#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    crv: &'static str,
    x: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    htm: &'static str,
    htu: String,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

/// The device's key pair.
#[derive(Debug)]
pub struct DeviceKey {
    pair: Ed25519KeyPair,
    /// Unique among the starts of the device; with a number behind it, among its proofs.
    start: String,
    made: Cell<u64>,
}

impl DeviceKey {
    /// The key pair in the keychain; a new one if there is none.
    ///
    /// # Errors
    /// When the keychain cannot be used.
    pub fn of(keychain: &dyn Keychain, random: &mut Stream) -> Result<Self, KeychainError> {
        let known = keychain.get(DEVICE_KEY)?.and_then(|text| unhex(&text));
        let seed = known.map_or_else(
            || {
                let fresh = random.bytes::<32>().to_vec();
                keychain.set(DEVICE_KEY, &hex(&fresh)).map(|()| fresh)
            },
            Ok,
        )?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed);
        let pair = pair.map_err(|_| KeychainError::Failed("the device's key in it is damaged".into()))?;
        Ok(Self { pair, start: hex(&random.bytes::<8>()), made: Cell::new(0) })
    }

    /// The proof for a POST to `path` at `unix_s`, with the server's `nonce` where it asked for one.
    #[must_use]
    pub fn prove(&self, path: &str, unix_s: i64, nonce: Option<&str>) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        let header = Header { typ: "dpop+jwt", alg: "EdDSA", jwk: Jwk { kty: "OKP", crv: "Ed25519", x: &x } };
        let number = self.made.replace(self.made.get() + 1);
        let jti = format!("{}-{number}", self.start);
        let claims = Claims { jti, htm: "POST", htu: format!("{ORIGIN}{path}"), iat: unix_s, nonce };
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn part(value: &impl Serialize) -> String {
    // Text and numbers can always be written.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

//! Checks proofs of possession (DPoP, RFC 9449): who asks holds the private key to which a session is bound.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::refusal::Refusal;
use crate::protocol::ORIGIN;

/// The longest proof that is looked at, in bytes; ours have some 400.
const LONGEST: usize = 2048;
/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 128;
/// A proof is fresh for so long before and after it says it was made, in seconds: clocks differ.
const FRESH_S: u64 = 5 * 60;
/// A used proof is remembered for so long, in seconds: longer than it could count.
const USED_S: i64 = 20 * 60;
/// A nonce counts in the stretch of so many seconds in which it was given and in the next.
const NONCE_S: i64 = 5 * 60;

#[derive(Deserialize)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    /// A private part (`d`) is no business of ours: it is refused as an unknown field.
    x: String,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: i64,
    nonce: Option<String>,
}

/// What the server remembers of proofs.
#[derive(Debug)]
pub(super) struct Proofs {
    /// Nonces are made of it, so that none need be stored.
    secret: [u8; 32],
    /// Proofs that were used, by key and id, with the second from which on they are stale anyway.
    used: BTreeMap<(String, String), i64>,
}

impl Proofs {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, used: BTreeMap::new() }
    }

    /// Checks the proof in the headers `found` for a POST to `path`; returns the thumbprint of its key (RFC 7638), or
    /// nothing where there is no proof.
    pub(super) fn check(&mut self, found: &[Vec<u8>], path: &str, now_ms: i64) -> Result<Option<String>, Refusal> {
        let proof = match found {
            [] => return Ok(None),
            [proof] => proof,
            _ => return Err(invalid("there is more than one")),
        };
        let now = now_ms.div_euclid(1000);
        let (thumbprint, claims) = read(proof)?;
        if claims.htm != "POST" || claims.htu != format!("{ORIGIN}{path}") {
            return Err(invalid("it was made for another request"));
        }
        if claims.jti.is_empty() || claims.jti.len() > LONGEST_ID {
            return Err(invalid("its `jti` is empty or too long"));
        }
        match claims.nonce {
            Some(nonce) if [now, now - NONCE_S].iter().any(|at| self.nonce(*at) == nonce) => {}
            None if now.abs_diff(claims.iat) <= FRESH_S => {}
            // A device's clock may be anywhere: it is told what to put in instead.
            Some(_) | None => return Err(self.again("it is not fresh", now)),
        }
        self.used.retain(|_, until| *until >= now);
        // By then neither its time nor its nonce counts any more.
        let until = now.saturating_add(USED_S);
        if self.used.insert((thumbprint.clone(), claims.jti), until).is_some() {
            return Err(self.again("it was used before", now));
        }
        Ok(Some(thumbprint))
    }

    /// What another proof could mend.
    fn again(&self, why: &str, now: i64) -> Refusal {
        Refusal::use_nonce(format!("the DPoP proof does not count: {why}"), &self.nonce(now))
    }

    fn nonce(&self, at: i64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.secret);
        hash.update(at.div_euclid(NONCE_S).to_be_bytes());
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..12])
    }
}

/// The proof's key and claims, if its signature is that key's.
fn read(proof: &[u8]) -> Result<(String, Claims), Refusal> {
    if proof.len() > LONGEST {
        return Err(invalid("it is too long"));
    }
    let text = std::str::from_utf8(proof).map_err(|_| invalid("it is no JWT"))?;
    let (signed, signature) = text.rsplit_once('.').ok_or_else(|| invalid("it is no JWT"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| invalid("it is no JWT"))?;
    let Header { typ, alg, jwk } = json(header)?;
    if typ != "dpop+jwt" || alg != "EdDSA" || jwk.kty != "OKP" || jwk.crv != "Ed25519" {
        return Err(invalid("it must be a `dpop+jwt` signed by EdDSA with a key of Ed25519"));
    }
    let key = bytes(&jwk.x)?;
    let genuine = UnparsedPublicKey::new(&ED25519, &key).verify(signed.as_bytes(), &bytes(signature)?);
    genuine.map_err(|_| invalid("its signature is not its key's"))?;
    // What was signed is read, and only after that.
    let claims = json(claims)?;
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, jwk.x);
    Ok((URL_SAFE_NO_PAD.encode(Sha256::digest(canonical)), claims))
}

fn bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid("a part of it is not base64url"))
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, Refusal> {
    serde_json::from_slice(&bytes(part)?).map_err(|error| invalid(&format!("a part of it is not as expected: {error}")))
}

fn invalid(why: &str) -> Refusal {
    Refusal::unauthenticated(format!("the DPoP proof does not count: {why}"))
}

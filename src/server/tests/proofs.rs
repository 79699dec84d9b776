//! Proofs of possession (RFC 9449): good ones bind, all others are 401 problem documents.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::protocol::{DPOP, DPOP_NONCE, ORIGIN};

/// Somebody who makes proofs, good and bad.
struct Prover(Ed25519KeyPair);

impl Prover {
    fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn header(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x } })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes())))
    }

    fn prove(&self, world: &World, path: &str, jti: &str) -> String {
        self.sign(&self.header(), &claims(world, path, jti))
    }
}

fn claims(world: &World, path: &str, jti: &str) -> Value {
    json!({ "jti": jti, "htm": "POST", "htu": format!("{ORIGIN}{path}"), "iat": world.clock.now().as_second() })
}

impl World {
    async fn proven(&self, path: &str, proofs: &[&str], body: &Value) -> Reply {
        let mut request = Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
        for proof in proofs {
            request = request.header(DPOP, *proof);
        }
        send(&self.server, request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn sign_in_with(&self, proofs: &[&str]) -> Reply {
        let body = json!({ "userId": "maria", "password": "maria's", "deviceId": "phone" });
        self.proven(path::SIGN_IN, proofs, &body).await
    }

    async fn refresh_with(&self, token: &str, proofs: &[&str]) -> Reply {
        self.proven(path::REFRESH, proofs, &json!({ "refreshToken": token })).await
    }
}

#[track_caller]
fn refused(reply: &Reply) {
    assert_eq!((reply.status, reply.problem().code), (StatusCode::UNAUTHORIZED, ErrorCode::AuthError));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_refreshed_by_its_key_alone() {
    let (world, own, thief) = (World::new(), Prover::new(1), Prover::new(2));
    let tokens: Tokens = world.sign_in_with(&[&own.prove(&world, path::SIGN_IN, "1")]).await.ok();
    refused(&world.refresh_with(&tokens.refresh_token, &[]).await);
    refused(&world.refresh_with(&tokens.refresh_token, &[&thief.prove(&world, path::REFRESH, "2")]).await);
    let next: Tokens = world.refresh_with(&tokens.refresh_token, &[&own.prove(&world, path::REFRESH, "3")]).await.ok();
    assert_ne!(next.refresh_token, tokens.refresh_token);
    refused(&world.refresh_with(&next.refresh_token, &[]).await);
}

#[tokio::test(start_paused = true)]
async fn a_proof_counts_once_and_is_asked_for_anew() {
    let (world, own) = (World::new(), Prover::new(1));
    let proof = own.prove(&world, path::SIGN_IN, "1");
    assert_eq!(world.sign_in_with(&[&proof]).await.status, StatusCode::OK);
    let again = world.sign_in_with(&[&proof]).await;
    refused(&again);
    assert!(again.headers.contains_key(DPOP_NONCE));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_anywhere_needs_the_servers_nonce() {
    let (world, own) = (World::new(), Prover::new(1));
    let mut stale = claims(&world, path::SIGN_IN, "1");
    stale["iat"] = json!(4_070_908_800_i64);
    let reply = world.sign_in_with(&[&own.sign(&own.header(), &stale)]).await;
    refused(&reply);
    stale["nonce"] = json!(reply.headers[DPOP_NONCE].to_str().unwrap());
    let proof = own.sign(&own.header(), &stale);
    pass(5 * MINUTE).await;
    assert_eq!(world.sign_in_with(&[&proof]).await.status, StatusCode::OK);
    stale["jti"] = json!("2");
    pass(10 * MINUTE).await;
    refused(&world.sign_in_with(&[&own.sign(&own.header(), &stale)]).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_proof_signs_nobody_in() {
    let (world, own) = (World::new(), Prover::new(1));
    let good = claims(&world, path::SIGN_IN, "1");
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        own.sign(&own.header(), &claims)
    };
    let headed = |key: &str, value: Value| {
        let mut header = own.header();
        header[key] = value;
        own.sign(&header, &good)
    };
    let plain = own.sign(&own.header(), &good);
    let (signed, signature) = plain.rsplit_once('.').unwrap();
    let mut leaked = own.header();
    leaked["jwk"]["d"] = json!("AAAA");
    let wrong = [
        String::new(),
        "..".into(),
        "not a token".into(),
        "{}.{}.{}".into(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.{}", signature.to_lowercase()),
        format!("{signed}.{signature}="),
        headed("alg", json!("none")),
        headed("alg", json!("ES256")),
        headed("alg", json!("HS256")),
        headed("typ", json!("JWT")),
        headed("jwk", Prover::new(2).header()["jwk"].clone()),
        headed("jwk", json!({ "kty": "OKP", "crv": "Ed25519", "x": "" })),
        headed("jwk", json!(null)),
        own.sign(&leaked, &good),
        with("htm", json!("GET")),
        with("htu", json!(format!("{ORIGIN}{}", path::REFRESH))),
        with("htu", json!(path::SIGN_IN)),
        with("iat", json!(good["iat"].as_i64().unwrap() - 301)),
        with("iat", json!(i64::MIN)),
        with("iat", json!("now")),
        with("nonce", json!("guessed")),
        with("jti", json!("")),
        with("jti", json!("x".repeat(129))),
        with("jti", json!(7)),
        with("more", json!("x".repeat(4096))),
        own.sign(&own.header(), &json!([])),
    ];
    for proof in wrong {
        refused(&world.sign_in_with(&[&proof]).await);
    }
    refused(&world.sign_in_with(&[&plain, &plain]).await);
    assert_eq!(world.sign_in_with(&[&plain]).await.status, StatusCode::OK);
}

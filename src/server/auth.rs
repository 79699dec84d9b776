//! Who calls: sign-in, opaque tokens, rotation of refresh tokens (decision m).

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::password::Verifier;
use super::refusal::Refusal;
use super::role::Role;
use super::settings::{ACCESS_TOKEN_LIFE, REFRESH_GRACE, REFRESH_TOKEN_LIFE, millis};
use super::store::{Store, Writer};
use crate::base::Stream;
use crate::protocol::{NewPasswordRequest, Profile, Revoked, SignInRequest, Tokens, path};

/// A user on a device, proven by a token.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) profile: Arc<Profile>,
    pub(super) device: String,
}

impl Caller {
    /// The user's id.
    pub(super) fn user(&self) -> &str {
        &self.profile.user_id
    }

    /// Them, as the author of a commit.
    pub(super) fn writer(&self) -> Writer<'_> {
        Writer { device: &self.device, user: self.user(), role: &self.profile.role }
    }
}

/// Opens a session for a user on a device, bound to the key of the proof among `proofs`, if there is one.
pub(super) fn sign_in(
    store: &mut Store,
    now_ms: i64,
    request: &SignInRequest,
    proofs: &[Vec<u8>],
) -> Result<Tokens, Refusal> {
    if request.device_id.is_empty() {
        return Err(Refusal::malformed("deviceId is empty"));
    }
    // First, so that a proof that must be made anew uses up no code.
    let key = store.proofs.check(proofs, path::SIGN_IN, now_ms)?;
    let account = store.users.account_mut(&request.user_id);
    let Some(account) = account.filter(|account| account.password.accepts(&request.password)) else {
        return Err(Refusal::unauthenticated("user and password do not match"));
    };
    // The second factor comes second: whoever has no password learns nothing of it, and cannot lock anybody out.
    account.factors.check(request.code.as_deref(), now_ms)?;
    let tx = store.connection.transaction()?;
    tx.prepare_cached("INSERT INTO sessions (user, device, key) VALUES (?1, ?2, ?3)")?.execute(params![
        request.user_id,
        request.device_id,
        key
    ])?;
    let session = tx.last_insert_rowid();
    let tokens = issue(&tx, &mut store.random, session, now_ms)?;
    tx.commit()?;
    Ok(tokens)
}

/// Exchanges a refresh token for new tokens. A token that was exchanged already gives the same successor as long as
/// nobody has used that one, since the answer may have been lost, and the dead zone that took it may last for hours.
/// After that, whoever sends it may be a thief, and the whole session ends. Whoever cannot prove to hold the session's key
/// is one for sure, gets nothing, and ends nothing.
pub(super) fn refresh(store: &mut Store, now_ms: i64, token: &str, proofs: &[Vec<u8>]) -> Result<Tokens, Refusal> {
    let key = store.proofs.check(proofs, path::REFRESH, now_ms)?;
    let tx = store.connection.transaction()?;
    let held = held(&tx, token)?.ok_or_else(|| Refusal::unauthenticated("the refresh token is unknown"))?;
    if held.key.is_some() && held.key != key {
        return Err(Refusal::unauthenticated("the refresh token is bound to a key, and no proof by it came along"));
    }
    if held.revoked {
        return Err(Refusal::unauthenticated("the session was revoked"));
    }
    let expired = || Refusal::unauthenticated("the refresh token has expired");
    let Some((successor, rotated_ms)) = held.rotated else {
        if held.expires_ms <= now_ms {
            return Err(expired());
        }
        let tokens = issue(&tx, &mut store.random, held.session, now_ms)?;
        tx.prepare_cached("UPDATE refresh_tokens SET successor = ?2, rotated_ms = ?3 WHERE token = ?1")?
            .execute(params![token, tokens.refresh_token, now_ms])?;
        tx.commit()?;
        return Ok(tokens);
    };
    if let Some(unused) = unused(&tx, &successor, now_ms <= rotated_ms + millis(REFRESH_GRACE))? {
        if unused.expires_ms <= now_ms {
            return Err(expired());
        }
        let tokens = same_again(&tx, &mut store.random, (held.session, successor), unused, now_ms)?;
        tx.commit()?;
        return Ok(tokens);
    }
    tx.prepare_cached("UPDATE sessions SET revoked = 1 WHERE session = ?1")?.execute([held.session])?;
    tx.commit()?;
    Err(Refusal::unauthenticated("the refresh token was used before; the session is revoked"))
}

/// Ends all sessions of `user`: a lost phone, a leaver. Supervisors alone may.
pub(super) fn revoke(store: &Store, caller: &Caller, user: &str) -> Result<Revoked, Refusal> {
    if Role::of(&caller.profile) != Role::Supervisor {
        return Err(Refusal::forbidden("only a supervisor ends the sessions of others"));
    }
    let sessions = store
        .connection
        .prepare_cached("UPDATE sessions SET revoked = 1 WHERE user = ?1 AND revoked = 0")?
        .execute([user])?;
    Ok(Revoked { sessions: sessions as u64 })
}

/// Gives `user` another password and ends all their sessions: whoever knows the old one is out. Supervisors alone may.
pub(super) fn change_password(
    store: &mut Store,
    caller: &Caller,
    request: &NewPasswordRequest,
) -> Result<Revoked, Refusal> {
    let NewPasswordRequest { user_id, password } = request;
    if Role::of(&caller.profile) != Role::Supervisor {
        return Err(Refusal::forbidden("only a supervisor changes the passwords of others"));
    }
    if password.is_empty() {
        return Err(Refusal::malformed("password is empty"));
    }
    let verifier = Verifier::of(password, &mut store.random);
    if !store.users.set_password(user_id, verifier) {
        return Err(Refusal::malformed(format!("there is no user `{user_id}`")));
    }
    revoke(store, caller, user_id)
}

/// Who holds the access token `token`.
pub(super) fn authenticate(store: &Store, now_ms: i64, token: &str) -> Result<Caller, Refusal> {
    let found = store
        .connection
        .prepare_cached(
            "SELECT s.user, s.device, s.revoked, a.expires_ms, a.used
             FROM access_tokens a JOIN sessions s ON s.session = a.session WHERE a.token = ?1",
        )?
        .query_row([token], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get(1)?,
                row.get::<_, bool>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, bool>(4)?,
            ))
        })
        .optional()?;
    let Some((user, device, revoked, expires_ms, used)) = found else {
        return Err(Refusal::unauthenticated("the access token is unknown"));
    };
    if revoked {
        return Err(Refusal::unauthenticated("the session was revoked"));
    }
    if expires_ms <= now_ms {
        return Err(Refusal::unauthenticated("the access token has expired"));
    }
    if !used {
        // Who uses it has got it, and with it the refresh token.
        store.connection.prepare_cached("UPDATE access_tokens SET used = 1 WHERE token = ?1")?.execute([token])?;
    }
    let account = store.users.account(&user).ok_or_else(|| Refusal::unauthenticated("the user is unknown"))?;
    Ok(Caller { profile: account.profile.clone(), device })
}

/// A refresh token as it is stored.
struct Held {
    session: i64,
    revoked: bool,
    /// The thumbprint of the key that it is bound to.
    key: Option<String>,
    expires_ms: i64,
    /// Its successor, and when it was exchanged for it.
    rotated: Option<(String, i64)>,
}

fn held(tx: &Transaction<'_>, token: &str) -> rusqlite::Result<Option<Held>> {
    tx.prepare_cached(
        "SELECT r.session, s.revoked, r.expires_ms, r.successor, r.rotated_ms, s.key
         FROM refresh_tokens r JOIN sessions s ON s.session = r.session WHERE r.token = ?1",
    )?
    .query_row([token], |row| {
        let rotated = row.get::<_, Option<String>>(3)?.zip(row.get(4)?);
        let (session, revoked, expires_ms, key) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(5)?);
        Ok(Held { session, revoked, key, expires_ms, rotated })
    })
    .optional()
}

/// A refresh token that was given out and never used, as far as anybody knows.
struct Unused {
    expires_ms: i64,
    access: String,
    access_expires_ms: i64,
}

/// The token `successor`, if it may never have arrived: it was not exchanged, and its access token opened nothing. For
/// as long as the grace lasts the latter does not count: two requests of one device may cross.
fn unused(db: &Connection, successor: &str, in_grace: bool) -> rusqlite::Result<Option<Unused>> {
    db.prepare_cached(
        "SELECT r.expires_ms, a.token, a.expires_ms FROM refresh_tokens r JOIN access_tokens a ON a.token = r.access
         WHERE r.token = ?1 AND r.successor IS NULL AND (?2 OR NOT a.used)",
    )?
    .query_row(params![successor, in_grace], |row| {
        Ok(Unused { expires_ms: row.get(0)?, access: row.get(1)?, access_expires_ms: row.get(2)? })
    })
    .optional()
}

/// The same refresh token again; with a fresh access token where the first has expired on the way.
fn same_again(
    db: &Connection,
    random: &mut Stream,
    (session, refresh_token): (i64, String),
    unused: Unused,
    now_ms: i64,
) -> rusqlite::Result<Tokens> {
    let Unused { access: access_token, access_expires_ms, .. } = unused;
    if access_expires_ms > now_ms {
        let expires_in = u64::try_from((access_expires_ms - now_ms) / 1000).unwrap_or(0);
        return Ok(Tokens { access_token, refresh_token, expires_in, sealed: Vec::new() });
    }
    let access_token = issue_access(db, random, session, now_ms)?;
    db.prepare_cached("UPDATE refresh_tokens SET access = ?2 WHERE token = ?1")?
        .execute([&refresh_token, &access_token])?;
    let (expires_in, sealed) = (ACCESS_TOKEN_LIFE.as_secs(), Vec::new());
    Ok(Tokens { access_token, refresh_token, expires_in, sealed })
}

fn issue_access(db: &Connection, random: &mut Stream, session: i64, now_ms: i64) -> rusqlite::Result<String> {
    let token = opaque(random);
    db.prepare_cached("INSERT INTO access_tokens (token, session, expires_ms) VALUES (?1, ?2, ?3)")?
        .execute(params![token, session, now_ms + millis(ACCESS_TOKEN_LIFE)])?;
    Ok(token)
}

fn issue(db: &Connection, random: &mut Stream, session: i64, now_ms: i64) -> rusqlite::Result<Tokens> {
    let access_token = issue_access(db, random, session, now_ms)?;
    let (expires_in, sealed) = (ACCESS_TOKEN_LIFE.as_secs(), Vec::new());
    let tokens = Tokens { access_token, refresh_token: opaque(random), expires_in, sealed };
    db.prepare_cached("INSERT INTO refresh_tokens (token, session, access, expires_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![tokens.refresh_token, session, tokens.access_token, now_ms + millis(REFRESH_TOKEN_LIFE)])?;
    Ok(tokens)
}

/// 128 bits in hexadecimal.
fn opaque(random: &mut Stream) -> String {
    format!("{:032x}", u128::from_le_bytes(random.bytes()))
}

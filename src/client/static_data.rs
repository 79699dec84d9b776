//! What seldom changes, the user's profile and the specs of assets, comes once and is kept for as long as the server says
//! (spec 6.4): a private cache after RFC 9111, in the database, for its user alone.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::answer::{Failure, Tagged};
use super::engine::{Engine, EngineError};
use super::store::responses::{self, Kept};
use super::store::{StoreError, meta};
use crate::history::{DeviceEvent, Source};
use crate::protocol::{Profile, Record, path};

/// What the user's own profile is called when it is looked up.
pub const PROFILE: &str = "profile";

impl Engine {
    /// Looks up the user's profile ([`PROFILE`]) or an asset by its id: from the cache while that is fresh, and where
    /// there is no network, however old it is.
    ///
    /// # Errors
    /// When it is not in the cache and the server cannot be reached or refuses.
    pub async fn look_up(&self, what: &str) -> Result<(), EngineError> {
        let target = if what == PROFILE { path::PROFILE.to_owned() } else { asset_target(what)? };
        let (record, from) = match get::<Record>(self, &target).await {
            Err(failure) if !failure.ours => match kept(self.store.read(), &target)? {
                Some(kept) => (kept.content()?, Source::Stale),
                None => return Err(failure.into()),
            },
            found => found?,
        };
        self.emit(DeviceEvent::LookedUp { what: what.to_owned(), record, from });
        Ok(())
    }
}

/// Whether the profile is to be asked for before a pull: the device has none, or its time is over.
pub(super) fn profile_is_due(engine: &Engine) -> Result<bool, StoreError> {
    let c = engine.store.read();
    if meta::role(c)?.is_none() {
        return Ok(true);
    }
    Ok(kept(c, path::PROFILE)?.is_some_and(|kept| !is_fresh(&kept, engine.clock.now())))
}

/// Gets the profile, and lays it into its table.
pub(super) async fn fetch_profile(engine: &Engine) -> Result<(), Failure> {
    let (profile, _) = get::<Profile>(engine, path::PROFILE).await?;
    engine.store.write(|tx| meta::set_profile(tx, &profile))?;
    Ok(())
}

/// The answer at `target`: what is kept while it is fresh; else what the server says, which may be that it is still so.
async fn get<T: DeserializeOwned + Serialize>(engine: &Engine, target: &str) -> Result<(T, Source), Failure> {
    let known = kept(engine.store.read(), target)?;
    if let Some(kept) = known.as_ref().filter(|kept| is_fresh(kept, engine.clock.now())) {
        return Ok((kept.content()?, Source::Cache));
    }
    let tag = known.as_ref().and_then(|kept| kept.tag.as_deref());
    let (answer, control) = engine.session.get_cached::<T>(target.to_owned(), tag).await?;
    let now = engine.clock.now_text();
    let (value, from, tag) = match (answer, known.as_ref()) {
        (Tagged::Same { tag }, Some(kept)) => (kept.content()?, Source::Revalidated, Some(tag)),
        (Tagged::Same { tag }, None) => return Err(Failure::network(format!("nothing is known of {tag}"))),
        (Tagged::New { value, tag }, _) => (value, Source::Network, tag),
    };
    let Control { store, fresh_for } = Control::parse(&control);
    let body = serde_json::to_string(&value).map_err(StoreError::from)?;
    engine.store.write(|tx| {
        let user = owner(tx)?;
        // Without a time and a tag it could never be used again.
        if store && (fresh_for > 0 || tag.is_some()) {
            responses::put(tx, &user, target, &Kept { tag, body, stored_at: now, fresh_for })
        } else {
            responses::remove(tx, &user, target)
        }
    })?;
    Ok((value, from))
}

fn kept(c: &Connection, target: &str) -> Result<Option<Kept>, StoreError> {
    responses::get(c, &owner(c)?, target)
}

fn owner(c: &Connection) -> Result<String, StoreError> {
    Ok(meta::get(c, meta::USER_ID)?.unwrap_or_default())
}

/// By the device's own clock. What was stored in its future is not fresh: no clock that is right can have been there.
fn is_fresh(kept: &Kept, now: Timestamp) -> bool {
    let Ok(stored_at) = kept.stored_at.parse::<Timestamp>() else { return false };
    let age = now.duration_since(stored_at);
    !age.is_negative() && age < SignedDuration::from_secs(kept.fresh_for)
}

/// What `Cache-Control` says to a private cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Control {
    /// Whether the answer may be kept at all.
    store: bool,
    /// For how long it need not be asked for again, in seconds.
    fresh_for: i64,
}

impl Control {
    fn parse(header: &str) -> Self {
        let mut control = Self { store: true, fresh_for: 0 };
        for directive in header.split(',').map(|directive| directive.trim().to_ascii_lowercase()) {
            match directive.split_once('=') {
                Some(("max-age", seconds)) => control.fresh_for = seconds.trim_matches('"').parse().unwrap_or(0).max(0),
                None if directive == "no-store" => control.store = false,
                None if directive == "no-cache" => return Self { fresh_for: 0, ..control },
                Some(_) | None => {}
            }
        }
        control
    }
}

/// An asset's own path. An id that no asset has cannot lead anywhere else.
fn asset_target(id: &str) -> Result<String, StoreError> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        Ok(format!("{}/{id}", path::ASSETS))
    } else {
        Err(StoreError::new(format!("`{id}` is the id of no asset")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_of_caching_is_obeyed() {
        for (header, store, fresh_for) in [
            ("private, max-age=600", true, 600),
            ("Max-Age=\"60\"", true, 60),
            ("", true, 0),
            ("no-store", false, 0),
            ("no-store, max-age=600", false, 600),
            ("max-age=600, no-cache", true, 0),
            ("max-age=soon", true, 0),
            ("max-age=-5", true, 0),
        ] {
            assert_eq!(Control::parse(header), Control { store, fresh_for }, "{header}");
        }
    }

    #[test]
    fn an_answer_is_fresh_for_its_time_and_never_from_the_future() {
        let kept =
            Kept { tag: None, body: String::new(), stored_at: "2025-11-08T06:00:00.000Z".into(), fresh_for: 600 };
        for (now, fresh) in [
            ("2025-11-08T06:00:00Z", true),
            ("2025-11-08T06:09:59Z", true),
            ("2025-11-08T06:10:00Z", false),
            ("2025-11-08T05:59:59Z", false),
        ] {
            assert_eq!(is_fresh(&kept, now.parse().unwrap()), fresh, "{now}");
        }
    }
}

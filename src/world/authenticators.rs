//! The users' authenticators: each device's user has one at hand, and each user one at the terminal. They agree with the
//! server's clock and not with the phone's: they are things of their own, and a phone set to 2099 still lets its user in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Seed, WallClock};
use crate::protocol::{Profile, totp};
use crate::scenario::{self, Action, Scenario};

/// Where users work with no device of their own.
pub(super) const TERMINAL: &str = "terminal";

/// The authenticator of a user at a place: a device's name, or a terminal.
type Place = (String, String);

/// All authenticators of a run.
#[derive(Debug)]
pub(super) struct Authenticators {
    seed: Seed,
    clock: WallClock,
    enrolled: Vec<Place>,
    /// The steps whose code was typed, the latest last.
    typed: RefCell<BTreeMap<Place, Vec<i64>>>,
}

impl Authenticators {
    /// Those of the `users` of a scenario, by the server's `clock`.
    pub(super) fn enrolled(scenario: &Scenario, users: &[Profile], seed: Seed, clock: WallClock) -> Self {
        Self { seed, clock, enrolled: enrolled(scenario, users), typed: RefCell::default() }
    }

    /// What the authenticators of `user` share with the server.
    pub(super) fn of(&self, user: &str) -> Vec<Vec<u8>> {
        let own = self.enrolled.iter().filter(|(owner, _)| owner == user);
        own.map(|(user, place)| self.secret(user, place).to_vec()).collect()
    }

    /// What `user` and the server share for the authenticator at `place`: 160 bits (RFC 4226, 4).
    fn secret(&self, user: &str, place: &str) -> [u8; 20] {
        self.seed.stream(&format!("authenticator/{user}/{place}")).bytes()
    }

    /// A code that was not typed yet; whoever has typed all that count waits for the next.
    pub(super) async fn code(&self, user: &str, place: &str) -> String {
        loop {
            let unix_ms = self.clock.now().as_millisecond();
            let now = totp::step(unix_ms.div_euclid(1000));
            let fresh = {
                let mut typed = self.typed.borrow_mut();
                let typed = typed.entry((user.to_owned(), place.to_owned())).or_default();
                let fresh = [now, now + 1, now - 1].into_iter().find(|step| !typed.contains(step));
                typed.extend(fresh);
                fresh
            };
            if let Some(step) = fresh {
                return totp::code(&self.secret(user, place), step);
            }
            let step_ms = totp::STEP_SECONDS * 1000;
            let rest = u64::try_from(step_ms - unix_ms.rem_euclid(step_ms)).unwrap_or(1);
            tokio::time::sleep(Duration::from_millis(rest)).await;
        }
    }

    /// The code that was typed last at `place`.
    pub(super) fn last_code(&self, user: &str, place: &str) -> Option<String> {
        let typed = self.typed.borrow();
        let step = typed.get(&(user.to_owned(), place.to_owned()))?.last()?;
        Some(totp::code(&self.secret(user, place), *step))
    }
}

/// Who has an authenticator where: everybody at the terminal, and whoever may come to a device at that device.
fn enrolled(scenario: &Scenario, users: &[Profile]) -> Vec<(String, String)> {
    let mut enrolled: Vec<(String, String)> =
        users.iter().map(|user| (user.user_id.clone(), TERMINAL.to_owned())).collect();
    let members = scenario.devices.iter().flat_map(|device| {
        device.members().into_iter().map(|name| (device.user_of(&name).to_owned(), name)).collect::<Vec<_>>()
    });
    enrolled.extend(members);
    for step in &scenario.steps {
        if let Action::SignIn(scenario::SignIn { device, user: Some(user) }) = &step.action {
            let users = scenario.user_named(user);
            enrolled.extend(scenario.devices_named(device).into_iter().filter_map(|name| Some((users.clone()?, name))));
        }
    }
    enrolled.sort();
    enrolled.dedup();
    enrolled
}

//! Who and what is there from the start: users with their passwords, and records with their owners.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::office::OFFICE;
use super::seed::{self, Records};
use super::stage::{AUDITOR, StageError};
use crate::base::Seed;
use crate::history::{Recorder, What};
use crate::protocol::{Profile, Record};
use crate::scenario::{Assign, Orders, Role, Scenario};
use crate::server::{Seeded, SeededUser};

pub(super) fn password_of(user: &str) -> String {
    format!("password of {user}")
}

/// What a server knows from the start: `users`, whose passwords are [`password_of`] them, with their authenticators, and
/// `records`; it takes the fields `sealed` sealed alone.
pub(super) fn seeded(
    users: Vec<Profile>,
    records: Records,
    sealed: Vec<String>,
    authenticators: impl Fn(&str) -> Vec<Vec<u8>>,
) -> Seeded {
    let user = |profile: Profile| SeededUser {
        password: password_of(&profile.user_id),
        authenticators: authenticators(&profile.user_id),
        profile,
    };
    Seeded {
        users: users.into_iter().map(user).collect(),
        work_orders: records.work_orders,
        assets: records.assets,
        inventory: records.inventory,
        sealed,
    }
}

pub(super) fn records(scenario: &Scenario, seed: Seed) -> Result<Records, StageError> {
    let mut records = match &scenario.world.orders {
        Orders::Generate(count) => seed::generate(u64::from(*count), seed),
        Orders::File { path, take, .. } => {
            let mut work_orders = from_file(path)?;
            work_orders.truncate(take.map_or(usize::MAX, |take| usize::try_from(take).unwrap_or(usize::MAX)));
            Records { work_orders, ..Records::default() }
        }
    };
    let owners = match &scenario.world.assign {
        Assign::AsInFile => Vec::new(),
        Assign::To(device) => scenario
            .devices
            .iter()
            .find(|d| d.has_member(device))
            .map(|d| d.user_of(device).to_owned())
            .into_iter()
            .collect(),
        Assign::InTurn => technicians(scenario),
    };
    seed::assign_in_turn(&mut records.work_orders, &owners);
    Ok(records)
}

/// The work orders in a JSON file.
pub(super) fn from_file(path: &Path) -> Result<Vec<Record>, StageError> {
    let fail = |why: String| StageError(format!("{}: {why}", path.display()));
    let text = fs::read(path).map_err(|error| fail(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))
}

/// The users of the technicians' devices, each once, in the order of the file.
fn technicians(scenario: &Scenario) -> Vec<String> {
    let mut users = Vec::new();
    for device in scenario.devices.iter().filter(|device| device.role == Role::Technician) {
        for name in device.members() {
            let user = device.user_of(&name).to_owned();
            if !users.contains(&user) {
                users.push(user);
            }
        }
    }
    users
}

pub(super) fn users(scenario: &Scenario, orders: &[Record]) -> Vec<Profile> {
    let mut users = BTreeMap::new();
    users.insert(OFFICE.to_owned(), profile(OFFICE, "supervisor", Vec::new()));
    users.insert(AUDITOR.to_owned(), profile(AUDITOR, "auditor", Vec::new()));
    for device in &scenario.devices {
        for name in device.members() {
            let user = device.user_of(&name);
            let (role, sites) = match device.role {
                Role::Technician => ("technician", seed::sites_of(user, orders)),
                Role::Supervisor => ("supervisor", device.sites.clone()),
            };
            users.insert(user.to_owned(), profile(user, role, sites));
        }
    }
    users.into_values().collect()
}

pub(super) fn profile(user: &str, role: &str, site_ids: Vec<String>) -> Profile {
    Profile {
        user_id: user.to_owned(),
        email: format!("{user}@example.com"),
        first_name: user.to_owned(),
        last_name: role.to_owned(),
        role: role.to_owned(),
        skills: Vec::new(),
        site_ids,
    }
}

pub(super) fn record_seeds(recorder: &Recorder, users: &[Profile], records: &Records) {
    for profile in users {
        recorder.record(What::UserSeeded { profile: profile.clone() });
    }
    let kinds = [("work-orders", &records.work_orders), ("assets", &records.assets), ("inventory", &records.inventory)];
    for (kind, records) in kinds {
        for record in records {
            recorder.record(What::RecordSeeded { kind: kind.to_owned(), record: record.clone() });
        }
    }
}

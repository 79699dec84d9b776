//! A server to try things on: a few people, their work orders, their passwords.

use std::path::PathBuf;

use super::cast::{from_file, password_of, profile, seeded};
use super::office::OFFICE;
use super::seed;
use super::stage::{AUDITOR, StageError};
use crate::base::{Clock, Seed, WallClock};
use crate::server::Server;

/// Where a demo's work orders come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DemoOrders {
    /// So many, drawn.
    Generate(u64),
    /// A JSON file with an array of them.
    File(PathBuf),
}

/// Who can sign in at a demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoUser {
    /// The user's id.
    pub user_id: String,
    /// `technician`, `supervisor` or `auditor`.
    pub role: String,
    /// The password.
    pub password: String,
}

const TECHNICIANS: &[&str] = &["maria", "jo"];

/// A server with two technicians (no second factor: this is for trying things by hand), who own the orders in turn, a supervisor and an auditor.
///
/// # Errors
/// When the file cannot be read, or a record in it is none.
pub fn demo(orders: &DemoOrders, seed: Seed, clock: Clock) -> Result<(Server, Vec<DemoUser>), StageError> {
    let mut records = match orders {
        DemoOrders::Generate(count) => seed::generate(*count, seed),
        DemoOrders::File(path) => seed::Records { work_orders: from_file(path)?, ..seed::Records::default() },
    };
    let technicians: Vec<String> = TECHNICIANS.iter().map(|user| (*user).to_owned()).collect();
    seed::assign_in_turn(&mut records.work_orders, &technicians);
    let mut users = vec![profile(OFFICE, "supervisor", Vec::new()), profile(AUDITOR, "auditor", Vec::new())];
    let sites = |user: &str| seed::sites_of(user, &records.work_orders);
    users.extend(technicians.iter().map(|user| profile(user, "technician", sites(user))));
    let known = users.iter().map(|user| DemoUser {
        user_id: user.user_id.clone(),
        role: user.role.clone(),
        password: password_of(&user.user_id),
    });
    let known = known.collect();
    let server = Server::new(
        WallClock::new(clock, 0),
        seed.stream("server"),
        seeded(users, records, Vec::new(), |_| Vec::new()),
    );
    Ok((server.map_err(|error| StageError(error.to_string()))?, known))
}

//! Engine, server and oracle each have a table of who wins a conflict. None may read another's; here they are compared.

use crate::check::{RULES, Rule};
use crate::client;
use crate::server;

#[test]
fn engine_server_and_oracle_agree_on_who_wins() {
    for row in RULES {
        let (in_engine, on_server) = match row.rule {
            Rule::ServerWins => (client::Strategy::Server, server::Strategy::Server),
            Rule::ClientWins => (client::Strategy::Client, server::Strategy::Client),
            Rule::SupervisorWins => (client::Strategy::Office, server::Strategy::Office),
            Rule::UserDecides => (client::Strategy::Manual, server::Strategy::Manual),
        };
        assert!(client::STRATEGIES.contains(&(row.field, in_engine)), "the engine on {}", row.field);
        assert!(server::STRATEGIES.contains(&(row.field, on_server)), "the server on {}", row.field);
    }
}

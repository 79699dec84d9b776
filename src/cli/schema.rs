//! `deadzone schema`: prints the documents that are generated from the code's types.

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::print;
use crate::report;
use crate::scenario;
use crate::server::Server;

/// Arguments of `deadzone schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArguments {
    /// Which document
    #[arg(value_enum)]
    document: Document,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Document {
    /// The sync API, as OpenAPI 3.1 (schema/openapi.json)
    Openapi,
    /// What `summary.json` of a report holds (schema/summary.schema.json)
    Summary,
    /// What a line of a history holds (schema/history.schema.json)
    History,
    /// What a scenario file may hold, for editors (schema/scenario.schema.json)
    Scenario,
    /// Every word of a scenario file, for people (docs/SCENARIOS.md)
    ScenariosPage,
}

pub(super) fn schema(arguments: &SchemaArguments) -> Exit {
    match arguments.document {
        Document::Openapi => print(&Server::openapi()),
        Document::Summary => print(&report::summary_schema()),
        Document::History => print(&report::history_schema()),
        Document::Scenario => print(&scenario::scenario_schema()),
        Document::ScenariosPage => print(&scenario::scenarios_page()),
    }
    Exit::Held
}

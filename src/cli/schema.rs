//! `deadzone schema`: prints the documents that are generated from the code's types.

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::print;
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
}

pub(super) fn schema(arguments: &SchemaArguments) -> Exit {
    match arguments.document {
        Document::Openapi => print(&Server::openapi()),
    }
    Exit::Held
}

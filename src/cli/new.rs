//! `deadzone new`: writes a scenario to start from.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::{say, wrong};
use crate::scenario;

/// The scenario, commented for whoever has never written one.
const STARTER: &str = include_str!("starter.yaml");
/// The schema in a project that has one.
const SCHEMA: &str = "schema/scenario.schema.json";

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The file to write; one that is there is left alone
    #[arg(default_value = "scenarios/my-scenario.yaml")]
    file: PathBuf,
}

pub(super) fn new(arguments: &NewArguments) -> Exit {
    let file = &arguments.file;
    match write(file) {
        Ok(schema) => {
            let shown = file.display();
            say(&format!("wrote {shown}: edit it, then `deadzone run {shown}`"));
            if let Some(schema) = schema {
                say(&format!("wrote {} beside it, by which editors check and explain it", schema.display()));
            }
            Exit::Held
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            wrong(&format!("{}: there is such a file already, and it stays as it is; name another", file.display()))
        }
        Err(error) => wrong(&format!("{}: {error}: name a file in a folder that can be written", file.display())),
    }
}

/// Writes the file, and a schema where there is none; the latter's path if it is new.
fn write(file: &Path) -> io::Result<Option<PathBuf>> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut out = OpenOptions::new().write(true).create_new(true).open(file)?;
    let known = schema_above(&fs::canonicalize(folder)?);
    let schema = known.clone().unwrap_or_else(|| "scenario.schema.json".to_owned());
    let text = STARTER.replace("{{schema}}", &schema).replace("{{file}}", &file.display().to_string());
    out.write_all(text.as_bytes())?;
    let beside = folder.join(&schema);
    if known.is_some() || beside.exists() {
        return Ok(None);
    }
    fs::write(&beside, scenario::scenario_schema())?;
    Ok(Some(beside))
}

/// The way from `folder` to the schema of the project that it belongs to, if there is one.
fn schema_above(folder: &Path) -> Option<String> {
    let up = folder.ancestors().position(|above| above.join(SCHEMA).is_file())?;
    Some(format!("{}{SCHEMA}", "../".repeat(up)))
}

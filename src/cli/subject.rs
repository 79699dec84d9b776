//! What is under test: the reference engine, or a program of the team's in its place.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::replay::Unfit;
use crate::base::Span;
use crate::report::Subject;
use crate::world::{Client, greet};

/// What takes a reference part's place.
#[derive(Debug, Default, Args)]
pub(super) struct SubjectArguments {
    /// Let this program play the devices, over the device protocol; implies --live. A shell reads the command
    #[arg(long, value_name = "COMMAND")]
    pub(super) client: Option<String>,
    /// Play against this server, `http://host:port`, one scenario at a time; implies --live
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
    /// A device that has not answered after this long is given up [default: 2min]
    #[arg(long, value_name = "SPAN")]
    pub(super) answer_within: Option<Span>,
    /// The scenarios are those that are built in.
    #[arg(skip)]
    pub(super) built_in: bool,
}

impl SubjectArguments {
    /// Whether something of the team's is under test, for which there is real time alone.
    pub(super) fn is_foreign(&self) -> bool {
        self.client.is_some() || self.server.is_some()
    }

    /// How reports name it; none where everything is the reference.
    pub(super) fn named(&self, client: &Client) -> Option<Subject> {
        let lacks = client.lacks.clone();
        let (client, server) = (self.client.clone(), self.server.clone());
        self.is_foreign().then_some(Subject { client, server, built_in: self.built_in, lacks })
    }

    /// The program that plays the devices, not yet asked what it offers.
    ///
    /// # Errors
    /// When this program cannot be found, which is the reference.
    pub(super) fn program(&self) -> std::io::Result<Client> {
        let answer_within = self.answer_within.map_or(Client::ANSWER_WITHIN, Span::duration);
        let Some(command) = &self.client else {
            return Ok(Client { answer_within, ..Client::reference(std::env::current_exe()?) });
        };
        let arguments = vec!["-c".to_owned(), command.clone()];
        Ok(Client { program: "sh".into(), arguments, lacks: Vec::new(), answer_within })
    }
}

/// Time for a program to start and to greet.
const GREET_WITHIN: Duration = Duration::from_secs(20);

/// Asks `client` what it offers; returns why no scenario need be played, if that is so.
///
/// # Errors
/// When there is no such program.
pub(super) fn meet(client: &mut Client, scratch: &Path) -> Result<Option<Unfit>, String> {
    let directory = scratch.join("greeting");
    std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let hasty = Client { answer_within: client.answer_within.min(GREET_WITHIN), ..client.clone() };
    match greet(&hasty, &directory) {
        Ok(lacks) => {
            client.lacks = lacks;
            Ok(None)
        }
        // What a shell says of a command that it cannot find, or not run.
        Err(why) if why.contains("exit status: 127") || why.contains("exit status: 126") => Err(why),
        Err(why) => Ok(Some(Unfit::Failed(why))),
    }
}

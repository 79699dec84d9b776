//! What is under test: the reference engine, or a program of the team's in its place.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use crate::base::Span;
use crate::report::Subject;
use crate::world::{Client, greet};

/// What takes a reference part's place.
#[derive(Debug, Default, Args)]
pub(super) struct SubjectArguments {
    /// Let this program play the devices, over the device protocol; implies --live. A shell reads the command
    #[arg(long, value_name = "COMMAND")]
    pub(super) client: Option<String>,
    /// A device that has not answered after this long is given up [default: 2min]
    #[arg(long, value_name = "SPAN")]
    pub(super) answer_within: Option<Span>,
}

impl SubjectArguments {
    /// Whether something of the team's is under test, for which there is real time alone.
    pub(super) fn is_foreign(&self) -> bool {
        self.client.is_some()
    }

    /// How reports name it; none where everything is the reference.
    pub(super) fn named(&self, client: &Client) -> Option<Subject> {
        let lacks = client.lacks.clone();
        self.is_foreign().then(|| Subject { client: self.client.clone(), lacks })
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

/// Asks `client` what it offers.
///
/// # Errors
/// Why it does not say so.
pub(super) fn meet(client: &mut Client, scratch: &Path) -> Result<(), Unfit> {
    let directory = scratch.join("greeting");
    std::fs::create_dir_all(&directory).map_err(|error| Unfit::Broken(error.to_string()))?;
    let hasty = Client { answer_within: client.answer_within.min(GREET_WITHIN), ..client.clone() };
    match greet(&hasty, &directory) {
        Ok(lacks) => {
            client.lacks = lacks;
            Ok(())
        }
        // What a shell says of a command that it cannot find, or not run.
        Err(why) if why.contains("exit status: 127") || why.contains("exit status: 126") => Err(Unfit::NoCommand(why)),
        Err(why) => Err(Unfit::Broken(why)),
    }
}

/// Why a program cannot play a device.
pub(super) enum Unfit {
    /// There is no such program.
    NoCommand(String),
    /// It does not keep to the protocol.
    Broken(String),
}

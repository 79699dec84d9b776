//! Steps of those who mean no good, and of a server that goes wrong: its clock, tampered calls, a disk in strange hands.

use super::stage::{Member, World};
use super::steps::{Done, impossible};
use crate::history::What;
use crate::scenario;

impl World {
    pub(super) fn set_server_clock(&self, step: &scenario::ServerClock) -> Done {
        self.server_clock.set_skew_ms(step.by.millis());
        Ok(())
    }

    /// Sends what a tampered client might, with the user's own password, off the devices' network. What comes of it is
    /// recorded, and the checks see whether it left a trace.
    pub(super) async fn tamper(&self, member: &Member, step: &scenario::Tamper) -> Done {
        let caller = self.reader(&member.user.borrow().clone());
        let mut answers = Vec::new();
        if !step.push.is_empty() {
            match caller.push_anything(&step.push).await {
                Ok(pushed) => answers.extend(pushed),
                Err(error) => answers.push(error.to_string()),
            }
        }
        for call in &step.call {
            answers.push(caller.call_anything(call).await.unwrap_or_else(|error| error.to_string()));
        }
        self.recorder.record(What::Tampered { device: member.name.clone(), answers });
        Ok(())
    }

    /// Searches all that was written so far for the story's words and for every secret.
    pub(super) fn search_disk(&self, member: &Member) -> Done {
        self.search_quietly();
        if self.searched(member) { Ok(()) } else { Err(impossible("this device's disk cannot be read")) }
    }
}

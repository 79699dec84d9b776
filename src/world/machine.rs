//! The machine that the server runs on: its power can fail in the middle of a story.

use std::cell::Cell;

use tokio::io::{AsyncRead, AsyncWrite};

use super::faults::EVERYBODY;
use crate::history::{Recorder, ServerState, What};
use crate::server::Server;

/// A server, and the power failure that a story arranged for it.
pub(super) struct Machine {
    pub(super) server: Server,
    recorder: Recorder,
    /// The armed fault, until it has struck.
    due: Cell<Option<u64>>,
}

impl Machine {
    pub(super) fn new(server: Server, recorder: Recorder) -> Self {
        Self { server, recorder, due: Cell::new(None) }
    }

    /// Arms `fault`: the power fails right after the so-manieth commit from now on.
    pub(super) fn fails(&self, fault: u64, after_commit: u32) {
        self.due.set(Some(fault));
        self.server.fail_after_commits(u64::from(after_commit));
    }

    /// Starts the server again, or takes the failure back; says whether the server was away.
    pub(super) fn restart(&self) -> bool {
        self.due.set(None);
        let was_away = self.server.has_failed();
        self.server.restart();
        was_away
    }

    /// Serves one connection until it ends, which a power failure brings about.
    pub(super) async fn serve(&self, io: impl AsyncRead + AsyncWrite + Unpin) {
        // A peer that breaks off is the peer's affair.
        drop(self.server.serve(io).await);
        if self.server.has_failed()
            && let Some(id) = self.due.take()
        {
            self.recorder.record(What::FaultFired { id, device: EVERYBODY.to_owned(), exchange: None });
            self.recorder.record(What::ServerChanged { state: ServerState::Down });
        }
    }
}

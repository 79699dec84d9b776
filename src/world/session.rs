//! Answers [`Ask`]s with the reference engine: the one dispatcher behind the in-process device and the child process.

use std::rc::Rc;
use std::time::Duration;

use super::device::{Ask, Reply};
use crate::base::WallClock;
use crate::client::{Capture, EditRequest, Engine, EngineError, LogOut};

/// A running reference engine and the wall clock of its device.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) engine: Rc<Engine>,
    pub(super) clock: WallClock,
}

impl Session {
    pub(super) async fn answer(&self, ask: Ask) -> Reply {
        self.try_answer(ask).await.unwrap_or_else(|error| Reply::Refused(error.to_string()))
    }

    async fn try_answer(&self, ask: Ask) -> Result<Reply, EngineError> {
        let engine = &self.engine;
        Ok(match ask {
            Ask::SignIn { user, password, code } => {
                engine.sign_in(&user, &password, code).await?;
                Reply::Done
            }
            Ask::Edit { order, set } => Reply::Made(Box::new(engine.edit(EditRequest { id: order, set })?)),
            Ask::Create { set } => Reply::Made(Box::new(engine.create(set)?)),
            Ask::Delete { order } => Reply::Made(Box::new(engine.delete(&order)?)),
            Ask::Resolve { order, field, with } => done(engine.resolve(&order, field.as_deref(), with))?,
            Ask::Prefer { order, field, with } => done(engine.prefer(order.as_deref(), &field, with))?,
            Ask::Undo { order, field } => done(engine.undo(&order, field.as_deref()))?,
            Ask::ClearCache => {
                engine.clear_cache().await?;
                Reply::Done
            }
            Ask::Select(selection) => {
                engine.select(&selection).await?;
                Reply::Done
            }
            Ask::LookUp { what } => {
                engine.look_up(&what).await?;
                Reply::Done
            }
            Ask::LogOut { force } => match engine.log_out(force).await? {
                LogOut::Done => Reply::Done,
                LogOut::Unsynced(changes) => Reply::Unsynced(changes),
            },
            Ask::Sync => Reply::Synced(engine.refresh().await),
            Ask::Connectivity { online } => {
                engine.connectivity(online);
                Reply::Done
            }
            Ask::Told { what } => {
                engine.told(what);
                Reply::Done
            }
            Ask::Clock { skew_ms } => {
                self.clock.set_skew_ms(skew_ms);
                Reply::Done
            }
            Ask::Retry { order } => {
                engine.retry(&order)?;
                Reply::Done
            }
            Ask::Discard { order } => {
                engine.discard(&order)?;
                Reply::Done
            }
            Ask::Attach { order, file_name, mime_type, content, critical } => {
                let capture = Capture { order, bytes: content.0, file_name, mime_type, description: None, critical };
                Reply::Made(Box::new(engine.attach(capture)?))
            }
            Ask::FileSettings(changed) => {
                engine.set_file_settings(changed.over(engine.file_settings()))?;
                Reply::Done
            }
            Ask::OpenFile { order, file } => done(engine.open_file(&order, file.as_deref()))?,
            Ask::SyncEvery { every_ms } => done(engine.set_sync_every(every_ms.map(Duration::from_millis)))?,
            Ask::Read { order } => Reply::Row(engine.row(&order)?),
            Ask::State => Reply::State(Box::new(engine.state()?)),
        })
    }
}

fn done(result: Result<(), EngineError>) -> Result<Reply, EngineError> {
    result.map(|()| Reply::Done)
}

//! The steps of a user who decides conflicts.

use super::device::{Ask, Reply};
use super::stage::{Member, World};
use super::steps::{Done, StepError, simply};
use crate::history::What;
use crate::scenario;

impl World {
    pub(super) async fn resolve(&self, member: &Member, step: &scenario::Resolve) -> Done {
        let order = self.order(&step.order).await?;
        let (device, field, with) = (member.name.clone(), step.field.clone(), step.with);
        self.recorder.record(What::Choosing { device, entity_id: order.clone(), field: field.clone(), with });
        simply(member, Ask::Resolve { order, field, with }).await
    }

    pub(super) async fn prefer(&self, member: &Member, step: &scenario::Prefer) -> Done {
        let order = match &step.order {
            Some(order) => Some(self.order(order).await?),
            None => None,
        };
        let (device, field, with) = (member.name.clone(), step.field.clone(), step.with.side());
        self.recorder.record(What::Preferring { device, entity_id: order.clone(), field: field.clone(), with });
        simply(member, Ask::Prefer { order, field, with }).await
    }

    /// A choice that has gone out cannot be taken back: that is how things go, and no fault of the story.
    pub(super) async fn undo(&self, member: &Member, step: &scenario::Undo) -> Done {
        let order = self.order(&step.order).await?;
        match member.device.ask(Ask::Undo { order, field: step.field.clone() }).await? {
            Reply::Done => Ok(()),
            Reply::Refused(detail) => Err(StepError::Failed(detail)),
            reply @ (Reply::Made(_) | Reply::Synced(_) | Reply::State(_) | Reply::Row(_) | Reply::Unsynced(_)) => {
                Err(StepError::Impossible(format!("the device gave an answer to something else: {reply:?}")))
            }
        }
    }
}

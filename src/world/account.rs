//! Steps about a device as a whole: its cache, and who is signed in.

use super::device::{Ask, Reply};
use super::faults::Named;
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible, simply, together, unexpected};
use crate::history::{Guarded, What};
use crate::protocol::{OperationKind, SelectionRequest};
use crate::scenario::{self, Action, Scenario};

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn use_account(&self, scenario: &Scenario, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::ClearCache(name) => together(all(name), async |member| self.clear_cache(member).await).await,
            Action::Logout(step) => {
                together(all(&step.device), async |member| self.log_out(member, step.force).await).await
            }
            Action::SignIn(step) => {
                together(all(&step.device), async |member| self.sign_in_again(scenario, member, step).await).await
            }
            Action::Select(step) => together(all(&step.device), async |member| self.select(member, step).await).await,
            Action::EditCached(step) => {
                together(all(&step.device), async |member| self.edit_cached(member, step).await).await
            }
            other => Err(impossible(format!("`{other}` has nothing to do with an account"))),
        }
    }

    pub(super) async fn clear_cache(&self, member: &Member) -> Done {
        simply(member, Ask::ClearCache).await
    }

    /// Like a person: asks plainly first, and insists only once it has been told what that costs.
    pub(super) async fn log_out(&self, member: &Member, force: bool) -> Done {
        match member.device.ask(Ask::LogOut { force: false }).await? {
            Reply::Done => {}
            Reply::Unsynced(changes) => {
                self.recorder.record(What::Warned { device: member.name.clone(), changes, accepted: force });
                if !force {
                    return Err(StepError::Failed(format!("{changes} changes would be lost")));
                }
                simply(member, Ask::LogOut { force: true }).await?;
            }
            reply @ (Reply::Made(_) | Reply::Synced(_) | Reply::Row(_) | Reply::State(_) | Reply::Refused(_)) => {
                return Err(unexpected(&reply));
            }
        }
        if let Some(platform) = member.device.platform() {
            self.guarded(&member.name, Guarded::FilesLeft { files: platform.files() });
        }
        Ok(())
    }

    pub(super) async fn sign_in_again(&self, scenario: &Scenario, member: &Member, step: &scenario::SignIn) -> Done {
        let user = match &step.user {
            Some(name) => scenario.user_named(name).ok_or_else(|| impossible(format!("nobody is called {name}")))?,
            None => member.user.borrow().clone(),
        };
        *member.user.borrow_mut() = user;
        self.sign_in_member(member).await
    }

    /// The user of a device signs in on it.
    pub(super) async fn sign_in_member(&self, member: &Member) -> Done {
        let user = member.user.borrow().clone();
        simply(member, self.sign_in_on(member).await).await?;
        self.recorder.record(What::SignedIn { device: member.name.clone(), user });
        Ok(())
    }

    pub(super) async fn select(&self, member: &Member, step: &scenario::Select) -> Done {
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        for (named, ids) in [(&step.orders, &mut add), (&step.give_up, &mut remove)] {
            for order in named {
                ids.push(self.order(order).await?);
            }
        }
        let selection = SelectionRequest { add, remove, from: step.from.clone(), to: step.to.clone() };
        match member.device.ask(Ask::Select(selection)).await? {
            Reply::Refused(detail) => {
                self.recorder.record(What::Refused { device: member.name.clone(), detail: detail.clone() });
                Err(StepError::Failed(detail))
            }
            Reply::Done => Ok(()),
            reply @ (Reply::Made(_) | Reply::Synced(_) | Reply::Unsynced(_) | Reply::Row(_) | Reply::State(_)) => {
                Err(unexpected(&reply))
            }
        }
    }

    /// The user tries what must not go: a cached record is the server's alone.
    pub(super) async fn edit_cached(&self, member: &Member, step: &scenario::EditCached) -> Done {
        self.attempt(member, OperationKind::Update, Some(step.record.clone()), &step.set);
        let device = member.name.clone();
        match member.device.ask(Ask::Edit { order: step.record.clone(), set: step.set.clone() }).await? {
            Reply::Refused(detail) => {
                self.recorder.record(What::Refused { device, detail });
                Ok(())
            }
            Reply::Made(operation) => {
                self.recorder.record(What::Acknowledged { device, operation: *operation });
                Err(impossible(format!("{} changed {}, which is the server's alone", member.name, step.record)))
            }
            reply @ (Reply::Done | Reply::Synced(_) | Reply::Unsynced(_) | Reply::Row(_) | Reply::State(_)) => {
                Err(unexpected(&reply))
            }
        }
    }
}

/// The user looks up what seldom changes.
pub(super) async fn look_up(member: &Member, step: &scenario::LookUp) -> Done {
    simply(member, Ask::LookUp { what: step.what.clone() }).await
}

//! Steps that spoil exchanges, take the server away, or end a session; and what a user does about a change that failed.

use super::acts::{message_fault, narrowed, outage, portal, refusal, target};
use super::device::Ask;
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible, simply, together};
use crate::history::{Decision, Fault, ServerState, What};
use crate::proxy::{Act, Only, Rule, Target};
use crate::scenario::{self, Action, Aim};

/// In the history, whom a fault for all is armed for.
pub(super) const EVERYBODY: &str = "everybody";

/// Whom a step names.
pub(super) type Named<'n, 'w> = &'n dyn Fn(&str) -> Vec<&'w Member>;

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn spoil_exchanges(&self, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::Refuse(step) => {
                let refuse = async |member: &Member| {
                    let act = self.refuse(step).await?;
                    self.arm(member, Fault::Refuse, step.aim(), act).await.map(drop)
                };
                together(all(&step.device), refuse).await
            }
            Action::CaptivePortal(step) => {
                all(&step.device).into_iter().try_for_each(|member| self.captive_portal(member, step))
            }
            Action::Server(state) => self.server_becomes(*state),
            other => {
                let Some((fault, aim, act)) = message_fault(other) else {
                    return Err(impossible(format!("`{other}` spoils no exchange")));
                };
                let arm = async |member: &Member| self.arm(member, fault.clone(), aim, act.clone()).await.map(drop);
                together(all(aim.device), arm).await
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn act_on_failure(&self, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::Revoke(name) => together(all(name), async |member| self.revoke(member).await).await,
            Action::ChangePassword(name) => {
                together(all(name), async |member| self.change_password(member).await).await
            }
            Action::Retry(step) => {
                together(all(&step.device), async |member| self.decide(member, step, Decision::Retry).await).await
            }
            Action::Discard(step) => {
                together(all(&step.device), async |member| self.decide(member, step, Decision::Discard).await).await
            }
            other => Err(impossible(format!("`{other}` is nothing that a user does about a failure"))),
        }
    }

    async fn refuse(&self, step: &scenario::RefuseChange) -> Result<Act, StepError> {
        let orders = match &step.order {
            Some(name) => self.ids(name).await?,
            None => Vec::new(),
        };
        Ok(refusal(step, orders))
    }

    fn captive_portal(&self, member: &Member, step: &scenario::CaptivePortal) -> Done {
        if member.portal.get().is_some() {
            return Err(impossible(format!("{} is behind a captive portal already", member.name)));
        }
        member.portal.set(Some(self.arm_always(Some(member), Fault::CaptivePortal, portal(step))));
        Ok(())
    }

    /// The server's power is to fail right after a commit.
    pub(super) fn crash_server(&self, step: &scenario::CrashServer) -> Done {
        let machine = self.machine.as_ref().ok_or_else(|| impossible("the power of a team's own server is not cut"))?;
        let fault = self.arm_fault(EVERYBODY, Fault::ServerCrash, false);
        machine.fails(fault, step.after_commit);
        Ok(())
    }

    fn server_becomes(&self, state: ServerState) -> Done {
        if let Some(machine) = &self.machine {
            machine.restart();
        }
        if let Some(outage) = self.outage.take() {
            self.faults.disarm(outage);
        }
        self.outage.set(outage(state).map(|act| self.arm_always(None, Fault::ServerOutage, act)));
        self.recorder.record(What::ServerChanged { state });
        Ok(())
    }

    async fn revoke(&self, member: &Member) -> Done {
        let user = member.user.borrow().clone();
        self.office.revoke(&user).await.map_err(impossible)
    }

    async fn decide(&self, member: &Member, step: &scenario::FailedChange, decision: Decision) -> Done {
        let order = self.order(&step.order).await?;
        self.recorder.record(What::Decided { device: member.name.clone(), order: order.clone(), decision });
        let ask = match decision {
            Decision::Retry => Ask::Retry { order },
            Decision::Discard => Ask::Discard { order },
        };
        simply(member, ask).await
    }

    /// Arms `act` on all exchanges of a member, or of everybody, until it is disarmed; returns the fault's number.
    fn arm_always(&self, member: Option<&Member>, fault: Fault, act: Act) -> u64 {
        let device = member.map(|member| member.name.clone());
        let id = self.arm_fault(device.as_deref().unwrap_or(EVERYBODY), fault, false);
        let (target, nth, times, only) = (Target::Any, 1, u32::MAX, Only::default());
        self.faults.arm(Rule { id, device, target, nth, times, only, act });
        id
    }

    /// Arms `act` on the exchanges of a member that `aim` names; returns the fault's number.
    pub(super) async fn arm(&self, member: &Member, fault: Fault, aim: Aim<'_>, act: Act) -> Result<u64, StepError> {
        let only = self.narrowed(aim.only).await?;
        let id = self.arm_fault(&member.name, fault, aim.only.may_miss);
        let (device, target, nth, times) = (Some(member.name.clone()), target(aim.of), aim.nth, aim.times);
        self.faults.arm(Rule { id, device, target, nth, times, only, act });
        Ok(id)
    }

    /// `only` as the proxy knows it: times of the run, ids of orders.
    pub(super) async fn narrowed(&self, only: &scenario::Only) -> Result<Only, StepError> {
        let entity = match &only.order {
            Some(name) => self.ids(name).await?,
            None => Vec::new(),
        };
        Ok(narrowed(only, entity, self.clock.elapsed()))
    }

    /// By which ids an order may go out: its own, and the temporary one under which it may do so still, or again.
    async fn ids(&self, name: &str) -> Result<Vec<String>, StepError> {
        let temporary = self.labels.borrow().get(name).map(|label| label.id.clone());
        Ok(temporary.into_iter().chain([self.order(name).await?]).collect())
    }
}

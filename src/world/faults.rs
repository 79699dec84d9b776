//! Steps that spoil answers, take the server away, or end a session; and what a user does about a change that failed.

use super::device::Ask;
use super::stage::{Member, World};
use super::steps::{Done, impossible, simply, together};
use crate::history::{Decision, Fault, ServerState, What};
use crate::protocol::ErrorCode;
use crate::proxy::{Act, Canned, LoseHow, Page, Refuse, RetryAfter, Rule, Spoil, Target};
use crate::scenario::{self, Action, AnswerPage, AnswerWhen, Exchange, SpoilHow};

/// In the history, whom a fault for all is armed for.
const EVERYBODY: &str = "everybody";

/// Whom a step names.
pub(super) type Named<'n, 'w> = &'n dyn Fn(&str) -> Vec<&'w Member>;

impl World {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn spoil_exchanges(&self, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::Answer(step) => all(&step.device).into_iter().try_for_each(|member| self.answer(member, step)),
            Action::Spoil(step) => all(&step.device).into_iter().try_for_each(|member| self.spoil(member, step)),
            Action::Refuse(step) => together(all(&step.device), async |member| self.refuse(member, step).await).await,
            Action::CaptivePortal(step) => {
                all(&step.device).into_iter().try_for_each(|member| self.captive_portal(member, step))
            }
            Action::Server(state) => self.server_becomes(*state),
            other => Err(impossible(format!("`{other}` spoils no exchange"))),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) async fn act_on_failure(&self, all: Named<'_, '_>, action: &Action) -> Done {
        match action {
            Action::Revoke(name) => together(all(name), async |member| self.revoke(member).await).await,
            Action::Retry(step) => {
                together(all(&step.device), async |member| self.decide(member, step, Decision::Retry).await).await
            }
            Action::Discard(step) => {
                together(all(&step.device), async |member| self.decide(member, step, Decision::Discard).await).await
            }
            other => Err(impossible(format!("`{other}` is nothing that a user does about a failure"))),
        }
    }

    fn answer(&self, member: &Member, step: &scenario::Answer) -> Done {
        let seconds = |span: crate::base::Span| span.millis() / 1_000;
        let written = if step.as_date { RetryAfter::Date } else { RetryAfter::Seconds };
        let page = match step.page {
            AnswerPage::Problem => Page::Problem(step.code()),
            AnswerPage::Html => Page::Html,
            AnswerPage::Nothing => Page::Nothing,
        };
        let retry_after = step.retry_after.map(|span| written(seconds(span)));
        let canned = Canned { status: step.status, page, retry_after };
        let act = match step.when {
            AnswerWhen::Instead => Act::Answer(canned),
            AnswerWhen::AfterCommit => Act::AnswerAfter(canned),
        };
        self.arm(Some(member), Fault::Answer, (target(step.of), step.nth, step.times), act);
        Ok(())
    }

    fn spoil(&self, member: &Member, step: &scenario::SpoilAnswer) -> Done {
        let how = match step.how {
            SpoilHow::Empty => Spoil::Empty,
            SpoilHow::Half => Spoil::Half,
            SpoilHow::CutOff => Spoil::CutOff,
            SpoilHow::Stalled => Spoil::Stalled,
            SpoilHow::Mislabelled => Spoil::Mislabelled,
        };
        self.arm(Some(member), Fault::Spoil, (target(step.of), step.nth, step.times), Act::Spoil(how));
        Ok(())
    }

    async fn refuse(&self, member: &Member, step: &scenario::RefuseChange) -> Done {
        let mut orders = Vec::new();
        if let Some(name) = &step.order {
            // It may go out under its temporary id still, or again.
            orders.extend(self.labels.borrow().get(name).map(|label| label.id.clone()));
            orders.push(self.order(name).await?);
        }
        let retry_after = step.retry_after.map(|span| span.millis() / 1_000);
        let act = Act::Refuse(Refuse { orders, code: step.with, retry_after });
        self.arm(Some(member), Fault::Refuse, (Target::Push, step.nth, step.times), act);
        Ok(())
    }

    fn captive_portal(&self, member: &Member, step: &scenario::CaptivePortal) -> Done {
        if member.portal.get().is_some() {
            return Err(impossible(format!("{} is behind a captive portal already", member.name)));
        }
        let act = Act::Answer(Canned { status: step.how.status(), page: Page::Html, retry_after: None });
        member.portal.set(Some(self.arm(Some(member), Fault::CaptivePortal, ALWAYS, act)));
        Ok(())
    }

    fn server_becomes(&self, state: ServerState) -> Done {
        if let Some(outage) = self.outage.take() {
            self.faults.disarm(outage);
        }
        let overloaded = Canned { status: 503, page: Page::Problem(ErrorCode::ServerError), retry_after: None };
        let act = match state {
            ServerState::Up => None,
            ServerState::Down => Some(Act::LoseRequest(LoseHow::Cut)),
            ServerState::Silent => Some(Act::LoseRequest(LoseHow::Silence)),
            ServerState::Overloaded => Some(Act::Answer(overloaded)),
        };
        self.outage.set(act.map(|act| self.arm(None, Fault::ServerOutage, ALWAYS, act)));
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

    /// Arms `act` for a member, or for all; returns the fault's number.
    fn arm(&self, member: Option<&Member>, fault: Fault, which: (Target, u32, u32), act: Act) -> u64 {
        let device = member.map(|member| member.name.clone());
        let id = self.arm_fault(device.as_deref().unwrap_or(EVERYBODY), fault);
        let (target, nth, times) = which;
        self.faults.arm(Rule { id, device, target, nth, times, act });
        id
    }
}

const ALWAYS: (Target, u32, u32) = (Target::Any, 1, u32::MAX);

pub(super) fn target(of: Exchange) -> Target {
    match of {
        Exchange::Push => Target::Push,
        Exchange::Pull => Target::Pull,
        Exchange::SignIn => Target::SignIn,
        Exchange::Refresh => Target::Refresh,
        Exchange::Any => Target::Any,
    }
}

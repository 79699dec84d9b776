//! Steps that spoil exchanges, take the server away, or end a session; and what a user does about a change that failed.

use super::device::Ask;
use super::stage::{Member, World};
use super::steps::{Done, StepError, impossible, simply, together};
use crate::base::Span;
use crate::history::{Decision, Fault, ServerState, What};
use crate::protocol::ErrorCode;
use crate::proxy::{
    Act, At, Canned, Drops, Duplicate, LoseHow, Only, Page, Refuse, Replay, RetryAfter, Rule, Slow, Spoil, Target,
};
use crate::scenario::{self, Action, Aim, AnswerPage, AnswerWhen, Exchange, Half, SlowPart, SpoilHow};

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
        let retry_after = step.retry_after.map(|span| span.millis() / 1_000);
        Ok(Act::Refuse(Refuse { orders, code: step.with, retry_after }))
    }

    fn captive_portal(&self, member: &Member, step: &scenario::CaptivePortal) -> Done {
        if member.portal.get().is_some() {
            return Err(impossible(format!("{} is behind a captive portal already", member.name)));
        }
        let act = Act::Answer(Canned { status: step.how.status(), page: Page::Html, retry_after: None });
        member.portal.set(Some(self.arm_always(Some(member), Fault::CaptivePortal, act)));
        Ok(())
    }

    /// The server's power is to fail right after a commit.
    pub(super) fn crash_server(&self, step: &scenario::CrashServer) -> Done {
        let fault = self.arm_fault(EVERYBODY, Fault::ServerCrash, false);
        self.machine.fails(fault, step.after_commit);
        Ok(())
    }

    fn server_becomes(&self, state: ServerState) -> Done {
        self.machine.restart();
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
        self.outage.set(act.map(|act| self.arm_always(None, Fault::ServerOutage, act)));
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
        let time = |span: Option<Span>| span.map(|span| self.clock.elapsed() + span.duration());
        Ok(Only {
            method: only.method.clone(),
            path: only.path.clone(),
            entity,
            chance: only.percent.map(|percent| f64::from(percent) / 100.0),
            from: time(only.from),
            until: time(only.until),
            at_once: only.at_once,
        })
    }

    /// By which ids an order may go out: its own, and the temporary one under which it may do so still, or again.
    async fn ids(&self, name: &str) -> Result<Vec<String>, StepError> {
        let temporary = self.labels.borrow().get(name).map(|label| label.id.clone());
        Ok(temporary.into_iter().chain([self.order(name).await?]).collect())
    }
}

/// The fault on single messages that a step asks for: what the history calls it, which exchanges it is about, what
/// happens to them. `None` for a step that asks for no such thing, or that needs to know the world.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "most steps are no faults")]
pub fn message_fault(action: &Action) -> Option<(Fault, Aim<'_>, Act)> {
    Some(match action {
        Action::Lose(step) => {
            let how = match step.how {
                scenario::LoseHow::Cut => LoseHow::Cut,
                scenario::LoseHow::Reset => LoseHow::Reset,
                scenario::LoseHow::Silence => LoseHow::Silence,
            };
            match step.what {
                Half::Request => (Fault::LoseRequest, step.aim(), Act::LoseRequest(how)),
                Half::Answer => (Fault::LoseAnswer, step.aim(), Act::LoseAnswer(how)),
            }
        }
        Action::Answer(step) => (Fault::Answer, step.aim(), answer(step)),
        Action::Spoil(step) => (Fault::Spoil, step.aim(), Act::Spoil(spoil(step))),
        Action::Slow(step) => (Fault::Slow, step.aim(), Act::Slow(slow(step))),
        Action::Duplicate(step) => {
            let duplicate = step.late.map_or(Duplicate::AtOnce, |late| Duplicate::Late(late.duration()));
            (Fault::Duplicate, step.aim(), Act::Duplicate(duplicate))
        }
        Action::Replay(step) => {
            let replay = Replay { back: step.back, after_commit: step.when == AnswerWhen::AfterCommit };
            (Fault::Replay, step.aim(), Act::Replay(replay))
        }
        _ => return None,
    })
}

fn answer(step: &scenario::Answer) -> Act {
    let written = if step.as_date { RetryAfter::Date } else { RetryAfter::Seconds };
    let page = match step.page {
        AnswerPage::Problem => Page::Problem(step.code()),
        AnswerPage::Html => Page::Html,
        AnswerPage::Nothing => Page::Nothing,
    };
    let retry_after = step.retry_after.map(|span| written(span.millis() / 1_000));
    let canned = Canned { status: step.status, page, retry_after };
    match step.when {
        AnswerWhen::Instead => Act::Answer(canned),
        AnswerWhen::AfterCommit => Act::AnswerAfter(canned),
    }
}

fn spoil(step: &scenario::SpoilAnswer) -> Spoil {
    let at = step.at.map_or(At::Middle, |at| At::Byte(at.bytes()));
    match step.how {
        SpoilHow::Empty => Spoil::Empty,
        SpoilHow::Half => Spoil::Half(at),
        SpoilHow::CutOff => Spoil::CutOff(at),
        SpoilHow::Stalled => Spoil::Stalled(at),
        SpoilHow::Overlong => Spoil::Overlong(at),
        SpoilHow::CutInHead => Spoil::CutInHead(at),
        SpoilHow::CutInChunk => Spoil::CutInChunk,
        SpoilHow::BadChunk => Spoil::BadChunk,
        SpoilHow::Garbage => Spoil::Garbage,
        SpoilHow::BadGzip => Spoil::BadGzip,
        SpoilHow::Mislabelled => Spoil::Mislabelled,
    }
}

fn slow(step: &scenario::Slow) -> Slow {
    let bytes = step.bytes.map_or(1, |bytes| usize::try_from(bytes.bytes()).unwrap_or(usize::MAX));
    let (time, drops) = (step.by.duration(), Drops { bytes, every: step.by.duration() });
    match step.what {
        SlowPart::Request => Slow::Request(time),
        SlowPart::Answer => Slow::Answer(time),
        SlowPart::Head => Slow::Head(drops),
        SlowPart::Body => Slow::Body(drops),
    }
}

fn target(of: Exchange) -> Target {
    match of {
        Exchange::Push => Target::Push,
        Exchange::Pull => Target::Pull,
        Exchange::SignIn => Target::SignIn,
        Exchange::Refresh => Target::Refresh,
        Exchange::Profile => Target::Profile,
        Exchange::Selection => Target::Selection,
        Exchange::Upload => Target::Upload,
        Exchange::File => Target::File,
        Exchange::Any => Target::Any,
    }
}

//! What the faults of scenario files are in the proxy's terms: pure translations, for a world and for a proxy alone.

use std::time::Duration;

use crate::base::{Size, Span};
use crate::history::{Fault, ServerState};
use crate::protocol::ErrorCode;
use crate::proxy::{
    Act, At, Canned, Drops, Duplicate, Garble, LoseHow, Only, Page, Refuse, Replay, RetryAfter, Slow, Spoil, Target,
};
use crate::scenario::{self, Action, Aim, AnswerPage, AnswerWhen, Exchange, Half, SlowPart, SpoilHow};

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
        Action::Spoil(step) => (Fault::Spoil, step.aim(), spoil(step)),
        Action::Slow(step) => (Fault::Slow, step.aim(), Act::Slow(slow(step))),
        Action::Duplicate(step) => {
            let duplicate = step.late.map_or(Duplicate::AtOnce, |late| Duplicate::Late(late.duration()));
            (Fault::Duplicate, step.aim(), Act::Duplicate(duplicate))
        }
        Action::Garble(step) => (Fault::Garble, step.aim(), Act::Garble(Garble(place(step.at)))),
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

fn place(at: Option<Size>) -> At {
    at.map_or(At::Middle, |at| At::Byte(at.bytes()))
}

fn spoil(step: &scenario::SpoilAnswer) -> Act {
    let at = place(step.at);
    Act::Spoil(match step.how {
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
        SpoilHow::ShortOfOne => return Act::LeaveOut,
    })
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

/// Which requests those exchanges are.
#[must_use]
pub fn target(of: Exchange) -> Target {
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

/// `only` as the proxy knows it: times count from `now`, and the order has these ids.
#[must_use]
pub fn narrowed(only: &scenario::Only, entity: Vec<String>, now: Duration) -> Only {
    let time = |span: Option<Span>| span.map(|span| now + span.duration());
    Only {
        method: only.method.clone(),
        path: only.path.clone(),
        entity,
        chance: only.percent.map(|percent| f64::from(percent) / 100.0),
        from: time(only.from),
        until: time(only.until),
        at_once: only.at_once,
    }
}

/// What a refusal does to the changes of orders with these ids.
#[must_use]
pub fn refusal(step: &scenario::RefuseChange, orders: Vec<String>) -> Act {
    let retry_after = step.retry_after.map(|span| span.millis() / 1_000);
    Act::Refuse(Refuse { orders, code: step.with, retry_after })
}

/// What a captive portal does to every request.
#[must_use]
pub fn portal(step: &scenario::CaptivePortal) -> Act {
    Act::Answer(Canned { status: step.how.status(), page: Page::Html, retry_after: None })
}

/// What a server in this state does to every request; nothing when it is up.
#[must_use]
pub fn outage(state: ServerState) -> Option<Act> {
    let overloaded = Canned { status: 503, page: Page::Problem(ErrorCode::ServerError), retry_after: None };
    match state {
        ServerState::Up => None,
        ServerState::Down => Some(Act::LoseRequest(LoseHow::Cut)),
        ServerState::Silent => Some(Act::LoseRequest(LoseHow::Silence)),
        ServerState::Overloaded => Some(Act::Answer(overloaded)),
    }
}

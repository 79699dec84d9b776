//! Checks the steps that make exchanges go wrong: statuses that exist, settings that go together.

use super::at_least_one;
use super::story::Story;
use crate::base::Span;
use crate::history::ServerState;
use crate::protocol::ErrorCode;
use crate::scenario::action::Action;
use crate::scenario::faults::{
    Aim, Answer, AnswerPage, Exchange, Only, RefuseChange, Replay, Slow, SpoilAnswer, SpoilHow,
};
use crate::scenario::outline::{Node, Place};
use crate::scenario::problem::one_of;
use crate::scenario::server_step::CrashServer;
use crate::scenario::step::Crash;

/// The methods of HTTP that an API uses (RFC 9110, 9.3; RFC 5789).
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

impl<'a> Story<'a, '_, '_> {
    /// The steps that make things go wrong, and what a user does about it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) fn goes_wrong(&mut self, step: &'a Action, at: &Node) {
        match step {
            Action::Lose(step) => self.aims(step.aim(), at),
            Action::Answer(step) => self.answers(step, at),
            Action::Spoil(step) => self.spoils(step, at),
            Action::Slow(step) => self.slows(step, at),
            Action::Duplicate(step) => {
                self.aims(step.aim(), at);
                self.lasts(step.late, "late", at);
            }
            Action::Garble(step) => self.aims(step.aim(), at),
            Action::Replay(step) => self.replays(step, at),
            Action::Refuse(step) => self.refuses(step, at),
            Action::CaptivePortal(step) => self.device(&step.device, at.at("device").place),
            Action::Server(state) => self.server_becomes(*state, at.place),
            Action::Revoke(device) => self.device(device, at.place),
            Action::Retry(step) | Action::Discard(step) => self.on(&step.device, &step.order, at),
            Action::Mitm(_) | Action::Handshake(_) | Action::Certificate(_) | Action::OldClient(_) => {
                self.meddles(step, at);
            }
            _ => {}
        }
    }

    fn answers(&mut self, step: &'a Answer, at: &Node) {
        self.aims(step.aim(), at);
        if !(200..600).contains(&step.status) {
            let message = format!("{} is no status of an answer: they go from 200 to 599", step.status);
            self.problems.add(at.at("status").place, message, None);
        }
        match step.page {
            AnswerPage::Problem if step.status < 400 => {
                let help = "write for example `page: html`".to_owned();
                let message = "a problem document goes with statuses from 400 on";
                self.problems.add(at.at("status").place, message, Some(help));
            }
            AnswerPage::Html | AnswerPage::Nothing if step.code.is_some() => {
                self.problems.add(at.key_place("code"), "`code` goes with a problem document alone", None);
            }
            AnswerPage::Problem | AnswerPage::Html | AnswerPage::Nothing => {}
        }
        self.retry_after(step.retry_after, at);
        if step.as_date && step.retry_after.is_none() {
            self.problems.add(at.key_place("as-date"), "`as-date` goes with `retry-after` alone", None);
        }
    }

    fn spoils(&mut self, step: &'a SpoilAnswer, at: &Node) {
        self.aims(step.aim(), at);
        if step.at.is_some() && !step.how.has_place() {
            let help = "it goes with half, cut-off, stalled, overlong and cut-in-head".to_owned();
            self.problems.add(at.key_place("at"), "`at` names no place in an answer spoilt so", Some(help));
        }
        if step.how == SpoilHow::ShortOfOne && step.of != Exchange::Pull {
            let help = Some("write `of: pull`".to_owned());
            self.problems.add(at.at("how").place, "only a page of a pull can be short of a work order", help);
        }
    }

    fn slows(&mut self, step: &'a Slow, at: &Node) {
        self.aims(step.aim(), at);
        self.lasts(Some(step.by), "by", at);
        match step.bytes {
            None if step.what.drips() => {
                let help = Some("add for example `bytes: 100B`".to_owned());
                self.problems.add(at.at("what").place, "a head or a body that dribbles needs `bytes`, a drop", help);
            }
            Some(_) if !step.what.drips() => {
                self.problems.add(at.key_place("bytes"), "`bytes` goes with `what: head` or `body` alone", None);
            }
            Some(bytes) => at_least_one(bytes.bytes(), "bytes", at.at("bytes").place, self.problems),
            None => {}
        }
    }

    fn replays(&mut self, step: &'a Replay, at: &Node) {
        self.aims(step.aim(), at);
        if !(1..=Replay::FARTHEST).contains(&step.back) {
            let message = format!("`back` goes from 1, the last answer, to {}", Replay::FARTHEST);
            self.problems.add(at.at("back").place, message, None);
        }
    }

    fn refuses(&mut self, step: &'a RefuseChange, at: &Node) {
        self.aims(step.aim(), at);
        if let Some(order) = &step.order {
            self.order(order, at.at("order").place);
        }
        self.retry_after(step.retry_after, at);
        match step.with {
            ErrorCode::ServerError | ErrorCode::ValidationError | ErrorCode::VersionConflict => {}
            ErrorCode::NetworkError | ErrorCode::AuthError | ErrorCode::NotFound | ErrorCode::PermissionDenied => {
                let help = "one of SERVER_ERROR, VALIDATION_ERROR, VERSION_CONFLICT".to_owned();
                let message = format!("{} would be a lie that nothing mends", step.with);
                self.problems.add(at.at("with").place, message, Some(help));
            }
        }
    }

    pub(super) fn server_crashes(&mut self, step: &CrashServer, at: &Node) {
        at_least_one(step.after_commit, "after-commit", at.at("after-commit").place, self.problems);
        if self.server != ServerState::Up {
            let help = "write `- server: up` before it".to_owned();
            self.problems.add(at.place, "a server that is away has no power to fail", Some(help));
        }
        self.server = ServerState::Down;
    }

    fn server_becomes(&mut self, state: ServerState, place: Place) {
        if state == self.server {
            let message = "the server is in this state already";
            self.problems.add(place, message, None);
        }
        self.server = state;
    }

    /// The keys that all faults share.
    fn aims(&mut self, aim: Aim<'a>, at: &Node) {
        self.device(aim.device, at.at("device").place);
        self.nth_times(aim.nth, aim.times, at);
        self.narrows(aim.only, at.at("only"));
    }

    /// The keys of a crash that name its exchange.
    pub(super) fn dies_at_exchange(&mut self, step: &'a Crash, at: &Node) {
        at_least_one(step.nth, "nth", at.at("nth").place, self.problems);
        self.narrows(&step.only, at.at("only"));
        for key in ["of", "nth", "only"] {
            if at.has(key) && !step.when.is_of_an_exchange() {
                let message = format!("`{key}` goes with `before-request`, `after-commit` and `after-answer` alone");
                self.problems.add(at.key_place(key), message, None);
            }
        }
    }

    fn narrows(&mut self, only: &'a Only, at: &Node) {
        if let Some(method) = only.method.as_deref().filter(|method| !METHODS.contains(method)) {
            let message = format!("`{method}` is no method of HTTP");
            self.problems.add(at.at("method").place, message, Some(one_of(&method.to_ascii_uppercase(), &METHODS)));
        }
        if only.path.as_deref().is_some_and(|path| !path.starts_with('/')) {
            let help = "write for example `/api/v1/sync/*`".to_owned();
            self.problems.add(at.at("path").place, "a path begins with `/`", Some(help));
        }
        if let Some(order) = &only.order {
            self.order(order, at.at("order").place);
        }
        if only.percent.is_some_and(|percent| !(1..=99).contains(&percent)) {
            let help = "leave it out for always".to_owned();
            self.problems.add(at.at("percent").place, "`percent` goes from 1 to 99", Some(help));
        }
        if let Some(at_once) = only.at_once {
            at_least_one(at_once, "at-once", at.at("at-once").place, self.problems);
        }
        self.lasts(only.until, "until", at);
        if let (Some(from), Some(until)) = (only.from, only.until)
            && from >= until
        {
            self.problems.add(at.at("from").place, "`from` is not before `until`", None);
        }
    }

    fn lasts(&mut self, span: Option<Span>, key: &str, at: &Node) {
        if span == Some(Span::default()) {
            self.problems.add(at.at(key).place, format!("`{key}` must last some time"), None);
        }
    }

    pub(super) fn nth_times(&mut self, nth: u32, times: u32, at: &Node) {
        at_least_one(nth, "nth", at.at("nth").place, self.problems);
        at_least_one(times, "times", at.at("times").place, self.problems);
    }

    fn retry_after(&mut self, span: Option<Span>, at: &Node) {
        if span.is_some_and(|span| span.millis() == 0 || !span.millis().is_multiple_of(1_000)) {
            self.problems.add(at.at("retry-after").place, "`retry-after` is written in whole seconds", None);
        }
    }
}

//! Checks the steps that spoil answers: statuses that exist, settings that go together.

use super::at_least_one;
use super::story::Story;
use crate::base::Span;
use crate::history::ServerState;
use crate::protocol::ErrorCode;
use crate::scenario::faults::{Answer, AnswerPage, RefuseChange, SpoilAnswer};
use crate::scenario::outline::{Node, Place};
use crate::scenario::step::Action;

impl<'a> Story<'a, '_, '_> {
    /// The steps that make things go wrong, and what a user does about it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends the steps of this file here")]
    pub(super) fn goes_wrong(&mut self, step: &'a Action, at: &Node) {
        match step {
            Action::Answer(step) => self.answers(step, at),
            Action::Spoil(step) => self.spoils(step, at),
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
        self.device(&step.device, at.at("device").place);
        self.nth_times(step.nth, step.times, at);
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
        self.device(&step.device, at.at("device").place);
        self.nth_times(step.nth, step.times, at);
    }

    fn refuses(&mut self, step: &'a RefuseChange, at: &Node) {
        self.device(&step.device, at.at("device").place);
        self.nth_times(step.nth, step.times, at);
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

    fn server_becomes(&mut self, state: ServerState, place: Place) {
        if state == self.server {
            let message = "the server is in this state already";
            self.problems.add(place, message, None);
        }
        self.server = state;
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

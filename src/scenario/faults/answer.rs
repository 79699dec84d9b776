//! An answer that the server did not give.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};
use crate::base::Span;
use crate::protocol::ErrorCode;

/// See [`crate::scenario::Action::Answer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answer {
    /// The device or group that gets the answers.
    pub device: String,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// The HTTP status.
    pub status: u16,
    /// What the answer holds; a `problem` when absent.
    #[schemars(example = "page: html")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub page: AnswerPage,
    /// The code of spec 7.1 in a problem document; the one that goes with the status when absent.
    #[schemars(example = "code: AUTH_ERROR")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// How long it asks to wait.
    #[schemars(example = "retry-after: 90s")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
    /// Whether `retry-after` is written as a date.
    #[schemars(example = "as-date: true")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub as_date: bool,
    /// Whether the server has done its work; it has not when absent.
    #[schemars(example = "when: after-commit")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: AnswerWhen,
    /// The first one that it strikes, counted from 1 among those that match, from this step on; 1 when absent.
    #[schemars(example = "nth: 3")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row; then it has recovered. 1 when absent.
    #[schemars(example = "times: 999")]
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
    /// What narrows it further.
    #[schemars(example = "only: { percent: 10, until: 16h }")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub only: Only,
}

impl Answer {
    /// The code in its problem document.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.code.unwrap_or(match self.status {
            401 => ErrorCode::AuthError,
            403 => ErrorCode::PermissionDenied,
            404 | 410 => ErrorCode::NotFound,
            409 => ErrorCode::VersionConflict,
            429 | 500.. => ErrorCode::ServerError,
            _ => ErrorCode::ValidationError,
        })
    }
}

/// What a made-up answer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerPage {
    /// A problem document, as our server writes them.
    #[default]
    Problem,
    /// A page for people, as portals and load balancers send them.
    Html,
    /// Nothing.
    Nothing,
}

/// When a made-up answer is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerWhen {
    /// The server never hears of the request.
    #[default]
    Instead,
    /// The server has done its work, and its own answer is thrown away.
    AfterCommit,
}

aimed!(Answer);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = match self.page {
            AnswerPage::Problem => format!(" {}", self.code()),
            AnswerPage::Html => " with a page".to_owned(),
            AnswerPage::Nothing => " with nothing in it".to_owned(),
        };
        write!(f, "{} will get a {}{page}", self.device, self.status)?;
        if let Some(span) = self.retry_after {
            write!(f, " that asks to wait {span}")?;
        }
        let when = match self.when {
            AnswerWhen::Instead => "in place of",
            AnswerWhen::AfterCommit => "when the work is done, in place of",
        };
        write!(f, " {when} {}", self.aim())
    }
}

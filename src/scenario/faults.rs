//! Steps that spoil answers, take the server away, or end a session; and what a user does about a change that failed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::step::Exchange;
use crate::base::Span;
use crate::history::ServerState;
use crate::protocol::ErrorCode;

/// See [`super::Action::Answer`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answer {
    /// The device or group that gets the answers.
    pub device: String,
    /// To which of its requests.
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// The HTTP status.
    pub status: u16,
    /// What the answer holds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub page: AnswerPage,
    /// The code of spec 7.1 in a problem document; the one that goes with the status when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// How long it asks to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
    /// Whether that is written as a date.
    #[serde(default, skip_serializing_if = "is_default")]
    pub as_date: bool,
    /// Whether the server has done its work.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: AnswerWhen,
    /// The first request that gets it, counted from 1 among those that match.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row get it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerWhen {
    /// The server never hears of the request.
    #[default]
    Instead,
    /// The server has done its work, and its own answer is thrown away.
    AfterCommit,
}

/// See [`super::Action::Spoil`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoilAnswer {
    /// The device or group whose answers are damaged.
    pub device: String,
    /// Of which exchanges.
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// In which way.
    pub how: SpoilHow,
    /// The first one, counted from 1 among those that match.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
}

/// How an answer is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoilHow {
    /// Its body is gone.
    Empty,
    /// Half of its body is gone, and nothing says so.
    Half,
    /// The connection ends in the middle of it.
    CutOff,
    /// Nothing more comes after the middle of it, on an open connection.
    Stalled,
    /// It is whole, and called a page for people.
    Mislabelled,
}

/// See [`super::Action::Refuse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefuseChange {
    /// The device or group whose pushes are concerned.
    pub device: String,
    /// The order whose changes fail: id or label; that of a push's first change when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The code of spec 7.1.
    #[serde(default = "server_error", skip_serializing_if = "is_server_error")]
    pub with: ErrorCode,
    /// How long the result asks to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
    /// The first push, counted from 1 among those that hold such a change.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub nth: u32,
    /// How many in a row.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub times: u32,
}

/// See [`super::Action::CaptivePortal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptivePortal {
    /// The device or group.
    pub device: String,
    /// What the portal says to every request.
    #[serde(default, skip_serializing_if = "is_default")]
    pub how: PortalHow,
}

/// What a captive portal answers, with a page for people each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortalHow {
    /// 200.
    #[default]
    LoginPage,
    /// 302 to its login page.
    Redirect,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
}

impl PortalHow {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::LoginPage => 200,
            Self::Redirect => 302,
            Self::Forbidden => 403,
            Self::NotFound => 404,
        }
    }
}

/// See [`super::Action::Retry`] and [`super::Action::Discard`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedChange {
    /// The device or group.
    pub device: String,
    /// The order: id or label.
    pub order: String,
}

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
        write!(f, " {when} {}", Which(self.of, self.nth, self.times))
    }
}

impl fmt::Display for SpoilAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            SpoilHow::Empty => "empty",
            SpoilHow::Half => "by half",
            SpoilHow::CutOff => "cut off in the middle",
            SpoilHow::Stalled => "stalled in the middle",
            SpoilHow::Mislabelled => "called a page",
        };
        write!(f, "{} will get {} {how}", self.device, Which(self.of, self.nth, self.times))
    }
}

impl fmt::Display for RefuseChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.order.as_deref().unwrap_or("the first order");
        write!(f, "the server will fail on {order} with {} in the pushes of {}", self.with, self.device)?;
        if let Some(span) = self.retry_after {
            write!(f, ", asking to wait {span}")?;
        }
        if self.times > 1 { write!(f, ", {} times", self.times) } else { Ok(()) }
    }
}

impl fmt::Display for CaptivePortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            PortalHow::LoginPage => "its login page",
            PortalHow::Redirect => "a redirect to its login page",
            PortalHow::Forbidden => "a page that forbids it",
            PortalHow::NotFound => "a page that knows nothing",
        };
        write!(f, "{} comes behind a captive portal, which answers everything with {how}", self.device)
    }
}

/// The server's state in words.
pub(super) const fn server_words(state: ServerState) -> &'static str {
    match state {
        ServerState::Up => "is back",
        ServerState::Down => "is down",
        ServerState::Silent => "says nothing any more",
        ServerState::Overloaded => "is overloaded",
    }
}

/// Which answers a step is about: `the 2nd answer to a push and the 3 after it`.
struct Which(Exchange, u32, u32);

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(of, nth, times) = *self;
        let of = match of {
            Exchange::Push => " to a push",
            Exchange::Pull => " to a pull",
            Exchange::SignIn => " to a sign-in",
            Exchange::Refresh => " to a token refresh",
            Exchange::Upload => " to an upload",
            Exchange::Any => "",
        };
        write!(f, "answer {nth}{of}")?;
        if times > 1 { write!(f, " and the {} after it", times - 1) } else { Ok(()) }
    }
}

const fn one() -> u32 {
    1
}

const fn server_error() -> ErrorCode {
    ErrorCode::ServerError
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
const fn is_one(value: &u32) -> bool {
    *value == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
const fn is_server_error(value: &ErrorCode) -> bool {
    matches!(value, ErrorCode::ServerError)
}

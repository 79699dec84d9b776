//! An error for some changes inside a good answer to a push.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{is_default, is_one, one};
use crate::base::Span;
use crate::protocol::ErrorCode;

/// See [`crate::scenario::Action::Refuse`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RefuseChange {
    /// The device or group whose pushes are concerned.
    pub device: String,
    /// The order whose changes fail: id or label; that of a push's first change when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The code of spec 7.1; `SERVER_ERROR` when absent.
    #[serde(default = "server_error", skip_serializing_if = "is_server_error")]
    pub with: ErrorCode,
    /// How long the result asks to wait.
    #[schemars(example = "retry-after: 2min")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
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

impl RefuseChange {
    /// Which exchanges it is about.
    #[must_use]
    pub fn aim(&self) -> Aim<'_> {
        let Self { device, nth, times, only, .. } = self;
        Aim { device, of: Exchange::Push, nth: *nth, times: *times, only }
    }
}

impl fmt::Display for RefuseChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = self.order.as_deref().unwrap_or("the first order");
        write!(f, "the server will fail on {order} with {} in the pushes of {}", self.with, self.device)?;
        if let Some(span) = self.retry_after {
            write!(f, ", asking to wait {span}")?;
        }
        if self.times > 1 {
            write!(f, ", {} times", self.times)?;
        }
        self.only.fmt(f)
    }
}

const fn server_error() -> ErrorCode {
    ErrorCode::ServerError
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if takes a reference")]
const fn is_server_error(value: &ErrorCode) -> bool {
    matches!(value, ErrorCode::ServerError)
}

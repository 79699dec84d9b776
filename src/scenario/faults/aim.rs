//! Which exchanges a fault is about: the keys that all faults share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;
use crate::base::Span;

/// Kinds of exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Exchange {
    /// Pushes.
    Push,
    /// Pulls, each page one.
    Pull,
    /// Sign-ins.
    SignIn,
    /// Token refreshes.
    Refresh,
    /// The user's profile.
    Profile,
    /// What the user picks to sync.
    Selection,
    /// Requests of uploads.
    Upload,
    /// Requests for files.
    File,
    /// All of them.
    #[default]
    Any,
}

impl Exchange {
    /// ` of a push`, or nothing for any.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Push => " of a push",
            Self::Pull => " of a pull",
            Self::SignIn => " of a sign-in",
            Self::Refresh => " of a token refresh",
            Self::Profile => " of a profile",
            Self::Selection => " of a selection",
            Self::Upload => " of an upload",
            Self::File => " of a file",
            Self::Any => "",
        }
    }
}

/// `only`: what narrows a fault beyond `device`, `of`, `nth` and `times`. All that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Only {
    /// The HTTP method, in capitals.
    #[schemars(example = "method: POST")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path without its query; with a `*` at its end, all that begin so.
    #[schemars(example = "path: /api/v1/sync/*")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// An order in the path or the body: id or label.
    #[schemars(example = "order: WO-000001")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// It strikes so many in a hundred of those that it could, drawn from the run's seed.
    #[schemars(example = "percent: 10")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u8>,
    /// Not before so long from now.
    #[schemars(example = "from: 1h")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Span>,
    /// No more from so long from now on.
    #[schemars(example = "until: 16h")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// Never more than so many at once; what comes meanwhile passes.
    #[schemars(example = "at-once: 1")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// It is no failure of the scenario if it never strikes.
    #[schemars(example = "may-miss: true")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub may_miss: bool,
}

impl fmt::Display for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(percent) = self.percent {
            write!(f, ", with {percent} % chance")?;
        }
        if let Some(method) = &self.method {
            write!(f, ", {method} only")?;
        }
        if let Some(path) = &self.path {
            write!(f, ", at {path} only")?;
        }
        if let Some(order) = &self.order {
            write!(f, ", about {order} only")?;
        }
        if let Some(from) = self.from {
            write!(f, ", from {from} on")?;
        }
        if let Some(until) = self.until {
            write!(f, ", for {until}")?;
        }
        if let Some(at_once) = self.at_once {
            write!(f, ", {at_once} at once at most")?;
        }
        Ok(())
    }
}

/// Which exchanges a fault is about. In words: `answer 2 of a push and the 3 after it`.
#[derive(Clone, Copy, Debug)]
pub struct Aim<'a> {
    /// The device or group.
    pub device: &'a str,
    /// Kind of exchange.
    pub of: Exchange,
    /// The first one, from 1.
    pub nth: u32,
    /// How many.
    pub times: u32,
    /// What narrows it further.
    pub only: &'a Only,
}

impl fmt::Display for Aim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answer {}{}", self.nth, self.of.words())?;
        if self.times > 1 {
            write!(f, " and the {} after it", self.times - 1)?;
        }
        self.only.fmt(f)
    }
}

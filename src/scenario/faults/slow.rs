//! An exchange that takes its time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};
use crate::base::{Size, Span};

/// See [`crate::scenario::Action::Slow`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// The device or group that waits.
    pub device: String,
    /// Which part of an exchange takes its time.
    pub what: SlowPart,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// How long it waits; of a head or a body, before each drop.
    pub by: Span,
    /// Of a head or a body: bytes of a drop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Size>,
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

/// What can be slow about an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SlowPart {
    /// The way of the request to the server.
    Request,
    /// The way of the answer back, once the server has done its work.
    Answer,
    /// The answer's head, drop by drop.
    Head,
    /// The answer's body, drop by drop.
    Body,
}

impl SlowPart {
    /// Whether it comes drop by drop.
    #[must_use]
    pub const fn drips(self) -> bool {
        matches!(self, Self::Head | Self::Body)
    }
}

aimed!(Slow);

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (device, by, aim) = (&self.device, self.by, self.aim());
        let bytes = self.bytes.unwrap_or(Size::new(1));
        match self.what {
            SlowPart::Request => write!(f, "the requests of {device} will reach the server {by} late, for {aim}"),
            SlowPart::Answer => write!(f, "{device} will get {aim} {by} late"),
            SlowPart::Head => write!(f, "{device} will get the head of {aim} by {bytes} every {by}"),
            SlowPart::Body => write!(f, "{device} will get the body of {aim} by {bytes} every {by}"),
        }
    }
}

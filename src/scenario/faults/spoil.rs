//! An answer that arrives damaged.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aim::{Aim, Exchange, Only};
use super::{aimed, is_default, is_one, one};
use crate::base::Size;

/// See [`crate::scenario::Action::Spoil`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpoilAnswer {
    /// The device or group whose answers are damaged.
    pub device: String,
    /// Kind of exchange; any when absent.
    #[schemars(example = "of: push")]
    #[serde(default, skip_serializing_if = "is_default")]
    pub of: Exchange,
    /// In which way.
    pub how: SpoilHow,
    /// Where in its body, or its head: so many bytes from the start; half of it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Size>,
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

/// How an answer is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SpoilHow {
    /// Its body is gone.
    Empty,
    /// Its body ends early, and nothing says so.
    Half,
    /// The connection ends within its body.
    CutOff,
    /// Nothing more comes from within its body on, on an open connection.
    Stalled,
    /// Its length is said too short, and the rest lies before the next answer.
    Overlong,
    /// The connection ends within its head.
    CutInHead,
    /// It comes in chunks, and the connection ends within one.
    CutInChunk,
    /// It comes in chunks, of which one has no length.
    BadChunk,
    /// In its place come bytes that are no HTTP.
    Garbage,
    /// Its gzip coding is broken.
    BadGzip,
    /// It is whole, and called a page for people.
    Mislabelled,
    /// A page of a pull lacks a work order, and looks whole.
    ShortOfOne,
}

impl SpoilHow {
    /// Whether it happens at a place that can be named.
    #[must_use]
    pub const fn has_place(self) -> bool {
        matches!(self, Self::Half | Self::CutOff | Self::Stalled | Self::Overlong | Self::CutInHead)
    }
}

aimed!(SpoilAnswer);

impl fmt::Display for SpoilAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            SpoilHow::Empty => "empty",
            SpoilHow::Half => "by half",
            SpoilHow::CutOff => "cut off",
            SpoilHow::Stalled => "stalled",
            SpoilHow::Overlong => "longer than it says",
            SpoilHow::CutInHead => "cut off in its head",
            SpoilHow::CutInChunk => "cut off in a chunk",
            SpoilHow::BadChunk => "with a chunk that has no length",
            SpoilHow::Garbage => "as garbage",
            SpoilHow::BadGzip => "with its gzip broken",
            SpoilHow::Mislabelled => "called a page",
            SpoilHow::ShortOfOne => "short of one work order",
        };
        write!(f, "{} will get {} {how}", self.device, self.aim())?;
        match self.at {
            Some(at) => write!(f, ", at byte {}", at.bytes()),
            None => Ok(()),
        }
    }
}

//! Days of work that nobody wants to write down edit by edit.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Span;

/// See [`super::Action::Work`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Work {
    /// The device or group.
    pub device: String,
    /// For so many days; the step takes as long.
    pub days: u32,
    /// Changes a day on each device, at drawn times, to drawn orders among those that it holds.
    pub edits_a_day: u32,
    /// Once a day each device has no signal, from a drawn time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_zone: Option<DeadZone>,
}

/// How long a daily dead zone lasts: drawn between the two, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeadZone {
    /// At least so long.
    pub at_least: Span,
    /// At most so long; within a day.
    pub at_most: Span,
}

/// One day.
pub const DAY: Span = Span::from_millis(24 * 60 * 60 * 1000);

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} works for {} days, {} changes a day", self.device, self.days, self.edits_a_day)?;
        match self.dead_zone {
            None => Ok(()),
            Some(zone) => write!(f, ", a dead zone of {} to {} each day", zone.at_least, zone.at_most),
        }
    }
}

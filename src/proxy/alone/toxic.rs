//! Toxics: faults of a byte stream, by the names, the attributes and the units of Toxiproxy's control API.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// No attribute is larger: in milliseconds a year, so that no time overflows.
const MOST: u64 = 365 * 24 * 3600 * 1000;

/// Which way the bytes go that a toxic is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    /// From the client to the server.
    Upstream,
    /// From the server to the client.
    #[default]
    Downstream,
}

impl Stream {
    /// The stream by its name.
    #[must_use]
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "upstream" => Some(Self::Upstream),
            "downstream" | "" => Some(Self::Downstream),
            _ => None,
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        })
    }
}

/// A toxic of a proxy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Toxic {
    /// Its name, of which a proxy has no second.
    pub(super) name: String,
    /// Which way.
    pub(super) stream: Stream,
    /// The share of connections that it concerns, from 0 to 1.
    pub(super) toxicity: f64,
    /// What it does.
    pub(super) kind: Kind,
}

/// What a toxic does, with its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Everything arrives later.
    Latency {
        /// By so many milliseconds.
        latency: u64,
        /// And by up to so many more or fewer.
        jitter: u64,
    },
    /// Each connection gets this rate.
    Bandwidth {
        /// In kB (1,000 bytes) a second; 0 is no limit.
        rate: u64,
    },
    /// The end of the stream arrives later.
    SlowClose {
        /// By so many milliseconds.
        delay: u64,
    },
    /// Nothing arrives, and then the connection is closed.
    Timeout {
        /// After so many milliseconds; never when 0.
        timeout: u64,
    },
    /// The connection is reset once there are data.
    ResetPeer {
        /// So many milliseconds after them.
        timeout: u64,
    },
    /// Data arrive in small pieces.
    Slicer {
        /// Of so many bytes.
        average_size: u64,
        /// Give or take so many.
        size_variation: u64,
        /// With so many microseconds between two of them.
        delay: u64,
    },
    /// The connection is closed after some bytes.
    LimitData {
        /// After so many.
        bytes: u64,
    },
}

/// Why something is no toxic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToxicError {
    /// There is no such type.
    Type,
    /// There is no such stream.
    Stream,
    /// An attribute is wrong: how.
    Attribute(String),
}

/// A toxic as a request describes it; what is absent keeps its value, or gets its default.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Description {
    /// `<type>_<stream>` by default.
    #[serde(default)]
    pub(super) name: String,
    /// The type.
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    /// `downstream` by default.
    #[serde(default)]
    pub(super) stream: String,
    /// 1 by default.
    #[serde(default)]
    pub(super) toxicity: Option<f64>,
    /// By name; 0 by default.
    #[serde(default)]
    pub(super) attributes: Option<Map<String, Value>>,
}

impl Toxic {
    /// A new toxic.
    ///
    /// # Errors
    /// When type, stream, toxicity or attributes are none.
    pub(super) fn new(description: Description) -> Result<Self, ToxicError> {
        let stream = Stream::named(&description.stream).ok_or(ToxicError::Stream)?;
        let blank = Kind::blank(&description.kind).ok_or(ToxicError::Type)?;
        let name = match description.name {
            name if name.is_empty() => format!("{}_{stream}", description.kind),
            name => name,
        };
        let mut toxic = Self { name, stream, toxicity: 1.0, kind: blank };
        toxic.change(description.toxicity, description.attributes)?;
        Ok(toxic)
    }

    /// Changes what is given and leaves the rest.
    ///
    /// # Errors
    /// When toxicity or attributes are none; nothing is changed then.
    pub(super) fn change(
        &mut self,
        toxicity: Option<f64>,
        attributes: Option<Map<String, Value>>,
    ) -> Result<(), ToxicError> {
        let toxicity = toxicity.unwrap_or(self.toxicity);
        if !(0.0..=1.0).contains(&toxicity) {
            return Err(ToxicError::Attribute(format!("toxicity must lie between 0 and 1, not at {toxicity}")));
        }
        let mut kind = self.kind;
        for (name, value) in attributes.unwrap_or_default() {
            kind.set(&name, &value)?;
        }
        (self.toxicity, self.kind) = (toxicity, kind);
        Ok(())
    }

    /// As the API shows it.
    #[must_use]
    pub(super) fn to_json(&self) -> Value {
        let attributes: Map<String, Value> =
            self.kind.attributes().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        serde_json::json!({
            "attributes": attributes, "name": self.name, "type": self.kind.name(),
            "stream": self.stream, "toxicity": self.toxicity,
        })
    }
}

impl Kind {
    /// The kind called `name` with all attributes 0.
    fn blank(name: &str) -> Option<Self> {
        Some(match name {
            "latency" => Self::Latency { latency: 0, jitter: 0 },
            "bandwidth" => Self::Bandwidth { rate: 0 },
            "slow_close" => Self::SlowClose { delay: 0 },
            "timeout" => Self::Timeout { timeout: 0 },
            "reset_peer" => Self::ResetPeer { timeout: 0 },
            "slicer" => Self::Slicer { average_size: 0, size_variation: 0, delay: 0 },
            "limit_data" => Self::LimitData { bytes: 0 },
            _ => return None,
        })
    }

    /// Its name in the API.
    #[must_use]
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Bandwidth { .. } => "bandwidth",
            Self::SlowClose { .. } => "slow_close",
            Self::Timeout { .. } => "timeout",
            Self::ResetPeer { .. } => "reset_peer",
            Self::Slicer { .. } => "slicer",
            Self::LimitData { .. } => "limit_data",
        }
    }

    fn attributes(&self) -> Vec<(&'static str, u64)> {
        match *self {
            Self::Latency { latency, jitter } => vec![("latency", latency), ("jitter", jitter)],
            Self::Bandwidth { rate } => vec![("rate", rate)],
            Self::SlowClose { delay } => vec![("delay", delay)],
            Self::Timeout { timeout } | Self::ResetPeer { timeout } => vec![("timeout", timeout)],
            Self::Slicer { average_size, size_variation, delay } => {
                vec![("average_size", average_size), ("size_variation", size_variation), ("delay", delay)]
            }
            Self::LimitData { bytes } => vec![("bytes", bytes)],
        }
    }

    fn set(&mut self, name: &str, value: &Value) -> Result<(), ToxicError> {
        let known: Vec<&str> = self.attributes().iter().map(|(name, _)| *name).collect();
        let kind = self.name();
        let place = match (&mut *self, name) {
            (Self::Latency { latency, .. }, "latency") => latency,
            (Self::Latency { jitter, .. }, "jitter") => jitter,
            (Self::Bandwidth { rate }, "rate") => rate,
            (Self::SlowClose { delay } | Self::Slicer { delay, .. }, "delay") => delay,
            (Self::Timeout { timeout } | Self::ResetPeer { timeout }, "timeout") => timeout,
            (Self::Slicer { average_size, .. }, "average_size") => average_size,
            (Self::Slicer { size_variation, .. }, "size_variation") => size_variation,
            (Self::LimitData { bytes }, "bytes") => bytes,
            _ => {
                let known = known.join(", ");
                return Err(ToxicError::Attribute(format!("{kind} has no attribute `{name}`, but: {known}")));
            }
        };
        let most = if kind == "limit_data" { u64::MAX } else { MOST };
        match value.as_u64() {
            Some(number) if number <= most => *place = number,
            Some(_) | None => {
                let wanted = format!("{name} must be a whole number from 0 to {most}, not {value}");
                return Err(ToxicError::Attribute(wanted));
            }
        }
        Ok(())
    }
}

/// Milliseconds of an attribute.
pub(super) const fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn toxic(description: Value) -> Result<Toxic, ToxicError> {
        Toxic::new(serde_json::from_value(description).unwrap())
    }

    #[test]
    fn absent_values_get_toxiproxys_defaults() {
        let toxic = toxic(json!({ "type": "latency", "attributes": { "latency": 100 } })).unwrap();
        let expected = json!({ "attributes": { "latency": 100, "jitter": 0 }, "name": "latency_downstream",
            "type": "latency", "stream": "downstream", "toxicity": 1.0 });
        assert_eq!(toxic.to_json(), expected);
    }

    #[test]
    fn every_type_shows_what_it_was_given() {
        let all = [
            ("latency", json!({ "latency": 1, "jitter": 2 })),
            ("bandwidth", json!({ "rate": 3 })),
            ("slow_close", json!({ "delay": 4 })),
            ("timeout", json!({ "timeout": 5 })),
            ("reset_peer", json!({ "timeout": 6 })),
            ("slicer", json!({ "average_size": 7, "size_variation": 8, "delay": 9 })),
            ("limit_data", json!({ "bytes": 10 })),
        ];
        for (kind, attributes) in all {
            let shown = toxic(json!({ "type": kind, "stream": "upstream", "attributes": attributes.clone() })).unwrap();
            assert_eq!(shown.to_json()["attributes"], attributes);
            assert_eq!(shown.name, format!("{kind}_upstream"));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_changes_nothing() {
        assert_eq!(toxic(json!({ "type": "warp" })), Err(ToxicError::Type));
        assert_eq!(toxic(json!({ "type": "latency", "stream": "sideways" })), Err(ToxicError::Stream));
        let wrong = [json!({ "rate": -1 }), json!({ "rate": "fast" }), json!({ "rate": 1.5 }), json!({ "raet": 1 })];
        for attributes in wrong {
            let error = toxic(json!({ "type": "bandwidth", "attributes": attributes })).unwrap_err();
            assert!(matches!(error, ToxicError::Attribute(_)), "{error:?}");
        }
        for toxicity in [-0.1, 1.1, f64::NAN] {
            let mut good = toxic(json!({ "type": "bandwidth", "attributes": { "rate": 7 } })).unwrap();
            assert!(good.change(Some(toxicity), Some(Map::from_iter([("rate".into(), json!(9))]))).is_err());
            assert_eq!(good.kind, Kind::Bandwidth { rate: 7 });
        }
    }
}

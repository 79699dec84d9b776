//! Quantities whose unit must be written: `250ms`, `5MB`, `750kbps`. A bare number is refused.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Why a quantity could not be read; the text is for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnitError {}

/// What a kind of quantity needs to be read and printed: its units, largest last, each with its factor.
struct Kind {
    what: &'static str,
    example: &'static str,
    units: &'static [(&'static str, u128)],
}

/// Factors are microseconds.
const SPAN: Kind = Kind {
    what: "a duration",
    example: "250ms, 5s, 15min, 2h or 7d",
    units: &[
        ("us", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("min", 60_000_000),
        ("h", 3_600_000_000),
        ("d", 86_400_000_000),
    ],
};

/// Factors are bytes.
const SIZE: Kind = Kind {
    what: "a size",
    example: "512B, 64KiB, 1.5kB or 5MB",
    units: &[("B", 1), ("kB", 1_000), ("KiB", 1_024), ("MB", 1_000_000), ("MiB", 1_048_576), ("GB", 1_000_000_000)],
};

/// Factors are bits a second.
const RATE: Kind = Kind {
    what: "a rate",
    example: "750kbps or 1.6Mbps",
    units: &[("bps", 1), ("kbps", 1_000), ("Mbps", 1_000_000), ("Gbps", 1_000_000_000)],
};

/// Factors are millionths.
const SHARE: Kind = Kind { what: "a share", example: "1.5%", units: &[("ppm", 1), ("%", 10_000)] };

impl Kind {
    fn units_text(&self) -> String {
        self.units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// What editors check; a bound on digits is left to reading.
    fn schema(&self) -> Schema {
        let units: Vec<&str> = self.units.iter().map(|(name, _)| *name).collect();
        let examples: Vec<&str> = self.example.split(", ").flat_map(|part| part.split(" or ")).collect();
        json_schema!({
            "type": "string",
            "title": self.what,
            "description": format!("{} with its unit: {}.", self.what, self.units_text()),
            "pattern": format!(r"^ *[0-9]+(\.[0-9]+)? *({}) *$", units.join("|")),
            "examples": examples,
        })
    }

    fn parse(&self, text: &str) -> Result<u64, UnitError> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..split], text[split..].trim_start());
        let fail = |why: String| {
            UnitError(format!("`{text}` is not {}: {why}; write for example {}", self.what, self.example))
        };
        if number.is_empty() {
            return Err(fail("it does not start with a number".into()));
        }
        if unit.is_empty() {
            return Err(fail(format!("its unit is missing ({})", self.units_text())));
        }
        let Some((_, factor)) = self.units.iter().find(|(name, _)| *name == unit) else {
            return Err(fail(format!("`{unit}` is none of {}", self.units_text())));
        };
        scaled(number, *factor).ok_or_else(|| fail("the number is malformed, too large or too fine".into()))
    }

    /// The largest unit that divides `value` exactly, so that printing and parsing are inverse.
    fn print(&self, value: u64) -> String {
        let value = u128::from(value);
        let fits = |(_, factor): &&(&str, u128)| value.is_multiple_of(*factor) && (value > 0 || *factor == 1);
        let (name, factor) = self.units.iter().rev().find(fits).copied().unwrap_or((self.units[0].0, 1));
        format!("{}{name}", value / factor)
    }
}

/// `number` (digits with at most one point) times `factor`, exact; `None` when it does not fit or leaves a remainder.
fn scaled(number: &str, factor: u128) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.is_empty() || fraction.len() > 12 || whole.len() > 20 || fraction.contains('.') {
        return None;
    }
    let divisor = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let parts = whole.parse::<u128>().ok()?.checked_mul(divisor)? + fraction.parse::<u128>().ok()?;
    let scaled = parts.checked_mul(factor)?;
    if !scaled.is_multiple_of(divisor) {
        return None;
    }
    u64::try_from(scaled / divisor).ok()
}

macro_rules! quantity {
    ($name:ident, $kind:ident, $doc:literal, $get:ident, $get_doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(u64);

        impl $name {
            #[doc = concat!("From ", $get_doc)]
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            #[doc = concat!("In ", $get_doc)]
            #[must_use]
            pub const fn $get(self) -> u64 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = UnitError;
            fn from_str(text: &str) -> Result<Self, UnitError> {
                $kind.parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&$kind.print(self.0))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $kind.schema()
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} such as {}", $kind.what, $kind.example)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

quantity!(Span, SPAN, "A duration.", micros, "microseconds.");
quantity!(Size, SIZE, "A number of bytes.", bytes, "bytes.");
quantity!(Rate, RATE, "A data rate.", bits_per_second, "bits a second.");
quantity!(Share, SHARE, "A share of something, also a chance.", ppm, "millionths.");

impl Span {
    /// As the standard library's duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// From whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// In whole milliseconds, rounded down.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn written_units_are_read() {
        assert_eq!("250ms".parse::<Span>().unwrap().micros(), 250_000);
        assert_eq!("1.5h".parse::<Span>().unwrap().micros(), 5_400_000_000);
        assert_eq!("5MB".parse::<Size>().unwrap().bytes(), 5_000_000);
        assert_eq!("64 KiB".parse::<Size>().unwrap().bytes(), 65_536);
        assert_eq!("750kbps".parse::<Rate>().unwrap().bits_per_second(), 750_000);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let why = |text: &str| text.parse::<Span>().unwrap_err().to_string();
        assert!(why("250").contains("unit is missing"));
        assert!(why("250sec").contains("`sec` is none of us, ms, s"));
        assert!(why("fast").contains("does not start with a number"));
        assert!(why("1..5s").contains("malformed"));
        assert!(why("99999999999999999999999d").contains("too large"));
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(value: u64) {
            prop_assert_eq!(Span::new(value).to_string().parse(), Ok(Span::new(value)));
            prop_assert_eq!(Size::new(value).to_string().parse(), Ok(Size::new(value)));
            prop_assert_eq!(Rate::new(value).to_string().parse(), Ok(Rate::new(value)));
            prop_assert_eq!(Share::new(value).to_string().parse(), Ok(Share::new(value)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Span>();
        }
    }
}

//! The cursor of a pull: opaque to the client, which echoes it verbatim (decision a).

use std::fmt;
use std::str::FromStr;

/// Where a device stands in the order of commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Kinds that the pull asks for, a bit each. Others would be passed over by a cursor that knows nothing of them.
    pub(super) kinds: u8,
    /// The last commit of the device's snapshot: what was merely retained by then, it never got.
    pub(super) origin: i64,
    /// The device surely holds everything up to this commit: records are compared with it.
    pub(super) base: i64,
    /// The pull begins after this commit. Later than `base` when records changed while the pages of the pull before
    /// were read: what such a record had to tell then was not sent, and is owed.
    pub(super) since: i64,
    /// Set between the pages of one pull.
    pub(super) within: Option<Within>,
}

/// A place between two pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Within {
    /// The last commit of this pull, fixed by its first page.
    pub(super) upper: i64,
    /// The commit that last touched the last row sent.
    pub(super) touched: i64,
    /// That row's place among those of the same commit.
    pub(super) entry: i64,
    /// The kind that a snapshot has come to; 0 in a delta, which mixes them.
    pub(super) kind: u8,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}-{}", self.kinds, self.origin, self.base, self.since)?;
        match self.within {
            Some(Within { upper, touched, entry, kind: 0 }) => write!(f, "-{upper}-{touched}-{entry}"),
            Some(Within { upper, touched, entry, kind }) => write!(f, "-{upper}-{touched}-{entry}-{kind}"),
            None => Ok(()),
        }
    }
}

/// A cursor that this server never gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CursorError;

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cursor is none that this server gave")
    }
}

impl std::error::Error for CursorError {}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        // `parse` alone would take a sign.
        let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => part.parse::<i64>().map_err(|_| CursorError),
            false => Err(CursorError),
        };
        let numbers = text.split('-').map(number).collect::<Result<Vec<_>, _>>()?;
        let (head, within) = match numbers[..] {
            [kinds, origin, base, since] => ([kinds, origin, base, since], None),
            [kinds, origin, base, since, upper, touched, entry, ref kind @ ..]
                if since <= touched && touched <= upper && kind.len() <= 1 =>
            {
                let kind = kind.first().map_or(Ok(0), |kind| u8::try_from(*kind)).map_err(|_| CursorError)?;
                ([kinds, origin, base, since], Some(Within { upper, touched, entry, kind }))
            }
            _ => return Err(CursorError),
        };
        let [kinds, origin, base, since] = head;
        if base > since {
            return Err(CursorError);
        }
        Ok(Self { kinds: u8::try_from(kinds).map_err(|_| CursorError)?, origin, base, since, within })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let between = Cursor {
            kinds: 7,
            origin: 1,
            base: 2,
            since: 3,
            within: Some(Within { upper: 9, touched: 4, entry: 17, kind: 0 }),
        };
        let after = Cursor { within: None, ..between };
        let snapshot = Cursor { within: between.within.map(|within| Within { kind: 2, ..within }), ..between };
        assert_eq!(snapshot.to_string().parse(), Ok(snapshot));
        assert_eq!(between.to_string().parse(), Ok(between));
        assert_eq!(after.to_string().parse(), Ok(after));
    }

    #[test]
    fn what_was_never_given_is_refused() {
        for text in [
            "",
            "7",
            "7-1-2",
            "7-1-3-2",
            "7-1-2-+3",
            "7-1-2-x",
            "7-1-2-3-9-10-1",
            "999-1-2-3",
            "7-1-2-3-4",
            "7-1-2-3-9-4-1-x",
            "7-1-2-3-9-4-1-300",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }
}

//! Text that is stored compressed (spec 6.3): queue payloads and what people write at length.
//!
//! What gzip makes shorter is a BLOB, everything else the TEXT that it is: the storage class is the mark, so that rows of
//! before are read like any other. No query may look into such a column.

use std::borrow::Cow;

use rusqlite::types::{Value as SqlValue, ValueRef};

use super::StoreError;
use crate::protocol::gzip;

/// Fields of a work order that are stored so (spec 6.3: description, notes).
pub(super) const FIELDS: &[&str] = &["description", "completionNotes", "rootCause"];

/// No text that this engine has packed is longer, in bytes.
const LONGEST: usize = 64 << 20;

/// `text` as its column holds it.
pub(super) fn pack(text: String) -> SqlValue {
    if text.len() >= gzip::WORTH_PACKING
        && let Ok(packed) = gzip::pack(text.as_bytes())
        && packed.len() < text.len()
    {
        return SqlValue::Blob(packed);
    }
    SqlValue::Text(text)
}

/// The text in such a column; `None` for NULL.
pub(super) fn unpack(value: ValueRef<'_>) -> Result<Option<Cow<'_, str>>, StoreError> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(packed) => {
            let plain = gzip::unpack(packed, LONGEST).map_err(|error| damaged(&error.to_string()))?;
            Ok(Some(Cow::Owned(String::from_utf8(plain).map_err(|error| damaged(&error.to_string()))?)))
        }
        ValueRef::Text(text) => {
            Ok(Some(Cow::Borrowed(std::str::from_utf8(text).map_err(|error| damaged(&error.to_string()))?)))
        }
        ValueRef::Integer(_) | ValueRef::Real(_) => Err(damaged("it is a number")),
    }
}

fn damaged(why: &str) -> StoreError {
    StoreError::new(format!("a stored text is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back_as_it_was_and_only_what_gains_is_packed() {
        let long = "The seal was replaced and torqued to 45 Nm. ".repeat(9);
        let noise = (0..200_u32).map(|n| char::from(b' ' + (n.wrapping_mul(n) * 31 % 90) as u8)).collect::<String>();
        for (text, packed) in
            [("", false), ("Sealed", false), (long.as_str(), true), (noise.as_str(), noise.len() > 400)]
        {
            let column = pack(text.to_owned());
            if text != noise {
                assert_eq!(matches!(column, SqlValue::Blob(_)), packed, "{text}");
            }
            assert_eq!(unpack(ValueRef::from(&column)).unwrap().as_deref(), Some(text));
        }
        assert_eq!(unpack(ValueRef::Null).unwrap(), None);
        let SqlValue::Blob(bytes) = pack(long) else { panic!("it is packed") };
        assert!(bytes.len() < 90, "{}", bytes.len());
        assert!(unpack(ValueRef::Blob(&bytes[1..])).is_err());
        assert!(unpack(ValueRef::Blob(&bytes[..bytes.len() - 1])).is_err());
    }
}

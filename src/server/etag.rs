//! Entity tags and conditional requests (RFC 9110, 8.8.3 and 13.1.2).

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::base::hex;

/// The strong tag of what is called `name`.
pub(super) fn strong(name: &str) -> String {
    format!("\"{name}\"")
}

/// The weak tag of what is called `name`: it may be told in different bytes.
pub(super) fn weak(name: &str) -> String {
    format!("W/\"{name}\"")
}

/// The weak tag of `value` by what it says.
pub(super) fn of_content(value: &impl Serialize) -> String {
    let digest = Sha256::digest(serde_json::to_vec(value).unwrap_or_default());
    weak(&hex(&digest[..8]))
}

/// Whether an `If-None-Match` names `tag`; tags are compared weakly there.
pub(super) fn matches(if_none_match: Option<&str>, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if_none_match.is_some_and(|tags| tags.trim() == "*" || tags.split(',').any(|known| opaque(known) == opaque(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_weak_or_not_and_no_other_is() {
        let tag = strong("a1");
        for known in ["\"a1\"", "W/\"a1\"", "\"b\", \"a1\"", "*"] {
            assert!(matches(Some(known), &tag), "{known}");
        }
        for known in ["\"a\"", "a1", "\"A1\"", ""] {
            assert!(!matches(Some(known), &tag), "{known}");
        }
        assert!(!matches(None, &tag));
    }
}

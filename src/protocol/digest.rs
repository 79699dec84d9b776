//! The digest of a user's view, by which a device learns whether it holds what the server would give it (decision q).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::base::hex;

/// Bytes of the hash that travel: enough to tell apart, too few to cost.
const HASH_BYTES: usize = 8;

/// Count and hash of the work orders in a user's view that are not finished, by id and version (addition). Finished
/// ones are left out: a device may keep them, or have cleaned them away (spec 8.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ViewDigest {
    /// How many.
    pub count: u64,
    /// The first bytes of SHA-256 over one line `id:version` each, in the order of the ids; hexadecimal.
    pub hash: String,
}

impl ViewDigest {
    /// The digest of records given by id and `_version`, in any order.
    #[must_use]
    pub fn of<'a>(records: impl IntoIterator<Item = (&'a str, i64)>) -> Self {
        let records: BTreeMap<&str, i64> = records.into_iter().collect();
        let mut hash = Sha256::new();
        for (id, version) in &records {
            hash.update(format!("{id}:{version}\n"));
        }
        Self { count: records.len() as u64, hash: hex(&hash.finalize()[..HASH_BYTES]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_sets_and_versions_apart_and_not_their_order() {
        let digest = ViewDigest::of([("WO-1", 3), ("WO-2", 1)]);
        assert_eq!(digest, ViewDigest::of([("WO-2", 1), ("WO-1", 3)]));
        assert_eq!((digest.count, digest.hash.len()), (2, 16));
        assert_ne!(digest, ViewDigest::of([("WO-1", 4), ("WO-2", 1)]));
        assert_ne!(digest, ViewDigest::of([("WO-1", 3)]));
        // Where a line ends is part of it.
        assert_ne!(ViewDigest::of([("WO-1", 13)]).hash, ViewDigest::of([("WO-11", 3)]).hash);
    }
}

//! Attachments on the wire: the tus 1.0 resumable upload protocol at [`super::path::ATTACHMENTS`], and what the server
//! says of the files that it has (additions, decision s).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of tus that both sides speak.
pub const TUS_VERSION: &str = "1.0.0";
/// The media type of a PATCH.
pub const OFFSET_STREAM: &str = "application/offset+octet-stream";
/// Largest file that may be uploaded, in bytes.
pub const MAX_UPLOAD: u64 = 100 << 20;
/// Longest side of a thumbnail, in pixels.
pub const THUMBNAIL_SIDE: u32 = 256;
/// The status of a PATCH whose bytes are not those of its checksum (tus, checksum extension).
pub const CHECKSUM_MISMATCH: u16 = 460;

/// The header with the digest of a whole file, whatever part of it an answer holds (RFC 9530).
pub const REPR_DIGEST: &str = "repr-digest";

/// A SHA-256 as [`REPR_DIGEST`] has it.
#[must_use]
pub fn repr_digest(sha256: &[u8]) -> String {
    format!("sha-256=:{}:", BASE64.encode(sha256))
}

/// The SHA-256 that a [`REPR_DIGEST`] names, among others or alone.
#[must_use]
pub fn digested(header: &str) -> Option<Vec<u8>> {
    let named = header.split(',').find_map(|one| one.trim().strip_prefix("sha-256=:")?.strip_suffix(':'));
    BASE64.decode(named?).ok().filter(|digest| digest.len() == 32)
}

/// The headers of tus.
pub mod tus {
    /// The version of the protocol that a message is of.
    pub const RESUMABLE: &str = "tus-resumable";
    /// The versions that the server knows.
    pub const VERSION: &str = "tus-version";
    /// The extensions that the server knows.
    pub const EXTENSION: &str = "tus-extension";
    /// The largest upload, in bytes.
    pub const MAX_SIZE: &str = "tus-max-size";
    /// The checksums that the server can check.
    pub const CHECKSUM_ALGORITHM: &str = "tus-checksum-algorithm";
    /// How many bytes the server has.
    pub const UPLOAD_OFFSET: &str = "upload-offset";
    /// How many bytes the file has.
    pub const UPLOAD_LENGTH: &str = "upload-length";
    /// What the file is: keys with base64 values.
    pub const UPLOAD_METADATA: &str = "upload-metadata";
    /// The checksum of a PATCH: an algorithm and a base64 value.
    pub const UPLOAD_CHECKSUM: &str = "upload-checksum";
    /// When an unfinished upload is forgotten.
    pub const UPLOAD_EXPIRES: &str = "upload-expires";
}

/// Answer to a question for the uploads that one may know of: one's own, or all for an auditor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachmentsAnswer {
    /// The uploads, in the order of their creation.
    pub attachments: Vec<StoredAttachment>,
}

/// A file on the server, or as much of it as has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredAttachment {
    /// Its id, minted with the capture.
    pub attachment_id: String,
    /// Who uploads it.
    pub owner: String,
    /// The work order that it belongs to; temporary until that is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_order_id: Option<String>,
    /// Its name, without a path.
    pub file_name: String,
    /// Its media type.
    pub mime_type: String,
    /// What it is: `photo`, `document`, or another word of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment_type: Option<String>,
    /// When it was captured, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
    /// Where, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// In words, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How many bytes it has.
    pub length: u64,
    /// How many of them have come.
    pub offset: u64,
    /// All of them have come, and were found right.
    pub complete: bool,
    /// The SHA-256 of the whole in hexadecimal: of a complete file as the server computed it, before that as the client
    /// declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// How often the upload has begun: it begins anew when the whole was not what it was declared to be.
    pub generation: u64,
    /// A work order refers to it.
    pub referenced: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_was_written() {
        let digest = [7; 32];
        assert_eq!(digested(&repr_digest(&digest)).as_deref(), Some(&digest[..]));
        assert_eq!(digested(&format!("sha-512=:AA==:, {}", repr_digest(&digest))).as_deref(), Some(&digest[..]));
        for broken in ["", "sha-256=AA==", "sha-256=:AA==:", "sha-256=:?:"] {
            assert_eq!(digested(broken), None, "{broken}");
        }
    }
}

//! The wire types of `/api/v1`: what client and server both know, and all that they both know.
//!
//! Field names are the spec's. What the spec leaves silent is marked *addition* here and argued in `docs/DECISIONS.md`.

mod attachment;
mod auth;
mod conflict;
mod dead_letter;
mod delta;
mod digest;
mod envelope;
mod error;
mod fields;
pub mod gzip;
mod push;
mod recipient;
mod reference;
mod schema;
mod selection;
pub mod totp;

pub use attachment::{
    AttachmentsAnswer, CHECKSUM_MISMATCH, MAX_UPLOAD, OFFSET_STREAM, REPR_DIGEST, StoredAttachment, THUMBNAIL_SIDE,
    TUS_VERSION, digested, repr_digest, tus,
};
pub use auth::{NewPasswordRequest, Profile, RefreshRequest, RevokeRequest, Revoked, SignInRequest, Tokens};
pub use conflict::{
    ConflictOutcome, ConflictRecord, ConflictsAnswer, FieldConflict, RESOLVES, Resolution, ResolutionStrategy, Resolves,
};
pub use dead_letter::{DeadLetter, DeadLetters, DeadLettersQuery};
pub use delta::{Changes, DeltaAnswer, DeltaQuery, IdsByKind, Removal, RemovalReason, RemovalsByKind};
pub use digest::ViewDigest;
pub use envelope::{Envelope, OpeningKey, SEALABLE, SealingKey, Slot, seal, sealed_length};
pub use error::{ErrorCode, Problem};
pub use fields::{FieldKind, TIME_FIELDS, WORK_ORDER_FIELDS, field_kind, line_key};
pub use push::{
    EntityType, Operation, OperationError, OperationKind, OperationResult, PushAnswer, PushRequest, ResultStatus,
};
pub use recipient::{Recipient, RecipientsAnswer, RecipientsQuery, SealingKeyRequest};
pub use reference::{replace_temporary_ids, temporary_ids};
pub use selection::{SelectionAnswer, SelectionRequest};

/// One record's fields by name. Sorted, so that it prints the same everywhere.
pub type Record = serde_json::Map<String, serde_json::Value>;

/// The paths of the API.
pub mod path {
    /// Sign-in: [`super::SignInRequest`] to [`super::Tokens`] (addition).
    pub const SIGN_IN: &str = "/api/v1/auth/sign-in";
    /// Token refresh: [`super::RefreshRequest`] to [`super::Tokens`] (addition).
    pub const REFRESH: &str = "/api/v1/auth/refresh";
    /// End of all sessions of a user: [`super::RevokeRequest`] to [`super::Revoked`] (addition).
    pub const REVOKE: &str = "/api/v1/auth/revoke";
    /// A new password for a user: [`super::NewPasswordRequest`] to [`super::Revoked`] (addition).
    pub const PASSWORD: &str = "/api/v1/auth/password";
    /// The device's key for sealed fields: [`super::SealingKeyRequest`] to the same (addition).
    pub const SEALING_KEY: &str = "/api/v1/auth/sealing-key";
    /// The keys to which a field is to be sealed: [`super::RecipientsAnswer`] (addition).
    pub const RECIPIENTS: &str = "/api/v1/sync/recipients";
    /// The user's own profile: [`super::Profile`] (addition).
    pub const PROFILE: &str = "/api/v1/profile";
    /// The specs of assets (addition).
    pub const ASSETS: &str = "/api/v1/assets";
    /// The specs of one asset: whatever the registry holds of it (addition).
    pub const ASSET: &str = "/api/v1/assets/{assetId}";
    /// What the user picks to sync: [`super::SelectionRequest`] to [`super::SelectionAnswer`] (addition).
    pub const SELECTION: &str = "/api/v1/sync/selection";
    /// Delta and full pull (spec 3.1B).
    pub const DELTA: &str = "/api/v1/sync/delta";
    /// Push (spec 3.1C).
    pub const PUSH: &str = "/api/v1/sync/push";
    /// The server's side of the conflict audit: [`super::ConflictsAnswer`] (addition, spec 4.4).
    pub const CONFLICTS: &str = "/api/v1/sync/conflicts";
    /// This API as an `OpenAPI` document (addition).
    pub const OPENAPI: &str = "/api/v1/openapi.json";
    /// Updates that came too late: [`super::DeadLetters`] (addition).
    pub const DEAD_LETTERS: &str = "/api/v1/sync/dead-letters";
    /// Uploads by tus 1.0, and the list of them (addition, decision s).
    pub const ATTACHMENTS: &str = "/api/v1/sync/attachments";
    /// One upload, and the file once it is whole (addition).
    pub const ATTACHMENT: &str = "/api/v1/sync/attachments/{attachmentId}";
    /// Its thumbnail (addition).
    pub const THUMBNAIL: &str = "/api/v1/sync/attachments/{attachmentId}/thumbnail";
}

/// The API's public name, whatever address leads to it: proofs of possession name it.
pub const ORIGIN: &str = "https://server";
/// The header of a proof of possession, and the one in which the server names a nonce for it (RFC 9449).
pub const DPOP: &str = "dpop";
/// See [`DPOP`].
pub const DPOP_NONCE: &str = "dpop-nonce";
/// Most operations in one push (decision h).
pub const MAX_BATCH_OPERATIONS: usize = 100;
/// Largest push body before compression, in bytes (decision h).
pub const MAX_BATCH_BYTES: usize = 256 * 1024;
/// Rows in a page of a pull when the client names no limit (decision a).
pub const DEFAULT_PAGE: u32 = 50;
/// Most rows in a page of a pull.
pub const MAX_PAGE: u32 = 1000;
/// Largest request body on the wire, in bytes (decision n).
pub const MAX_WIRE_BODY: usize = 1 << 20;
/// Largest request body after inflating, in bytes (decision n).
pub const MAX_INFLATED_BODY: usize = 8 << 20;
/// What an unacknowledged record's id starts with; the rest is its `_localId` (decision b).
pub const TEMPORARY_ID_PREFIX: &str = "tmp-";

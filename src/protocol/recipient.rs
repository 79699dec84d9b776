//! Whose keys values are sealed to (additions, with sealed fields alone; spec 8.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body with which a device registers the public half of its key (addition). A later one takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealingKeyRequest {
    /// An X25519 key, 32 bytes in base64url without padding.
    pub public_key: String,
}

/// Which record is to be sealed (addition): one that the server knows, one that is yet to be made, or one that gets another
/// assignee by the same change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecipientsQuery {
    /// The id of a work order: whoever sees it.
    #[serde(default)]
    pub order: Option<String>,
    /// A site: whoever oversees it.
    #[serde(default)]
    pub site_id: Option<String>,
    /// A user.
    #[serde(default)]
    pub assigned_to: Option<String>,
}

/// The devices to which a value is to be sealed (addition): the caller's own, and those of all who may see the record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecipientsAnswer {
    /// Them, by user and device.
    pub recipients: Vec<Recipient>,
}

/// A device to which values can be sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// Whose.
    pub user_id: String,
    /// Which.
    pub device_id: String,
    /// The public half of its key, see [`SealingKeyRequest`].
    pub public_key: String,
}

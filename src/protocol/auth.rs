//! Sign-in, refresh and the profile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInRequest {
    /// The user's id.
    pub user_id: String,
    /// The user's password.
    pub password: String,
    /// The code of an authenticator, six digits (RFC 6238), where the user has enrolled one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The installation that signs in; idempotency and own-write suppression are by device.
    pub device_id: String,
}

/// Body of a refresh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token at hand.
    pub refresh_token: String,
}

/// Body of a revocation: all sessions of a user end (addition). Supervisors alone may do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokeRequest {
    /// The user's id.
    pub user_id: String,
}

/// Body of a change of a user's password (addition), which ends all their sessions. Supervisors alone may do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPasswordRequest {
    /// The user's id.
    pub user_id: String,
    /// The new password.
    pub password: String,
}

/// Answer to a revocation, and to a change of a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revoked {
    /// How many sessions ended.
    pub sessions: u64,
}

/// Answer to a sign-in or a refresh (decision m).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tokens {
    /// Bearer token for the API; kept in memory only (spec 8.2).
    pub access_token: String,
    /// Token for the next refresh; kept in the keychain only (spec 8.2).
    pub refresh_token: String,
    /// How long the access token lives, in seconds.
    pub expires_in: u64,
    /// The fields of work orders that the server takes sealed alone; none where it is absent (addition).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
}

/// The user's own profile (spec 2.2, `user_profile`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The user's id.
    pub user_id: String,
    /// Mail address.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// `technician`, `supervisor` or `auditor`.
    pub role: String,
    /// Skills, for the planner.
    pub skills: Vec<String>,
    /// Sites whose inventory the user gets (spec 2.3).
    pub site_ids: Vec<String>,
}

//! What must be kept to its place, and where it was seen (spec 2.1, 8.1, 8.2).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Secret {
    /// A user's password.
    Password,
    /// A bearer token of the API.
    AccessToken,
    /// A token for the next refresh.
    RefreshToken,
    /// A key of a device.
    Key,
    /// What somebody wrote into a record, and what betrays a database without encryption.
    Text,
    /// What somebody wrote into a sealed field: nobody but devices may know it.
    Sealed,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::AccessToken => "access token",
            Self::RefreshToken => "refresh token",
            Self::Key => "key",
            Self::Text => "text",
            Self::Sealed => "sealed text",
        })
    }
}

/// How a secret was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// As it is.
    Plain,
    /// In UTF-16, either byte order.
    Utf16,
    /// In hexadecimal digits.
    Hex,
    /// The bytes that its hexadecimal digits stand for.
    Raw,
    /// In base64, by either alphabet.
    Base64,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "as it is",
            Self::Utf16 => "in UTF-16",
            Self::Hex => "in hexadecimal",
            Self::Raw => "as raw bytes",
            Self::Base64 => "in base64",
        })
    }
}

/// A part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Path and query.
    Target,
    /// The `Authorization` header.
    Authorization,
    /// Every other header.
    Headers,
    /// The body, without its coding.
    Body,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "the path or query",
            Self::Authorization => "the authorization",
            Self::Headers => "the headers",
            Self::Body => "the body",
        })
    }
}

/// Where something was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In a file of the device's disk, at some time.
    Disk {
        /// The file.
        file: String,
    },
    /// In the device's database, where it can be read by whoever has the key.
    Database,
    /// In the server's database.
    Server,
    /// On the wire.
    Wire {
        /// The exchange.
        exchange: u64,
        /// The path that was asked for.
        path: String,
        /// In the answer, and not in the request.
        answer: bool,
        /// The part.
        part: Part,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("the database"),
            Self::Server => f.write_str("the server's database"),
            Self::Disk { file } => write!(f, "the file {file}"),
            Self::Wire { exchange, path, answer, part } => {
                let message = if *answer { "answer" } else { "request" };
                write!(f, "{part} of the {message} of exchange {exchange} ({path})")
            }
        }
    }
}

/// A secret that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sighting {
    /// Its kind.
    pub secret: Secret,
    /// Which one, in words; never the secret itself.
    pub what: String,
    /// How it was written down.
    pub form: Form,
    /// Inside a gzip stream.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packed: bool,
    /// Where.
    pub place: Place,
    /// Where in it, in bytes from the start of the file or of the part; of a gzip stream, where that starts.
    pub offset: u64,
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packed = if self.packed { ", inside gzip" } else { "" };
        write!(f, "{} at byte {} of {}, {}{packed}", self.what, self.offset, self.place, self.form)
    }
}

/// What happens to that which guards a device's data: lock, app, keychain, credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guarded {
    /// The device was locked; its app ends.
    Locked,
    /// It was unlocked.
    Unlocked {
        /// How often its disk was asked for anything while it was locked.
        accesses: u64,
    },
    /// The app was removed from it, with all its files: what was not synced, its user has given up.
    Uninstalled,
    /// What lies on its disk beside the database once its user has logged out.
    FilesLeft {
        /// So many files.
        files: usize,
    },
    /// Somebody had an engine open a copy of its disk.
    CopyTried {
        /// Whether it opened.
        opened: bool,
        /// Whether the attempt changed the copy.
        changed: bool,
        /// What the engine said.
        said: String,
    },
    /// Somebody tried elsewhere what they had stolen of its user.
    Stolen {
        /// What, in words.
        loot: String,
        /// How many tries the server looked at.
        tries: u32,
        /// Whether it gave them anything.
        given: bool,
    },
    /// What the key of its database hangs on, at the end.
    KeyChecked {
        /// The cost of its derivation from the credentials (Argon2id).
        cost: String,
        /// Whether the credentials of its user, as they are now, unwrap it.
        bound: bool,
    },
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("is locked"),
            Self::Unlocked { .. } => f.write_str("is unlocked"),
            Self::Uninstalled => f.write_str("has its app removed"),
            Self::FilesLeft { files } => write!(f, "has {files} files left after the logout"),
            Self::CopyTried { said, .. } => write!(f, "has its disk copied, and the copy tried: {said}"),
            Self::Stolen { loot, given, .. } => {
                write!(f, "has a thief, who tries {loot} and gets {}", if *given { "data" } else { "nothing" })
            }
            Self::KeyChecked { cost, bound } => {
                let hangs = if *bound { "hangs" } else { "does not hang" };
                write!(f, "has a database key that {hangs} on its user's credentials (Argon2id, {cost})")
            }
        }
    }
}

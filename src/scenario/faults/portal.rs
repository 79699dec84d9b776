//! A captive portal between the device and the server.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;

/// See [`crate::scenario::Action::CaptivePortal`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptivePortal {
    /// The device or group.
    pub device: String,
    /// What the portal says to every request; its `login-page` when absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub how: PortalHow,
}

/// What a captive portal answers, with a page for people each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PortalHow {
    /// 200.
    #[default]
    LoginPage,
    /// 302 to its login page.
    Redirect,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
}

impl PortalHow {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::LoginPage => 200,
            Self::Redirect => 302,
            Self::Forbidden => 403,
            Self::NotFound => 404,
        }
    }
}

impl fmt::Display for CaptivePortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            PortalHow::LoginPage => "its login page",
            PortalHow::Redirect => "a redirect to its login page",
            PortalHow::Forbidden => "a page that forbids it",
            PortalHow::NotFound => "a page that knows nothing",
        };
        write!(f, "{} comes behind a captive portal, which answers everything with {how}", self.device)
    }
}

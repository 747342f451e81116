//! People who may receive before an agent is launched. reference/rest/v1/phones.testers/create
//!
//! Newer copies of the reference leave this method out; that it still answers is unconfirmed.

use crate::json::{Fields, Kind, Object};
use serde::{Deserialize, Serialize};

/// One invitation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Tester {
    /// Output only: `phones/{E.164}/testers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Output only: `PENDING`, `ACCEPTED` or `DECLINED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_status: Option<String>,
}

impl Tester {
    /// For [`crate::json::parse_strictly`].
    pub const FIELDS: Fields = &[("name", Kind::Text), ("inviteStatus", Kind::Text)];

    /// Reads what is there.
    pub fn read(mut json: Object<'_>) -> Self {
        Self {
            name: json.text("name"),
            invite_status: json.text("inviteStatus"),
        }
    }

    /// For [`crate::json::parse`].
    pub fn has_field(name: &str) -> bool {
        matches!(name, "name" | "inviteStatus")
    }
}

/// An agent's invitations in one day; more are answered 429.
pub const PER_DAY_MAX: usize = 20;
/// An agent's invitations altogether; more are answered 429.
pub const TOTAL_MAX: usize = 200;

//! The body of an answer that is an error. (cloud.google.com/apis/design/errors, "v2" format)

use crate::json::{Json, Object};
use serde::{Deserialize, Serialize};

/// `{"error": {…}}`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ErrorBody {
    /// The error itself.
    pub error: Problem,
}

impl ErrorBody {
    /// Reads what is there.
    pub fn read(mut json: Object<'_>) -> Self {
        Self {
            error: json.object("error").map(Problem::read).unwrap_or_default(),
        }
    }

    /// For [`crate::json::parse`].
    pub fn has_field(name: &str) -> bool {
        matches!(
            name,
            "error"
                | "code"
                | "message"
                | "status"
                | "details"
                | "@type"
                | "fieldViolations"
                | "field"
                | "description"
        )
    }
}

/// What went wrong, in Google's words.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Problem {
    /// The HTTP status again.
    pub code: u16,
    /// A sentence for a developer.
    pub message: String,
    /// The canonical code: `NOT_FOUND`.
    pub status: String,
    /// More, by `@type`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

impl Problem {
    fn read(mut json: Object<'_>) -> Self {
        Self {
            code: json
                .whole("code")
                .and_then(|code| u16::try_from(code).ok())
                .unwrap_or_default(),
            message: json.text("message").unwrap_or_default(),
            status: json.text("status").unwrap_or_default(),
            details: objects(json.list("details")).map(Detail::read).collect(),
        }
    }
}

/// One detail. Only `google.rpc.BadRequest` is read; of every other kind only the type stays.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Detail {
    /// `type.googleapis.com/google.rpc.BadRequest`
    #[serde(rename = "@type")]
    pub kind: String,
    /// Which fields were wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub field_violations: Vec<FieldViolation>,
}

impl Detail {
    fn read(mut json: Object<'_>) -> Self {
        Self {
            kind: json.text("@type").unwrap_or_default(),
            field_violations: objects(json.list("fieldViolations"))
                .map(FieldViolation::read)
                .collect(),
        }
    }
}

/// One field that was wrong.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct FieldViolation {
    /// Where, in Google's spelling.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl FieldViolation {
    fn read(mut json: Object<'_>) -> Self {
        Self {
            field: json.text("field").unwrap_or_default(),
            description: json.text("description").unwrap_or_default(),
        }
    }
}

fn objects(list: Option<Vec<Json<'_>>>) -> impl Iterator<Item = Object<'_>> {
    list.unwrap_or_default()
        .into_iter()
        .filter_map(Json::into_object)
}

//! The body of an answer that is an error. (cloud.google.com/apis/design/errors, "v2" format)

use serde::{Deserialize, Serialize};

/// `{"error": {…}}`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ErrorBody {
    /// The error itself.
    pub error: Problem,
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

/// One field that was wrong.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct FieldViolation {
    /// Where, in Google's spelling.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

//! The body of an answer that is an error. (cloud.google.com/apis/design/errors, "v2" format)

use crate::json::{Json, Object, parse_value};
use serde::{Deserialize, Serialize};

/// `{"error": {…}}`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ErrorBody {
    /// The error itself.
    pub error: Problem,
}

impl ErrorBody {
    /// Reads what is there: an error, a list that begins with one, or the words of an OAuth server (RFC 6749 §5.2). Empty for
    /// what is none of these.
    pub fn read(document: &[u8]) -> Self {
        let json = match parse_value(document, has_field) {
            Ok(Json::List(list)) => list.into_iter().next(),
            Ok(json) => Some(json),
            Err(_) => None,
        };
        let mut json = json.and_then(Json::into_object).unwrap_or_default();
        let error = match json.take("error") {
            Some(Json::Object(error)) => Problem::read(error),
            Some(Json::Text(word)) => Problem {
                message: with_description(&word, json.text("error_description")),
                ..Problem::default()
            },
            _ => Problem::default(),
        };
        Self { error }
    }
}

fn with_description(word: &str, description: Option<String>) -> String {
    match description {
        Some(description) => format!("{word}: {description}"),
        None => word.to_owned(),
    }
}

fn has_field(name: &str) -> bool {
    matches!(
        name,
        "error"
            | "error_description"
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
    /// Whether Google's API said it, as the body of an answer with this status. A proxy or an ingress has other words.
    pub fn is_googles(&self, http_status: u16) -> bool {
        !self.status.is_empty() || self.code == http_status
    }

    fn read(mut json: Object<'_>) -> Self {
        Self {
            code: json
                .whole("code")
                .and_then(|code| u16::try_from(code).ok())
                .unwrap_or_default(),
            message: json.text("message").unwrap_or_default(),
            status: json.text("status").unwrap_or_default(),
            details: each(json.list("details"), Detail::read),
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
            field_violations: each(json.list("fieldViolations"), FieldViolation::read),
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

/// What is no object is left out. A loop: the iterators are 1 KB of the plugin.
fn each<'a, T>(list: Option<Vec<Json<'a>>>, read: fn(Object<'a>) -> T) -> Vec<T> {
    let mut all = Vec::new();
    for json in list.unwrap_or_default() {
        if let Some(object) = json.into_object() {
            all.push(read(object));
        }
    }
    all
}

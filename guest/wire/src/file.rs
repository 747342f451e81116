//! Files that the platform keeps, to be sent many times. reference/rest/v1/files/create

use crate::json::{Fields, Kind, Object};
use crate::limits::FILE_BYTES;
use serde::{Deserialize, Serialize};

/// A file that the platform is to fetch.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CreateFile {
    /// Public; one redirect is followed.
    pub file_url: String,
    /// Made by the platform where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    /// Whose file it is. Guides show it in the query instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
}

/// A file that the platform has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct File {
    /// `files/{uid}`; one vendor shows the bare id.
    pub name: String,
}

impl File {
    /// For [`crate::json::parse_strictly`].
    pub const FIELDS: Fields = &[("name", Kind::Text)];

    /// None without a name.
    pub fn read(mut json: Object<'_>) -> Option<Self> {
        json.text("name")
            .filter(|name| !name.is_empty())
            .map(|name| Self { name })
    }

    /// For [`crate::json::parse`].
    pub fn has_field(name: &str) -> bool {
        name == "name"
    }
}

/// Whether the platform takes files of this type; what follows a semicolon is passed over.
pub fn is_media_type(mime_type: &str) -> bool {
    let essence = mime_type.split(';').next().unwrap_or_default().trim();
    MEDIA_TYPES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
}

/// guides/build/messages/send
pub const MEDIA_TYPES: [&str; 20] = [
    "image/jpeg",
    "image/jpg",
    "image/gif",
    "image/png",
    "video/h263",
    "video/m4v",
    "video/mp4",
    "video/mpeg4",
    "video/mpeg",
    "video/webm",
    "application/pdf",
    "audio/aac",
    "audio/mp3",
    "audio/mpeg",
    "audio/mpg",
    "audio/mp4",
    "audio/mp4-latm",
    "audio/3gpp",
    "application/ogg",
    "audio/ogg",
];
/// How long a file is kept.
pub const KEPT_SECONDS: i64 = 60 * 86_400;
/// The most bytes of a file.
pub const BYTES_MAX: usize = match FILE_BYTES.maximum {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "100 MiB fit everywhere"
    )]
    Some(bytes) => bytes as usize,
    None => usize::MAX,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn a_type_is_known_in_any_case_and_with_parameters() {
        for known in ["image/png", "IMAGE/PNG", "audio/ogg; codecs=opus"] {
            assert!(is_media_type(known), "{known}");
        }
        for unknown in ["", "image/svg+xml", "image", "image/png2", ";image/png"] {
            assert!(!is_media_type(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_file_has_a_name() {
        let name = |json: &str| {
            parse(json.as_bytes(), File::has_field)
                .ok()
                .and_then(File::read)
                .map(|file| file.name)
        };
        assert_eq!(name(r#"{"name":"files/x"}"#).as_deref(), Some("files/x"));
        assert_eq!(
            (name("{}"), name(r#"{"name":""}"#), name(r#"{"name":7}"#)),
            (None, None, None)
        );
    }
}

//! The files that the agent has uploaded. Only what messages need of them is kept: that they are there, and until when.

use super::{Command, Platform};
use crate::entries;
use crate::fidelity::{Basis, Behaviour};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::file::KEPT_SECONDS;
use rbm_wire::message::{ContentMessage, RichCard, UploadedRbmFile};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// By name, until when.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Files(#[serde(with = "entries")] HashMap<String, Timestamp>);

/// A file is uploaded.
#[derive(Clone, Copy, Debug)]
pub struct KeepFile;

impl Command for KeepFile {
    /// Its name.
    type Answer = String;

    fn run(self, platform: &mut Platform, now: Timestamp) -> String {
        let name = format!("files/{}", platform.name());
        platform.files.keep(now, name.clone());
        name
    }
}

/// A file was uploaded elsewhere, and is known by this name.
#[derive(Clone, Debug)]
pub struct AdoptFile {
    /// Its name.
    pub name: String,
}

impl Command for AdoptFile {
    type Answer = ();

    fn run(self, platform: &mut Platform, now: Timestamp) {
        platform.files.keep(now, self.name);
    }
}

impl Files {
    /// Keeps a file for 60 days.
    pub(super) fn keep(&mut self, now: Timestamp, name: String) {
        self.0.insert(
            name,
            now.saturating_add(SignedDuration::from_secs(KEPT_SECONDS))
                .unwrap_or(Timestamp::MAX),
        );
    }

    /// The names in a message that are no file's, or no longer. That Google refuses such a message is assumed.
    pub(super) fn missing<'a>(&self, now: Timestamp, content: &'a ContentMessage) -> Vec<&'a str> {
        let names = uploaded(content).flat_map(|file| {
            std::iter::once(file.file_name.as_str()).chain(file.thumbnail_name.as_deref())
        });
        names
            .filter(|name| self.0.get(*name).is_none_or(|until| *until <= now))
            .collect()
    }
}

fn uploaded(content: &ContentMessage) -> impl Iterator<Item = &UploadedRbmFile> {
    let media = content
        .rich_card
        .iter()
        .flat_map(RichCard::cards)
        .filter_map(|card| card.media.as_ref());
    content
        .uploaded_rbm_file
        .iter()
        .chain(media.filter_map(|media| media.uploaded_rbm_file.as_ref()))
}

pub(super) const BEHAVIOURS: &[&Behaviour] = &[&Behaviour {
    id: "file-kept",
    what: "An uploaded file can be sent for 60 days, by any agent",
    basis: Basis::Documented,
    source: "reference/rest/v1/files/create; that it is no agent's own is assumed",
    switch: None,
    test: "a_file_is_kept_for_sixty_days",
}];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_for_sixty_days() {
        let at = |days: i64, seconds: i64| {
            Timestamp::UNIX_EPOCH + SignedDuration::from_secs(days * 86_400 + seconds)
        };
        let mut files = Files::default();
        files.keep(at(0, 0), "files/a".to_owned());
        let file = UploadedRbmFile {
            file_name: "files/a".to_owned(),
            thumbnail_name: None,
        };
        let content = ContentMessage {
            uploaded_rbm_file: Some(file),
            ..ContentMessage::default()
        };
        assert_eq!(files.missing(at(60, -1), &content), [""; 0]);
        assert_eq!(files.missing(at(60, 0), &content), ["files/a"]);
    }
}

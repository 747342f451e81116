//! Finds out secrets: given as they are, or in a file. Nothing of one is ever said. What a file holds is asked of whoever
//! reads files; this file reads none.

use super::finding::{Finding, Rule};
use super::given::{Given, Origin, Value};
use super::reading::Section;
use crate::excerpt::path;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;

/// What a file holds.
pub(super) struct Content {
    pub(super) text: SecretString,
    /// Whether others than its owner may read it. False where nobody can tell.
    pub(super) readable_by_others: bool,
}

/// Reads a file. The error says why not, without the file's name.
pub(super) type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<Content, String>;

/// A secret, and where to point if something is wrong with it.
pub(super) struct Secret {
    pub(super) text: SecretString,
    pub(super) origin: Origin,
    /// The key that was given.
    pub(super) path: String,
}

impl Section<'_> {
    /// A secret that may be missing. Found: given twice, unreadable, empty.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        let file = format!("{name}_file");
        match (self.given(name), self.given(&file)) {
            (Some(_), Some(second)) => {
                let message = format!(
                    "{} and {} exclude each other",
                    self.at(name),
                    self.at(&file)
                );
                let finding = Finding::error(Rule::Excluded, message, second.key.clone());
                self.find(finding.with_help(Some("leave out one of them".to_owned())));
                None
            }
            (Some(given), None) => self.inline(name, given),
            (None, Some(_)) => self.in_file(&file),
            (None, None) => None,
        }
    }

    /// A secret and the one that will replace it; none, one or two.
    pub(super) fn rotating(&self, name: &str) -> Vec<Secret> {
        let next_name = format!("next_{name}");
        let (first, next) = (self.secret(name), self.secret(&next_name));
        match (&first, &next) {
            (None, Some(next)) if !self.is_given(name) => {
                let message = format!("{} is given without {}", next.path, self.at(name));
                self.find(Finding::error(Rule::Required, message, next.origin.clone()));
            }
            (Some(first), Some(next))
                if first.text.expose_secret() == next.text.expose_secret() =>
            {
                let message = format!("{} is the same as {}", next.path, first.path);
                self.find(Finding::error(Rule::Alike, message, next.origin.clone()));
            }
            _ => {}
        }
        first.into_iter().chain(next).collect()
    }

    /// A secret is missing that must be there. One whose successor alone is there was found before.
    pub(super) fn require_secret(&self, name: &str, why: &str) {
        if !self.is_given(name) && !self.is_given(&format!("next_{name}")) {
            self.require(name, why);
        }
    }

    /// Whether a secret was given in any way, be it wrong.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.is_there(name) || self.is_there(&format!("{name}_file"))
    }

    fn inline(&self, name: &str, given: &Given) -> Option<Secret> {
        let Value::Secret(text) = &given.value else {
            return None;
        };
        self.checked(self.at(name), text.clone(), given.key.clone(), "is empty")
    }

    fn in_file(&self, name: &str) -> Option<Secret> {
        let file = self.file_path(name)?;
        let content = self.file(name, &file)?;
        if content.readable_by_others {
            self.warn_readable(name, &file);
        }
        let text = content.text.expose_secret();
        let text = text
            .strip_suffix('\n')
            .map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        self.checked(
            self.at(name),
            text.into(),
            self.origin_of(name),
            "names an empty file",
        )
    }

    /// Found: that a file is not its owner's alone.
    pub(super) fn warn_readable(&self, name: &str, file: &Path) {
        let message = format!(
            "{} names {}, which others than its owner can read",
            self.at(name),
            path(file)
        );
        let finding = Finding::warning(Rule::SecretMode, message, self.origin_of(name));
        self.find(finding.with_help(Some("chmod 600 keeps it to its owner".to_owned())));
    }

    /// What a file holds that must be there.
    pub(super) fn file(&self, name: &str, file: &Path) -> Option<Content> {
        let content = (self.reading.read_file)(file);
        let refuse = |reason| {
            let message = format!(
                "{} names {}, which cannot be read: {reason}",
                self.at(name),
                path(file)
            );
            self.find(Finding::error(
                Rule::SecretFile,
                message,
                self.origin_of(name),
            ));
        };
        content.map_err(refuse).ok()
    }

    fn checked(
        &self,
        path: String,
        text: SecretString,
        origin: Origin,
        empty: &str,
    ) -> Option<Secret> {
        if text.expose_secret().is_empty() {
            let message = format!("{path} {empty}, and must hold a secret");
            self.find(Finding::error(Rule::Secret, message, origin));
            return None;
        }
        Some(Secret { text, origin, path })
    }

    /// Found: a token that no header can carry.
    pub(super) fn for_header(&self, secret: Secret) -> Option<SecretString> {
        if secret
            .text
            .expose_secret()
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
        {
            return Some(secret.text);
        }
        let message = format!(
            "{} has a character that a header cannot carry, and must be visible ASCII",
            secret.path
        );
        self.find(Finding::error(Rule::Secret, message, secret.origin));
        None
    }
}

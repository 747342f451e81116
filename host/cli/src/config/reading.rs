//! Reads the keys of one table, and writes down all that is wrong with them instead of stopping at the first.

use super::file::has_user;
use super::finding::{Finding, Rule};
use super::given::{Given, Givens, Item, Origin, Value};
use super::secret::ReadFile;
use crate::excerpt::excerpt;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Something is wrong, which was written down.
pub(super) struct Wrong;

/// What is read, what it is read with, and what was found.
pub(super) struct Reading<'a> {
    pub(super) givens: &'a Givens,
    /// What relative paths start at.
    pub(super) directory: &'a Path,
    pub(super) read_file: ReadFile<'a>,
    pub(super) findings: RefCell<Vec<Finding>>,
}

impl<'a> Reading<'a> {
    /// A table: `server`, `agents.demo`.
    pub(super) fn section(&'a self, path: &str) -> Section<'a> {
        Section {
            reading: self,
            path: path.to_owned(),
        }
    }

    /// The tables of a table, each with its name.
    pub(super) fn sections(
        &'a self,
        table: &'a str,
    ) -> impl Iterator<Item = (&'a str, Section<'a>)> {
        self.givens
            .names(table)
            .map(move |name| (name, self.section(&format!("{table}.{name}"))))
    }

    /// Where a path that was written leads.
    pub(super) fn resolve(&self, written: &str) -> PathBuf {
        self.directory.join(written)
    }
}

/// One table of them.
pub(super) struct Section<'a> {
    pub(super) reading: &'a Reading<'a>,
    path: String,
}

impl<'a> Section<'a> {
    /// A table in this one.
    pub(super) fn below(&self, name: &str) -> Section<'a> {
        self.reading.section(&self.at(name))
    }

    /// The path of a key.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// Something is wrong.
    pub(super) fn find(&self, finding: Finding) {
        self.reading.findings.borrow_mut().push(finding);
    }

    /// Whoever named the table first.
    pub(super) fn origin(&self) -> Origin {
        self.reading
            .givens
            .tables
            .get(&self.path)
            .cloned()
            .unwrap_or(Origin::Default)
    }

    /// Whoever said this key; whoever named the table if nobody did.
    pub(super) fn origin_of(&self, name: &str) -> Origin {
        let origin = self.given(name).map(|given| given.origin.clone());
        origin
            .filter(|origin| *origin != Origin::Default)
            .unwrap_or_else(|| self.origin())
    }

    /// Whether the table is there at all.
    pub(super) fn exists(&self) -> bool {
        self.reading.givens.tables.contains_key(&self.path)
    }

    pub(super) fn given(&self, name: &str) -> Option<&Given> {
        self.reading.givens.values.get(&self.at(name))
    }

    /// Whether a key was given, be it wrong.
    pub(super) fn is_there(&self, name: &str) -> bool {
        self.given(name).is_some() || self.reading.givens.wrong.contains(&self.at(name))
    }

    /// A key is missing that must be there; unless it is only wrong, which was found before.
    pub(super) fn require(&self, name: &str, why: &str) {
        if !self.is_there(name) {
            let message = format!("{} is missing: {why}", self.at(name));
            self.find(Finding::error(Rule::Required, message, self.origin()));
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match &self.given(name)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn whole(&self, name: &str) -> Option<u32> {
        match self.given(name)?.value {
            Value::Whole(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        match self.given(name)?.value {
            Value::Boolean(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn list(&self, name: &str) -> Option<&[Item]> {
        match &self.given(name)?.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A path, from where the configuration is.
    pub(super) fn file_path(&self, name: &str) -> Option<PathBuf> {
        let text = self.text(name)?;
        if text.is_empty() {
            let message = format!("{} is empty, and must be a path", self.at(name));
            self.find(Finding::error(Rule::Kind, message, self.origin_of(name)));
            return None;
        }
        Some(self.reading.resolve(text))
    }

    /// One of the words that its key allows.
    pub(super) fn word(&self, name: &str, words: &'static [&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        words.iter().copied().find(|word| *word == text)
    }

    /// A text that means something. Found: that it does not, by a sentence's end such as `an address and a port`.
    pub(super) fn parsed<T, E>(
        &self,
        name: &str,
        rule: Rule,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let parsed = parse(text).ok();
        if parsed.is_none() {
            let shown = if has_user(text) {
                "***".to_owned()
            } else {
                format!("{:?}", excerpt(text))
            };
            let message = format!("{} is {shown}, and must be {expected}", self.at(name));
            self.find(Finding::error(rule, message, self.origin_of(name)));
        }
        parsed
    }
}

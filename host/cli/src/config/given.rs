//! What was given for each key, and by whom: the file, the environment, a flag, or nobody, which is the default. A later one
//! of these wins over an earlier one. Values have the kind that their key takes; what they mean is not looked at here.

use super::finding::{Finding, Rule};
use super::keys::{KEYS, Kind, join, rivals};
use crate::excerpt::excerpt;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::ops::Range;

/// A value of one of the kinds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Also a path and a choice.
    Text(String),
    Secret(SecretString),
    Whole(u32),
    Boolean(bool),
    List(Vec<Item>),
}

/// An element of a list.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// From 0, counting those that are no texts.
    pub(super) index: usize,
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Who said something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// Nobody.
    Default,
    /// The file, at these bytes.
    File(Range<usize>),
    /// This variable of the environment.
    Environment(String),
    /// A flag, for this key.
    Flag(String),
}

/// A value, by whom it was given, and where its key is if that is the file.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) pattern: &'static str,
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// For a file, the place of the key. The same as `origin` elsewhere.
    pub(super) key: Origin,
}

/// What one of them said, or all of them together.
#[derive(Clone, Debug, Default)]
pub(super) struct Givens {
    /// By path: `agents.demo.region`.
    pub(super) values: BTreeMap<String, Given>,
    /// The tables that there are, and who was the first to name them.
    pub(super) tables: BTreeMap<String, Origin>,
    /// The paths of what was given and is wrong, so that it is not missing.
    pub(super) wrong: Vec<String>,
}

impl Givens {
    /// Lays a later one over this. What it says takes the place of every other way to say the same.
    pub(super) fn overrule(&mut self, later: Self) {
        for (path, given) in &later.values {
            let table = path.rsplit_once('.').map_or("", |(table, _)| table);
            for rival in rivals(given.pattern) {
                let name = rival.rsplit('.').next().unwrap_or(&rival);
                self.values.remove(&join(table, name));
            }
        }
        self.values.extend(later.values);
        for (table, origin) in later.tables {
            self.tables.entry(table).or_insert(origin);
        }
        self.wrong.extend(later.wrong);
    }

    /// Adds the defaults of what nobody gave.
    pub(super) fn complete(&mut self) {
        for key in KEYS {
            let Some(default) = key.default else { continue };
            for path in self.paths(key.pattern) {
                if self.values.contains_key(&path) || self.wrong.contains(&path) {
                    continue;
                }
                let value = parse(&path, key.kind, default, &Origin::Default);
                let value = value.expect("a default is of its key's kind");
                let (pattern, origin) = (key.pattern, Origin::Default);
                self.values.insert(
                    path,
                    Given {
                        pattern,
                        value,
                        key: origin.clone(),
                        origin,
                    },
                );
            }
        }
    }

    /// The names of the tables directly in a table.
    pub(super) fn names<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a str> {
        let below = self
            .tables
            .keys()
            .filter_map(move |path| path.strip_prefix(table)?.strip_prefix('.'));
        below.filter(|name| !name.contains('.'))
    }

    fn paths(&self, pattern: &str) -> Vec<String> {
        match pattern.split_once(".*.") {
            None => vec![pattern.to_owned()],
            Some((table, rest)) => self
                .names(table)
                .map(|name| format!("{table}.{name}.{rest}"))
                .collect(),
        }
    }
}

/// Reads a value that was given as text, in the environment or by a flag.
pub(super) fn parse(path: &str, kind: Kind, text: &str, origin: &Origin) -> Result<Value, Finding> {
    let wrong = |expected: &str| {
        let message = format!("{path} is {:?}, and must be {expected}", excerpt(text));
        Finding::error(Rule::Kind, message, origin.clone())
    };
    match kind {
        Kind::Text | Kind::Path => Ok(Value::Text(text.to_owned())),
        Kind::Secret => Ok(Value::Secret(text.into())),
        Kind::Boolean => text
            .parse()
            .map(Value::Boolean)
            .map_err(|_| wrong("true or false")),
        Kind::Choice(words) => choice(path, words, text, origin),
        Kind::Whole(least, most) => match text.parse() {
            Ok(number) => whole(path, least, most, number, origin),
            Err(_) => Err(wrong(&format!("a whole number from {least} to {most}"))),
        },
        Kind::List => {
            let items = text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty());
            let item = |(index, item): (usize, &str)| Item {
                index,
                text: item.to_owned(),
                origin: origin.clone(),
            };
            Ok(Value::List(items.enumerate().map(item).collect()))
        }
    }
}

/// A number within its limits.
pub(super) fn whole(
    path: &str,
    least: u32,
    most: u32,
    number: i64,
    origin: &Origin,
) -> Result<Value, Finding> {
    let fits = u32::try_from(number)
        .ok()
        .filter(|number| (least..=most).contains(number));
    fits.map(Value::Whole).ok_or_else(|| {
        let message =
            format!("{path} is {number}, and must be a whole number from {least} to {most}");
        Finding::error(Rule::Range, message, origin.clone())
    })
}

/// One of some words.
pub(super) fn choice(
    path: &str,
    words: &[&str],
    text: &str,
    origin: &Origin,
) -> Result<Value, Finding> {
    if words.contains(&text) {
        return Ok(Value::Text(text.to_owned()));
    }
    let message = format!(
        "{path} is {:?}, and must be one of {}",
        excerpt(text),
        words.join(", ")
    );
    let nearest = rbm_json::nearest(words.iter().copied(), text);
    let help = nearest.map(|nearest| format!("did you mean {nearest:?}?"));
    Err(Finding::error(Rule::Choice, message, origin.clone()).with_help(help))
}

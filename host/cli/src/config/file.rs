//! Reads the text of a configuration, as far as its keys and their kinds go, and remembers where everything is. Of a text
//! that is no TOML nothing is taken but where it stops being it.

use super::finding::{Finding, Rule};
use super::given::{Given, Givens, Item, Origin, Value, choice, whole};
use super::keys::{self, Key, Kind, join};
use crate::excerpt::excerpt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// What a text says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) givens: Givens,
    pub(super) findings: Vec<Finding>,
    /// Whether it is TOML at all.
    pub(super) is_toml: bool,
    /// Where the values are that nobody may see, or may have to hide: all but those that are known to be no secrets.
    pub(super) hidden: Vec<Range<usize>>,
}

/// Reads it.
pub(super) fn read(text: &str) -> File {
    let document = match parse(text) {
        Ok(document) => document,
        Err(findings) => {
            return File {
                findings,
                ..File::default()
            };
        }
    };
    let mut file = File {
        is_toml: true,
        ..File::default()
    };
    file.table("", "", document.get_ref());
    file.findings.sort_by_key(|finding| place(&finding.origin));
    file.hidden.sort_by_key(|range| range.start);
    file
}

/// The tree of a text, or everything that keeps it from being TOML.
pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<Finding>> {
    let (document, problems) = DeTable::parse_recoverable(text);
    if problems.is_empty() {
        return Ok(document);
    }
    let finding = |problem: &toml::de::Error| {
        let place = problem.span().unwrap_or(text.len()..text.len());
        Finding::error(
            Rule::Syntax,
            format!("this is not TOML: {}", problem.message()),
            Origin::File(place),
        )
    };
    let mut findings: Vec<_> = problems.iter().map(finding).collect();
    findings.sort_by_key(|finding| place(&finding.origin));
    Err(findings)
}

/// Where in the file, for sorting; what is not in it comes last.
pub(super) fn place(origin: &Origin) -> usize {
    if let Origin::File(range) = origin {
        range.start
    } else {
        usize::MAX
    }
}

impl File {
    fn table(&mut self, pattern: &str, path: &str, table: &DeTable<'_>) {
        let names = keys::below(pattern);
        for (name, value) in table {
            let (key, name) = (Origin::File(name.span()), name.get_ref().as_ref());
            let any = names.contains(&"*");
            if any && !keys::is_name(name) {
                let message = format!(
                    "{:?} in {path} is no name: {}",
                    excerpt(name),
                    keys::NAME_RULE
                );
                self.refuse(Finding::error(Rule::Name, message, key), value);
            } else if any || names.contains(&name) {
                let pattern = join(pattern, if any { "*" } else { name });
                self.entry(&pattern, &join(path, name), key, value);
            } else {
                let (message, help) = keys::unknown(path, name, &names);
                self.refuse(
                    Finding::error(Rule::UnknownKey, message, key).with_help(help),
                    value,
                );
            }
        }
    }

    fn entry(&mut self, pattern: &str, path: &str, key: Origin, value: &Spanned<DeValue<'_>>) {
        match (Key::of(pattern), value.get_ref()) {
            (Some(known), _) => self.value(known, path, key, value),
            (None, DeValue::Table(table)) => {
                self.givens.tables.insert(path.to_owned(), key);
                self.table(pattern, path, table);
            }
            (None, other) => {
                let names = keys::below(pattern);
                let section = if names.contains(&"*") {
                    format!("[{path}.NAME]")
                } else {
                    format!("[{path}]")
                };
                let message = format!("{path} is {}, and must be a table: {section}", kind(other));
                self.refuse(Finding::error(Rule::Kind, message, key), value);
            }
        }
    }

    fn value(
        &mut self,
        known: &'static Key,
        path: &str,
        key: Origin,
        value: &Spanned<DeValue<'_>>,
    ) {
        let read = match (known.kind, value.get_ref()) {
            (Kind::List, DeValue::Array(array)) => Ok(Value::List(self.list(path, array))),
            _ => typed(known.kind, path, value, &key),
        };
        match known.kind {
            Kind::Secret => self.hide(value),
            _ => self.hide_odd(value),
        }
        match read {
            Ok(read) => {
                let given = Given {
                    pattern: known.pattern,
                    value: read,
                    origin: Origin::File(value.span()),
                    key,
                };
                self.givens.values.insert(path.to_owned(), given);
            }
            Err(finding) => {
                self.givens.wrong.push(path.to_owned());
                self.findings.push(finding);
            }
        }
    }

    /// Those that are texts; the others are found.
    fn list(&mut self, path: &str, array: &DeArray<'_>) -> Vec<Item> {
        let mut items = Vec::new();
        for (index, value) in array.iter().enumerate() {
            let origin = Origin::File(value.span());
            match value.get_ref() {
                DeValue::String(text) => items.push(Item {
                    index,
                    text: text.to_string(),
                    origin,
                }),
                other => {
                    let message =
                        format!("{path}[{index}] is {}, and must be a string", shown(other));
                    self.findings
                        .push(Finding::error(Rule::Kind, message, origin));
                }
            }
        }
        items
    }

    fn refuse(&mut self, finding: Finding, value: &Spanned<DeValue<'_>>) {
        self.findings.push(finding);
        self.hide(value);
    }

    /// What does not belong into a value that is no secret itself.
    fn hide_odd(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Array(array) => array.iter().for_each(|value| self.hide_odd(value)),
            DeValue::Table(_) => self.hide(value),
            DeValue::String(text) if has_user(text) => self.hide(value),
            _ => {}
        }
    }

    /// What is in a value that is no table, or in all the values of a table.
    fn hide(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => table.values().for_each(|value| self.hide(value)),
            DeValue::Array(array) => array.iter().for_each(|value| self.hide(value)),
            _ => self.hidden.push(value.span()),
        }
    }
}

fn typed(
    wanted: Kind,
    path: &str,
    value: &Spanned<DeValue<'_>>,
    key: &Origin,
) -> Result<Value, Finding> {
    let origin = Origin::File(value.span());
    let wrong = |expected: &str| {
        // A secret is neither repeated nor pointed at.
        let (shown, origin) = match wanted {
            Kind::Secret => (kind(value.get_ref()).to_owned(), key),
            _ => (shown(value.get_ref()), &origin),
        };
        Finding::error(
            Rule::Kind,
            format!("{path} is {shown}, and must be {expected}"),
            origin.clone(),
        )
    };
    match (wanted, value.get_ref()) {
        (Kind::Text | Kind::Path, DeValue::String(text)) => Ok(Value::Text(text.to_string())),
        (Kind::Secret, DeValue::String(text)) => Ok(Value::Secret(text.to_string().into())),
        (Kind::Choice(words), DeValue::String(text)) => choice(path, words, text, &origin),
        (Kind::Boolean, DeValue::Boolean(value)) => Ok(Value::Boolean(*value)),
        (Kind::Whole(least, most), DeValue::Integer(number)) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            let number =
                number.ok_or_else(|| wrong(&format!("a whole number from {least} to {most}")))?;
            whole(path, least, most, number, &origin)
        }
        (Kind::Text | Kind::Path | Kind::Secret | Kind::Choice(_), _) => Err(wrong("a string")),
        (Kind::Boolean, _) => Err(wrong("true or false")),
        (Kind::Whole(least, most), _) => {
            Err(wrong(&format!("a whole number from {least} to {most}")))
        }
        (Kind::List, _) => Err(wrong("an array of strings")),
    }
}

/// An address with a user in it has a password in it as well.
pub(super) fn has_user(text: &str) -> bool {
    text.contains("://") && text.contains('@')
}

/// Of a value that is known to be no secret.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if !has_user(text) => format!("the string {:?}", excerpt(text)),
        DeValue::Integer(number) => excerpt(&number.to_string()),
        DeValue::Float(number) => excerpt(number.as_str()),
        DeValue::Boolean(value) => value.to_string(),
        other => kind(other).to_owned(),
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or a time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

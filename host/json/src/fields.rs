//! Reads the fields of a JSON object, and writes down all that is wrong with them instead of stopping at the first.

use crate::excerpt::excerpt;
use crate::finding;
use gateway_channel::Finding;
use serde_json::{Map, Value};
use std::cell::RefCell;

/// What was found so far.
#[derive(Default)]
pub(crate) struct Findings(RefCell<Vec<Finding>>);

impl Findings {
    pub(crate) fn into_inner(self) -> Vec<Finding> {
        self.0.into_inner()
    }

    /// Something is wrong here, and this is what to do about it.
    pub(crate) fn add(&self, path: &str, rule: &str, message: String, hint: Option<String>) {
        self.0.borrow_mut().push(Finding {
            hint,
            ..finding::error(path, rule, message)
        });
    }
}

/// The name that somebody may have meant who wrote another, if one is near.
pub fn nearest<'n>(names: impl Iterator<Item = &'n str>, written: &str) -> Option<&'n str> {
    let likeness = |name: &str| strsim::jaro(name, written);
    names
        .filter(|name| likeness(name) > LIKENESS_MIN)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// An object at a path, of whose fields only some names exist.
pub(crate) struct Fields<'a> {
    pub(crate) path: String,
    pub(crate) findings: &'a Findings,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The object at the path, if it is one; names that do not exist are found at once, with the nearest that does.
    pub(crate) fn new(
        path: &str,
        value: &'a Value,
        names: &[&str],
        findings: &'a Findings,
    ) -> Option<Self> {
        let Some(object) = value.as_object() else {
            findings.add(
                path,
                "type",
                format!("{} is {}, and must be an object", shown(path), kind(value)),
                None,
            );
            return None;
        };
        let fields = Self {
            path: path.to_owned(),
            findings,
            object,
        };
        for name in object.keys().filter(|name| !names.contains(&name.as_str())) {
            let hint = nearest(names.iter().copied(), name)
                .map(|nearest| format!("did you mean `{nearest}`?"));
            let message = format!(
                "there is no field {:?} in {}; its fields are {}",
                excerpt(name),
                shown(path),
                names.join(", ")
            );
            findings.add(&fields.at(name), "unknown-field", message, hint);
        }
        Some(fields)
    }

    /// The path of a field.
    pub(crate) fn at(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// A field that is there; null is the same as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A string, if it is there.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.typed(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// A string that must be there. Empty where it is not, which is found.
    pub(crate) fn required_text(&self, name: &str) -> String {
        self.require(name);
        self.text(name).unwrap_or_default()
    }

    /// A number, if it is there.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.typed(name, "a number", Value::as_f64)
    }

    /// A whole number, if it is there.
    pub(crate) fn whole(&self, name: &str) -> Option<u32> {
        self.typed(name, "a whole number from 0 to 4294967295", |value| {
            value.as_u64()?.try_into().ok()
        })
    }

    /// `true` or `false`, if it is there.
    pub(crate) fn bool(&self, name: &str) -> Option<bool> {
        self.typed(name, "true or false", Value::as_bool)
    }

    /// The elements of an array with their paths; none where it is missing.
    pub(crate) fn list(&self, name: &str) -> Vec<(String, &'a Value)> {
        let list = self
            .typed(name, "an array", Value::as_array)
            .into_iter()
            .flatten();
        list.enumerate()
            .map(|(index, value)| (format!("{}[{index}]", self.at(name)), value))
            .collect()
    }

    /// One of some words, if it is there.
    pub(crate) fn choice<T: Clone>(&self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let chosen = choices
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| value.clone());
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!(
                "{} is {:?}, and must be one of {}",
                self.at(name),
                excerpt(&text),
                words.join(", ")
            );
            self.findings.add(&self.at(name), "choice", message, None);
        }
        chosen
    }

    /// The one of several fields that is there. Found: none of them, and more than one.
    pub(crate) fn exactly_one<'n>(
        &self,
        rule: &str,
        names: &[&'n str],
    ) -> Option<(&'n str, &'a Value)> {
        let found = self.at_most_one(rule, names);
        if found.is_none() && !names.iter().any(|name| self.get(name).is_some()) {
            let message = format!(
                "{} has none of {}, and needs exactly one",
                shown(&self.path),
                names.join(", ")
            );
            self.findings.add(
                &self.path,
                rule,
                message,
                Some(format!("give one of {}", names.join(", "))),
            );
        }
        found
    }

    /// The one of several fields that is there, if any. Found: more than one.
    pub(crate) fn at_most_one<'n>(
        &self,
        rule: &str,
        names: &[&'n str],
    ) -> Option<(&'n str, &'a Value)> {
        let found: Vec<_> = names
            .iter()
            .filter_map(|name| self.get(name).map(|value| (*name, value)))
            .collect();
        if found.len() > 1 {
            let there: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
            let message = format!(
                "{} has {}, which exclude each other",
                shown(&self.path),
                there.join(" and ")
            );
            self.findings.add(
                &self.path,
                rule,
                message,
                Some("leave out all but one".to_owned()),
            );
            return None;
        }
        found.into_iter().next()
    }

    fn require(&self, name: &str) {
        if self.get(name).is_none() {
            let message = format!("{} is missing", self.at(name));
            self.findings.add(&self.at(name), "required", message, None);
        }
    }

    fn typed<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(name)?;
        let typed = read(value);
        if typed.is_none() {
            let message = format!(
                "{} is {}, and must be {expected}",
                self.at(name),
                kind(value)
            );
            self.findings.add(&self.at(name), "type", message, None);
        }
        typed
    }
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "the message" } else { path }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the string {:?}", excerpt(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Below this, names have nothing to do with each other.
const LIKENESS_MIN: f64 = 0.7;

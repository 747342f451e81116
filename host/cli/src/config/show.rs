//! Shows what is in effect and who said it, as a configuration that could be given again if its secrets were not stars.

use super::file::has_user;
use super::given::{Given, Givens, Value};
use super::keys::KEYS;
use super::render::Source;
use serde_json::{Value as Json, json};
use std::fmt::Write as _;

/// As TOML, in the order of the keys, agents and callbacks one after the other.
pub(super) fn toml(givens: &Givens, source: &Source<'_>) -> String {
    let lines = lines(givens);
    let width = lines
        .iter()
        .map(|line| line.setting().chars().count())
        .filter(|width| *width <= WIDTH_MAX)
        .max();
    let mut shown = String::new();
    let mut table = "";
    for line in &lines {
        if line.table != table {
            let gap = if table.is_empty() { "" } else { "\n" };
            table = line.table;
            let _ = writeln!(shown, "{gap}[{table}]");
        }
        let _ = writeln!(
            shown,
            "{:width$}  # {}",
            line.setting(),
            source.who(&line.given.origin),
            width = width.unwrap_or(0)
        );
    }
    shown
}

/// As one object for scripts: by path, what it is and who said it.
pub(super) fn json(givens: &Givens, source: &Source<'_>) -> Json {
    let entry = |line: Line<'_>| {
        let value = json!({ "value": shown_as_json(&line.given.value), "from": source.who(&line.given.origin) });
        (format!("{}.{}", line.table, line.name), value)
    };
    Json::Object(lines(givens).into_iter().map(entry).collect())
}

struct Line<'a> {
    table: &'a str,
    name: &'a str,
    given: &'a Given,
}

impl Line<'_> {
    fn setting(&self) -> String {
        // Strings, numbers and arrays of strings are written in TOML as in JSON.
        format!("{} = {}", self.name, shown_as_json(&self.given.value))
    }
}

fn lines(givens: &Givens) -> Vec<Line<'_>> {
    let mut lines: Vec<(usize, Line<'_>)> = Vec::new();
    for (path, given) in &givens.values {
        let Some((table, name)) = path.rsplit_once('.') else {
            continue;
        };
        let place = KEYS.iter().position(|key| key.pattern == given.pattern);
        lines.push((place.unwrap_or(KEYS.len()), Line { table, name, given }));
    }
    let section = |place: usize| {
        KEYS.get(place)
            .and_then(|key| key.pattern.split('.').next())
    };
    let first = |place: usize| {
        KEYS.iter()
            .position(|key| key.pattern.split('.').next() == section(place))
    };
    lines.sort_by_cached_key(|(place, line)| {
        let top = line.table.split('.').take(2).collect::<Vec<_>>().join(".");
        let named = KEYS
            .get(*place)
            .is_some_and(|key| key.pattern.contains('*'));
        (
            first(*place),
            if named { top } else { String::new() },
            *place,
        )
    });
    lines.into_iter().map(|(_, line)| line).collect()
}

fn shown_as_json(value: &Value) -> Json {
    match value {
        Value::Text(text) if !has_user(text) => json!(text),
        Value::Text(_) | Value::Secret(_) => json!("***"),
        Value::Whole(number) => json!(number),
        Value::Boolean(value) => json!(value),
        Value::List(items) => items.iter().map(|item| item.text.as_str()).collect(),
    }
}

/// What is longer stands out.
const WIDTH_MAX: usize = 60;

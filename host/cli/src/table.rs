//! Answers of a gateway for people: lists as tables, one thing as lines. What somebody wrote cannot write to the terminal: what
//! is no visible character is escaped.

use crate::output;
use comfy_table::{Table, presets};
use jiff::Timestamp;
use rbm_json::excerpt::excerpt;
use serde_json::Value;

/// Its title, and where its value may stand: the first that is there counts.
pub(crate) type Column = (&'static str, &'static [&'static str]);

/// A line each; titles even where there is none, so that it is seen that there is none.
pub(crate) fn print(columns: &[Column], rows: &[Value]) -> anyhow::Result<()> {
    output::line(table(columns, rows))
}

/// One thing: its fields, then its lists.
pub(crate) fn print_one(thing: &Value) -> anyhow::Result<()> {
    output::line(one(thing))
}

/// A row's cells, in the order of their columns.
pub(crate) fn cells<'a>(
    columns: &'a [Column],
    row: &'a Value,
) -> impl Iterator<Item = String> + 'a {
    columns
        .iter()
        .map(|(_, pointers)| cell(find(row, pointers)))
}

/// A value as one short word or sentence.
pub(crate) fn cell(value: &Value) -> String {
    let text = excerpt(&plain(value));
    text.parse::<Timestamp>().map_or_else(
        |_| visible(&text),
        |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}

fn table(columns: &[Column], rows: &[Value]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(columns.iter().map(|(title, _)| *title));
    for row in rows {
        table.add_row(cells(columns, row));
    }
    aligned(&table)
}

fn one(thing: &Value) -> String {
    let fields = thing.as_object().into_iter().flatten();
    let (lists, fields): (Vec<_>, Vec<_>) = fields.partition(|(_, value)| is_list(value));
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in fields {
        table.add_row([name.clone(), visible(&plain(value))]);
    }
    let lists = lists
        .into_iter()
        .map(|(name, value)| format!("\n\n{name}\n{}", list(value.as_array())));
    aligned(&table) + &lists.collect::<String>()
}

fn is_list(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.iter().any(Value::is_object))
}

/// Things that may have different fields, with a column for each.
fn list(items: Option<&Vec<Value>>) -> String {
    let mut names: Vec<&String> = Vec::new();
    let items: Vec<_> = items
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    for name in items.iter().flat_map(|item| item.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(names.iter().map(|name| name.to_uppercase()));
    for item in &items {
        table.add_row(
            names
                .iter()
                .map(|name| visible(&plain(item.get(*name).unwrap_or(&Value::Null)))),
        );
    }
    aligned(&table)
}

/// Without the blanks that a table has at both of its sides.
fn aligned(table: &Table) -> String {
    let text = table.to_string();
    let lines = text
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

fn find<'a>(row: &'a Value, pointers: &[&str]) -> &'a Value {
    pointers
        .iter()
        .find_map(|pointer| row.pointer(pointer))
        .unwrap_or(&Value::Null)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) if !items.iter().any(Value::is_object) => {
            items.iter().map(plain).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// What cannot be seen, or would move the cursor, is escaped.
pub(crate) fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' | '\\' => visible.push(character),
            _ => visible.extend(character.escape_debug()),
        }
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const COLUMNS: [Column; 3] = [
        ("ID", &["/id"]),
        ("WHAT", &["/message_id", "/content"]),
        ("AT", &["/at"]),
    ];

    #[test]
    fn a_list_has_aligned_columns_also_of_wide_characters() {
        let rows = [
            json!({ "id": "q1", "content": { "text": "Hi" }, "at": "2026-11-25T14:21:13.25031198Z" }),
            json!({ "id": "q1000", "message_id": "漢字", "content": 1, "at": null }),
        ];
        let expected = "\
ID     WHAT           AT
q1     {\"text\":\"Hi\"}  2026-11-25 14:21:13Z
q1000  漢字           -";
        assert_eq!(table(&COLUMNS, &rows), expected);
        assert_eq!(table(&COLUMNS, &[]), "ID  WHAT  AT");
    }

    #[test]
    fn one_thing_has_its_fields_before_its_lists() {
        let thing = json!({
            "a": "x", "history": [{ "at": "2026-11-25T14:21:13.25031198Z" }, { "fact": "read" }], "z": ["p", "q"], "n": [],
        });
        let expected = "\
a  x
n  -
z  p,q

history
AT                            FACT
2026-11-25T14:21:13.25031198Z -
-                             read";
        let shown = one(&thing);
        let squeezed = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(squeezed(&shown), squeezed(expected));
        assert_eq!(shown.lines().count(), 8);
    }

    #[test]
    fn nothing_that_somebody_wrote_reaches_the_terminal_as_it_is() {
        for (text, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\tc\0", "a\\nb\\tc\\0"),
            ("\u{202e}abc", "\\u{202e}abc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\"it's\" \\ fine é 漢", "\"it's\" \\ fine é 漢"),
        ] {
            assert_eq!(cell(&json!(text)), shown);
        }
        assert_eq!(cell(&json!("x".repeat(70))), format!("{}…", "x".repeat(64)));
    }
}

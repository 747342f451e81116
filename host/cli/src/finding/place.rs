//! Where in a JSON text something is.

use jsonc_parser::ast::Value;
use jsonc_parser::common::{Range as Place, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use rbm_json::strict;
use std::ops::Range;

/// A text that may be JSON, parsed once for all that is to be found in it.
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    /// None for what is not JSON.
    value: Option<Value<'a>>,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
        Self {
            text,
            value: parsed.ok().and_then(|parsed| parsed.value),
        }
    }

    /// What to point at for a path such as `suggestions[2].reply.text`: the value, or the nearest thing around it that is
    /// there. Of an object or an array only its name, or how it begins.
    pub(super) fn find(&self, path: &str) -> Option<Range<usize>> {
        let mut value = self.value.as_ref()?;
        let mut place = beginning(value);
        for step in steps(path) {
            match (value, step.strip_suffix(']')) {
                (Value::Array(array), Some(index)) => {
                    let Some(element) = array.elements.get(index.parse::<usize>().ok()?) else {
                        break;
                    };
                    value = element;
                    place = beginning(value);
                }
                (Value::Object(object), None) => {
                    let Some(property) = object.get(step) else {
                        break;
                    };
                    value = &property.value;
                    place = if is_simple(value) {
                        value.range()
                    } else {
                        property.name.range()
                    };
                }
                _ => break,
            }
        }
        Some(place.start..place.end)
    }

    /// The name of the field that a path leads to, for a field that should not be there at all.
    pub(super) fn name(&self, path: &str) -> Option<Range<usize>> {
        let mut value = self.value.as_ref()?;
        let mut name = None;
        for step in steps(path) {
            value = match (value, step.strip_suffix(']')) {
                (Value::Array(array), Some(index)) => {
                    array.elements.get(index.parse::<usize>().ok()?)?
                }
                (Value::Object(object), None) => {
                    let property = object.get(step)?;
                    name = Some(property.name.range());
                    &property.value
                }
                _ => return None,
            };
        }
        name.map(|name| name.start..name.end)
    }

    /// Where the text stops being JSON.
    pub(super) fn fault(&self) -> Option<Range<usize>> {
        let problem = strict::parse(self.text.as_bytes()).err()?;
        let lines_before = self
            .text
            .split_inclusive('\n')
            .take(problem.line().checked_sub(1)?);
        // The columns of serde_json are bytes, the first of a line being 1; 0 is the end of the line before.
        let last = (lines_before.map(str::len).sum::<usize>() + problem.column()).checked_sub(1)?;
        let start = self.text.floor_char_boundary(last);
        let character = self.text[start..].chars().next()?;
        Some(start..start + character.len_utf8())
    }
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[']).filter(|step| !step.is_empty())
}

fn beginning(value: &Value<'_>) -> Place {
    if is_simple(value) {
        value.range()
    } else {
        Place::new(value.start(), value.start() + 1)
    }
}

fn is_simple(value: &Value<'_>) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_the_value_or_to_what_is_around_it() {
        let text = r#"{"to": "x", "content": {"text": "é"}, "suggestions": [{}, {"reply": {"text": "long"}}]}"#;
        let document = Document::parse(text);
        for (path, expected) in [
            ("", "{"),
            ("to", "\"x\""),
            ("content.text", "\"é\""),
            ("content", "\"content\""),
            ("suggestions[0]", "{"),
            ("suggestions[1].reply.text", "\"long\""),
            ("suggestions[1].reply.postback", "\"reply\""),
            ("suggestions[9]", "\"suggestions\""),
            ("options.colour", "{"),
            ("to.deeper", "\"x\""),
        ] {
            assert_eq!(
                document.find(path).and_then(|place| text.get(place)),
                Some(expected),
                "{path}"
            );
        }
        for (path, expected) in [
            ("to", Some("\"to\"")),
            ("suggestions[1].reply.text", Some("\"text\"")),
            ("suggestions[9].reply", None),
            ("nothing", None),
        ] {
            assert_eq!(
                document.name(path).and_then(|place| text.get(place)),
                expected,
                "{path}"
            );
        }
        let broken = Document::parse("{");
        assert_eq!((broken.find("to"), broken.name("to")), (None, None));
    }

    #[test]
    fn what_is_no_json_is_shown_where_it_stops_being_it() {
        for (text, expected) in [
            ("", None),
            ("\n", Some(0..1)),
            ("{", Some(0..1)),
            ("{\"to\":", Some(5..6)),
            ("{\n  \"to\": é }", Some(10..12)),
            ("{\"é\": x}", Some(7..8)),
            ("{\r\n", Some(2..3)),
            ("{} {}", Some(3..4)),
            ("\u{feff}{}", Some(0..3)),
            ("{\"a\":1,\"a\":1}", Some(9..10)),
            ("{}", None),
        ] {
            assert_eq!(Document::parse(text).fault(), expected, "{text:?}");
        }
    }
}

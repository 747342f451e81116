//! Where in a JSON text something is.

use jsonc_parser::ast::Value;
use jsonc_parser::common::{Range as Place, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
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
        Self { text, value: parsed.ok().and_then(|parsed| parsed.value) }
    }

    /// What to point at for a path such as `suggestions[2].reply.text`: the value, or the nearest thing around it that is
    /// there. Of an object or an array only its name, or how it begins.
    pub(super) fn find(&self, path: &str) -> Option<Range<usize>> {
        let mut value = self.value.as_ref()?;
        let mut place = beginning(value);
        for step in steps(path) {
            match (value, step.strip_suffix(']')) {
                (Value::Array(array), Some(index)) => {
                    let Some(element) = array.elements.get(index.parse::<usize>().ok()?) else { break };
                    value = element;
                    place = beginning(value);
                }
                (Value::Object(object), None) => {
                    let Some(property) = object.get(step) else { break };
                    value = &property.value;
                    place = if is_simple(value) { value.range() } else { property.name.range() };
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
                (Value::Array(array), Some(index)) => array.elements.get(index.parse::<usize>().ok()?)?,
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
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[']).filter(|step| !step.is_empty())
}

fn beginning(value: &Value<'_>) -> Place {
    if is_simple(value) { value.range() } else { Place::new(value.start(), value.start() + 1) }
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
            assert_eq!(document.find(path).and_then(|place| text.get(place)), Some(expected), "{path}");
        }
        for (path, expected) in [
            ("to", Some("\"to\"")),
            ("suggestions[1].reply.text", Some("\"text\"")),
            ("suggestions[9].reply", None),
            ("nothing", None),
        ] {
            assert_eq!(document.name(path).and_then(|place| text.get(place)), expected, "{path}");
        }
        let broken = Document::parse("{");
        assert_eq!((broken.find("to"), broken.name("to")), (None, None));
    }
}

//! Where in a JSON text something is.

use jsonc_parser::ast::Value;
use jsonc_parser::common::{Range as Place, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use std::ops::Range;

/// What to point at for a path such as `suggestions[2].reply.text`: the value, or the nearest thing around it that is there.
/// Of an object or an array only its name, or how it begins. None for what is not JSON.
pub(super) fn find(text: &str, path: &str) -> Option<Range<usize>> {
    let document = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let mut value = document.value.as_ref()?;
    let mut place = beginning(value);
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
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
            assert_eq!(find(text, path).and_then(|place| text.get(place)), Some(expected), "{path}");
        }
        assert_eq!(find("{", "to"), None);
    }
}

//! Tells whether a value is as a JSON Schema says, for the few keywords that the description of the HTTP API uses. One that is
//! not known here is a panic, so that nothing is taken for checked that is not.

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A schema, and those that it may refer to.
#[derive(Clone, Copy)]
pub(crate) struct Schema<'a> {
    pub(crate) components: &'a Value,
    pub(crate) schema: &'a Value,
}

impl Schema<'_> {
    /// The first thing that is wrong, and where.
    pub(crate) fn problem(self, value: &Value) -> Option<String> {
        let keywords = self.schema.as_object().unwrap();
        keywords.iter().find_map(|(keyword, rule)| {
            let problem = self.check(keyword, rule, value, keywords)?;
            Some(if problem.is_empty() {
                format!(": {keyword} {rule} is not true of {value}")
            } else {
                problem
            })
        })
    }

    /// Empty for a rule that is broken right here.
    fn check(
        self,
        keyword: &str,
        rule: &Value,
        value: &Value,
        all: &Map<String, Value>,
    ) -> Option<String> {
        let with = |schema| Schema { schema, ..self };
        let is_right = match keyword {
            "description" | "default" | "example" => true,
            "$ref" => {
                let name = rule
                    .as_str()
                    .unwrap()
                    .strip_prefix("#/components/schemas/")
                    .unwrap();
                return with(&self.components[name]).problem(value);
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|kind| is_a(value, kind)),
                kind => is_a(value, kind),
            },
            "enum" | "x-extensible-enum" => rule.as_array().unwrap().contains(value),
            "oneOf" => {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .filter(|schema| with(schema).problem(value).is_none())
                    .count()
                    == 1
            }
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some()),
            "properties" => {
                let mut fields = rule.as_object().unwrap().iter();
                let problem = |(name, schema): (&String, _)| {
                    Some(format!(
                        ".{name}{}",
                        with(schema).problem(value.get(name)?)?
                    ))
                };
                return fields.find_map(problem);
            }
            "additionalProperties" => {
                let described = |name: &String| {
                    all.get("properties")
                        .is_some_and(|known| known.get(name).is_some())
                };
                let mut others = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, _)| !described(name));
                return others.find_map(|(name, value)| match rule {
                    Value::Bool(false) => Some(format!(".{name} is not described")),
                    schema => Some(format!(".{name}{}", with(schema).problem(value)?)),
                });
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                return items.find_map(|(index, item)| {
                    Some(format!("[{index}]{}", with(rule).problem(item)?))
                });
            }
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value
                .as_i64()
                .is_none_or(|number| number >= rule.as_i64().unwrap()),
            "format" if rule == "date-time" => value
                .as_str()
                .is_none_or(|text| text.parse::<Timestamp>().is_ok()),
            "pattern" => value
                .as_str()
                .is_none_or(|text| matches(text, rule.as_str().unwrap())),
            _ => panic!("the keyword {keyword} is not known here"),
        };
        (!is_right).then(String::new)
    }
}

fn is_a(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known here"),
    }
}

fn matches(text: &str, pattern: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern {
        "^e[0-9]+$" => text.strip_prefix('e').is_some_and(digits),
        "^q[0-9]+$" => text.strip_prefix('q').is_some_and(digits),
        "^\\+[1-9][0-9]{1,14}$" => text.strip_prefix('+').is_some_and(|rest| {
            digits(rest) && !rest.starts_with('0') && (2..=15).contains(&rest.len())
        }),
        other => panic!("the pattern {other} is not known here"),
    }
}

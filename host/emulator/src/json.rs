//! JSON as it is written: fields in their order, and each name once in an object.
//!
//! Clients' bodies are strict JSON. Google's own samples are not (single quotes, commas after the last element), so there is a
//! loose reading too, which makes strict JSON of them. What the fields mean is for [`crate::schema`] to say.

use crate::excerpt::{excerpt, remark};
use crate::fidelity::{Basis, Behaviour};
use jsonc_parser::ast::{ObjectPropName, Value as Loose};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::HashSet;
use std::fmt;

/// Which JSON a client may write.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonSyntax {
    /// RFC 8259.
    Strict,
    /// Also strings in single quotes, names without quotes, and a comma after the last element, as Google's samples have them.
    Lenient,
}

impl JsonSyntax {
    /// `strict` or `lenient`
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "strict" => Some(Self::Strict),
            "lenient" => Some(Self::Lenient),
            _ => None,
        }
    }
}

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Why a body is no JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct JsonProblem(String);

impl Json {
    /// Reads strict JSON. A body that is empty is an empty object.
    pub(crate) fn read(document: &[u8]) -> Result<Self, JsonProblem> {
        let text = text(document)?;
        if text.trim_ascii().is_empty() {
            return Ok(Self::Object(Vec::new()));
        }
        serde_json::from_str(text).map_err(|problem| {
            let half = problem.to_string().contains("hex escape");
            let hint = if half {
                " (half of a surrogate pair?)"
            } else {
                ""
            };
            JsonProblem(format!("{}{hint}", remark(problem)))
        })
    }

    /// Reads what Google's samples are written in.
    pub(crate) fn read_leniently(document: &[u8]) -> Result<Self, JsonProblem> {
        let parsed = parse_to_ast(text(document)?, &CollectOptions::default(), &LENIENT);
        let parsed = parsed.map_err(|problem| JsonProblem(remark(problem)))?;
        parsed.value.map_or(Ok(Self::Object(Vec::new())), strict)
    }

    /// The same for who does not care for the order.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(bool),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::String(text),
            Self::List(list) => Value::Array(list.into_iter().map(Self::into_value).collect()),
            Self::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (name, value.into_value()))
                .collect(),
        }
    }

    /// As an error repeats it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{:?}", excerpt(text)),
            other => excerpt(&serde_json::to_string(other).unwrap_or_default()),
        }
    }
}

fn text(document: &[u8]) -> Result<&str, JsonProblem> {
    if document.starts_with(BYTE_ORDER_MARK) {
        return Err(JsonProblem(
            "The body begins with a byte order mark, which is no JSON.".to_owned(),
        ));
    }
    std::str::from_utf8(document)
        .map_err(|problem| JsonProblem(format!("The body is not UTF-8: {problem}.")))
}

/// Numbers and strings are as strict as ever: only quotes and commas are forgiven.
fn strict(loose: Loose<'_>) -> Result<Json, JsonProblem> {
    Ok(match loose {
        Loose::NullKeyword(_) => Json::Null,
        Loose::BooleanLit(bool) => Json::Bool(bool.value),
        Loose::StringLit(text) => Json::Text(text.value.into_owned()),
        Loose::NumberLit(number) => {
            let strict = serde_json::from_str(number.value);
            Json::Number(strict.map_err(|_| {
                JsonProblem(format!("{:?} is not a number.", excerpt(number.value)))
            })?)
        }
        Loose::Array(list) => Json::List(
            list.elements
                .into_iter()
                .map(strict)
                .collect::<Result<_, _>>()?,
        ),
        Loose::Object(object) => {
            let field = |field: jsonc_parser::ast::ObjectProp<'_>| {
                let name = match field.name {
                    ObjectPropName::String(name) => name.value.into_owned(),
                    ObjectPropName::Word(name) => name.value.to_owned(),
                };
                Ok((name, strict(field.value)?))
            };
            Json::Object(
                object
                    .properties
                    .into_iter()
                    .map(field)
                    .collect::<Result<_, _>>()?,
            )
        }
    })
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => serializer.collect_seq(list),
            Self::Object(fields) => {
                serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Json, E> {
        Ok(Json::Bool(bool))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Json, E> {
        Number::from_f64(number)
            .map(Json::Number)
            .ok_or_else(|| E::custom("a number is too large"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let (mut fields, mut names) = (Vec::<(String, Json)>::new(), HashSet::new());
        while let Some(name) = access.next_key::<String>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom(format_args!(
                    "the name {:?} occurs twice in an object",
                    excerpt(&name)
                )));
            }
            fields.push((name, access.next_value()?));
        }
        Ok(Json::Object(fields))
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const LENIENT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: true,
    allow_trailing_commas: true,
    allow_missing_commas: false,
    allow_single_quoted_strings: true,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "json-lenient",
        what: "Strings in single quotes, names without quotes and a comma after the last element are refused, unless the \
               option or the header X-Emulator-Json: lenient allows them",
        basis: Basis::SecondHand,
        source: "guides/build/messages/send has such samples; the parser of protobuf's C++ library once took all three",
        switch: Some("json"),
        test: "googles_loose_samples_are_taken_in_lenient_mode_only",
    },
    &Behaviour {
        id: "json-name-twice",
        what: "A name that occurs twice in an object is refused",
        basis: Basis::Assumed,
        source: "of two values neither is surely what was meant (RFC 8259, section 4)",
        switch: None,
        test: "what_is_no_json_is_refused_in_words",
    },
    &Behaviour {
        id: "json-odd",
        what: "A byte order mark, NaN, half of a surrogate pair and more than 127 levels are refused",
        basis: Basis::Assumed,
        source: "RFC 8259, sections 6 and 8; the number of levels is this parser's",
        switch: None,
        test: "what_is_no_json_is_refused_in_words",
    },
    &Behaviour {
        id: "json-empty",
        what: "A body without anything in it counts as an empty object",
        basis: Basis::Assumed,
        source: "protobuf.dev/programming-guides/json does not say",
        switch: None,
        test: "a_body_is_sent_as_json",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_refused_in_words() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        for (document, said) in [
            ("\u{feff}{}", "byte order mark"),
            (
                r#"{"a":1,"b":{"c":1,"\u0063":2}}"#,
                "the name \"c\" occurs twice in an object at line 1",
            ),
            (r#"{"a":NaN}"#, "expected value"),
            (r#"{"a":1e999}"#, "number out of range"),
            (r#"{"a":"\ud800"}"#, "surrogate"),
            (r#"{"a":"\ude00x"}"#, "surrogate"),
            (&deep, "recursion limit"),
            (r#"{"a":1,}"#, "trailing comma"),
            ("{'a':1}", "key must be a string"),
            ("{} {}", "trailing characters"),
            ("{", "EOF while parsing"),
        ] {
            let problem = Json::read(document.as_bytes())
                .expect_err(document)
                .to_string();
            assert!(problem.contains(said), "{document:.40}: {problem}");
        }
        assert!(
            Json::read(b"{\"a\":\"\xff\"}")
                .expect_err("bytes")
                .to_string()
                .contains("not UTF-8")
        );
        assert_eq!(
            Json::read(b" \n").expect("nothing"),
            Json::Object(Vec::new())
        );
    }

    #[test]
    fn loose_json_becomes_strict() {
        for (loose, strict) in [
            (
                "{'a': 'it\\'s \"x\"', b: [1, -2.5e3, true, null,],}",
                r#"{"a":"it's \"x\"","b":[1,-2500.0,true,null]}"#,
            ),
            (r#"{"a":"\u00e9\ud83d\ude00\n"}"#, "{\"a\":\"é😀\\n\"}"),
            ("", "{}"),
        ] {
            let read = Json::read_leniently(loose.as_bytes()).expect(loose);
            assert_eq!(serde_json::to_string(&read).expect("JSON"), strict);
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (loose, said) in [
            ("{'a': 1 'b': 2}", "line 1 column"),
            ("{'a': 0x10}", "line 1 column"),
            ("{'a': .5}", "line 1 column"),
            ("{'a': NaN}", "line 1 column"),
            ("{'a': 01}", "line 1 column"),
            ("{'a': 'b", "line 1 column"),
            ("{'a': 1} // b", "line 1 column"),
            ("{'a': '\\ud800'}", "line 1 column"),
            ("{} {}", "line 1 column"),
            (deep.as_str(), "depth"),
        ] {
            let problem = Json::read_leniently(loose.as_bytes())
                .expect_err(loose)
                .to_string();
            assert!(problem.contains(said), "{loose:.40}: {problem}");
        }
    }

    #[test]
    fn fields_keep_their_order() {
        let document = r#"{"b":1,"a":{"d":[],"c":18446744073709551615},"e":-1.5}"#;
        let read = Json::read(document.as_bytes()).expect("JSON");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), document);
    }
}

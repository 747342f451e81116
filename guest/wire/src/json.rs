//! Writes JSON, and reads it loosely: a tree that borrows from the text, and fields that are asked for by name.
//!
//! For what Google sends, where any field may be missing, new or of another kind, and nothing of that may be fatal. So what
//! nobody will ask for is never in the tree, and need only be JSON: nothing in it is too deep, too large or there twice. One
//! reader for all shapes also keeps the component small: a derived reader costs thousands of bytes for each shape.

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Whether a shape, or one in it, has a field of this name.
pub type HasField = fn(&str) -> bool;

/// Reads a document, which is an object: what Google sends is never anything else. Other fields are left out, at any depth.
pub fn parse(document: &[u8], has_field: HasField) -> Result<Object<'_>, Unreadable> {
    parse_value(document, has_field)?
        .into_object()
        .ok_or(Unreadable::NotAnObject)
}

/// Reads a document that answers a question: there a field of another kind must not look like an empty one.
pub fn parse_strictly(
    document: &[u8],
    has_field: HasField,
    fields: Fields,
) -> Result<Object<'_>, Unreadable> {
    let object = parse(document, has_field)?;
    match object.wrong_field(fields) {
        Some(name) => Err(Unreadable::WrongType(name)),
        None => Ok(object),
    }
}

/// Reads a document of any kind: what a server before Google sends may be a list or a word.
pub fn parse_value(document: &[u8], has_field: HasField) -> Result<Json<'_>, Unreadable> {
    let text = simdutf8::basic::from_utf8(document).map_err(|_| Unreadable::NotUtf8)?;
    Ok(read(text, has_field)?)
}

/// Writes one of this crate's shapes, which never fails: each is made of strings, numbers and lists.
pub fn write(shape: &impl Serialize) -> Vec<u8> {
    // Not with `expect`, which shows errors as `{:?}` does. (`quoted` says what that costs)
    let Ok(document) = serde_json::to_vec(shape) else {
        unreachable!("strings, numbers and lists serialise")
    };
    document
}

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nor is it JSON then.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Or too deep, or with a number or a character that there is not.
    #[error(transparent)]
    NotJson(#[from] serde_json::Error),
    /// Another value of JSON.
    #[error("expected an object")]
    NotAnObject,
    /// The field of this name is there, and is of another kind.
    #[error("`{0}` has the wrong type")]
    WrongType(&'static str),
}

fn read(text: &str, has_field: HasField) -> Result<Json<'_>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let json = Reader { has_field }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(json)
}

/// The document with U+FFFD for each escape of half a surrogate pair, which no text in Rust can hold. None if there is none.
pub fn without_lone_surrogates(document: &[u8]) -> Option<Vec<u8>> {
    let mut mended = document.to_vec();
    let mut place = 0;
    while let Some(backslash) = document.iter().skip(place).position(|byte| *byte == b'\\') {
        let escape = place + backslash;
        place = escape + 2;
        let (first, second) = (
            escaped_unit(document, escape),
            escaped_unit(document, escape + ESCAPE_LENGTH),
        );
        let lone = match (first, second) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => {
                place = escape + 2 * ESCAPE_LENGTH;
                false
            }
            (Some(0xd800..0xe000), _) => true,
            _ => false,
        };
        if let Some(digits) = mended
            .get_mut(escape + 2..escape + ESCAPE_LENGTH)
            .filter(|_| lone)
        {
            digits.copy_from_slice(b"fffd");
        }
    }
    (mended != document).then_some(mended)
}

/// The UTF-16 unit of `\u0041` at a place, if that is what is there.
fn escaped_unit(document: &[u8], place: usize) -> Option<u16> {
    let digits = document
        .get(place..place + ESCAPE_LENGTH)?
        .strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`, and what occurs twice: the two could mean one thing here and another elsewhere, so neither counts.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// Any number, as far as 64 bits of floating point hold it.
    Number(f64),
    /// A string; borrowed where it has no escapes.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The fields of an object, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Takes a field out, whatever it is.
    pub fn take(&mut self, name: &str) -> Option<Json<'a>> {
        let index = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Takes a string out. None for what is missing or no string.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.take(name)?.into_text()
    }

    /// Takes a number out, in quotes or not, as `ProtoJSON` writes them (Google's own samples send `"latitude": "37.42"`).
    pub fn number(&mut self, name: &str) -> Option<f64> {
        self.take(name)?.into_number()
    }

    /// Takes a whole number out, in quotes or not. None for what does not fit.
    pub fn whole(&mut self, name: &str) -> Option<u64> {
        self.take(name)?.as_whole()
    }

    /// Takes an object out.
    pub fn object(&mut self, name: &str) -> Option<Object<'a>> {
        self.take(name)?.into_object()
    }

    /// Takes an array out.
    pub fn list(&mut self, name: &str) -> Option<Vec<Json<'a>>> {
        self.take(name)?.into_list()
    }

    /// Which of these fields is there and of another kind.
    fn wrong_field(&self, fields: Fields) -> Option<&'static str> {
        let is_wrong = |(name, kind): &&(&str, Kind)| {
            let field = self.0.iter().find(|(key, _)| key == name);
            field.is_some_and(|(_, json)| !json.is_of(kind))
        };
        fields.iter().find(is_wrong).map(|(name, _)| *name)
    }
}

/// Field by field: quicker than asking for each name, where there are many.
impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Json<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> Json<'a> {
    /// The string, if it is one.
    pub fn into_text(self) -> Option<String> {
        self.into_borrowed_text().map(Cow::into_owned)
    }

    /// The string, if it is one, without copying it where it has no escapes.
    pub fn into_borrowed_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, in quotes or not, if it is one.
    pub fn into_number(self) -> Option<f64> {
        self.as_number()
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => match read(text, |_| false) {
                Ok(Json::Number(number)) => Some(number),
                _ => None,
            },
            _ => None,
        }
    }

    fn as_whole(&self) -> Option<u64> {
        let number = self.as_number()?;
        let fits = number >= 0.0 && number.fract() == 0.0 && number <= WHOLE_MAX;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked on the line above"
        )]
        fits.then_some(number as u64)
    }

    /// `true` or `false`, if it is one of them.
    pub fn into_bool(self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn into_object(self) -> Option<Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The array, if it is one.
    pub fn into_list(self) -> Option<Vec<Json<'a>>> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// `null` is of every kind: it means what a missing field means (`ProtoJSON`).
    fn is_of(&self, kind: &Kind) -> bool {
        match (kind, self) {
            (_, Self::Null) | (Kind::Text, Self::Text(_)) => true,
            (Kind::Texts, Self::List(list)) => {
                list.iter().all(|item| matches!(item, Self::Text(_)))
            }
            (Kind::Map(fields), Self::Object(Object(map))) => map.iter().all(|(_, value)| {
                matches!(value, Self::Object(object) if object.wrong_field(fields).is_none())
            }),
            (Kind::Count, _) => self
                .as_whole()
                .is_some_and(|count| u32::try_from(count).is_ok()),
            _ => false,
        }
    }
}

/// Of what kind a field must be, where one of another kind must not look like an empty one.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A list of strings.
    Texts,
    /// A whole number of 32 bits, in quotes or not.
    Count,
    /// An object of objects, each with these fields.
    Map(Fields),
}

/// Fields by name. Any of them may be missing or `null`.
pub type Fields = &'static [(&'static str, Kind)];

#[derive(Clone, Copy)]
struct Reader {
    has_field: HasField,
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, bool: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(bool))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "coordinates and file sizes are far below 2^53"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "coordinates and file sizes are far below 2^53"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let mut fields: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(FIELDS_USUAL);
        while let Some(key) = access.next_key_seed(self)? {
            // It is a string always, and who makes an error here brings 4 KB of how serde words them.
            let key = key.into_borrowed_text().unwrap_or_default();
            if !(self.has_field)(&key) {
                access.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = access.next_value_seed(self)?;
            match fields.iter_mut().find(|(earlier, _)| *earlier == key) {
                Some((_, earlier)) => *earlier = Json::Null,
                None => fields.push((key, value)),
            }
        }
        Ok(Json::Object(Object(fields)))
    }
}

/// Of `\u0041`.
const ESCAPE_LENGTH: usize = 6;
/// Saves an object of the usual size from growing.
const FIELDS_USUAL: usize = 8;
/// 2^53: up to it every whole number has an exact `f64`.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Result<Object<'_>, String> {
        parse(json.as_bytes(), |name| name != "other").map_err(|problem| problem.to_string())
    }

    #[test]
    fn fields_of_another_kind_count_as_missing() {
        let read = || {
            object(
                r#"{"text":"a\n","number":"37.5","size":1280,"yes":true,"null":null,"list":[1],"in":{"x":"y"}}"#,
            )
        };
        let read = || read().expect("JSON");
        assert_eq!(read().text("text").as_deref(), Some("a\n"));
        assert_eq!(read().number("number"), Some(37.5));
        assert_eq!(read().whole("size"), Some(1280));
        assert_eq!(read().take("yes").and_then(Json::into_bool), Some(true));
        assert_eq!(
            read()
                .object("in")
                .and_then(|mut inner| inner.text("x"))
                .as_deref(),
            Some("y")
        );
        assert_eq!(read().list("list"), Some(vec![Json::Number(1.0)]));
        for name in ["number", "yes", "null", "in", "missing"] {
            assert_eq!(read().whole(name), None, "{name}");
        }
        assert_eq!(
            (
                read().text("size"),
                read().object("text"),
                read().list("in")
            ),
            (None, None, None)
        );
    }

    #[test]
    fn whole_numbers_may_stand_in_quotes() {
        for (json, expected) in [
            ("1280", Some(1280)),
            ("\"1280\"", Some(1280)),
            ("-1", None),
            ("1.5", None),
            ("\"NaN\"", None),
            ("1e300", None),
        ] {
            let json = format!("{{\"n\":{json}}}");
            assert_eq!(object(&json).expect("JSON").whole("n"), expected, "{json}");
        }
    }

    #[test]
    fn strictly_read_a_field_may_be_missing_and_not_of_another_kind() {
        for (json, wrong) in [
            ("{}", None),
            (
                r#"{"text":null,"texts":null,"count":null,"map":null}"#,
                None,
            ),
            (r#"{"text":"","texts":[],"count":0,"map":{}}"#, None),
            (
                r#"{"text":"a","texts":["a","b"],"count":"7","map":{"x":{"texts":["a"]},"y":{}}}"#,
                None,
            ),
            (r#"{"text":5}"#, Some("text")),
            (r#"{"text":["a"]}"#, Some("text")),
            (r#"{"texts":"a"}"#, Some("texts")),
            (r#"{"texts":{}}"#, Some("texts")),
            (r#"{"texts":["a",5]}"#, Some("texts")),
            (r#"{"texts":[null]}"#, Some("texts")),
            (r#"{"count":4294967295}"#, None),
            (r#"{"count":4294967296}"#, Some("count")),
            (r#"{"count":1.5}"#, Some("count")),
            (r#"{"count":-1}"#, Some("count")),
            (r#"{"count":"many"}"#, Some("count")),
            (r#"{"count":[]}"#, Some("count")),
            (r#"{"map":[]}"#, Some("map")),
            (r#"{"map":{"x":[]}}"#, Some("map")),
            (r#"{"map":{"x":null}}"#, Some("map")),
            (r#"{"map":{"x":{"texts":"a"}}}"#, Some("map")),
        ] {
            let read = parse_strictly(json.as_bytes(), |_| true, FIELDS);
            let problem = read.err().map(|problem| problem.to_string());
            let expected = wrong.map(|name| format!("`{name}` has the wrong type"));
            assert_eq!(problem, expected, "{json}");
        }
    }

    const FIELDS: Fields = &[
        ("text", Kind::Text),
        ("texts", Kind::Texts),
        ("count", Kind::Count),
        ("map", Kind::Map(&[("texts", Kind::Texts)])),
    ];

    #[test]
    fn what_occurs_twice_counts_as_null() {
        let mut read = object(r#"{"a":1,"b":{"a":1,"a":[],"\u0061":2},"a":1}"#).expect("JSON");
        assert_eq!(read.take("a"), Some(Json::Null));
        assert_eq!(
            read.object("b").and_then(|mut inner| inner.take("a")),
            Some(Json::Null)
        );
    }

    #[test]
    fn what_nobody_asks_for_need_only_be_json() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for other in ["1e999", r#"{"a":1,"a":2}"#, r#""\ud800""#, &deep] {
            let json = format!(r#"{{"a":[{{"other":{other},"b":1}}],"other":{other}}}"#);
            let mut read = object(&json).expect("JSON");
            let inner = Object(vec![(Cow::Borrowed("b"), Json::Number(1.0))]);
            assert_eq!(
                (read.list("a"), read.take("other")),
                (Some(vec![Json::Object(inner)]), None)
            );
            assert!(
                object(&format!(r#"{{"a":{other}}}"#)).is_ok() == other.starts_with('{'),
                "{other:.20}"
            );
        }
        for broken in ["{", "[1,]", "01", "'x'", "\u{feff}1", ""] {
            assert!(
                object(&format!(r#"{{"other":{broken}}}"#)).is_err(),
                "{broken}"
            );
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced_and_a_whole_one_is_not() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\uDC00x""#, Some(r#""\ufffdx""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\ud83d\n""#, Some(r#""\ufffd\n""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\u00e9""#, None),
            (r#""\ud8"#, None),
            (r#""\u+d83""#, None),
            ("\\", None),
        ] {
            let mended = without_lone_surrogates(json.as_bytes());
            assert_eq!(mended.as_deref(), expected.map(str::as_bytes), "{json}");
        }
    }

    #[test]
    fn a_document_is_an_object_and_nothing_after_it() {
        assert!(object("[]").is_err_and(|problem| problem.contains("expected an object")));
        assert!(object("{} {}").is_err_and(|problem| problem.contains("trailing characters")));
    }
}

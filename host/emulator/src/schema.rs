//! The API's shapes, as its discovery document has them, and the reading of clients' JSON by them.
//!
//! It reads as `ProtoJSON` does, and says what is wrong in the words of Google's front end. Limits are not its business:
//! they are [`crate::check`]'s.

use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::json::Json;
use crate::refusal::violation;
use rbm_wire::problem::FieldViolation;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The document, without the address that it is at.
pub(crate) const DISCOVERY: &str = include_str!("api/discovery.json");

/// The same, read.
pub(crate) static API: LazyLock<Api> = LazyLock::new(|| {
    serde_json::from_str(DISCOVERY).expect("the discovery document has the shape of one")
});

/// The document of the API that manages brands and agents.
pub(crate) const BUSINESS_DISCOVERY: &str = include_str!("api/business.json");

/// The same, read.
pub(crate) static BUSINESS: LazyLock<Api> = LazyLock::new(|| {
    serde_json::from_str(BUSINESS_DISCOVERY).expect("the discovery document has the shape of one")
});

/// What an API offers.
#[derive(Debug, Deserialize)]
pub(crate) struct Api {
    /// `rcsbusinessmessaging`
    name: String,
    /// What every method takes in the query.
    parameters: BTreeMap<String, Parameter>,
    schemas: BTreeMap<String, Schema>,
    #[serde(flatten)]
    top: Resource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    methods: BTreeMap<String, Method>,
    resources: BTreeMap<String, Resource>,
}

/// One method.
#[derive(Debug, Deserialize)]
pub(crate) struct Method {
    id: String,
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    response: Reference,
    #[serde(default, rename = "supportsMediaUpload")]
    uploads: bool,
}

#[derive(Debug, Deserialize)]
struct Parameter {
    location: String,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(rename = "$ref")]
    schema: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Schema {
    #[serde(default)]
    properties: BTreeMap<String, Shape>,
}

/// What a field, or an element of a list, may be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(rename = "$ref")]
    schema: Option<String>,
    #[serde(rename = "type")]
    kind: Option<Kind>,
    format: Option<String>,
    #[serde(rename = "enum")]
    members: Option<Vec<String>>,
    items: Option<Box<Shape>>,
    additional_properties: Option<Box<Shape>>,
    #[serde(default)]
    read_only: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Any,
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

impl Api {
    /// The service is left out of its name: `phones.agentMessages.create`.
    pub(crate) fn method(&self, name: &str) -> Option<&Method> {
        self.top.method(name)
    }

    /// Whether every method takes it.
    pub(crate) fn is_system_parameter(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// The field that a path of an update mask leads to, by JSON names.
    pub(crate) fn path(&self, schema: &str, path: &str) -> Option<Vec<String>> {
        let mut at = At::Schema(schema);
        let mut names = Vec::new();
        for segment in path.split('.') {
            let (name, below) = self.step(at, segment)?;
            names.push(name);
            at = below;
        }
        Some(names)
    }

    /// The JSON names of an object's fields.
    pub(crate) fn fields(&self, schema: &str) -> impl Iterator<Item = &str> {
        self.schema(schema).properties.keys().map(String::as_str)
    }

    /// Reads an object of this shape: known fields only, under their JSON names, without those that are the platform's to fill.
    pub(crate) fn read(&self, schema: &str, json: Json) -> Result<Value, Vec<FieldViolation>> {
        let mut reading = Reading {
            api: self,
            wrong: Vec::new(),
        };
        let value = match json {
            Json::Object(fields) => reading.message("", self.schema(schema), fields),
            _ => {
                reading.unknown("", "", "Root element must be a message.");
                Value::Null
            }
        };
        if reading.wrong.is_empty() {
            Ok(value)
        } else {
            Err(reading.wrong)
        }
    }

    /// What is at a place of a selection: a field by either of its names, or any of them.
    pub(crate) fn step<'a>(&'a self, at: At<'a>, name: &str) -> Option<(String, At<'a>)> {
        let schema = match at {
            At::Schema(schema) => self.schema(schema),
            At::AnyOf(schema) => return Some((name.to_owned(), At::Schema(schema))),
            At::Leaf => return None,
        };
        let (name, shape) = schema.field(name)?;
        Some((name.to_owned(), at_shape(shape)))
    }

    fn schema(&self, name: &str) -> &Schema {
        self.schemas
            .get(name)
            .expect("the discovery document has every schema that it names")
    }
}

/// Where a selection of fields has come to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'a> {
    /// In an object of this shape.
    Schema(&'a str),
    /// In an object whose every field is of this shape.
    AnyOf(&'a str),
    /// Where nothing more can be selected.
    Leaf,
}

fn at_shape(shape: &Shape) -> At<'_> {
    match shape {
        Shape {
            schema: Some(schema),
            ..
        } => At::Schema(schema),
        Shape {
            items: Some(items), ..
        } => at_shape(items),
        Shape {
            additional_properties: Some(values),
            ..
        } => match at_shape(values) {
            At::Schema(schema) => At::AnyOf(schema),
            _ => At::Leaf,
        },
        _ => At::Leaf,
    }
}

impl Resource {
    fn method(&self, name: &str) -> Option<&Method> {
        let here = self.methods.values().find(|method| method.name() == name);
        here.or_else(|| {
            self.resources
                .values()
                .find_map(|resource| resource.method(name))
        })
    }
}

impl Method {
    /// `rcsbusinessmessaging.phones.agentMessages.create`
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The same without the service: `phones.agentMessages.create`
    pub(crate) fn name(&self) -> &str {
        self.id.split_once('.').map_or("", |(_, name)| name)
    }

    /// `rcsbusinessmessaging`
    pub(crate) fn service(&self) -> &str {
        self.id.split_once('.').map_or("", |(service, _)| service)
    }

    /// Whose it is.
    pub(crate) fn api(&self) -> &'static Api {
        if self.service() == BUSINESS.name {
            &BUSINESS
        } else {
            &API
        }
    }

    /// The name of a parameter of its query, which may be written as in Google's `.proto` files.
    pub(crate) fn query_parameter(&self, name: &str) -> Option<&str> {
        let mut known = self
            .parameters
            .iter()
            .filter(|(_, parameter)| parameter.location == "query");
        known
            .find(|(known, _)| *known == name || proto_name(known) == name)
            .map(|(known, _)| known.as_str())
    }

    /// Whether it takes this in the query.
    pub(crate) fn takes(&self, parameter: &str) -> bool {
        self.parameters
            .get(parameter)
            .is_some_and(|parameter| parameter.location == "query")
    }

    /// Whether it takes bytes.
    pub(crate) fn uploads(&self) -> bool {
        self.uploads
    }

    /// The shape of what it answers.
    pub(crate) fn answer(&self) -> At<'_> {
        At::Schema(&self.response.schema)
    }
}

impl Schema {
    /// By its JSON name or by the one in Google's `.proto` files.
    fn field(&self, name: &str) -> Option<(&str, &Shape)> {
        let field = self.properties.get_key_value(name);
        let field = field.or_else(|| {
            self.properties
                .iter()
                .find(|(json_name, _)| proto_name(json_name) == name)
        });
        field.map(|(name, shape)| (name.as_str(), shape))
    }
}

/// One body on its way.
struct Reading<'a> {
    api: &'a Api,
    wrong: Vec<FieldViolation>,
}

impl Reading<'_> {
    fn message(&mut self, at: &str, schema: &Schema, fields: Vec<(String, Json)>) -> Value {
        let mut known = Map::new();
        for (name, json) in fields {
            let Some((json_name, shape)) = schema.field(&name) else {
                self.unknown(at, &name, "Cannot find field.");
                continue;
            };
            if known.contains_key(json_name) {
                self.unknown(at, &name, "The field occurs under both of its names.");
                continue;
            }
            if json == Json::Null {
                continue;
            }
            let value = self.value(&below(at, &proto_name(json_name)), &name, shape, json);
            if !shape.read_only {
                known.insert(json_name.to_owned(), value);
            }
        }
        Value::Object(known)
    }

    fn value(&mut self, at: &str, name: &str, shape: &Shape, json: Json) -> Value {
        match (shape, json) {
            (
                Shape {
                    schema: Some(schema),
                    ..
                },
                Json::Object(fields),
            ) => self.message(at, self.api.schema(schema), fields),
            (
                Shape {
                    items: Some(items), ..
                },
                Json::List(list),
            ) => {
                let item = |(index, json)| self.value(&format!("{at}[{index}]"), name, items, json);
                list.into_iter().enumerate().map(item).collect()
            }
            (
                Shape {
                    additional_properties: Some(values),
                    ..
                },
                Json::Object(fields),
            ) if values.schema.is_some() => {
                let entry = |(key, json): (String, Json)| {
                    let value = self.value(&format!("{at}[{key:?}]"), &key, values, json);
                    (key, value)
                };
                Value::Object(fields.into_iter().map(entry).collect())
            }
            // Only a free object has values of any kind.
            (
                Shape {
                    additional_properties: Some(_),
                    ..
                },
                json @ Json::Object(_),
            ) => json.into_value(),
            (_, Json::List(_)) => {
                self.refuse(at, name, "Proto field is not repeating, cannot start list.")
            }
            (
                Shape {
                    schema: None,
                    items: None,
                    additional_properties: None,
                    ..
                },
                Json::Object(_),
            ) => self.refuse(at, name, "Starting an object on a scalar field"),
            (shape, json) => match scalar(shape, &json) {
                Some(value) => value,
                None => {
                    let rule = format!(
                        "Invalid value at '{at}' ({}), {}",
                        type_name(self.api, shape),
                        json.shown()
                    );
                    self.wrong.push(violation(at, rule));
                    Value::Null
                }
            },
        }
    }

    fn refuse(&mut self, at: &str, name: &str, rule: &str) -> Value {
        self.unknown(parent(at), name, rule);
        Value::Null
    }

    fn unknown(&mut self, at: &str, name: &str, rule: &str) {
        self.wrong.push(unknown_name(at, name, rule));
    }
}

/// What Google's front end says of a name in a body or a query.
pub(crate) fn unknown_name(at: &str, name: &str, rule: &str) -> FieldViolation {
    let place = if at.is_empty() {
        String::new()
    } else {
        format!(" at '{at}'")
    };
    let name = excerpt(name);
    violation(
        at,
        format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: {rule}"),
    )
}

/// A number may stand in quotes; an enum may be a number, which is its place in the list.
fn scalar(shape: &Shape, json: &Json) -> Option<Value> {
    if let Some(members) = &shape.members {
        let member = match json {
            Json::Text(text) => members.iter().find(|member| *member == text),
            Json::Number(number) => members.get(usize::try_from(number.as_u64()?).ok()?),
            _ => None,
        };
        return member.map(|member| Value::String(member.clone()));
    }
    match (shape.kind?, json) {
        (Kind::String, Json::Text(text)) => Some(Value::String(text.clone())),
        (Kind::Boolean, Json::Bool(bool)) => Some(Value::Bool(*bool)),
        (Kind::Number, Json::Number(number)) => Some(Value::Number(number.clone())),
        (Kind::Number, Json::Text(text)) => serde_json::from_str(text).ok().map(Value::Number),
        (Kind::Integer, Json::Number(number)) => number.as_i64().map(Value::from),
        (Kind::Integer, Json::Text(text)) => text.parse::<i64>().ok().map(Value::from),
        _ => None,
    }
}

/// As Google's front end calls what it wanted.
fn type_name(api: &Api, shape: &Shape) -> String {
    match (shape.kind, shape.format.as_deref(), &shape.schema) {
        (_, _, Some(schema)) => format!(
            "type.googleapis.com/google.communications.{}.v1.{schema}",
            api.name
        ),
        _ if shape.members.is_some() => "TYPE_ENUM".to_owned(),
        (Some(Kind::Integer), Some("int64"), _) => "TYPE_INT64".to_owned(),
        (Some(Kind::Integer), ..) => "TYPE_INT32".to_owned(),
        (Some(Kind::Number), ..) => "TYPE_DOUBLE".to_owned(),
        (Some(Kind::Boolean), ..) => "TYPE_BOOL".to_owned(),
        (Some(Kind::String), ..) => "TYPE_STRING".to_owned(),
        _ => "TYPE_MESSAGE".to_owned(),
    }
}

/// `contentMessage` is `content_message` in Google's `.proto` files, and in the front end's errors.
pub(crate) fn proto_name(json_name: &str) -> String {
    let mut name = String::with_capacity(json_name.len() + 4);
    for character in json_name.chars() {
        if character.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn parent(at: &str) -> &str {
    at.rsplit_once('.').map_or("", |(parent, _)| parent)
}

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "unknown-field",
        what: "A field that the reference does not have is refused with its path",
        basis: Basis::SecondHand,
        source: "text and path as other APIs of Google's answer them",
        switch: None,
        test: "a_body_is_read_as_protojson_and_refused_in_googles_words",
    },
    &Behaviour {
        id: "wrong-type",
        what: "A value of another type is refused with its path, the type and the value",
        basis: Basis::SecondHand,
        source: "text as other APIs of Google's answer it; the names of enums are left out of it",
        switch: None,
        test: "a_body_is_read_as_protojson_and_refused_in_googles_words",
    },
    &Behaviour {
        id: "protojson",
        what: "Fields are known by their JSON and their proto names, null counts as missing, numbers may stand in quotes, \
               enums may be numbers",
        basis: Basis::Documented,
        source: "protobuf.dev/programming-guides/json; the numbers of the enums are the order of the reference",
        switch: None,
        test: "a_body_is_read_as_protojson_and_refused_in_googles_words",
    },
    &Behaviour {
        id: "output-only",
        what: "What a client sends in a field that is output only is read, and dropped",
        basis: Basis::Documented,
        source: "google.aip.dev/203",
        switch: None,
        test: "a_body_is_read_as_protojson_and_refused_in_googles_words",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<Value, Vec<(String, String)>> {
        let json = Json::read(body.to_string().as_bytes()).expect("JSON");
        let wrong = |wrong: Vec<FieldViolation>| {
            wrong
                .into_iter()
                .map(|one| (one.field, one.description))
                .collect()
        };
        API.read("AgentMessage", json).map_err(wrong)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "lists, one value a line")]
    fn a_body_is_read_as_protojson_and_refused_in_googles_words() {
        let place = |latitude: Value| {
            json!({ "contentMessage": { "suggestions": [
            { "action": { "viewLocationAction": { "latLong": { "latitude": latitude } } } } ] } })
        };
        for (body, expected) in [
            (
                json!({ "content_message": { "text": "x", "rich_card": null } }),
                json!({ "contentMessage": { "text": "x" } }),
            ),
            (
                json!({ "name": "x", "sendTime": "t", "ttl": "5s" }),
                json!({ "ttl": "5s" }),
            ),
            (
                json!({ "messageTrafficType": 1 }),
                json!({ "messageTrafficType": "AUTHENTICATION" }),
            ),
            (place(json!("37.5")), place(json!(37.5))),
            (place(json!(37)), place(json!(37))),
        ] {
            assert_eq!(read(&body), Ok(expected), "{body}");
        }
        let unknown = |name: &str, at: &str, rule: &str| {
            let place = if at.is_empty() {
                String::new()
            } else {
                format!(" at '{at}'")
            };
            (
                at.to_owned(),
                format!("Invalid JSON payload received. Unknown name \"{name}\"{place}: {rule}"),
            )
        };
        let invalid =
            |at: &str, rest: &str| (at.to_owned(), format!("Invalid value at '{at}' {rest}"));
        let latitude =
            "content_message.suggestions[0].action.view_location_action.lat_long.latitude";
        for (body, expected) in [
            (
                json!({ "colour": 1 }),
                unknown("colour", "", "Cannot find field."),
            ),
            (
                json!({ "contentMessage": { "suggestions": [{}, { "re_ply": 1 }] } }),
                unknown(
                    "re_ply",
                    "content_message.suggestions[1]",
                    "Cannot find field.",
                ),
            ),
            (
                json!([]),
                unknown("", "", "Root element must be a message."),
            ),
            (
                json!({ "ttl": ["5s"] }),
                unknown(
                    "ttl",
                    "",
                    "Proto field is not repeating, cannot start list.",
                ),
            ),
            (
                json!({ "ttl": {} }),
                unknown("ttl", "", "Starting an object on a scalar field"),
            ),
            (json!({ "ttl": 5 }), invalid("ttl", "(TYPE_STRING), 5")),
            (
                json!({ "sendTime": 5 }),
                invalid("send_time", "(TYPE_STRING), 5"),
            ),
            (
                json!({ "ttl": "5s", "contentMessage": { "text": true } }),
                invalid("content_message.text", "(TYPE_STRING), true"),
            ),
            (
                json!({ "messageTrafficType": "SPAM" }),
                invalid("message_traffic_type", "(TYPE_ENUM), \"SPAM\""),
            ),
            (
                json!({ "messageTrafficType": 99 }),
                invalid("message_traffic_type", "(TYPE_ENUM), 99"),
            ),
            (
                json!({ "messageTrafficType": -1 }),
                invalid("message_traffic_type", "(TYPE_ENUM), -1"),
            ),
            (
                json!({ "contentMessage": "x" }),
                invalid(
                    "content_message",
                    "(type.googleapis.com/google.communications.rcsbusinessmessaging.v1.AgentContentMessage), \"x\"",
                ),
            ),
            (
                place(json!("NaN")),
                invalid(latitude, "(TYPE_DOUBLE), \"NaN\""),
            ),
            (
                place(json!("north")),
                invalid(latitude, "(TYPE_DOUBLE), \"north\""),
            ),
            (
                json!({ "contentMessage": {}, "content_message": {} }),
                unknown(
                    "content_message",
                    "",
                    "The field occurs under both of its names.",
                ),
            ),
        ] {
            assert_eq!(read(&body), Err(vec![expected]), "{body}");
        }
    }
}

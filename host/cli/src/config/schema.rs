//! The JSON schema of a configuration, for editors. It is made of the keys that are read, so that it cannot differ from
//! them; what a value must look like beyond its kind, and what must be there, the environment may decide.

use super::keys::{self, Key, Kind, NAME_PATTERN, below, join};
use serde_json::{Map, Value, json};

/// Of the whole.
pub(super) fn schema() -> Value {
    let mut schema = table("");
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "rbm.toml".into();
    schema["description"] = "The configuration of `rbm serve`.".into();
    schema
}

fn table(pattern: &str) -> Value {
    let names = below(pattern);
    if names.contains(&"*") {
        let element = table(&join(pattern, "*"));
        return json!({
            "type": "object",
            "description": documentation(pattern),
            "propertyNames": { "pattern": NAME_PATTERN },
            "additionalProperties": element,
        });
    }
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| {
            let pattern = join(pattern, name);
            (
                name.to_string(),
                Key::of(&pattern).map_or_else(|| table(&pattern), value),
            )
        })
        .collect();
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if !pattern.is_empty() {
        schema["description"] = documentation(pattern).into();
    }
    let rivals = exclusions(pattern, &names);
    if !rivals.is_empty() {
        schema["allOf"] = rivals.into();
    }
    schema
}

fn value(key: &'static Key) -> Value {
    let mut schema = match key.kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::Secret | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::List => json!({ "type": "array", "items": { "type": "string" } }),
    };
    schema["description"] = key.documentation.into();
    if let Some(default) = key.default {
        schema["default"] = match key.kind {
            Kind::Whole(..) | Kind::Boolean => serde_json::from_str(default).unwrap_or_default(),
            Kind::List => json!([]),
            _ => default.into(),
        };
    }
    schema
}

/// Of two ways to say the same only one.
fn exclusions(table: &str, names: &[&str]) -> Vec<Value> {
    let mut exclusions = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let rivals = keys::rivals(&join(table, name));
        let later = names[index + 1..]
            .iter()
            .filter(|other| rivals.contains(&join(table, other)));
        exclusions.extend(later.map(|other| json!({ "not": { "required": [name, other] } })));
    }
    exclusions
}

fn documentation(pattern: &str) -> &'static str {
    TABLES
        .iter()
        .find(|(table, _)| *table == pattern)
        .map_or("", |(_, documentation)| documentation)
}

const TABLES: [(&str, &str); 15] = [
    (
        "server",
        "Where messages come in, events go out and webhooks come in.",
    ),
    ("server.tls", "TLS by the gateway itself."),
    ("admin", "Where the state of the gateway can be asked for."),
    ("store", "Where messages and events are kept."),
    ("retention", "How long what is done with is kept, in days."),
    (
        "platform",
        "Another platform than Google's, for tests and stand-ins.",
    ),
    (
        "partner",
        "The webhook that all agents share, if one is registered with Google.",
    ),
    (
        "agents",
        "The agents by their names: what callers call them, and what their webhooks' paths end in.",
    ),
    ("agents.*", "An agent."),
    ("agents.*.quiet_hours", "When the agent sends nothing."),
    (
        "callbacks",
        "The addresses that events are posted to, by their names.",
    ),
    ("callbacks.*", "An address that events are posted to."),
    ("events", "Which events the gateway adds to the platform's."),
    ("opt_out", "How people say that they want no more messages."),
    ("log", "What is logged to stderr."),
];

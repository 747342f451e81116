//! The example, the schema and what is shown agree with what is read.

use super::{case, case_with};
use crate::config::keys::{KEYS, Key, Kind};
use crate::config::{EXAMPLE, schema, show};
use serde_json::{Value, json};

#[test]
fn the_example_is_right_and_shown_with_who_said_what() {
    let variables = [
        ("RBM_SERVER__API_TOKEN", "canary"),
        ("RBM_LOG__FORMAT", "json"),
    ];
    let case = case_with(EXAMPLE, &variables, &["store.directory=state"]);
    assert_eq!(case.findings(), [""; 0]);
    assert_eq!(show::toml(&case.outcome.givens, &case.source()), SHOWN);
    let shown = show::json(&case.outcome.givens, &case.source());
    assert_eq!(
        shown["server.api_token"],
        json!({ "value": "***", "from": "RBM_SERVER__API_TOKEN" })
    );
    assert_eq!(
        shown["agents.demo.burst"],
        json!({ "value": 10, "from": "rbm.toml:77" })
    );
}

/// What is shown can be given again.
#[test]
fn what_is_shown_is_a_configuration() {
    let shown = show::toml(&case(EXAMPLE).outcome.givens, &case(EXAMPLE).source());
    assert_eq!(case(&shown).findings(), [""; 0]);
}

#[test]
fn the_example_has_every_key_and_those_in_comments_are_right_too() {
    let all: Vec<&str> = EXAMPLE.lines().map(uncommented).collect();
    let all = case(&all.join("\n"));
    let expected = "68:1 error: agents.demo.service_account_file and agents.demo.bearer_token_file exclude each other";
    assert_eq!(all.findings(), [expected]);
    let is_there = |pattern: &str| {
        all.outcome
            .givens
            .values
            .values()
            .any(|given| given.pattern == pattern)
    };
    for key in KEYS.iter().filter(|key| key.kind != Kind::Secret) {
        assert!(is_there(key.pattern), "{}", key.pattern);
    }
    // Of a secret the example shows the better way.
    for key in KEYS.iter().filter(|key| key.kind == Kind::Secret) {
        assert!(
            Key::of(&format!("{}_file", key.pattern)).is_some(),
            "{}",
            key.pattern
        );
    }
}

/// A key or a table that is commented out, without what comments it out. Sentences begin with a space.
fn uncommented(line: &str) -> &str {
    let bare = line.strip_prefix('#').unwrap_or(line);
    if bare.starts_with(|first: char| first == '[' || first.is_lowercase()) {
        bare
    } else {
        line
    }
}

#[test]
fn the_schema_takes_the_example_and_refuses_what_is_refused() {
    let schema = schema::schema();
    let valid = |text: &str| valid(&schema, &value(text));
    assert!(valid(EXAMPLE));
    assert!(valid(super::LEAST));
    for wrong in [
        "[sever]\n",
        "[server]\nlistn = \"x\"\n",
        "[server]\nlisten = 1\n",
        "[server]\ntrusted_proxies = [1]\n",
        "[server.tls]\nkey = \"x\"\n",
        "[server]\napi_token = \"a\"\napi_token_file = \"b\"\n",
        "[retention]\nseen_days = 13\n",
        "[retention]\nseen_days = 1.5\n",
        "[agents.demo]\nregion = \"mars\"\n",
        "[agents.demo]\nbearer_token = \"a\"\nservice_account_file = \"b\"\n",
        "[agents.\"a b\"]\nregion = \"us\"\n",
        "[agents.demo.quiet_hours]\nzone = \"x\"\n",
        "[callbacks.x]\norder = \"yes\"\n",
    ] {
        assert!(!valid(wrong), "{wrong}");
    }
}

#[test]
fn the_schema_has_the_keys_that_are_read_and_says_what_each_is() {
    let mut found = Vec::new();
    collect(&schema::schema(), "", &mut found);
    let mut expected: Vec<String> = KEYS.iter().map(|key| key.pattern.to_owned()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

fn collect(schema: &Value, path: &str, found: &mut Vec<String>) {
    assert!(
        path.is_empty()
            || schema["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
        "{path}"
    );
    let join = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    if let Some(properties) = schema["properties"].as_object() {
        properties
            .iter()
            .for_each(|(name, schema)| collect(schema, &join(name), found));
    } else if schema["additionalProperties"].is_object() {
        collect(&schema["additionalProperties"], &join("*"), found);
    } else {
        found.push(path.to_owned());
    }
}

/// Whether a value is what a schema says, by as much of JSON schema as this one uses; another word is a panic.
fn valid(schema: &Value, value: &Value) -> bool {
    let is = |word: &str, rule: &Value| match word {
        "$schema" | "title" | "description" | "default" => true,
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            other => panic!("{other}"),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "minimum" => value
            .as_f64()
            .is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value
            .as_f64()
            .is_none_or(|number| number <= rule.as_f64().unwrap()),
        "minLength" => value
            .as_str()
            .is_none_or(|text| text.len() as u64 >= rule.as_u64().unwrap()),
        "items" => value
            .as_array()
            .is_none_or(|items| items.iter().all(|item| valid(rule, item))),
        "allOf" => rule
            .as_array()
            .unwrap()
            .iter()
            .all(|schema| valid(schema, value)),
        "not" => !valid(rule, value),
        "required" => rule
            .as_array()
            .unwrap()
            .iter()
            .all(|name| value.get(name.as_str().unwrap()).is_some()),
        "propertyNames" => {
            assert_eq!(rule["pattern"], crate::config::keys::NAME_PATTERN);
            value
                .as_object()
                .is_none_or(|object| object.keys().all(|name| crate::config::keys::is_name(name)))
        }
        "properties" => fields(value)
            .all(|(name, value)| rule.get(name).is_none_or(|schema| valid(schema, value))),
        "additionalProperties" if rule.is_object() => {
            fields(value).all(|(_, value)| valid(rule, value))
        }
        "additionalProperties" => {
            fields(value).all(|(name, _)| schema["properties"].get(name).is_some())
        }
        other => panic!("{other}"),
    };
    schema
        .as_object()
        .unwrap()
        .iter()
        .all(|(word, rule)| is(word, rule))
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn value(text: &str) -> Value {
    use toml::de::{DeTable, DeValue};
    fn of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => json!(text),
            DeValue::Integer(number) => json!(number.as_str().parse::<i64>().unwrap()),
            DeValue::Float(number) => json!(number.as_str().parse::<f64>().unwrap()),
            DeValue::Boolean(value) => json!(value),
            DeValue::Datetime(_) => panic!("there are none"),
            DeValue::Array(array) => array.iter().map(|value| of(value.get_ref())).collect(),
            DeValue::Table(table) => table
                .iter()
                .map(|(k, v)| (k.get_ref().to_string(), of(v.get_ref())))
                .collect(),
        }
    }
    of(&DeValue::Table(DeTable::parse(text).unwrap().into_inner()))
}

const SHOWN: &str = "\
[server]
listen = \"127.0.0.1:8787\"                                   # rbm.toml:13
api_token = \"***\"                                           # RBM_SERVER__API_TOKEN
trusted_proxies = []                                        # rbm.toml:19

[admin]
listen = \"127.0.0.1:8789\"                                   # rbm.toml:28

[store]
directory = \"state\"                                         # --set store.directory

[retention]
seen_days = 30                                              # rbm.toml:39
events_days = 30                                            # rbm.toml:40
messages_days = 90                                          # rbm.toml:41
quarantine_days = 30                                        # rbm.toml:43

[platform]
allow_private_addresses = false                             # default
request_seconds_max = 30                                    # default

[agents.demo]
agent_id = \"demo@rbm.goog\"                                  # rbm.toml:60
client_token_file = \"secrets/demo-client-token\"             # rbm.toml:62
service_account_file = \"secrets/demo-service-account.json\"  # rbm.toml:66
region = \"europe\"                                           # rbm.toml:70
use_case = \"multi-use\"                                      # rbm.toml:72
card_suggestions_max = 4                                    # rbm.toml:74
messages_per_second = 100                                   # rbm.toml:76
burst = 10                                                  # rbm.toml:77

[agents.demo.quiet_hours]
from = \"22:00\"                                              # rbm.toml:79
to = \"07:00\"                                                # rbm.toml:79
time_zone = \"Europe/Berlin\"                                 # rbm.toml:79

[callbacks.shop]
url = \"https://app.example/rbm\"                             # rbm.toml:83
secret_file = \"secrets/shop-secret\"                         # rbm.toml:85
agents = [\"demo\"]                                           # rbm.toml:89
from = \"now\"                                                # rbm.toml:91
order = false                                               # rbm.toml:93
allow_private_addresses = false                             # rbm.toml:95

[events]
accepted = false                                            # rbm.toml:101

[opt_out]
keywords = true                                             # rbm.toml:107
words = []                                                  # rbm.toml:111

[log]
level = \"info\"                                              # rbm.toml:115
format = \"json\"                                             # RBM_LOG__FORMAT
";

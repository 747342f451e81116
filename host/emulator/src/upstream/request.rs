//! What a report tells of a request: enough to know it again, and nothing that opens anything.

use super::Asked;
use crate::record::{REDACTED, SECRET_HEADERS, is_secret};
use crate::subject::query;
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A request, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// As the discovery document calls it: `phones.agentMessages.create`; none for an address that no method of it has.
    pub method: Option<&'static str>,
    /// `POST`
    pub http_method: String,
    /// As it was sent, escapes and all.
    pub path: String,
    /// Of a name that is given twice, the last. Of those that are secrets, only that they were there.
    pub query: BTreeMap<String, String>,
    /// How long the body was.
    pub body_bytes: usize,
}

impl Summary {
    pub(super) fn of(asked: &Asked) -> Self {
        let secrets = Secrets::of(&asked.parts);
        let shown = |(name, value): (String, String)| {
            let value = if is_secret(&name) {
                REDACTED.to_owned()
            } else {
                secrets.without(&value)
            };
            (secrets.without(&name), value)
        };
        Self {
            method: asked.method,
            http_method: asked.parts.method.to_string(),
            path: secrets.without(asked.parts.uri.path()),
            query: query(&asked.parts.uri).into_iter().map(shown).collect(),
            body_bytes: asked.body.len(),
        }
    }
}

/// What a client proves itself by. An answer may repeat it, and a report must not.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn of(parts: &Parts) -> Self {
        let headers = SECRET_HEADERS
            .iter()
            .flat_map(|name| parts.headers.get_all(*name));
        // Each word: `Bearer` is none, and is too short to be taken for one.
        let headers = headers
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split([' ', ';', '=']));
        let query = query(&parts.uri)
            .into_iter()
            .filter(|(name, _)| is_secret(name))
            .map(|(_, value)| value);
        let secrets = headers
            .map(str::to_owned)
            .chain(query)
            .filter(|secret| secret.len() >= SECRET_BYTES_MIN);
        Self(secrets.collect())
    }

    /// With the secrets gone.
    pub(super) fn without(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret, REDACTED)
        })
    }

    /// The same of every text in it.
    pub(super) fn without_in(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.without(text)),
            Value::Array(items) => items.iter().map(|item| self.without_in(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (self.without(name), self.without_in(value)))
                .collect(),
            other => other.clone(),
        }
    }
}

/// What is shorter is found everywhere, and guards nothing.
const SECRET_BYTES_MIN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Place;
    use axum::http::Request;
    use serde_json::json;

    #[test]
    fn a_summary_tells_no_secret_wherever_it_stands() {
        let uri = "/v1/phones/+1/canary-in-header/x?access_token=canary-in-query&$key=canary-key&oauth_token=t&agentId=canary-in-query";
        let request = Request::post(uri).header("authorization", "Bearer canary-in-header");
        let (parts, ()) = request
            .header("cookie", "SID=canary-cookie")
            .body(())
            .expect("a request")
            .into_parts();
        let place = Place::of(&parts.uri, &parts.headers);
        let asked = Asked {
            method: None,
            parts,
            body: "x".into(),
            place,
        };
        let summary = serde_json::to_value(Summary::of(&asked)).expect("JSON");
        let query = json!({ "access_token": REDACTED, "$key": REDACTED, "oauth_token": REDACTED, "agentId": REDACTED });
        let path = "/v1/phones/+1/[redacted]/x";
        assert_eq!(
            summary,
            json!({ "method": null, "http_method": "POST", "path": path, "query": query, "body_bytes": 1 })
        );
        let secrets = Secrets::of(&asked.parts);
        let said = json!({ "a": ["the canary-in-header!", { "canary-cookie": "Bearer" }] });
        assert_eq!(
            secrets.without_in(&said),
            json!({ "a": ["the [redacted]!", { "[redacted]": "Bearer" }] })
        );
    }
}

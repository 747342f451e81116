//! What a request is about, as far as it can be said before its method looks at it: which phone, which agent, which message.

use axum::extract::Query;
use axum::http::Uri;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde_json::Value;

/// What a request is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Subject {
    /// As the discovery document calls it, or `token`; none for what no method has.
    pub(crate) method: Option<&'static str>,
    /// In its path.
    pub(crate) phone: Option<PhoneNumber>,
    /// In its query, or where that names none, in its body.
    pub(crate) agent: Option<AgentId>,
    /// Of the message, the event or the question.
    pub(crate) id: Option<String>,
}

impl Subject {
    /// The body as it is without compression.
    pub(crate) fn of(method: Option<&'static str>, uri: &Uri, body: &[u8]) -> Self {
        let query = query(uri);
        let named = |names: [&str; 2]| {
            query
                .iter()
                .find(|(name, _)| names.contains(&name.as_str()))
                .map(|(_, value)| value)
        };
        let agent = named(AGENT).cloned().or_else(|| agent_in(body));
        let id = IDS.into_iter().find_map(named).cloned();
        Self {
            method,
            phone: after(uri.path(), "/phones/")
                .and_then(|name| PhoneNumber::parse(&unescaped(name)).ok()),
            agent: agent.and_then(|agent| AgentId::parse(&agent).ok()),
            id: id.or_else(|| after(uri.path(), "/agentMessages/").map(str::to_owned)),
        }
    }
}

/// One pair after the other; nothing if it cannot be read.
pub(crate) fn query(uri: &Uri) -> Vec<(String, String)> {
    Query::try_from_uri(uri)
        .map(|Query(pairs)| pairs)
        .unwrap_or_default()
}

fn after<'a>(path: &'a str, segment: &str) -> Option<&'a str> {
    let (_, rest) = path.split_once(segment)?;
    rest.split('/').next()
}

/// A number has no other character that anybody would escape.
fn unescaped(number: &str) -> String {
    number.replacen("%2B", "+", 1).replacen("%2b", "+", 1)
}

fn agent_in(body: &[u8]) -> Option<String> {
    // Bodies are long, and most of them name none.
    memchr::memmem::find(body, b"agent")?;
    let body: Value = serde_json::from_slice(body).ok()?;
    AGENT
        .iter()
        .find_map(|name| body.get(name))?
        .as_str()
        .map(str::to_owned)
}

/// By its name in JSON, and in Google's `.proto` files.
const AGENT: [&str; 2] = ["agentId", "agent_id"];
const IDS: [[&str; 2]; 3] = [
    ["messageId", "message_id"],
    ["eventId", "event_id"],
    ["requestId", "request_id"],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_in_its_path_its_query_or_its_body_what_it_is_about() {
        for (target, body, phone, agent, id) in [
            (
                "/v1/phones/+15550100001/agentMessages?messageId=m1&agentId=demo@rbm.goog",
                "",
                "+15550100001",
                "demo",
                "m1",
            ),
            (
                "/us/v1/phones/%2b15550100001/agentMessages/m1?agent_id=demo",
                "",
                "+15550100001",
                "demo",
                "m1",
            ),
            (
                "/v1/phones/+15550100001/agentEvents?eventId=e1",
                r#"{"agentId": "other"}"#,
                "+15550100001",
                "other",
                "e1",
            ),
            (
                "/v1/users:batchGet",
                r#"{"agent_id": "demo"}"#,
                "",
                "demo",
                "",
            ),
            ("/v1/users:batchGet", "agentId", "", "", ""),
            (
                "/v1/phones/15550100001/capabilities?requestId=r1&agentId=a%20b",
                "",
                "",
                "",
                "r1",
            ),
        ] {
            let subject = Subject::of(None, &target.parse().expect("an address"), body.as_bytes());
            let found = (
                subject
                    .phone
                    .map(|phone| phone.to_string())
                    .unwrap_or_default(),
                subject
                    .agent
                    .map(|agent| agent.bare().to_owned())
                    .unwrap_or_default(),
                subject.id.unwrap_or_default(),
            );
            assert_eq!(
                found,
                (phone.to_owned(), agent.to_owned(), id.to_owned()),
                "{target}"
            );
        }
    }
}

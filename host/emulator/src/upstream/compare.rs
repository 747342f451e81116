//! Where two answers differ, and what of it counts. Pure.
//!
//! An answer is compared as what it says: its status, what kind of document it is, and each JSON value at its place. How it is laid
//! out, in which order its fields come, and headers that say nothing of the method are left aside. What differs between any two
//! platforms that do the same is named in [`RULES`], each with its reason; everything else is a difference.

use super::Answer;
use super::request::Secrets;
use crate::fidelity::{Basis, Behaviour};
use axum::http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeSet;

/// One place where two answers differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How.
    pub kind: Kind,
    /// A JSON pointer (RFC 6901), which is empty for the answer as a whole; or the name of a header. In a list whose order says
    /// nothing it counts as upstream does, and for what only the twin has as the twin does.
    pub at: String,
    /// What upstream has there; what is long is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Value>,
    /// What the twin has there; what is long is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twin: Option<Value>,
}

/// How two answers differ.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another status. Nothing else is compared then: all of it follows.
    Status,
    /// Another header, of those that say something.
    Header,
    /// The twin has not what upstream has.
    Missing,
    /// The twin has what upstream has not.
    Extra,
    /// A value of another JSON type.
    Type,
    /// Another value.
    Value,
    /// Another wording of an error.
    Text,
}

impl Kind {
    /// As a report writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Header => "header",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Type => "type",
            Self::Value => "value",
            Self::Text => "text",
        }
    }
}

/// How values are compared at a place, where it is not by being the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rule {
    /// Each platform's own clock said it.
    Moment,
    /// The same time as in the request, or as long after the answer's own `sendTime`.
    Expiry,
    /// The last part of some names is made up by the platform.
    Name,
    /// What is drawn by lot, unless it is nothing.
    Sample,
    /// A list whose order says nothing.
    Set,
    /// A list whose elements are told apart by this field, and not by their order.
    Keyed(&'static str),
    /// Words.
    Text,
    /// It is about whoever asks.
    Private,
}

/// By JSON pointer; `*` is any name or number.
const RULES: &[(&str, Rule)] = &[
    ("/sendTime", Rule::Moment),
    ("/expireTime", Rule::Expiry),
    ("/name", Rule::Name),
    // reference/rest/v1/phones/getCapabilities and reference/rest/v1/users/batchGet give neither list an order.
    ("/features", Rule::Set),
    ("/reachableUsers", Rule::Set),
    ("/reachableUsersMap/*/reachableUsers", Rule::Set),
    // Some 75 % of those asked about, at random; under 500 none (guides/build/capabilities).
    ("/totalRandomSampleUserCount", Rule::Sample),
    ("/reachableRandomSampleUserCount", Rule::Sample),
    // Texts are for people, and may change (cloud.google.com/apis/design/errors).
    ("/error/message", Rule::Text),
    ("/error/errors/*/message", Rule::Text),
    ("/error/details", Rule::Keyed("@type")),
    ("/error/details/*/fieldViolations", Rule::Keyed("field")),
    ("/error/details/*/fieldViolations/*/description", Rule::Text),
    // The project of whoever asks (google/rpc/error_details.proto).
    ("/error/details/*/metadata/consumer", Rule::Private),
];

/// Details by which Google finds this one request again in its logs: also that they are there says nothing of the method.
/// (`google/rpc/error_details.proto`)
const PRIVATE_DETAILS: [&str; 2] = [
    "type.googleapis.com/google.rpc.RequestInfo",
    "type.googleapis.com/google.rpc.DebugInfo",
];

/// The headers that count. Of the second kind only whether they are there: times to wait change, and addresses are each platform's
/// own. The others are the server's and not the method's (`Date`, `Server`, `Vary`, `Alt-Svc`…).
const VALUED_HEADERS: [&str; 1] = ["x-goog-upload-status"];
const PRESENT_HEADERS: [&str; 3] = ["location", "retry-after", "x-goog-upload-url"];

/// Where they differ, at the first so many places.
pub(super) fn findings(upstream: &Answer, twin: &Answer, secrets: &Secrets) -> Vec<Finding> {
    let mut found = Found {
        findings: Vec::new(),
        secrets,
    };
    if upstream.status != twin.status {
        found.add(
            Kind::Status,
            "",
            Some(&in_short(upstream)),
            Some(&in_short(twin)),
        );
        return found.findings;
    }
    found.headers(&upstream.headers, &twin.headers);
    found.bodies(upstream, twin);
    found.findings
}

/// The status, and the error if it is one.
fn in_short(answer: &Answer) -> Value {
    let mut short = json!({ "status": answer.status.as_u16() });
    let error = json_of(answer)
        .map(|mut body| body["error"].take())
        .unwrap_or_default();
    for (name, value) in [("error", &error["status"]), ("message", &error["message"])] {
        if !value.is_null() {
            short[name] = value.clone();
        }
    }
    short
}

/// What was found, without anybody's secrets.
struct Found<'a> {
    findings: Vec<Finding>,
    secrets: &'a Secrets,
}

impl Found<'_> {
    fn add(&mut self, kind: Kind, at: &str, upstream: Option<&Value>, twin: Option<&Value>) {
        if self.findings.len() < FINDINGS_MAX {
            let shown = |value: &Value| shown(self.secrets.without_in(value));
            let (upstream, twin) = (upstream.map(shown), twin.map(shown));
            self.findings.push(Finding {
                kind,
                at: beginning(self.secrets.without(at)),
                upstream,
                twin,
            });
        }
    }

    fn headers(&mut self, upstream: &HeaderMap, twin: &HeaderMap) {
        let text = |headers: &HeaderMap, name: &str| {
            headers
                .get(name)
                .map(|value| Value::from(String::from_utf8_lossy(value.as_bytes())))
        };
        for name in VALUED_HEADERS.into_iter().chain(PRESENT_HEADERS) {
            let (upstream, twin) = (text(upstream, name), text(twin, name));
            let is_same = if VALUED_HEADERS.contains(&name) {
                upstream == twin
            } else {
                upstream.is_some() == twin.is_some()
            };
            if !is_same {
                self.add(Kind::Header, name, upstream.as_ref(), twin.as_ref());
            }
        }
    }

    fn bodies(&mut self, upstream: &Answer, twin: &Answer) {
        let kinds = (media_type(upstream), media_type(twin));
        if kinds.0 != kinds.1 {
            let shown = |kind: Option<String>| kind.map(Value::from);
            return self.add(
                Kind::Header,
                "content-type",
                shown(kinds.0).as_ref(),
                shown(kinds.1).as_ref(),
            );
        }
        match (json_of(upstream), json_of(twin)) {
            (Some(upstream), Some(twin)) => {
                Walk {
                    sent: (sent(&upstream), sent(&twin)),
                    found: self,
                }
                .value("", &upstream, &twin);
            }
            _ if upstream.body == twin.body => {}
            _ => {
                let text = |answer: &Answer| Value::from(String::from_utf8_lossy(&answer.body));
                self.add(Kind::Value, "", Some(&text(upstream)), Some(&text(twin)));
            }
        }
    }
}

/// Through two documents at once.
struct Walk<'a, 'b> {
    found: &'a mut Found<'b>,
    /// When each says that it was done.
    sent: (Option<Timestamp>, Option<Timestamp>),
}

impl Walk<'_, '_> {
    fn value(&mut self, at: &str, upstream: &Value, twin: &Value) {
        let rule = rule(at);
        match (upstream, twin) {
            _ if rule == Some(Rule::Private) => {}
            (Value::Object(_), Value::Object(_)) => self.fields(at, upstream, twin),
            (Value::Array(upstream), Value::Array(twin)) => match rule {
                Some(Rule::Set) => self.set(at, upstream, twin),
                Some(Rule::Keyed(key)) => self.keyed(at, key, upstream, twin),
                _ => self.list(at, upstream, twin),
            },
            _ if type_of(upstream) != type_of(twin) => {
                self.found.add(Kind::Type, at, Some(upstream), Some(twin));
            }
            _ if self.is_same(rule, upstream, twin) => {}
            _ => {
                let kind = if rule == Some(Rule::Text) {
                    Kind::Text
                } else {
                    Kind::Value
                };
                self.found.add(kind, at, Some(upstream), Some(twin));
            }
        }
    }

    fn fields(&mut self, at: &str, upstream: &Value, twin: &Value) {
        let names: BTreeSet<&String> = [upstream, twin]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(Map::keys)
            .collect();
        for name in names {
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            self.pair(&at, upstream.get(name), twin.get(name));
        }
    }

    fn list(&mut self, at: &str, upstream: &[Value], twin: &[Value]) {
        for index in 0..upstream.len().max(twin.len()) {
            self.pair(
                &format!("{at}/{index}"),
                upstream.get(index),
                twin.get(index),
            );
        }
    }

    /// Shows only what one of them has and the other has not.
    fn set(&mut self, at: &str, upstream: &[Value], twin: &[Value]) {
        let texts = |list: &[Value]| list.iter().map(Value::to_string).collect::<BTreeSet<_>>();
        let (theirs, ours) = (texts(upstream), texts(twin));
        let only = |list: &[Value], other: &BTreeSet<String>| {
            list.iter()
                .filter(|item| !other.contains(&item.to_string()))
                .cloned()
                .collect::<Value>()
        };
        if theirs != ours {
            self.found.add(
                Kind::Value,
                at,
                Some(&only(upstream, &ours)),
                Some(&only(twin, &theirs)),
            );
        }
    }

    /// Each with the first of the other's that has the same key and is not taken yet.
    fn keyed<'v>(&mut self, at: &str, key: &str, upstream: &'v [Value], twin: &'v [Value]) {
        let counting = |list: &'v [Value]| {
            list.iter()
                .enumerate()
                .filter(|(_, item)| !is_private_detail(item))
        };
        let mut left: Vec<(usize, &Value)> = counting(twin).collect();
        for (index, theirs) in counting(upstream) {
            let place = left.iter().position(|(_, ours)| ours[key] == theirs[key]);
            let ours = place.map(|place| left.remove(place).1);
            self.pair(&format!("{at}/{index}"), Some(theirs), ours);
        }
        left.into_iter()
            .for_each(|(index, ours)| self.pair(&format!("{at}/{index}"), None, Some(ours)));
    }

    fn pair(&mut self, at: &str, upstream: Option<&Value>, twin: Option<&Value>) {
        match (upstream, twin) {
            (Some(upstream), Some(twin)) => self.value(at, upstream, twin),
            _ if rule(at) == Some(Rule::Private) => {}
            (Some(_), None) => self.found.add(Kind::Missing, at, upstream, None),
            (None, _) => self.found.add(Kind::Extra, at, None, twin),
        }
    }

    /// Of the same type, and neither an object nor a list.
    fn is_same(&self, rule: Option<Rule>, upstream: &Value, twin: &Value) -> bool {
        match (rule, upstream, twin) {
            (Some(Rule::Moment), ..) => {
                upstream == twin || time(upstream).and(time(twin)).is_some()
            }
            (Some(Rule::Expiry), ..) => self.is_same_expiry(upstream, twin),
            (Some(Rule::Name), Value::String(upstream), Value::String(twin)) => {
                named(upstream) == named(twin)
            }
            (Some(Rule::Sample), ..) => is_nothing(upstream) == is_nothing(twin),
            (_, Value::Number(upstream), Value::Number(twin)) => is_same_number(upstream, twin),
            _ => upstream == twin,
        }
    }

    fn is_same_expiry(&self, upstream: &Value, twin: &Value) -> bool {
        let (Some(theirs), Some(ours)) = (time(upstream), time(twin)) else {
            return upstream == twin;
        };
        let lasts =
            |end: Timestamp, sent: Option<Timestamp>| sent.map(|sent| end.duration_since(sent));
        let both = lasts(theirs, self.sent.0).zip(lasts(ours, self.sent.1));
        theirs == ours || both.is_some_and(|(theirs, ours)| (theirs - ours).abs() <= EXPIRY_SLACK)
    }
}

fn rule(at: &str) -> Option<Rule> {
    RULES
        .iter()
        .find(|(place, _)| is_at(place, at))
        .map(|(_, rule)| *rule)
}

fn is_at(place: &str, at: &str) -> bool {
    let (mut place, mut at) = (place.split('/'), at.split('/'));
    loop {
        match (place.next(), at.next()) {
            (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

fn parent(at: &str) -> &str {
    at.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn is_private_detail(detail: &Value) -> bool {
    detail["@type"]
        .as_str()
        .is_some_and(|kind| PRIVATE_DETAILS.contains(&kind))
}

/// Without what the platform makes up: the name of a file (reference/rest/v1/files/create), and the id of what an event for
/// Dialogflow becomes (reference/rest/v1/phones.dialogflowMessages). All other names are of the client's ids.
fn named(name: &str) -> &str {
    let made_up = name.starts_with("files/") || name.contains("/dialogflowMessages/");
    if made_up && !name.ends_with('/') {
        parent(name)
    } else {
        name
    }
}

/// 37 is 37.0; but of integers, which a fraction cannot tell apart when they are long, each is only itself.
fn is_same_number(one: &Number, other: &Number) -> bool {
    one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
}

/// Counts are numbers, or in one of Google's samples texts.
fn is_nothing(count: &Value) -> bool {
    count.as_f64() == Some(0.0) || count == "0"
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn sent(document: &Value) -> Option<Timestamp> {
    time(&document["sendTime"])
}

fn json_of(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(&answer.body).ok()
}

/// Without its parameters; none for a body that is empty.
fn media_type(answer: &Answer) -> Option<String> {
    let kind = answer
        .headers
        .get(header::CONTENT_TYPE)
        .filter(|_| !answer.body.is_empty())?
        .to_str()
        .ok()?;
    Some(
        kind.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase(),
    )
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// As it is, or if it is long the beginning of its text.
fn shown(value: Value) -> Value {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_none() {
        value
    } else {
        Value::String(beginning(text))
    }
}

fn beginning(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The twin counts from one moment; another platform may take two.
const EXPIRY_SLACK: SignedDuration = SignedDuration::from_secs(1);
/// So that what is kept has an end.
const FINDINGS_MAX: usize = 32;
const SHOWN_CHARACTERS_MAX: usize = 300;

pub(super) const COMPARED: &Behaviour = &Behaviour {
    id: "upstream-compared",
    what: "Answers are compared by their status and each JSON value; the time they were sent, names that a platform makes up, samples \
           that are drawn, the order of what has none, whose project it was, layout, and headers of the server count for nothing",
    basis: Basis::Assumed,
    source: "ours: each has its reason in host/emulator/src/upstream/compare.rs",
    switch: None,
    test: "what_two_platforms_need_not_share_is_no_difference",
};

#[cfg(test)]
mod tests;

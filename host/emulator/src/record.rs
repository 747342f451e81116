//! The requests that came in, with their answers, for people and tests to read: the last of them, so that memory has an end.
//!
//! What is kept is bytes, because it is kept for every request and read for few. Secrets are left out when it is read: tokens,
//! keys and assertions are never shown.

use crate::faults::{RequestFault, TOKEN};
use crate::json::Json;
use crate::subject::{Subject, query};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Arc;

/// How much is kept. Beyond either the oldest is forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeptRequests {
    /// So many requests.
    pub count_max: usize,
    /// So many bytes of them and their answers.
    pub bytes_max: usize,
}

impl Default for KeptRequests {
    fn default() -> Self {
        Self {
            count_max: 10_000,
            bytes_max: 32 << 20,
        }
    }
}

/// Which requests one asks about: those to which all applies that is said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestFilter {
    /// Those that came after the one of this number; 0 for all.
    pub after: u64,
    /// As the discovery document calls it, or `token`.
    pub method: Option<String>,
    /// Whom the request names.
    pub agent: Option<AgentId>,
    /// Whom the path names.
    pub phone: Option<PhoneNumber>,
    /// What was answered.
    pub status: Option<u16>,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// The first one is 1.
    pub number: u64,
    /// When it came, by the emulator's clock.
    pub at: Timestamp,
    /// As the discovery document calls it: `phones.agentMessages.create`; `token` for the token endpoint, and none for an address
    /// that no method has.
    pub method: Option<&'static str>,
    /// `POST`
    pub http_method: String,
    /// As it was sent, escapes and all.
    pub path: String,
    /// Of a name that is given twice, the last.
    pub query: BTreeMap<String, String>,
    /// With small letters. Of those that are secrets, only that they were there.
    pub headers: BTreeMap<String, String>,
    /// Whom the query or the body names.
    pub agent: Option<AgentId>,
    /// Whom the path names.
    pub phone: Option<PhoneNumber>,
    /// Of the message, the event or the question.
    pub id: Option<String>,
    /// JSON as it was read, a form as an object, other text as text; null for what is no text, or is longer than 256 KiB.
    pub body: Value,
    /// How long the body was.
    pub body_bytes: usize,
    /// None if nothing was answered.
    pub status: Option<u16>,
    /// Likewise read.
    pub answer: Value,
    /// What befell it on purpose.
    pub faults: Vec<RequestFault>,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    at: Timestamp,
    method: Option<&'static str>,
    http_method: Method,
    target: Box<str>,
    /// `name: value`, one a line.
    headers: Box<str>,
    body: Kept,
}

/// A request and its answer, as they went over the wire.
#[derive(Debug)]
pub(crate) struct Record {
    number: u64,
    asked: Asked,
    status: Option<StatusCode>,
    answer: Kept,
    faults: Box<[RequestFault]>,
}

/// A body, unless it is too long.
#[derive(Debug, Default)]
struct Kept {
    bytes: Box<[u8]>,
    length: usize,
}

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Records {
    limits: KeptRequests,
    ring: VecDeque<Arc<Record>>,
    bytes: usize,
    /// Requests so far.
    count: u64,
}

impl Records {
    pub(crate) fn new(limits: KeptRequests) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Without a status nothing was answered.
    pub(crate) fn keep(
        &mut self,
        asked: Asked,
        status: Option<StatusCode>,
        answer: &[u8],
        faults: Vec<RequestFault>,
    ) {
        self.count += 1;
        let (number, answer, faults) = (self.count, Kept::new(answer), faults.into());
        let record = Record {
            number,
            asked,
            status,
            answer,
            faults,
        };
        self.bytes += record.bytes();
        self.ring.push_back(Arc::new(record));
        while self.ring.len() > self.limits.count_max || self.bytes > self.limits.bytes_max {
            let Some(oldest) = self.ring.pop_front() else {
                return;
            };
            self.bytes -= oldest.bytes();
        }
    }

    /// Of all that is kept; numbers go on.
    pub(crate) fn forget(&mut self) {
        (self.ring, self.bytes) = (VecDeque::new(), 0);
    }

    /// The number of the last request; 0 if there was none.
    pub(crate) fn last(&self) -> u64 {
        self.count
    }

    /// How many are not kept any more.
    pub(crate) fn forgotten(&self) -> u64 {
        self.count - self.ring.len() as u64
    }

    /// Oldest first.
    pub(crate) fn matching(&self, filter: &RequestFilter) -> impl Iterator<Item = &Arc<Record>> {
        let first = self
            .ring
            .partition_point(|record| record.number <= filter.after);
        self.ring
            .range(first..)
            .filter(|record| record.matches(filter))
    }
}

impl Asked {
    /// The address as the client sees it.
    pub(crate) fn new(
        at: Timestamp,
        method: Option<&'static str>,
        http_method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let mut lines = String::with_capacity(256);
        for (name, value) in headers {
            let value = if SECRET_HEADERS.contains(&name.as_str()) {
                REDACTED
            } else {
                value.to_str().unwrap_or_default()
            };
            // Writing to a text never fails.
            let _ = writeln!(lines, "{name}: {value}");
        }
        Self {
            at,
            method,
            http_method: http_method.clone(),
            target: target.into(),
            headers: lines.into(),
            body: Kept::new(body),
        }
    }
}

impl Record {
    fn matches(&self, filter: &RequestFilter) -> bool {
        let RequestFilter {
            after,
            method,
            agent,
            phone,
            status,
        } = filter;
        if self.number <= *after
            || method
                .as_deref()
                .is_some_and(|method| self.asked.method != Some(method))
            || status
                .is_some_and(|status| self.status.map(|status| status.as_u16()) != Some(status))
        {
            return false;
        }
        if agent.is_none() && phone.is_none() {
            return true;
        }
        let subject = self.subject(&self.asked.uri());
        (agent.is_none() || *agent == subject.agent) && (phone.is_none() || *phone == subject.phone)
    }

    /// Reads it.
    pub(crate) fn exchange(&self) -> Exchange {
        let asked = &self.asked;
        let uri = asked.uri();
        let Subject {
            method,
            phone,
            agent,
            id,
        } = self.subject(&uri);
        let shown = |(name, value): (String, String)| {
            let secret = is_secret(&name);
            (name, if secret { REDACTED.to_owned() } else { value })
        };
        Exchange {
            number: self.number,
            at: asked.at,
            method,
            http_method: asked.http_method.to_string(),
            path: uri.path().to_owned(),
            query: query(&uri).into_iter().map(shown).collect(),
            headers: asked
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            agent,
            phone,
            id,
            body: asked.read_body(),
            body_bytes: asked.body.length,
            status: self.status.map(|status| status.as_u16()),
            answer: without_token(read(&self.answer.bytes)),
            faults: self.faults.to_vec(),
        }
    }

    fn subject(&self, uri: &Uri) -> Subject {
        Subject::of(self.asked.method, uri, &self.asked.plain_body())
    }

    /// About as much as it takes.
    fn bytes(&self) -> usize {
        let Asked {
            target,
            headers,
            body,
            ..
        } = &self.asked;
        size_of::<Self>()
            + target.len()
            + headers.len()
            + body.bytes.len()
            + self.answer.bytes.len()
    }
}

impl Asked {
    fn uri(&self) -> Uri {
        self.target.parse().unwrap_or_default()
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(": "))
    }

    fn header(&self, name: &str) -> &str {
        self.headers()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, value)| value)
    }

    /// Without compression, as far as it can be read.
    fn plain_body(&self) -> Cow<'_, [u8]> {
        if self.header(header::CONTENT_ENCODING.as_str()) != "gzip" {
            return Cow::Borrowed(&self.body.bytes);
        }
        let mut plain = Vec::new();
        let _ = GzDecoder::new(&*self.body.bytes)
            .take(BODY_BYTES_MAX as u64)
            .read_to_end(&mut plain);
        Cow::Owned(plain)
    }

    /// A request for a token has a secret in it, wherever that stands.
    fn read_body(&self) -> Value {
        let body = self.plain_body();
        if self.method != Some(TOKEN) {
            return read(&body);
        }
        let target = format!("/?{}", String::from_utf8_lossy(&body).trim());
        let pairs = target
            .parse()
            .map(|uri: Uri| query(&uri))
            .unwrap_or_default();
        let shown = |(name, value): (String, String)| match name.as_str() {
            "grant_type" => (name, value),
            _ => (name, REDACTED.to_owned()),
        };
        Value::Object(
            pairs
                .into_iter()
                .map(shown)
                .map(|(name, value)| (name, value.into()))
                .collect(),
        )
    }
}

impl Kept {
    fn new(body: &[u8]) -> Self {
        let bytes = if body.len() <= BODY_BYTES_MAX {
            body
        } else {
            &[]
        };
        Self {
            bytes: bytes.into(),
            length: body.len(),
        }
    }
}

/// JSON, also of a client that writes it loosely, or text.
fn read(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let json = Json::read(body)
        .or_else(|_| Json::read_leniently(body))
        .map(Json::into_value);
    json.unwrap_or_else(|_| std::str::from_utf8(body).map_or(Value::Null, Value::from))
}

fn without_token(mut answer: Value) -> Value {
    if let Some(token) = answer.get_mut("access_token") {
        *token = REDACTED.into();
    }
    answer
}

/// Each parameter may have a dollar sign before it. (cloud.google.com/apis/docs/system-parameters)
pub(crate) fn is_secret(parameter: &str) -> bool {
    SECRET_PARAMETERS.contains(&parameter.trim_start_matches('$'))
}

pub(crate) const REDACTED: &str = "[redacted]";
pub(crate) const SECRET_HEADERS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-goog-api-key",
];
const SECRET_PARAMETERS: [&str; 4] = ["access_token", "assertion", "key", "oauth_token"];
/// More than a message may have.
const BODY_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(records: &mut Records, target: &str, body: &str, status: u16) {
        let uri: Uri = target.parse().expect("an address");
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            "Bearer secret".parse().expect("a value"),
        );
        let asked = Asked::new(
            Timestamp::UNIX_EPOCH,
            Some("phones.agentMessages.create"),
            &Method::POST,
            &uri,
            &headers,
            body.as_bytes(),
        );
        records.keep(asked, StatusCode::from_u16(status).ok(), b"{}", Vec::new());
    }

    fn numbers(records: &Records, filter: &RequestFilter) -> Vec<u64> {
        records
            .matching(filter)
            .map(|record| record.number)
            .collect()
    }

    #[test]
    fn the_oldest_are_forgotten_by_number_and_by_size() {
        let mut records = Records::new(KeptRequests {
            count_max: 3,
            bytes_max: 100_000,
        });
        for _ in 0..5 {
            keep(&mut records, "/v1/x", "", 200);
        }
        assert_eq!(
            (
                numbers(&records, &RequestFilter::default()),
                records.forgotten()
            ),
            (vec![3, 4, 5], 2)
        );
        keep(&mut records, "/v1/x", &"x".repeat(60_000), 200);
        keep(&mut records, "/v1/x", &"x".repeat(60_000), 200);
        assert_eq!(
            numbers(&records, &RequestFilter::default()),
            [7],
            "two do not fit"
        );
        assert!(
            records.bytes > 60_000 && records.bytes < 100_000,
            "{}",
            records.bytes
        );
        keep(&mut records, "/v1/x", &"x".repeat(BODY_BYTES_MAX + 1), 200);
        let last = records
            .matching(&RequestFilter {
                after: 7,
                ..RequestFilter::default()
            })
            .next()
            .expect("one")
            .exchange();
        assert_eq!(
            (last.body, last.body_bytes),
            (Value::Null, BODY_BYTES_MAX + 1),
            "what is very long is not kept"
        );
        records.forget();
        keep(&mut records, "/v1/x", "", 200);
        assert_eq!(
            (
                numbers(&records, &RequestFilter::default()),
                records.last(),
                records.forgotten()
            ),
            (vec![9], 9, 8)
        );
        let mut none = Records::new(KeptRequests {
            count_max: 0,
            bytes_max: 0,
        });
        keep(&mut none, "/v1/x", "", 200);
        assert_eq!((none.last(), none.forgotten(), none.bytes), (1, 1, 0));
    }

    #[test]
    fn each_part_of_a_filter_counts() {
        let mut records = Records::new(KeptRequests::default());
        keep(
            &mut records,
            "/v1/phones/+15550100001/agentMessages?messageId=m1&agentId=demo",
            "",
            200,
        );
        keep(
            &mut records,
            "/v1/phones/+15550100002/agentMessages?messageId=m1&agentId=demo",
            "",
            404,
        );
        keep(
            &mut records,
            "/v1/phones/+15550100002/agentMessages?messageId=m1&agentId=other",
            "",
            200,
        );
        let all = RequestFilter::default();
        let phone = PhoneNumber::parse("+15550100002").ok();
        let agent = AgentId::parse("other").ok();
        for (filter, found) in [
            (all.clone(), &[1, 2, 3][..]),
            (
                RequestFilter {
                    after: 2,
                    ..all.clone()
                },
                &[3],
            ),
            (
                RequestFilter {
                    method: Some("files.create".into()),
                    ..all.clone()
                },
                &[],
            ),
            (
                RequestFilter {
                    status: Some(200),
                    ..all.clone()
                },
                &[1, 3],
            ),
            (
                RequestFilter {
                    phone: phone.clone(),
                    ..all.clone()
                },
                &[2, 3],
            ),
            (
                RequestFilter {
                    agent: agent.clone(),
                    ..all.clone()
                },
                &[3],
            ),
            (
                RequestFilter {
                    agent,
                    phone,
                    status: Some(404),
                    ..all
                },
                &[],
            ),
        ] {
            assert_eq!(numbers(&records, &filter), found, "{filter:?}");
        }
    }
}

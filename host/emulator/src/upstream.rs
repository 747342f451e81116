//! A real endpoint beside the twin: what a client asks of Google's methods is asked there, and answered as it is answered there;
//! the twin is asked the same as a shadow, and where it would have answered otherwise is reported. So the twin can be held against
//! the platform that it stands in for, or against another twin.
//!
//! * A client's credentials go upstream as they are, and nowhere else: into no log and no report. The twin cannot check a token of
//!   Google's, so the shadow counts as let in, and what upstream says of a token is not compared. A client with a key file of
//!   Google's gets its tokens from Google (its `token_uri` is there) and needs nothing but the twin's address in the place of the
//!   API's. The twin's own key file and `/token` are there as ever, but its tokens mean nothing to Google, which answers 401.
//! * Upstream is asked first. Without its answer the client gets 502, the shadow is not asked, and this counts as a failure and not
//!   as a difference.
//! * Webhooks do not come through here: upstream calls those that are registered with it. What the shadow's phones do is told to
//!   webhooks that are registered with the twin, so none should be.
//! * After a difference the two may be in different states, and differ in what follows from that: read the first ones first.
//! * `/token`, `/emulator/…` and the discovery document are the twin's own.
//! * Of an upload in pieces only the beginning comes this way, for upstream tells the client where its pieces go.

mod address;
mod client;
mod compare;
mod report;
mod request;
mod switches;

use crate::Shared;
use crate::fidelity::{Basis, Behaviour};
use crate::platform::AdoptFile;
use crate::region::Region;
pub(crate) use address::Place;
pub use address::{UpstreamAddress, UpstreamProblem};
use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use client::Client;
pub(crate) use client::NoAnswer;
pub use compare::{Finding, Kind};
use flate2::read::GzDecoder;
use jiff::Timestamp;
use report::Report;
pub use report::{Comparison, Counts, Difference, Differing, Failure, Uncompared};
use request::Secrets;
pub use request::Summary;
use serde_json::Value;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use switches::Case;

/// A real endpoint to hold the twin against.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Where it is.
    pub address: UpstreamAddress,
    /// How long it may take to answer.
    pub answer_time_max: Duration,
    /// How many differences are kept to be looked at. Beyond them the oldest is forgotten.
    pub kept_differences: usize,
}

impl Upstream {
    /// With two minutes for an answer, in which a file of 100 MiB goes out at 7 Mbit/s, and the last thousand differences.
    pub fn at(address: UpstreamAddress) -> Self {
        Self {
            address,
            answer_time_max: Duration::from_mins(2),
            kept_differences: 1_000,
        }
    }
}

/// The endpoint, and what has come of comparing.
pub(crate) struct Comparing {
    client: Client,
    report: Mutex<Report>,
}

/// A request on its way upstream.
pub(crate) struct Asked {
    /// As the discovery document calls it.
    pub(crate) method: Option<&'static str>,
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) place: Place,
}

/// What came back, from either.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Comparing {
    /// Refuses an upstream that is this emulator, which listens here.
    pub(crate) async fn start(
        upstream: Upstream,
        listener: SocketAddr,
    ) -> Result<Self, UpstreamProblem> {
        upstream.address.check_elsewhere(listener).await?;
        let report = Report::new(upstream.address.to_string(), upstream.kept_differences);
        let client = Client::new(upstream.address, upstream.answer_time_max)?;
        Ok(Self {
            client,
            report: Mutex::new(report),
        })
    }

    /// Which region a request is for: the one that it names, or else upstream's own.
    pub(crate) fn region(&self, place: &Place) -> Option<Region> {
        place.region.or_else(|| self.client.region())
    }

    /// What upstream answers; if it does not, that is kept.
    pub(crate) async fn ask(&self, asked: &Asked, now: Timestamp) -> Result<Answer, NoAnswer> {
        let answer = self.client.ask(asked).await;
        if let Err(problem) = &answer {
            self.report()
                .fail(now, Summary::of(asked), problem.to_string());
        }
        answer
    }

    /// Why the shadow need not be asked, which is then kept.
    pub(crate) fn is_uncompared(&self, asked: &Asked, upstream: &Answer) -> bool {
        let reason = if is_about_a_token(upstream) {
            Uncompared::Token
        } else if asked
            .parts
            .uri
            .query()
            .is_some_and(|query| query.contains(UPLOAD_ID))
        {
            Uncompared::Piece
        } else if plain(upstream).is_none() {
            Uncompared::Unreadable
        } else {
            return false;
        };
        self.report().leave(reason);
        true
    }

    /// Keeps where the shadow's answer is another than upstream's.
    pub(crate) fn compare(&self, asked: &Asked, upstream: &Answer, twin: &Answer, now: Timestamp) {
        let upstream = plain(upstream).unwrap_or_else(|| upstream.clone());
        let secrets = Secrets::of(&asked.parts);
        let found = compare::findings(&upstream, twin, &secrets);
        if found.is_empty() {
            return self.report().agree();
        }
        let behaviour =
            switches::behaviour(&Case::of(asked, self.region(&asked.place), &upstream, twin));
        self.report().differ(
            now,
            Summary::of(asked),
            (upstream.status, twin.status),
            found,
            behaviour,
        );
    }

    pub(crate) fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Upstream names the files that it keeps, so what a message says that upstream has taken is a file's name; the twin takes it
/// for one, too.
pub(crate) fn adopt_files(shared: &Shared, asked: &Asked, upstream: &Answer) {
    if !upstream.status.is_success() {
        return;
    }
    let answer = plain(upstream)
        .map(|answer| answer.body)
        .unwrap_or_default();
    let mut names = Vec::new();
    match asked.method {
        Some("files.create") => names.extend(json(&answer)["name"].as_str().map(str::to_owned)),
        Some("phones.agentMessages.create") => {
            [&answer, &asked.body]
                .into_iter()
                .for_each(|body| file_names(&json(body), &mut names));
        }
        _ => {}
    }
    names
        .into_iter()
        .for_each(|name| shared.apply(AdoptFile { name }));
}

fn file_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(file) if matches!(name.as_str(), "fileName" | "thumbnailName") => {
                names.push(file.clone());
            }
            _ => file_names(value, names),
        }),
        Value::Array(items) => items.iter().for_each(|item| file_names(item, names)),
        _ => {}
    }
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// A token is upstream's to judge: 401, or 403 for one of another API. (cloud.google.com/apis/design/errors)
fn is_about_a_token(answer: &Answer) -> bool {
    let says_scope =
        || memchr::memmem::find(&answer.body, b"ACCESS_TOKEN_SCOPE_INSUFFICIENT").is_some();
    answer.status == StatusCode::UNAUTHORIZED
        || answer.status == StatusCode::FORBIDDEN && says_scope()
}

/// Without compression; none if it has one that cannot be undone.
fn plain(answer: &Answer) -> Option<Answer> {
    let coding = answer
        .headers
        .get(header::CONTENT_ENCODING)
        .map(|coding| coding.to_str().unwrap_or("?"));
    match coding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("identity") => Some(answer.clone()),
        Some("gzip") => {
            let mut body = Vec::new();
            GzDecoder::new(&*answer.body)
                .take(client::ANSWER_BYTES_MAX as u64)
                .read_to_end(&mut body)
                .ok()?;
            Some(Answer {
                body: body.into(),
                ..answer.clone()
            })
        }
        Some(_) => None,
    }
}

const UPLOAD_ID: &str = "upload_id=";

pub(crate) const FAILED: &Behaviour = &Behaviour {
    id: "upstream-failed",
    what: "Where an upstream is asked and does not answer, the client is answered 502, and the twin's state stays as it was",
    basis: Basis::Assumed,
    source: "ours: Google has no such thing",
    switch: None,
    test: "an_upstream_that_does_not_answer_is_a_failure_and_no_difference",
};
pub(crate) const RELAYED: &Behaviour = &Behaviour {
    id: "upstream",
    what: "Where there is an upstream, Google's methods are answered as it answers, and the twin is asked beside it; \
           GET /emulator/differences has what differs",
    basis: Basis::Assumed,
    source: "ours: Google has no such thing",
    switch: None,
    test: "an_identical_twin_answers_alike",
};
const LET_IN: &Behaviour = &Behaviour {
    id: "upstream-tokens",
    what: "Where there is an upstream, tokens are upstream's to judge: the twin beside it lets everybody in",
    basis: Basis::Assumed,
    source: "ours: nobody but Google can check a token of Google's",
    switch: None,
    test: "what_upstream_says_of_a_token_is_not_compared",
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[RELAYED, FAILED, LET_IN, compare::COMPARED];

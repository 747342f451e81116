//! Asks upstream what a client asked, and reads what it answers. Follows no redirect, goes through no proxy, repeats nothing.

use super::address::{Place, UpstreamAddress, UpstreamProblem};
use super::{Answer, Asked};
use crate::push::{Complaint, read};
use crate::region::Region;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use reqwest::redirect;
use std::fmt;
use std::time::Duration;
use uuid::Uuid;

/// The way there.
pub(super) struct Client {
    http: reqwest::Client,
    address: UpstreamAddress,
    answer_time_max: Duration,
    /// By which a request is known that has been here before. (RFC 9110, section 7.6.3)
    via: HeaderValue,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    upstream: UpstreamAddress,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    /// Nothing has reached it.
    NotConnected(Complaint),
    /// Something has.
    Unknown(Complaint),
    TooLong,
    /// It leads back here.
    Loop,
}

impl Client {
    pub(super) fn new(
        address: UpstreamAddress,
        answer_time_max: Duration,
    ) -> Result<Self, UpstreamProblem> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(answer_time_max);
        let http = http
            .build()
            .map_err(|problem| UpstreamProblem::Client(problem.to_string()))?;
        let via = HeaderValue::try_from(format!("1.1 rbm-emulator-{}", Uuid::new_v4().simple()))
            .expect("ASCII");
        Ok(Self {
            http,
            address,
            answer_time_max,
            via,
        })
    }

    pub(super) fn region(&self) -> Option<Region> {
        self.address.region()
    }

    pub(super) async fn ask(&self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let failed = |reason| NoAnswer {
            upstream: self.address.clone(),
            reason,
        };
        if asked
            .parts
            .headers
            .get_all(header::VIA)
            .iter()
            .any(|via| names(via, &self.via))
        {
            return Err(failed(Reason::Loop));
        }
        let unanswered = |problem: &reqwest::Error| {
            let complaint = Complaint::without_answer(problem, self.answer_time_max);
            failed(if problem.is_connect() {
                Reason::NotConnected(complaint)
            } else {
                Reason::Unknown(complaint)
            })
        };
        let request = self.http.request(
            asked.parts.method.clone(),
            self.address.target(&asked.place),
        );
        let request = request
            .headers(self.headers(&asked.parts.headers, &asked.place))
            .body(asked.body.clone());
        let response = request
            .send()
            .await
            .map_err(|problem| unanswered(&problem))?;
        let (status, headers) = (response.status(), without_hop(response.headers()));
        let body = read(response, ANSWER_BYTES_MAX)
            .await
            .map_err(|problem| unanswered(&problem))?;
        if body.len() > ANSWER_BYTES_MAX {
            return Err(failed(Reason::TooLong));
        }
        Ok(Answer {
            status,
            headers,
            body: body.into(),
        })
    }

    /// The client's, without what is for this connection or this emulator.
    fn headers(&self, told: &HeaderMap, place: &Place) -> HeaderMap {
        let mut headers = without_hop(told);
        let host = headers.remove(header::HOST);
        if let Some(host) = host.filter(|_| place.is_told_by_host() && !self.address.is_googles()) {
            headers.insert(header::HOST, host);
        }
        // The body is read here, whatever its length.
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::EXPECT);
        let ours: Vec<HeaderName> = headers
            .keys()
            .filter(|name| name.as_str().starts_with(OUR_PREFIX))
            .cloned()
            .collect();
        ours.into_iter().for_each(|name| drop(headers.remove(name)));
        // Of what the client can read, only what can be read here, too.
        if headers.contains_key(header::ACCEPT_ENCODING) {
            let gzip = takes_gzip(headers.get_all(header::ACCEPT_ENCODING).iter());
            headers.insert(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(if gzip { "gzip" } else { "identity" }),
            );
        }
        headers.append(header::VIA, self.via.clone());
        headers
    }
}

fn names(via: &HeaderValue, ours: &HeaderValue) -> bool {
    memchr::memmem::find(via.as_bytes(), ours.as_bytes()).is_some()
}

/// What is said end to end. (RFC 9110, section 7.6.1)
fn without_hop(headers: &HeaderMap) -> HeaderMap {
    let mut kept = headers.clone();
    let named = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let named = named.flat_map(|value| value.split(',')).map(str::trim);
    named
        .chain(HOP_BY_HOP)
        .for_each(|name| drop(kept.remove(name)));
    kept
}

fn takes_gzip<'a>(mut codings: impl Iterator<Item = &'a HeaderValue>) -> bool {
    let is_gzip = |coding: &str| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let quality = quality.trim().trim_start_matches("q=").parse::<f32>();
        name.trim().eq_ignore_ascii_case("gzip") && quality.is_ok_and(|quality| quality > 0.0)
    };
    codings.any(|codings| {
        codings
            .to_str()
            .is_ok_and(|codings| codings.split(',').any(is_gzip))
    })
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upstream = &self.upstream;
        match &self.reason {
            Reason::NotConnected(complaint) => {
                write!(
                    formatter,
                    "upstream {upstream} {complaint}; it has done nothing"
                )
            }
            Reason::Unknown(complaint) => {
                write!(
                    formatter,
                    "upstream {upstream} {complaint}; whether it has done what was asked is not known"
                )
            }
            Reason::TooLong => write!(
                formatter,
                "upstream {upstream} answered with more than {ANSWER_BYTES_MAX} bytes; what was asked may be done"
            ),
            Reason::Loop => {
                write!(
                    formatter,
                    "upstream {upstream} leads back to this emulator; nothing has been done"
                )
            }
        }
    }
}

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Far more than any method answers.
pub(super) const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Of headers that are for the emulator: `X-Emulator-Json`.
const OUR_PREFIX: &str = "x-emulator-";
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn client(upstream: &str) -> Client {
        Client::new(upstream.parse().expect(upstream), Duration::from_secs(1)).expect("a client")
    }

    fn sent(upstream: &str, told: &[(&str, &str)]) -> Vec<String> {
        let pairs = told.iter().map(|(name, value)| {
            (
                name.parse::<HeaderName>().expect(name),
                value.parse::<HeaderValue>().expect(value),
            )
        });
        let told: HeaderMap = pairs.collect();
        let headers = client(upstream).headers(
            &told,
            &Place::of(&"/v1/files".parse().expect("a path"), &told),
        );
        let shown = headers.iter().filter(|(name, _)| *name != header::VIA);
        let mut shown: Vec<_> = shown
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        shown.sort();
        shown
    }

    #[test]
    fn what_is_for_this_connection_or_this_emulator_goes_no_further() {
        let told = [
            ("authorization", "Bearer x"),
            ("connection", "keep-alive, X-Mine"),
            ("content-length", "5"),
            ("content-type", "application/json"),
            ("expect", "100-continue"),
            ("host", "127.0.0.1:8788"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("user-agent", "theirs"),
            ("x-emulator-json", "lenient"),
            ("x-goog-fieldmask", "name"),
            ("x-mine", "1"),
        ];
        let kept = [
            "authorization: Bearer x",
            "content-type: application/json",
            "user-agent: theirs",
            "x-goog-fieldmask: name",
        ];
        assert_eq!(sent("http://127.0.0.1:9", &told), kept);
    }

    #[test]
    fn a_region_in_the_host_header_goes_on_to_who_has_no_hosts_for_regions() {
        let told = [("host", "us-rcsbusinessmessaging.googleapis.com")];
        assert_eq!(
            sent("http://127.0.0.1:9", &told),
            ["host: us-rcsbusinessmessaging.googleapis.com"]
        );
        assert_eq!(
            sent("https://rcsbusinessmessaging.googleapis.com", &told),
            [""; 0]
        );
    }

    #[test]
    fn an_answer_is_asked_for_that_can_be_read_here() {
        for (told, sent_on) in [
            ("gzip, deflate, br", "gzip"),
            ("br;q=1, GZIP;q=0.5", "gzip"),
            ("br, gzip;q=0", "identity"),
            ("br", "identity"),
            ("identity", "identity"),
            ("", "identity"),
        ] {
            let sent = sent("http://127.0.0.1:9", &[("accept-encoding", told)]);
            assert_eq!(sent, [format!("accept-encoding: {sent_on}")], "{told}");
        }
        assert_eq!(sent("http://127.0.0.1:9", &[]), [""; 0]);
    }
}

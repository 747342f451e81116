//! Says in words what was wrong with a webhook's answer, or with the lack of one. Pure: it looks at what came back.
//!
//! What the platform does then depends on what was asked: a notice comes again, a webhook that fails the handshake is not
//! registered. Whoever asked says so.

use crate::excerpt::excerpt;
use jiff::Timestamp;
use reqwest::{Response, StatusCode, header};
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// What became of a notice at one time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// 200.
    Taken,
    /// 200, though the signature was wrong on purpose.
    TakenBadlySigned,
    /// No success.
    NotTaken {
        /// Why.
        complaint: Complaint,
        /// When the webhook is called again; none if it was replaced, and the new one is called at once.
        again_at: Option<Timestamp>,
        /// When the notice is dropped.
        kept_until: Timestamp,
    },
    /// Not taken for 7 days.
    Expired,
    /// Nobody was to be told.
    NoWebhook,
    /// A fault.
    Lost,
}

/// Why a call was no success.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Complaint {
    /// Another success than 200.
    OtherSuccess(StatusCode),
    /// It is elsewhere.
    Redirected {
        /// What it answered.
        status: StatusCode,
        /// Where it said that it is.
        location: Option<String>,
    },
    /// 401 or 403: as a rule the receiver found the token or the signature wrong.
    Denied(StatusCode),
    /// 404, 405 or 410: nothing takes a POST there.
    NoSuchPath(StatusCode),
    /// 413.
    TooLarge,
    /// 500 and above.
    Failed(StatusCode),
    /// Any other status.
    Refused(StatusCode),
    /// It took too long.
    TooSlow {
        /// It had so long, in real time.
        limit: Duration,
    },
    /// Nobody listens there.
    ConnectionRefused,
    /// The connection ended before an answer.
    Closed,
    /// Something answered that does not speak HTTP.
    NotHttp,
    /// The certificate is not trusted, or there is no TLS.
    Tls {
        /// Why.
        reason: String,
    },
    /// There is no connection for another reason.
    Unreachable {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    /// A name that does not change, for scripts.
    pub(crate) fn slug(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::TakenBadlySigned => "taken-badly-signed",
            Self::NotTaken { complaint, .. } => complaint.slug(),
            Self::Expired => "expired",
            Self::NoWebhook => "no-webhook",
            Self::Lost => "lost",
        }
    }

    /// What was seen.
    pub(crate) fn said(&self) -> String {
        match self {
            Self::Taken => "answered 200".to_owned(),
            Self::TakenBadlySigned => {
                "answered 200, though the signature was wrong on purpose: it must not have believed the notice"
                    .to_owned()
            }
            Self::NotTaken { complaint, .. } => format!("{complaint}{}", complaint.advice_about_a_notice()),
            Self::Expired => "no webhook took the notice for 7 days".to_owned(),
            Self::NoWebhook => "no webhook is registered for this agent, nor for the partner".to_owned(),
            Self::Lost => "the notice was dropped on purpose".to_owned(),
        }
    }

    /// What the platform does then.
    pub(crate) fn then(&self) -> String {
        match self {
            Self::Taken => "the notice is done".to_owned(),
            Self::TakenBadlySigned => {
                "the notice is done, and does not come again with the right signature".to_owned()
            }
            Self::NotTaken {
                again_at: Some(again_at),
                kept_until,
                ..
            } if again_at < kept_until => format!(
                "the webhook is called again at {again_at}, and then ever later, at most 600 s later; the notice is dropped at \
                 {kept_until}, after 7 days"
            ),
            Self::NotTaken {
                again_at: Some(_),
                kept_until,
                ..
            } => {
                format!(
                    "the notice is dropped at {kept_until}, after 7 days, before the webhook is called again"
                )
            }
            Self::NotTaken { again_at: None, .. } => {
                "the webhook registered meanwhile is called at once".to_owned()
            }
            Self::Expired | Self::NoWebhook | Self::Lost => {
                "the notice is dropped, and nobody is told".to_owned()
            }
        }
    }
}

impl Complaint {
    /// None for 200, the one status that is success.
    pub(super) fn about(response: &Response) -> Option<Self> {
        let status = response.status();
        match status.as_u16() {
            200 => None,
            201..=299 => Some(Self::OtherSuccess(status)),
            300..=399 => {
                let location = response.headers().get(header::LOCATION);
                let location =
                    location.map(|location| excerpt(&String::from_utf8_lossy(location.as_bytes())));
                Some(Self::Redirected { status, location })
            }
            401 | 403 => Some(Self::Denied(status)),
            404 | 405 | 410 => Some(Self::NoSuchPath(status)),
            413 => Some(Self::TooLarge),
            500.. => Some(Self::Failed(status)),
            _ => Some(Self::Refused(status)),
        }
    }

    /// What it means that there is no answer.
    pub(crate) fn without_answer(problem: &reqwest::Error, limit: Duration) -> Self {
        let kind = causes(problem)
            .find_map(|cause| cause.downcast_ref::<io::Error>())
            .map(innermost)
            .map(io::Error::kind);
        let said = causes(problem).find_map(|cause| cause.downcast_ref::<hyper::Error>());
        match kind {
            _ if problem.is_timeout() => Self::TooSlow { limit },
            Some(io::ErrorKind::ConnectionRefused) => Self::ConnectionRefused,
            Some(io::ErrorKind::InvalidData) if problem.is_connect() => Self::Tls {
                reason: reasons(problem),
            },
            _ if problem.is_connect() => Self::Unreachable {
                reason: reasons(problem),
            },
            _ if said.is_some_and(hyper::Error::is_parse) => Self::NotHttp,
            Some(
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof,
            ) => Self::Closed,
            _ if said.is_some_and(hyper::Error::is_incomplete_message) => Self::Closed,
            _ => Self::Unreachable {
                reason: reasons(problem),
            },
        }
    }

    /// What a receiver of notices is likely to have got wrong, in the same sentence.
    fn advice_about_a_notice(&self) -> &'static str {
        match self {
            Self::Denied(_) => {
                ", as who finds the signature wrong: it is HMAC-SHA512 over the decoded bytes of message.data, with the client \
                 token as it is written"
            }
            Self::TooSlow { .. } => {
                ": it must answer first and work afterwards, or it is told the same again"
            }
            _ => "",
        }
    }

    /// The same of one that is asked for the secret.
    pub(super) fn advice_about_a_handshake(&self) -> &'static str {
        match self {
            Self::Denied(_) => ", as who knows another client token",
            _ => "",
        }
    }

    /// Whether nothing came back that could be called an answer: later there may be one.
    pub fn is_without_answer(&self) -> bool {
        match self {
            Self::TooSlow { .. }
            | Self::ConnectionRefused
            | Self::Closed
            | Self::Tls { .. }
            | Self::Unreachable { .. } => true,
            Self::OtherSuccess(_)
            | Self::Redirected { .. }
            | Self::Denied(_)
            | Self::NoSuchPath(_)
            | Self::TooLarge
            | Self::Failed(_)
            | Self::Refused(_)
            | Self::NotHttp => false,
        }
    }

    /// A name that does not change, for scripts.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::OtherSuccess(_) => "other-success",
            Self::Redirected { .. } => "redirected",
            Self::Denied(_) => "denied",
            Self::NoSuchPath(_) => "no-such-path",
            Self::TooLarge => "too-large",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::TooSlow { .. } => "too-slow",
            Self::ConnectionRefused => "connection-refused",
            Self::Closed => "closed",
            Self::NotHttp => "not-http",
            Self::Tls { .. } => "tls",
            Self::Unreachable { .. } => "unreachable",
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSuccess(status) => write!(
                formatter,
                "answered {status}: of all successes only 200 counts"
            ),
            Self::Redirected {
                status,
                location: Some(location),
            } => {
                write!(
                    formatter,
                    "answered {status} and redirected to {location:?}, and redirects are not followed"
                )
            }
            Self::Redirected {
                status,
                location: None,
            } => {
                write!(
                    formatter,
                    "answered {status} without a Location, and redirects are not followed"
                )
            }
            Self::Denied(status) => write!(formatter, "answered {status}"),
            Self::NoSuchPath(status) => write!(
                formatter,
                "answered {status}: nothing takes a POST at this address"
            ),
            Self::TooLarge => write!(formatter, "answered 413: its limit for a body is too small"),
            Self::Failed(status) => {
                write!(formatter, "answered {status}: the receiver itself failed")
            }
            Self::Refused(status) => {
                write!(formatter, "answered {status}, and only 200 is success")
            }
            Self::TooSlow { limit } => write!(formatter, "had not answered after {limit:?}"),
            Self::ConnectionRefused => {
                write!(formatter, "refused the connection: nothing listens there")
            }
            Self::Closed => write!(formatter, "closed the connection before it had answered"),
            Self::NotHttp => write!(formatter, "answered something that is not HTTP"),
            Self::Tls { reason } => write!(formatter, "has no TLS that is trusted: {reason}"),
            Self::Unreachable { reason } => write!(formatter, "cannot be reached: {reason}"),
        }
    }
}

fn causes(problem: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = problem.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// TLS errors are wrapped twice.
fn innermost(problem: &io::Error) -> &io::Error {
    problem
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<io::Error>())
        .map_or(problem, innermost)
}

/// Why, in words, without the request.
fn reasons(problem: &reqwest::Error) -> String {
    let reasons: Vec<String> = causes(problem).map(ToString::to_string).collect();
    reasons.join(": ")
}

//! The echo's functions, each with the promises that it breaks. Their names are those of the conformance kit.

use crate::echo;
use bindings::exports::gateway::channel::channel::Guest;
use bindings::gateway::channel::http_client::{self, FetchFailure, HttpRequest, HttpResponse};
use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Content, Context, Description, FailureCode, Finding, Message,
    NewFile, Payload, PlainForm, ReachAnswer, Reaction, Receipt, Report, Revocation,
    SettingDescription, SignalKind, UploadedFile, Verdict, VerdictOutcome, WebhookRequest,
};
use std::sync::atomic::{AtomicU32, Ordering};

#[expect(unsafe_code, reason = "written by wit-bindgen")]
#[expect(clippy::pedantic, reason = "written by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "plugin",
        with: { "gateway:channel/types@0.1.0": gateway_channel },
    });
    use super::Component;
    export!(Component);
}

struct Component;

impl Guest for Component {
    fn describe() -> Description {
        let mut description = echo::describe();
        let breaks = SettingDescription {
            name: "breaks".to_owned(),
            documentation: "the promise to break".to_owned(),
            required: false,
            secret: false,
            many: false,
            default: None,
        };
        description.settings.push(breaks);
        description
    }

    fn check_settings(context: Context) -> Vec<Finding> {
        match breaks(&context) {
            "asks-for-its-settings" => Vec::new(),
            // As if nothing had been given.
            "takes-good-settings" => echo::check_settings(&Context {
                settings: Vec::new(),
                now: context.now,
            }),
            _ => echo::check_settings(&context),
        }
    }

    fn check(context: Context, message: Message) -> Report {
        if breaks(&context) == "asks-nobody-but-to-send" {
            let _ = post("http://192.0.2.1/".to_owned(), Vec::new());
        }
        echo::check(&message)
    }

    fn plain_text(context: Context, message: Message) -> PlainForm {
        let mut plain = echo::plain_text(&message);
        match breaks(&context) {
            "keeps-nothing" => plain.segments += CALLS.fetch_add(1, Ordering::Relaxed),
            "returns" => assert!(plain.text.len() < 1_000, "too long a text"),
            _ => {}
        }
        plain
    }

    fn send(context: Context, mut message: Message) -> Result<Receipt, ChannelFailure> {
        let breaks = breaks(&context).to_owned();
        let id = message.id.clone();
        if breaks == "sends-nothing-wrong" && !echo::check(&message).findings.is_empty() {
            message.content = Content::Text("another".to_owned());
        }
        let sent = echo::send(&context, message, |url, body| {
            post(url, body)
                .map(|answer| answer.status)
                .map_err(|failure| match failure.code {
                    http_client::FetchFailureCode::NotSent => FailureCode::Later,
                    http_client::FetchFailureCode::NoAnswer
                        if breaks == "knows-what-it-does-not-know" =>
                    {
                        FailureCode::Later
                    }
                    http_client::FetchFailureCode::NoAnswer
                    | http_client::FetchFailureCode::Other => FailureCode::Unknown,
                    _ => FailureCode::Misconfigured,
                })
        });
        match (breaks.as_str(), sent) {
            ("keeps-the-id", Ok(receipt)) => Ok(Receipt {
                id: format!("{}-1", receipt.id),
                ..receipt
            }),
            ("accepts-only-what-was-accepted", Err(failure))
                if failure.code != FailureCode::Refused =>
            {
                Ok(Receipt {
                    id,
                    accepted_at: None,
                    expires_at: None,
                    message_class: None,
                    segments: None,
                    carrier: None,
                    details: Vec::new(),
                })
            }
            (_, sent) => sent,
        }
    }

    fn revoke(_: Context, _: String, _: String) -> Result<Revocation, ChannelFailure> {
        Err(echo::unsupported())
    }

    fn signal(_: Context, _: String, _: String, _: SignalKind) -> Result<(), ChannelFailure> {
        Err(echo::unsupported())
    }

    fn capabilities(_: Context, _: String, _: String) -> Result<CapabilityAnswer, ChannelFailure> {
        Err(echo::unsupported())
    }

    fn reach(_: Context, _: Vec<String>) -> Result<ReachAnswer, ChannelFailure> {
        Err(echo::unsupported())
    }

    fn upload(_: Context, _: NewFile) -> Result<UploadedFile, ChannelFailure> {
        Err(echo::unsupported())
    }

    fn verify_signature(context: Context, request: WebhookRequest) -> Verdict {
        let verdict = echo::verify_signature(&context, &request);
        match breaks(&context) {
            "believes-nothing-unsigned" => Verdict {
                outcome: VerdictOutcome::Authentic,
                ..verdict
            },
            "judges-alike" => Verdict {
                outcome: VerdictOutcome::Malformed,
                ..verdict
            },
            _ => verdict,
        }
    }

    fn on_event(context: Context, request: WebhookRequest) -> Result<Reaction, ChannelFailure> {
        let breaks = breaks(&context).to_owned();
        let mut reaction = echo::on_event(&context, request);
        if breaks == "believes-nothing-unsigned" {
            reaction.verdict.outcome = VerdictOutcome::Authentic;
        }
        Ok(reaction)
    }
}

fn breaks(context: &Context) -> &str {
    echo::value(context, "breaks").unwrap_or_default()
}

fn post(url: String, body: Vec<u8>) -> Result<HttpResponse, FetchFailure> {
    let (method, headers, body) = ("POST".to_owned(), Vec::new(), Payload::Inline(body));
    http_client::fetch(&HttpRequest {
        method,
        url,
        headers,
        body,
        timeout_ms: None,
    })
}

static CALLS: AtomicU32 = AtomicU32::new(0);

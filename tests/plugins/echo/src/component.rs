//! Hands the contract's types to the logic as they are.

use crate::echo;
use bindings::exports::gateway::channel::channel::Guest;
use bindings::gateway::channel::http_client;
use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Context, Description, FailureCode, Finding, Message, NewFile,
    Payload, PlainForm, ReachAnswer, Reaction, Receipt, Report, Revocation, SignalKind,
    UploadedFile, Verdict, WebhookRequest,
};

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
        echo::describe()
    }
    fn check_settings(context: Context) -> Vec<Finding> {
        echo::check_settings(&context)
    }
    fn check(_: Context, message: Message) -> Report {
        echo::check(&message)
    }
    fn plain_text(_: Context, message: Message) -> PlainForm {
        echo::plain_text(&message)
    }
    fn send(context: Context, message: Message) -> Result<Receipt, ChannelFailure> {
        echo::send(&context, message, |url, body| {
            let (method, headers) = ("POST".to_owned(), Vec::new());
            let request = http_client::HttpRequest {
                method,
                url,
                headers,
                body: Payload::Inline(body),
                timeout_ms: None,
            };
            http_client::fetch(&request)
                .map(|answer| answer.status)
                .map_err(|failure| match failure.code {
                    http_client::FetchFailureCode::NotSent => FailureCode::Later,
                    http_client::FetchFailureCode::NoAnswer
                    | http_client::FetchFailureCode::Other => FailureCode::Unknown,
                    _ => FailureCode::Misconfigured,
                })
        })
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
        echo::verify_signature(&context, &request)
    }
    fn on_event(context: Context, request: WebhookRequest) -> Result<Reaction, ChannelFailure> {
        Ok(echo::on_event(&context, request))
    }
}

//! Hands the contract's types to the logic as they are, and its HTTP to the host. Decides nothing. The only place that
//! knows of bindings.

use bindings::exports::gateway::channel::channel::Guest;
use bindings::exports::gateway::channel::testers;
use bindings::gateway::channel::http_client::{self, FetchFailureCode, HttpRequest, HttpResponse};
use gateway_channel::{
    CapabilityAnswer, ChannelFailure, Context, Description, Finding, Header, Message, NewFile,
    Payload, PlainForm, ReachAnswer, Reaction, Receipt, Report, Revocation, SignalKind,
    UploadedFile, Verdict, WebhookRequest,
};
use rbm_guest::http;
use rbm_guest::testers::Invitation;

#[expect(unsafe_code, reason = "written by wit-bindgen")]
#[expect(clippy::pedantic, reason = "written by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "plugin-with-testers",
        with: { "gateway:channel/types@0.1.0": gateway_channel },
    });
    use super::Component;
    export!(Component);
}

struct Component;

impl Guest for Component {
    fn describe() -> Description {
        rbm_guest::describe::describe()
    }

    fn check_settings(context: Context) -> Vec<Finding> {
        rbm_guest::settings::check_settings(&context)
    }

    fn check(context: Context, message: Message) -> Report {
        rbm_guest::check::check(&context, &message)
    }

    fn plain_text(_: Context, message: Message) -> PlainForm {
        rbm_guest::plain_text::plain_text(&message)
    }

    fn send(context: Context, message: Message) -> Result<Receipt, ChannelFailure> {
        rbm_guest::send::send(&Component, &context, &message)
    }

    fn revoke(
        context: Context,
        recipient: String,
        id: String,
    ) -> Result<Revocation, ChannelFailure> {
        rbm_guest::revoke::revoke(&Component, &context, &recipient, &id)
    }

    fn signal(
        context: Context,
        recipient: String,
        id: String,
        kind: SignalKind,
    ) -> Result<(), ChannelFailure> {
        rbm_guest::signal::signal(&Component, &context, &recipient, &id, &kind)
    }

    fn capabilities(
        context: Context,
        recipient: String,
        request_id: String,
    ) -> Result<CapabilityAnswer, ChannelFailure> {
        rbm_guest::capabilities::capabilities(&Component, &context, &recipient, &request_id)
    }

    fn reach(context: Context, recipients: Vec<String>) -> Result<ReachAnswer, ChannelFailure> {
        rbm_guest::reach::reach(&Component, &context, &recipients)
    }

    fn upload(context: Context, file: NewFile) -> Result<UploadedFile, ChannelFailure> {
        rbm_guest::upload::upload(&Component, &context, file)
    }

    fn verify_signature(context: Context, request: WebhookRequest) -> Verdict {
        rbm_guest::signature::verify_signature(&context, &request)
    }

    fn on_event(context: Context, request: WebhookRequest) -> Result<Reaction, ChannelFailure> {
        rbm_guest::on_event::on_event(&context, &request)
    }
}

impl testers::Guest for Component {
    fn invite(context: Context, phone: String) -> Result<testers::Invitation, ChannelFailure> {
        rbm_guest::testers::invite(&Component, &context, &phone).map(
            |invitation| match invitation {
                Invitation::Pending => testers::Invitation::Pending,
                Invitation::Accepted => testers::Invitation::Accepted,
                Invitation::Declined => testers::Invitation::Declined,
                Invitation::Unstated => testers::Invitation::Unstated,
            },
        )
    }
}

impl http::Host for Component {
    fn fetch(&self, request: http::Request) -> Result<http::Response, http::FetchFailure> {
        http_client::fetch(&request.into())
            .map(Into::into)
            .map_err(Into::into)
    }
}

impl From<http::Request> for HttpRequest {
    fn from(request: http::Request) -> Self {
        let (headers, body) = match request.body {
            None => (Vec::new(), Payload::Inline(Vec::new())),
            Some(body) => (
                vec![Header {
                    name: "content-type".to_owned(),
                    value: body.mime_type,
                }],
                body.bytes,
            ),
        };
        Self {
            method: request.method.as_str().to_owned(),
            url: request.url,
            headers,
            body,
            timeout_ms: None,
        }
    }
}

impl From<HttpResponse> for http::Response {
    fn from(response: HttpResponse) -> Self {
        let retry_after = response
            .headers
            .into_iter()
            .find(|header| header.name.eq_ignore_ascii_case("retry-after"));
        Self {
            status: response.status,
            retry_after: retry_after.map(|header| header.value),
            body: response.body,
        }
    }
}

impl From<http_client::FetchFailure> for http::FetchFailure {
    fn from(failure: http_client::FetchFailure) -> Self {
        let kind = match failure.code {
            FetchFailureCode::Denied => http::FetchFailureKind::Denied,
            FetchFailureCode::NotSent => http::FetchFailureKind::NotSent,
            FetchFailureCode::NoAnswer => http::FetchFailureKind::NoAnswer,
            FetchFailureCode::NoCredentials => http::FetchFailureKind::NoCredentials,
            FetchFailureCode::Other => http::FetchFailureKind::Other,
        };
        Self {
            kind,
            message: failure.message,
        }
    }
}

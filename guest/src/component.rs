//! The component around the plugin: turns the bindings' types into the contract's and back, and calls the logic. Decides
//! nothing. The only place that knows of bindings; compiled for WebAssembly only.

mod from_plugin;
mod to_plugin;

use crate::http;
use bindings::exports::gateway::channel::channel::Guest;
use bindings::gateway::channel::{http_client, types};
use from_plugin::list;

#[expect(unsafe_code, reason = "written by wit-bindgen")]
#[expect(clippy::pedantic, reason = "written by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "plugin" });
    use super::Component;
    export!(Component);
}

struct Component;

impl Guest for Component {
    fn describe() -> types::Description {
        crate::describe::describe().into()
    }

    fn check_settings(context: types::Context) -> Vec<types::Finding> {
        list(crate::settings::check_settings(&context.into()))
    }

    fn check(context: types::Context, message: types::Message) -> types::Report {
        crate::check::check(&context.into(), &message.into()).into()
    }

    fn plain_text(_: types::Context, message: types::Message) -> types::PlainForm {
        crate::plain_text::plain_text(&message.into()).into()
    }

    fn send(context: types::Context, message: types::Message) -> Result<types::Receipt, types::ChannelFailure> {
        Ok(crate::send::send(&Component, &context.into(), &message.into())?.into())
    }

    fn revoke(
        context: types::Context,
        recipient: String,
        id: String,
    ) -> Result<types::Revocation, types::ChannelFailure> {
        Ok(crate::revoke::revoke(&Component, &context.into(), &recipient, &id)?.into())
    }

    fn signal(
        context: types::Context,
        recipient: String,
        id: String,
        kind: types::SignalKind,
    ) -> Result<(), types::ChannelFailure> {
        Ok(crate::signal::signal(&Component, &context.into(), &recipient, &id, &kind.into())?)
    }

    fn capabilities(
        context: types::Context,
        recipient: String,
        request_id: String,
    ) -> Result<types::CapabilityAnswer, types::ChannelFailure> {
        Ok(crate::capabilities::capabilities(&Component, &context.into(), &recipient, &request_id)?.into())
    }

    fn reach(_: types::Context, _: Vec<String>) -> Result<types::ReachAnswer, types::ChannelFailure> {
        Err(crate::describe::unsupported("reach").into())
    }

    fn upload(_: types::Context, _: types::NewFile) -> Result<types::UploadedFile, types::ChannelFailure> {
        Err(crate::describe::unsupported("upload").into())
    }

    fn verify_signature(context: types::Context, request: types::WebhookRequest) -> types::Verdict {
        crate::signature::verify_signature(&context.into(), &request.into()).into()
    }

    fn on_event(
        context: types::Context,
        request: types::WebhookRequest,
    ) -> Result<types::Reaction, types::ChannelFailure> {
        Ok(crate::on_event::on_event(&context.into(), &request.into())?.into())
    }
}

impl http::Host for Component {
    fn fetch(&self, request: http::Request) -> Result<http::Response, http::FetchFailure> {
        http_client::fetch(&request.into()).map(Into::into).map_err(Into::into)
    }
}

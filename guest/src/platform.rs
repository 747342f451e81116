//! Calls one of RBM's methods: builds the address out of parsed parts only, and tells answers from failures.

use crate::answer::{self, About};
use crate::http::{Body, Host, Method, Request, Response};
use crate::settings::Sender;
use gateway_channel::ChannelFailure;
use rbm_wire::name::MessageId;

/// The platform, as one agent sees it.
pub(crate) struct Platform<'a> {
    pub host: &'a dyn Host,
    pub sender: &'a Sender,
    /// For a `Retry-After` that is a date.
    pub now: &'a str,
}

impl Platform<'_> {
    /// Calls a method on a phone. `path` follows `/v1/`; `id` is the query parameter that the caller chose a value for. The
    /// agent is added here, because every one of them needs it.
    pub(crate) fn call(
        &self,
        about: About,
        method: Method,
        path: &str,
        id: Option<(&str, &MessageId)>,
        json: Option<Vec<u8>>,
    ) -> Result<Response, ChannelFailure> {
        let id = id
            .map(|(name, id)| format!("{name}={}&", id.as_str()))
            .unwrap_or_default();
        let target = format!("v1/{path}?{id}agentId={}", self.sender.agent.bare());
        self.fetch(about, method, &target, json.map(Body::json))
    }

    /// Asks about nobody in particular. `target` is path and query, as they are.
    pub(crate) fn ask(
        &self,
        method: Method,
        target: &str,
        body: Body,
    ) -> Result<Response, ChannelFailure> {
        self.fetch(About::Nobody, method, target, Some(body))
    }

    fn fetch(
        &self,
        about: About,
        method: Method,
        target: &str,
        body: Option<Body>,
    ) -> Result<Response, ChannelFailure> {
        let url = format!("{}/{target}", self.sender.origin);
        let response = self
            .host
            .fetch(Request { method, url, body })
            .map_err(|fetch| answer::not_answered(&fetch))?;
        match response.status {
            200..=299 => Ok(response),
            _ => Err(answer::refusal(about, &response, self.now)),
        }
    }
}

//! What becomes of a request, whichever way it was asked for.

use crate::agents::{Agent, Agents};
use bytes::Bytes;
use gateway_channel::{Inbound, VerdictOutcome, WebhookRequest};
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request};
use jiff::Timestamp;
use rbm_host::webhook::{self, Limits, Outcome};
use rbm_json::excerpt::excerpt;
use rbm_wire::name::AgentId;

/// Judges requests of all agents. Cloning is cheap enough for each request.
#[derive(Clone)]
pub(crate) struct Judge {
    agents: std::sync::Arc<Agents>,
    limits: Limits,
}

/// A request that the platform signed, and of whose events none is another agent's.
pub(crate) struct Believed {
    /// Without `@rbm.goog`.
    pub(crate) agent: String,
    /// At least one.
    pub(crate) events: Vec<Inbound>,
}

impl Judge {
    pub(crate) fn new(agents: Agents) -> Self {
        Self {
            agents: agents.into(),
            limits: Limits::default(),
        }
    }

    /// What can be refused before the body has come.
    pub(crate) fn refuse_early(&self, head: &request::Parts) -> Option<Response<Bytes>> {
        self.agent(head).err()
    }

    /// What is believed, or the answer instead.
    pub(crate) async fn judge(&self, request: Request<Bytes>) -> Result<Believed, Response<Bytes>> {
        let (head, body) = request.into_parts();
        let agent = self.agent(&head)?;
        let outcome = self.outcome(agent, Request::from_parts(head, body)).await?;
        if outcome.inbound.is_empty() {
            return Err(outcome.response);
        }
        if let Some(other) = outcome
            .inbound
            .iter()
            .find(|event| !concerns(&agent.id, &event.agent))
        {
            let other = excerpt(&other.agent);
            tracing::warn!(agent = agent.id.bare(), %other, "a request was signed, and concerns another agent");
            return Err(refuse(
                StatusCode::NOT_FOUND,
                &format!("it concerns the agent {other:?}, which has another webhook"),
            ));
        }
        Ok(Believed {
            agent: agent.id.bare().to_owned(),
            events: outcome.inbound,
        })
    }

    /// Whether the platform signed it, which is known sooner than what it means; or the answer instead.
    pub(crate) async fn authorize(&self, request: Request<Bytes>) -> Result<(), Response<Bytes>> {
        let (head, body) = request.into_parts();
        let agent = self.agent(&head)?;
        if body.len() <= self.limits.body_bytes_max {
            let asked = for_plugin(&head, &body);
            let verdict = agent
                .channel
                .verify_signature(Timestamp::now(), &asked)
                .await;
            let verdict = verdict.map_err(|problem| unjudged(agent, &problem))?;
            if verdict.outcome == VerdictOutcome::Authentic {
                return Ok(());
            }
        }
        // The plugin has an answer for everything else: the handshake's, or why not.
        Err(self
            .outcome(agent, Request::from_parts(head, body))
            .await?
            .response)
    }

    fn agent(&self, head: &request::Parts) -> Result<&Agent, Response<Bytes>> {
        let path = head.uri.path();
        let agent = self.agents.at(path).ok_or_else(|| {
            refuse(
                StatusCode::NOT_FOUND,
                &format!("there is no webhook at {:?}", excerpt(path)),
            )
        })?;
        if head.method != Method::POST {
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "a webhook is for POST");
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("POST"));
            return Err(response);
        }
        Ok(agent)
    }

    async fn outcome(
        &self,
        agent: &Agent,
        request: Request<Bytes>,
    ) -> Result<Outcome, Response<Bytes>> {
        let outcome =
            webhook::receive(&agent.channel, &self.limits, Timestamp::now(), request).await;
        let outcome = outcome.map_err(|problem| unjudged(agent, &problem))?;
        let reason = outcome
            .verdict
            .as_ref()
            .and_then(|verdict| verdict.reason.as_deref());
        if let Some(reason) = reason {
            tracing::warn!(
                agent = agent.id.bare(),
                reason,
                "a request was not believed"
            );
        }
        Ok(outcome)
    }
}

/// Where an event names nobody, it can only be this one's.
fn concerns(own: &AgentId, named: &str) -> bool {
    named.is_empty() || AgentId::parse(named).is_ok_and(|named| named == *own)
}

fn for_plugin(head: &request::Parts, body: &Bytes) -> WebhookRequest {
    webhook::for_plugin(Request::from_parts(head.clone(), body.clone()))
}

/// The platform sends it again.
fn unjudged(agent: &Agent, problem: &dyn std::error::Error) -> Response<Bytes> {
    tracing::error!(agent = agent.id.bare(), %problem, "a request could not be judged");
    refuse(
        StatusCode::SERVICE_UNAVAILABLE,
        "the request could not be judged",
    )
}

fn refuse(status: StatusCode, reason: &str) -> Response<Bytes> {
    webhook::refuse(status, reason).response
}

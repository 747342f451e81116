//! `POST /webhooks/rbm/{agent}`: the plugin judges, the application takes, and only then is there an answer of 200.

use crate::answer::{Answer, misconfigured, problem, unavailable};
use crate::component::{Asked, channel};
use gateway_channel::{Header, Inbound, Reaction, VerdictOutcome, WebhookRequest};
use http::StatusCode;
use rbm_json::excerpt::excerpt;
use rbm_json::problem::ProblemView;
use rbm_json::{event, id};
use rbm_wasi::machine;
use rbm_wasi::outgoing::{self, Request};

pub(crate) fn receive(asked: &Asked, agent: &str) -> Result<Answer, ProblemView> {
    let own = asked
        .settings
        .agent_name()
        .ok_or_else(|| misconfigured("neither RBM_AGENT_ID nor RBM_AGENT is set"))?;
    if agent != own {
        let detail = format!("there is no agent {:?}", excerpt(agent));
        return Err(problem(StatusCode::NOT_FOUND, "not-found", &detail));
    }
    let body = asked.body()?;
    let reaction =
        channel::on_event(&asked.context(), &for_plugin(asked, body)).map_err(|failure| {
            machine::log(&format!(
                "a webhook request could not be judged: {}",
                failure.message
            ));
            unavailable("the request could not be judged")
        })?;
    if reaction.verdict.outcome == VerdictOutcome::Authentic {
        reaction
            .inbound
            .iter()
            .try_for_each(|inbound| hand_over(asked, &own, inbound))?;
    } else if let Some(reason) = &reaction.verdict.reason {
        machine::log(&format!("a webhook request was not believed: {reason}"));
    }
    Ok(of_reaction(reaction))
}

fn for_plugin(asked: &Asked, body: Vec<u8>) -> WebhookRequest {
    // A value that is not text cannot be one that a plugin looks for; it arrives changed, and so matches nothing.
    let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    let headers = asked.headers.0.iter().map(|(name, value)| Header {
        name: name.clone(),
        value: text(value),
    });
    WebhookRequest {
        method: asked.method.clone(),
        url: asked.url.clone(),
        headers: headers.collect(),
        body,
    }
}

fn of_reaction(reaction: Reaction) -> Answer {
    let headers = reaction
        .response
        .headers
        .into_iter()
        .map(|Header { name, value }| (name, value))
        .collect();
    Answer {
        status: reaction.response.status,
        headers,
        body: reaction.response.body,
    }
}

/// Whatever goes wrong, the platform sends the event again: for seven days. (guides/integrate/webhooks)
fn hand_over(asked: &Asked, agent: &str, inbound: &Inbound) -> Result<(), ProblemView> {
    if !asked.settings.concerns(&inbound.agent) {
        let detail = format!(
            "it is signed, and concerns the agent {:?}, which is not served here",
            excerpt(&inbound.agent)
        );
        machine::log(&detail);
        return Err(problem(StatusCode::NOT_FOUND, "agent-not-served", &detail));
    }
    let Some(url) = asked.settings.callback_url() else {
        machine::log("RBM_CALLBACK_URL is not set, so no event is taken");
        return Err(unavailable("there is no application to take the event"));
    };
    let id = id::of_event(agent, &inbound.dedupe_key);
    // Nothing is kept here that a place could be in, so an event's place is its own name.
    let view = event::view(id.clone(), agent, asked.now.to_string(), inbound);
    let body = serde_json::to_vec(&view).expect("strings and numbers always serialise");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let request = Request {
        method: "POST",
        url,
        headers: vec![
            header("content-type", "application/json"),
            header("webhook-id", &id),
            header("webhook-timestamp", &asked.now.as_second().to_string()),
        ],
        body: &body,
        timeout_milliseconds: CALLBACK_MILLISECONDS_MAX,
    };
    let reason = match outgoing::fetch(&request, ANSWER_BYTES_MAX) {
        Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
        Ok(answer) => format!("it answered {}", answer.status),
        Err(failure) => failure.to_string(),
    };
    machine::log(&format!(
        "the application did not take the event {id}: {reason}"
    ));
    Err(unavailable("the application did not take the event"))
}

/// How long the platform waits is not published. A longer answer than this is not one.
const CALLBACK_MILLISECONDS_MAX: u32 = 5_000;
const ANSWER_BYTES_MAX: usize = 64 << 10;

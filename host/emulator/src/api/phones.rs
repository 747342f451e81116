//! `/emulator/phones/…`: what a phone shows, and what its person does.

use super::parse_phone;
use super::request::{Body, PathNames, of_object};
use crate::Shared;
use crate::excerpt::remark;
use crate::fidelity::{Basis, Behaviour};
use crate::phone::{Act, Phone};
use crate::platform::testers::Invitation;
use crate::platform::{Do, ListPhone, Platform, Said, Shown, UnlistPhone};
use crate::refusal::{Refusal, violation};
use crate::scenario::{Dangling, PhoneSettings};
use axum::Json;
use axum::extract::State;
use rbm_wire::message::AgentEvent;
use rbm_wire::name::{AgentId, PhoneNumber};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) async fn show_phone(
    State(shared): State<Arc<Shared>>,
    PathNames(phone): PathNames<String>,
) -> Result<Json<Value>, Refusal> {
    let number = parse_phone(&phone)?;
    Ok(Json(shown(&shared, &number)))
}

/// Those that somebody has listed, each with its number.
pub(super) async fn list_phones(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let platform = shared.platform();
    Json(json!({ "phones": platform.listed().collect::<Vec<&Phone>>() }))
}

/// A phone is as the body says from now on; what is on it stays.
pub(super) async fn list_phone(
    State(shared): State<Arc<Shared>>,
    PathNames(phone): PathNames<String>,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let number = parse_phone(&phone)?;
    let settings: PhoneSettings = of_object(&body).map_err(|problem| {
        let rule =
            "settings of a phone are needed, such as {\"online\": true, \"read_receipts\": false}";
        Refusal::invalid(vec![violation("", format!("{rule}: {}", remark(problem)))])
    })?;
    let dangling = settings.dangling(&shared.platform().agents().collect::<Vec<_>>());
    if !dangling.is_empty() {
        let wrong = |dangling: Dangling| violation(dangling.path.join("."), dangling.message);
        return Err(Refusal::invalid(
            dangling.into_iter().map(wrong).collect::<Vec<_>>(),
        ));
    }
    shared.apply(ListPhone(settings.phone(number.clone())));
    Ok(Json(shown(&shared, &number)))
}

/// A phone is one again that nobody has listed.
pub(super) async fn unlist_phone(
    State(shared): State<Arc<Shared>>,
    PathNames(phone): PathNames<String>,
) -> Result<Json<Value>, Refusal> {
    let number = parse_phone(&phone)?;
    if shared.apply(UnlistPhone(number.clone())) {
        Ok(Json(shown(&shared, &number)))
    } else {
        Err(Refusal::not_found(
            PHONES,
            &format!("{number} is not listed."),
        ))
    }
}

/// One act, and beside it `"agent"` where there are several.
pub(super) async fn use_phone(
    State(shared): State<Arc<Shared>>,
    PathNames(phone): PathNames<String>,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let number = parse_phone(&phone)?;
    let (agent, act) = read(&body).map_err(|problem| {
        let rule = format!(
            "one of {{\"text\": \"…\"}}, {{\"tap\": \"postback\"}}, \"answer\", \"read\", \"type\", {{\"location\": {{\"latitude\": 1, \
             \"longitude\": 2}}}}, {{\"file\": {{\"name\", \"mime_type\", \"bytes\", \"url\"}}}}, \"unsubscribe\", \
             \"resubscribe\", {{\"online\": true}}, {{\"rcs\": true}}, {{\"carrier\": \"…\"}} and {{\"tester\": true}} is needed, \
             an object with \"agent\" beside it if need be: {problem}"
        );
        Refusal::invalid(vec![violation("", rule)])
    })?;
    let done = shared.apply(Do {
        phone: number.clone(),
        agent,
        act,
    });
    done.map_err(|problem| Refusal::invalid(vec![violation("", problem.to_string())]))?;
    Ok(Json(shown(&shared, &number)))
}

fn read(body: &[u8]) -> Result<(Option<AgentId>, Act), String> {
    let mut value: Value = serde_json::from_slice(body).map_err(remark)?;
    let agent = match value
        .as_object_mut()
        .and_then(|object| object.remove("agent"))
    {
        Some(Value::String(text)) => {
            Some(AgentId::parse(&text).map_err(|problem| problem.to_string())?)
        }
        Some(other) => return Err(format!("agent is {other}, and must be a name")),
        None => None,
    };
    // `{"read": {}}` is `"read"`: so an agent can stand beside it.
    if let Some(name) = value
        .as_object()
        .and_then(only_name)
        .filter(|name| value[name.as_str()] == json!({}))
    {
        value = Value::String(name);
    }
    Ok((agent, serde_json::from_value(value).map_err(remark)?))
}

fn only_name(object: &Map<String, Value>) -> Option<String> {
    object.keys().next().filter(|_| object.len() == 1).cloned()
}

fn shown(shared: &Shared, number: &PhoneNumber) -> Value {
    let platform: &Platform = &shared.platform();
    let phone = platform.phone(number);
    let message = |shown: Shown<'_>| {
        let state = format!("{:?}", shown.state).to_lowercase();
        json!({ "agent": shown.agent.bare(), "id": shown.id.as_str(), "state": state, "content": shown.content })
    };
    let said = |said: &Said| json!({ "agent": said.agent.bare(), "read": said.read, "notice": said.notice });
    let now = shared.clock.now();
    let agents: Vec<&AgentId> = platform.agents().collect();
    let typing = agents
        .iter()
        .filter(|agent| platform.is_typing(number, agent, now))
        .map(|agent| agent.bare());
    let invitations = agents
        .iter()
        .filter_map(|agent| Some((agent.bare(), platform.invitation(agent, number)?.as_str())));
    let invitation = agents
        .first()
        .and_then(|agent| platform.invitation(agent, number))
        .map(Invitation::as_str);
    json!({
        "number": number.as_str(),
        "rcs": phone.rcs,
        "online": phone.online,
        "carrier": phone.carrier,
        "features": phone.features,
        "invitation": invitation,
        "invitations": invitations.collect::<std::collections::BTreeMap<_, _>>(),
        "typing": typing.collect::<Vec<_>>(),
        "messages": platform.shown(number).map(message).collect::<Vec<_>>(),
        "said": platform.said(number).map(said).collect::<Vec<_>>(),
        "settings": PhoneSettings::from(&*phone),
        "signals": platform.signals(number).collect::<Vec<&AgentEvent>>(),
    })
}

pub(super) const PHONES: &Behaviour = &Behaviour {
    id: "phones",
    what: "/emulator/phones shows phones, says what they are like, and does what their people do; it asks for no token",
    basis: Basis::Assumed,
    source: "ours: Google has no such thing",
    switch: None,
    test: "a_person_does_everything_over_http",
};

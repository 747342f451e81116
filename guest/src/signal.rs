//! Shows the person that the agent is typing, or has read a message.

use crate::answer::{self, About, no_id, no_phone};
use crate::http::{Host, Method};
use crate::platform::Platform;
use crate::settings::Sender;
use gateway_channel::{ChannelFailure, Context, SignalKind};
use rbm_wire::callback::EventType;
use rbm_wire::json;
use rbm_wire::message::AgentEvent;
use rbm_wire::name::{MessageId, PhoneNumber};

/// Typing is shown for about 20 seconds and never queued; a read receipt is queued for an offline phone.
/// (guides/build/events/send-events)
pub fn signal(
    host: &dyn Host,
    context: &Context,
    recipient: &str,
    id: &str,
    kind: &SignalKind,
) -> Result<(), ChannelFailure> {
    let sender = Sender::parse(context)?;
    let phone = PhoneNumber::parse(recipient).map_err(|problem| no_phone(&problem))?;
    let id = MessageId::parse(id).map_err(|problem| no_id(&problem))?;
    let event = match kind {
        SignalKind::Typing => agent_event(EventType::IsTyping, None),
        SignalKind::Read(message) => agent_event(EventType::Read, Some(message.clone())),
    };
    let json = json::write(&event);
    let platform = Platform {
        host,
        sender: &sender,
        now: &context.now,
    };
    let path = format!("phones/{phone}/agentEvents");
    match platform.call(
        About::Person,
        Method::Post,
        &path,
        Some(("eventId", &id)),
        Some(json),
    ) {
        Ok(response) => answer::done(&response),
        // The id was used already, so the signal was shown already.
        Err(failure) if answer::is_repeated(&failure) => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn agent_event(kind: EventType, message_id: Option<String>) -> AgentEvent {
    AgentEvent {
        event_type: Some(kind.as_str().to_owned()),
        message_id,
        ..AgentEvent::default()
    }
}

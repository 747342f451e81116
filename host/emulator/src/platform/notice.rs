//! What webhooks are told, in Google's words. (reference/rest/v1/`UserMessage`, `UserEvent`, `ServerEvent`, `AgentLaunchEvent`)

use super::business::agents::Names;
use super::launch::{LaunchState, SetLaunch};
use super::{Effect, Platform, Said, classification, country, push_bounded};
use jiff::Timestamp;
use rbm_wire::callback::{EventType, Notice};
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use uuid::Uuid;

impl Platform {
    /// A person does something that is about no message.
    pub(super) fn tell(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        kind: EventType,
    ) {
        let event_id = self.name();
        let event = event(now, agent, kind, event_id);
        self.push(
            agent,
            Notice {
                sender_phone_number: Some(number.to_string()),
                ..event
            },
        );
    }

    /// Something has happened to a message. It has one event id, however often it is told.
    pub(super) fn tell_about(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        kind: EventType,
        about: &MessageId,
    ) {
        let event = self.event_about(now, agent, kind, about);
        self.push(
            agent,
            Notice {
                sender_phone_number: Some(number.to_string()),
                ..event
            },
        );
    }

    /// Server events name the phone otherwise than user events do. (reference/rest/v1/ServerEvent)
    pub(super) fn tell_of_expiry(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        kind: EventType,
        about: &MessageId,
    ) {
        let event = self.event_about(now, agent, kind, about);
        self.push(
            agent,
            Notice {
                phone_number: Some(number.to_string()),
                ..event
            },
        );
    }

    /// A message of the person's. Taps too are sent with a `messageId`, as guides/build/messages/receive shows them; another
    /// page shows taps on actions with an `eventId` instead.
    pub(super) fn say(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        content: Notice,
    ) {
        let american = country::is_american(number);
        let carrier = american.then(|| self.phone(number).carrier.clone());
        let notice = Notice {
            agent_id: Some(agent.full()),
            sender_phone_number: Some(number.to_string()),
            message_id: Some(format!("Mx{}", self.name().simple())),
            send_time: Some(now.to_string()),
            rich_message_classification: classification::of_notice(number, &content),
            carrier,
            ..content
        };
        let said = Said {
            agent: agent.clone(),
            notice: notice.clone(),
            read: false,
        };
        push_bounded(&mut self.phone_state(number).said, said);
        self.push(agent, notice);
    }

    fn event_about(
        &self,
        now: Timestamp,
        agent: &AgentId,
        kind: EventType,
        about: &MessageId,
    ) -> Notice {
        let of = format!("{}/{}/{}", kind.as_str(), agent.bare(), about.as_str());
        let event_id = Uuid::new_v5(&self.seed, of.as_bytes());
        Notice {
            message_id: Some(about.as_str().to_owned()),
            ..event(now, agent, kind, event_id)
        }
    }

    fn push(&mut self, agent: &AgentId, notice: Notice) {
        self.effects.push(Effect {
            agent: agent.clone(),
            notice,
        });
    }
}

fn event(now: Timestamp, agent: &AgentId, kind: EventType, event_id: Uuid) -> Notice {
    Notice {
        agent_id: Some(agent.full()),
        event_type: Some(kind.as_str().to_owned()),
        event_id: Some(event_id.to_string()),
        send_time: Some(now.to_string()),
        ..Notice::default()
    }
}

pub(super) fn launch(
    now: Timestamp,
    change: &SetLaunch,
    old: LaunchState,
    event_id: String,
    names: Option<&Names>,
) -> Notice {
    Notice {
        agent_id: Some(change.agent.full()),
        event_id: Some(event_id),
        bot_display_name: Some(
            names
                .map_or(change.agent.bare(), |names| &names.agent)
                .to_owned(),
        ),
        brand_id: names.map(|names| names.brand_id.to_string()),
        brand_display_name: names.map(|names| names.brand.clone()),
        region_id: Some(change.carrier.clone()),
        old_launch_state: Some(old.as_str().to_owned()),
        new_launch_state: Some(change.state.as_str().to_owned()),
        acting_party: change.acting_party.clone(),
        comment: change.comment.clone(),
        send_time: Some(now.to_string()),
        ..Notice::default()
    }
}

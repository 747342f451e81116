//! What people do with their phones, by hand or by habit.

use super::testers::Invitation;
use super::{Command, Platform, State, country};
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::phone::{Act, Place, SentFile};
use jiff::Timestamp;
use rbm_wire::callback::{EventType, FileInfo, Notice, SuggestionResponse, UserFile};
use rbm_wire::consent::{Keyword, RESUBSCRIBE, UNSUBSCRIBE};
use rbm_wire::message::{ContentMessage, LatLong, RichCard, Suggestion};
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use rbm_wire::number::{Double, Whole};

/// A person does something.
#[derive(Clone, Debug)]
pub struct Do {
    /// Whose phone.
    pub phone: PhoneNumber,
    /// In whose conversation; the one of the newest message, or of the first agent, if it is left out.
    pub agent: Option<AgentId>,
    /// What.
    pub act: Act,
}

/// Something that a phone cannot do.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum PhoneProblem {
    /// It has no RCS, or is offline.
    #[error("{0} is offline or has no RCS, so it sends nothing")]
    Silent(PhoneNumber),
    /// There is nothing to accept.
    #[error("{0} was not invited to be a tester")]
    NotInvited(PhoneNumber),
    /// There is nothing to tap.
    #[error("no message on {phone} has a suggestion whose postback is {:?}", excerpt(.postback))]
    NoSuchSuggestion {
        /// Whose phone.
        phone: PhoneNumber,
        /// What was to be tapped.
        postback: String,
    },
    /// There is nothing to answer.
    #[error("there is no message on {0} to answer")]
    NothingToAnswer(PhoneNumber),
    /// There is nobody to talk with.
    #[error("there is no agent {:?}", excerpt(.0))]
    NoSuchAgent(String),
}

impl Command for Do {
    type Answer = Result<(), PhoneProblem>;

    fn run(self, platform: &mut Platform, now: Timestamp) -> Self::Answer {
        let newest = platform
            .shown(&self.phone)
            .next_back()
            .map(|shown| shown.agent.clone());
        let agent = self
            .agent
            .or(newest)
            .or_else(|| platform.agents.keys().next().cloned());
        let agent = agent.ok_or_else(|| PhoneProblem::NoSuchAgent(String::new()))?;
        if !platform.knows(&agent) {
            return Err(PhoneProblem::NoSuchAgent(agent.bare().to_owned()));
        }
        platform.act(now, &agent, &self.phone, self.act)
    }
}

impl Platform {
    /// What cannot be done is left: a habit has nobody whom it could tell.
    pub(super) fn follow_habit(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        id: &MessageId,
        act: Act,
    ) {
        let Some(stored) = self.stored(agent, id) else {
            return;
        };
        let (number, content) = (stored.phone.clone(), stored.message.content_message.clone());
        match act {
            Act::Read => self.read(now, agent, &number, id),
            Act::Answer if self.check_can_send(&number).is_ok() => {
                self.answer(now, agent, &number, &content);
            }
            act => {
                let _ = self.act(now, agent, &number, act);
            }
        }
    }

    fn act(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        act: Act,
    ) -> Result<(), PhoneProblem> {
        match act {
            Act::Online(online) => self.set_online(now, number, online),
            Act::Rcs(on) => self.set_rcs(now, number, on),
            Act::Carrier(carrier) => self.phone_state(number).phone.carrier = carrier,
            Act::Tester(accepted) => {
                let answer = if accepted {
                    Invitation::Accepted
                } else {
                    Invitation::Declined
                };
                let testers = self.agents.get_mut(agent).map(|state| &mut state.testers);
                if !testers.is_some_and(|testers| testers.answer(number, answer)) {
                    return Err(PhoneProblem::NotInvited(number.clone()));
                }
            }
            Act::Read => self.read_all(now, agent, number),
            said => {
                self.check_can_send(number)?;
                self.send_by_hand(now, agent, number, said)?;
            }
        }
        Ok(())
    }

    fn send_by_hand(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        act: Act,
    ) -> Result<(), PhoneProblem> {
        let content = match act {
            Act::Text(text) => Notice {
                text: Some(text),
                ..Notice::default()
            },
            Act::Location(place) => Notice {
                location: Some(lat_long(place)),
                ..Notice::default()
            },
            Act::File(file) => Notice {
                user_file: Some(user_file(file)),
                ..Notice::default()
            },
            Act::Tap(postback) => Notice {
                suggestion_response: Some(self.find_suggestion(agent, number, postback)?),
                ..Notice::default()
            },
            Act::Type => {
                self.tell(now, agent, number, EventType::IsTyping);
                return Ok(());
            }
            Act::Unsubscribe => {
                self.opt(now, agent, number, &UNSUBSCRIBE, EventType::Unsubscribe);
                return Ok(());
            }
            Act::Resubscribe => {
                self.opt(now, agent, number, &RESUBSCRIBE, EventType::Subscribe);
                return Ok(());
            }
            Act::Answer => {
                let newest = self.on_phone(agent, number).next_back().cloned();
                let content =
                    newest.ok_or_else(|| PhoneProblem::NothingToAnswer(number.clone()))?;
                self.answer(now, agent, number, &content);
                return Ok(());
            }
            Act::Read | Act::Online(_) | Act::Rcs(_) | Act::Carrier(_) | Act::Tester(_) => {
                return Ok(());
            }
        };
        self.say(now, agent, number, content);
        Ok(())
    }

    fn answer(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        content: &ContentMessage,
    ) {
        let notice = match taps(content).into_iter().next() {
            Some(tap) => Notice {
                suggestion_response: Some(tap),
                ..Notice::default()
            },
            None => Notice {
                text: Some(reply_text(content)),
                ..Notice::default()
            },
        };
        self.say(now, agent, number, notice);
    }

    /// The keyword of the number's country as a text, and the event, at once. Where no page has a word for the country, the
    /// first of them is taken.
    fn opt(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        number: &PhoneNumber,
        keywords: &[Keyword],
        event: EventType,
    ) {
        let country = country::of(number).unwrap_or_default();
        let keyword = keywords
            .iter()
            .find(|keyword| keyword.countries.contains(&country))
            .or(keywords.first());
        let text = keyword.map(|keyword| keyword.word.to_owned());
        self.say(
            now,
            agent,
            number,
            Notice {
                text,
                ..Notice::default()
            },
        );
        self.tell(now, agent, number, event);
    }

    /// The person reads in any case; whether the sender hears of it is a setting of the phone, and when, a matter of the network.
    fn read(&mut self, now: Timestamp, agent: &AgentId, number: &PhoneNumber, id: &MessageId) {
        let Some(stored) = self
            .stored(agent, id)
            .filter(|stored| stored.state == State::Delivered)
        else {
            return;
        };
        stored.state = State::Read;
        let state = self.phone_state(number);
        match (state.phone.read_receipts, state.phone.online) {
            (false, _) => {}
            (true, false) => state.unsent_receipts.push((agent.clone(), id.clone())),
            (true, true) => self.tell_about(now, agent, number, EventType::Read, id),
        }
    }

    fn read_all(&mut self, now: Timestamp, agent: &AgentId, number: &PhoneNumber) {
        let unread =
            |shown: &super::Shown<'_>| shown.agent == agent && shown.state == State::Delivered;
        let unread: Vec<MessageId> = self
            .shown(number)
            .filter(unread)
            .map(|shown| shown.id.clone())
            .collect();
        unread
            .iter()
            .for_each(|id| self.read(now, agent, number, id));
    }

    pub(super) fn set_rcs(&mut self, now: Timestamp, number: &PhoneNumber, on: bool) {
        self.phone_state(number).phone.rcs = on;
        self.deliver_what_waits(now, number);
    }

    /// What waited in either direction moves when it comes back.
    pub(super) fn set_online(&mut self, now: Timestamp, number: &PhoneNumber, online: bool) {
        let queued_for = self.rules.queued_for;
        let state = self.phone_state(number);
        if state.phone.online == online {
            return;
        }
        state.phone.online = online;
        if !online {
            state.seen_at = Some(now);
            return;
        }
        state.seen_at = None;
        state.show_waiting_signals(now, queued_for);
        let receipts = std::mem::take(&mut state.unsent_receipts);
        receipts
            .iter()
            .for_each(|(agent, id)| self.tell_about(now, agent, number, EventType::Read, id));
        self.deliver_what_waits(now, number);
    }

    fn deliver_what_waits(&mut self, now: Timestamp, number: &PhoneNumber) {
        let state = self.phone_state(number);
        if state.phone.online && state.phone.rcs {
            let waiting = state.waiting.clone();
            waiting
                .iter()
                .for_each(|(agent, id)| self.plan_delivery(now, agent, number, id));
        }
    }

    fn find_suggestion(
        &self,
        agent: &AgentId,
        number: &PhoneNumber,
        postback: String,
    ) -> Result<SuggestionResponse, PhoneProblem> {
        let taps = self.on_phone(agent, number).flat_map(taps);
        let tap = taps.rev().find(|tap| tap.postback_data == postback);
        tap.ok_or_else(|| PhoneProblem::NoSuchSuggestion {
            phone: number.clone(),
            postback,
        })
    }

    fn on_phone<'a>(
        &'a self,
        agent: &'a AgentId,
        number: &PhoneNumber,
    ) -> impl DoubleEndedIterator<Item = &'a ContentMessage> {
        let shown = self.shown(number).filter(move |shown| {
            shown.agent == agent && matches!(shown.state, State::Delivered | State::Read)
        });
        shown.map(|shown| shown.content)
    }

    fn check_can_send(&self, number: &PhoneNumber) -> Result<(), PhoneProblem> {
        let phone = self.phone(number);
        if phone.rcs && phone.online {
            Ok(())
        } else {
            Err(PhoneProblem::Silent(number.clone()))
        }
    }
}

/// Everything on a message that can be tapped: chips first, then what is on its cards.
fn taps(content: &ContentMessage) -> Vec<SuggestionResponse> {
    let cards = content.rich_card.iter().flat_map(RichCard::cards);
    content
        .suggestions
        .iter()
        .chain(cards.flat_map(|card| &card.suggestions))
        .filter_map(tap)
        .collect()
}

/// `REPLY` and `ACTION` are what others have seen; the members of the enum are unconfirmed.
fn tap(suggestion: &Suggestion) -> Option<SuggestionResponse> {
    let (text, postback, kind) = match suggestion {
        Suggestion {
            reply: Some(reply), ..
        } => (&reply.text, &reply.postback_data, "REPLY"),
        Suggestion {
            action: Some(action),
            ..
        } => (&action.text, &action.postback_data, "ACTION"),
        _ => return None,
    };
    Some(SuggestionResponse {
        postback_data: postback.clone(),
        text: Some(text.clone()),
        kind: Some(kind.to_owned()),
    })
}

fn reply_text(content: &ContentMessage) -> String {
    match &content.text {
        Some(text) => format!(
            "You wrote: {}",
            text.chars().take(QUOTED_CHARACTERS).collect::<String>()
        ),
        None => "Got it".to_owned(),
    }
}

fn lat_long(place: Place) -> LatLong {
    LatLong {
        latitude: Double(place.latitude),
        longitude: Double(place.longitude),
    }
}

fn user_file(file: SentFile) -> UserFile {
    let SentFile {
        name,
        mime_type,
        bytes,
        url,
    } = file;
    let payload = FileInfo {
        mime_type,
        file_size_bytes: Some(Whole(bytes.into())),
        file_uri: url,
        file_name: Some(name),
    };
    UserFile {
        payload,
        thumbnail: None,
    }
}

const QUOTED_CHARACTERS: usize = 200;

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "read-after-delivery",
        what: "READ is told after DELIVERED, once for each message, unless the person hides what was read; of a phone that is \
               offline, when it is back",
        basis: Basis::Documented,
        source: "reference/rest/v1/UserEvent; that people can hide it, and what happens offline, is assumed",
        switch: Some("read_receipts"),
        test: "what_is_read_offline_is_told_later",
    },
    &Behaviour {
        id: "unsubscribe",
        what: "Who unsubscribes or subscribes again sends the keyword of the number's country as a text, and the platform sends \
               the event; nothing is blocked afterwards",
        basis: Basis::Documented,
        source: "guides/build/events/receive-events; for other countries the first word is assumed",
        switch: None,
        test: "who_unsubscribes_says_so_twice",
    },
    &Behaviour {
        id: "taps",
        what: "A tap on a reply or an action is a message with a messageId and suggestionResponse {postbackData, text, type}; \
               type is REPLY or ACTION",
        basis: Basis::SecondHand,
        source: "guides/build/messages/receive; another page shows taps on actions with an eventId; the members of type are \
                 what others have seen",
        switch: None,
        test: "a_message_is_delivered_read_and_answered_in_that_order",
    },
    &Behaviour {
        id: "user-message",
        what: "A text, a file and a location of a person's have the fields of UserMessage; of an American number carrier and \
               richMessageClassification too",
        basis: Basis::Documented,
        source: "reference/rest/v1/UserMessage; that every number of zone 1 is American, and the class of a location, is \
                 assumed",
        switch: None,
        test: "people_send_texts_files_and_places",
    },
    &Behaviour {
        id: "user-types",
        what: "A person who types is told as IS_TYPING, about no message",
        basis: Basis::Documented,
        source: "reference/rest/v1/UserEvent",
        switch: None,
        test: "people_send_texts_files_and_places",
    },
    &Behaviour {
        id: "user-message-id",
        what: "A person's message has an id that is no UUID: Mx and 32 hexadecimal digits",
        basis: Basis::SecondHand,
        source: "captures begin so; reference/rest/v1/UserMessage says only that the client makes it",
        switch: None,
        test: "people_send_texts_files_and_places",
    },
    &Behaviour {
        id: "taps-on-older-messages",
        what: "A suggestion can be tapped on any message that is on the phone, also when a newer one has come",
        basis: Basis::Assumed,
        source: "ours, so that a test need not hurry: guides/build/messages/send shows chips under the newest message only",
        switch: None,
        test: "a_suggestion_of_an_older_message_can_still_be_tapped",
    },
    &Behaviour {
        id: "silent-phone",
        what: "A phone that is offline or has no RCS sends nothing: its person is refused, and a habit is left out",
        basis: Basis::Assumed,
        source: "ours: what a real phone sends later is not kept here",
        switch: None,
        test: "people_send_texts_files_and_places",
    },
];

//! What the platform and its phones do, as a state machine without I/O: commands and time go in, notices come out.

use crate::excerpt::excerpt;
use crate::files::Files;
use crate::phone::Phone;
use crate::reach::{self, Quota};
use crate::testers::{Invitation, Testers};
use jiff::{SignedDuration, Timestamp};
use rbm_wire::callback::{EventType, Notice, SuggestionResponse};
use rbm_wire::message::{AgentEvent, AgentMessage, ContentMessage, RichCard, Suggestion};
use rbm_wire::name::{AgentId, MessageId, PhoneNumber};
use rbm_wire::reach::Reach;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// How quickly phones do things.
#[derive(Clone, Debug)]
pub struct Pace {
    /// From acceptance to delivery.
    pub delivery: SignedDuration,
    /// From delivery to reading.
    pub reading: SignedDuration,
    /// From reading to typing, and from typing to the answer.
    pub replying: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        let milliseconds = SignedDuration::from_millis;
        Self { delivery: milliseconds(200), reading: milliseconds(500), replying: milliseconds(300) }
    }
}

/// The platform for one agent.
#[derive(Debug)]
pub struct Platform {
    agent: AgentId,
    phones: HashMap<PhoneNumber, Phone>,
    pace: Pace,
    /// Messages and events of an agent share one space of ids. (reference/rest/v1/phones.agentMessages/create)
    ids: HashMap<MessageId, Known>,
    /// The order of arrival, for showing.
    order: Vec<MessageId>,
    signals: Vec<(PhoneNumber, AgentEvent)>,
    files: Files,
    testers: Testers,
    questions: Quota,
    schedule: BTreeMap<(Timestamp, u64), Step>,
    scheduled: u64,
    notices: Vec<Notice>,
    seed: Uuid,
    named: u64,
}

/// What an id stands for.
#[derive(Debug)]
enum Known {
    Message(Box<Stored>),
    Event,
}

#[derive(Debug)]
struct Stored {
    phone: PhoneNumber,
    message: AgentMessage,
    state: State,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Accepted, and waiting for the phone.
    Queued,
    /// On the phone.
    Delivered,
    /// Seen.
    Read,
    /// Ran out before it was delivered.
    Expired,
    /// Taken back before it was delivered.
    Revoked,
}

/// What a phone shows of one message.
#[derive(Debug)]
pub struct Shown<'a> {
    /// Its id.
    pub id: &'a MessageId,
    /// Where it is.
    pub state: State,
    /// What it says.
    pub content: &'a ContentMessage,
}

/// What became of a message that was handed in.
#[derive(Debug, PartialEq)]
pub enum Submitted {
    /// It is under way.
    Accepted(Box<AgentMessage>),
    /// The id was used by a message before: nothing is sent, and this was the answer then.
    Repeated(Box<AgentMessage>),
    /// The id was used by an event before: nothing is sent.
    UsedByEvent,
    /// This phone has no RCS.
    Unreachable,
}

/// What became of a wish to take a message back.
#[derive(Debug, Eq, PartialEq)]
pub enum Revoked {
    /// It will not be delivered.
    Done,
    /// It was delivered, has run out, or was never there. (guides/build/messages/revoke; for an unknown id assumed)
    TooLate,
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
}

#[derive(Clone, Debug)]
enum Step {
    Deliver(MessageId),
    Read(MessageId),
    Type(MessageId),
    Answer(MessageId),
    Expire(MessageId),
}

impl Platform {
    /// Nothing has been sent yet.
    pub fn new(agent: AgentId, phones: Vec<Phone>, pace: Pace, seed: Uuid) -> Self {
        Self {
            agent,
            phones: phones.into_iter().map(|phone| (phone.number.clone(), phone)).collect(),
            pace,
            ids: HashMap::new(),
            order: Vec::new(),
            signals: Vec::new(),
            files: Files::default(),
            testers: Testers::default(),
            questions: Quota::default(),
            schedule: BTreeMap::new(),
            scheduled: 0,
            notices: Vec::new(),
            seed,
            named: 0,
        }
    }

    /// Takes a message that was checked before. `expires_at` is its `expireTime`, or now and its `ttl`.
    pub fn submit(
        &mut self,
        now: Timestamp,
        number: &PhoneNumber,
        id: &MessageId,
        message: AgentMessage,
        expires_at: Option<Timestamp>,
    ) -> Submitted {
        match self.ids.get(id) {
            Some(Known::Message(stored)) => return Submitted::Repeated(Box::new(stored.message.clone())),
            Some(Known::Event) => return Submitted::UsedByEvent,
            None => {}
        }
        let phone = self.phone(number);
        if !phone.rcs {
            return Submitted::Unreachable;
        }
        let message = AgentMessage {
            name: Some(format!("phones/{number}/agentMessages/{}", id.as_str())),
            send_time: Some(now.to_string()),
            expire_time: expires_at.map(|time| time.to_string()),
            ttl: None,
            ..message
        };
        if phone.online {
            self.plan(now + self.pace.delivery, Step::Deliver(id.clone()));
        }
        if let Some(time) = expires_at {
            self.plan(time, Step::Expire(id.clone()));
        }
        let stored = Stored { phone: number.clone(), message: message.clone(), state: State::Queued };
        self.ids.insert(id.clone(), Known::Message(Box::new(stored)));
        self.order.push(id.clone());
        Submitted::Accepted(Box::new(message))
    }

    /// Takes a message back that is not delivered yet.
    pub fn revoke(&mut self, number: &PhoneNumber, id: &MessageId) -> Revoked {
        match self.stored(id) {
            Some(stored) if stored.phone == *number && stored.state == State::Queued => {
                stored.state = State::Revoked;
                Revoked::Done
            }
            _ => Revoked::TooLate,
        }
    }

    /// Shows an event on a phone. False if its id was used before: then the event is ignored.
    pub fn signal(&mut self, id: &MessageId, phone: &PhoneNumber, event: AgentEvent) -> bool {
        let new = !self.ids.contains_key(id);
        if new {
            self.ids.insert(id.clone(), Known::Event);
            self.signals.push((phone.clone(), event));
        }
        new
    }

    /// The events that a phone has been shown, in order.
    pub fn signals(&self, number: &PhoneNumber) -> impl Iterator<Item = &AgentEvent> {
        self.signals.iter().filter(move |(phone, _)| phone == number).map(|(_, event)| event)
    }

    /// Which of these people can be reached; none if there were too many questions.
    pub fn reach(&mut self, now: Timestamp, asked: &BTreeSet<PhoneNumber>) -> Option<Reach> {
        self.questions.admit(now).then(|| reach::reach(asked, |number| self.phone(number).rcs))
    }

    /// Keeps a file, and gives it a name.
    pub fn keep_file(&mut self, now: Timestamp) -> String {
        let name = format!("files/{}", self.name());
        self.files.keep(now, name.clone());
        name
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    pub(crate) fn testers(&mut self) -> &mut Testers {
        &mut self.testers
    }

    /// How a person has answered the invitation to be a tester, if there is one.
    pub fn invitation(&self, number: &PhoneNumber) -> Option<Invitation> {
        self.testers.of(number)
    }

    /// The person accepts or declines it.
    pub fn answer_invitation(&mut self, number: &PhoneNumber, accepted: bool) -> Result<(), PhoneProblem> {
        let answer = if accepted { Invitation::Accepted } else { Invitation::Declined };
        if self.testers.answer(number, answer) { Ok(()) } else { Err(PhoneProblem::NotInvited(number.clone())) }
    }

    /// The habits of a phone.
    pub fn phone(&self, number: &PhoneNumber) -> Phone {
        self.phones.get(number).cloned().unwrap_or_else(|| Phone::quiet(number.clone()))
    }

    /// What a phone has been sent, in order.
    pub fn shown(&self, number: &PhoneNumber) -> Vec<Shown<'_>> {
        let of_phone = |id| match self.ids.get(id) {
            Some(Known::Message(stored)) if stored.phone == *number => {
                Some(Shown { id, state: stored.state, content: &stored.message.content_message })
            }
            _ => None,
        };
        self.order.iter().filter_map(of_phone).collect()
    }

    /// Switches a phone off, or on again: then what waited is delivered.
    pub fn set_online(&mut self, now: Timestamp, number: &PhoneNumber, online: bool) {
        let phone = Phone { online, ..self.phone(number) };
        self.phones.insert(number.clone(), phone);
        if online {
            let waiting = |shown: &Shown<'_>| shown.state == State::Queued;
            let waiting: Vec<MessageId> =
                self.shown(number).into_iter().filter(waiting).map(|shown| shown.id.clone()).collect();
            waiting.into_iter().for_each(|id| self.plan(now + self.pace.delivery, Step::Deliver(id)));
        }
    }

    /// The person writes.
    pub fn write(&mut self, now: Timestamp, number: &PhoneNumber, text: &str) -> Result<(), PhoneProblem> {
        self.check_can_send(number)?;
        self.say(now, number, Notice { text: Some(text.to_owned()), ..Notice::default() });
        Ok(())
    }

    /// The person taps a suggestion of any message that is on the phone.
    pub fn tap(&mut self, now: Timestamp, number: &PhoneNumber, postback: &str) -> Result<(), PhoneProblem> {
        self.check_can_send(number)?;
        let on_phone = |shown: &Shown<'_>| matches!(shown.state, State::Delivered | State::Read);
        let taps = self.shown(number).into_iter().filter(on_phone).flat_map(|shown| taps(shown.content));
        let tap = taps.into_iter().rfind(|tap| tap.postback_data == postback);
        let tap =
            tap.ok_or_else(|| PhoneProblem::NoSuchSuggestion { phone: number.clone(), postback: postback.to_owned() })?;
        self.say(now, number, Notice { suggestion_response: Some(tap), ..Notice::default() });
        Ok(())
    }

    /// When something happens next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.schedule.keys().next().map(|(time, _)| *time)
    }

    /// Does everything that is due.
    pub fn pass(&mut self, now: Timestamp) {
        while let Some(entry) = self.schedule.first_entry().filter(|entry| entry.key().0 <= now) {
            let step = entry.remove();
            self.step(now, step);
        }
    }

    /// What the webhook is to be told, in order.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn step(&mut self, now: Timestamp, step: Step) {
        match step {
            Step::Deliver(id) => self.deliver(now, id),
            Step::Read(id) => self.read(now, id),
            Step::Type(id) => {
                if let Some(number) = self.stored(&id).map(|stored| stored.phone.clone()) {
                    self.tell(now, &number, EventType::IsTyping, None);
                    self.plan(now + self.pace.replying, Step::Answer(id));
                }
            }
            Step::Answer(id) => self.answer(now, &id),
            Step::Expire(id) => self.expire(now, &id),
        }
    }

    fn deliver(&mut self, now: Timestamp, id: MessageId) {
        let Some(number) =
            self.stored(&id).filter(|stored| stored.state == State::Queued).map(|stored| stored.phone.clone())
        else {
            return;
        };
        let phone = self.phone(&number);
        if !phone.online {
            return;
        }
        self.set_state(&id, State::Delivered);
        self.tell(now, &number, EventType::Delivered, Some(&id));
        self.plan(now + self.pace.reading, Step::Read(id));
    }

    /// The person reads in any case; whether the sender hears of it is a setting of the phone.
    fn read(&mut self, now: Timestamp, id: MessageId) {
        let Some(number) = self.stored(&id).map(|stored| stored.phone.clone()) else { return };
        let phone = self.phone(&number);
        self.set_state(&id, State::Read);
        if phone.read_receipts {
            self.tell(now, &number, EventType::Read, Some(&id));
        }
        if phone.replies {
            self.plan(now + self.pace.replying, Step::Type(id));
        }
    }

    fn answer(&mut self, now: Timestamp, id: &MessageId) {
        let Some(stored) = self.stored(id) else { return };
        let (number, content) = (stored.phone.clone(), stored.message.content_message.clone());
        let notice = match taps(&content).into_iter().next() {
            Some(tap) => Notice { suggestion_response: Some(tap), ..Notice::default() },
            None => Notice { text: Some(reply_text(&content)), ..Notice::default() },
        };
        self.say(now, &number, notice);
    }

    fn expire(&mut self, now: Timestamp, id: &MessageId) {
        let Some(stored) = self.stored(id).filter(|stored| stored.state == State::Queued) else { return };
        stored.state = State::Expired;
        let number = stored.phone.clone();
        // Server events name the phone otherwise than user events do. (reference/rest/v1/ServerEvent)
        let notice = Notice {
            phone_number: Some(number.to_string()),
            ..self.event(now, EventType::ExpirationRevoked, Some(id))
        };
        self.notices.push(notice);
    }

    fn tell(&mut self, now: Timestamp, number: &PhoneNumber, kind: EventType, about: Option<&MessageId>) {
        let event = self.event(now, kind, about);
        self.notices.push(Notice { sender_phone_number: Some(number.to_string()), ..event });
    }

    fn event(&mut self, now: Timestamp, kind: EventType, about: Option<&MessageId>) -> Notice {
        Notice {
            agent_id: Some(self.agent.full()),
            event_type: Some(kind.as_str().to_owned()),
            event_id: Some(self.name().to_string()),
            message_id: about.map(|id| id.as_str().to_owned()),
            send_time: Some(now.to_string()),
            ..Notice::default()
        }
    }

    /// A message of the person's. Taps too are sent with a `messageId`, as guides/build/messages/receive shows them; another
    /// page shows taps on actions with an `eventId` instead.
    fn say(&mut self, now: Timestamp, number: &PhoneNumber, content: Notice) {
        let notice = Notice {
            agent_id: Some(self.agent.full()),
            sender_phone_number: Some(number.to_string()),
            message_id: Some(format!("Mx{}", self.name().simple())),
            send_time: Some(now.to_string()),
            ..content
        };
        self.notices.push(notice);
    }

    fn check_can_send(&self, number: &PhoneNumber) -> Result<(), PhoneProblem> {
        let phone = self.phone(number);
        if phone.rcs && phone.online { Ok(()) } else { Err(PhoneProblem::Silent(number.clone())) }
    }

    fn plan(&mut self, at: Timestamp, step: Step) {
        self.scheduled += 1;
        self.schedule.insert((at, self.scheduled), step);
    }

    fn stored(&mut self, id: &MessageId) -> Option<&mut Stored> {
        match self.ids.get_mut(id) {
            Some(Known::Message(stored)) => Some(stored),
            _ => None,
        }
    }

    fn set_state(&mut self, id: &MessageId, state: State) {
        if let Some(stored) = self.stored(id) {
            stored.state = state;
        }
    }

    fn name(&mut self) -> Uuid {
        self.named += 1;
        Uuid::new_v5(&self.seed, &self.named.to_be_bytes())
    }
}

/// Everything on a message that can be tapped: chips first, then what is on its cards.
fn taps(content: &ContentMessage) -> Vec<SuggestionResponse> {
    let cards = content.rich_card.iter().flat_map(RichCard::cards);
    content.suggestions.iter().chain(cards.flat_map(|card| &card.suggestions)).filter_map(tap).collect()
}

/// `REPLY` and `ACTION` are what others have seen; the members of the enum are unconfirmed.
fn tap(suggestion: &Suggestion) -> Option<SuggestionResponse> {
    let (text, postback, kind) = match suggestion {
        Suggestion { reply: Some(reply), .. } => (&reply.text, &reply.postback_data, "REPLY"),
        Suggestion { action: Some(action), .. } => (&action.text, &action.postback_data, "ACTION"),
        _ => return None,
    };
    Some(SuggestionResponse { postback_data: postback.clone(), text: Some(text.clone()), kind: Some(kind.to_owned()) })
}

fn reply_text(content: &ContentMessage) -> String {
    match &content.text {
        Some(text) => format!("You wrote: {}", text.chars().take(QUOTED_CHARACTERS).collect::<String>()),
        None => "Got it".to_owned(),
    }
}

const QUOTED_CHARACTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone;

    fn platform() -> Platform {
        Platform::new(AgentId::parse("demo").expect("agent"), phone::demo(), Pace::default(), Uuid::nil())
    }

    fn number(last: u8) -> PhoneNumber {
        PhoneNumber::parse(&format!("+1555010000{last}")).expect("number")
    }

    fn id(text: &str) -> MessageId {
        MessageId::parse(text).expect("id")
    }

    fn message(suggestions: Vec<Suggestion>) -> AgentMessage {
        let content = ContentMessage { text: Some("Hi".into()), suggestions, ..ContentMessage::default() };
        AgentMessage { content_message: content, ..AgentMessage::default() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_795_515_302 + seconds).expect("time")
    }

    /// What each notice is, and about which message.
    fn told(platform: &mut Platform) -> Vec<(String, Option<String>)> {
        let kind = |notice: &Notice| {
            let tap = notice.suggestion_response.as_ref().map(|tap| format!("tap {}", tap.postback_data));
            notice.event_type.clone().or(tap).or(notice.text.clone()).expect("a kind")
        };
        let about = |notice: &Notice| notice.event_type.as_ref().and(notice.message_id.clone());
        platform.take_notices().iter().map(|notice| (kind(notice), about(notice))).collect()
    }

    fn run(platform: &mut Platform, until: Timestamp) {
        while let Some(due) = platform.next_due().filter(|due| *due <= until) {
            platform.pass(due);
        }
    }

    #[test]
    fn a_message_is_delivered_read_and_answered_in_that_order() {
        let mut platform = platform();
        let tap = Suggestion {
            reply: Some(rbm_wire::message::SuggestedReply { text: "Yes".into(), postback_data: "yes".into() }),
            action: None,
        };
        assert!(matches!(
            platform.submit(at(0), &number(1), &id("m1"), message(vec![tap]), None),
            Submitted::Accepted(_)
        ));
        run(&mut platform, at(60));
        let about = Some("m1".to_owned());
        let expected = [
            ("DELIVERED".into(), about.clone()),
            ("READ".into(), about),
            ("IS_TYPING".into(), None),
            ("tap yes".into(), None),
        ];
        assert_eq!(told(&mut platform), expected);
    }

    #[test]
    fn a_message_without_suggestions_is_answered_in_words() {
        let mut platform = platform();
        platform.submit(at(0), &number(1), &id("m1"), message(vec![]), None);
        run(&mut platform, at(60));
        assert_eq!(told(&mut platform).last(), Some(&("You wrote: Hi".into(), None)));
    }

    #[test]
    fn a_repeated_id_is_sent_once_and_answered_as_before() {
        let mut platform = platform();
        let Submitted::Accepted(first) = platform.submit(at(0), &number(2), &id("m1"), message(vec![]), None) else {
            panic!("accepted")
        };
        assert_eq!(platform.submit(at(9), &number(1), &id("m1"), message(vec![]), None), Submitted::Repeated(first));
        run(&mut platform, at(60));
        assert_eq!(told(&mut platform), [("DELIVERED".into(), Some("m1".into()))], "and this phone hides what it read");
        let mut signal = |name| platform.signal(&id(name), &number(1), AgentEvent::default());
        assert_eq!([signal("e1"), signal("e1"), signal("m1")], [true, false, false]);
        assert_eq!(platform.signals(&number(1)).count(), 1, "on the phone once");
        assert_eq!(platform.signals(&number(2)).count(), 0, "and on no other");
        assert_eq!(platform.submit(at(9), &number(1), &id("e1"), message(vec![]), None), Submitted::UsedByEvent);
    }

    #[test]
    fn an_offline_phone_lets_a_message_wait_until_it_runs_out() {
        let mut platform = platform();
        platform.submit(at(0), &number(3), &id("m1"), message(vec![]), Some(at(600)));
        platform.submit(at(0), &number(3), &id("m2"), message(vec![]), None);
        run(&mut platform, at(599));
        assert_eq!(told(&mut platform), []);
        run(&mut platform, at(600));
        assert_eq!(told(&mut platform), [("TTL_EXPIRATION_REVOKED".into(), Some("m1".into()))]);
        platform.set_online(at(700), &number(3), true);
        run(&mut platform, at(800));
        let about = Some("m2".to_owned());
        assert_eq!(told(&mut platform), [("DELIVERED".into(), about.clone()), ("READ".into(), about)]);
    }

    #[test]
    fn a_message_is_taken_back_before_delivery_and_not_after() {
        let mut platform = platform();
        platform.submit(at(0), &number(1), &id("m1"), message(vec![]), None);
        assert_eq!(platform.revoke(&number(2), &id("m1")), Revoked::TooLate, "on another phone");
        assert_eq!(platform.revoke(&number(1), &id("m1")), Revoked::Done);
        run(&mut platform, at(60));
        assert_eq!(told(&mut platform), []);
        platform.submit(at(60), &number(2), &id("m2"), message(vec![]), None);
        run(&mut platform, at(120));
        assert_eq!(platform.revoke(&number(2), &id("m2")), Revoked::TooLate);
        assert_eq!(platform.revoke(&number(2), &id("never")), Revoked::TooLate);
    }

    #[test]
    fn a_phone_without_rcs_is_unreachable_and_silent() {
        let mut platform = platform();
        assert_eq!(platform.submit(at(0), &number(4), &id("m1"), message(vec![]), None), Submitted::Unreachable);
        assert_eq!(platform.write(at(0), &number(4), "x"), Err(PhoneProblem::Silent(number(4))));
        assert!(matches!(platform.tap(at(0), &number(1), "none"), Err(PhoneProblem::NoSuchSuggestion { .. })));
    }
}

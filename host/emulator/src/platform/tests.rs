//! The platform by itself, without a clock and without HTTP.

mod laws;

use super::testers::NotInvited;
use super::*;
use crate::named::Named;
use crate::phone::{self, Expiry, Habit, Latency, Place, SentFile, When};
use rbm_wire::message::{
    AgentMessage, DialAction, OpenUrlAction, SuggestedAction, SuggestedReply, Suggestion,
};

/// A platform, what it has told, and somebody who looks at it.
struct Table {
    platform: Platform,
    told: Vec<Notice>,
}

impl Table {
    fn new() -> Self {
        Self::with(
            vec![Agent::launched(agent())],
            phone::demo(),
            Rules::default(),
        )
    }

    fn with(agents: Vec<Agent>, phones: Vec<Phone>, rules: Rules) -> Self {
        Self {
            platform: Platform::new(agents, phones, rules, Uuid::nil(), at(0)),
            told: Vec::new(),
        }
    }

    fn with_phone(phone: Phone) -> Self {
        Self::with(
            vec![Agent::launched(agent())],
            vec![phone],
            Rules::default(),
        )
    }

    fn apply<C: Command>(&mut self, seconds: i64, command: C) -> C::Answer {
        let (answer, effects) = self.platform.apply(at(seconds), command);
        self.told
            .extend(effects.into_iter().map(|effect| effect.notice));
        answer
    }

    fn send(&mut self, seconds: i64, phone: u8, name: &str) -> Result<Submitted, NotSent> {
        self.send_message(seconds, phone, name, message(vec![]), None)
    }

    fn send_message(
        &mut self,
        seconds: i64,
        phone: u8,
        name: &str,
        message: AgentMessage,
        lifetime: Option<i64>,
    ) -> Result<Submitted, NotSent> {
        let expires_at = lifetime.map(|lifetime| at(seconds + lifetime));
        self.apply(
            seconds,
            Submit {
                agent: agent(),
                phone: number(phone),
                id: id(name),
                message,
                expires_at,
            },
        )
    }

    fn act(&mut self, seconds: i64, phone: u8, act: Act) -> Result<(), PhoneProblem> {
        self.apply(
            seconds,
            Do {
                phone: number(phone),
                agent: None,
                act,
            },
        )
    }

    /// What each notice is, and about which message; since the last look.
    fn told(&mut self, until: i64) -> Vec<String> {
        self.apply(until, Pass);
        let kind = |notice: &Notice| {
            let tap = notice
                .suggestion_response
                .as_ref()
                .map(|tap| format!("tap {}", tap.postback_data));
            let event = notice
                .event_type
                .clone()
                .map(|kind| match &notice.message_id {
                    Some(about) => format!("{kind} {about}"),
                    None => kind,
                });
            event
                .or(tap)
                .or(notice.text.clone())
                .unwrap_or_else(|| format!("{notice:?}"))
        };
        std::mem::take(&mut self.told).iter().map(kind).collect()
    }

    fn states(&self, phone: u8) -> Vec<State> {
        self.platform
            .shown(&number(phone))
            .map(|shown| shown.state)
            .collect()
    }
}

fn agent() -> AgentId {
    AgentId::parse("demo").expect("agent")
}

fn number(last: u8) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555010000{last}")).expect("number")
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).expect("id")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_515_302 + seconds).expect("time")
}

fn message(suggestions: Vec<Suggestion>) -> AgentMessage {
    let content = ContentMessage {
        text: Some("Hi".into()),
        suggestions,
        ..ContentMessage::default()
    };
    AgentMessage {
        content_message: content,
        ..AgentMessage::default()
    }
}

fn reply(postback: &str) -> Suggestion {
    let reply = SuggestedReply {
        text: "Yes".into(),
        postback_data: postback.into(),
    };
    Suggestion {
        reply: Some(reply),
        action: None,
    }
}

fn accepted(answer: Result<Submitted, NotSent>) -> AgentMessage {
    match answer.expect("taken") {
        Submitted::Accepted(message) => *message,
        Submitted::Repeated(_) => panic!("used before"),
    }
}

#[test]
fn a_message_is_delivered_read_and_answered_in_that_order() {
    let mut table = Table::new();
    table
        .send_message(0, 1, "m1", message(vec![reply("yes")]), None)
        .expect("taken");
    assert_eq!(
        table.told(60),
        ["DELIVERED m1", "READ m1", "IS_TYPING", "tap yes"]
    );
    table.send(60, 1, "m2").expect("taken");
    assert_eq!(table.told(120).last().expect("an answer"), "You wrote: Hi");
    let mut again = Table::new();
    again
        .send_message(0, 1, "m1", message(vec![reply("yes")]), None)
        .expect("taken");
    again.apply(60, Pass);
    let event_ids = |table: &Table| {
        table
            .told
            .iter()
            .map(|notice| notice.event_id.clone())
            .collect::<Vec<_>>()
    };
    let mut once_more = Table::new();
    once_more
        .send_message(0, 1, "m1", message(vec![reply("yes")]), None)
        .expect("taken");
    once_more.apply(60, Pass);
    assert_eq!(
        event_ids(&again),
        event_ids(&once_more),
        "the same seed makes the same ids"
    );
}

#[test]
fn a_repeated_id_is_sent_once_and_answered_as_before() {
    let mut table = Table::new();
    let first = accepted(table.send(0, 2, "m1"));
    assert_eq!(
        table.send(9, 1, "m1"),
        Ok(Submitted::Repeated(Box::new(first))),
        "to whomever"
    );
    assert_eq!(
        table.told(60),
        ["DELIVERED m1"],
        "and this phone hides what it read"
    );
    let mut signal = |name, phone| {
        let event = AgentEvent {
            event_type: Some("READ".into()),
            ..AgentEvent::default()
        };
        table
            .apply(
                60,
                Signal {
                    agent: agent(),
                    phone: number(phone),
                    id: id(name),
                    event,
                },
            )
            .expect("taken")
    };
    assert_eq!(
        [signal("e1", 1), signal("e1", 1), signal("m1", 1)],
        [true, false, false]
    );
    assert_eq!(
        (
            table.platform.signals(&number(1)).count(),
            table.platform.signals(&number(2)).count()
        ),
        (1, 0)
    );
    assert_eq!(table.send(61, 1, "e1"), Err(NotSent::UsedBefore));
}

#[test]
fn an_id_is_remembered_when_nothing_else_of_its_message_is() {
    let mut table = Table::new();
    for count in 0..1_500_u32 {
        table
            .send(i64::from(count), 2, &format!("m{count}"))
            .expect("taken");
    }
    table.apply(2_000, Pass);
    assert_eq!(table.states(2).len(), 1_000);
    assert_eq!(table.send(2_001, 2, "m0"), Err(NotSent::UsedBefore));
    assert!(matches!(
        table.send(2_001, 2, "m1499"),
        Ok(Submitted::Repeated(_))
    ));
    assert_eq!(
        table.platform.next_due(),
        None,
        "and nothing waits for what is over"
    );
}

#[test]
fn a_message_waits_thirty_days_for_a_phone() {
    let day = 24 * 3_600;
    let mut table = Table::new();
    table.send(0, 3, "m1").expect("taken");
    table.send(day, 3, "m2").expect("taken");
    assert_eq!(table.told(30 * day - 1), [""; 0]);
    assert_eq!(table.states(3), [State::Queued, State::Queued]);
    assert_eq!(table.told(30 * day), [""; 0], "nobody is told");
    assert_eq!(table.states(3), [State::Dropped, State::Queued]);
    table
        .act(30 * day + 1, 3, Act::Online(true))
        .expect("a phone");
    assert_eq!(table.told(31 * day), ["DELIVERED m2", "READ m2"]);
}

#[test]
fn a_message_that_runs_out_ends_as_its_phone_says() {
    for (expiry, at_once, state, later) in [
        (
            Expiry::Revoked,
            &["TTL_EXPIRATION_REVOKED m1"][..],
            State::Expired,
            &[][..],
        ),
        (
            Expiry::RevokeFailed,
            &["TTL_EXPIRATION_REVOKE_FAILED m1"],
            State::Queued,
            &["DELIVERED m1", "READ m1"],
        ),
        (
            Expiry::Both,
            &["TTL_EXPIRATION_REVOKED m1"],
            State::Queued,
            &["DELIVERED m1", "READ m1"],
        ),
        (Expiry::Neither, &[], State::Expired, &[]),
    ] {
        let mut table = Table::with_phone(Phone {
            online: false,
            expiry,
            ..Phone::quiet(number(3))
        });
        table
            .send_message(0, 3, "m1", message(vec![]), Some(600))
            .expect("taken");
        assert_eq!(table.told(599), [""; 0], "{expiry:?}");
        assert_eq!(table.told(600), at_once, "{expiry:?}");
        assert_eq!(table.states(3), [state], "{expiry:?}");
        table.act(700, 3, Act::Online(true)).expect("a phone");
        assert_eq!(table.told(800), later, "{expiry:?}");
    }
    let mut table = Table::new();
    table
        .send_message(0, 1, "m1", message(vec![]), Some(600))
        .expect("taken");
    assert!(
        table
            .told(900)
            .iter()
            .all(|notice| !notice.starts_with("TTL")),
        "delivered before"
    );
}

#[test]
fn a_message_is_taken_back_before_delivery_and_not_after() {
    let mut table = Table::new();
    table.send(0, 1, "m1").expect("taken");
    let mut revoke = |seconds, phone, name| {
        table.apply(
            seconds,
            Revoke {
                agent: agent(),
                phone: number(phone),
                id: id(name),
            },
        )
    };
    assert_eq!(revoke(0, 2, "m1"), Revoked::TooLate, "on another phone");
    assert_eq!(
        [revoke(0, 1, "m1"), revoke(0, 1, "m1")],
        [Revoked::Done, Revoked::TooLate]
    );
    assert_eq!(revoke(0, 1, "never"), Revoked::TooLate);
    assert_eq!(table.told(60), [""; 0]);
    assert_eq!(table.states(1), [State::Revoked]);
    let mut older = Table::with(
        vec![Agent::launched(agent())],
        Vec::new(),
        Rules {
            revoke: RevokeReading::Older,
            ..Rules::default()
        },
    );
    older.send(0, 1, "m1").expect("taken");
    older.apply(60, Pass);
    assert_eq!(
        older.apply(
            60,
            Revoke {
                agent: agent(),
                phone: number(1),
                id: id("m1")
            }
        ),
        Revoked::Done
    );
    assert_eq!(older.states(1), [State::Read], "although it is read");
}

#[test]
fn a_revoke_may_come_too_late() {
    let mut table = Table::with_phone(Phone {
        late_revoke: true,
        ..Phone::quiet(number(1))
    });
    table.send(0, 1, "m1").expect("taken");
    assert_eq!(
        table.apply(
            0,
            Revoke {
                agent: agent(),
                phone: number(1),
                id: id("m1")
            }
        ),
        Revoked::Done
    );
    assert_eq!(table.told(60), ["DELIVERED m1", "READ m1"]);
}

#[test]
fn what_waits_is_delivered_when_rcs_is_on_again() {
    let mut table = Table::new();
    table.send(0, 1, "m1").expect("taken");
    table.act(0, 1, Act::Rcs(false)).expect("a phone");
    assert_eq!(table.told(60), [""; 0]);
    assert_eq!(table.states(1), [State::Queued]);
    table.act(60, 1, Act::Rcs(true)).expect("a phone");
    assert_eq!(
        table.told(120).first().map(String::as_str),
        Some("DELIVERED m1")
    );
}

#[test]
fn what_is_read_offline_is_told_later() {
    let mut table = Table::new();
    table.send(0, 5, "m1").expect("taken");
    table.act(0, 5, Act::Online(true)).expect("a phone");
    // Delivered after 200 ms, offline within the second, and read half a second after delivery.
    assert_eq!(
        table
            .platform
            .apply(at(0) + SignedDuration::from_millis(300), Pass)
            .1
            .len(),
        1
    );
    let offline = Do {
        phone: number(5),
        agent: None,
        act: Act::Online(false),
    };
    table
        .platform
        .apply(at(0) + SignedDuration::from_millis(400), offline)
        .0
        .expect("a phone");
    assert_eq!(table.told(60), [""; 0]);
    assert_eq!(table.states(5), [State::Read]);
    table.act(90, 5, Act::Online(true)).expect("a phone");
    assert_eq!(table.told(90), ["READ m1"]);
    table.act(91, 5, Act::Read).expect("a phone");
    assert_eq!(table.told(99), [""; 0], "once");
}

#[test]
fn who_unsubscribes_says_so_twice() {
    let spain = PhoneNumber::parse("+34600000001").expect("number");
    let brazil = PhoneNumber::parse("+5511900000001").expect("number");
    let elsewhere = PhoneNumber::parse("+81900000001").expect("number");
    for (phone, stop, start) in [
        (number(1), "STOP", "START"),
        (spain, "BAJA", "ALTA"),
        (brazil, "parar", "começar"),
        (elsewhere, "STOP", "START"),
    ] {
        let mut table = Table::new();
        let mut act = |act| {
            table
                .apply(
                    0,
                    Do {
                        phone: phone.clone(),
                        agent: None,
                        act,
                    },
                )
                .expect("a phone");
        };
        act(Act::Unsubscribe);
        act(Act::Resubscribe);
        assert_eq!(
            table.told(0),
            [stop, "UNSUBSCRIBE", start, "SUBSCRIBE"],
            "{phone}"
        );
        let submit = Submit {
            agent: agent(),
            phone,
            id: id("m1"),
            message: message(vec![]),
            expires_at: None,
        };
        assert!(table.apply(1, submit).is_ok(), "nothing is blocked");
    }
}

#[test]
fn people_send_texts_files_and_places() {
    let mut table = Table::new();
    let file = SentFile {
        name: "a.png".into(),
        mime_type: "image/png".into(),
        bytes: 7,
        url: "https://files.example/a.png".into(),
    };
    for act in [
        Act::Text("é".repeat(100)),
        Act::Location(Place {
            latitude: 1.5,
            longitude: -2.5,
        }),
        Act::File(file),
        Act::Type,
    ] {
        table.act(0, 1, act).expect("sent");
    }
    let [text, place, file, typing] = std::mem::take(&mut table.told).try_into().expect("four");
    assert_eq!(
        text.rich_message_classification
            .as_ref()
            .and_then(|class| class.segment_count),
        Some(2),
        "200 bytes"
    );
    assert_eq!(text.carrier.as_deref(), Some(phone::CARRIER));
    let id = text
        .message_id
        .as_deref()
        .and_then(|id| id.strip_prefix("Mx"))
        .expect("an id");
    assert!(
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    assert_eq!(
        place
            .location
            .map(|place| (place.latitude.0, place.longitude.0)),
        Some((1.5, -2.5))
    );
    let class = file
        .rich_message_classification
        .and_then(|class| class.classification_type);
    assert_eq!(class.as_deref(), Some("RICH_MEDIA_MESSAGE"));
    assert_eq!(
        file.user_file.map(|file| file.payload.file_uri),
        Some("https://files.example/a.png".to_owned())
    );
    assert_eq!(
        (typing.event_type.as_deref(), typing.message_id),
        (Some("IS_TYPING"), None)
    );
    let german = PhoneNumber::parse("+4915100000001").expect("number");
    table
        .apply(
            1,
            Do {
                phone: german,
                agent: None,
                act: Act::Text("Hallo".into()),
            },
        )
        .expect("sent");
    assert!(table.told[0].carrier.is_none() && table.told[0].rich_message_classification.is_none());
    assert_eq!(
        table.act(1, 4, Act::Text("x".into())),
        Err(PhoneProblem::Silent(number(4)))
    );
    assert!(matches!(
        table.act(1, 1, Act::Tap("none".into())),
        Err(PhoneProblem::NoSuchSuggestion { .. })
    ));
    assert_eq!(
        table.act(1, 1, Act::Answer),
        Err(PhoneProblem::NothingToAnswer(number(1)))
    );
}

#[test]
fn a_habit_is_for_some_messages_and_its_steps_follow_each_other() {
    let step = |seconds, act| phone::Step {
        after: SignedDuration::from_secs(seconds),
        act,
    };
    let after = |when| Habit {
        when,
        steps: vec![step(1, Act::Type), step(2, Act::Text("thanks".into()))],
    };
    let text = |text: &str| Some(text.to_owned());
    let mut code = message(vec![reply("yes")]);
    code.content_message.text = text("Your code is 1");
    for (when, does) in [
        (When::default(), true),
        (
            When {
                text: text("code"),
                ..When::default()
            },
            true,
        ),
        (
            When {
                text: text("Code"),
                ..When::default()
            },
            false,
        ),
        (
            When {
                postback: text("yes"),
                ..When::default()
            },
            true,
        ),
        (
            When {
                postback: text("Yes"),
                ..When::default()
            },
            false,
        ),
        (
            When {
                suggestion: text("Yes"),
                ..When::default()
            },
            true,
        ),
        (
            When {
                suggestion: text("yes"),
                ..When::default()
            },
            false,
        ),
        (
            When {
                agent: Some(Named(agent())),
                text: text("is 1"),
                ..When::default()
            },
            true,
        ),
        (
            When {
                agent: AgentId::parse("other").ok().map(Named),
                ..When::default()
            },
            false,
        ),
    ] {
        let latency = Some(Latency {
            least: SignedDuration::from_secs(2),
            most: SignedDuration::from_secs(2),
        });
        let mut table = Table::with_phone(Phone {
            habits: vec![after(when.clone())],
            latency,
            ..Phone::quiet(number(1))
        });
        table
            .send_message(0, 1, "m1", code.clone(), None)
            .expect("taken");
        assert_eq!(table.told(2), ["DELIVERED m1"], "{when:?}");
        assert_eq!(table.told(3) == ["IS_TYPING"], does, "{when:?}");
        assert_eq!(table.told(4), [""; 0], "{when:?}");
        assert_eq!(table.told(5) == ["thanks"], does, "{when:?}");
    }
}

#[test]
fn a_script_is_followed_once_and_leaves_out_what_cannot_be_done() {
    let step = |seconds, act| phone::Step {
        after: SignedDuration::from_secs(seconds),
        act,
    };
    let script = vec![
        step(10, Act::Text("Hello".into())),
        step(5, Act::Online(false)),
        step(1, Act::Text("not heard".into())),
        step(4, Act::Online(true)),
        step(1, Act::Unsubscribe),
    ];
    let mut table = Table::with_phone(Phone {
        script,
        ..Phone::quiet(number(1))
    });
    assert_eq!(
        (table.told(9), table.told(10)),
        (vec![], vec!["Hello".to_owned()])
    );
    table.send(16, 1, "m1").expect("taken");
    assert_eq!(table.told(19), [""; 0]);
    assert_eq!(table.told(20), [""; 0], "it is on its way");
    assert_eq!(
        table.told(21),
        ["DELIVERED m1", "READ m1", "STOP", "UNSUBSCRIBE"]
    );
    assert_eq!(table.told(10_000), [""; 0]);
}

#[test]
fn a_phone_that_is_listed_again_keeps_what_is_on_it() {
    let step = |seconds, act| phone::Step {
        after: SignedDuration::from_secs(seconds),
        act,
    };
    let mut table = Table::new();
    let listed = |table: &Table| {
        table
            .platform
            .listed()
            .map(|phone| phone.number.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(&table), [1, 2, 3, 4].map(number));
    table.send(0, 3, "m1").expect("taken");
    let script = vec![step(5, Act::Text("never said".into()))];
    table.apply(
        1,
        ListPhone(Phone {
            script,
            online: false,
            ..Phone::quiet(number(3))
        }),
    );
    assert_eq!(table.told(2), [""; 0]);
    let script = vec![step(5, Act::Text("back".into()))];
    table.apply(
        3,
        ListPhone(Phone {
            script,
            read_receipts: false,
            ..Phone::quiet(number(3))
        }),
    );
    assert_eq!(table.told(7), ["DELIVERED m1"]);
    assert_eq!(table.told(8), ["back"]);
    assert!(table.apply(9, UnlistPhone(number(3))) && !table.apply(9, UnlistPhone(number(3))));
    assert_eq!(
        (listed(&table), table.states(3)),
        ([1, 2, 4].map(number).to_vec(), vec![State::Read])
    );
    table.send(10, 3, "m2").expect("taken");
    assert_eq!(
        table.told(20),
        ["DELIVERED m2", "READ m2"],
        "as on any phone that nobody has listed"
    );
    let invited = BTreeMap::from([(agent(), Invitation::Accepted)]);
    table.apply(
        21,
        ListPhone(Phone {
            tester_of: invited,
            ..Phone::quiet(number(9))
        }),
    );
    assert_eq!(
        table.platform.invitation(&agent(), &number(9)),
        Some(Invitation::Accepted)
    );
}

#[test]
fn a_launch_may_follow_a_script() {
    let step = |seconds, state| LaunchStep {
        after: SignedDuration::from_secs(seconds),
        carrier: phone::CARRIER.to_owned(),
        state,
        acting_party: None,
        comment: None,
    };
    let script = vec![
        step(10, LaunchState::Pending),
        step(5, LaunchState::Launched),
    ];
    let agent = Agent {
        launch: Launch::On(BTreeMap::new()),
        script,
        ..Agent::launched(agent())
    };
    let mut table = Table::with(vec![agent], Vec::new(), Rules::default());
    assert_eq!(table.send(14, 1, "m1"), Err(NotSent::NotATester));
    assert!(table.send(15, 1, "m1").is_ok());
    let states: Vec<_> = table
        .told
        .iter()
        .filter_map(|notice| notice.new_launch_state.as_deref())
        .collect();
    assert_eq!(states, ["PENDING", "LAUNCHED"]);
}

#[test]
fn an_agent_types_for_twenty_seconds() {
    let mut table = Table::new();
    let types = |name| {
        let event = AgentEvent {
            event_type: Some("IS_TYPING".into()),
            ..AgentEvent::default()
        };
        Signal {
            agent: agent(),
            phone: number(3),
            id: id(name),
            event,
        }
    };
    assert_eq!(table.apply(0, types("e1")), Ok(true));
    table.act(1, 3, Act::Online(true)).expect("a phone");
    assert!(
        !table.platform.is_typing(&number(3), &agent(), at(1)),
        "it did not wait"
    );
    assert_eq!(table.apply(2, types("e2")), Ok(true));
    let typing =
        |table: &Table, seconds| table.platform.is_typing(&number(3), &agent(), at(seconds));
    assert_eq!(
        [typing(&table, 2), typing(&table, 21), typing(&table, 22)],
        [true, true, false]
    );
    table.send(3, 3, "m1").expect("taken");
    table.apply(4, Pass);
    assert!(!typing(&table, 4), "its message has come");
}

#[test]
fn that_an_agent_has_read_waits_for_the_phone() {
    let mut table = Table::new();
    table.act(0, 3, Act::Online(true)).expect("a phone");
    table.act(0, 3, Act::Text("Hi".into())).expect("sent");
    let said = table.told[0].message_id.clone();
    table.act(1, 3, Act::Online(false)).expect("a phone");
    let event = AgentEvent {
        event_type: Some("READ".into()),
        message_id: said,
        ..AgentEvent::default()
    };
    let read = |name, phone| Signal {
        agent: agent(),
        phone: number(phone),
        id: id(name),
        event: event.clone(),
    };
    assert_eq!(table.apply(2, read("e1", 3)), Ok(true));
    let is_read = |table: &Table| table.platform.said(&number(3)).all(|said| said.read);
    assert!(!is_read(&table));
    table.act(3, 3, Act::Online(true)).expect("a phone");
    assert!(is_read(&table));
    assert_eq!(
        table.apply(4, read("e2", 4)),
        Err(NotSent::Unreachable),
        "without RCS"
    );
}

#[test]
fn an_agent_reaches_carriers_that_launched_it_and_testers() {
    let carriers = |state| Launch::On(BTreeMap::from([("/v1/regions/one".to_owned(), state)]));
    let phones = || {
        let on = |last, carrier: &str| Phone {
            carrier: carrier.into(),
            ..Phone::quiet(number(last))
        };
        vec![on(1, "/v1/regions/one"), on(2, "/v1/regions/two")]
    };
    let with = |state, unlaunched_capabilities| {
        let agent = Agent {
            launch: carriers(state),
            ..Agent::launched(agent())
        };
        Table::with(
            vec![agent],
            phones(),
            Rules {
                unlaunched_capabilities,
                ..Rules::default()
            },
        )
    };
    let ask = |last| AskCapabilities {
        agent: agent(),
        phone: number(last),
    };
    let mut launched = with(LaunchState::Launched, Unlaunched::NotFound);
    assert!(launched.send(0, 1, "m1").is_ok() && launched.apply(0, ask(1)).is_ok());
    assert_eq!(launched.send(0, 2, "m2"), Err(NotSent::Unreachable));
    assert_eq!(launched.apply(0, ask(2)), Err(NotSent::Unreachable));
    for (unlaunched, answer) in [
        (Unlaunched::NotFound, NotSent::Unreachable),
        (Unlaunched::PermissionDenied, NotSent::NotATester),
    ] {
        let mut pending = with(LaunchState::Pending, unlaunched);
        assert_eq!(pending.send(0, 1, "m1"), Err(NotSent::NotATester));
        assert_eq!(pending.apply(0, ask(1)), Err(answer));
        assert_eq!(
            pending.act(0, 1, Act::Tester(true)),
            Err(PhoneProblem::NotInvited(number(1)))
        );
        let invite = Invite {
            agent: agent(),
            phone: number(1),
        };
        assert_eq!(pending.apply(0, invite), Ok(Invitation::Pending));
        assert_eq!(
            pending.send(1, 1, "m1"),
            Err(NotSent::NotATester),
            "not yet"
        );
        pending.act(2, 1, Act::Tester(true)).expect("invited");
        assert!(pending.send(3, 1, "m1").is_ok() && pending.apply(3, ask(1)).is_ok());
        pending.act(4, 1, Act::Tester(false)).expect("invited");
        assert_eq!(pending.send(5, 1, "m2"), Err(NotSent::NotATester));
    }
    let invite = Invite {
        agent: agent(),
        phone: number(4),
    };
    assert_eq!(Table::new().apply(0, invite), Err(NotInvited::Unreachable));
    let mut moving = with(LaunchState::Launched, Unlaunched::NotFound);
    moving
        .act(0, 2, Act::Carrier("/v1/regions/one".into()))
        .expect("a phone");
    assert!(moving.send(1, 2, "m1").is_ok());
}

#[test]
fn a_launch_is_told_to_the_webhook() {
    let mut table = Table::with(
        vec![Agent {
            launch: Launch::On(BTreeMap::new()),
            ..Agent::launched(agent())
        }],
        Vec::new(),
        Rules::default(),
    );
    let set = |state| SetLaunch {
        agent: agent(),
        carrier: phone::CARRIER.to_owned(),
        state,
        acting_party: Some("somebody".into()),
        comment: None,
    };
    assert_eq!(table.send(0, 1, "m1"), Err(NotSent::NotATester));
    assert!(
        table.apply(1, set(LaunchState::Pending)) && table.apply(2, set(LaunchState::Launched))
    );
    let states: Vec<_> = table
        .told
        .iter()
        .map(|notice| {
            (
                notice.old_launch_state.as_deref(),
                notice.new_launch_state.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            (Some("UNLAUNCHED"), Some("PENDING")),
            (Some("PENDING"), Some("LAUNCHED"))
        ]
    );
    let notice = &table.told[1];
    assert_eq!(
        (notice.agent_id.as_deref(), notice.region_id.as_deref()),
        (Some("demo@rbm.goog"), Some(phone::CARRIER))
    );
    assert_eq!(notice.acting_party.as_deref(), Some("somebody"));
    assert!(table.send(3, 1, "m1").is_ok());
    let nobody = SetLaunch {
        agent: AgentId::parse("nobody").expect("agent"),
        ..set(LaunchState::Launched)
    };
    assert!(!table.apply(4, nobody));
}

#[test]
fn a_phone_that_was_not_seen_for_31_days_is_unreachable() {
    let day = 24 * 3_600;
    let mut table = Table::new();
    let ask = || AskCapabilities {
        agent: agent(),
        phone: number(3),
    };
    assert!(table.apply(31 * day, ask()).is_ok());
    assert_eq!(table.apply(31 * day + 1, ask()), Err(NotSent::Unreachable));
    assert_eq!(table.send(31 * day + 1, 3, "m1"), Err(NotSent::Unreachable));
    table.act(32 * day, 3, Act::Online(true)).expect("a phone");
    assert!(
        table.apply(99 * day, ask()).is_ok(),
        "as long as it is online"
    );
}

#[test]
fn what_a_phone_cannot_show_is_refused() {
    let dial = SuggestedAction {
        text: "Call".into(),
        postback_data: "call".into(),
        dial_action: Some(DialAction {
            phone_number: "+15550100001".into(),
        }),
        ..SuggestedAction::default()
    };
    let with_dial = message(vec![Suggestion {
        reply: None,
        action: Some(dial),
    }]);
    let plain = Phone {
        features: Vec::new(),
        ..Phone::quiet(number(1))
    };
    let mut table = Table::with_phone(plain);
    let refused = table.send_message(0, 1, "m1", with_dial.clone(), None);
    assert_eq!(refused, Err(NotSent::Unsupported("ACTION_DIAL")));
    assert!(
        table
            .send_message(0, 1, "m1", message(vec![reply("yes")]), None)
            .is_ok(),
        "nor was the id used"
    );
    assert_eq!(table.told(9), ["DELIVERED m1", "READ m1"]);
    let view = OpenUrlAction {
        url: "https://a.example".into(),
        application: Some("WEBVIEW".into()),
        ..Default::default()
    };
    let view = SuggestedAction {
        text: "See".into(),
        open_url_action: Some(view),
        ..SuggestedAction::default()
    };
    let browser = Phone {
        features: vec!["ACTION_OPEN_URL".into()],
        ..Phone::quiet(number(1))
    };
    let mut table = Table::with_phone(browser);
    let with_view = message(vec![Suggestion {
        reply: None,
        action: Some(view),
    }]);
    let answer = accepted(table.send_message(0, 1, "m1", with_view, None));
    let class = answer
        .rich_message_classification
        .and_then(|class| class.classification_type);
    assert_eq!(
        class.as_deref(),
        Some("RICH_MEDIA_MESSAGE"),
        "a web view counts as media"
    );
    let capabilities = table
        .apply(
            0,
            AskCapabilities {
                agent: agent(),
                phone: number(1),
            },
        )
        .expect("reachable");
    assert_eq!(
        (capabilities.features, capabilities.carrier),
        (vec!["ACTION_OPEN_URL".into()], Some(phone::CARRIER.into()))
    );
}

#[test]
fn an_agent_of_several_uses_says_which_each_message_is() {
    let agent = Agent {
        use_case: UseCase::MultiUse,
        ..Agent::launched(agent())
    };
    let mut table = Table::with(vec![agent], Vec::new(), Rules::default());
    let of_type = |word: &str| AgentMessage {
        message_traffic_type: Some(word.into()),
        ..message(vec![])
    };
    assert_eq!(table.send(0, 1, "m1"), Err(NotSent::NoTrafficType));
    let unspecified = table.send_message(
        0,
        1,
        "m1",
        of_type("MESSAGE_TRAFFIC_TYPE_UNSPECIFIED"),
        None,
    );
    assert_eq!(unspecified, Err(NotSent::NoTrafficType));
    assert!(
        table
            .send_message(0, 1, "m1", of_type("TRANSACTION"), None)
            .is_ok()
    );
}

#[test]
fn more_than_the_rules_allow_in_a_second_are_refused() {
    let rules = Rules {
        sends_per_second_max: Some(3),
        ..Rules::default()
    };
    let mut table = Table::with(vec![Agent::launched(agent())], Vec::new(), rules);
    let mut taken = |second: i64| {
        (0..9)
            .filter(|n| table.send(second, 1, &format!("m{second}-{n}")).is_ok())
            .count()
    };
    assert_eq!([taken(0), taken(1), taken(5)], [3, 3, 3]);
    let mut free = Table::new();
    assert!((0..2_000).all(|n| free.send(0, 1, &format!("m{n}")).is_ok()));
}

#[test]
fn an_answer_has_every_field_of_its_number() {
    let mut table = Table::new();
    let answer = accepted(table.send_message(0, 1, "m1", message(vec![]), Some(600)));
    assert_eq!(
        answer.name.as_deref(),
        Some("phones/+15550100001/agentMessages/m1")
    );
    assert_eq!(
        (answer.send_time, answer.expire_time),
        (Some(at(0).to_string()), Some(at(600).to_string()))
    );
    assert_eq!(
        answer.total_payload_size_bytes.as_deref(),
        Some("13"),
        r#"{{"text":"Hi"}}"#
    );
    assert_eq!(answer.carrier.as_deref(), Some(phone::CARRIER));
    assert_eq!(
        answer
            .rich_message_classification
            .and_then(|class| class.segment_count),
        Some(1)
    );
    let german = PhoneNumber::parse("+4915100000001").expect("number");
    let submit = Submit {
        agent: agent(),
        phone: german,
        id: id("m2"),
        message: message(vec![]),
        expires_at: None,
    };
    let answer = accepted(table.apply(0, submit));
    assert!(answer.carrier.is_none() && answer.rich_message_classification.is_none());
}

#[test]
fn a_sample_is_taken_of_500_and_more() {
    let mut table = Table::new();
    let mut ask = |people: u32| {
        let phones: BTreeSet<_> = (0..people)
            .map(|n| PhoneNumber::parse(&format!("+49151{n:07}")).expect("number"))
            .collect();
        let reach = table
            .apply(
                0,
                AskReach {
                    agent: agent(),
                    phones,
                },
            )
            .expect("few questions");
        (
            reach.reachable_users.len(),
            reach.total_random_sample_user_count,
            reach.reachable_random_sample_user_count,
        )
    };
    assert_eq!(
        [ask(499), ask(500), ask(5_000)],
        [(499, 0, 0), (500, 375, 375), (5_000, 3_750, 3_750)]
    );
    let phones = (1..=4).map(number).collect();
    let reach = table
        .apply(
            0,
            AskReach {
                agent: agent(),
                phones,
            },
        )
        .expect("few questions");
    let (carrier, on_carrier) = &reach.reachable_users_map[0];
    assert_eq!(
        (carrier.as_str(), on_carrier.reachable_users.len()),
        (phone::CARRIER, 3),
        "and one has no RCS"
    );
}

#[test]
fn each_agent_has_ids_of_its_own() {
    let other = AgentId::parse("other").expect("agent");
    let agents = vec![Agent::launched(agent()), Agent::launched(other.clone())];
    let mut table = Table::with(agents, phone::demo(), Rules::default());
    table.send(0, 1, "m1").expect("taken");
    let submit = Submit {
        agent: other.clone(),
        phone: number(1),
        id: id("m1"),
        message: message(vec![]),
        expires_at: None,
    };
    accepted(table.apply(0, submit));
    let ((), effects) = table.platform.apply(at(60), Pass);
    let of = |agent: &AgentId| {
        effects
            .iter()
            .filter(|effect| effect.agent == *agent)
            .count()
    };
    assert_eq!(
        (of(&agent()), of(&other)),
        (4, 4),
        "each conversation by itself"
    );
    let nobody = Some(AgentId::parse("nobody").expect("agent"));
    let refused = table.apply(
        61,
        Do {
            phone: number(1),
            agent: nobody,
            act: Act::Type,
        },
    );
    assert_eq!(refused, Err(PhoneProblem::NoSuchAgent("nobody".to_owned())));
}

#[test]
fn a_number_that_nobody_listed_is_a_phone_that_reads() {
    let mut table = Table::new();
    let capabilities = table
        .apply(
            0,
            AskCapabilities {
                agent: agent(),
                phone: number(9),
            },
        )
        .expect("reachable");
    assert_eq!(capabilities.features, phone::FEATURES);
    table.send(0, 9, "m1").expect("taken");
    assert_eq!(table.told(9), ["DELIVERED m1", "READ m1"]);
    let rules = Rules {
        habits: vec![Habit::new(SignedDuration::ZERO, Act::Answer)],
        ..Rules::default()
    };
    let mut table = Table::with(vec![Agent::launched(agent())], Vec::new(), rules);
    table.send(0, 9, "m1").expect("taken");
    assert_eq!(table.told(9), ["DELIVERED m1", "You wrote: Hi"]);
}

#[test]
fn a_message_takes_as_long_as_the_rules_or_its_phone_say() {
    let seconds = |least, most| {
        Some(Latency {
            least: SignedDuration::from_secs(least),
            most: SignedDuration::from_secs(most),
        })
    };
    let slow = Phone {
        latency: seconds(3, 3),
        ..Phone::quiet(number(1))
    };
    let mut table = Table::with(vec![Agent::launched(agent())], vec![slow], Rules::default());
    table.send(0, 1, "m1").expect("taken");
    table.send(0, 2, "m2").expect("taken");
    let due = |table: &Table| {
        table
            .platform
            .next_due()
            .expect("a delivery")
            .duration_since(at(0))
            .as_millis()
    };
    assert_eq!(due(&table), 200);
    assert_eq!(table.told(1), ["DELIVERED m2", "READ m2"]);
    assert_eq!(due(&table), 3_000);
    assert_eq!(table.told(3), ["DELIVERED m1"]);
}

#[test]
fn a_purpose_that_does_not_fit_the_agent_is_taken() {
    let agent = Agent {
        use_case: UseCase::Otp,
        ..Agent::launched(agent())
    };
    let mut table = Table::with(vec![agent], Vec::new(), Rules::default());
    let promotion = AgentMessage {
        message_traffic_type: Some("PROMOTION".into()),
        ..message(vec![])
    };
    accepted(table.send_message(0, 2, "m1", promotion, None));
    let none = accepted(table.send(0, 2, "m2"));
    assert_eq!(none.message_traffic_type, None, "nor is the default told");
}

#[test]
fn a_suggestion_of_an_older_message_can_still_be_tapped() {
    let mut table = Table::new();
    table
        .send_message(0, 2, "m1", message(vec![reply("old")]), None)
        .expect("taken");
    table
        .send_message(1, 2, "m2", message(vec![reply("new")]), None)
        .expect("taken");
    table.act(9, 2, Act::Tap("old".into())).expect("there");
    assert_eq!(table.told(9).last().expect("a tap"), "tap old");
}

#[test]
fn any_state_of_a_launch_may_follow_any_other() {
    use LaunchState::{Launched, Pending, Rejected, Suspended, Unlaunched};
    let mut table = Table::new();
    let carrier = || phone::CARRIER.to_owned();
    let set = |state| SetLaunch {
        agent: agent(),
        carrier: carrier(),
        state,
        acting_party: None,
        comment: None,
    };
    for state in [
        Suspended, Rejected, Launched, Unlaunched, Suspended, Pending,
    ] {
        assert!(table.apply(0, set(state)));
    }
    let told = std::mem::take(&mut table.told);
    let states: Vec<_> = told
        .iter()
        .filter_map(|notice| notice.new_launch_state.as_deref())
        .collect();
    assert_eq!(
        states,
        [
            "SUSPENDED",
            "REJECTED",
            "LAUNCHED",
            "UNLAUNCHED",
            "SUSPENDED",
            "PENDING"
        ]
    );
}

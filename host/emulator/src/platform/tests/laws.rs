//! What holds whatever is done, in whatever order: also where the platform is written down in between, and another one that read it
//! goes on. Each law has a platform that breaks it, and is only a law if that is found.

use super::{agent, id, message, number};
use crate::phone::{Act, Expiry, Latency, Phone};
use crate::platform::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use rbm_wire::message::AgentEvent;
use serde_json::json;

#[derive(Clone, Debug)]
enum Move {
    Send {
        phone: u8,
        name: u8,
        lifetime: Option<u16>,
    },
    Revoke {
        phone: u8,
        name: u8,
    },
    Signal {
        phone: u8,
        name: u8,
    },
    Act {
        phone: u8,
        act: Act,
    },
    Wait,
    /// The platform is written down, and one that read it goes on.
    Import,
}

/// What may be wrong with a platform.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flawed {
    Not,
    /// It counts its names from the beginning when it was imported.
    CountsAnew,
    /// It forgets what is planned when it was imported.
    ForgetsPlans,
    /// It tells DELIVERED twice, each time as another event.
    DeliversTwice,
    /// It tells DELIVERED of another phone.
    TakesPhonesForEachOther,
    /// It tells READ of what nobody has.
    ReadsAhead,
    /// It delivers what it has said that it took back.
    RevokesTooLate,
    /// A phone that comes back gets nothing.
    LeavesWaiting,
}

/// What was seen of it.
struct Story {
    platform: Platform,
    told: Vec<Notice>,
    /// The messages of which it was said that they were taken back.
    revoked: BTreeSet<String>,
}

fn moves() -> impl Strategy<Value = Vec<(u16, Move)>> {
    let act = prop_oneof![
        any::<bool>().prop_map(Act::Online),
        any::<bool>().prop_map(Act::Online),
        any::<bool>().prop_map(Act::Rcs),
        Just(Act::Read),
        Just(Act::Answer),
        Just(Act::Unsubscribe),
    ];
    let step = prop_oneof![
        4 => (1_u8..4, 0_u8..20, prop::option::of(1_u16..900)).prop_map(|(phone, name, lifetime)| Move::Send { phone, name, lifetime }),
        2 => (1_u8..4, 0_u8..20).prop_map(|(phone, name)| Move::Revoke { phone, name }),
        1 => (1_u8..4, 0_u8..20).prop_map(|(phone, name)| Move::Signal { phone, name }),
        3 => (1_u8..4, act).prop_map(|(phone, act)| Move::Act { phone, act }),
        1 => Just(Move::Wait),
        1 => Just(Move::Import),
    ];
    prop::collection::vec((0_u16..300, step), 1..60)
}

fn phones(flawed: Flawed) -> Vec<Phone> {
    let latency = Some(Latency {
        least: SignedDuration::from_millis(1),
        most: SignedDuration::from_secs(60),
    });
    let late_revoke = flawed == Flawed::RevokesTooLate;
    let phone = |last, expiry| Phone {
        latency,
        expiry,
        late_revoke,
        ..Phone::talkative(number(last))
    };
    vec![
        phone(1, Expiry::Revoked),
        phone(2, Expiry::Both),
        phone(3, Expiry::Neither),
    ]
}

/// Does all of it.
fn play(moves: &[(u16, Move)], flawed: Flawed) -> Story {
    let mut time = super::at(0);
    let agents = vec![Agent::launched(agent())];
    let mut platform = Platform::new(agents, phones(flawed), Rules::default(), Uuid::nil(), time);
    let (mut told, mut revoked) = (Vec::new(), BTreeSet::new());
    let name = |name: &u8| id(&format!("m{name}"));
    for (pause, wanted) in moves.iter().cloned().chain([(u16::MAX, Move::Wait)]) {
        time += SignedDuration::from_secs(pause.into());
        let effects = match wanted {
            Move::Send {
                phone,
                name: n,
                lifetime,
            } => {
                let expires_at =
                    lifetime.map(|seconds| time + SignedDuration::from_secs(seconds.into()));
                let (phone, id) = (number(phone), name(&n));
                platform
                    .apply(
                        time,
                        Submit {
                            agent: agent(),
                            phone,
                            id,
                            message: message(vec![]),
                            expires_at,
                        },
                    )
                    .1
            }
            Move::Revoke { phone, name: n } => {
                let revoke = Revoke {
                    agent: agent(),
                    phone: number(phone),
                    id: name(&n),
                };
                let (answer, effects) = platform.apply(time, revoke);
                if answer == Revoked::Done {
                    revoked.insert(name(&n).as_str().to_owned());
                }
                effects
            }
            Move::Signal { phone, name: n } => {
                let event = AgentEvent {
                    event_type: Some("READ".into()),
                    ..AgentEvent::default()
                };
                platform
                    .apply(
                        time,
                        Signal {
                            agent: agent(),
                            phone: number(phone),
                            id: name(&n),
                            event,
                        },
                    )
                    .1
            }
            Move::Act { phone, act } => {
                platform
                    .apply(
                        time,
                        Do {
                            phone: number(phone),
                            agent: None,
                            act,
                        },
                    )
                    .1
            }
            Move::Wait => platform.apply(time, Pass).1,
            Move::Import => {
                let effects = platform.apply(time, Pass).1;
                platform = imported(&platform, flawed);
                effects
            }
        };
        told.extend(
            effects
                .into_iter()
                .flat_map(|effect| retold(effect.notice, flawed)),
        );
    }
    if flawed == Flawed::LeavesWaiting {
        platform.schedule = Schedule::default();
        for last in 1..4 {
            platform.phone_state(&number(last)).phone.online = true;
        }
    }
    Story {
        platform,
        told,
        revoked,
    }
}

fn imported(platform: &Platform, flawed: Flawed) -> Platform {
    let written = serde_json::to_value(platform).expect("JSON");
    let mut changed = written.clone();
    match flawed {
        Flawed::CountsAnew => changed["named"] = json!(0),
        Flawed::ForgetsPlans => changed["schedule"]["planned"] = json!([]),
        _ => {}
    }
    let read = serde_json::from_value::<Platform>(changed)
        .expect("a platform")
        .at(platform.now());
    if flawed == Flawed::Not {
        assert_eq!(serde_json::to_value(&read).expect("JSON"), written);
        assert_eq!(read.flaws(), []);
    }
    read
}

fn retold(notice: Notice, flawed: Flawed) -> Vec<Notice> {
    let is = |kind: &str| notice.event_type.as_deref() == Some(kind);
    match flawed {
        Flawed::DeliversTwice if is("DELIVERED") => {
            let again = Notice {
                event_id: notice.event_id.clone().map(|id| id + "-2"),
                ..notice.clone()
            };
            vec![notice, again]
        }
        Flawed::TakesPhonesForEachOther if is("DELIVERED") => {
            vec![Notice {
                sender_phone_number: Some(number(9).to_string()),
                ..notice
            }]
        }
        Flawed::ReadsAhead if is("READ") => vec![Notice {
            message_id: Some("m99".to_owned()),
            ..notice
        }],
        _ => vec![notice],
    }
}

impl Story {
    /// The messages of such an event, and the phones that it was told of.
    fn about(&self, kind: &str) -> Vec<(String, String)> {
        let events = self
            .told
            .iter()
            .filter(|notice| notice.event_type.as_deref() == Some(kind));
        let about = |notice: &Notice| {
            Some((
                notice.message_id.clone()?,
                notice.sender_phone_number.clone()?,
            ))
        };
        events
            .map(|notice| about(notice).expect("a message and a phone"))
            .collect()
    }

    fn on_phones(&self) -> BTreeSet<(String, String)> {
        let had = |shown: &Shown<'_>| matches!(shown.state, State::Delivered | State::Read);
        let on = |last: u8| {
            let shown = self.platform.shown(&number(last)).filter(had);
            shown
                .map(|shown| shown.id.as_str().to_owned())
                .map(|id| (id, number(last).to_string()))
                .collect::<Vec<_>>()
        };
        (1..4).flat_map(on).collect()
    }

    /// Each event's, and each of a person's messages.
    fn ids_are_unique(&self) -> Result<(), TestCaseError> {
        let ids = self.told.iter().map(|notice| match &notice.event_type {
            Some(_) => notice.event_id.clone(),
            None => notice.message_id.clone(),
        });
        let ids: Vec<String> = ids.map(|id| id.expect("an id")).collect();
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        Ok(())
    }

    /// DELIVERED once for each message, of the phone that has it, and of no other.
    fn delivered_is_told_once_of_the_phone_that_has_it(&self) -> Result<(), TestCaseError> {
        let delivered = self.about("DELIVERED");
        prop_assert_eq!(
            delivered.iter().cloned().collect::<BTreeSet<_>>(),
            self.on_phones()
        );
        prop_assert_eq!(
            delivered.iter().collect::<BTreeSet<_>>().len(),
            delivered.len()
        );
        Ok(())
    }

    /// READ of what was delivered, once.
    fn read_is_told_once_of_what_was_delivered(&self) -> Result<(), TestCaseError> {
        let (delivered, read) = (self.about("DELIVERED"), self.about("READ"));
        prop_assert!(read.iter().all(|what| delivered.contains(what)));
        prop_assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), read.len());
        Ok(())
    }

    fn nothing_waits_for_a_phone_that_is_there(&self) -> Result<(), TestCaseError> {
        for last in 1..4 {
            let phone = self.platform.phone(&number(last));
            let waits = self
                .platform
                .shown(&number(last))
                .any(|shown| shown.state == State::Queued);
            prop_assert!(!(waits && phone.online && phone.rcs), "on phone {}", last);
        }
        Ok(())
    }

    fn what_was_taken_back_is_never_shown(&self) -> Result<(), TestCaseError> {
        let shown = self.about("DELIVERED").into_iter().chain(self.on_phones());
        let shown: Vec<String> = shown
            .map(|(message, _)| message)
            .filter(|id| self.revoked.contains(id))
            .collect();
        prop_assert_eq!(shown, [""; 0]);
        Ok(())
    }
}

type Law = fn(&Story) -> Result<(), TestCaseError>;

/// Each with platforms that break it.
const LAWS: [(Law, &[Flawed]); 5] = [
    (Story::ids_are_unique, &[Flawed::CountsAnew]),
    (
        Story::delivered_is_told_once_of_the_phone_that_has_it,
        &[Flawed::DeliversTwice, Flawed::TakesPhonesForEachOther],
    ),
    (
        Story::read_is_told_once_of_what_was_delivered,
        &[Flawed::ReadsAhead],
    ),
    (
        Story::nothing_waits_for_a_phone_that_is_there,
        &[Flawed::LeavesWaiting, Flawed::ForgetsPlans],
    ),
    (
        Story::what_was_taken_back_is_never_shown,
        &[Flawed::RevokesTooLate],
    ),
];

/// Imports make no difference, and neither does it when somebody looks: nobody can tell how often somebody did.
fn told_alike(
    moves: &[(u16, Move)],
    looks: &[(u16, Move)],
    flawed: Flawed,
) -> Result<(), TestCaseError> {
    let mut watched = Vec::new();
    for (index, (pause, wanted)) in moves.iter().enumerate() {
        let (look, how) = looks.get(index).cloned().unwrap_or((0, Move::Wait));
        let look = look.min(*pause);
        watched.push((look, how));
        watched.push((pause - look, wanted.clone()));
    }
    prop_assert_eq!(play(&watched, flawed).told, play(moves, Flawed::Not).told);
    Ok(())
}

fn looks() -> impl Strategy<Value = Vec<(u16, Move)>> {
    prop::collection::vec(
        (0_u16..40, prop_oneof![Just(Move::Wait), Just(Move::Import)]),
        0..60,
    )
}

/// Whether a law is found to be broken.
fn is_broken<S: Strategy>(cases: S, holds: impl Fn(S::Value) -> Result<(), TestCaseError>) -> bool {
    // It ends with the first that is found, and the rarest is found in one case of sixty.
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 0,
        cases: 10_000,
        ..Config::default()
    };
    matches!(
        TestRunner::new(config).run(&cases, holds),
        Err(TestError::Fail(..))
    )
}

proptest! {
    #[test]
    fn whatever_is_done_the_platform_keeps_its_word(moves in moves()) {
        let story = play(&moves, Flawed::Not);
        for (law, _) in LAWS {
            law(&story)?;
        }
    }

    #[test]
    fn it_makes_no_difference_when_somebody_looks_or_imports(moves in moves(), looks in looks()) {
        told_alike(&moves, &looks, Flawed::Not)?;
    }
}

#[test]
fn a_platform_that_does_not_keep_its_word_is_found_out() {
    for (number, (law, breaches)) in LAWS.into_iter().enumerate() {
        for flawed in breaches {
            let broken = is_broken(moves(), |moves| law(&play(&moves, *flawed)));
            assert!(broken, "law {number} holds of one that is {flawed:?}");
        }
    }
    for flawed in [Flawed::CountsAnew, Flawed::ForgetsPlans] {
        let broken = is_broken((moves(), looks()), |(moves, looks)| {
            told_alike(&moves, &looks, flawed)
        });
        assert!(broken, "nobody can tell one that is {flawed:?}");
    }
}

//! What holds whatever is done, in whatever order.

use super::{agent, id, message, number};
use crate::phone::{Act, Expiry, Latency, Phone};
use crate::platform::*;
use proptest::prelude::*;
use rbm_wire::message::AgentEvent;

#[derive(Clone, Debug)]
enum Move {
    Send { phone: u8, name: u8, lifetime: Option<u16> },
    Revoke { phone: u8, name: u8 },
    Signal { phone: u8, name: u8 },
    Act { phone: u8, act: Act },
    Wait,
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
    ];
    prop::collection::vec((0_u16..300, step), 1..60)
}

fn phones() -> Vec<Phone> {
    let latency = Some(Latency { least: SignedDuration::from_millis(1), most: SignedDuration::from_secs(60) });
    let phone = |last, expiry| Phone { latency, expiry, ..Phone::talkative(number(last)) };
    vec![phone(1, Expiry::Revoked), phone(2, Expiry::Both), phone(3, Expiry::Neither)]
}

/// Does all of it, and says what was told and which messages were taken back.
fn play(moves: &[(u16, Move)]) -> (Platform, Vec<Notice>, BTreeSet<MessageId>) {
    let mut time = super::at(0);
    let mut platform = Platform::new(vec![Agent::launched(agent())], phones(), Rules::default(), Uuid::nil(), time);
    let (mut told, mut revoked) = (Vec::new(), BTreeSet::new());
    let name = |name: &u8| id(&format!("m{name}"));
    for (pause, wanted) in moves.iter().cloned().chain([(u16::MAX, Move::Wait)]) {
        time += SignedDuration::from_secs(pause.into());
        let effects = match wanted {
            Move::Send { phone, name: n, lifetime } => {
                let expires_at = lifetime.map(|seconds| time + SignedDuration::from_secs(seconds.into()));
                let (phone, id) = (number(phone), name(&n));
                platform.apply(time, Submit { agent: agent(), phone, id, message: message(vec![]), expires_at }).1
            }
            Move::Revoke { phone, name: n } => {
                let revoke = Revoke { agent: agent(), phone: number(phone), id: name(&n) };
                let (answer, effects) = platform.apply(time, revoke);
                if answer == Revoked::Done {
                    revoked.insert(name(&n));
                }
                effects
            }
            Move::Signal { phone, name: n } => {
                let event = AgentEvent { event_type: Some("READ".into()), ..AgentEvent::default() };
                platform.apply(time, Signal { agent: agent(), phone: number(phone), id: name(&n), event }).1
            }
            Move::Act { phone, act } => platform.apply(time, Do { phone: number(phone), agent: None, act }).1,
            Move::Wait => platform.apply(time, Pass).1,
        };
        told.extend(effects.into_iter().map(|effect| effect.notice));
    }
    (platform, told, revoked)
}

proptest! {
    #[test]
    fn whatever_is_done_the_platform_keeps_its_word(moves in moves()) {
        let (platform, told, revoked) = play(&moves);

        // Ids are unique: each event's, and each of a person's messages.
        let ids = told.iter().map(|notice| match &notice.event_type {
            Some(_) => notice.event_id.clone(),
            None => notice.message_id.clone(),
        });
        let ids: Vec<String> = ids.map(|id| id.expect("an id")).collect();
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());

        let about = |kind: &str| -> Vec<(String, String)> {
            let events = told.iter().filter(|notice| notice.event_type.as_deref() == Some(kind));
            events.map(|notice| (notice.message_id.clone().expect("a message"), notice.sender_phone_number.clone().expect("a phone"))).collect()
        };
        let (delivered, read) = (about("DELIVERED"), about("READ"));
        let on_phones: BTreeSet<(String, String)> = (1..4).flat_map(|last| {
            let had = |shown: &Shown<'_>| matches!(shown.state, State::Delivered | State::Read);
            let shown = platform.shown(&number(last)).filter(had).map(move |shown| (shown.id.as_str().to_owned(), number(last).to_string()));
            shown.collect::<Vec<_>>()
        }).collect();
        // DELIVERED once for each message, of the phone that has it, and of no other.
        prop_assert_eq!(delivered.iter().cloned().collect::<BTreeSet<_>>(), on_phones);
        prop_assert_eq!(delivered.iter().collect::<BTreeSet<_>>().len(), delivered.len());
        // READ of what was delivered, once.
        prop_assert!(read.iter().all(|what| delivered.contains(what)));
        prop_assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), read.len());
        // Nothing waits for a phone that is there.
        for last in 1..4 {
            let phone = platform.phone(&number(last));
            let waits = platform.shown(&number(last)).any(|shown| shown.state == State::Queued);
            prop_assert!(!(waits && phone.online && phone.rcs), "on phone {}", last);
        }
        // What was taken back is never shown.
        prop_assert!(delivered.iter().all(|(message, _)| !revoked.contains(&id(message))));
    }

    /// Nobody can tell how often somebody looked meanwhile.
    #[test]
    fn it_makes_no_difference_when_somebody_looks(moves in moves(), looks in prop::collection::vec(0_u16..40, 0..60)) {
        let (_, told, _) = play(&moves);
        let mut watched = Vec::new();
        for (index, (pause, wanted)) in moves.iter().enumerate() {
            let look = looks.get(index).copied().unwrap_or_default().min(*pause);
            watched.push((look, Move::Wait));
            watched.push((pause - look, wanted.clone()));
        }
        prop_assert_eq!(play(&watched).1, told);
    }
}

use super::*;
use crate::push::handshake::SecretAnswer;
use crate::push::targets::Level;
use proptest::prelude::*;

fn at(seconds: u64) -> Timestamp {
    after(
        Timestamp::from_second(1_795_515_302).expect("time"),
        Duration::from_secs(seconds),
    )
}

fn agent(index: u8) -> AgentId {
    AgentId::parse(&format!("agent{index}")).expect("agent")
}

fn waiting(index: u8, id: usize, now: Timestamp) -> Waiting {
    Waiting {
        place: 0,
        stream: Stream {
            agent: agent(index),
            launches: false,
        },
        notice: Arc::default(),
        publication_id: id.to_string(),
        published_at: now,
        attempts: 0,
        faults: BTreeSet::new(),
    }
}

fn register(queue: &mut Queue, level: Level) {
    let (url, client_token, answer) = (String::new(), String::new().into(), SecretAnswer::Bare);
    queue.targets.register(Registration {
        level,
        url,
        client_token,
        answer,
    });
}

#[test]
fn the_back_off_grows_to_600_seconds_until_seven_days_are_over() {
    let mut queue = Queue::new(10, LaunchesTo::Agent);
    register(&mut queue, Level::Partner);
    queue.push(waiting(0, 1, at(0)));
    let (mut seconds, mut attempts) = (0, Vec::new());
    loop {
        match queue.turn(at(seconds)) {
            Turn::Call(waiting, called) => {
                attempts.push(seconds);
                assert_eq!(usize::try_from(waiting.attempts), Ok(attempts.len()));
                queue.failed(waiting, &called, at(seconds), Duration::from_secs(1));
            }
            Turn::WaitUntil(time) => seconds = time.duration_since(at(0)).as_secs().unsigned_abs(),
            Turn::Drop(_, gone) => break assert_eq!(gone, Gone::Expired),
            Turn::Idle => panic!("a notice waits"),
        }
    }
    let waits: Vec<u64> = attempts.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(waits[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600]);
    assert!(waits[10..].iter().all(|wait| *wait == 600));
    assert_eq!(seconds, 604_800);
    // The first, ten more within 1,023 s, and one every 600 s after that.
    assert_eq!(attempts.len(), 11 + (604_800 - 1_023) / 600);
    assert!(matches!(queue.turn(at(seconds)), Turn::Idle));
}

#[test]
fn a_queue_that_read_what_another_wrote_tells_the_same_in_the_same_order() {
    let mut queue = Queue::new(10, LaunchesTo::Agent);
    register(&mut queue, Level::Partner);
    queue.push(waiting(0, 1, at(0)));
    queue.push(waiting(1, 2, at(0)));
    queue.hold(waiting(1, 3, at(0)), at(60));
    queue.swap(waiting(0, 4, at(0)), at(5));
    let Turn::Call(called, registration) = queue.turn(at(0)) else {
        panic!("a notice waits")
    };
    let written = serde_json::to_string(&queue.backlog()).expect("JSON");
    let mut other = Queue::new(0, LaunchesTo::Partner);
    register(&mut other, Level::Partner);
    other.go_on_with(
        serde_json::from_str(&written).expect("a backlog"),
        10,
        LaunchesTo::Agent,
    );
    assert_eq!(
        serde_json::to_string(&other.backlog()).expect("JSON"),
        written
    );

    queue.failed(called, &registration, at(0), Duration::from_secs(1));
    let told = |mut queue: Queue| {
        queue.push(waiting(0, 5, at(1)));
        let times = [1, 60].into_iter().flat_map(|seconds| {
            let next = std::iter::from_fn(|| match queue.turn(at(seconds)) {
                Turn::Call(waiting, called) => {
                    queue.succeeded(&called);
                    Some(waiting.publication_id)
                }
                _ => None,
            });
            next.collect::<Vec<_>>()
        });
        times.collect::<Vec<_>>()
    };
    assert_eq!(
        (told(queue), told(other)),
        (
            ["1", "2", "5", "4", "3"].map(str::to_owned).into(),
            ["1", "2", "5", "4", "3"].map(str::to_owned).into()
        )
    );
}

#[test]
fn a_failure_of_a_webhook_that_was_replaced_meanwhile_keeps_the_new_one_from_nothing() {
    let mut queue = Queue::new(10, LaunchesTo::Agent);
    register(&mut queue, Level::Partner);
    queue.push(waiting(0, 1, at(0)));
    let Turn::Call(waiting, called) = queue.turn(at(0)) else {
        panic!("a notice waits")
    };
    register(&mut queue, Level::Partner);
    assert_eq!(
        queue.failed(waiting, &called, at(0), Duration::from_secs(1)),
        None
    );
    let Turn::Call(waiting, again) = queue.turn(at(0)) else {
        panic!("it waits for nothing")
    };
    assert!(waiting.attempts == 2 && !Arc::ptr_eq(&called, &again));
}

#[test]
fn launches_go_to_the_agents_own_webhook_or_to_the_partners_only() {
    let called = |launches_to, launches| {
        let mut queue = Queue::new(10, launches_to);
        register(&mut queue, Level::Partner);
        register(&mut queue, Level::Agent(agent(0)));
        queue.push(Waiting {
            stream: Stream {
                agent: agent(0),
                launches,
            },
            ..waiting(0, 1, at(0))
        });
        match queue.turn(at(0)) {
            Turn::Call(_, called) => called.level.clone(),
            turn => panic!("{turn:?}"),
        }
    };
    let own = Level::Agent(agent(0));
    assert_eq!(
        [
            called(LaunchesTo::Agent, false),
            called(LaunchesTo::Partner, false)
        ],
        [own.clone(), own.clone()]
    );
    assert_eq!(
        [
            called(LaunchesTo::Agent, true),
            called(LaunchesTo::Partner, true)
        ],
        [own, Level::Partner]
    );
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Push(u8),
    Hold(u8, u64),
    Swap(u8, u64),
    /// As many turns as there are, with these results.
    Turn(bool),
    Pass(u64),
    Register(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Deed::Push),
        1 => (0..3_u8, 0..700_u64).prop_map(|(agent, seconds)| Deed::Hold(agent, seconds)),
        2 => (0..3_u8, 0..700_u64).prop_map(|(agent, seconds)| Deed::Swap(agent, seconds)),
        5 => any::<bool>().prop_map(Deed::Turn),
        3 => (0..2_000_u64).prop_map(Deed::Pass),
        1 => (0..3_u8).prop_map(Deed::Register),
    ]
}

proptest! {
    /// None is lost and none comes twice, whatever fails; only the length and the seven days cost any.
    #[test]
    fn every_notice_comes_to_one_end(deeds in prop::collection::vec(deed(), 0..200), length_max in 1..40_usize) {
        let mut queue = Queue::new(length_max, LaunchesTo::Agent);
        register(&mut queue, Level::Partner);
        let (mut now, mut pushed, mut ended) = (0, 0, BTreeSet::new());
        let mut turn = |queue: &mut Queue, now, succeeds| match queue.turn(at(now)) {
            Turn::Call(waiting, called) if succeeds => {
                queue.succeeded(&called);
                assert!(ended.insert(waiting.publication_id));
                None
            }
            Turn::Call(waiting, called) => {
                queue.failed(waiting, &called, at(now), Duration::from_secs(1));
                None
            }
            Turn::Drop(waiting, gone) => {
                assert!(gone == Gone::Expired && at(now) >= after(waiting.published_at, KEPT));
                assert!(ended.insert(waiting.publication_id));
                None
            }
            Turn::WaitUntil(time) => {
                assert!(time > at(now), "no turn is for nothing");
                Some(time.duration_since(at(0)).as_secs().unsigned_abs())
            }
            Turn::Idle => Some(now),
        };
        for deed in deeds {
            pushed += usize::from(matches!(deed, Deed::Push(_) | Deed::Hold(..) | Deed::Swap(..)));
            match deed {
                Deed::Push(agent) => queue.push(waiting(agent, pushed, at(now))),
                Deed::Hold(agent, seconds) => queue.hold(waiting(agent, pushed, at(now)), at(now + seconds)),
                Deed::Swap(agent, seconds) => queue.swap(waiting(agent, pushed, at(now)), at(now + seconds)),
                Deed::Turn(succeeds) => _ = turn(&mut queue, now, succeeds),
                Deed::Pass(seconds) => now += seconds,
                Deed::Register(index) => register(&mut queue, Level::Agent(agent(index))),
            }
            prop_assert!(queue.len() <= length_max);
        }
        while queue.len() > 0 {
            now = turn(&mut queue, now, true).unwrap_or(now);
        }
        prop_assert_eq!(ended.len() + usize::try_from(queue.overflowed).expect("few"), pushed);
    }
}

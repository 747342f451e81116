//! The outbox against a platform that fails, in virtual time: every message is accepted once, whatever fails; no second sees
//! more than the pace; and one agent's trouble is nobody else's.

use super::breaker::Answer;
use super::judge::{Outcome, answer};
use super::line::Sender;
use super::*;
use crate::lifecycle::State;
use crate::store::{Accepted, Filter, NewMessage};
use crate::{Clock, MemoryStore, bare};
use async_trait::async_trait;
use gateway_channel::{ChannelFailure, Content, FailureCode, Message, Receipt};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use tokio::task::JoinHandle;

/// Answers some way, after some time on the way there and some more.
struct Platform {
    start: Instant,
    /// Of a hundred attempts.
    faults: u32,
    outage: Option<(Duration, Duration, Outage)>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy)]
enum Outage {
    Unavailable,
    Unreachable,
    Hangs,
}

struct Seen {
    random: StdRng,
    /// When each attempt came.
    arrivals: Vec<Duration>,
    /// What each brought, and when.
    answers: Vec<(Duration, Answer)>,
    /// What it has.
    taken: HashSet<String>,
    /// How often it said of a message that it has it.
    receipts: HashMap<String, u32>,
}

impl Platform {
    fn new(faults: u32, outage: Option<(Duration, Duration, Outage)>) -> Arc<Self> {
        let random = StdRng::seed_from_u64(81);
        let seen =
            Seen { random, arrivals: Vec::new(), answers: Vec::new(), taken: HashSet::new(), receipts: HashMap::new() };
        Arc::new(Self { start: Instant::now(), faults, outage, seen: Mutex::new(seen) })
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrivals(&self) -> Vec<Duration> {
        let mut arrivals = self.seen().arrivals.clone();
        arrivals.sort_unstable();
        arrivals
    }

    /// The most that came within any second, its end included.
    fn most_in_a_second(&self) -> usize {
        let arrivals = self.arrivals();
        let within = |from: usize| arrivals[from..].partition_point(|at| *at <= arrivals[from] + SECOND);
        (0..arrivals.len()).map(within).max().unwrap_or_default()
    }

    async fn respond(&self, message: &Message) -> Result<Receipt, ChannelFailure> {
        if let Some((from, to, outage)) = self.outage
            && (from..to).contains(&self.start.elapsed())
        {
            return Err(match outage {
                Outage::Unavailable => failed(FailureCode::Later, Some(503)),
                Outage::Unreachable => failed(FailureCode::Later, None),
                Outage::Hangs => {
                    sleep(Duration::from_secs(30)).await;
                    failed(FailureCode::Unknown, None)
                }
            });
        }
        let (fault, taken_first) = {
            let mut seen = self.seen();
            (seen.random.random_range(0..100), seen.random.random::<bool>())
        };
        if fault >= self.faults {
            let mut seen = self.seen();
            seen.taken.insert(message.id.clone());
            *seen.receipts.entry(message.id.clone()).or_default() += 1;
            return Ok(receipt(message));
        }
        let kind = fault % 5;
        // Of what fails without a word, half was taken before.
        if kind >= 2 && taken_first {
            self.seen().taken.insert(message.id.clone());
        }
        Err(match kind {
            0 => failed(FailureCode::Later, Some(429)),
            1 => failed(FailureCode::Later, Some(503)),
            2 => failed(FailureCode::Unknown, Some(500)),
            3 => failed(FailureCode::Unknown, None),
            _ => {
                sleep(Duration::from_secs(30)).await;
                failed(FailureCode::Unknown, None)
            }
        })
    }
}

#[async_trait]
impl Sender for Platform {
    async fn send(&self, _: Timestamp, message: &Message) -> Outcome {
        let way = self.seen().random.random_range(0..=40);
        sleep(Duration::from_millis(way)).await;
        self.seen().arrivals.push(self.start.elapsed());
        sleep(Duration::from_millis(200)).await;
        let outcome = Ok(self.respond(message).await);
        self.seen().answers.push((self.start.elapsed(), answer(&outcome)));
        outcome
    }
}

fn failed(code: FailureCode, http_status: Option<u16>) -> ChannelFailure {
    ChannelFailure {
        code,
        message: "why".into(),
        retry_after_seconds: None,
        http_status,
        platform_status: None,
        platform_message: None,
        findings: Vec::new(),
    }
}

fn receipt(message: &Message) -> Receipt {
    Receipt {
        id: message.id.clone(),
        accepted_at: None,
        expires_at: None,
        message_class: None,
        segments: None,
        carrier: None,
        details: Vec::new(),
    }
}

/// An outbox that runs, and its store.
struct Running {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    outbox: JoinHandle<()>,
}

impl Running {
    fn start(lines: Vec<Line>) -> Self {
        let start = Instant::now();
        let clock: Clock = Arc::new(move || at(0) + start.elapsed());
        let (shared, _) = bare::shared_by(clock, Arc::new(MemoryStore::new()), Vec::new());
        let (stop, stopped) = watch::channel(false);
        let outbox = tokio::spawn(run(shared.clone(), lines, stopped));
        Self { shared, stop, outbox }
    }

    async fn accept(&self, agent: &str, ids: std::ops::Range<u32>) {
        for id in ids {
            let new = new(agent, &format!("{agent}-{id}"), self.shared.now());
            assert_eq!(self.shared.store.accept(new).await.expect("accepted"), Accepted::New);
        }
        self.shared.outbox.notify_one();
    }

    /// Waits until the platform's answer is known of so many of an agent's messages.
    async fn wait_until_accepted(&self, agent: &str, count: usize, at_most: Duration) {
        let all_there = async {
            while self.in_state(agent, State::Accepted).await < count {
                sleep(Duration::from_millis(500)).await;
            }
        };
        assert!(timeout(at_most, all_there).await.is_ok(), "{} accepted", self.in_state(agent, State::Accepted).await);
    }

    async fn in_state(&self, agent: &str, state: State) -> usize {
        let filter = Filter { agent: Some(agent.into()), state: Some(state), most: usize::MAX, ..Filter::default() };
        self.shared.store.find(&filter).await.expect("messages").len()
    }

    async fn stop(self) {
        let _ = self.stop.send(true);
        self.outbox.await.expect("it ends");
    }
}

fn new(agent: &str, id: &str, at: Timestamp) -> NewMessage {
    let message = Message {
        id: id.into(),
        recipient: "+15550100001".into(),
        content: Content::Text("Hi".into()),
        suggestions: Vec::new(),
        purpose: None,
        expiry: None,
        options: Vec::new(),
    };
    NewMessage { agent: agent.into(), message, body_hash: [1; 32], at, send_at: None, expires_at: None }
}

fn manner(messages_per_second: u32) -> Manner {
    let pace = NonZeroU32::new(messages_per_second).map(Pace::per_second);
    Manner { pace, ..Manner::default() }
}

fn line(agent: &str, platform: &Arc<Platform>, manner: &Manner) -> Line {
    Line::new(agent, platform.clone(), manner, Instant::now().into_std())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_515_302 + second).expect("a time")
}

/// 2,000 messages of which each fifth attempt fails in one of five ways.
async fn send_with_faults(manner: &Manner) -> Arc<Platform> {
    let platform = Platform::new(20, None);
    let running = Running::start(vec![line("demo", &platform, manner)]);
    running.accept("demo", 0..2_000).await;
    running.wait_until_accepted("demo", 2_000, Duration::from_mins(10)).await;
    running.stop().await;
    platform
}

#[tokio::test(start_paused = true)]
async fn each_message_is_accepted_once_whatever_fails_and_no_second_sees_more_than_the_pace() {
    let platform = send_with_faults(&manner(100)).await;
    assert_eq!(platform.seen().taken.len(), 2_000);
    assert!(platform.seen().receipts.values().all(|receipts| *receipts == 1), "what is known is not sent again");
    assert_eq!(platform.seen().receipts.len(), 2_000);
    let attempts = platform.arrivals().len();
    assert!((2_200..=2_800).contains(&attempts), "{attempts} attempts for 2,000 messages");
    assert!(platform.most_in_a_second() <= 100, "{} in a second", platform.most_in_a_second());
    let time = platform.arrivals().last().copied().unwrap_or_default();
    assert!(time < Duration::from_mins(2), "it took {time:?}");
}

/// What the test above could not see without this one.
#[tokio::test(start_paused = true)]
async fn without_a_pace_a_second_sees_more() {
    let platform = send_with_faults(&Manner::default()).await;
    assert!(platform.most_in_a_second() > 100, "{} in a second", platform.most_in_a_second());
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_served_at_its_full_pace_while_another_s_platform_is_down_and_that_is_noticed_when_it_is_back() {
    for outage in [Outage::Unavailable, Outage::Unreachable, Outage::Hangs] {
        let (from, back) = (Duration::from_secs(30), Duration::from_secs(630));
        let (down, up) = (Platform::new(0, Some((from, back, outage))), Platform::new(0, None));
        // Few places, so that those of one agent are soon taken by attempts that hang.
        let few = Manner { attempts_at_once_max: 30, ..manner(20) };
        let running = Running::start(vec![line("down", &down, &few), line("up", &up, &few)]);
        running.accept("down", 0..1_200).await;
        // At the pace of the other for as long as all of it takes.
        for minute in 0..12 {
            running.accept("up", minute * 1_200..(minute + 1) * 1_200).await;
            sleep(Duration::from_mins(1)).await;
        }
        running.wait_until_accepted("down", 1_200, Duration::from_mins(5)).await;
        running.stop().await;

        let (arrivals, answers) = (down.arrivals(), down.seen().answers.clone());
        let served = answers.iter().filter(|(at, answer)| *answer == Answer::Served && *at >= back);
        let first = served.map(|(at, _)| *at).min().expect("it is served again");
        assert!(first <= back + Duration::from_secs(5), "{:?} after it was back", first.saturating_sub(back));
        let probes = arrivals.iter().filter(|at| (from + Duration::from_mins(1)..back).contains(*at)).count();
        assert!((120..=150).contains(&probes), "{probes} probes in nine minutes");
        for platform in [&down, &up] {
            assert!(platform.most_in_a_second() <= 20, "{} in a second", platform.most_in_a_second());
        }
        let sent = up.arrivals().iter().filter(|at| (from..back).contains(*at)).count();
        assert!(sent >= 600 * 20 * 95 / 100, "the other agent sent {sent} in 600 s");
        assert_eq!(down.seen().taken.len(), 1_200);
    }
}

const SECOND: Duration = Duration::from_secs(1);

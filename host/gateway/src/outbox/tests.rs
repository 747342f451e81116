//! The outbox against a platform that fails, in virtual time: every message is accepted once, whatever fails; no second sees
//! more than the pace; and one agent's trouble is nobody else's.

use super::breaker::Evidence;
use super::judge::{Outcome, evidence};
use super::line::Sender;
use super::quiet_hours::hours;
use super::recipients::RecipientHash;
use super::*;
use crate::lifecycle::State;
use crate::metrics::Waiting;
use crate::store::consent::{Consent, Reason, Wish};
use crate::store::{Accepted, Filter, NewMessage};
use crate::{MemoryStore, bare};
use async_trait::async_trait;
use gateway_channel::{ChannelFailure, Expiry, FailureCode, Message, Purpose, Receipt};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rbm_clock::Clock;
use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
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
    answers: Vec<(Duration, Evidence)>,
    /// What it has.
    taken: HashSet<String>,
    /// How often it said of a message that it has it.
    receipts: HashMap<String, u32>,
}

impl Platform {
    fn new(faults: u32, outage: Option<(Duration, Duration, Outage)>) -> Arc<Self> {
        let random = StdRng::seed_from_u64(81);
        let seen = Seen {
            random,
            arrivals: Vec::new(),
            answers: Vec::new(),
            taken: HashSet::new(),
            receipts: HashMap::new(),
        };
        Arc::new(Self {
            start: Instant::now(),
            faults,
            outage,
            seen: Mutex::new(seen),
        })
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
        let within =
            |from: usize| arrivals[from..].partition_point(|at| *at <= arrivals[from] + SECOND);
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
            (
                seen.random.random_range(0..100),
                seen.random.random::<bool>(),
            )
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
        self.seen()
            .answers
            .push((self.start.elapsed(), evidence(&outcome)));
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
        Self::start_with(Arc::new(MemoryStore::new()), at(0), lines)
    }

    /// With what is there already, at some time.
    fn start_with(store: Arc<MemoryStore>, time: Timestamp, lines: Vec<Line>) -> Self {
        let (shared, _) = bare::shared_by(Clock::starting_at(time), store, Vec::new());
        let (stop, stopped) = watch::channel(false);
        let outbox = start(shared.clone(), lines, stopped);
        Self {
            shared,
            stop,
            outbox,
        }
    }

    async fn accept(&self, agent: &str, ids: std::ops::Range<u32>) {
        for id in ids {
            self.accept_one(new(agent, &format!("{agent}-{id}"), self.shared.now()))
                .await;
        }
        self.shared.outbox.notify_one();
    }

    async fn accept_one(&self, new: NewMessage) {
        assert_eq!(
            self.shared.store.accept(new).await.expect("accepted"),
            Accepted::New
        );
    }

    async fn state(&self, id: &str) -> State {
        self.shared
            .store
            .message(id)
            .await
            .expect("answer")
            .expect("a message")
            .facts
            .state()
    }

    /// Waits until the platform's answer is known of so many of an agent's messages.
    async fn wait_until_accepted(&self, agent: &str, count: usize, at_most: Duration) {
        let all_there = async {
            while self.in_state(agent, State::Accepted).await < count {
                sleep(Duration::from_millis(500)).await;
            }
        };
        assert!(
            timeout(at_most, all_there).await.is_ok(),
            "{} accepted",
            self.in_state(agent, State::Accepted).await
        );
    }

    async fn in_state(&self, agent: &str, state: State) -> usize {
        let filter = Filter {
            agent: Some(agent.into()),
            state: Some(state),
            most: usize::MAX,
            ..Filter::default()
        };
        self.shared
            .store
            .find(&filter)
            .await
            .expect("messages")
            .len()
    }

    async fn stop(self) {
        let _ = self.stop.send(true);
        self.outbox.await.expect("it ends");
    }
}

/// To a recipient of its own.
fn new(agent: &str, id: &str, at: Timestamp) -> NewMessage {
    let message = bare::message(
        id,
        &format!("+1{:010}", RecipientHash::of(id).0 % 10_000_000_000),
    );
    NewMessage {
        agent: agent.into(),
        message,
        body_hash: [1; 32],
        at,
        send_at: None,
        expires_at: None,
    }
}

fn expiring(new: NewMessage, at: Timestamp) -> NewMessage {
    let message = Message {
        expiry: Some(Expiry::At(at.to_string())),
        ..new.message
    };
    NewMessage {
        message,
        expires_at: Some(at),
        ..new
    }
}

fn to(recipient: &str, agent: &str, id: &str) -> NewMessage {
    let mut new = new(agent, id, at(0));
    recipient.clone_into(&mut new.message.recipient);
    new
}

fn manner(messages_per_second: u32) -> Manner {
    let number = |number| NonZeroU32::new(number).expect("not 0");
    let burst = number((messages_per_second / 10).max(1));
    Manner {
        pace: Some(Pace {
            messages_per_second: number(messages_per_second),
            burst,
        }),
        ..Manner::default()
    }
}

fn line<S: Sender + 'static>(agent: &str, platform: &Arc<S>, manner: &Manner) -> Line {
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
    running
        .wait_until_accepted("demo", 2_000, Duration::from_mins(10))
        .await;
    running.stop().await;
    platform
}

#[tokio::test(start_paused = true)]
async fn each_message_is_accepted_once_whatever_fails_and_no_second_sees_more_than_the_pace() {
    let platform = send_with_faults(&manner(100)).await;
    assert_eq!(platform.seen().taken.len(), 2_000);
    assert!(
        platform
            .seen()
            .receipts
            .values()
            .all(|receipts| *receipts == 1),
        "what is known is not sent again"
    );
    assert_eq!(platform.seen().receipts.len(), 2_000);
    let attempts = platform.arrivals().len();
    assert!(
        (2_200..=2_800).contains(&attempts),
        "{attempts} attempts for 2,000 messages"
    );
    assert!(
        platform.most_in_a_second() <= 100,
        "{} in a second",
        platform.most_in_a_second()
    );
    // Of 2,000 messages one or two fail often enough in a row to back off for minutes.
    let mut latest_first = platform.arrivals().into_iter().rev();
    let time = latest_first.nth(20).unwrap_or_default();
    assert!(time < Duration::from_mins(2), "it took {time:?}");
}

/// What the test above could not see without this one.
#[tokio::test(start_paused = true)]
async fn without_a_pace_a_second_sees_more() {
    let platform = send_with_faults(&Manner::default()).await;
    assert!(
        platform.most_in_a_second() > 100,
        "{} in a second",
        platform.most_in_a_second()
    );
}

#[tokio::test(start_paused = true)]
async fn an_agent_is_served_at_its_full_pace_while_another_s_platform_is_down_and_that_is_noticed_when_it_is_back()
 {
    for outage in [Outage::Unavailable, Outage::Unreachable, Outage::Hangs] {
        let (from, back) = (Duration::from_secs(30), Duration::from_secs(630));
        let (down, up) = (
            Platform::new(0, Some((from, back, outage))),
            Platform::new(0, None),
        );
        // Few places, so that those of one agent are soon taken by attempts that hang.
        let few = Manner {
            attempts_at_once_max: 20,
            ..manner(10)
        };
        let running = Running::start(vec![line("down", &down, &few), line("up", &up, &few)]);
        running.accept("down", 0..600).await;
        // At the pace of the other for as long as all of it takes.
        for minute in 0..12 {
            running.accept("up", minute * 600..(minute + 1) * 600).await;
            sleep(Duration::from_mins(1)).await;
        }
        running
            .wait_until_accepted("down", 600, Duration::from_mins(5))
            .await;
        running.stop().await;

        let (arrivals, answers) = (down.arrivals(), down.seen().answers.clone());
        let served = answers
            .iter()
            .filter(|(at, answer)| *answer == Evidence::Served && *at >= back);
        let first = served.map(|(at, _)| *at).min().expect("it is served again");
        assert!(
            first <= back + Duration::from_secs(5),
            "{:?} after it was back",
            first.saturating_sub(back)
        );
        let probes = arrivals
            .iter()
            .filter(|at| (from + Duration::from_mins(1)..back).contains(*at))
            .count();
        assert!(
            (120..=150).contains(&probes),
            "{probes} probes in nine minutes"
        );
        for platform in [&down, &up] {
            assert!(
                platform.most_in_a_second() <= 10,
                "{} in a second",
                platform.most_in_a_second()
            );
        }
        let sent = up
            .arrivals()
            .iter()
            .filter(|at| (from..back).contains(*at))
            .count();
        assert!(
            sent >= 600 * 10 * 95 / 100,
            "the other agent sent {sent} in 600 s"
        );
        assert_eq!(down.seen().taken.len(), 600);
    }
}

/// Of a process that is killed: what is under way arrives, and nobody hears the answer.
struct Killed {
    platform: Arc<Platform>,
    at: Duration,
}

#[async_trait]
impl Sender for Killed {
    async fn send(&self, now: Timestamp, message: &Message) -> Outcome {
        let outcome = self.platform.send(now, message).await;
        if self.platform.start.elapsed() >= self.at {
            std::future::pending::<()>().await;
        }
        outcome
    }
}

/// The attempts of the first process still arrive while the second one starts.
#[tokio::test(start_paused = true)]
async fn a_restart_exceeds_no_pace_begins_slowly_and_loses_nothing() {
    let (platform, store) = (Platform::new(0, None), Arc::new(MemoryStore::new()));
    let life = Duration::from_millis(20_330);
    let killed = Arc::new(Killed {
        platform: platform.clone(),
        at: life,
    });
    let killed = Line::new("demo", killed, &manner(100), Instant::now().into_std());
    let first = Running::start_with(store.clone(), at(0), vec![killed]);
    first.accept("demo", 0..5_000).await;
    sleep(life).await;
    first.outbox.abort();
    let restarted = platform.start.elapsed();
    let second = Running::start_with(store, at(20), vec![line("demo", &platform, &manner(100))]);
    second
        .wait_until_accepted("demo", 5_000, Duration::from_mins(2))
        .await;
    second.stop().await;

    assert!(
        platform.most_in_a_second() <= 100,
        "{} in a second",
        platform.most_in_a_second()
    );
    let arrivals = platform.arrivals();
    let between = |from: u64, to: u64| {
        let (from, to) = (
            restarted + Duration::from_millis(from),
            restarted + Duration::from_millis(to),
        );
        arrivals
            .iter()
            .filter(|at| (from..to).contains(*at))
            .count()
    };
    assert_eq!(
        between(100, 1_050),
        0,
        "what the process before may have sent"
    );
    assert!(
        (5..=20).contains(&between(1_050, 2_050)),
        "{} in the first second",
        between(1_050, 2_050)
    );
    assert!(
        between(12_050, 13_050) >= 90,
        "{} in a second later on",
        between(12_050, 13_050)
    );
    assert_eq!(platform.seen().receipts.len(), 5_000);
    let twice = platform
        .seen()
        .receipts
        .values()
        .filter(|receipts| **receipts > 1)
        .count();
    assert!(
        (1..=30).contains(&twice),
        "{twice} were under way, and were sent again with the same id"
    );
}

#[tokio::test(start_paused = true)]
async fn what_runs_out_while_nothing_may_be_sent_has_expired_at_once() {
    let night_hours = hours("21:00", "08:00", "Europe/Berlin");
    let night: Timestamp = "2026-06-10T20:00:00Z".parse().expect("a time");
    let (down, up) = (
        Platform::new(
            0,
            Some((Duration::ZERO, Duration::from_hours(1), Outage::Unavailable)),
        ),
        Platform::new(0, None),
    );
    let quiet = Manner {
        quiet_hours: Some(night_hours),
        ..manner(10)
    };
    let lines = vec![line("down", &down, &manner(10)), line("quiet", &up, &quiet)];
    let running = Running::start_with(Arc::new(MemoryStore::new()), night, lines);
    for agent in ["down", "quiet", "removed"] {
        let minute = night + Duration::from_mins(1);
        running
            .accept_one(expiring(new(agent, &format!("{agent}-1"), night), minute))
            .await;
        running
            .accept_one(new(agent, &format!("{agent}-2"), night))
            .await;
    }
    let mut code = new("quiet", "code", night);
    code.message.purpose = Some(Purpose::Authentication);
    running.accept_one(code).await;
    running.shared.outbox.notify_one();

    sleep(Duration::from_secs(59)).await;
    for id in ["down-1", "quiet-1", "removed-1"] {
        assert!(
            matches!(running.state(id).await, State::Queued | State::Sending),
            "{id}"
        );
    }
    assert_eq!(
        running.state("code").await,
        State::Accepted,
        "somebody waits for it"
    );
    sleep(Duration::from_secs(3)).await;
    for agent in ["down", "quiet", "removed"] {
        assert_eq!(
            running.state(&format!("{agent}-1")).await,
            State::Expired,
            "{agent}"
        );
        assert_ne!(
            running.state(&format!("{agent}-2")).await,
            State::Expired,
            "{agent}"
        );
    }
    sleep(Duration::from_mins(9 * 60 + 55)).await;
    assert_eq!(
        running.state("quiet-2").await,
        State::Queued,
        "five to eight in Berlin"
    );
    sleep(Duration::from_mins(5)).await;
    assert_eq!(running.state("quiet-2").await, State::Accepted);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_at_its_time() {
    let platform = Platform::new(0, None);
    let running = Running::start(vec![line("demo", &platform, &Manner::default())]);
    running
        .accept_one(NewMessage {
            send_at: Some(at(3_600)),
            ..new("demo", "m1", at(0))
        })
        .await;
    running.shared.outbox.notify_one();
    sleep(Duration::from_secs(3_602)).await;
    running.stop().await;
    let arrivals = platform.arrivals();
    assert!(
        matches!(arrivals[..], [at] if (3_600_000..=3_601_000).contains(&at.as_millis())),
        "{arrivals:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_jump_brings_at_once_what_was_to_come() {
    let days = Duration::from_hours(15 * 24);
    let down = Platform::new(
        0,
        Some((Duration::ZERO, Duration::from_hours(1), Outage::Unavailable)),
    );
    let up = Platform::new(0, None);
    let lines = vec![
        line("down", &down, &Manner::default()),
        line("up", &up, &Manner::default()),
    ];
    let running = Running::start(lines);
    running
        .accept_one(NewMessage {
            send_at: Some(at(0) + days),
            ..new("up", "up", at(0))
        })
        .await;
    for agent in ["down", "removed"] {
        running
            .accept_one(expiring(new(agent, agent, at(0)), at(0) + days))
            .await;
    }
    running.shared.outbox.notify_one();
    // Half-way between two looks.
    sleep(Duration::from_millis(2_500)).await;
    for id in ["up", "down", "removed"] {
        assert!(
            matches!(running.state(id).await, State::Queued | State::Sending),
            "{id}"
        );
    }
    // Not while an attempt is under way: it would end after the message has expired, and nobody knows then what came of it.
    let answers = down.seen().answers.len();
    while down.seen().answers.len() == answers {
        sleep(Duration::from_millis(10)).await;
    }
    running.shared.clock.advance(days).expect("it can be moved");
    sleep(Duration::from_millis(300)).await;
    for (id, state) in [
        ("up", State::Accepted),
        ("down", State::Expired),
        ("removed", State::Expired),
    ] {
        assert_eq!(running.state(id).await, state, "{id}");
    }
    running.stop().await;
}

/// Asks for ten minutes, once.
struct Busy(AtomicBool);

#[async_trait]
impl Sender for Busy {
    async fn send(&self, _: Timestamp, message: &Message) -> Outcome {
        let asked = self.0.swap(true, Ordering::SeqCst);
        let busy = ChannelFailure {
            retry_after_seconds: Some(600),
            ..failed(FailureCode::Later, Some(429))
        };
        Ok(if asked {
            Ok(receipt(message))
        } else {
            Err(busy)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_asks_of_one_message_holds_up_no_other_and_a_jump_ends_it() {
    let busy = Line::new(
        "demo",
        Arc::new(Busy(AtomicBool::new(false))),
        &Manner::default(),
        Instant::now().into_std(),
    );
    let running = Running::start(vec![busy]);
    running.accept("demo", 0..1).await;
    sleep(Duration::from_secs(30)).await;
    running.accept("demo", 1..2).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(running.state("demo-1").await, State::Accepted);
    assert_ne!(running.state("demo-0").await, State::Accepted);
    running
        .shared
        .clock
        .advance(Duration::from_mins(11))
        .expect("it can be moved");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(running.state("demo-0").await, State::Accepted);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_time_runs_faster_no_attempt_is_taken_for_lost() {
    let platform = Platform::new(0, None);
    let running = Running::start(vec![line("demo", &platform, &Manner::default())]);
    running
        .shared
        .clock
        .set_rate(Clock::RATE_MAX)
        .expect("a rate");
    running.accept("demo", 0..100).await;
    running
        .wait_until_accepted("demo", 100, Duration::from_secs(2))
        .await;
    running.stop().await;
    assert_eq!(platform.arrivals().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_not_sent_after_an_opt_out_is_counted_as_refused() {
    let platform = Platform::new(0, None);
    let running = Running::start(vec![line("demo", &platform, &Manner::default())]);
    let opted_out = Consent::new(Wish::OptedOut, at(0), Reason::Caller("called us".into()));
    running
        .shared
        .store
        .note_consent("demo", PHONE, opted_out)
        .await
        .expect("noted");
    for id in ["m1", "m2", "m3"] {
        running.accept_one(to(PHONE, "demo", id)).await;
    }
    running.shared.outbox.notify_one();
    sleep(SECOND).await;
    let counted = running
        .shared
        .metrics
        .text(Waiting::default(), &BTreeMap::new(), []);
    assert!(
        counted.contains("rbm_messages_total{state=\"refused\"} 3\n"),
        "{counted}"
    );
    assert_eq!(
        (
            running.in_state("demo", State::Refused).await,
            platform.arrivals().len()
        ),
        (3, 0)
    );
    running.stop().await;
}

/// Rejects some recipients for ever, and all others while it has granted its rate.
struct Choosy {
    start: Instant,
    rejects: fn(&str) -> Option<ChannelFailure>,
    granted_per_second: usize,
    seen: Mutex<Vec<Call>>,
}

struct Call {
    at: Duration,
    message: String,
    recipient: String,
    served: bool,
}

impl Choosy {
    fn new(rejects: fn(&str) -> Option<ChannelFailure>, granted_per_second: usize) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            rejects,
            granted_per_second,
            seen: Mutex::default(),
        })
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<Call>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each message was sent.
    fn attempts(&self) -> HashMap<String, usize> {
        let mut attempts = HashMap::new();
        for call in self.calls().iter() {
            *attempts.entry(call.message.clone()).or_default() += 1;
        }
        attempts
    }

    /// When the last message was served.
    fn last_served(&self) -> Duration {
        let calls = self.calls();
        let served = calls.iter().filter(|call| call.served);
        served.map(|call| call.at).max().unwrap_or_default()
    }
}

#[async_trait]
impl Sender for Choosy {
    async fn send(&self, _: Timestamp, message: &Message) -> Outcome {
        sleep(Duration::from_millis(20)).await;
        let at = self.start.elapsed();
        let mut failure = (self.rejects)(&message.recipient);
        let mut calls = self.calls();
        let this_second = calls
            .iter()
            .rev()
            .take_while(|call| call.at.as_secs() == at.as_secs())
            .filter(|call| call.served)
            .count();
        if failure.is_none() && this_second >= self.granted_per_second {
            failure = Some(failed(FailureCode::Later, Some(429)));
        }
        calls.push(Call {
            at,
            message: message.id.clone(),
            recipient: message.recipient.clone(),
            served: failure.is_none(),
        });
        Ok(match failure {
            Some(failure) => Err(failure),
            None => Ok(receipt(message)),
        })
    }
}

fn poisoned(recipient: &str, code: FailureCode, http_status: u16) -> Option<ChannelFailure> {
    recipient
        .starts_with(POISON)
        .then(|| failed(code, Some(http_status)))
}

fn limited(recipient: &str) -> Option<ChannelFailure> {
    poisoned(recipient, FailureCode::Later, 429)
}

fn unavailable(recipient: &str) -> Option<ChannelFailure> {
    poisoned(recipient, FailureCode::Later, 503)
}

fn broken(recipient: &str) -> Option<ChannelFailure> {
    poisoned(recipient, FailureCode::Unknown, 500)
}

fn nobody(_: &str) -> Option<ChannelFailure> {
    None
}

/// 1,000 messages at 100 a second to as many recipients, of which each twentieth may be rejected for ever.
async fn send_a_thousand(rejects: fn(&str) -> Option<ChannelFailure>) -> (Arc<Choosy>, Running) {
    let platform = Choosy::new(rejects, usize::MAX);
    let queue = line("demo", &platform, &manner(100));
    let running = Running::start(vec![queue]);
    for number in 0..1_000 {
        let id = format!("m{number}");
        let message = if number % 20 == 10 {
            to(&format!("{POISON}{number:04}"), "demo", &id)
        } else {
            new("demo", &id, at(0))
        };
        running.accept_one(message).await;
    }
    running.shared.outbox.notify_one();
    running
        .wait_until_accepted("demo", 950, Duration::from_mins(2))
        .await;
    (platform, running)
}

#[tokio::test(start_paused = true)]
async fn recipients_that_are_always_rejected_back_off_by_themselves_and_hold_up_nobody() {
    let (without, running) = send_a_thousand(nobody).await;
    running.stop().await;
    let time_without = without.last_served();
    for (what, rejects) in [
        ("429", limited as fn(&str) -> _),
        ("503", unavailable),
        ("500", broken),
    ] {
        let (platform, running) = send_a_thousand(rejects).await;
        let time = platform.last_served();
        assert!(
            time <= time_without.mul_f64(1.2),
            "{what}: {time:?}, and {time_without:?} without them"
        );
        sleep(Duration::from_secs(5)).await;
        running
            .accept_one(new("demo", "late", running.shared.now()))
            .await;
        running.shared.outbox.notify_one();
        sleep(SECOND).await;
        assert_eq!(running.state("late").await, State::Accepted, "{what}");
        running.stop().await;

        let elapsed = platform.start.elapsed().as_secs_f64();
        // Half a second after the first, one after the second, and so on: the shortest that the schedule allows.
        let schedule =
            (1..30).take_while(|attempt| 0.5 * (f64::from(1 << attempt) - 1.0) < elapsed);
        let most = schedule.count() + 1;
        for (message, attempts) in platform.attempts() {
            assert!(attempts <= most, "{what}: {message} {attempts} of {most}");
        }
        let poison = |call: &&Call| call.recipient.starts_with(POISON);
        let attempts = platform.calls().iter().filter(poison).count();
        assert!(attempts >= 150, "{what}: they are tried again: {attempts}");
    }
}

/// Such as by a proxy on the way: it is taken for the agent's fault, until others are served.
#[tokio::test(start_paused = true)]
async fn recipients_that_are_always_answered_401_hold_the_agent_a_few_times_and_not_for_ever() {
    let (without, running) = send_a_thousand(nobody).await;
    running.stop().await;
    let (platform, running) = send_a_thousand(|recipient| {
        recipient
            .starts_with("+449990010")
            .then(|| failed(FailureCode::Misconfigured, Some(401)))
    })
    .await;
    let (time, time_without) = (platform.last_served(), without.last_served());
    assert!(
        time <= time_without + Duration::from_secs(15),
        "{time:?}, and {time_without:?} without them"
    );
    sleep(Duration::from_hours(1)).await;
    let poison = |call: &&Call| call.recipient.starts_with("+449990010");
    let attempts = platform.calls().iter().filter(poison).count();
    assert!((3..=40).contains(&attempts), "{attempts} in an hour");
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_served_the_breaker_opens_within_twenty_attempts_and_probes_with_different_messages()
 {
    let (from, back) = (Duration::ZERO, Duration::from_mins(1));
    let platform = Platform::new(0, Some((from, back, Outage::Unavailable)));
    let running = Running::start(vec![line("demo", &platform, &manner(100))]);
    running.accept("demo", 0..1_000).await;
    sleep(back).await;
    let during = platform.arrivals().len();
    assert!(
        (15..=20 + 20).contains(&during),
        "{during} attempts: what opens it, and a probe each four seconds"
    );
    let tried = running
        .shared
        .store
        .find(&Filter {
            most: usize::MAX,
            ..Filter::default()
        })
        .await
        .expect("messages");
    let tried = tried
        .iter()
        .filter(|stored| stored.facts.has(crate::lifecycle::Fact::Sending));
    assert!(
        tried.clone().count() >= during - 5,
        "{} messages were tried in {during} attempts",
        tried.count()
    );
    running
        .wait_until_accepted("demo", 1_000, Duration::from_mins(2))
        .await;
    running.stop().await;
    assert!(platform.seen().receipts.values().all(|count| *count == 1));
    assert_eq!(platform.seen().taken.len(), 1_000);
}

/// The agent may send a hundred messages a second by its configuration, and fifty by the platform.
#[tokio::test(start_paused = true)]
async fn an_agent_that_is_too_fast_for_the_platform_slows_down_and_loses_nothing() {
    let platform = Choosy::new(nobody, 50);
    let queue = line("demo", &platform, &manner(100));
    let running = Running::start(vec![queue]);
    running.accept("demo", 0..3_000).await;
    running
        .wait_until_accepted("demo", 3_000, Duration::from_mins(3))
        .await;
    running.stop().await;
    let attempts = platform.calls().len();
    assert!(
        attempts <= 3_000 * 13 / 10,
        "{attempts} attempts for 3,000 messages"
    );
    let time = platform.last_served();
    assert!(
        time <= Duration::from_mins(1).mul_f64(1.5),
        "{time:?}, and a minute at what the platform grants"
    );
}

/// Answers so until it is mended.
struct Broken {
    failure: ChannelFailure,
    mended: AtomicBool,
    calls: Mutex<Vec<(Duration, String)>>,
    start: Instant,
}

impl Broken {
    fn new(code: FailureCode, http_status: Option<u16>) -> Arc<Self> {
        Arc::new(Self {
            failure: failed(code, http_status),
            mended: AtomicBool::new(false),
            calls: Mutex::default(),
            start: Instant::now(),
        })
    }

    fn calls(&self) -> std::sync::MutexGuard<'_, Vec<(Duration, String)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sender for Broken {
    async fn send(&self, _: Timestamp, message: &Message) -> Outcome {
        sleep(Duration::from_millis(20)).await;
        self.calls()
            .push((self.start.elapsed(), message.id.clone()));
        Ok(if self.mended.load(Ordering::SeqCst) {
            Ok(receipt(message))
        } else {
            Err(self.failure.clone())
        })
    }
}

/// Field case G2.
#[tokio::test(start_paused = true)]
async fn an_agent_that_is_rejected_is_held_and_none_of_its_messages_fails() {
    for (what, code, status) in [
        ("no token", FailureCode::Misconfigured, None),
        ("401", FailureCode::Misconfigured, Some(401)),
        // Five different recipients say so.
        ("403", FailureCode::Later, Some(403)),
    ] {
        let platform = Broken::new(code, status);
        let queue = line("demo", &platform, &manner(100));
        let running = Running::start(vec![queue]);
        running.accept("demo", 0..500).await;
        sleep(Duration::from_mins(5)).await;
        let held = running.shared.conditions()["demo"].hold.clone();
        assert_eq!(
            held.map(|hold| hold.error).as_deref(),
            Some("why"),
            "{what}"
        );
        let calls = platform.calls().len();
        assert!(
            (8..=30).contains(&calls),
            "{what}: {calls} calls in five minutes"
        );
        let late: Vec<String> = {
            let calls = platform.calls();
            let probes = calls.iter().filter(|(at, _)| *at > Duration::from_secs(30));
            probes.map(|(_, id)| id.clone()).collect()
        };
        let different: HashSet<&String> = late.iter().collect();
        assert_eq!(different.len(), late.len(), "{what}: {late:?}");
        assert_eq!(running.in_state("demo", State::Failed).await, 0, "{what}");
        assert!(
            running.in_state("demo", State::Queued).await >= 499,
            "{what}"
        );

        platform.mended.store(true, Ordering::SeqCst);
        running
            .wait_until_accepted("demo", 500, Duration::from_mins(3))
            .await;
        assert_eq!(running.shared.conditions()["demo"].hold, None, "{what}");
        running.stop().await;
    }
}

/// Field case G2: each message ends at its own time, with what held it up.
#[tokio::test(start_paused = true)]
async fn a_message_of_a_held_agent_ends_at_its_own_time_and_says_why() {
    let platform = Broken::new(FailureCode::Misconfigured, None);
    let queue = line("demo", &platform, &Manner::default());
    let running = Running::start(vec![queue]);
    let soon = at(0) + Duration::from_secs(10);
    for number in 0..20 {
        let new = expiring(new("demo", &format!("m{number}"), at(0)), soon);
        running.accept_one(new).await;
    }
    running.accept_one(new("demo", "patient", at(0))).await;
    running.shared.outbox.notify_one();
    sleep(Duration::from_secs(12)).await;
    assert_eq!(running.in_state("demo", State::Expired).await, 20);
    let message = running.shared.store.message("m7").await.expect("an answer");
    let history = message.expect("it is there").history;
    assert_eq!(
        history.last().and_then(|entry| entry.detail.as_deref()),
        Some("expired before it was sent: why")
    );
    assert_eq!(history.len(), 2, "no attempt was spent: {history:?}");
    assert_eq!(running.state("patient").await, State::Queued);
    sleep(Duration::from_hours(24)).await;
    assert_eq!(running.state("patient").await, State::Failed);
    running.stop().await;
}

/// What each message of one recipient would do to the others if it went first whenever it is due.
#[tokio::test(start_paused = true)]
async fn many_messages_of_one_recipient_that_always_fails_hold_up_nobody() {
    let platform = Choosy::new(broken, usize::MAX);
    let queue = line("demo", &platform, &manner(10));
    let running = Running::start(vec![queue]);
    for number in 0..150 {
        let poison = to(POISON, "demo", &format!("poison-{number}"));
        running.accept_one(poison).await;
    }
    running.shared.outbox.notify_one();
    sleep(Duration::from_secs(30)).await;
    let begun = platform.start.elapsed();
    running.accept("demo", 0..40).await;
    running
        .wait_until_accepted("demo", 40, Duration::from_mins(2))
        .await;
    running.stop().await;
    let took = platform.last_served().saturating_sub(begun);
    assert!(
        took <= Duration::from_secs(6),
        "{took:?} for 40 messages at 10 a second"
    );
}

const POISON: &str = "+44999";
const SECOND: Duration = Duration::from_secs(1);
const PHONE: &str = "+15550100001";

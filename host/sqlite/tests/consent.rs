//! Opt-outs against attempts that begin at the same time, of which none begins after the opt-out was committed, and against a
//! kill at any moment, after which each event is there with what it said, or neither is.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod made;

use gateway_channel::{Fact as Heard, Purpose};
use made::{PHONE, at, event, message};
use rbm_gateway::lifecycle::State;
use rbm_gateway::store::consent::{Consent, Consents as _, Reason, Wish};
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::{Filter, NewEvent, NewMessage, Store as _};
use rbm_sqlite::{Durability, SqliteStore};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[tokio::test(flavor = "multi_thread")]
async fn no_attempt_begins_after_an_opt_out() {
    let ended = race(None, Looks::InTheClaim).await;
    assert_eq!(ended.begun_after, 0, "{ended:?}");
    assert!(
        ended.lent > 0 && ended.refused > 0,
        "it is no race where one side always wins: {ended:?}"
    );
    assert_eq!(ended.lent + ended.refused, ROUNDS * MESSAGES, "{ended:?}");
}

/// The same by somebody who looks first and claims then, with messages that the store itself lets through: what this test
/// could not see, it would not see above.
#[tokio::test(flavor = "multi_thread")]
async fn who_looks_before_the_claim_begins_attempts_after_an_opt_out() {
    let ended = race(Some(Purpose::Authentication), Looks::BeforeTheClaim).await;
    assert!(ended.begun_after > 0, "{ended:?}");
}

#[derive(Clone, Copy, PartialEq)]
enum Looks {
    InTheClaim,
    BeforeTheClaim,
}

#[derive(Debug, Default)]
struct Ended {
    lent: usize,
    refused: usize,
    /// Lent by a claim that was asked for when the opt-out was committed already.
    begun_after: usize,
}

/// In each round, one opt-out while four claim the person's messages one by one.
async fn race(purpose: Option<Purpose>, looks: Looks) -> Ended {
    let directory = TempDir::new().unwrap();
    // Nothing is cut off here, so nothing need be flushed.
    let store = Arc::new(SqliteStore::open_with(directory.path(), Durability::Normal).unwrap());
    let mut ended = Ended::default();
    for round in 0..ROUNDS {
        let agent = format!("agent{round}");
        for number in 0..MESSAGES {
            let NewMessage { mut message, .. } = message(&format!("{round}-{number}"), 1);
            message.purpose = purpose;
            let new = NewMessage {
                agent: agent.clone(),
                message,
                ..self::message("", 1)
            };
            store.accept(new).await.unwrap();
        }
        let committed = Arc::new(AtomicBool::new(false));
        let claiming: Vec<_> = (0..CLAIMERS)
            .map(|_| {
                tokio::spawn(claim_all(
                    store.clone(),
                    agent.clone(),
                    looks,
                    committed.clone(),
                ))
            })
            .collect();
        // At another moment in every round.
        tokio::time::sleep(Duration::from_micros(
            u64::try_from(round).unwrap() * 97 % 3_000,
        ))
        .await;
        let consent = Consent::new(Wish::OptedOut, at(5), Reason::Event);
        let event = event(&agent, Heard::Unsubscribed);
        store
            .ingest(vec![NewEvent {
                agent: agent.clone(),
                consent: Some(consent),
                ..event
            }])
            .await
            .unwrap();
        committed.store(true, Ordering::SeqCst);
        for claimer in claiming {
            let (lent, begun_after) = claimer.await.unwrap();
            ended.lent += lent;
            ended.begun_after += begun_after;
        }
        let filter = Filter {
            agent: Some(agent),
            state: Some(State::Refused),
            most: MESSAGES,
            ..Filter::default()
        };
        ended.refused += store.find(&filter).await.unwrap().len();
    }
    ended
}

/// How many it was lent, and how many of them after the opt-out.
async fn claim_all(
    store: Arc<SqliteStore>,
    agent: String,
    looks: Looks,
    committed: Arc<AtomicBool>,
) -> (usize, usize) {
    let (mut lent, mut begun_after) = (0, 0);
    for _ in 0..MESSAGES / CLAIMERS {
        if looks == Looks::BeforeTheClaim {
            if store.consent(&agent, PHONE).await.unwrap().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        let late = committed.load(Ordering::SeqCst);
        let claimed = store
            .claim(at(1), Duration::from_secs(30), &[Share::any(&agent, 1)])
            .await
            .unwrap()
            .lent
            .len();
        lent += claimed;
        begun_after += if late { claimed } else { 0 };
    }
    (lent, begun_after)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_and_what_it_says_are_kept_together() {
    let (events, apart) = kill_again_and_again("together").await;
    assert_eq!(apart, 0, "of {events}");
    assert!(events > 1_000, "only {events} were kept");
}

/// The same by somebody who keeps the event first and what it says afterwards: what this test could not see, it would not see
/// above.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_in_two_commits_is_cut_in_two() {
    let (events, apart) = kill_again_and_again("apart").await;
    assert!(apart > 0, "of {events}");
}

/// How many events there are, and how many people of whom there is only the event, or only the opt-out.
async fn kill_again_and_again(how: &str) -> (usize, usize) {
    let directory = TempDir::new().unwrap();
    for round in 0..KILLS {
        hear_until_killed(directory.path(), how, round);
    }
    let store = SqliteStore::open(directory.path()).unwrap();
    let events = store.read(None, usize::MAX).await.unwrap();
    let heard: HashSet<String> = events
        .iter()
        .filter_map(|stored| stored.event.content.phone().map(str::to_owned))
        .collect();
    let out = store.opted_out("demo", None, usize::MAX).await.unwrap();
    let out: HashSet<String> = out.into_iter().map(|(phone, _)| phone).collect();
    (heard.len(), heard.symmetric_difference(&out).count())
}

fn hear_until_killed(directory: &Path, how: &str, round: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "hears_until_it_is_killed"])
        .env(DIRECTORY, directory)
        .env(HOW, how)
        .env(ROUND, round.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while !directory.join(format!("begun-{round}")).exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "it does not begin"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    // Between 0.3 and 0.8 s, at no regular place.
    std::thread::sleep(Duration::from_millis(300 + (round * 7_919) % 500));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the process that is killed"]
async fn hears_until_it_is_killed() {
    let [Ok(directory), Ok(how), Ok(round)] = [DIRECTORY, HOW, ROUND].map(std::env::var) else {
        return;
    };
    let store = Arc::new(SqliteStore::open(Path::new(&directory)).unwrap());
    std::fs::write(Path::new(&directory).join(format!("begun-{round}")), "").unwrap();
    let hearing = (0..64_u32).map(|producer| {
        let (store, apart, round) = (store.clone(), how == "apart", round.clone());
        tokio::spawn(async move {
            for number in 0_u64.. {
                let phone = format!("+1{round}{producer:02}{number:07}");
                let consent = Consent::new(Wish::OptedOut, at(0), Reason::Event);
                let mut event = event(&phone, Heard::Unsubscribed);
                event.content.inbound_mut().expect("a webhook").phone = Some(phone.clone());
                let with_it = (!apart).then(|| consent.clone());
                store
                    .ingest(vec![NewEvent {
                        consent: with_it,
                        ..event
                    }])
                    .await
                    .unwrap();
                if apart {
                    store.note_consent("demo", &phone, consent).await.unwrap();
                }
            }
        })
    });
    for hearing in hearing.collect::<Vec<_>>() {
        hearing.await.unwrap();
    }
}

const ROUNDS: usize = 60;
const MESSAGES: usize = 32;
const CLAIMERS: usize = 4;
const KILLS: u64 = 4;
const DIRECTORY: &str = "RBM_TEST_DIRECTORY";
const ROUND: &str = "RBM_TEST_ROUND";
/// `together`, or the event first and what it says `apart`.
const HOW: &str = "RBM_TEST_HOW";

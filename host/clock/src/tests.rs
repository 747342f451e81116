#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use super::*;
use proptest::prelude::*;
use std::future::pending;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// 2026-11-24T10:15:02Z.
fn start() -> Timestamp {
    Timestamp::constant(1_795_515_302, 0)
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// Whether it is still under way after a minute of the machine.
async fn waits<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    timeout(MINUTE, future).await.is_err()
}

/// By the machine's own time.
#[tokio::test]
async fn fifteen_days_pass_in_no_time() {
    let (clock, begun) = (Clock::starting_at(start()), Instant::now());
    let sleeper = tokio::spawn({
        let clock = clock.clone();
        async move {
            clock.sleep(15 * DAY).await;
            clock.now()
        }
    });
    // The sleeper begins meanwhile.
    tokio::task::yield_now().await;
    clock.advance(14 * DAY).unwrap();
    tokio::task::yield_now().await;
    assert!(!sleeper.is_finished());
    clock.advance(DAY).unwrap();
    let woken_at = sleeper.await.unwrap();
    assert!(
        woken_at >= after(15 * 86_400) && woken_at < after(15 * 86_400 + 60),
        "{woken_at}"
    );
    assert!(
        begun.elapsed() < Duration::from_mins(1),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_thousand_seconds_pass_in_one() {
    let (clock, begun) = (Clock::starting_at(start()), Instant::now());
    clock.set_rate(1_000.0).unwrap();
    clock.sleep(5 * MINUTE).await;
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(300)..Duration::from_mins(1)).contains(&took),
        "{took:?}"
    );
    assert!(clock.now() >= after(300));
}

#[tokio::test(start_paused = true)]
async fn without_a_hand_on_it_it_goes_with_the_machine_s() {
    let clock = Clock::starting_at(start());
    assert_eq!(
        clock.reading(),
        Reading {
            now: start(),
            paused: false,
            rate: 1.0
        }
    );
    let begun = Instant::now();
    clock.sleep(Duration::from_secs(90)).await;
    assert_eq!(
        (begun.elapsed(), clock.now()),
        (Duration::from_secs(90), after(90))
    );
    clock.sleep_until(after(89)).await;
    clock.sleep_until(after(90)).await;
    assert_eq!(clock.now(), after(90), "what is past is no wait");
}

#[tokio::test(start_paused = true)]
async fn spans_of_its_instants_are_spans_of_its_time() {
    let clock = Clock::starting_at(start());
    assert_eq!(clock.instant(), Instant::now().into_std());
    clock.set_rate(60.0).unwrap();
    tokio::time::advance(MINUTE).await;
    clock.advance(DAY).unwrap();
    clock.pause().unwrap();
    tokio::time::advance(MINUTE).await;
    assert_eq!(clock.now(), start() + DAY + 60 * MINUTE);
    assert_eq!(
        clock.instant(),
        (Instant::now() + DAY + 58 * MINUTE).into_std()
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_of_rate_is_for_those_who_wait_already() {
    let (clock, begun) = (Clock::starting_at(start()), Instant::now());
    let sleep = clock.sleep(100 * MINUTE);
    let change = async {
        tokio::time::sleep(10 * MINUTE).await;
        clock.set_rate(60.0).unwrap();
    };
    tokio::join!(sleep, change);
    let took = begun.elapsed();
    assert_eq!(
        took,
        10 * MINUTE + Duration::from_secs(90),
        "90 minutes at 60 in one"
    );
    clock.set_rate(0.5).unwrap();
    clock.sleep(MINUTE).await;
    assert_eq!(begun.elapsed(), took + 2 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn one_that_begins_paused_shows_the_time_that_it_was_given() {
    let clock = Clock::paused_at(start());
    assert_eq!(
        clock.reading(),
        Reading {
            now: start(),
            paused: true,
            rate: 1.0
        }
    );
    clock.advance(Duration::from_secs(30)).unwrap();
    assert_eq!(clock.now(), after(30));
    assert!(Clock::paused_at(Timestamp::MAX).now() == Clock::LATEST);
}

#[tokio::test(start_paused = true)]
async fn while_it_is_paused_only_a_jump_wakes() {
    let clock = Clock::starting_at(start());
    clock.pause().unwrap();
    let mut sleep = Box::pin(clock.sleep(Duration::from_secs(30)));
    assert!(waits(&mut sleep).await);
    assert_eq!(
        clock.reading(),
        Reading {
            now: start(),
            paused: true,
            rate: 1.0
        }
    );
    clock.set_rate(1_000.0).unwrap();
    clock.pause().unwrap();
    assert!(waits(&mut sleep).await, "it is still paused");
    clock.advance(Duration::from_secs(29)).unwrap();
    assert!(waits(&mut sleep).await, "one second too early");
    clock.jump_to(after(30)).unwrap();
    assert!(!waits(&mut sleep).await);
    assert_eq!(
        clock.reading(),
        Reading {
            now: after(30),
            paused: true,
            rate: 1_000.0
        }
    );
    let begun = Instant::now();
    clock.resume().unwrap();
    clock.resume().unwrap();
    clock.sleep(Duration::from_secs(30)).await;
    assert_eq!(
        begun.elapsed(),
        Duration::from_millis(30),
        "it resumes at the rate that was set"
    );
}

#[tokio::test]
async fn each_of_many_sleepers_wakes_at_its_moment_and_not_before() {
    let clock = Clock::starting_at(start());
    clock.pause().unwrap();
    let mut sleepers = JoinSet::new();
    for day in 1..=2_000_u32 {
        let clock = clock.clone();
        sleepers.spawn(async move {
            clock.sleep_until(start() + DAY * day).await;
            (day, clock.now())
        });
    }
    for (jump, awake) in [(500, 500), (0, 0), (1, 1), (1_499, 1_499)] {
        clock.advance(DAY * jump).unwrap();
        let (now, mut woken) = (clock.now(), 0);
        while woken < awake {
            let (day, woken_at) = sleepers.join_next().await.unwrap().unwrap();
            assert!(
                start() + DAY * day <= now && woken_at == now,
                "day {day} at {now}"
            );
            woken += 1;
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(sleepers.try_join_next().is_none(), "nobody else");
    }
    assert!(sleepers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_listens_hears_of_each_move_from_the_moment_of_asking() {
    type Move = fn(&Clock) -> Result<(), ClockProblem>;
    let each: [Move; 5] = [
        |clock| clock.advance(DAY),
        |clock| clock.jump_to(after(100 * 86_400)),
        Clock::pause,
        Clock::resume,
        |clock| clock.set_rate(2.0),
    ];
    let clock = Clock::starting_at(start());
    for set in each {
        let mut moved = Box::pin(clock.moved());
        set(&clock).unwrap();
        assert!(!waits(&mut moved).await);
        assert!(waits(&mut Box::pin(clock.moved())).await, "that was before");
    }
    let mut moved = Box::pin(clock.moved());
    clock.jump_to(start()).unwrap_err();
    assert!(waits(&mut moved).await, "nothing was moved");
    drop(clock);
    assert!(waits(&mut moved).await, "nobody can move it any more");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let clock = Clock::starting_at(start());
    clock.pause().unwrap();
    let before = clock.reading();
    let far = Clock::LATEST + SignedDuration::from_nanos(1);
    for (problem, message) in [
        (
            clock.jump_to(after(-1)),
            "the clock shows 2026-11-24T10:15:02Z, and does not go back to 2026-11-24T10:15:01Z",
        ),
        (
            clock.jump_to(far),
            "the clock does not go beyond 2900-01-01T00:00:00Z",
        ),
        (
            clock.advance(Duration::MAX),
            "the clock does not go beyond 2900-01-01T00:00:00Z",
        ),
        (
            clock.advance(DAY * 366 * 1_000),
            "the clock does not go beyond 2900-01-01T00:00:00Z",
        ),
        (
            clock.set_rate(0.0),
            "the rate 0 is none: it must be more than 0 and at most 86400",
        ),
        (
            clock.set_rate(-1.0),
            "the rate -1 is none: it must be more than 0 and at most 86400",
        ),
        (
            clock.set_rate(86_400.1),
            "the rate 86400.1 is none: it must be more than 0 and at most 86400",
        ),
        (
            clock.set_rate(f64::INFINITY),
            "the rate inf is none: it must be more than 0 and at most 86400",
        ),
        (
            clock.set_rate(f64::NAN),
            "the rate NaN is none: it must be more than 0 and at most 86400",
        ),
    ] {
        assert_eq!(problem.unwrap_err().to_string(), message);
        assert_eq!(clock.reading(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_latest_time_it_stands_and_whoever_waits_for_later_waits_on() {
    let clock = Clock::starting_at(Timestamp::MAX);
    assert_eq!(clock.now(), Clock::LATEST);
    clock.set_rate(Clock::RATE_MAX).unwrap();
    tokio::time::advance(DAY).await;
    assert_eq!(clock.now(), Clock::LATEST);
    assert!(waits(&mut Box::pin(clock.sleep(Duration::MAX))).await);
    clock.set_rate(f64::MIN_POSITIVE).unwrap();
    assert!(waits(&mut Box::pin(clock.sleep(MINUTE))).await);
}

#[tokio::test]
async fn the_machine_s_clock_tells_the_time_and_is_moved_by_nobody() {
    let (clock, before) = (Clock::system(), Timestamp::now());
    clock.sleep(Duration::from_millis(20)).await;
    clock.sleep_until(before + Duration::from_millis(50)).await;
    let Reading { now, paused, rate } = clock.reading();
    assert!(now >= before + Duration::from_millis(50) && now <= Timestamp::now());
    assert_eq!((paused, rate), (false, 1.0));
    for set in [
        clock.advance(DAY),
        clock.jump_to(Clock::LATEST),
        clock.pause(),
        clock.resume(),
        clock.set_rate(2.0),
    ] {
        assert_eq!(set, Err(ClockProblem::Machine));
    }
    assert!(
        timeout(Duration::from_millis(20), clock.moved())
            .await
            .is_err()
    );
}

/// Threads that read while another one moves it.
#[test]
fn no_thread_sees_it_go_back() {
    let clock = Clock::starting_at(start());
    let read = || {
        let mut last = clock.now();
        for _ in 0..50_000 {
            let now = clock.now();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
    };
    let set = || {
        for step in 0..5_000_u32 {
            clock.set_rate(f64::from(step % 100 + 1) * 100.0).unwrap();
            clock
                .advance(Duration::from_nanos(u64::from(step)))
                .unwrap();
            if step % 3 == 0 {
                clock.pause().unwrap();
            } else {
                clock.resume().unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(read);
        scope.spawn(read);
        scope.spawn(set);
    });
}

#[derive(Clone, Debug)]
enum Step {
    /// Of the machine.
    Pass(Duration),
    Advance(Duration),
    /// By nanoseconds from what it shows.
    Jump(i64),
    Pause,
    Resume,
    Rate(f64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..10_000_000_000_u64).prop_map(|nanos| Step::Pass(Duration::from_nanos(nanos))),
        any::<Duration>().prop_map(Step::Advance),
        (0..10_000_000_000_u64).prop_map(|nanos| Step::Advance(Duration::from_nanos(nanos))),
        (-10_000_000_000..10_000_000_000_i64).prop_map(Step::Jump),
        Just(Step::Pause),
        Just(Step::Resume),
        any::<f64>().prop_map(Step::Rate),
        (0.001..100_000.0).prop_map(Step::Rate),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_to_it_it_never_goes_back_and_a_sleeper_wakes_when_its_time_has_come(
        steps in proptest::collection::vec(step(), 1..60),
        sleep in (0..200_000_000_000_u64).prop_map(Duration::from_nanos),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let clock = Clock::starting_at(start());
            let sleeper = tokio::spawn({
                let clock = clock.clone();
                async move { clock.sleep_until(start() + sleep).await }
            });
            let mut last = start();
            for step in steps {
                let before = clock.reading();
                let moved = match step {
                    Step::Pass(time) => {
                        tokio::time::advance(time).await;
                        Ok(())
                    }
                    Step::Advance(ahead) => clock.advance(ahead),
                    Step::Jump(nanos) => clock.jump_to(before.now + SignedDuration::from_nanos(nanos)),
                    Step::Pause => clock.pause(),
                    Step::Resume => clock.resume(),
                    Step::Rate(rate) => clock.set_rate(rate),
                };
                let reading = clock.reading();
                assert!(reading.now >= last, "{} after {last}", reading.now);
                last = reading.now;
                if moved.is_err() {
                    assert_eq!(reading, before, "what is refused changes nothing");
                }
                // A timer is exact to a millisecond, of the machine.
                timeout(Duration::from_millis(2), pending::<()>()).await.unwrap_err();
                let (now, due) = (clock.now(), start() + sleep);
                assert!(sleeper.is_finished() || last < due, "it sleeps at {now}, until {due}");
                assert!(!sleeper.is_finished() || now >= due, "it woke at {now}, and slept until {due}");
            }
            sleeper.abort();
        });
    }
}

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

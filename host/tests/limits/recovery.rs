//! A plugin that fails leaves nothing behind: its instance is dead, and its place is free and clean for the next.

use crate::host::{
    CEILING, Silent, assert_well, empty_verdict, limits, load, settings, soon, told, verify,
    verify_in,
};
use crate::sketch::{FETCH, FOREVER, Sketch, fetching, tell};
use async_trait::async_trait;
use rbm_host::http_client::{FetchFailure, HttpRequest, HttpResponse};
use rbm_host::{CallProblem, Engine, HttpClient, Limits, NoHttp, Observer};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test]
async fn after_any_problem_the_instance_is_dead_and_its_place_is_free() {
    let limits = Limits {
        instances_max: 1,
        call_time_max: Duration::from_millis(500),
        ..limits()
    };
    let engine = Engine::new(limits).unwrap();
    for (kind, sketch) in failures() {
        let http: Arc<dyn HttpClient> = if kind == "TookTooLong" {
            Arc::new(Silent::default())
        } else {
            Arc::new(NoHttp)
        };
        let mut instance = engine
            .load(&sketch.build())
            .unwrap()
            .instantiate(http)
            .await
            .unwrap();
        let problem = soon(verify_in(&mut instance)).await.unwrap_err();
        assert!(
            format!("{problem:?}").starts_with(kind),
            "{kind}: {problem:?}"
        );
        assert_eq!(
            soon(verify_in(&mut instance)).await,
            Err(CallProblem::Dead),
            "{kind}"
        );
        assert_eq!(
            soon(instance.describe()).await.err(),
            Some(CallProblem::Dead),
            "{kind}"
        );
        drop(instance);
        assert_well(&engine).await;
    }
}

#[tokio::test]
async fn a_plugin_that_does_not_start_takes_no_place() {
    let engine = Engine::new(limits()).unwrap();
    let plugin = engine
        .load(
            &Sketch::new()
                .field("(start $start) (func $start unreachable)")
                .build(),
        )
        .unwrap();
    for _ in 0..limits().instances_max * 2 {
        assert!(soon(plugin.instantiate(Arc::new(NoHttp))).await.is_err());
    }
    assert_well(&engine).await;
}

#[tokio::test]
async fn nothing_of_a_call_is_left_for_the_next() {
    let grow = "(drop (memory.grow (i32.const 62)))";
    let fill = "(memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 0x400000)) unreachable";
    let mark = "(i32.store8 (i32.const 0x3fffff) (i32.const 0xaa))";
    let engine = Engine::new(Limits {
        instances_max: 1,
        ..limits()
    })
    .unwrap();
    let channel = |bodies: &[&str]| {
        let sketch = Sketch::new()
            .field(LOOK)
            .function("verify-signature", &bodies.concat());
        engine
            .load(&sketch.build())
            .unwrap()
            .channel(settings(), Arc::new(NoHttp))
    };
    let look = tell("(call $look)");
    let (fills, looks) = (channel(&[grow, fill]), channel(&[grow, &look]));
    assert_eq!(
        soon(verify(&channel(&[grow, mark, &look]))).await,
        Ok(told(1)),
        "what there is is found"
    );
    for _ in 0..3 {
        assert!(matches!(
            soon(verify(&fills)).await,
            Err(CallProblem::Trapped { .. })
        ));
        assert_eq!(soon(verify(&looks)).await, Ok(told(0)));
    }
}

#[tokio::test]
async fn a_call_dropped_while_the_plugin_runs_gives_its_place_back() {
    let limits = Limits {
        running_time_max: CEILING / 4,
        ..limits()
    };
    let (engine, plugin) = load(
        limits.clone(),
        &Sketch::new().function("verify-signature", FOREVER),
    );
    let channel = plugin.channel(settings(), Arc::new(NoHttp));
    for _ in 0..limits.instances_max * 2 {
        assert!(
            soon(timeout(Duration::from_millis(20), verify(&channel)))
                .await
                .is_err()
        );
    }
    assert_well(&engine).await;
}

#[tokio::test]
async fn a_call_dropped_before_its_turn_takes_no_place() {
    let (engine, plugin) = load(
        Limits {
            instances_max: 1,
            ..limits()
        },
        &Sketch::new(),
    );
    let channel = plugin.channel(settings(), Arc::new(NoHttp));
    let first = plugin.instantiate(Arc::new(NoHttp)).await.unwrap();
    assert!(
        timeout(Duration::from_millis(20), verify(&channel))
            .await
            .is_err()
    );
    drop(first);
    assert_well(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_callers_than_places_are_all_served_in_turn() {
    let (engine, honest) = load(limits(), &fetching());
    let broken = engine
        .load(
            &Sketch::new()
                .function("verify-signature", "unreachable")
                .build(),
        )
        .unwrap();
    let http = Arc::new(Crowd::of(limits().instances_max));
    let (honest, broken) = (
        honest.channel(settings(), http.clone()),
        broken.channel(settings(), http.clone()),
    );
    let mut callers = JoinSet::new();
    for _ in 0..limits().instances_max * 10 {
        let (honest, broken) = (honest.clone(), broken.clone());
        callers.spawn(async move { (verify(&honest).await, verify(&broken).await) });
    }
    for (honest, broken) in soon(callers.join_all()).await {
        assert_eq!(honest, Ok(empty_verdict()));
        assert!(
            matches!(broken, Err(CallProblem::Trapped { .. })),
            "{broken:?}"
        );
    }
    assert_eq!(http.most.load(Ordering::SeqCst), limits().instances_max);
}

#[tokio::test]
async fn an_observer_hears_of_every_call_and_what_it_came_to() {
    let heard = Arc::<Heard>::default();
    let limits = Limits {
        call_time_max: Duration::from_millis(500),
        ..limits()
    };
    let engine = Engine::new(limits).unwrap().with_observer(heard.clone());
    let mut expected = Vec::new();
    let not_started = Sketch::new().field("(start $start) (func $start unreachable)");
    for (kind, sketch) in failures().into_iter().chain([("NotStarted", not_started)]) {
        let http: Arc<dyn HttpClient> = if kind == "TookTooLong" {
            Arc::new(Silent::default())
        } else {
            Arc::new(NoHttp)
        };
        let plugin = engine.load(&sketch.build()).unwrap();
        let problem = soon(verify(&plugin.channel(settings(), http)))
            .await
            .unwrap_err();
        expected.push(("verify-signature", Some(problem)));
        assert_eq!(*heard.0.lock().unwrap(), expected, "{kind}");
    }
    assert_well(&engine).await;
    expected.push(("verify-signature", None));
    assert_eq!(*heard.0.lock().unwrap(), expected);
}

#[derive(Default)]
struct Heard(Mutex<Vec<(&'static str, Option<CallProblem>)>>);

impl Observer for Heard {
    fn called(&self, function: &'static str, problem: Option<&CallProblem>, _took: Duration) {
        self.0.lock().unwrap().push((function, problem.cloned()));
    }
}

#[test]
fn a_thousand_problems_take_no_memory() {
    // In a process of its own, since what other tests allocate would count.
    let test = [
        "--exact",
        "recovery::a_thousand_problems_alone_in_a_process",
        "--ignored",
        "--nocapture",
    ];
    let alone = Command::new(env::current_exe().unwrap())
        .args(test)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        alone.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&alone.stderr)
    );
}

#[tokio::test]
#[ignore = "another test runs it in a process of its own"]
async fn a_thousand_problems_alone_in_a_process() {
    let engine = Engine::new(limits()).unwrap();
    let quick = failures()
        .into_iter()
        .filter(|(kind, _)| !["OutOfTime", "TookTooLong"].contains(kind));
    let channels: Vec<_> = quick
        .map(|(_, sketch)| {
            engine
                .load(&sketch.build())
                .unwrap()
                .channel(settings(), Arc::new(NoHttp))
        })
        .collect();
    let fail = async |times| {
        for _ in 0..times {
            for channel in &channels {
                soon(verify(channel)).await.unwrap_err();
            }
        }
    };
    fail(50).await;
    let before = resident_bytes();
    fail(1_000).await;
    let after = resident_bytes();
    assert!(
        after < before + (4 << 20),
        "{before} bytes before, {after} after"
    );
    assert_well(&engine).await;
}

/// A plugin for each way in which a call may fail, by the problem's name.
fn failures() -> Vec<(&'static str, Sketch)> {
    let with = |body: &str| Sketch::new().function("verify-signature", body);
    vec![
        ("OutOfTime", with(FOREVER)),
        ("TookTooLong", fetching()),
        ("OutOfMemory", with("(memory.grow (i32.const 100))")),
        (
            "StackOverflow",
            with("(call $deep)").field("(func $deep (result i32) (i32.eqz (call $deep)))"),
        ),
        (
            "CopiedTooMuch",
            Sketch::new()
                .words(0x118, &[1, 0, 2 << 20])
                .memory_pages(33),
        ),
        (
            "TooManyFetches",
            with(&format!("(loop $more {FETCH} (br $more)) unreachable")),
        ),
        ("Trapped", with("unreachable")),
        ("BrokeContract", with("(i32.const -1)")),
    ]
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

/// Answers nobody before a number of requests wait, and counts how many waited at most.
struct Crowd {
    enough: Barrier,
    waiting: AtomicU32,
    most: AtomicU32,
}

impl Crowd {
    fn of(number: u32) -> Self {
        let enough = Barrier::new(number as usize);
        Self {
            enough,
            waiting: AtomicU32::new(0),
            most: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl HttpClient for Crowd {
    async fn fetch(&self, _: HttpRequest) -> Result<HttpResponse, FetchFailure> {
        self.most.fetch_max(
            self.waiting.fetch_add(1, Ordering::SeqCst) + 1,
            Ordering::SeqCst,
        );
        self.enough.wait().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Ok(HttpResponse {
            status: 204,
            headers: vec![],
            body: vec![],
        })
    }
}

/// Whether any byte is not zero, but for the page in which the arguments are.
const LOOK: &str = "
    (func $look (result i32) (i32.or
        (call $from-to (i32.const 0) (i32.const 0x10000))
        (call $from-to (i32.const 0x20000) (i32.const 0x400000))))
    (func $from-to (param $at i32) (param $end i32) (result i32) (local $found i64)
        (loop $on
            (local.set $found (i64.or (local.get $found) (i64.load (local.get $at))))
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br_if $on (i32.lt_u (local.get $at) (local.get $end))))
        (i64.ne (local.get $found) (i64.const 0)))";

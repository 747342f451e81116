//! HTTP is a plugin's only way out. Whatever it asks for, however often and from wherever, the host's rules hold.

use crate::host::{
    Answers, Silent, assert_well, empty_verdict, limits, load, outcome, problem, settings, soon,
    told, verify, verify_in,
};
use crate::sketch::{FETCH, Sketch, fetching, tell};
use crate::values::assert_broken;
use rbm_host::{CallProblem, Egress, HttpClient, NoHttp};
use std::sync::Arc;

#[tokio::test]
async fn a_plugin_that_never_stops_fetching_is_stopped() {
    let endless = format!("(loop $more {FETCH} (br $more)) unreachable");
    for (place, sketch) in [
        (
            "in a function",
            Sketch::new().function("verify-signature", &endless),
        ),
        (
            "in the initializer",
            Sketch::new().field(&format!(r#"(func (export "_initialize") {endless})"#)),
        ),
    ] {
        let http = Arc::new(Answers::default());
        let limit = limits().fetches_max;
        assert_eq!(
            problem(limits(), http.clone(), &sketch).await,
            CallProblem::TooManyFetches { limit },
            "{place}"
        );
        assert_eq!(http.count(), limit, "{place}");
    }
}

#[tokio::test]
async fn every_call_may_fetch_as_often() {
    let as_often_as_it_may = FETCH.repeat(3) + "(i32.const 0x100)";
    let (_engine, plugin) = load(
        limits(),
        &Sketch::new().function("verify-signature", &as_often_as_it_may),
    );
    let http = Arc::new(Answers::default());
    let mut instance = plugin.instantiate(http.clone()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(soon(verify_in(&mut instance)).await, Ok(empty_verdict()));
    }
    assert_eq!(http.count(), 6);
}

#[tokio::test]
async fn a_header_of_the_host_is_denied_and_nothing_is_sent() {
    for header in HOST_HEADERS.split(' ') {
        let http = Arc::new(Answers::default());
        assert_eq!(
            outcome(limits(), http.clone(), &with_header(header)).await,
            Ok(told(DENIED)),
            "{header}"
        );
        assert_eq!(http.count(), 0, "{header}");
    }
}

#[tokio::test]
async fn a_header_of_the_plugin_is_sent() {
    let http = Arc::new(Answers::default());
    assert_eq!(
        outcome(limits(), http.clone(), &with_header("content-type")).await,
        Ok(told(204))
    );
    assert_eq!(http.count(), 1);
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_denied() {
    let nowhere = Egress::builder().build().unwrap();
    let clients: [(&str, Arc<dyn HttpClient>); 2] = [
        ("no HTTP", Arc::new(NoHttp)),
        ("no origins", Arc::new(nowhere)),
    ];
    for (name, http) in clients {
        let sketch =
            asking(&[("url", 0x400), ("url length", 20)]).data(0x400, b"https://example.com/");
        assert_eq!(
            outcome(limits(), http, &sketch).await,
            Ok(told(DENIED)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_payload_that_the_host_does_not_hold_is_not_sent() {
    let http = Arc::new(Answers::default());
    assert_eq!(
        outcome(limits(), http.clone(), &asking(&[("body kind", 1)])).await,
        Ok(told(OTHER))
    );
    assert_eq!(http.count(), 0);
}

#[tokio::test]
async fn a_request_that_is_no_value_of_the_contract_is_not_sent() {
    for (name, parameters) in [
        (
            "a method that is not UTF-8",
            [("method", 0x3ff), ("method length", 1)],
        ),
        (
            "an address outside of memory",
            [("url", u32::MAX), ("url length", 1)],
        ),
        (
            "an address of the greatest length",
            [("url", 0), ("url length", u32::MAX)],
        ),
        (
            "more headers than there is memory",
            [("headers", 0), ("headers length", u32::MAX)],
        ),
        (
            "headers between two words",
            [("headers", 1), ("headers length", 1)],
        ),
        ("a body of no kind", [("body kind", 2), ("body length", 0)]),
        (
            "a body outside of memory",
            [("body", 0x1_ffff), ("body length", 2)],
        ),
        (
            "a timeout neither given nor not",
            [("timeout given", 2), ("timeout", 1)],
        ),
    ] {
        let http = Arc::new(Answers::default());
        assert_broken(
            name,
            &problem(
                limits(),
                http.clone(),
                &asking(&parameters).data(0x3ff, b"\xff"),
            )
            .await,
        );
        assert_eq!(http.count(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_problem_is_told_in_no_word_of_the_plugin() {
    let wrong = format!(
        r#"(func $"fuel allocated for hostcalls" (result i32) {})"#,
        ask(&[("body kind", 2)])
    );
    let sketch = Sketch::new().field(&wrong).function(
        "verify-signature",
        r#"(call $"fuel allocated for hostcalls")"#,
    );
    let what = "unexpected discriminant: 2".to_owned();
    assert_eq!(
        problem(limits(), Arc::new(NoHttp), &sketch).await,
        CallProblem::BrokeContract { what }
    );
}

#[tokio::test]
async fn a_request_over_the_limit_is_neither_copied_nor_sent() {
    let limit = limits().copied_bytes_max;
    let length = u32::try_from(limit).unwrap() + 1;
    let http = Arc::new(Answers::default());
    let sketch = asking(&[("body", 0x2_0000), ("body length", length)]).memory_pages(20);
    assert_eq!(
        problem(limits(), http.clone(), &sketch).await,
        CallProblem::CopiedTooMuch { limit }
    );
    assert_eq!(http.count(), 0);
}

#[tokio::test]
async fn an_answer_larger_than_the_memory_ends_the_call() {
    let limit = limits().memory_bytes_max;
    let http = Arc::new(Answers {
        body: vec![0; limit],
        ..Answers::default()
    });
    let ended = problem(limits(), http, &asking(&[])).await;
    assert_eq!(
        ended,
        CallProblem::OutOfMemory {
            wanted: limit + (1 << 16),
            limit,
            unit: "bytes of memory"
        }
    );
}

#[tokio::test]
async fn an_answer_without_a_place_for_it_breaks_the_contract() {
    let lie = |place: u32| {
        format!("(select (i32.const {place}) (i32.const 0x10000) (i32.load (i32.const 0x80)))")
    };
    for (name, sketch) in [
        ("an answer over the end", asking(&[("answer", 0x1_fffc)])),
        ("an answer behind the end", asking(&[("answer", 0x2_0000)])),
        ("an answer between two words", asking(&[("answer", 0x201)])),
        ("a body over the end", fetching().allocator(&lie(0x1_fffc))),
        (
            "a body at the last address",
            fetching().allocator(&lie(0xffff_fffc)),
        ),
        (
            "headers between two words",
            fetching().allocator(&lie(0x1_0001)),
        ),
    ] {
        let http = Arc::new(Answers {
            body: vec![1; 8],
            ..Answers::default()
        });
        assert_broken(name, &problem(limits(), http, &sketch).await);
    }
}

#[tokio::test]
async fn a_plugin_may_not_fetch_where_the_host_waits_for_it() {
    let allocator = format!("{FETCH} (i32.const 0x10000)");
    let later_allocator =
        format!("(if (i32.load (i32.const 0x80)) (then {FETCH})) (i32.const 0x10000)");
    let start = format!("(start $start) (func $start {FETCH})");
    for (place, sketch, requests) in [
        (
            "in the allocator, for arguments",
            Sketch::new().allocator(&allocator),
            0,
        ),
        (
            "in the allocator, for an answer",
            fetching().allocator(&later_allocator),
            1,
        ),
        (
            "after the result was read",
            Sketch::new().after("verify-signature", FETCH),
            0,
        ),
        ("in the start function", Sketch::new().field(&start), 0),
    ] {
        let http = Arc::new(Answers::default());
        let ended = problem(limits(), http.clone(), &sketch).await;
        assert!(
            matches!(ended, CallProblem::Trapped { .. }),
            "{place}: {ended:?}"
        );
        assert_eq!(http.count(), requests, "{place}");
    }
}

#[tokio::test]
async fn a_call_dropped_while_it_waits_gives_everything_back() {
    let (engine, plugin) = load(limits(), &fetching());
    let http = Arc::new(Silent::default());
    let channel = plugin.channel(settings(), http.clone());
    for _ in 0..limits().instances_max * 2 {
        tokio::select! {
            outcome = soon(verify(&channel)) => panic!("{outcome:?}"),
            () = http.asked.notified() => {}
        }
    }
    drop(channel);
    assert_eq!(
        Arc::strong_count(&http),
        1,
        "no instance is left, and no request"
    );
    assert_well(&engine).await;
}

#[tokio::test]
async fn an_instance_whose_call_was_dropped_is_dead() {
    let (_engine, plugin) = load(limits(), &fetching());
    let http = Arc::new(Silent::default());
    let mut instance = plugin.instantiate(http.clone()).await.unwrap();
    tokio::select! {
        outcome = soon(verify_in(&mut instance)) => panic!("{outcome:?}"),
        () = http.asked.notified() => {}
    }
    assert_eq!(soon(verify_in(&mut instance)).await, Err(CallProblem::Dead));
}

/// A plugin that asks once and tells what came of it: the status, or the failure's code.
fn asking(parameters: &[(&str, u32)]) -> Sketch {
    Sketch::new().function("verify-signature", &ask(parameters))
}

fn ask(parameters: &[(&str, u32)]) -> String {
    let value = |(name, usual): (&str, u32)| {
        parameters
            .iter()
            .find(|(given, _)| *given == name)
            .map_or(usual, |(_, value)| *value)
    };
    let values = PARAMETERS
        .map(|parameter| format!("(i32.const {})", value(parameter)))
        .concat();
    format!("(call $fetch {values}) {}", tell(STATUS_OR_CODE))
}

fn with_header(name: &str) -> Sketch {
    let header = [0x400, u32::try_from(name.len()).unwrap(), 0, 0];
    asking(&[("headers", 0x300), ("headers length", 1)])
        .words(0x300, &header)
        .data(0x400, name.as_bytes())
}

/// Of the host's function as a plugin sees it, with what they are where a test does not care.
const PARAMETERS: [(&str, u32); 12] = [
    ("method", 0),
    ("method length", 0),
    ("url", 0),
    ("url length", 0),
    ("headers", 0),
    ("headers length", 0),
    ("body kind", 0),
    ("body", 0),
    ("body length", 0),
    ("timeout given", 0),
    ("timeout", 0),
    ("answer", 0x200),
];
const STATUS_OR_CODE: &str = "(select (i32.load8_u (i32.const 0x204)) (i32.load16_u (i32.const 0x204)) (i32.load8_u (i32.const 0x200)))";
const HOST_HEADERS: &str = "authorization Authorization AUTHORIZATION proxy-authorization host Host connection \
    keep-alive content-length transfer-encoding te upgrade";
/// The places of these codes among all.
const DENIED: u32 = 0;
const OTHER: u32 = 4;

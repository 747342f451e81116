//! A plugin that does not come to an end is stopped, and whoever waits for HTTP is not taken for one.

use crate::host::{
    Answers, CEILING, Silent, assert_well, empty_verdict, limits, load, outcome, problem, settings,
    soon, verify,
};
use crate::sketch::{FETCH, FILL_FOREVER, FOREVER, Sketch, fetching};
use rbm_host::{CallProblem, Limits, NoHttp};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_loop_is_stopped_within_its_time_wherever_it_is() {
    for (place, sketch) in [
        (
            "in a function",
            Sketch::new().function("verify-signature", FOREVER),
        ),
        (
            "in the start function",
            Sketch::new().field(&format!("(start $start) (func $start {FOREVER})")),
        ),
        (
            "in the initializer",
            Sketch::new().field(&format!(r#"(func (export "_initialize") {FOREVER})"#)),
        ),
        (
            "in the allocator, for arguments",
            Sketch::new().allocator(FOREVER),
        ),
        (
            "in the allocator, for an answer",
            fetching().allocator(ALLOCATOR_THAT_STOPS_AFTER_ARGUMENTS),
        ),
        (
            "after the result was read",
            Sketch::new().after("verify-signature", FOREVER),
        ),
        (
            "of tail calls",
            Sketch::new()
                .field(AGAIN)
                .function("verify-signature", "(return_call $again)"),
        ),
        (
            "that fills memory",
            Sketch::new().function("verify-signature", FILL_FOREVER),
        ),
    ] {
        let (engine, plugin) = load(limits(), &sketch);
        let channel = plugin.channel(settings(), Arc::new(Answers::default()));
        let started = Instant::now();
        let stopped = soon(verify(&channel)).await;
        let ran = started.elapsed();
        assert!(
            ran >= limits().running_time_max && ran < CEILING / 10,
            "{place}: it had {ran:?}"
        );
        assert_eq!(
            stopped,
            Err(CallProblem::OutOfTime {
                limit: limits().running_time_max
            }),
            "{place}"
        );
        assert_well(&engine).await;
    }
}

#[tokio::test]
async fn waiting_for_answers_uses_up_no_running_time() {
    let limits = Limits {
        fetches_max: 20,
        ..limits()
    };
    let sketch = Sketch::new().function(
        "verify-signature",
        &(FETCH.repeat(20) + "(i32.const 0x100)"),
    );
    // Longer than the host needs to notice, and all together far longer than the plugin may run.
    let http = Arc::new(Answers {
        after: Duration::from_millis(20),
        ..Answers::default()
    });
    assert_eq!(outcome(limits, http, &sketch).await, Ok(empty_verdict()));
}

#[tokio::test]
async fn an_answer_does_not_renew_the_running_time() {
    let limits = Limits {
        fetches_max: u32::MAX,
        call_time_max: CEILING / 4,
        ..limits()
    };
    let sketch = Sketch::new().field(WORK).function(
        "verify-signature",
        &format!("(loop $more {FETCH} (call $work) (br $more)) unreachable"),
    );
    let stopped = problem(limits.clone(), Arc::new(Answers::default()), &sketch).await;
    assert_eq!(
        stopped,
        CallProblem::OutOfTime {
            limit: limits.running_time_max
        }
    );
}

#[tokio::test]
async fn a_call_ends_when_its_time_is_up_even_if_no_answer_comes() {
    let limits = Limits {
        call_time_max: Duration::from_millis(100),
        ..limits()
    };
    let ended = problem(limits.clone(), Arc::new(Silent::default()), &fetching()).await;
    assert_eq!(
        ended,
        CallProblem::TookTooLong {
            limit: limits.call_time_max
        }
    );
}

#[tokio::test]
async fn a_loop_ends_with_the_call_where_that_is_sooner() {
    let limits = Limits {
        call_time_max: Duration::from_millis(50),
        running_time_max: CEILING / 2,
        ..limits()
    };
    let sketch = Sketch::new().function("verify-signature", FOREVER);
    let ended = problem(limits.clone(), Arc::new(NoHttp), &sketch).await;
    assert_eq!(
        ended,
        CallProblem::TookTooLong {
            limit: limits.call_time_max
        }
    );
}

/// Serves arguments, all with the same place, and nothing that comes later.
const ALLOCATOR_THAT_STOPS_AFTER_ARGUMENTS: &str =
    "(if (i32.load (i32.const 0x80)) (then (loop $forever (br $forever)))) (i32.const 0x10000)";
const AGAIN: &str = "(func $again (result i32) (return_call $again))";
/// Takes a part of the time that a plugin may run.
const WORK: &str = "
    (func $work (local i32)
        (loop $on (br_if $on (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 60000000)))))";

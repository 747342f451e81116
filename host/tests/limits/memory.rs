//! A plugin that wants more room than it may have, or does what WebAssembly forbids, is stopped and told why.

use crate::host::{
    CEILING, assert_well, empty_verdict, limits, load, outcome, problem, problem_alone, request,
    settings, soon, told, verify,
};
use crate::sketch::{FETCH, Sketch, tell};
use jiff::Timestamp;
use rbm_host::contract::WebhookRequest;
use rbm_host::{CallProblem, Limits, NoHttp};
use std::sync::Arc;

#[tokio::test]
async fn memory_may_grow_to_its_limit() {
    let body = format!(
        "(drop (memory.grow (i32.const 62))) {}",
        tell("(memory.size)")
    );
    let sketch = Sketch::new().function("verify-signature", &body);
    assert_eq!(
        outcome(limits(), Arc::new(NoHttp), &sketch).await,
        Ok(told(64))
    );
}

#[tokio::test]
async fn growth_past_the_limit_ends_the_call() {
    for (name, body, wanted) in [
        (
            "page by page",
            "(loop $more (drop (memory.grow (i32.const 1))) (br $more)) unreachable",
            65 << 16,
        ),
        (
            "one page too many",
            "(memory.grow (i32.const 63))",
            65 << 16,
        ),
        (
            "all that can be addressed",
            "(memory.grow (i32.const 65534))",
            1 << 32,
        ),
        (
            "more than can be addressed",
            "(memory.grow (i32.const -1))",
            (1 << 48) + (1 << 16),
        ),
    ] {
        let ended = problem_alone(&Sketch::new().function("verify-signature", body)).await;
        let limit = limits().memory_bytes_max;
        assert_eq!(
            ended,
            CallProblem::OutOfMemory {
                wanted,
                limit,
                unit: "bytes of memory"
            },
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_table_that_grows_past_the_limit_ends_the_call() {
    let grow = |elements: &str| format!("(table.grow $own (ref.null func) (i32.const {elements}))");
    for (name, body, wanted) in [
        (
            "by one",
            format!("(loop $more (drop {}) (br $more)) unreachable", grow("1")),
            101,
        ),
        ("by one too many", grow("100"), 101),
        ("by all that can be counted", grow("-1"), 1 << 32),
    ] {
        let sketch = Sketch::new()
            .field("(table $own 1 funcref)")
            .function("verify-signature", &body);
        let limit = limits().table_elements_max;
        let expected = CallProblem::OutOfMemory {
            wanted,
            limit,
            unit: "table elements",
        };
        assert_eq!(problem_alone(&sketch).await, expected, "{name}");
    }
}

#[tokio::test]
async fn an_argument_larger_than_the_memory_ends_the_call() {
    let (engine, plugin) = load(limits(), &Sketch::new());
    let channel = plugin.channel(settings(), Arc::new(NoHttp));
    let large = WebhookRequest {
        body: vec![0; limits().memory_bytes_max],
        ..request()
    };
    let ended = soon(channel.verify_signature(Timestamp::UNIX_EPOCH, &large)).await;
    let limit = limits().memory_bytes_max;
    assert_eq!(
        ended,
        Err(CallProblem::OutOfMemory {
            wanted: limit + (1 << 16),
            limit,
            unit: "bytes of memory"
        })
    );
    assert_well(&engine).await;
    assert_eq!(soon(verify(&channel)).await, Ok(empty_verdict()));
}

#[tokio::test]
async fn recursion_ends_with_the_stack() {
    let deep = || Sketch::new().field(DEEP);
    for (place, sketch) in [
        (
            "in a function",
            deep().function("verify-signature", "(call $deep)"),
        ),
        (
            "through a table",
            Sketch::new()
                .field(DEEP_INDIRECTLY)
                .function("verify-signature", "(call $deep)"),
        ),
        (
            "in the start function",
            deep().field("(start $start) (func $start (drop (call $deep)))"),
        ),
        (
            "in the initializer",
            deep().field(r#"(func (export "_initialize") (drop (call $deep)))"#),
        ),
        ("in the allocator", deep().allocator("(call $deep)")),
        (
            "after the result was read",
            deep().after("verify-signature", "(drop (call $deep))"),
        ),
    ] {
        let expected = CallProblem::StackOverflow {
            limit: limits().stack_bytes_max,
        };
        assert_eq!(problem_alone(&sketch).await, expected, "{place}");
    }
}

#[tokio::test]
async fn a_single_frame_larger_than_the_stack_is_not_entered() {
    let sketch = Sketch::new()
        .field(&large_frame(5_000))
        .function("verify-signature", "(call $large)");
    let limits = Limits {
        stack_bytes_max: 32 << 10,
        ..limits()
    };
    let ended = problem(limits.clone(), Arc::new(NoHttp), &sketch).await;
    assert_eq!(
        ended,
        CallProblem::StackOverflow {
            limit: limits.stack_bytes_max
        }
    );
}

#[tokio::test]
async fn the_host_has_a_stack_of_its_own_where_the_plugin_has_used_up_its_own() {
    let deep = format!("(func $deep (result i32) {FETCH} (i32.add (call $deep) (i32.const 1)))");
    let sketch = Sketch::new()
        .field(&deep)
        .function("verify-signature", "(call $deep)");
    let limits = Limits {
        fetches_max: u32::MAX,
        running_time_max: CEILING / 2,
        ..limits()
    };
    let ended = problem(limits.clone(), Arc::new(NoHttp), &sketch).await;
    assert_eq!(
        ended,
        CallProblem::StackOverflow {
            limit: limits.stack_bytes_max
        }
    );
}

#[tokio::test]
async fn a_trap_is_told_as_what_it_is() {
    for (body, what) in [
        ("unreachable", "wasm `unreachable` instruction executed"),
        (
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "integer divide by zero",
        ),
        (
            "(i32.rem_s (i32.const 1) (i32.const 0))",
            "integer divide by zero",
        ),
        (
            "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
            "integer overflow",
        ),
        (
            "(i32.trunc_f32_s (f32.const nan))",
            "invalid conversion to integer",
        ),
        (
            "(i32.load8_u (i32.const 0x20000))",
            "out of bounds memory access",
        ),
        (
            "(i32.load (i32.const 0x1fffd))",
            "out of bounds memory access",
        ),
        (
            "(i32.load offset=0xffffffff (i32.const -1))",
            "out of bounds memory access",
        ),
        (
            "(i32.store (i32.const -4) (i32.const 1)) unreachable",
            "out of bounds memory access",
        ),
        (
            "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1)) unreachable",
            "out of bounds memory access",
        ),
        (
            "(memory.copy (i32.const 0) (i32.const -1) (i32.const 2)) unreachable",
            "out of bounds memory access",
        ),
        (
            "(call_indirect $own (result i32) (i32.const 0))",
            "uninitialized element",
        ),
        (
            "(call_indirect $own (result i32) (i32.const 1))",
            "indirect call type mismatch",
        ),
        (
            "(call_indirect $own (result i32) (i32.const 2))",
            "undefined element: out of bounds table access",
        ),
        (
            "(drop (table.get $own (i32.const -1))) unreachable",
            "undefined element: out of bounds table access",
        ),
    ] {
        let sketch = Sketch::new()
            .field(NULL_AND_NOTHING)
            .function("verify-signature", body);
        assert_eq!(
            problem_alone(&sketch).await,
            CallProblem::Trapped {
                what: format!("wasm trap: {what}")
            },
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_trap_is_told_wherever_it_is() {
    for (place, sketch) in [
        (
            "in the start function",
            Sketch::new().field("(start $start) (func $start unreachable)"),
        ),
        (
            "in the initializer",
            Sketch::new().field(r#"(func (export "_initialize") unreachable)"#),
        ),
        ("in the allocator", Sketch::new().allocator("unreachable")),
        (
            "after the result was read",
            Sketch::new().after("verify-signature", "unreachable"),
        ),
        ("before the start", Sketch::new().data(0x1_fffd, b"more")),
    ] {
        let ended = problem_alone(&sketch).await;
        assert!(
            matches!(ended, CallProblem::Trapped { .. }),
            "{place}: {ended:?}"
        );
    }
}

/// A function of which every local lives through a call, so that its frame has room for them all.
fn large_frame(locals: usize) -> String {
    let times = |text: &dyn Fn(usize) -> String| (0..locals).map(text).collect::<String>();
    let set = times(&|local| format!("(local.set {local} (i64.load (i32.const {local})))"));
    let add = times(&|local| format!("(i64.add (local.get {local}))"));
    let locals = " i64".repeat(locals);
    format!(
        "(func $large (result i32) (local{locals}) {set} (call $nothing) (i64.const 0) {add} i32.wrap_i64)
        (func $nothing)"
    )
}

const DEEP: &str = "(func $deep (result i32) (i32.add (call $deep) (i32.const 1)))";
const DEEP_INDIRECTLY: &str = "
    (table $own funcref (elem $deep))
    (func $deep (result i32) (i32.add (call_indirect $own (result i32) (i32.const 0)) (i32.const 1)))";
const NULL_AND_NOTHING: &str = "
    (table $own 2 funcref) (elem (table $own) (i32.const 1) func $nothing) (func $nothing)";

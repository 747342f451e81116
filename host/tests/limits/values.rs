//! Whatever bytes a plugin returns: they are a value of the contract within the limit, or the call ends with a problem.

use crate::host::{
    assert_well, empty_verdict, limits, load, outcome, problem, problem_alone, request, settings,
    soon,
};
use crate::sketch::Sketch;
use jiff::Timestamp;
use rbm_host::contract::{Fact, Verdict};
use rbm_host::{CallProblem, Channel, Limits, NoHttp};
use std::sync::Arc;

#[tokio::test]
async fn a_string_that_is_not_utf_8_breaks_the_contract() {
    for (name, bytes) in [
        ("a byte of no text", b"\xff".as_slice()),
        ("cut short", b"\xe2\x82"),
        ("longer than need be", b"\xc0\x80"),
        ("half of a pair", b"\xed\xa0\x80"),
        ("past the last character", b"\xf4\x90\x80\x80"),
        (
            "good until its end",
            &[[b'a'; 1000].as_slice(), b"\x80"].concat(),
        ),
    ] {
        let length = u32::try_from(bytes.len()).unwrap();
        assert_broken(
            name,
            &problem_alone(&reason(0x400, length).data(0x400, bytes)).await,
        );
    }
}

#[tokio::test]
async fn a_value_outside_of_memory_breaks_the_contract() {
    for (name, sketch) in [
        ("a result behind the end", verdict_at(END)),
        ("a result over the end", verdict_at(END - VERDICT_BYTES + 4)),
        ("a result at the last address", verdict_at(0xffff_fffc)),
        ("a result between two words", verdict_at(0x101)),
        ("a string behind the end", reason(END, 1)),
        ("a string over the end", reason(END - 4, 5)),
        ("a string at the last address", reason(u32::MAX, 1)),
        ("a string longer than all memory", reason(0, END + 1)),
        ("a string of the greatest length", reason(0, u32::MAX)),
        (
            "a string that ends where addresses begin again",
            reason(0x400, u32::MAX - 0x3ff),
        ),
    ] {
        assert_broken(name, &problem_alone(&sketch).await);
    }
}

#[tokio::test]
async fn a_value_that_ends_with_the_memory_is_taken() {
    for (sketch, verdict) in [
        (verdict_at(END - VERDICT_BYTES), empty_verdict()),
        (reason(END - 4, 4), verdict_because("\0\0\0\0")),
        (reason(END, 0), verdict_because("")),
    ] {
        assert_eq!(
            outcome(limits(), Arc::new(NoHttp), &sketch).await,
            Ok(verdict)
        );
    }
}

#[tokio::test]
async fn a_place_for_arguments_that_is_none_breaks_the_contract() {
    for (name, place) in [
        ("behind the end", END),
        ("at the last address", 0xffff_fff8),
        ("between two words", 0x101),
    ] {
        assert_broken(
            name,
            &problem_alone(&Sketch::new().allocator(&format!("(i32.const {place})"))).await,
        );
    }
}

#[tokio::test]
async fn a_case_that_there_is_not_breaks_the_contract() {
    for (name, address, byte) in [
        ("one outcome more", 0x100, 5),
        ("an outcome far off", 0x100, 255),
        ("a token neither there nor not", 0x104, 2),
        ("a reason neither there nor not", REASON, 255),
    ] {
        assert_broken(
            name,
            &problem_alone(&Sketch::new().data(address, &[byte])).await,
        );
    }
}

#[tokio::test]
async fn a_case_that_there_is_not_breaks_the_contract_in_a_list_too() {
    assert_eq!(
        fact(10).await,
        Ok(Fact::Unrecognised(None)),
        "the last case"
    );
    assert_broken("one case more", &fact(11).await.unwrap_err());
    assert_broken("a case far off", &fact(255).await.unwrap_err());
}

#[tokio::test]
async fn a_list_that_is_not_in_memory_breaks_the_contract() {
    for (name, pointer, length) in [
        ("the greatest number", 0x400, u32::MAX),
        ("the greatest number from the start", 0, u32::MAX),
        ("a number whose bytes are few in 32 bits", 0x400, 56_512_728),
        ("one behind the end", END, 1),
        ("one over the end", END - FINDING_BYTES + 4, 1),
        ("one at the last address", 0xffff_fffc, 1),
        ("one between two words", 0x401, 1),
    ] {
        assert_broken(name, &problem_of_findings(&findings(pointer, length)).await);
    }
}

#[tokio::test]
async fn a_result_may_be_as_large_as_the_limit() {
    let limit = limits().copied_bytes_max;
    let text = |length| reason(END, u32::try_from(length).unwrap()).memory_pages(20);
    let taken = outcome(limits(), Arc::new(NoHttp), &text(limit)).await;
    assert!(
        taken == Ok(verdict_because(&"\0".repeat(limit))),
        "a mebibyte"
    );
    assert_eq!(
        problem_alone(&text(limit + 1)).await,
        CallProblem::CopiedTooMuch { limit }
    );
}

#[tokio::test]
async fn a_result_that_would_fill_the_host_is_not_copied() {
    let limit = limits().copied_bytes_max;
    let large = Limits {
        memory_bytes_max: 32 << 20,
        ..limits()
    };
    let ended = problem(
        large,
        Arc::new(NoHttp),
        &reason(END, 16 << 20).memory_pages(300),
    )
    .await;
    assert_eq!(ended, CallProblem::CopiedTooMuch { limit }, "16 MiB");

    let words: Vec<u32> = [0, END, 50_000].into_iter().chain([0; 16]).collect();
    let one_text_for_all = findings(0x400, 200)
        .words(0x400, &words.repeat(200))
        .memory_pages(4);
    for (name, sketch) in [
        ("a text that two hundred findings share", one_text_for_all),
        (
            "a list that takes less in the plugin than here",
            findings(END, 8_000).memory_pages(20),
        ),
    ] {
        assert_eq!(
            problem_of_findings(&sketch).await,
            CallProblem::CopiedTooMuch { limit },
            "{name}"
        );
    }
}

fn verdict_at(pointer: u32) -> Sketch {
    Sketch::new().function("verify-signature", &format!("(i32.const {pointer})"))
}

/// A verdict with a reason.
fn reason(pointer: u32, length: u32) -> Sketch {
    Sketch::new().words(REASON, &[1, pointer, length])
}

fn verdict_because(reason: &str) -> Verdict {
    Verdict {
        reason: Some(reason.to_owned()),
        ..empty_verdict()
    }
}

/// What `check-settings` returns.
fn findings(pointer: u32, length: u32) -> Sketch {
    Sketch::new().words(0x100, &[pointer, length])
}

async fn problem_of_findings(sketch: &Sketch) -> CallProblem {
    let call = async |channel: Channel| channel.check_settings(Timestamp::UNIX_EPOCH).await;
    outcome_of(sketch, call)
        .await
        .expect_err("the plugin is stopped")
}

/// The one fact that `on-event` returns, with this case and zeros for what belongs to it.
async fn fact(case: u8) -> Result<Fact, CallProblem> {
    let sketch = Sketch::new().words(0x13c, &[0x400, 1]).data(0x428, &[case]);
    let call = async |channel: Channel| channel.on_event(Timestamp::UNIX_EPOCH, &request()).await;
    outcome_of(&sketch, call)
        .await
        .map(|reaction| reaction.unwrap().inbound.remove(0).fact)
}

/// What comes of another function than the usual one.
async fn outcome_of<R>(
    sketch: &Sketch,
    call: impl AsyncFnOnce(Channel) -> Result<R, CallProblem>,
) -> Result<R, CallProblem> {
    let (engine, plugin) = load(limits(), sketch);
    let outcome = soon(call(plugin.channel(settings(), Arc::new(NoHttp)))).await;
    assert_well(&engine).await;
    outcome
}

pub(crate) fn assert_broken(name: &str, problem: &CallProblem) {
    assert!(
        matches!(problem, CallProblem::BrokeContract { .. }),
        "{name}: {problem:?}"
    );
}

/// Of the memory that a sketch has.
const END: u32 = 0x2_0000;
const VERDICT_BYTES: u32 = 36;
/// Where a sketch's verdict says whether it has a reason.
const REASON: u32 = 0x118;
const FINDING_BYTES: u32 = 76;

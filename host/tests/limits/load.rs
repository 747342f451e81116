//! What is refused before a single instruction of it runs.

use crate::host::{assert_well, limits};
use crate::sketch::{CONTRACT, Sketch};
use rbm_host::contract::{Context, FailureCode};
use rbm_host::{CallProblem, Engine, LoadProblem, NoHttp};
use std::sync::Arc;

#[tokio::test]
async fn an_import_of_anything_else_is_refused_by_its_name() {
    let engine = Engine::new(limits()).unwrap();
    for (kind, name) in [
        ("(instance)", "wasi:sockets/tcp@0.2.0"),
        ("(instance)", "wasi:filesystem/types@0.2.6"),
        ("(instance)", "wasi:cli/environment@0.2.0"),
        ("(instance)", "wasi:clocks/wall-clock@0.2.0"),
        ("(instance)", "wasi:random/random@0.2.0"),
        ("(instance)", "wasi:http/outgoing-handler@0.2.0"),
        ("(instance)", "wasi:io/streams@0.2.0"),
        ("(instance)", "gateway:channel/http-client@0.2.0"),
        ("(instance)", "gateway:channel/http-client@0.10.0"),
        ("(instance)", "gateway:channel/http-client"),
        ("(instance)", "gateway:channel/store@0.1.0"),
        ("(func)", "gettimeofday"),
        ("(core module)", "library"),
    ] {
        let component = format!("(component (import {name:?} {kind}))");
        assert_refused_import(engine.load(&wat::parse_str(component).unwrap()).err(), name);
    }
    assert_well(&engine).await;
}

#[test]
fn a_forbidden_import_beside_the_permitted_ones_is_refused_too() {
    let engine = Engine::new(limits()).unwrap();
    let component = Sketch::of_wit(
        "package other:plugin; world plugin {
            import spy: interface { look: func(); }
            export channel: interface { describe: func(); }
        }",
    );
    let component = component.function("describe", "(call $look)").build();
    assert_refused_import(engine.load(&component).err(), "spy");
}

#[test]
fn what_is_no_component_is_refused() {
    let engine = Engine::new(limits()).unwrap();
    let honest = Sketch::new().build();
    let noise: Vec<u8> = (0..4096_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let asynchronous = Sketch::of_wit(
        "package gateway:channel@0.1.0; interface channel { describe: async func(); } world plugin { export channel; }",
    );
    for (name, bytes) in [
        ("nothing", vec![]),
        ("noise", noise.clone()),
        (
            "noise behind a component's first bytes",
            [&honest[..8], &noise].concat(),
        ),
        ("a component cut short", honest[..honest.len() / 2].to_vec()),
        (
            "a component with more behind it",
            [honest.as_slice(), b"\0\0\0\0"].concat(),
        ),
        ("a component in text", b"(component)".to_vec()),
        ("a core module", wat::parse_str("(module)").unwrap()),
        (
            "a component that imports another",
            wat::parse_str(r#"(component (import "another" (component)))"#).unwrap(),
        ),
        (
            "a component with an asynchronous function",
            asynchronous.build(),
        ),
    ] {
        let refusal = engine.load(&bytes).err();
        assert!(
            matches!(refusal, Some(LoadProblem::NotAComponent { .. })),
            "{name}: {refusal:?}"
        );
    }
}

#[test]
fn a_component_without_the_channel_is_refused_with_what_it_has_instead() {
    let engine = Engine::new(limits()).unwrap();
    let instance =
        |name: &str| format!("(component (instance $empty) (export {name:?} (instance $empty)))");
    for (component, exported) in [
        ("(component)".to_owned(), vec![]),
        (
            instance("gateway:channel/channel@0.2.0"),
            vec!["gateway:channel/channel@0.2.0"],
        ),
        (instance("wasi:cli/run@0.2.0"), vec!["wasi:cli/run@0.2.0"]),
    ] {
        match engine.load(&wat::parse_str(&component).unwrap()).err() {
            Some(LoadProblem::MissingExport { exports }) => assert_eq!(exports, exported),
            other => panic!("{component}: {other:?}"),
        }
    }
}

#[test]
fn the_right_names_with_other_types_behind_them_are_refused() {
    let engine = Engine::new(limits()).unwrap();
    let other = |interfaces: &str| {
        Sketch::of_wit(&format!(
            "package gateway:channel@0.1.0; {interfaces} world plugin {{ import http-client; export channel; }}"
        ))
    };
    let no_http = "interface http-client {}";
    let no_functions = "interface channel { describe: func(); }";
    for (name, sketch, said) in [
        (
            "a channel that lacks functions",
            other(&format!("{no_http} {no_functions}")),
            "check-settings",
        ),
        (
            "an http-client with one function more",
            other(&format!(
                "interface http-client {{ listen: func(port: u16); }} {no_functions}"
            ))
            .function("describe", "(call $listen (i32.const 80))"),
            "listen",
        ),
        (
            "an http-client whose function takes something else",
            other(&format!(
                "interface http-client {{ fetch: func(port: u16); }} {no_functions}"
            ))
            .function("describe", "(call $fetch (i32.const 80))"),
            "fetch",
        ),
    ] {
        match engine.load(&sketch.build()).err() {
            Some(problem @ LoadProblem::WrongTypes { .. }) => {
                assert!(problem.to_string().contains(said), "{name}: {problem}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_function_of_another_type_is_found_by_the_first_instance() {
    let engine = Engine::new(limits()).unwrap();
    for (right, wrong) in [
        (
            "describe: func() -> description;",
            "describe: func() -> u32;",
        ),
        (
            "reach: func(context: context, recipients: list<string>)",
            "reach: func(context: context)",
        ),
        ("record verdict {", "record verdict { more: u32,"),
        ("enum verdict-outcome {", "enum verdict-outcome { more,"),
    ] {
        let plugin = engine
            .load(&Sketch::of_wit(&CONTRACT.replace(right, wrong)).build())
            .unwrap();
        match plugin.instantiate(Arc::new(NoHttp)).await.err() {
            Some(CallProblem::NotStarted { what }) => {
                assert!(what.contains("type mismatch"), "{wrong}: {what}");
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
}

/// What a plugin may leave out must be as the contract has it where it is there.
#[tokio::test]
async fn testers_are_left_out_or_of_the_contracts_type() {
    let engine = Engine::new(limits()).unwrap();
    let without = engine
        .load(&Sketch::new().build())
        .unwrap()
        .instantiate(Arc::new(NoHttp))
        .await;
    let context = Context {
        settings: vec![],
        now: String::new(),
    };
    let failure = without
        .unwrap()
        .invite(&context, "+15550100001")
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(failure.code, FailureCode::Unsupported);

    let with = CONTRACT.replacen(
        "    export channel;",
        "    export channel; export testers;",
        1,
    );
    assert_ne!(with, CONTRACT);
    engine
        .load(&Sketch::of_wit(&with).build())
        .unwrap()
        .instantiate(Arc::new(NoHttp))
        .await
        .unwrap();
    let wrong = with.replacen(
        "invite: func(context: context, phone: string)",
        "invite: func(context: context)",
        1,
    );
    let plugin = engine.load(&Sketch::of_wit(&wrong).build()).unwrap();
    match plugin.instantiate(Arc::new(NoHttp)).await.err() {
        Some(CallProblem::NotStarted { what }) => assert!(what.contains("type mismatch"), "{what}"),
        other => panic!("{other:?}"),
    }
    let renamed = with.replacen("invite: func", "ask: func", 1);
    match engine.load(&Sketch::of_wit(&renamed).build()).err() {
        Some(problem @ LoadProblem::WrongTypes { .. }) => {
            assert!(problem.to_string().contains("invite"), "{problem}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_declares_more_than_there_is_room_for_is_refused() {
    let engine = Engine::new(limits()).unwrap();
    let text = |component: &str| wat::parse_str(component).unwrap();
    let many = |field: &str, times: usize| {
        format!(
            "(component (core module $m {field}) {})",
            "(core instance (instantiate $m)) ".repeat(times)
        )
    };
    for (name, component, said) in [
        (
            "a memory that starts over the limit",
            Sketch::new().memory_pages(65).build(),
            "memory",
        ),
        (
            "a table that starts over the limit",
            Sketch::new().field("(table 101 funcref)").build(),
            "table",
        ),
        (
            "two memories",
            Sketch::new().field("(memory 1)").build(),
            "memories",
        ),
        (
            "two modules with a memory each",
            text(&many("(memory 1)", 2)),
            "memories",
        ),
        (
            "modules with many tables",
            text(&many(&"(table 1 funcref)".repeat(2), 3)),
            "tables",
        ),
        ("many modules", text(&many("", 100)), "instances"),
        (
            "globals without end",
            Sketch::new()
                .field(&"(global i64 (i64.const 1))".repeat(200_000))
                .build(),
            "bytes",
        ),
    ] {
        let refusal = engine.load(&component).err();
        let Some(problem @ LoadProblem::NotAComponent { .. }) = refusal else {
            panic!("{name}: {refusal:?}")
        };
        assert!(problem.to_string().contains(said), "{name}: {problem}");
    }
    assert_well(&engine).await;
}

fn assert_refused_import(refusal: Option<LoadProblem>, import: &str) {
    match refusal {
        Some(problem @ LoadProblem::UnknownImport { .. }) => {
            assert!(problem.to_string().contains(import), "{problem}");
        }
        other => panic!("{import}: {other:?}"),
    }
}

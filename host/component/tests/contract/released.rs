//! What was released stays true: a plugin of any released contract loads in today's host, and today's plugin in the host of any
//! released contract. `wit/README.md` says what that leaves to change.

use crate::{Contract, wit};
use rbm_component::COMPONENT;
use std::fs;
use wit_component::{semver_check, targets};
use wit_parser::{Resolve, Span};

#[test]
fn a_plugin_of_any_release_is_one_of_todays_contract() {
    for release in releases() {
        let mut resolve = Resolve::default();
        let (released, _) = resolve
            .push_dir(wit().join("released").join(&release))
            .unwrap();
        let released = resolve.select_world(&[released], Some("plugin")).unwrap();
        let today = Contract::read(wit());
        let todays_plugin = today.plugin();
        let remap = resolve.merge(today.resolve).unwrap();
        let today = remap.map_world(todays_plugin, Span::default()).unwrap();
        semver_check(resolve, released, today)
            .unwrap_or_else(|problem| panic!("{release}: {problem:?}"));
    }
}

#[test]
fn todays_plugin_is_one_of_any_releases_contract() {
    for release in releases() {
        let contract = Contract::read(wit().join("released").join(&release));
        let fits = targets(&contract.resolve, contract.plugin(), COMPONENT);
        fits.unwrap_or_else(|problem| panic!("{release}: {problem:?}"));
    }
}

/// Or else the tests above might let anything pass.
#[test]
fn what_would_break_somebody_is_found() {
    let before = "package a:b@0.1.0;
        interface i { record r { x: u8 } f: func(r: r); }
        interface h { fetch: func(); }
        world before { import h; export i; }";
    for (breaks, after) in [
        (
            false,
            "interface i { record r { x: u8 } f: func(r: r); } interface h { fetch: func(); }",
        ),
        (
            false,
            "interface i { record r { x: u8 } f: func(r: r); } interface h { fetch: func(); wait: func(); }",
        ),
        (
            true,
            "interface i { record r { x: u8, y: u8 } f: func(r: r); } interface h { fetch: func(); }",
        ),
        (
            true,
            "interface i { record r { x: u16 } f: func(r: r); } interface h { fetch: func(); }",
        ),
        (
            true,
            "interface i { record r { x: u8 } f: func(r: r); g: func(); } interface h { fetch: func(); }",
        ),
        (
            true,
            "interface i { record r { x: u8 } f: func(r: r); } interface h { wait: func(); }",
        ),
    ] {
        let mut resolve = Resolve::default();
        let older = resolve.push_str("before.wit", before).unwrap();
        let after = format!("package a:b@0.1.1; {after} world after {{ import h; export i; }}");
        let newer = resolve.push_str("after.wit", &after).unwrap();
        let older = resolve.select_world(&[older], Some("before")).unwrap();
        let newer = resolve.select_world(&[newer], Some("after")).unwrap();
        assert_eq!(
            semver_check(resolve, older, newer).is_err(),
            breaks,
            "{after}"
        );
    }
    let mut resolve = Resolve::default();
    let other = resolve
        .push_str(
            "other.wit",
            "package a:b@0.1.0; world plugin { export f: func(); }",
        )
        .unwrap();
    let other = resolve.select_world(&[other], Some("plugin")).unwrap();
    assert!(targets(&resolve, other, COMPONENT).is_err());
}

fn releases() -> Vec<String> {
    let entries = fs::read_dir(wit().join("released")).unwrap();
    let releases: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!releases.is_empty());
    releases
}

//! `rbm conform`: what it says of a plugin that keeps the contract, of one that does not, and of what is no plugin.

use crate::program::rbm;
use serde_json::Value;
use std::fs;
use test_plugins::{ECHO, ROGUE};

#[test]
fn a_plugin_is_held_to_the_contract() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let file = place.path().join(name);
        fs::write(&file, bytes).unwrap();
        file.display().to_string()
    };
    let (echo, rogue, text) = (
        file("echo.wasm", ECHO),
        file("rogue.wasm", ROGUE),
        file("text.wasm", b"text"),
    );
    let good = [
        "--setting",
        "url=https://echo.example",
        "--setting",
        "secret=s3cret",
    ];

    let kept = rbm(&[&["conform", &echo], &good[..]].concat(), b"");
    assert_eq!(
        (kept.code, kept.stderr.as_str()),
        (Some(0), ""),
        "{}",
        kept.stdout
    );
    assert!(
        kept.stdout.lines().all(|line| line.starts_with("kept ")),
        "{}",
        kept.stdout
    );

    let rogue = [
        &["conform", "--json", &rogue],
        &good[..],
        &["--setting", "breaks=keeps-the-id"],
    ]
    .concat();
    let broken = rbm(&rogue, b"");
    assert_eq!(broken.code, Some(1), "{}", broken.stdout);
    assert!(
        broken.stderr.contains("rogue.wasm breaks 1 of 12 promises"),
        "{}",
        broken.stderr
    );
    let lines = broken
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let broken: Vec<_> = lines
        .filter(|line| line["kept"] == false)
        .map(|line| line["promise"].clone())
        .collect();
    assert_eq!(broken, ["keeps-the-id"]);

    for (arguments, code, said) in [
        (vec!["conform", &echo], 1, "breaks"),
        (vec!["conform", &text], 1, "text.wasm is no plugin: "),
        (
            vec!["conform", "no-such-file.wasm"],
            2,
            "no-such-file.wasm could not be read",
        ),
        (
            vec!["conform", &echo, "--setting", "url"],
            2,
            "it must be like agent-id=demo",
        ),
    ] {
        let ended = rbm(&arguments, b"");
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

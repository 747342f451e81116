//! Google's own client libraries against `rbm emulate`: what reads the key file, buys tokens and makes requests was written by
//! nobody here.
//!
//! They come from `PyPI` and npm in the versions that are pinned beside this file, which is why these tests run only when asked for:
//! `cargo test --locked --test clients -- --ignored`. They want `python3` 3.11 or later with `venv`, and `node` 20 or
//! later with `npm`; each fails where its own is missing.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../emulating/mod.rs"]
mod emulating;

use emulating::Emulate;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[ignore = "installs packages from PyPI; --ignored runs it"]
fn googles_libraries_for_python_get_tokens_and_answers() {
    let (sources, place) = (sources("python"), empty_place("python"));
    run(Command::new("python3").args(["-m", "venv"]).arg(&place));
    let python = place.join("bin/python");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--requirement",
    ];
    run(Command::new(&python)
        .args(install)
        .arg(sources.join("requirements.txt")));
    let emulate = Emulate::start(&[], "");
    let tests = [
        "-B",
        "-m",
        "unittest",
        "--verbose",
        "test_google_auth",
        "test_generated",
    ];
    run(pointed_at(
        &emulate,
        Command::new(&python).args(tests).current_dir(&sources),
    ));
}

#[test]
#[ignore = "installs packages from npm; --ignored runs it"]
fn googles_libraries_for_node_get_tokens_and_answers() {
    let place = empty_place("node");
    // A program finds its packages beside itself, and they are not to lie in the source tree.
    for file in [
        ".npmrc",
        "package.json",
        "package-lock.json",
        "generated.test.js",
    ] {
        fs::copy(sources("node").join(file), place.join(file)).unwrap();
    }
    run(Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&place));
    let emulate = Emulate::start(&[], "");
    run(pointed_at(
        &emulate,
        Command::new("node")
            .args(["--test", "generated.test.js"])
            .current_dir(&place),
    ));
}

fn sources(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/clients")
        .join(language)
}

/// Where packages are installed, which outlives the test so that a failure can be looked into.
fn empty_place(language: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("clients")
        .join(language);
    if place.exists() {
        fs::remove_dir_all(&place).unwrap();
    }
    fs::create_dir_all(&place).unwrap();
    place
}

/// A proxy that packages come through is no way to this machine.
fn pointed_at<'a>(emulate: &Emulate, command: &'a mut Command) -> &'a mut Command {
    command
        .env("RBM_EMULATE", emulate.ready.to_string())
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
}

fn run(command: &mut Command) {
    let program = command.get_program().display().to_string();
    let ended = command
        .output()
        .unwrap_or_else(|problem| panic!("{program} cannot be started: {problem}"));
    let said = [ended.stdout, ended.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    println!("{said}");
    assert!(
        ended.status.success(),
        "{program} ended with {}",
        ended.status
    );
}

//! `rbm envoy` before any Envoy asks: what it says about bad arguments. What it answers is in `tests/hosts/envoy.rs`.

use crate::program::rbm;
use std::fs;

#[test]
fn bad_arguments_are_refused_by_name_rule_and_value() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = place.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let (good, empty) = (file("token", "t0k3n\n"), file("empty", "\n"));
    let missing = place.path().join("none").display().to_string();
    for (arguments, said) in [
        (vec![], "--client-token-file <AGENT=FILE>"),
        (
            vec!["--client-token-file".to_owned(), good.clone()],
            "it must be like demo=secrets/client-token",
        ),
        (
            vec!["--client-token-file".to_owned(), "demo=".to_owned()],
            "after the = there must be a file",
        ),
        (
            vec!["--client-token-file".to_owned(), format!("a/b={good}")],
            "before the = it must have",
        ),
        (
            vec!["--client-token-file".to_owned(), format!("demo={missing}")],
            "could not be read",
        ),
        (
            vec!["--client-token-file".to_owned(), format!("demo={empty}")],
            "--client-token-file demo: ",
        ),
        (
            vec![
                "--client-token-file".to_owned(),
                format!("demo={good}"),
                "--listen=0.0.0.0:0".to_owned(),
            ],
            "--listen",
        ),
    ] {
        let arguments: Vec<_> = ["envoy"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        let ended = rbm(&arguments, b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("t0k3n"), "{}", ended.stderr);
    }
}

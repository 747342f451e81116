//! `rbm config`: what is wrong with a configuration, what is in effect, and what editors are told, with real files and real
//! variables.

use crate::program::{Ended, command, rbm};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

const GOOD: &str = r#"[server]
api_token_file = "api-token"

[agents.demo]
agent_id = "demo"
client_token = "canary-client"
bearer_token_file = "bearer"
"#;

/// A directory with a configuration and the files that it names, which are their owner's.
fn directory(text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rbm.toml"), text).unwrap();
    for name in ["api-token", "bearer"] {
        fs::write(directory.path().join(name), format!("canary-{name}\n")).unwrap();
        allow(&directory.path().join(name), 0o600);
    }
    directory
}

fn allow(file: &Path, mode: u32) {
    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
}

/// `rbm config` in a directory, with variables and stdin.
fn config(
    directory: &TempDir,
    arguments: &[&str],
    variables: &[(&str, &str)],
    stdin: &str,
) -> Ended {
    let mut command = command(&[&["config"], arguments].concat());
    command
        .current_dir(directory.path())
        .envs(variables.iter().copied());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read everything.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ended {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

#[test]
fn what_is_right_ends_with_0() {
    let directory = directory(GOOD);
    let checked = config(&directory, &["check", "--config", "rbm.toml"], &[], "");
    let expected = (Some(0), "rbm.toml: 0 errors, 0 warnings\n", "");
    assert_eq!(
        (
            checked.code,
            checked.stdout.as_str(),
            checked.stderr.as_str()
        ),
        expected
    );
    let from_stdin = config(&directory, &["check", "--config", "-"], &[], GOOD);
    assert_eq!(
        (from_stdin.code, from_stdin.stdout.as_str()),
        (Some(0), "-: 0 errors, 0 warnings\n")
    );
    let variables = [
        ("RBM_AGENTS__DEMO__AGENT_ID", "demo"),
        ("RBM_AGENTS__DEMO__CLIENT_TOKEN", "c"),
        ("RBM_AGENTS__DEMO__BEARER_TOKEN_FILE", "bearer"),
    ];
    let without_file = config(&directory, &["check"], &variables, "");
    assert_eq!(
        (without_file.code, without_file.stdout.as_str()),
        (Some(0), "the environment: 0 errors, 0 warnings\n")
    );
}

/// Wherever it is asked from: paths in a configuration start where it is.
#[test]
fn paths_start_at_the_file() {
    let (directory, elsewhere) = (directory(GOOD), tempfile::tempdir().unwrap());
    let file = directory.path().join("rbm.toml");
    let checked = config(
        &elsewhere,
        &["check", "--config", file.to_str().unwrap()],
        &[],
        "",
    );
    assert_eq!(checked.code, Some(0), "{}", checked.stdout);
    let from_stdin = config(&elsewhere, &["check", "--config", "-"], &[], GOOD);
    assert_eq!(from_stdin.code, Some(2), "{}", from_stdin.stdout);
}

#[test]
fn each_error_is_shown_in_the_file_and_ends_with_2() {
    let text = format!("{GOOD}regoin = \"us\"\nburst = 0\n[log]\nlevel = \"loud\"\n");
    let directory = directory(&text);
    let checked = config(
        &directory,
        &["check", "--config", "rbm.toml"],
        &[("RBM_LOG__FORMAT", "xml")],
        "",
    );
    let expected = "\
error[config-unknown-key]: there is no key \"regoin\" in agents.demo; there are agent_id, client_token, client_token_file, \
next_client_token, next_client_token_file, service_account, service_account_file, bearer_token, bearer_token_file, region, \
use_case, card_suggestions_max, messages_per_second, burst, quiet_hours
 --> rbm.toml:8:1
  |
8 | regoin = ***
  | ^^^^^^
  |
  = help: did you mean `region`?

error[config-range]: agents.demo.burst is 0, and must be a whole number from 1 to 10000
 --> rbm.toml:9:9
  |
9 | burst = 0
  |         ^

error[config-choice]: log.level is \"loud\", and must be one of off, error, warn, info, debug, trace
  --> rbm.toml:11:9
   |
11 | level = \"loud\"
   |         ^^^^^^

error[config-choice]: log.format is \"xml\", and must be one of text, json
 |
 = note: given by RBM_LOG__FORMAT

rbm.toml: 4 errors, 0 warnings
";
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(2), expected));
    assert_eq!(
        checked.stderr,
        "error: rbm.toml is no configuration to start with: 4 errors, 0 warnings\n"
    );
    let shown = config(&directory, &["show", "--config", "rbm.toml"], &[], "");
    assert_eq!(
        (shown.code, shown.stdout.as_str()),
        (Some(2), ""),
        "{}",
        shown.stderr
    );
    assert!(
        shown.stderr.contains("did you mean `region`?"),
        "{}",
        shown.stderr
    );
}

#[test]
fn findings_come_as_json_too() {
    let directory = directory(&format!("{GOOD}burst = 0\n"));
    let checked = config(
        &directory,
        &["check", "--json", "--config", "rbm.toml"],
        &[("RBM_LOG__LEVEL", "x")],
        "",
    );
    assert_eq!(checked.code, Some(2));
    let said: Value = serde_json::from_str(&checked.stdout).unwrap();
    let finding = &said["findings"][0];
    assert_eq!(
        (&finding["line"], &finding["column"]),
        (&8.into(), &9.into())
    );
    assert_eq!(
        (&finding["rule"], &finding["severity"]),
        (&"config-range".into(), &"error".into())
    );
    let other = &said["findings"][1];
    assert_eq!(
        (&other["line"], &other["from"]),
        (&Value::Null, &"RBM_LOG__LEVEL".into())
    );
}

#[test]
fn each_rule_that_is_named_is_explained() {
    let text = "colour = 1\n[server]\nlisten = \"0.0.0.0:1\"\ntrusted_proxies = [\"x\"]\n[agents.\"a b\"]\n[agents.demo]\n\
                agent_id = \"?\"\nclient_token = 1\nbearer_token_file = \"api-token\"\nregion = \"eu\"\nburst = 0\n\
                quiet_hours = { from = \"1\", to = \"2\", time_zone = \"x\" }\n\
                [callbacks.app]\nurl = \"ftp://x\"\nsecret = \"s\"\nsecret_file = \"nowhere\"\nagents = [\"x\"]\n";
    let directory = directory(text);
    allow(&directory.path().join("api-token"), 0o644);
    let variables = [
        ("RBM_SERVER__X", "x"),
        ("RBM_ADMIN__LISTEN", "x"),
        ("RBM_ADMIN__TOKEN_FILE", "nowhere"),
    ];
    let checked = config(
        &directory,
        &["check", "--json", "--config", "rbm.toml", "--set", "x=y"],
        &variables,
        "",
    )
    .stdout;
    let said: Value = serde_json::from_str(&checked).unwrap();
    let findings = said["findings"].as_array().unwrap().iter();
    let named: BTreeSet<(&str, &str)> = findings
        .map(|finding| {
            (
                finding["rule"].as_str().unwrap(),
                finding["severity"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(named.len() > 15, "{named:?}");
    for (rule, severity) in named {
        let explained = rbm(&["explain", rule], b"").stdout;
        assert!(
            explained.starts_with(&format!("{rule} ({severity})\n")),
            "{rule}: {explained}"
        );
    }
}

#[test]
fn a_secret_that_others_can_read_is_warned_of_and_one_that_nobody_can_read_is_an_error() {
    let directory = directory(GOOD);
    let check = || config(&directory, &["check", "--config", "rbm.toml"], &[], "");
    allow(&directory.path().join("api-token"), 0o640);
    let open = check();
    assert_eq!(open.code, Some(0), "{}", open.stdout);
    assert!(
        open.stdout
            .starts_with("warning[config-secret-mode]: server.api_token_file names "),
        "{}",
        open.stdout
    );
    assert!(
        open.stdout.contains(" --> rbm.toml:2:18\n"),
        "{}",
        open.stdout
    );
    for (content, said) in [
        (&b"\xff"[..], "it is not UTF-8"),
        (b"", "names an empty file"),
        (b"\r\n", "names an empty file"),
    ] {
        fs::write(directory.path().join("bearer"), content).unwrap();
        let wrong = check();
        assert!(
            wrong.code == Some(2) && wrong.stdout.contains(said),
            "{said}: {}",
            wrong.stdout
        );
    }
    fs::remove_file(directory.path().join("bearer")).unwrap();
    assert!(
        check()
            .stdout
            .contains("bearer, which cannot be read: No such file or directory"),
        "{}",
        check().stdout
    );
    fs::create_dir(directory.path().join("bearer")).unwrap();
    assert!(
        check()
            .stdout
            .contains("bearer, which cannot be read: it is a directory"),
        "{}",
        check().stdout
    );
}

#[test]
fn what_is_in_effect_is_shown_with_who_said_it_and_without_secrets() {
    let directory = directory(GOOD);
    let arguments = ["show", "--config", "rbm.toml", "--set", "log.level=debug"];
    let variables = [
        ("RBM_SERVER__API_TOKEN", "canary-variable"),
        ("RBM_AGENTS__DEMO__REGION", "asia"),
    ];
    let shown = config(&directory, &arguments, &variables, "");
    assert_eq!(
        (shown.code, shown.stderr.as_str()),
        (Some(0), ""),
        "{}",
        shown.stdout
    );
    let line = |setting: &str| {
        let line = shown.stdout.lines().find(|line| line.starts_with(setting));
        line.and_then(|line| line.split_once('#'))
            .map(|(_, who)| who.trim())
    };
    for (setting, who) in [
        ("api_token = \"***\" ", "RBM_SERVER__API_TOKEN"),
        ("client_token = \"***\" ", "rbm.toml:6"),
        ("bearer_token_file = \"bearer\" ", "rbm.toml:7"),
        ("region = \"asia\" ", "RBM_AGENTS__DEMO__REGION"),
        ("level = \"debug\" ", "--set log.level"),
        ("seen_days = 30 ", "default"),
    ] {
        assert_eq!(line(setting), Some(who), "{setting}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("canary"), "{}", shown.stdout);
    let json = config(
        &directory,
        &[&arguments[..], &["--json"]].concat(),
        &variables,
        "",
    );
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        json["agents.demo.client_token"],
        serde_json::json!({ "value": "***", "from": "rbm.toml:6" })
    );
}

#[test]
fn the_schema_knows_the_keys_of_the_example() {
    let directory = tempfile::tempdir().unwrap();
    let schema: Value =
        serde_json::from_str(&config(&directory, &["schema"], &[], "").stdout).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let example = config(&directory, &["example"], &[], "").stdout;
    let sections = example.lines().filter_map(|line| {
        line.trim_start_matches('#')
            .strip_prefix('[')?
            .split([']', '.'])
            .next()
    });
    let mut sections: Vec<&str> = sections.collect();
    sections.sort_unstable();
    sections.dedup();
    assert_eq!(
        schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .collect::<Vec<_>>(),
        sections
    );
}

/// With the files that it names it can be used as it is.
#[test]
fn the_example_wants_nothing_but_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let example = config(&directory, &["example"], &[], "").stdout;
    let checked = config(
        &directory,
        &["check", "--json", "--config", "-"],
        &[],
        &example,
    );
    let said: Value = serde_json::from_str(&checked.stdout).unwrap();
    let rules = said["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["rule"]);
    assert_eq!(
        rules.collect::<Vec<_>>(),
        ["config-secret-file"; 4],
        "{}",
        checked.stdout
    );
}

#[test]
fn what_is_no_file_is_used_wrongly() {
    let directory = tempfile::tempdir().unwrap();
    let checked = config(&directory, &["check", "--config", "nowhere.toml"], &[], "");
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(2), ""));
    assert!(
        checked
            .stderr
            .starts_with("error: nowhere.toml could not be read"),
        "{}",
        checked.stderr
    );
}

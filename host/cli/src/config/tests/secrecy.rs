//! Whatever somebody writes: nothing panics, and no secret is shown.

use super::{case, case_with};
use crate::config::EXAMPLE;
use crate::config::render::Source;
use crate::config::show;
use crate::finding::renderer;
use proptest::prelude::*;
use std::fs::File;

/// The example with every secret written into it, each of which is the canary or begins with it.
fn with_secrets() -> String {
    let line = |line: &str| match line.split_once("_file = \"secrets/") {
        Some((key, _)) if !key.starts_with('#') && key != "service_account" => {
            format!("{key} = \"{CANARY}-{key}\"")
        }
        Some(("service_account", _)) => {
            format!("service_account = '''{{\n\"private_key\": \"{CANARY}==\"\n}}'''")
        }
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// All that anybody is told.
fn told(text: &str, hidden: bool) -> String {
    let case = case_with(text, &[("RBM_ADMIN__TOKEN", CANARY)], &[]);
    let source = if hidden {
        case.source()
    } else {
        Source {
            hidden: &[],
            ..case.source()
        }
    };
    let renderer = renderer(&File::open("/dev/null").unwrap());
    let findings = case
        .outcome
        .findings
        .iter()
        .map(|finding| source.shown(&renderer, finding));
    let findings: String = findings.collect();
    let shown = show::toml(&case.outcome.givens, &source);
    let json = show::json(&case.outcome.givens, &source);
    format!("{findings}{shown}{json}{:?}", case.outcome.config)
}

#[test]
fn no_secret_is_shown_by_anything() {
    let text = with_secrets();
    assert!(!format!("{:?}", case(&text).outcome.givens).contains(CANARY));
    assert_eq!(text.matches(CANARY).count(), 4);
    assert!(!told(&text, true).contains(CANARY), "{}", told(&text, true));
    let wrong = "[sever]\nx = \"canary\"\n[server]\napi_token = [\"canary\"]\nadmin = { token = \"canary\" }\n";
    assert!(!told(wrong, true).contains(CANARY), "{}", told(wrong, true));
    let users = "[platform]\napi_origin = \"https://a:canary@x\"\n[callbacks.x]\nurl = \"https://a:canary@x\"\n\
                 [server]\ntrusted_proxies = [[\"https://canary@x\"]]\n[log]\nlevel = { x = \"canary\" }\n";
    assert!(!told(users, true).contains(CANARY), "{}", told(users, true));
    assert!(
        told(users, false).contains(CANARY) && told(wrong, false).contains(CANARY),
        "without hiding it would be, so that this test can fail"
    );
}

/// The column is the one in the file all the same.
#[test]
fn a_secret_before_the_place_keeps_its_width_and_one_after_it_does_not() {
    let text = "[agents]\ndemo = { client_token = \"canary\", agent_id = \"a/b\", bearer_token = \"canary\" }\n";
    let case = case(text);
    let renderer = renderer(&File::open("/dev/null").unwrap());
    assert_eq!(
        case.source().shown(&renderer, &case.outcome.findings[0]),
        "\
error[config-agent-id]: agents.demo.agent_id: \"a/b\" is not an agent id: 1 to 128 letters, digits, `_`, `-` or `.`, with or \
without @rbm.goog
 --> rbm.toml:2:46
  |
2 | demo = { client_token = ********, agent_id = \"a/b\", bearer_token = *** }
  |                                              ^^^^^"
    );
}

#[test]
fn of_what_is_no_toml_a_line_is_shown_only_if_it_can_hold_no_secret() {
    for (line, is_shown) in [
        ("listen = 127.0.0.1", true),
        ("server.listen = 127.0.0.1", true),
        ("[server", true),
        ("api_token_file = x", true),
        ("api_token = canary", false),
        ("apitoken = canary", false),
        ("demo = { client_token = canary", false),
        ("listen = x client_token = canary", false),
        ("canary==", false),
        ("[server] = canary", false),
        ("\"canary", false),
    ] {
        let case = case(&format!("{line}\n"));
        let renderer = renderer(&File::open("/dev/null").unwrap());
        assert!(!case.outcome.is_toml, "{line}");
        for finding in &case.outcome.findings {
            let shown = case.source().shown(&renderer, finding);
            assert_eq!(shown.contains(&format!("1 | {line}")), is_shown, "{shown}");
            assert!(shown.contains(" rbm.toml:1:"), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_text_panics(text in any::<String>(), lines in proptest::collection::vec(line(), 0..8)) {
        told(&text, true);
        told(&lines.join("\n"), true);
    }

    /// As when somebody mistypes: a quotation mark too few, a bracket too much, a letter less.
    #[test]
    fn a_slip_shows_no_secret(at in 0..3000_usize, cut in 0..3_usize, put in r#"["'\[\]=,{}#\n\\ x]{0,2}"#) {
        let text = with_secrets();
        let at = text.floor_char_boundary(at.min(text.len()));
        let end = text.floor_char_boundary((at + cut).min(text.len()));
        let secrets = text.match_indices(CANARY).map(|(start, _)| start..start + CANARY.len());
        // What is no longer the secret may be shown.
        let whole = secrets.into_iter().filter(|secret| end <= secret.start || secret.end <= at).count();
        prop_assume!(whole > 0);
        let slip = format!("{}{put}{}", &text[..at], &text[end..]);
        let told = told(&slip, true);
        prop_assert!(!told.contains(CANARY), "{}", told);
    }
}

/// A line that a configuration could have, or nearly.
fn line() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("[server]"),
        Just("[agents.demo]"),
        Just("[callbacks.x]"),
        Just("listen"),
        Just("api_token"),
        Just("agent_id"),
        Just("quiet_hours"),
        Just("seen_days"),
        Just("url"),
        Just("agents"),
        Just("trusted_proxies"),
        Just("é"),
        Just("server.tls.key_file"),
        Just("[[agents]]"),
        Just("[retention]"),
        Just("agents.demo.quiet_hours.from"),
    ];
    let value = prop_oneof![
        Just(String::new()),
        Just(" = []".to_owned()),
        Just(" = { from = \"1\" }".to_owned()),
        Just(" = 1979-05-27".to_owned()),
        Just(" = -0xfff_f".to_owned()),
        Just(" = inf".to_owned()),
        Just(" = '''".to_owned()),
        Just(" = [[{}]]".to_owned()),
        any::<i64>().prop_map(|number| format!(" = {number}")),
        ".{0,12}".prop_map(|text| format!(" = {text:?}")),
        ".{0,12}".prop_map(|text| format!(" = {text}")),
    ];
    (key, value).prop_map(|(key, value)| format!("{key}{value}"))
}

const CANARY: &str = "canary";

//! Who wins: flags over the environment over the file over defaults.

use super::{LEAST, case, case_with};
use crate::config::given::Origin;
use crate::config::{Config, LogFormat};
use gateway_channel::Severity;
use jiff::Timestamp;
use rbm_component::COMPONENT;
use rbm_gateway::Keyword;
use rbm_host::{Engine, Limits, NoHttp};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use test_plugins::compilation_cache;
use tracing::level_filters::LevelFilter;

fn config(text: &str, variables: &[(&str, &str)], flags: &[&str]) -> Config {
    let case = case_with(text, variables, flags);
    case.outcome
        .config
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}", case.findings()))
        .clone()
}

fn exposed(secrets: &[SecretString]) -> Vec<&str> {
    secrets.iter().map(SecretString::expose_secret).collect()
}

#[test]
fn a_later_one_wins() {
    let text = format!("[log]\nlevel = \"error\"\n{LEAST}");
    for (variables, flags, expected) in [
        (&[][..], &[][..], LevelFilter::ERROR),
        (&[("RBM_LOG__LEVEL", "debug")][..], &[], LevelFilter::DEBUG),
        (
            &[("rbm_log__level", "debug")],
            &["log.level=off"],
            LevelFilter::OFF,
        ),
        (
            &[],
            &["log.level=off", "log.level=trace"],
            LevelFilter::TRACE,
        ),
    ] {
        assert_eq!(
            config(&text, variables, flags).log.level,
            expected,
            "{variables:?} {flags:?}"
        );
    }
    assert_eq!(config(LEAST, &[], &[]).log.level, LevelFilter::INFO);
}

#[test]
fn what_nobody_says_is_the_default() {
    let config = config(LEAST, &[], &[]);
    assert_eq!(
        (
            config.server.listen.to_string().as_str(),
            config.admin.listen.port()
        ),
        ("127.0.0.1:8787", 8789)
    );
    assert!(
        config.server.api_tokens.is_empty()
            && config.server.tls.is_none()
            && config.admin.token.is_none()
    );
    assert_eq!(config.store.directory.to_str(), Some("/var/lib/rbm"));
    let kept = config.retention;
    assert_eq!(
        (
            kept.seen_days,
            kept.events_days,
            kept.messages_days,
            kept.quarantine_days
        ),
        (30, 30, 90, 30)
    );
    assert!(config.platform.api_origin.is_none() && !config.platform.allow_private_addresses);
    assert_eq!(config.platform.request_time_max.as_secs(), 30);
    assert!(config.partner.is_none() && config.callbacks.is_empty() && config.opt_out.keywords);
    assert_eq!(config.log.format, LogFormat::Text);
    let agent = &config.agents[0];
    assert_eq!(
        (agent.pace.messages_per_second.get(), agent.pace.burst.get()),
        (100, 10)
    );
    assert_eq!(
        (agent.card_suggestions_max, agent.region, agent.use_case),
        (4, None, None)
    );
    assert!(agent.quiet_hours.is_none());
}

#[test]
fn words_that_opt_out_are_added_and_removed() {
    let words = |words: &[&str]| -> Vec<Keyword> {
        let parse = |word: &&str| Keyword::parse(word).unwrap();
        words.iter().map(parse).collect()
    };
    let text = format!("[opt_out]\nwords = [\"END\", \"-baja\", \"Opt out.\", \"end\"]\n{LEAST}");
    for (variables, added, removed) in [
        (&[][..], &["END", "opt out", "END"][..], &["BAJA"][..]),
        (
            &[("RBM_OPT_OUT__WORDS", "-STOP, -parar,REVOKE")],
            &["REVOKE"],
            &["STOP", "parar"],
        ),
        (&[("RBM_OPT_OUT__WORDS", "")], &[], &[]),
    ] {
        let opt_out = config(&text, variables, &[]).opt_out;
        assert_eq!(
            (opt_out.added, opt_out.removed),
            (words(added), words(removed)),
            "{variables:?}"
        );
    }
}

/// Else whoever mounts a file could not try another token without editing it.
#[test]
fn a_secret_of_a_later_one_takes_the_place_of_the_file_that_an_earlier_one_names() {
    let text = "[server]\napi_token_file = \"nowhere\"\n[agents.demo]\nagent_id = \"demo\"\nclient_token = \"c\"\n\
                service_account_file = \"nowhere\"\n";
    let variables = [
        ("RBM_SERVER__API_TOKEN", "t"),
        ("RBM_AGENTS__DEMO__BEARER_TOKEN_FILE", "secrets/bearer"),
    ];
    assert_eq!(
        exposed(&config(text, &variables, &[]).server.api_tokens),
        ["t"]
    );
    let flags = [
        "server.api_token_file=secrets/by-flag",
        "agents.demo.bearer_token_file=secrets/x",
    ];
    assert_eq!(
        exposed(&config(text, &variables[..1], &flags).server.api_tokens),
        ["by-flag"]
    );
}

#[test]
fn the_environment_can_say_everything() {
    let variables = [
        ("RBM_AGENTS__OTHER_ONE__AGENT_ID", "other"),
        ("RBM_AGENTS__OTHER_ONE__CLIENT_TOKEN_FILE", "secrets/c"),
        (
            "RBM_AGENTS__OTHER_ONE__SERVICE_ACCOUNT_FILE",
            "secrets/demo-service-account.json",
        ),
        ("RBM_AGENTS__OTHER_ONE__QUIET_HOURS__FROM", "22:00"),
        ("RBM_AGENTS__OTHER_ONE__QUIET_HOURS__TO", "07:30"),
        (
            "RBM_AGENTS__OTHER_ONE__QUIET_HOURS__TIME_ZONE",
            "Asia/Kolkata",
        ),
        ("RBM_SERVER__TRUSTED_PROXIES", "10.0.0.1/8, 2001:db8::1 ,"),
        (
            "RBM_SERVER__TLS__CERTIFICATE_FILE",
            "secrets/certificate.pem",
        ),
        ("RBM_SERVER__TLS__KEY_FILE", "/etc/rbm/secrets/key.pem"),
        ("RBM_STORE__DIRECTORY", "state"),
    ];
    let config = config("", &variables, &[]);
    let agent = &config.agents[0];
    assert_eq!(
        (agent.name.as_str(), exposed(&agent.client_tokens)),
        ("other_one", vec!["c"])
    );
    let quiet = agent.quiet_hours.as_ref().unwrap();
    // Five and a half hours ahead of UTC.
    let night = |time: &str| {
        quiet
            .quiet_until(time.parse().unwrap())
            .map(|until| until.to_string())
    };
    assert_eq!(
        night("2026-06-10T16:30:00Z").as_deref(),
        Some("2026-06-11T02:00:00Z")
    );
    assert_eq!(night("2026-06-10T16:29:59Z"), None);
    let proxies: Vec<String> = config
        .server
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "2001:db8::1/128"]);
    assert!(config.server.tls.is_some());
    assert_eq!(config.store.directory.to_str(), Some("/etc/rbm/state"));
}

/// Variables cannot spell it as the file does.
#[test]
fn a_variable_means_the_name_that_the_file_spells() {
    let text = LEAST.replace("demo]", "My-Demo]");
    let case = case_with(&text, &[("RBM_AGENTS__MY_DEMO__REGION", "asia")], &[]);
    assert_eq!(case.findings(), [""; 0]);
    let given = &case.outcome.givens.values["agents.My-Demo.region"];
    assert_eq!(
        given.origin,
        Origin::Environment("RBM_AGENTS__MY_DEMO__REGION".to_owned())
    );
    assert_eq!(case.outcome.config.unwrap().agents.len(), 1);
}

#[test]
fn while_a_token_is_replaced_there_are_two() {
    let text = format!(
        "[server]\napi_token = \"1\"\nnext_api_token_file = \"windows\"\n{LEAST}next_client_token = \"n\"\n\
         [callbacks.x]\nurl = \"https://x.example\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n\
         next_secret_file = \"secrets/shop-secret\"\n"
    );
    let same = case(&text);
    assert_eq!(
        same.findings(),
        ["12:20 error: callbacks.x.next_secret_file is the same as callbacks.x.secret"]
    );
    let config = config(&text.replace("8GKYqr", "8GKYqs"), &[], &[]);
    assert_eq!(
        exposed(&config.server.api_tokens),
        ["1", "w"],
        "one line end is no part of a secret"
    );
    assert_eq!(exposed(&config.agents[0].client_tokens), ["c", "n"]);
    assert_eq!(config.callbacks[0].secrets.len(), 2);
    assert_eq!(
        config.callbacks[0].agents,
        Vec::<String>::new(),
        "empty for all agents, also of later configurations"
    );
}

#[test]
fn an_agent_without_a_client_token_has_the_partners() {
    let text = "[partner]\nclient_token = \"p\"\nnext_client_token = \"q\"\n[agents.a]\nagent_id = \"a\"\nbearer_token = \"b\"\n\
                [agents.b]\nagent_id = \"b\"\nbearer_token = \"b\"\nclient_token = \"own\"\n";
    let config = config(text, &[], &[]);
    assert_eq!(exposed(&config.agents[0].client_tokens), ["p", "q"]);
    assert_eq!(exposed(&config.agents[1].client_tokens), ["own"]);
    assert_eq!(exposed(&config.partner.unwrap().client_tokens), ["p", "q"]);
}

#[test]
fn this_machine_is_known_however_it_is_written_and_port_0_is_another_each_time() {
    for listen in [
        "127.0.0.1:0",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        let flags = [
            format!("server.listen={listen}"),
            "admin.listen=127.0.0.1:0".to_owned(),
        ];
        let config = config(LEAST, &[], &[&flags[0], &flags[1]]);
        assert_eq!(
            (config.server.listen.to_string(), config.admin.listen.port()),
            (listen.to_owned(), 0)
        );
    }
}

#[test]
fn an_origin_is_taken_in_its_normal_form() {
    for (written, origin) in [
        ("https://API.example:443/", "https://api.example"),
        ("https://[::1]:8788", "https://[::1]:8788"),
        ("http://127.1:8788", "http://127.0.0.1:8788"),
    ] {
        let flags = [
            format!("platform.api_origin={written}"),
            "platform.allow_private_addresses=true".to_owned(),
        ];
        let config = config(LEAST, &[], &[&flags[0], &flags[1]]);
        assert_eq!(
            config.platform.api_origin.as_deref(),
            Some(origin),
            "{written}"
        );
    }
}

/// The words that are taken here are the plugin's.
#[tokio::test]
async fn the_plugin_takes_the_settings_of_every_agent_that_is_right() {
    let plugin = Engine::with_cache(Limits::default(), &compilation_cache())
        .unwrap()
        .load(COMPONENT)
        .unwrap();
    let regions = super::super::keys::REGIONS
        .iter()
        .map(|word| format!("region = {word:?}\n"));
    let use_cases = super::super::keys::USE_CASES
        .iter()
        .map(|word| format!("use_case = {word:?}\n"));
    let counts = ["card_suggestions_max = 1\n", "card_suggestions_max = 10\n"].map(str::to_owned);
    let origin = "[platform]\napi_origin = \"https://127.0.0.1:8788\"\n".to_owned();
    for lines in regions
        .chain(use_cases)
        .chain(counts)
        .chain([origin, "next_client_token = \"n\"\n".to_owned()])
    {
        let config = config(&format!("{LEAST}{lines}"), &[], &[]);
        let channel = plugin.channel(
            config.agents[0].settings(&config.platform),
            Arc::new(NoHttp),
        );
        let findings = channel.check_settings(Timestamp::now()).await.unwrap();
        let errors: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .collect();
        assert!(errors.is_empty(), "{lines}: {errors:?}");
    }
}

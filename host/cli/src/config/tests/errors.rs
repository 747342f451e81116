//! Each thing that can be wrong, with its words and its place.

use super::{LEAST, case, case_with};
use crate::finding::renderer;

#[test]
fn the_least_is_enough() {
    assert_eq!(case(LEAST).findings(), [""; 0]);
}

/// Each text stands before the least that is enough, so that what is found is about the text alone.
#[test]
fn each_error_says_what_where_and_by_which_rule() {
    for (text, expected) in ROWS {
        assert_eq!(
            case(&format!("{text}{LEAST}")).findings(),
            [*expected],
            "{text}"
        );
    }
}

#[test]
fn every_element_of_a_list_is_looked_at() {
    let findings = case(&format!(
        "[server]\ntrusted_proxies = [1, \"x\", \"10.0.0.0/8\", true, \"::/0\"]\n{LEAST}"
    ))
    .findings();
    let expected = [
        "2:20 error: server.trusted_proxies[0] is 1, and must be a string",
        "2:23 error: server.trusted_proxies[1] is \"x\", and must be a network, such as 10.0.0.0/8",
        "2:42 error: server.trusted_proxies[3] is true, and must be a string",
        "2:48 error: server.trusted_proxies[4] is \"::/0\", and must not be everybody",
    ];
    assert_eq!(findings, expected);
}

#[test]
fn all_that_is_wrong_is_found_at_once_in_the_order_of_the_file() {
    let text =
        "[log]\nlevel = \"x\"\n[server]\nlisten = \"x\"\nlistn = 1\n[retention]\nseen_days = 1\n";
    let case = case(text);
    let rules: Vec<String> = case
        .outcome
        .findings
        .iter()
        .map(|finding| finding.rule.to_string())
        .collect();
    assert_eq!(
        rules,
        [
            "config-choice",
            "config-address",
            "config-unknown-key",
            "config-range",
            "config-required"
        ]
    );
    assert!(case.outcome.config.is_none());
    assert_eq!(
        case.findings()[4],
        "default error: there is no agent, and at least one is needed"
    );
}

#[test]
fn what_is_no_toml_is_shown_where_it_stops_being_it_each_time() {
    let text = "[server]\nlisten = \nlisten = \"x\"\n[log\nlevel = \"a\" \"b\"\n";
    let findings = case(text).findings();
    let places: Vec<&str> = findings
        .iter()
        .map(|finding| finding.split(' ').next().unwrap())
        .collect();
    assert!(
        findings
            .iter()
            .all(|finding| finding.contains(" error: this is not TOML: ")),
        "{findings:?}"
    );
    assert_eq!(places, ["2:10", "3:1", "4:5", "5:13"], "{findings:?}");
}

#[test]
fn what_the_environment_and_flags_say_wrongly_is_found_by_their_names() {
    let variables = [
        ("RBM_SERVER__LISTN", "x"),
        ("RBM_SERVER", "no key of ours"),
        ("RBM_LOG", "info"),
        ("RBM_LOG__LEVEL__X", "x"),
        ("RBM_LOG__LEVEL", "loud"),
        ("RBM_SEVER__LISTEN", "x"),
        ("RBM_OTHER__THING", "somebody else's"),
        ("RBM_AGENTS__DEMO__BURST", "many"),
        ("RBM_AGENTS__DEMO__QUIET_HOURS", "x"),
        ("RBM_AGENTS__A B__BURST", "x"),
        ("RBM_ADMIN__LISTEN", "127.0.0.1:1"),
        ("RBM_Admin__Listen", "127.0.0.1:2"),
    ];
    let flags = [
        "server.api_token=canary",
        "log.level",
        "log.levl=x",
        "agents.demo=x",
        "log.format=xml",
    ];
    let findings = case_with(LEAST, &variables, &flags).findings();
    let expected = [
        "RBM_SEVER__LISTEN warning: RBM_SEVER__LISTEN names no section, and is left alone",
        "RBM_AGENTS__A B__BURST error: RBM_AGENTS__A B__BURST names \"a b\" in agents, which is no name: 1 to 64 letters, \
         digits, - and _, a letter or a digit first and last, and no two of - and _ in a row",
        "RBM_AGENTS__DEMO__BURST error: agents.demo.burst is \"many\", and must be a whole number from 1 to 10000",
        "RBM_AGENTS__DEMO__QUIET_HOURS error: RBM_AGENTS__DEMO__QUIET_HOURS names agents.demo.quiet_hours, which is a table, \
         and no key",
        "RBM_Admin__Listen error: RBM_ADMIN__LISTEN and RBM_Admin__Listen are the same key, admin.listen",
        "RBM_LOG__LEVEL error: log.level is \"loud\", and must be one of off, error, warn, info, debug, trace",
        "RBM_LOG__LEVEL__X error: RBM_LOG__LEVEL__X goes on after log.level, which is a key",
        "RBM_SERVER__LISTN error: RBM_SERVER__LISTN names no key of server; there are listen, api_token, api_token_file, \
         next_api_token, next_api_token_file, trusted_proxies, tls",
        "--set server.api_token error: server.api_token is a secret, and a flag can be seen by everybody on this machine",
        "--set log.level error: log.level has no value, and must be KEY=VALUE",
        "--set log.levl error: there is no key \"levl\" in log; there are level, format",
        "--set agents.demo error: agents.demo is a table, and no key",
        "--set log.format error: log.format is \"xml\", and must be one of text, json",
    ];
    assert_eq!(findings, expected);
}

#[test]
fn a_value_that_is_not_text_is_no_value() {
    let sources = super::Sources {
        text: LEAST,
        directory: std::path::Path::new("/etc/rbm"),
        variables: &[("RBM_SERVER__API_TOKEN".to_owned(), None)],
        flags: &[],
        read_file: &super::read_file,
    };
    let outcome = super::read(&sources);
    assert_eq!(outcome.findings[0].message, "server.api_token is not UTF-8");
}

#[test]
fn an_error_is_drawn_with_a_caret_and_a_hint() {
    let text = format!(
        "{LEAST}region = \"eu\"\nquiet_hours = {{ from = \"1\", colour = \"\", to = \"07:00\", time_zone = \"UTC\" }}\n"
    );
    let case = case(&text);
    let renderer = renderer(&std::fs::File::open("/dev/null").unwrap());
    let shown: Vec<String> = case
        .outcome
        .findings
        .iter()
        .map(|finding| case.source().shown(&renderer, finding))
        .collect();
    assert_eq!(
        shown[2],
        "\
error[config-unknown-key]: there is no key \"colour\" in agents.demo.quiet_hours; there are from, to, time_zone
 --> rbm.toml:6:29
  |
6 | quiet_hours = { from = \"1\", colour = ***, to = \"07:00\", time_zone = \"UTC\" }
  |                             ^^^^^^"
    );
    let by_variable = case_with(LEAST, &[("RBM_AGENTS__DEMO__REGION", "eurpe")], &[]);
    assert_eq!(
        by_variable
            .source()
            .shown(&renderer, &by_variable.outcome.findings[0]),
        "\
error[config-choice]: agents.demo.region is \"eurpe\", and must be one of us, europe, asia
 |
 = help: did you mean \"europe\"?
 = note: given by RBM_AGENTS__DEMO__REGION"
    );
}

const ROWS: &[(&str, &str)] = &[
    (
        "[sever]\nx = 1\n",
        "1:2 error: there is no section \"sever\" in the configuration; there are server, admin, store, retention, \
             platform, partner, agents, callbacks, events, opt_out, log",
    ),
    (
        "listen = 1\n",
        "1:1 error: there is no section \"listen\" in the configuration; there are server, admin, store, \
             retention, platform, partner, agents, callbacks, events, opt_out, log",
    ),
    (
        "[log]\nlevl = \"info\"\n",
        "2:1 error: there is no key \"levl\" in log; there are level, format",
    ),
    (
        "server.tls = 3\n",
        "1:8 error: server.tls is a number, and must be a table: [server.tls]",
    ),
    (
        "callbacks = \"x\"\n",
        "1:1 error: callbacks is a string, and must be a table: [callbacks.NAME]",
    ),
    (
        "[[callbacks]]\nurl = 1\n",
        "1:3 error: callbacks is an array, and must be a table: [callbacks.NAME]",
    ),
    (
        "[callbacks]\nshop = 1\n",
        "2:1 error: callbacks.shop is a number, and must be a table: [callbacks.shop]",
    ),
    (
        "[server]\nlisten = 8787\n",
        "2:10 error: server.listen is 8787, and must be a string",
    ),
    (
        "[server]\nlisten = \"localhost:1\"\n",
        "2:10 error: server.listen is \"localhost:1\", and must be an address and a port, such as 127.0.0.1:8787",
    ),
    (
        "[server]\napi_token = 1\n",
        "2:1 error: server.api_token is a number, and must be a string",
    ),
    (
        "[server]\napi_token = \"\"\n",
        "2:1 error: server.api_token is empty, and must hold a secret",
    ),
    (
        "[server]\napi_token = \"a b\"\n",
        "2:1 error: server.api_token has a character that a header cannot carry, and must be visible ASCII",
    ),
    (
        "[server]\napi_token = \"a\"\napi_token_file = \"secrets/a\"\n",
        "3:1 error: server.api_token and server.api_token_file exclude each other",
    ),
    (
        "[server]\napi_token_file = \"nowhere\"\n",
        "2:18 error: server.api_token_file names /etc/rbm/nowhere, which cannot be read: No such file or directory \
             (os error 2)",
    ),
    (
        "[server]\napi_token_file = \"\"\n",
        "2:18 error: server.api_token_file is empty, and must be a path",
    ),
    (
        "[server]\napi_token_file = \"empty\"\n",
        "2:18 error: server.api_token_file names an empty file, and must hold a secret",
    ),
    (
        "[server]\napi_token_file = \"two-lines\"\n",
        "2:18 error: server.api_token_file has a character that a header cannot carry, and must be visible ASCII",
    ),
    (
        "[server]\napi_token_file = \"open\"\n",
        "2:18 warning: server.api_token_file names /etc/rbm/open, which others than its owner can read",
    ),
    (
        "[server]\nnext_api_token = \"a\"\n",
        "2:1 error: server.next_api_token is given without server.api_token",
    ),
    (
        "[server]\napi_token = \"a\"\nnext_api_token = \"a\"\n",
        "3:1 error: server.next_api_token is the same as server.api_token",
    ),
    (
        "[server]\nlisten = \"[::]:1\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n",
        "2:10 error: server.listen is [::]:1, which others than this machine reach, and server.api_token is missing: \
             whoever reaches it could send messages",
    ),
    (
        "[server]\nlisten = \"192.0.2.1:1\"\napi_token = \"a\"\n",
        "2:10 error: server.listen is 192.0.2.1:1, which others than this machine reach, and neither server.tls nor \
             server.trusted_proxies says who does TLS",
    ),
    (
        "[server]\ntrusted_proxies = [\n  \"10.0.0.0/8\",\n  \"é\",\n]\n",
        "4:3 error: server.trusted_proxies[1] is \"é\", and must be a network, such as 10.0.0.0/8",
    ),
    (
        "[server]\ntrusted_proxies = [\"::/0\"]\n",
        "2:20 error: server.trusted_proxies[0] is \"::/0\", and must not be everybody",
    ),
    (
        "[server]\ntrusted_proxies = [4]\n",
        "2:20 error: server.trusted_proxies[0] is 4, and must be a string",
    ),
    (
        "[server]\ntrusted_proxies = \"a\"\n",
        "2:19 error: server.trusted_proxies is the string \"a\", and must be an array of strings",
    ),
    (
        "[server.tls]\nkey_file = \"secrets/key.pem\"\n",
        "1:9 error: server.tls.certificate_file is missing: TLS needs a certificate and its key",
    ),
    (
        "[server.tls]\ncertificate_file = \"secrets/certificate.pem\"\nkey_file = \"open-key.pem\"\n",
        "3:12 warning: server.tls.key_file names /etc/rbm/open-key.pem, which others than its owner can read",
    ),
    (
        "[server.tls]\ncertificate_file = \"secrets/key.pem\"\nkey_file = \"secrets/key.pem\"\n",
        "2:20 error: server.tls.certificate_file names /etc/rbm/secrets/key.pem, which has no certificate in PEM",
    ),
    (
        "[server.tls]\ncertificate_file = \"broken.pem\"\nkey_file = \"secrets/key.pem\"\n",
        "2:20 error: server.tls.certificate_file names /etc/rbm/broken.pem, which is no certificate in PEM: base64 decode \
             error: InvalidCharacter(63)",
    ),
    (
        "[server.tls]\ncertificate_file = \"secrets/certificate.pem\"\nkey_file = \"secrets/certificate.pem\"\n",
        "3:12 error: server.tls.key_file names /etc/rbm/secrets/certificate.pem, which has no private key in PEM",
    ),
    (
        "[server.tls]\ncertificate_file = \"secrets/certificate.pem\"\nkey_file = \"other-key.pem\"\n",
        "2:20 error: server.tls.certificate_file names /etc/rbm/secrets/certificate.pem, which cannot be used with the key: \
             keys may not be consistent: KeyMismatch",
    ),
    (
        "[server.tls]\ncertificate_file = \"nowhere\"\nkey_file = \"secrets/key.pem\"\n",
        "2:20 error: server.tls.certificate_file names /etc/rbm/nowhere, which cannot be read: \
             No such file or directory (os error 2)",
    ),
    (
        "[admin]\nlisten = \"0.0.0.0:1\"\n",
        "2:10 error: admin.listen is 0.0.0.0:1, which others than this machine reach, and admin.token is missing: \
             whoever reaches it could read the metrics",
    ),
    (
        "[admin]\nlisten = \"127.0.0.1:8787\"\n",
        "2:10 error: admin.listen is 127.0.0.1:8787 and server.listen is 127.0.0.1:8787, and they must differ",
    ),
    (
        "[admin]\ntoken = \"a\"\nlisten = \"0.0.0.0:8787\"\n",
        "3:10 error: admin.listen is 0.0.0.0:8787 and server.listen is 127.0.0.1:8787, and they must differ",
    ),
    (
        "[store]\ndirectory = \"\"\n",
        "2:13 error: store.directory is empty, and must be a path",
    ),
    (
        "[retention]\nseen_days = 13\n",
        "2:13 error: retention.seen_days is 13, and must be a whole number from 14 to 3650",
    ),
    (
        "[retention]\nseen_days = 99999999999999999999\n",
        "2:13 error: retention.seen_days is 99999999999999999999, and must be a whole number from 14 to 3650",
    ),
    (
        "[retention]\nevents_days = -1\n",
        "2:15 error: retention.events_days is -1, and must be a whole number from 1 to 3650",
    ),
    (
        "[retention]\nevents_days = 1.5\n",
        "2:15 error: retention.events_days is 1.5, and must be a whole number from 1 to 3650",
    ),
    (
        "[platform]\napi_origin = \"https://a/b\"\n",
        "2:14 error: platform.api_origin is \"https://a/b\", and must be a scheme, a host and perhaps a port",
    ),
    (
        "[platform]\napi_origin = \"http://a\"\n",
        "2:14 error: platform.api_origin is in the clear, and must begin with https",
    ),
    (
        "[platform]\nallow_private_addresses = \"yes\"\n",
        "2:27 error: platform.allow_private_addresses is the string \"yes\", and must be true or false",
    ),
    (
        "[platform]\nrequest_seconds_max = 0\n",
        "2:23 error: platform.request_seconds_max is 0, and must be a whole number from 1 to 60",
    ),
    (
        "[partner]\n",
        "1:2 error: partner.client_token is missing: without it nothing that comes to its webhook can be believed",
    ),
    (
        "[partner]\nnext_client_token = \"a\"\n",
        "2:1 error: partner.next_client_token is given without partner.client_token",
    ),
    (
        "[opt_out]\nwords = [\"END\", \"\"]\n",
        "2:17 error: opt_out.words[1] is \"\", and must be a word, or a phrase of up to 3 words and 40 characters, that begins \
             with a letter or a digit; one of Google's words is removed by a minus before it",
    ),
    (
        "[opt_out]\nwords = [\"please send me nothing\"]\n",
        "2:10 error: opt_out.words[0] is \"please send me nothing\", and must be a word, or a phrase of up to 3 words and 40 \
             characters, that begins with a letter or a digit; one of Google's words is removed by a minus before it",
    ),
    (
        "[opt_out]\nwords = [\"–BAJA\"]\n",
        "2:10 error: opt_out.words[0] is \"–BAJA\", and must be a word, or a phrase of up to 3 words and 40 characters, that \
             begins with a letter or a digit; one of Google's words is removed by a minus before it",
    ),
    (
        "[opt_out]\nwords = [\"-END\"]\n",
        "2:10 error: opt_out.words[0] is \"-END\", and there is no such word to remove; there are STOP, BAJA, parar",
    ),
    (
        "[opt_out]\nwords = [\"Start!\"]\n",
        "2:10 error: opt_out.words[0] is \"Start!\", and that is a word by which people want messages again",
    ),
    (
        "[opt_out]\nwords = [\"-BAJA\", \"END\", \"baja\"]\n",
        "2:26 error: opt_out.words[2] is \"baja\", and opt_out.words[0] is \"-BAJA\", which excludes it",
    ),
    (
        "[opt_out]\nkeywords = false\nwords = [\"END\"]\n",
        "3:9 error: opt_out.words has words, and opt_out.keywords is false: none counts",
    ),
    (
        "[log]\nlevel = \"loud\"\n",
        "2:9 error: log.level is \"loud\", and must be one of off, error, warn, info, debug, trace",
    ),
    (
        "[log]\nformat = 07:00:00\n",
        "2:10 error: log.format is a date or a time, and must be a string",
    ),
];

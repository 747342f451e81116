//! The subcommands that run to an end: their output, their exit codes, and what they say when something is wrong.

use crate::program::{ANSWERS, Dev, WITHOUT_RCS, command, envelope, rbm, sign};
use axum::http::StatusCode;
use std::process::Stdio;

/// RFC 4231 §4.3.
const DATA: &[u8] = b"what do ya want for nothing?";
const TAG: &str =
    "Fkt6e/z4GeLjlfvnO1bgo4e9ZCIugx/WECcM1+olBVSXWL91wFqZSm0DT2X48Ob9yuqxo01Ka0tjbgcKOLznNw==";

#[test]
fn the_signature_is_the_one_of_the_published_test_case() {
    let ended = rbm(&["sign", "--token", "Jefe"], DATA);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), format!("{TAG}\n").as_str()),
        "{}",
        ended.stderr
    );
}

#[test]
fn verify_says_which_token_or_why_not() {
    let body = envelope("{\"text\": \"hi\"}").to_string();
    let signature = sign("second", b"{\"text\": \"hi\"}");
    let tokens = [
        "verify",
        "--token",
        "first",
        "--token",
        "second",
        "--signature",
    ];
    for (name, arguments, stdin, code, stdout, stderr) in [
        (
            "good",
            [&tokens[..], &[&signature]].concat(),
            body.as_str(),
            0,
            "authentic: signed by token 1\n",
            "",
        ),
        (
            "another token",
            vec!["verify", "--token", "first", "--signature", &signature],
            &body,
            1,
            "",
            "(signature-mismatch)",
        ),
        (
            "no base64",
            [&tokens[..], &["?"]].concat(),
            &body,
            1,
            "",
            "(signature-not-base64)",
        ),
        (
            "short",
            [&tokens[..], &["AAAA"]].concat(),
            &body,
            1,
            "",
            "has 3 bytes, and must have 64 (signature-length)",
        ),
        (
            "no JSON",
            [&tokens[..], &[&signature]].concat(),
            "x",
            1,
            "",
            "(body-not-json)",
        ),
        (
            "no data",
            [&tokens[..], &[&signature]].concat(),
            "{\"message\":{}}",
            1,
            "",
            "(no-data)",
        ),
        (
            "no token",
            vec!["verify", "--signature", &signature],
            &body,
            2,
            "",
            "--token",
        ),
        (
            "an empty token",
            vec!["verify", "--token", "", "--signature", &signature],
            &body,
            2,
            "",
            "--token",
        ),
        (
            "no signature",
            vec!["verify", "--token", "first"],
            &body,
            2,
            "",
            "--signature",
        ),
    ] {
        let ended = rbm(&arguments, stdin.as_bytes());
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(code), stdout),
            "{name}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains(stderr), "{name}: {}", ended.stderr);
    }
}

#[test]
fn the_component_that_is_built_in_can_be_had() {
    let file = std::env::temp_dir().join(format!("rbm-{}.wasm", std::process::id()));
    let path = file.to_str().unwrap();
    assert_eq!(rbm(&["component", "--output", path], b"").code, Some(0));
    let component = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    // "\0asm", then version 13 of layer 1: a component.
    assert_eq!(component[..8], [0, b'a', b's', b'm', 13, 0, 1, 0]);
    let piped = command(&["component", "--output", "-"]).output().unwrap();
    assert!(piped.stdout == component);
    let nowhere = rbm(&["component", "--output", "/nowhere/rbm.wasm"], b"");
    assert_eq!(nowhere.code, Some(1));
    assert!(
        nowhere
            .stderr
            .contains("/nowhere/rbm.wasm could not be written"),
        "{}",
        nowhere.stderr
    );
}

#[tokio::test]
async fn send_waits_until_the_message_is_read() {
    let dev = Dev::start();
    let gateway = dev.gateway.clone();
    let to = |phone| {
        vec![
            "send",
            "--gateway",
            &gateway,
            "--to",
            phone,
            "--text",
            "Hi",
            "--reply",
            "Yes",
            "--wait",
            "20",
        ]
    };
    let ended = run(to(ANSWERS)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let facts: Vec<String> = ended
        .stdout
        .lines()
        .skip(1)
        .map(|line| {
            let fact: serde_json::Value = serde_json::from_str(line).unwrap();
            fact["fact"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        facts,
        ["queued", "sending", "accepted", "delivered", "read"]
    );
    let failed = run(to(WITHOUT_RCS)).await;
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stderr.contains("the message is failed"),
        "{}",
        failed.stderr
    );
    let refused = run(to("nobody")).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert_eq!(
        refused.stderr,
        "\
error[phone-e164]: \"nobody\" is not an E.164 phone number: a plus sign, then 2 to 15 digits, the first not 0
--> to
 = help: write the number with its country code: +15550100001
 = note: https://developers.google.com/business-communications/rcs-business-messaging/reference/rest/v1/phones.agentMessages/create

error: the message has 1 error (422 not-sendable)
"
    );
}

#[tokio::test]
async fn send_takes_a_whole_message_and_a_key() {
    let dev = Dev::start();
    let message =
        serde_json::json!({ "to": ANSWERS, "content": { "card": { "title": "t" } } }).to_string();
    let arguments = [
        "send",
        "--gateway",
        &dev.gateway,
        "--message",
        "-",
        "--key",
        "k",
    ];
    let (first, second) = (
        rbm(&arguments, message.as_bytes()),
        rbm(&arguments, message.as_bytes()),
    );
    assert_eq!(
        (first.code, second.code),
        (Some(0), Some(0)),
        "{}{}",
        first.stderr,
        second.stderr
    );
    let id =
        |stdout: &str| serde_json::from_str::<serde_json::Value>(stdout).unwrap()["id"].clone();
    assert_eq!(id(&first.stdout), id(&second.stdout));
    let missing = rbm(
        &[
            "send",
            "--gateway",
            &dev.gateway,
            "--message",
            "/nowhere.json",
        ],
        b"",
    );
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("/nowhere.json could not be read"),
        "{}",
        missing.stderr
    );
}

#[tokio::test]
async fn send_draws_what_a_check_warns_of() {
    let dev = Dev::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("message.json");
    let message = format!(
        "{{\n  \"to\": \"{ANSWERS}\",\n  \"content\": {{ \"text\": \"Hi\" }},\n  \"lifetime_seconds\": 5\n}}\n"
    );
    std::fs::write(&file, message).unwrap();
    let file = file.to_str().unwrap();
    let checked = rbm(&["check", file], b"");
    let sent = rbm(&["send", "--gateway", &dev.gateway, "--message", file], b"");
    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
    assert!(
        sent.stderr.starts_with(&format!(
            "warning[lifetime-short]: lifetime_seconds has 5 seconds, and needs at least 10\n --> {file}:4:23\n"
        )),
        "{}",
        sent.stderr
    );
    assert_eq!(
        format!("{}{file}: 0 errors, 1 warning, RICH_MESSAGE\n", sent.stderr),
        checked.stdout
    );
    let accepted: serde_json::Value = serde_json::from_str(&sent.stdout).unwrap();
    assert_eq!(accepted["warnings"][0]["rule"], "lifetime-short");
}

#[tokio::test]
async fn what_cannot_be_sent_is_drawn_as_a_check_draws_it() {
    let dev = Dev::start();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("message.json");
    let message = "{\n  \"to\": \"+15550100001\",\n  \"content\": { \"text\": \"Hi\" },\n  \"lifetime_seconds\": 5,\n  \
         \"suggestions\": [\n    { \"reply\": { \"text\": \"This is far too long to be a chip\" } }\n  ],\n  \"colour\": 1\n}\n";
    std::fs::write(&file, message).unwrap();
    let file = file.to_str().unwrap();
    let checked = rbm(&["check", file], b"");
    let sent = rbm(&["send", "--gateway", &dev.gateway, "--message", file], b"");
    assert_eq!((sent.code, sent.stdout.as_str()), (Some(1), ""));
    let summary = format!("{file}: 2 errors, 1 warning, RICH_MESSAGE\n");
    assert!(checked.stdout.ends_with(&summary), "{}", checked.stdout);
    assert_eq!(
        sent.stderr,
        checked.stdout.replace(
            &summary,
            "error: the message has 2 errors (422 not-sendable)\n"
        )
    );
    assert!(
        sent.stderr
            .contains("error[unknown-field]: there is no field \"colour\" in the message")
            && sent.stderr.contains(&format!(" --> {file}:8:3\n")),
        "{}",
        sent.stderr
    );
}

/// Whatever stands between the binary and a gateway, and whatever it answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_problem_is_cut_and_escaped() {
    let page = format!("<html>\u{1b}[2J\n{}</html>", "x".repeat(100_000));
    for (status, code, body, said) in [
        (
            StatusCode::BAD_GATEWAY,
            1,
            page,
            format!(
                "error: the gateway answered 502 Bad Gateway: \"<html>\\u{{1b}}[2J\\n{}…\"\n",
                "x".repeat(53)
            ),
        ),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            3,
            String::new(),
            "error: the gateway answered 503 Service Unavailable\n".to_owned(),
        ),
        (
            StatusCode::FORBIDDEN,
            4,
            "{\"detail\":\"no\"}".to_owned(),
            "error: the gateway answered 403 Forbidden: \"{\\\"detail\\\":\\\"no\\\"}\"\n"
                .to_owned(),
        ),
    ] {
        let proxy = axum::Router::new().fallback(move || async move { (status, body) });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, proxy).await });
        let ended = run(vec!["messages", "list", "--gateway", &origin]).await;
        assert_eq!((ended.code, ended.stderr), (Some(code), said));
    }
}

#[test]
fn what_is_asked_for_wrongly_ends_with_2_and_what_may_succeed_later_with_3() {
    let nobody = [
        "send",
        "--gateway",
        "http://127.0.0.1:1",
        "--to",
        ANSWERS,
        "--text",
        "x",
    ];
    for (arguments, code, said) in [
        (&[][..], 2, "Usage"),
        (&["fly"], 2, "unrecognized subcommand 'fly'"),
        (&["sign"], 2, "--token"),
        (&["sign", "--token", ""], 2, "--token"),
        (&["send"], 2, "--to"),
        (&["send", "--to", ANSWERS], 2, "--text"),
        (&["component"], 2, "--output"),
        (&nobody, 3, "no gateway answers at http://127.0.0.1:1"),
    ] {
        let ended = rbm(arguments, b"");
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    let logged = command(&["sign", "--token", "x"])
        .env("RBM_LOG", "=nonsense=")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(logged.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&logged.stderr).contains("RBM_LOG is \"=nonsense=\""));
}

#[test]
fn what_no_gateway_could_be_asked_is_used_wrongly() {
    let send = ["send", "--to", ANSWERS, "--text", "x"];
    for (arguments, said) in [
        (
            [&send[..], &["--gateway", "nonsense"]].concat(),
            "'nonsense' for '--gateway <URL>'",
        ),
        (
            [&send[..], &["--gateway", "127.0.0.1:8787"]].concat(),
            "it must be like http://127.0.0.1:8787",
        ),
        (
            [&send[..], &["--gateway", "ftp://x"]].concat(),
            "'ftp://x' for '--gateway <URL>'",
        ),
        (
            [&send[..], &["--gateway", "http://x?y"]].concat(),
            "'http://x?y' for '--gateway <URL>'",
        ),
        (
            [&send[..], &["--key", "a\nb"]].concat(),
            "for '--key <KEY>'",
        ),
        (
            vec!["upload", "x.png", "--type", "a\nb"],
            "for '--type <MIME>'",
        ),
        (vec!["revoke", ""], "for '<ID>'"),
        (vec!["revoke", "."], "'.' for '<ID>'"),
        (vec!["revoke", ".."], "'..' for '<ID>'"),
        (vec!["typing", ".."], "'..' for '<PHONE>'"),
        (vec!["read", ".", "Mx1"], "'.' for '<PHONE>'"),
        (vec!["capabilities", ""], "for '<PHONE>'"),
        (vec!["capabilities", ".\t."], "for '<PHONE>'"),
    ] {
        let ended = rbm(&arguments, b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn why_nobody_answers_is_said_in_a_few_words() {
    let ended = rbm(
        &["capabilities", ANSWERS, "--gateway", "http://127.0.0.1:1/"],
        b"",
    );
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let said = "error: no gateway answers at http://127.0.0.1:1: Connection refused (os error ";
    assert!(ended.stderr.starts_with(said), "{}", ended.stderr);
    assert!(
        ended.stderr.ends_with(")\nhelp: `rbm dev` runs one\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_cannot_be_uploaded_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let big = directory.path().join("big.png");
    std::fs::File::create(&big)
        .unwrap()
        .set_len((100 << 20) + 1)
        .unwrap();
    for (file, said) in [
        ("/dev/zero", "/dev/zero is no regular file"),
        (directory.path().to_str().unwrap(), " is no regular file"),
        (
            big.to_str().unwrap(),
            "big.png has 104857601 bytes, the limit is 104857600",
        ),
        (
            "gopher://x.example/a.png",
            "\"gopher://x.example/a.png\" is not taken",
        ),
        (
            "FTP://x.example/a.png",
            "or an address that begins with https://",
        ),
        ("nowhere://", "\"nowhere://\" is not taken"),
        ("no/where://x", "no/where://x could not be read"),
    ] {
        let ended = rbm(
            &[
                "upload",
                file,
                "--type",
                "image/png",
                "--gateway",
                "http://127.0.0.1:1",
            ],
            b"",
        );
        assert_eq!(ended.code, Some(2), "{file}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{file}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn an_address_in_capitals_is_one_and_a_byte_order_mark_is_no_part_of_a_number() {
    let dev = Dev::start();
    let uploaded = run(vec![
        "upload",
        "HTTPS://x.example/a.png",
        "--gateway",
        &dev.gateway,
    ])
    .await;
    assert_eq!(uploaded.code, Some(0), "{}", uploaded.stderr);
    let gateway = dev.gateway.clone();
    let list = "\u{feff}+15550100001\r\n+15550100002\r\n";
    let reach = move || rbm(&["reach", "--gateway", &gateway], list.as_bytes());
    let reach = tokio::task::spawn_blocking(reach).await.unwrap();
    assert_eq!(reach.code, Some(0), "{}", reach.stderr);
    assert!(reach.stdout.contains("\"asked\":2"), "{}", reach.stdout);
}

/// However long an argument is, an error repeats no more than 64 characters of it, or of each of its ends.
#[test]
fn an_error_repeats_only_a_part_of_what_was_written() {
    let long = "q".repeat(20_000);
    let (option, setting, value) = (
        format!("--{long}"),
        format!("{long}=1"),
        format!("use-case={long}"),
    );
    let (address, other, directory) = (
        format!("http://{long}?"),
        format!("ftp://{long}"),
        format!("/dev/null/{long}"),
    );
    let (agent, webhook) = (format!("{long}!"), format!("http://127.0.0.1:1/{long}"));
    for arguments in [
        &[long.as_str()][..],
        &[&option],
        &["send", &option],
        &[
            "send",
            "--to",
            ANSWERS,
            "--text",
            "x",
            "--gateway",
            &address,
        ],
        &["send", "--message", &directory],
        &["check", &directory],
        &["check", "-", "--setting", &long],
        &["config", "check", "--config", &directory],
        &["config", "show", "--set", &setting],
        &["check", "-", "--setting", &setting],
        &["check", "-", "--setting", &value],
        &["upload", &directory],
        &["upload", &other],
        &["explain", &long],
        &["component", "--output", &directory],
        &["dev", "--data", &directory],
        &["emulate", "--agent", &agent],
        &[
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--client-token-file",
            "/dev/zero",
            "--webhook",
            &other,
        ],
        &[
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--client-token-file",
            &directory,
            "--webhook",
            "http://127.0.0.1:1",
        ],
        &[
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--client-token-file",
            "-",
            "--webhook",
            &webhook,
        ],
        &[
            "dev",
            "--gateway",
            "127.0.0.1:0",
            "--emulator",
            "127.0.0.1:0",
            "--forward-to",
            &other,
        ],
    ] {
        let ended = rbm(arguments, b"{}");
        assert!(
            matches!(ended.code, Some(1..=3)),
            "{arguments:?}: {}",
            ended.stderr
        );
        let repeated = ended.stderr.matches('q').count();
        assert!(
            (40..=2 * 64 + 4).contains(&repeated),
            "{repeated} in {}",
            ended.stderr
        );
    }
    let repeated = rbm(
        &["check", "-"],
        format!("{{\"{long}\":1,\"{long}\":1}}").as_bytes(),
    )
    .stdout;
    let sentence = repeated.lines().next().unwrap();
    assert!(
        sentence.contains("q…q") && sentence.len() < 200,
        "{sentence}"
    );
}

#[test]
fn nobody_who_reads_is_no_reason_to_panic() {
    let mut child = command(&["component", "--output", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

async fn run(arguments: Vec<&str>) -> crate::program::Ended {
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    tokio::task::spawn_blocking(move || {
        rbm(
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
            b"",
        )
    })
    .await
    .unwrap()
}

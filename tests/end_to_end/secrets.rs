//! Secrets stay out of logs, at every level and in every library.

use crate::program::{ANSWERS, Dev, OFFLINE, WITHOUT_RCS, envelope, rbm, sign, text};
use serde_json::{Value, json};

/// Everything but the compiler, which has seen nothing but the component and would tell 350 MB about it.
const TRACE: &str =
    "trace,cranelift_codegen=warn,cranelift_frontend=warn,wasmtime_internal_cranelift=warn";

/// Everything that `rbm dev` does, at TRACE: tokens bought, messages sent, refused and taken back, webhooks believed and not.
#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let dev = Dev::start_with(&[], TRACE);
    let id = dev.send(&text(ANSWERS, "Hello")).await;
    dev.wait_for_event(|event| event["kind"] == "message").await;
    dev.delete(&format!("/v1/messages/{id}")).await;
    dev.send(&text(WITHOUT_RCS, "Hello")).await;
    let waiting = dev.send(&text(OFFLINE, "Hello")).await;
    dev.wait_for_state(&waiting, "accepted").await;
    dev.delete(&format!("/v1/messages/{waiting}")).await;
    dev.post("/v1/messages", &json!({ "to": "nobody" })).await;
    dev.notify("/webhooks/rbm/demo", "{}").await;
    dev.post(
        "/webhooks/rbm",
        &json!({ "clientToken": dev.client_token, "secret": "canary-handshake" }),
    )
    .await;
    dev.post(
        "/webhooks/rbm",
        &json!({ "clientToken": "canary-guess", "secret": "x" }),
    )
    .await;
    let signature = sign(&dev.client_token, b"{\"x\":1}");
    dev.post_signed("/webhooks/rbm/demo", "{\"x\":2}", &signature)
        .await;

    let account = dev
        .get(&format!("{}/emulator/service-account.json", dev.emulator))
        .await
        .body;
    let key: Vec<&str> = account["private_key"]
        .as_str()
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    assert!(key.len() > 10, "the key file is the one in use");
    let log = dev.stderr();
    assert!(
        log.contains("TRACE") && log.contains("rbm_host") && log.contains("hyper"),
        "it is a log at TRACE: {} bytes",
        log.len()
    );
    let secrets = [
        ("client token", dev.client_token.as_str()),
        ("handshake's secret", "canary-handshake"),
        ("guessed token", "canary-guess"),
        ("access token", "emulated."),
        ("assertion", "eyJ"),
        ("signature", &signature),
    ];
    for (name, secret) in secrets
        .into_iter()
        .chain(key.iter().map(|line| ("private key", *line)))
    {
        assert!(
            !log.contains(secret),
            "the {name} is in the log: {}",
            around(&log, secret)
        );
    }
}

#[test]
fn no_secret_is_logged_by_a_command() {
    let body = envelope("{}").to_string();
    let signature = sign("canary-token", b"{}");
    for arguments in [
        &["sign", "--token", "canary-token"][..],
        &[
            "verify",
            "--token",
            "canary-token",
            "--signature",
            &signature,
        ],
    ] {
        let mut command = crate::program::command(arguments);
        let command = command
            .env("RBM_LOG", TRACE)
            .stdin(std::process::Stdio::piped());
        let mut child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), body.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("canary-token"),
            "{arguments:?}"
        );
    }
    let refused = rbm(
        &["verify", "--token", "canary-token", "--signature", "AAAA"],
        body.as_bytes(),
    );
    assert!(
        !refused.stderr.contains("canary-token"),
        "{}",
        refused.stderr
    );
}

/// What a caller is told has no secret in it either.
#[tokio::test]
async fn no_secret_is_in_an_answer_of_the_gateway() {
    let dev = Dev::start();
    let id = dev.send(&text(ANSWERS, "Hello")).await;
    dev.wait_for_event(|event| event["kind"] == "message").await;
    dev.post(
        "/webhooks/rbm/demo",
        &json!({ "clientToken": dev.client_token }),
    )
    .await;
    for path in [
        "/v1/messages",
        "/v1/events",
        &format!("/v1/messages/{id}"),
        "/nothing",
    ] {
        let answer: Value = dev.get(path).await.body;
        assert!(!answer.to_string().contains(&dev.client_token), "{path}");
        assert!(!answer.to_string().contains("emulated."), "{path}");
    }
}

fn around<'a>(log: &'a str, secret: &str) -> &'a str {
    let at = log.find(secret).unwrap();
    let begin = log[..at].rfind('\n').map_or(0, |place| place + 1);
    let end = log[at..].find('\n').map_or(log.len(), |place| at + place);
    &log[begin..end]
}

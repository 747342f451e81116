//! `wash dev` joins the plugin and the adapters by itself, with the configuration that is offered as an example.

use crate::cases::{self, API_TOKEN, CLIENT_TOKEN, Host, send};
use crate::emulating::Emulate;
use crate::installed::{self, COMPONENTS};
use crate::receiver::Receiver;
use crate::started::{self, Started};
use crate::tokens;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn wasmcloud_passes_every_case() {
    let twin = Emulate::start(&[], "");
    let (_started, host) = start(&twin, true).await;
    cases::pass(&host).await;
}

/// Or else the list of hosts in the example would prove nothing.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn wasmcloud_lets_it_go_only_where_it_may() {
    let twin = Emulate::start(&[], "");
    let (_started, host) = start(&twin, false).await;
    let sent = send(
        &host,
        &json!({ "to": "+15550100002", "content": { "text": "Hi" } }),
        &[],
    )
    .await;
    assert_eq!(
        (sent.status, &sent.body["code"]),
        (500, &json!("misconfigured")),
        "{}",
        sent.body
    );
}

async fn start(twin: &Emulate, twin_is_allowed: bool) -> (Started, Host) {
    let application = Receiver::start("").await;
    let project = installed::place(if twin_is_allowed {
        "wasmcloud-project"
    } else {
        "wasmcloud-elsewhere"
    });
    let origin = twin.origin();
    let allowed = if twin_is_allowed {
        origin
    } else {
        "http://127.0.0.1:1"
    };
    let configuration = installed::example(
        "wasmcloud/.wash/config.yaml",
        &[
            (
                "  command: cargo run --package rbm --features package -- package --output package\n",
                "  command: \"true\"\n",
            ),
            ("package/rbm-front.wasm", &in_package("rbm-front.wasm")),
            ("package/rbm.wasm", &in_package("rbm.wasm")),
            ("package/rbm-shim.wasm", &in_package("rbm-shim.wasm")),
            ("127.0.0.1:8080", "127.0.0.1:0"),
            (
                "https://application.example/events",
                &format!("{}/events", application.origin),
            ),
            ("RBM_REGION: europe", &format!("RBM_API_ORIGIN: {origin}")),
            (
                "- europe-rcsbusinessmessaging.googleapis.com",
                &format!("- {}", without_scheme(allowed)),
            ),
            (
                "- application.example",
                &format!("- {}", without_scheme(&application.origin)),
            ),
        ],
    );
    fs::create_dir_all(project.join(".wash")).unwrap();
    fs::create_dir_all(project.join("home")).unwrap();
    fs::write(project.join(".wash/config.yaml"), configuration).unwrap();
    let mut command = Command::new(&*PROGRAM);
    command
        .arg("dev")
        .current_dir(&project)
        .env("NO_COLOR", "1");
    // It keeps files below its user's home.
    command.env("HOME", project.join("home"));
    command
        .env("RBM_CLIENT_TOKEN", CLIENT_TOKEN)
        .env("RBM_API_TOKEN", API_TOKEN);
    command.env("RBM_ACCESS_TOKEN", tokens::buy(twin).await);
    let (started, lines) = started::start("wasmcloud", &mut command, "listening for HTTP requests");
    let address = lines
        .iter()
        .find_map(|line| line.split("listening addr=").nth(1))
        .unwrap();
    let origin = format!("http://{}", address.split(' ').next().unwrap());
    (started, Host::at(&origin, application, twin.origin()))
}

fn in_package(file: &str) -> String {
    COMPONENTS.join(file).to_str().unwrap().to_owned()
}

fn without_scheme(origin: &str) -> &str {
    origin.strip_prefix("http://").unwrap()
}

static PROGRAM: LazyLock<PathBuf> =
    LazyLock::new(|| installed::program("wasmcloud", "wash_cli/wash"));

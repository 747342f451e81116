//! `wasmtime serve` runs `rbm-app.wasm`: the plugin with both adapters, and nothing of this project around it.

use crate::cases::{self, AGENT, CLIENT_TOKEN, Host, send};
use crate::emulating::Emulate;
use crate::program::rbm;
use crate::receiver::Receiver;
use crate::tokens;
use serde_json::json;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;

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
    let (_serve, host) = start(&twin, &[("RBM_TOKEN_SOURCE", "metadata"), ("GCE_METADATA_HOST", server)]).await;
    let sent = send(&host, &json!({ "to": "+15550100002", "content": { "text": "Hi" } }), &[]).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let asked = metadata.take();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers["metadata-flavor"], "Google");
    let scope = "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Frcsbusinessmessaging";
    assert_eq!(asked[0].url, format!("/computeMetadata/v1/instance/service-accounts/default/token?scopes={scope}"));
}

/// Or else a message that arrives would prove nothing about its token.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "installs a program from PyPI; --ignored runs it"]
async fn without_a_token_that_the_platform_knows_nothing_is_sent() {
    let twin = Emulate::start(&[], "");
    for variables in [&[("RBM_ACCESS_TOKEN", "another")][..], &[], &[("RBM_TOKEN_SOURCE", "key")]] {
        let (_serve, host) = start(&twin, variables).await;
        let sent = send(&host, &json!({ "to": "+15550100002", "content": { "text": "Hi" } }), &[]).await;
        assert_eq!((sent.status, &sent.body["code"]), (500, &json!("misconfigured")), "{variables:?}: {}", sent.body);
    }
}

/// Ends with the test.
struct Serve(Child);

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start(twin: &Emulate, variables: &[(&str, &str)]) -> (Serve, Host) {
    let application = Receiver::start("").await;
    let callback_url = format!("{}/events", application.origin);
    let own = [
        ("RBM_AGENT_ID", AGENT),
        ("RBM_CLIENT_TOKEN", CLIENT_TOKEN),
        ("RBM_CLIENT_TOKEN_2", "the token before"),
        ("RBM_API_TOKEN", "the caller's token"),
        ("RBM_API_ORIGIN", twin.origin()),
        ("RBM_CALLBACK_URL", &callback_url),
    ];
    let mut command = Command::new(&*PROGRAM);
    command.args(["serve", "--addr", "127.0.0.1:0", "-S", "cli"]);
    for (name, value) in own.iter().chain(variables) {
        // By its name alone, so that the values are in no list of processes.
        command.env(name, value).args(["--env", name]);
    }
    let mut child = command.arg(APPLICATION.as_path()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.by_ref().find(|line| line.contains("http://")).expect("it says where it serves");
    thread::spawn(move || lines.for_each(|line| println!("wasmtime: {line}")));
    let origin = line[line.find("http://").unwrap()..].trim().trim_end_matches('/').to_owned();
    let host = Host {
        webhook: format!("{origin}/webhooks/rbm/{AGENT}"),
        messages: format!("{origin}/v1/messages"),
        api_token: "the caller's token".to_owned(),
        application,
        twin: twin.origin().to_owned(),
    };
    (Serve(child), host)
}

/// Installed once for all tests, in a place that outlives them so that a failure can be looked into.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = place("wasmtime");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/hosts/wasmtime/requirements.txt");
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"];
    run(Command::new(place.join("bin/python")).args(install).arg(requirements));
    let script = "import wasmtime_cli; print(wasmtime_cli._binary_path())";
    let program = run(Command::new(place.join("bin/python")).args(["-c", script]));
    // The package has it as a file like any other.
    fs::set_permissions(program.trim(), Permissions::from_mode(0o755)).unwrap();
    program.trim().into()
});

static APPLICATION: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = place("package");
    let ended = rbm(&["package", "--output", place.to_str().unwrap()], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    println!("{}", ended.stdout);
    place.join("rbm-app.wasm")
});

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts").join(name)
}

fn run(command: &mut Command) -> String {
    let program = command.get_program().display().to_string();
    let ended = command.output().unwrap_or_else(|problem| panic!("{program} cannot be started: {problem}"));
    assert!(ended.status.success(), "{program}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

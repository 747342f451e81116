//! Runs the binary: once for a result, or as `rbm dev` with HTTP to talk to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use test_plugins::compilation_cache;

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `rbm` to its end.
pub(crate) fn rbm(arguments: &[&str], stdin: &[u8]) -> Ended {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read everything.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The binary, with nothing of this process's settings.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rbm"));
    command
        .args(arguments)
        .env_remove("RBM_LOG")
        .env_remove("RBM_TOKEN")
        .env("NO_COLOR", "1")
        .env("RBM_CACHE_DIR", compilation_cache());
    command
}

/// A running `rbm dev --json` on ports of its own. Ends with the test.
pub(crate) struct Dev {
    pub(crate) gateway: String,
    pub(crate) emulator: String,
    pub(crate) webhook: String,
    pub(crate) agent: String,
    pub(crate) client_token: String,
    /// All that its line says.
    pub(crate) ready: Value,
    /// From the start of the process to its line.
    pub(crate) ready_after: Duration,
    client: Client,
    child: Child,
    stderr: Arc<Mutex<String>>,
}

impl Dev {
    pub(crate) fn start() -> Self {
        Self::start_with(&[], "warn")
    }

    pub(crate) fn start_with(arguments: &[&str], log: &str) -> Self {
        Self::start_by(Self::command().args(arguments).env("RBM_LOG", log))
    }

    pub(crate) fn command() -> Command {
        command(&[
            "dev",
            "--json",
            "--gateway",
            "127.0.0.1:0",
            "--emulator",
            "127.0.0.1:0",
        ])
    }

    pub(crate) fn start_by(command: &mut Command) -> Self {
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = collect(child.stderr.take().unwrap());
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!(
                "one line of JSON: {line:?}; stderr: {}",
                stderr.lock().unwrap()
            )
        });
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Self {
            gateway: text("gateway"),
            emulator: text("emulator"),
            webhook: text("webhook"),
            agent: text("agent"),
            client_token: text("client_token"),
            ready: ready.clone(),
            ready_after: begun.elapsed(),
            client: Client::new(),
            child,
            stderr,
        }
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Asks it to end, and tells its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }

    /// Ends it without asking, as a power switch would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let address = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.gateway)
        };
        self.client.request(method, address)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(
            self.request(Method::POST, path)
                .header("content-type", "application/json")
                .body(body.to_string()),
        )
        .await
    }

    /// Sends a message, and gives its id.
    pub(crate) async fn send(&self, body: &Value) -> String {
        let answer = self.post("/v1/messages", body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        answer.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send_with_key(&self, key: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, "/v1/messages")
            .header("content-type", "application/json");
        answer(
            request
                .header("idempotency-key", key)
                .body(body.to_string()),
        )
        .await
    }

    /// The message once it has this state.
    pub(crate) async fn wait_for_state(&self, id: &str, state: &str) -> Value {
        self.wait_for(&format!("/v1/messages/{id}"), |message| {
            message["state"] == state
        })
        .await
    }

    /// All events once there is one that is wanted.
    pub(crate) async fn wait_for_event(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let any = |answer: &Value| answer["events"].as_array().unwrap().iter().any(&wanted);
        self.wait_for("/v1/events?limit=1000", any).await["events"]
            .as_array()
            .unwrap()
            .clone()
    }

    pub(crate) async fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await;
            if wanted(&answer.body) {
                return answer.body;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{path} is still {}; stderr: {}",
                answer.body,
                self.stderr()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the phone has been sent.
    pub(crate) async fn shown_on(&self, phone: &str) -> Vec<Value> {
        let shown = self
            .get(&format!("{}/emulator/phones/{phone}", self.emulator))
            .await;
        shown.body["messages"].as_array().unwrap().clone()
    }

    /// Posts a signed event to a webhook, as the platform would.
    pub(crate) async fn notify(&self, webhook: &str, document: &str) -> Answer {
        self.post_signed(
            webhook,
            document,
            &sign(&self.client_token, document.as_bytes()),
        )
        .await
    }

    pub(crate) async fn post_signed(
        &self,
        webhook: &str,
        document: &str,
        signature: &str,
    ) -> Answer {
        let body = envelope(document);
        answer(
            self.request(Method::POST, webhook)
                .header("x-goog-signature", signature)
                .body(body.to_string()),
        )
        .await
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        assert!(!self.stderr().contains("panicked"), "{}", self.stderr());
    }
}

/// An answer whose body is JSON, or text as a JSON string.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Value,
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let content_type = response
        .headers()
        .get("content-type")
        .map(|value| value.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        status,
        content_type: content_type.unwrap_or_default(),
        body,
    }
}

/// `X-Goog-Signature`, by the definition: HMAC-SHA512 over the decoded bytes, in standard base64.
pub(crate) fn sign(token: &str, data: &[u8]) -> String {
    let mac = Hmac::<sha2::Sha512>::new_from_slice(token.as_bytes())
        .unwrap()
        .chain_update(data);
    STANDARD.encode(mac.finalize().into_bytes())
}

pub(crate) fn envelope(document: &str) -> Value {
    json!({ "message": { "data": STANDARD.encode(document), "attributes": { "product": "RBM" }, "messageId": "1" } })
}

/// The smallest message.
pub(crate) fn text(to: &str, text: &str) -> Value {
    json!({ "to": to, "content": { "text": text } })
}

fn collect(mut pipe: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let collected = Arc::new(Mutex::new(String::new()));
    let into = collected.clone();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            into.lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    collected
}

/// Generous, because machines are busy; a test that needs it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const ANSWERS: &str = "+15550100001";
pub(crate) const HIDES_READING: &str = "+15550100002";
pub(crate) const OFFLINE: &str = "+15550100003";
pub(crate) const WITHOUT_RCS: &str = "+15550100004";

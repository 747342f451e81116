//! `rbm serve`: starts as its configuration says, tells how it does, reads its configuration again, and stops in good order.

use crate::program::{PATIENCE, command, rbm, text};
use rbm_emulator::{Emulator, Options};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A gateway that runs by a configuration which can be changed.
struct Serve {
    gateway: String,
    admin: String,
    directory: TempDir,
    client: Client,
    child: Child,
    _emulator: Emulator,
}

impl Serve {
    async fn start(server: &str, admin: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let emulator = Emulator::start(listener, Options::default()).await.unwrap();
        let directory = TempDir::new().unwrap();
        secret(&directory, "key.json", &emulator.service_account());
        secret(&directory, "token", "client-token-1");
        write(&directory, &config(emulator.origin(), server, admin));
        let (child, gateway, admin) = Self::spawn(&directory);
        Self {
            gateway,
            admin,
            directory,
            client: Client::new(),
            child,
            _emulator: emulator,
        }
    }

    /// Ends and starts again, at other addresses.
    fn restart(&mut self) {
        self.signal("-TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.log());
        (self.child, self.gateway, self.admin) = Self::spawn(&self.directory);
    }

    /// The process, and where its two addresses are. The log begins anew.
    fn spawn(directory: &TempDir) -> (Child, String, String) {
        let mut child = command(&[
            "serve",
            "--json",
            "--config",
            path(directory).to_str().unwrap(),
        ])
        .env("RBM_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
        .spawn()
        .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let log = || std::fs::read_to_string(directory.path().join("log")).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}; {}", log()));
        let origin = |name: &str| ready[name].as_str().unwrap().to_owned();
        let (gateway, admin) = (origin("gateway"), origin("admin"));
        (child, gateway, admin)
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    async fn wait_for_log(&self, words: &str) {
        let begun = Instant::now();
        while !self.log().contains(words) {
            assert!(
                begun.elapsed() < PATIENCE,
                "{words:?} is not in {}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask(
        &self,
        method: Method,
        address: String,
        token: Option<&str>,
    ) -> (StatusCode, String) {
        let mut request = self.client.request(method, address);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, String) {
        self.ask(Method::GET, format!("{}{path}", self.gateway), token)
            .await
    }

    async fn admin(&self, path: &str, token: Option<&str>) -> (StatusCode, String) {
        self.ask(Method::GET, format!("{}{path}", self.admin), token)
            .await
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }
}

fn config(api_origin: &str, server: &str, admin: &str) -> String {
    format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n{server}\n[admin]\nlisten = \"127.0.0.1:0\"\n{admin}\n[store]\ndirectory = \"data\"\n\
         [platform]\napi_origin = \"{api_origin}\"\nallow_private_addresses = true\n\
         [agents.demo]\nagent_id = \"demo\"\nclient_token_file = \"token\"\nservice_account_file = \"key.json\"\n"
    )
}

fn path(directory: &TempDir) -> PathBuf {
    directory.path().join("rbm.toml")
}

fn write(directory: &TempDir, config: &str) {
    std::fs::write(path(directory), config).unwrap();
}

fn read(directory: &TempDir) -> String {
    std::fs::read_to_string(path(directory)).unwrap()
}

fn secret(directory: &TempDir, name: &str, secret: &str) {
    let path: &Path = &directory.path().join(name);
    std::fs::write(path, secret).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn the_keeper_is_told_how_it_does() {
    let serve = Serve::start("", "token = \"k33per\"").await;
    assert_eq!(
        serve.admin("/healthz", None).await,
        (StatusCode::OK, "alive\n".to_owned())
    );
    assert_eq!(
        serve.admin("/readyz", None).await,
        (StatusCode::OK, "ready\n".to_owned())
    );
    let (status, reasons) = serve.admin("/readyz?verbose", None).await;
    assert_eq!(
        (status, reasons.as_str()),
        (
            StatusCode::OK,
            r#"{"agents":{"demo":"ok"},"running":"ok","store":"ok"}"#
        )
    );
    assert_eq!(
        serve.admin("/metrics", None).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        serve.admin("/metrics", Some("another")).await.0,
        StatusCode::UNAUTHORIZED
    );

    let body = text("+15550100002", "Hi").to_string();
    let sent = serve
        .client
        .post(format!("{}/v1/messages", serve.gateway))
        .header("content-type", "application/json");
    assert_eq!(
        sent.body(body).send().await.unwrap().status(),
        StatusCode::ACCEPTED
    );
    let begun = Instant::now();
    loop {
        let (status, metrics) = serve.admin("/metrics", Some("k33per")).await;
        assert_eq!(status, StatusCode::OK);
        if metrics.contains("rbm_send_attempts_total{result=\"accepted\"} 1\n") {
            assert!(
                metrics.contains("rbm_messages_total{state=\"queued\"} 1\n"),
                "{metrics}"
            );
            assert!(
                metrics.contains("rbm_guest_calls_total{export=\"send\",outcome=\"returned\"} 1\n"),
                "{metrics}"
            );
            // At the start, before it is asked anything else.
            assert!(
                metrics.contains("rbm_guest_seconds_count{export=\"check-settings\"} 1\n"),
                "{metrics}"
            );
            let number = |name: &str| -> u64 {
                let line = metrics
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or_else(|| panic!("{metrics}"));
                line.trim().parse().unwrap()
            };
            assert!(
                (3_000..=3_600).contains(&number("rbm_token_expiry_seconds{agent=\"demo\"}")),
                "{metrics}"
            );
            assert!(number("rbm_store_commit_seconds_count") > 0, "{metrics}");
            assert!(!metrics.contains("5550100002"), "no person is in it");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{metrics}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        serve.get("/metrics", None).await.0,
        StatusCode::NOT_FOUND,
        "it is not on the gateway's own address"
    );
}

#[tokio::test]
async fn callers_know_the_token_and_the_platform_needs_none() {
    let serve = Serve::start("api_token = \"c4ller\"", "").await;
    for (token, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("wrong"), StatusCode::UNAUTHORIZED),
        (Some("c4ller"), StatusCode::OK),
    ] {
        assert_eq!(
            serve.get("/v1/messages", token).await.0,
            status,
            "{token:?}"
        );
        assert_eq!(serve.get("/v1/events", token).await.0, status, "{token:?}");
    }
    let webhook = serve
        .client
        .post(format!("{}/webhooks/rbm/demo", serve.gateway))
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(
        webhook.status(),
        StatusCode::BAD_REQUEST,
        "judged, and not turned away at the door"
    );
    assert!(!serve.log().contains("c4ller"));
}

/// From another address of this machine nobody may connect; from the proxy's, what came to it in the clear is turned away.
#[tokio::test]
async fn where_a_proxy_is_trusted_nobody_else_connects_and_nothing_comes_that_was_in_the_clear() {
    let serve = Serve::start("trusted_proxies = [\"127.0.0.2\"]", "").await;
    let from = |address: [u8; 4]| {
        Client::builder()
            .no_proxy()
            .local_address(IpAddr::from(address))
            .build()
            .unwrap()
    };
    let (proxy, other) = (from([127, 0, 0, 2]), from([127, 0, 0, 3]));
    for (method, path, protocol, status) in [
        (Method::GET, "/v1/messages", Some("https"), StatusCode::OK),
        (Method::GET, "/v1/messages", None, StatusCode::OK),
        (
            Method::GET,
            "/v1/messages",
            Some("http"),
            StatusCode::FORBIDDEN,
        ),
        // Let in, and empty.
        (
            Method::POST,
            "/webhooks/rbm/demo",
            Some("https"),
            StatusCode::BAD_REQUEST,
        ),
        (
            Method::POST,
            "/webhooks/rbm/demo",
            Some("http"),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let ask = |client: &Client| {
            let request = client.request(method.clone(), format!("{}{path}", serve.gateway));
            protocol
                .into_iter()
                .fold(request, |request, it| {
                    request.header("x-forwarded-proto", it)
                })
                .send()
        };
        let answer = ask(&proxy).await.unwrap();
        let (answered, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(answered, status, "{path} {protocol:?}: {text}");
        assert_eq!(
            text.contains("\"https-required\""),
            status == StatusCode::FORBIDDEN,
            "{text}"
        );
        ask(&other)
            .await
            .expect_err("nobody but the proxy is served");
    }
    serve
        .wait_for_log("somebody who is no trusted proxy was turned away peer=127.0.0.3")
        .await;
    assert_eq!(
        serve.admin("/healthz", None).await.0,
        StatusCode::OK,
        "the keeper needs no proxy"
    );
}

/// Nobody is in front, so that anybody may have written the header.
#[tokio::test]
async fn without_a_proxy_the_header_of_one_says_nothing() {
    let serve = Serve::start("", "").await;
    let request = serve
        .client
        .get(format!("{}/v1/messages", serve.gateway))
        .header("x-forwarded-proto", "http");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn without_a_token_no_name_but_this_machine_s_is_answered() {
    let serve = Serve::start("", "").await;
    let request = serve
        .client
        .get(format!("{}/v1/messages", serve.gateway))
        .header("host", "rebound.example");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.text().await.unwrap().contains("localhost"));
}

#[tokio::test]
async fn a_configuration_is_read_again_all_of_it_or_nothing() {
    let serve = Serve::start("api_token = \"old\"", "").await;
    let good = read(&serve.directory).replace("\"old\"", "\"new\"")
        + "[agents.second]\nagent_id = \"second\"\n\
        client_token_file = \"token\"\nservice_account_file = \"key.json\"\n";
    write(&serve.directory, &good);
    serve.signal("-HUP");
    serve.wait_for_log("the configuration was read again").await;
    assert_eq!(
        serve.get("/v1/messages", Some("old")).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        serve.get("/v1/messages?agent=second", Some("new")).await.0,
        StatusCode::OK
    );

    for (wrong, why) in [
        (
            good.replace("[agents.second]", "[agents.second]\nrat = 1"),
            "agents.second",
        ),
        (
            good.replace("\"data\"", "\"elsewhere\""),
            "store.directory has changed, and that needs a restart",
        ),
        (
            good.clone()
                + "[callbacks.app]\nurl = \"https://app.example\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n",
            "callbacks has changed, and that needs a restart",
        ),
        (
            good.replace("service_account_file", "bearer_token_file") + "[",
            "rbm.toml",
        ),
    ] {
        write(&serve.directory, &wrong);
        let earlier = serve.log().matches("everything stays as it was").count();
        serve.signal("-HUP");
        let begun = Instant::now();
        while serve.log().matches("everything stays as it was").count() == earlier {
            assert!(begun.elapsed() < PATIENCE, "{}", serve.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(serve.log().contains(why), "{why} is not in {}", serve.log());
        assert_eq!(
            serve.get("/v1/messages?agent=second", Some("new")).await.0,
            StatusCode::OK,
            "{why}"
        );
    }
}

#[tokio::test]
async fn who_removes_an_agent_is_told_of_what_it_had_still_to_send() {
    let mut serve = Serve::start("", "").await;
    let one = read(&serve.directory);
    let second = "[agents.second]\nagent_id = \"second\"\nclient_token_file = \"token\"\n\
                  service_account_file = \"key.json\"\n";
    write(&serve.directory, &(one.clone() + second));
    serve.signal("-HUP");
    serve.wait_for_log("the configuration was read again").await;
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    for agent in ["demo", "second", "second"] {
        let body = json!({ "to": "+15550100002", "agent": agent, "content": { "text": "Hi" }, "send_at": later });
        let sent = serve
            .client
            .post(format!("{}/v1/messages", serve.gateway))
            .body(body.to_string());
        let sent = sent
            .header("content-type", "application/json")
            .send()
            .await
            .unwrap();
        assert_eq!(
            sent.status(),
            StatusCode::ACCEPTED,
            "{}",
            sent.text().await.unwrap()
        );
    }
    assert!(
        !serve.log().contains("is not configured"),
        "{}",
        serve.log()
    );

    write(&serve.directory, &one);
    serve.signal("-HUP");
    serve
        .wait_for_log(
            "messages wait for an agent that is not configured agent=\"second@rbm.goog\" waiting=2",
        )
        .await;
    let (_, metrics) = serve.admin("/metrics", None).await;
    for line in [
        "rbm_queue_depth{agent=\"demo\"} 1\n",
        "rbm_queue_depth{agent=\"second@rbm.goog\"} 2\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    serve.restart();
    serve
        .wait_for_log(
            "messages wait for an agent that is not configured agent=\"second@rbm.goog\" waiting=2",
        )
        .await;
    assert_eq!(
        serve.log().matches("is not configured").count(),
        1,
        "once, and not of the other one: {}",
        serve.log()
    );
}

#[tokio::test]
async fn it_stops_when_told_to_and_ends_well() {
    let mut serve = Serve::start("", "").await;
    serve.signal("-TERM");
    assert_eq!(
        serve.child.wait().unwrap().code(),
        Some(0),
        "{}",
        serve.log()
    );
    assert!(serve.log().contains("stopping"));
}

/// As a unit of `Type=notify` must (`man sd_notify`).
#[tokio::test]
async fn systemd_is_told_what_it_does() {
    let serve = Serve::start("", "").await;
    let directory = TempDir::new().unwrap();
    let socket = std::os::unix::net::UnixDatagram::bind(directory.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut buffer = [0; 512];
        let count = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    };
    write(
        &serve.directory,
        &read(&serve.directory).replace("\"data\"", "\"other\""),
    );
    let mut process = Process(
        command(&[
            "serve",
            "--config",
            path(&serve.directory).to_str().unwrap(),
        ])
        .env("NOTIFY_SOCKET", directory.path().join("notify"))
        .spawn()
        .unwrap(),
    );
    assert_eq!(told().trim_end(), "READY=1");
    process.signal("-HUP");
    let reloading = told();
    assert!(
        reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="),
        "{reloading}"
    );
    assert_eq!(told().trim_end(), "READY=1");
    process.signal("-TERM");
    assert_eq!(told().trim_end(), "STOPPING=1");
    assert_eq!(process.0.wait().unwrap().code(), Some(0));
}

/// Half a request is under way, which has 10 s for its body; the second signal does not wait for it.
#[tokio::test]
async fn told_twice_it_stops_at_once() {
    use tokio::io::AsyncWriteExt as _;
    let mut serve = Serve::start("", "").await;
    let mut half = tokio::net::TcpStream::connect(serve.gateway.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let head = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    half.write_all(head.as_bytes()).await.unwrap();
    // It is being served when another request has been.
    assert_eq!(serve.get("/v1/messages", None).await.0, StatusCode::OK);
    serve.signal("-TERM");
    serve.wait_for_log("stopping").await;
    assert_eq!(
        serve.admin("/readyz", None).await.0,
        StatusCode::SERVICE_UNAVAILABLE,
        "and that is told at once"
    );
    let begun = Instant::now();
    serve.signal("-TERM");
    assert_eq!(
        serve.child.wait().unwrap().code(),
        Some(0),
        "{}",
        serve.log()
    );
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "it waited {:?}",
        begun.elapsed()
    );
}

/// The one that was there at the start, and after a reload another.
#[tokio::test]
async fn connections_are_encrypted_with_the_certificate_that_is_there_now() {
    let serve = Serve::start("", "").await;
    let port = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let first = certificate(&serve.directory);
    let tls =
        "[server.tls]\ncertificate_file = \"certificate.pem\"\nkey_file = \"private.pem\"\n[admin]";
    let config = read(&serve.directory).replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
    write(
        &serve.directory,
        &config
            .replace("[admin]", tls)
            .replace("\"data\"", "\"other\""),
    );
    let mut encrypted = Process(
        command(&[
            "serve",
            "--json",
            "--config",
            path(&serve.directory).to_str().unwrap(),
        ])
        .env("RBM_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(encrypted.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(
        line.starts_with("{\"admin\":\"http://") && line.contains("\"gateway\":\"https://"),
        "{line}"
    );

    let address = format!("https://localhost:{port}/v1/messages");
    let by = |certificate: &str| {
        let certificate = reqwest::Certificate::from_pem(certificate.as_bytes()).unwrap();
        Client::builder()
            .no_proxy()
            .tls_certs_only([certificate])
            .build()
            .unwrap()
            .get(&address)
            .send()
    };
    assert_eq!(by(&first).await.unwrap().status(), StatusCode::OK);
    let second = certificate(&serve.directory);
    assert!(by(&second).await.is_err(), "nobody has said so yet");
    encrypted.signal("-HUP");
    let begun = Instant::now();
    while by(&second).await.is_err() {
        assert!(
            begun.elapsed() < PATIENCE,
            "the old certificate is still there"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(by(&first).await.is_err());
    let clear = Client::new()
        .get(address.replace("https", "http"))
        .send()
        .await;
    assert!(clear.is_err(), "nothing is served in the clear: {clear:?}");
}

/// Ends with the test.
struct Process(Child);

impl Process {
    fn signal(&self, name: &str) {
        signal(&self.0, name);
    }
}

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill")
            .args([name, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A new one for localhost, with its key, in their files.
fn certificate(directory: &TempDir) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    secret(directory, "private.pem", &made.signing_key.serialize_pem());
    secret(directory, "certificate.pem", &made.cert.pem());
    made.cert.pem()
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let serve = Serve::start("", "").await;
    let other = TempDir::new().unwrap();
    for file in ["key.json", "token"] {
        std::fs::copy(serve.directory.path().join(file), other.path().join(file)).unwrap();
    }
    let good = read(&serve.directory);
    let taken = serve.gateway.strip_prefix("http://").unwrap();
    let data = serve.directory.path().join("data");
    for (config, code, why) in [
        (
            good.replace("[agents.demo]", "[agents.demo]\ncolour = 1"),
            2,
            "colour",
        ),
        (good.replacen("127.0.0.1:0", taken, 1), 1, "server.listen"),
        (
            good.replace("\"data\"", &format!("{data:?}")),
            1,
            "in use by another process",
        ),
        (
            good.replace("\"data\"", "\"rbm.toml\""),
            2,
            "store.directory",
        ),
    ] {
        write(&other, &config);
        let ended = rbm(&["serve", "--config", path(&other).to_str().unwrap()], b"");
        assert_eq!(ended.code, Some(code), "{why}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(why),
            "{why} is not in {}",
            ended.stderr
        );
        assert!(ended.stdout.is_empty());
    }
}

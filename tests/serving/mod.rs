//! A platform in this process, and `rbm serve` in another, which may be killed and started again at the same address.

#![allow(dead_code, reason = "each test uses a part of it")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rbm_emulator::{Emulator, Options};
use reqwest::Client;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_plugins::compilation_cache;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// The platform.
pub(crate) struct Platform {
    pub(crate) emulator: Emulator,
    /// Where it is for the gateway.
    pub(crate) api_origin: String,
    client: Client,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// For the gateway it is where its tokens are.
    pub(crate) async fn start_with(options: Options) -> Self {
        Self::start_at(TcpListener::bind("127.0.0.1:0").await.unwrap(), options).await
    }

    /// At the end of a line on which every answer takes so long.
    pub(crate) async fn start_far_away(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let token_origin = Some(slow_line(listener.local_addr().unwrap(), delay).await);
        Self::start_at(
            listener,
            Options {
                token_origin,
                ..Options::default()
            },
        )
        .await
    }

    async fn start_at(listener: TcpListener, options: Options) -> Self {
        let in_front = options.token_origin.clone();
        let emulator = Emulator::start(listener, options).await.unwrap();
        let api_origin = in_front.unwrap_or_else(|| emulator.origin().to_owned());
        Self {
            emulator,
            api_origin,
            client: Client::new(),
        }
    }

    /// The ids of what a phone was sent, in the order in which it came.
    pub(crate) async fn shown_on(&self, phone: &str) -> Vec<String> {
        let id = |message: &Value| {
            message["id"]
                .as_str()
                .unwrap_or_else(|| panic!("{message}"))
                .to_owned()
        };
        self.messages_on(phone).await.iter().map(id).collect()
    }

    /// The texts of what a phone was sent, likewise.
    pub(crate) async fn texts_on(&self, phone: &str) -> Vec<String> {
        let text = |message: &Value| {
            message["content"]["text"]
                .as_str()
                .unwrap_or_else(|| panic!("{message}"))
                .to_owned()
        };
        self.messages_on(phone).await.iter().map(text).collect()
    }

    async fn messages_on(&self, phone: &str) -> Vec<Value> {
        let address = format!("{}/emulator/phones/{phone}", self.emulator.origin());
        let shown: Value = get(&self.client, &address).await;
        shown["messages"].as_array().unwrap().clone()
    }
}

/// Gives the origin at this end.
async fn slow_line(to: SocketAddr, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass_on_slowly(client, to, delay));
        }
    });
    origin
}

/// Until either side has had enough.
async fn pass_on_slowly(client: TcpStream, to: SocketAddr, delay: Duration) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(to).await?.into_split();
    let forth = tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 64 << 10];
    while let count @ 1.. = from_server.read(&mut buffer).await? {
        sleep(delay).await;
        to_client.write_all(&buffer[..count]).await?;
    }
    forth.abort();
    Ok(())
}

/// The gateway: its configuration, its store, and the process while there is one.
pub(crate) struct Serve {
    pub(crate) client_token: String,
    pub(crate) address: SocketAddr,
    pub(crate) directory: TempDir,
    pub(crate) client: Client,
    settings: Vec<String>,
    admin_origin: String,
    /// From which level on the log goes into a file.
    log: Option<&'static str>,
    child: Option<Child>,
}

impl Serve {
    /// For one agent of a platform, with more lines of configuration, of which the first are still the agent's.
    pub(crate) fn new(platform: &Platform, more: &str) -> Self {
        let Platform {
            emulator,
            api_origin,
            ..
        } = platform;
        let directory = TempDir::new().unwrap();
        // Free a moment ago: the webhook that the platform knows must stay where it is.
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let client_token = "a-client-token-of-the-tests".to_owned();
        write_secret(&directory, "key.json", &emulator.service_account());
        write_secret(&directory, "client-token", &client_token);
        let config = format!(
            "[server]\nlisten = \"{address}\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\ndirectory = \"data\"\n\
             [platform]\napi_origin = \"{api_origin}\"\nallow_private_addresses = true\n\
             [agents.demo]\nagent_id = \"demo\"\nclient_token_file = \"client-token\"\nservice_account_file = \"key.json\"\n{more}"
        );
        std::fs::write(directory.path().join("rbm.toml"), config).unwrap();
        Self {
            client_token,
            address,
            directory,
            client: Client::new(),
            settings: Vec::new(),
            admin_origin: String::new(),
            log: None,
            child: None,
        }
    }

    /// Something else than the configuration says: `server.listen=…`.
    pub(crate) fn set(&mut self, setting: &str) {
        self.settings
            .extend(["--set".to_owned(), setting.to_owned()]);
    }

    /// From the next start on the log goes into a file: see [`Self::log`].
    pub(crate) fn keep_log(&mut self, level: &'static str) {
        self.log = Some(level);
    }

    /// What was logged since the last start.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    pub(crate) fn write_secret(&self, name: &str, secret: &str) {
        write_secret(&self.directory, name, secret);
    }

    /// Has it read its configuration again.
    pub(crate) fn reload(&self) {
        let id = self.process_id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn webhook(&self) -> String {
        format!("{}/webhooks/rbm/demo", self.origin())
    }

    /// Returns when it takes requests.
    pub(crate) async fn start(&mut self) {
        let begun = Instant::now();
        // The address may still be the dead one's for a moment.
        while !self.try_start() {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "it does not start: {}",
                self.log.map(|_| self.log()).unwrap_or_default()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn try_start(&mut self) -> bool {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rbm"));
        let command = command
            .args(["serve", "--json", "--config"])
            .arg(self.directory.path().join("rbm.toml"));
        command.args(&self.settings);
        let level = std::env::var("RBM_LOG").unwrap_or_else(|_| "error".to_owned());
        if self.log.is_some() {
            let log = std::fs::File::create(self.directory.path().join("log")).unwrap();
            command.stderr(log);
        }
        let mut child = command
            .env("RBM_LOG", self.log.unwrap_or(&level))
            .env("RBM_CACHE_DIR", compilation_cache())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.is_empty() {
            child.wait().unwrap();
            return false;
        }
        let ready: Value = serde_json::from_str(&line).unwrap();
        ready["admin"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.admin_origin);
        self.child = Some(child);
        true
    }

    /// The platform calls it from now on.
    pub(crate) async fn register_webhook(&self, platform: &Platform) {
        let (webhook, token) = (self.webhook(), self.client_token.clone().into());
        let registered = platform.emulator.register_webhook(&webhook, token);
        registered.await.unwrap();
    }

    /// `/readyz?verbose`
    pub(crate) async fn ready(&self) -> Value {
        let address = format!("{}/readyz?verbose", self.admin_origin);
        get(&self.client, &address).await
    }

    /// The value of one line of its metrics: `rbm_queue_depth{agent="demo"}`.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let address = format!("{}/metrics", self.admin_origin);
        let response = self.client.get(address).send().await.unwrap();
        let text = response.text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        value.trim().parse().unwrap()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// As a power switch would, but that the operating system goes on.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// More lines of configuration: events go to a port of this machine.
pub(crate) fn callback(name: &str, port: u16) -> String {
    format!(
        "[callbacks.{name}]\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"{CALLBACK_SECRET}\"\n\
         allow_private_addresses = true\n"
    )
}

/// All messages, newest first.
pub(crate) async fn messages(serve: &Serve) -> Vec<Value> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(
            &serve.client,
            &format!("{}/v1/messages?limit=1000{after}", serve.origin()),
        )
        .await;
        found.extend(page["messages"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else {
            return found;
        };
        after = format!("&after={next}");
    }
}

/// All events, oldest first.
pub(crate) async fn events(serve: &Serve) -> Vec<Value> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(
            &serve.client,
            &format!("{}/v1/events?limit=1000{after}", serve.origin()),
        )
        .await;
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            return found;
        }
        found.extend(events.iter().cloned());
        after = format!("&after={}", page["next"].as_str().unwrap());
    }
}

/// The signature of a document, and the webhook request's body around it.
pub(crate) fn signed(client_token: &str, document: &str) -> (String, String) {
    let mac = Hmac::<sha2::Sha512>::new_from_slice(client_token.as_bytes())
        .unwrap()
        .chain_update(document);
    let data = STANDARD.encode(document);
    let body = json!({ "message": { "data": data, "attributes": { "product": "RBM" }, "messageId": "1" } });
    (
        STANDARD.encode(mac.finalize().into_bytes()),
        body.to_string(),
    )
}

pub(crate) async fn get(client: &Client, address: &str) -> Value {
    let response = client.get(address).send().await.unwrap();
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{address}: {text}"))
}

fn write_secret(directory: &TempDir, name: &str, secret: &str) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = directory.path().join(name);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    file.write_all(secret.as_bytes()).unwrap();
}

/// Of every callback: 24 bytes of nothing.
pub(crate) const CALLBACK_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

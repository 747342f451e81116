//! What the tests share: an emulator, a client with a token, and a webhook that checks signatures by itself.

pub(crate) mod other;
pub(crate) mod published;
pub(crate) mod receiver;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rbm_clock::Clock;
use rbm_emulator::{Emulator, Options};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

pub(crate) fn expect_invalid(status: u16, answer: &Value, said: &str, name: &str) {
    assert_eq!(
        (status, &answer["error"]["status"]),
        (400, &json!("INVALID_ARGUMENT")),
        "{name}: {answer}"
    );
    assert!(
        answer["error"]["message"].as_str().unwrap().contains(said),
        "{name}: {answer}"
    );
    assert_eq!(
        answer["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.BadRequest",
        "{name}"
    );
}

#[derive(Clone, Default)]
pub(crate) struct Webhook(pub(crate) Arc<Received>);

#[derive(Default)]
pub(crate) struct Received {
    notices: Mutex<Vec<Value>>,
    arrived: Notify,
    pub(crate) failing: AtomicBool,
}

impl Webhook {
    /// So far.
    pub(crate) fn notices(&self) -> Vec<Value> {
        self.0.notices.lock().unwrap().clone()
    }

    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let waiting = async {
            while self.0.notices.lock().unwrap().len() < count {
                self.0.arrived.notified().await;
            }
        };
        timeout(Duration::from_secs(20), waiting)
            .await
            .expect("the notices arrive");
        self.0.notices.lock().unwrap().clone()
    }
}

/// Answers the handshake, checks the signature by itself, and fails once if told to.
async fn receive(
    State(webhook): State<Webhook>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let body: Value = serde_json::from_slice(&body).unwrap();
    if let Some(secret) = body["secret"].as_str() {
        assert_eq!(
            (&body["clientToken"], &headers["x-goog-webhook-type"]),
            (&json!(TOKEN), &"verification".parse().unwrap())
        );
        return (StatusCode::OK, secret.to_owned());
    }
    let data = STANDARD
        .decode(body["message"]["data"].as_str().unwrap())
        .unwrap();
    let signature = STANDARD
        .decode(headers["x-goog-signature"].as_bytes())
        .unwrap();
    let mac = Hmac::<sha2::Sha512>::new_from_slice(TOKEN.as_bytes())
        .unwrap()
        .chain_update(&data);
    mac.verify_slice(&signature).unwrap();
    webhook
        .0
        .notices
        .lock()
        .unwrap()
        .push(serde_json::from_slice(&data).unwrap());
    webhook.0.arrived.notify_one();
    let status = if webhook.0.failing.swap(false, Ordering::SeqCst) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::OK
    };
    (status, String::new())
}

pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) origin: String,
    pub(crate) token: String,
}

impl Api {
    pub(crate) async fn send(&self, phone: &str, id: &str, message: Value) -> (u16, Value) {
        let path = format!(
            "/v1/phones/{phone}/agentMessages?messageId={id}&agentId=demo@rbm.goog&prettyPrint=true"
        );
        self.call(Method::POST, &path, &self.token, Some(message))
            .await
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        self.text(
            method,
            path,
            token,
            &body.map(|body| body.to_string()).unwrap_or_default(),
        )
        .await
    }

    /// With the token.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client
            .post(format!("{}{path}", self.origin))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn text(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: &str,
    ) -> (u16, Value) {
        let request = self
            .client
            .request(method, format!("{}{path}", self.origin))
            .bearer_auth(token);
        let response = request.body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.json_value().await)
    }
}

pub(crate) trait JsonValue {
    async fn json_value(self) -> Value;
}

impl JsonValue for reqwest::Response {
    async fn json_value(self) -> Value {
        serde_json::from_slice(&self.bytes().await.unwrap()).unwrap()
    }
}

pub(crate) async fn start() -> (Emulator, Webhook, Api) {
    start_with(Options::default()).await
}

pub(crate) async fn start_by(clock: Clock) -> (Emulator, Webhook, Api) {
    start_with(Options {
        clock,
        ..Options::default()
    })
    .await
}

pub(crate) async fn start_with(options: Options) -> (Emulator, Webhook, Api) {
    let emulator = emulator_with(options).await;
    let (webhook, api) = (register(&emulator).await, api(&emulator).await);
    (emulator, webhook, api)
}

/// A webhook that hears of everything.
pub(crate) async fn register(emulator: &Emulator) -> Webhook {
    let webhook = Webhook::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let router = Router::new()
        .route("/webhook", post(receive))
        .with_state(webhook.clone());
    tokio::spawn(async { axum::serve(listener, router).await });
    emulator.register_webhook(&url, TOKEN.into()).await.unwrap();
    webhook
}

pub(crate) async fn api(emulator: &Emulator) -> Api {
    Api {
        client: Client::new(),
        origin: emulator.origin().to_owned(),
        token: token(emulator, SCOPE).await,
    }
}

pub(crate) async fn emulator() -> Emulator {
    emulator_with(Options::default()).await
}

pub(crate) async fn emulator_with(options: Options) -> Emulator {
    Emulator::start(TcpListener::bind("127.0.0.1:0").await.unwrap(), options)
        .await
        .unwrap()
}

/// A token with these scopes.
pub(crate) async fn token(emulator: &Emulator, scope: &str) -> String {
    let account = account(emulator);
    let (_, answer) = exchange(emulator, &account, &claims(&account, scope)).await;
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

pub(crate) fn account(emulator: &Emulator) -> Value {
    serde_json::from_str(&emulator.service_account()).unwrap()
}

/// Of an assertion that is in order.
pub(crate) fn claims(account: &Value, scope: &str) -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({ "iss": account["client_email"], "aud": account["token_uri"], "scope": scope, "iat": now, "exp": now + 3600 })
}

pub(crate) async fn exchange(emulator: &Emulator, account: &Value, claims: &Value) -> (u16, Value) {
    hand_in(
        emulator,
        &sign(account, &Header::new(Algorithm::RS256), claims),
    )
    .await
}

pub(crate) fn sign(account: &Value, header: &Header, claims: &Value) -> String {
    let key =
        EncodingKey::from_rsa_pem(account["private_key"].as_str().unwrap().as_bytes()).unwrap();
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

/// Hands an assertion in at the token endpoint.
pub(crate) async fn hand_in(emulator: &Emulator, assertion: &str) -> (u16, Value) {
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
    );
    let request = Client::new()
        .post(format!("{}/token", emulator.origin()))
        .body(form);
    let response = request
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json_value().await)
}

pub(crate) const TOKEN: &str = "client-token";
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/rcsbusinessmessaging";

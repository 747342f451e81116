//! A platform that answers 200 and is not RBM, or says something else than what was asked, has done nothing: no message counts as
//! sent and no question as answered. Field cases G4 and G5, through `rbm serve`.

use crate::failing::{attempts, phone, post};
use crate::program::{Answer, PATIENCE, answer};
use crate::serving::{Platform, Serve, get, messages};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use rbm_emulator::Options;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// With its content type.
type Document = (&'static str, &'static [u8]);

/// In the place of the API.
struct Impostor {
    origin: String,
    script: Arc<Mutex<Script>>,
}

/// What it answers, always with 200.
#[derive(Default)]
struct Script {
    /// To messages for a phone; to all others as the platform does.
    messages: BTreeMap<String, Document>,
    /// To everything else.
    others: Option<Document>,
}

impl Impostor {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<Script>>::default();
        let told = script.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let answer = told.lock().unwrap().answer(&request);
            async { answer }
        });
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { origin, script }
    }

    fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}

impl Script {
    fn answer(&self, request: &Request<Body>) -> Response<Body> {
        let uri = request.uri();
        let phone = uri.path().split('/').find(|part| part.contains("1555"));
        let phone = phone.unwrap_or_default().replace("%2B", "+");
        let is_message = request.method() == Method::POST && uri.path().ends_with("/agentMessages");
        let (content_type, body) = match (is_message, self.messages.get(&phone)) {
            (true, Some(wrong)) => (wrong.0, wrong.1.to_vec()),
            (true, None) => {
                let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
                let mut id = query.filter(|(name, _)| name == "messageId");
                let id = id.next().unwrap().1.into_owned();
                let name = format!("phones/{phone}/agentMessages/{id}");
                let body = json!({ "name": name, "sendTime": "2026-12-01T10:00:00Z" });
                ("application/json", body.to_string().into_bytes())
            }
            (false, _) if uri.path().ends_with("token") => {
                let token =
                    json!({ "access_token": "t", "expires_in": 3_600, "token_type": "Bearer" });
                ("application/json", token.to_string().into_bytes())
            }
            (false, _) => {
                let (content_type, body) = self.others.unwrap_or(("application/json", b"{}"));
                (content_type, body.to_vec())
            }
        };
        Response::builder()
            .header("content-type", content_type)
            .body(Body::from(body))
            .unwrap()
    }
}

/// What counts as nothing, whatever was asked.
const WRONG: [(&str, Document); 6] = [
    ("a web page", ("text/html", b"<html>Log in</html>")),
    ("nothing", ("application/json", b"")),
    (
        "random bytes",
        ("application/octet-stream", b"\x1f\x8b\x00\xff"),
    ),
    ("a list", ("application/json", b"[]")),
    ("a text", ("application/json", b"\"OK\"")),
    ("half an object", ("application/json", b"{\"name\":\"pho")),
];

/// An object of another message.
const OTHER: Document = (
    "application/json",
    b"{\"name\":\"phones/+15550400099/agentMessages/another\"}",
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_200_without_proof_is_no_acceptance_until_there_is_one() {
    let (_platform, impostor, serve) = serve().await;
    let wrong: Vec<Document> = WRONG
        .iter()
        .map(|(_, document)| *document)
        .chain([OTHER])
        .collect();
    impostor.set(|script| {
        script.messages = (0..).map(phone).zip(wrong.iter().copied()).collect();
    });
    for number in 0..wrong.len() {
        let message = json!({ "to": phone(number), "content": { "text": "Hi" } });
        assert_eq!(post(&serve, &message).await, 202);
    }
    let short = json!({ "to": phone(0), "content": { "text": "short" }, "lifetime_seconds": 10 });
    assert_eq!(post(&serve, &short).await, 202);

    wait_until(&serve, "all are sent again, but the one that ends", |all| {
        let again = |message: &&Value| message["state"] == "unknown" && attempts(message) > 1;
        let ended = |message: &&Value| message["state"] == "failed";
        let count = all.iter().filter(again).count();
        count == wrong.len() && all.iter().filter(ended).count() == 1
    })
    .await;
    let all = observed(&serve).await;
    let ended = all
        .iter()
        .find(|message| message["state"] == "failed")
        .unwrap();
    let last = ended["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["reason"], "outcome_unknown", "{last}");
    for message in &all {
        let accepted = message["history"].as_array().unwrap().iter();
        let accepted = accepted.filter(|entry| entry["fact"] == "accepted").count();
        assert_eq!(accepted, 0, "{message}");
    }

    // A repeated id may be answered without a name; with a name it is proof.
    impostor.set(|script| {
        script.messages = [(phone(1), ("application/json", &b"{}"[..]))].into();
    });
    wait_until(&serve, "all are accepted", |all| {
        let accepted = |message: &&Value| message["state"] == "accepted";
        all.iter().filter(accepted).count() == wrong.len()
    })
    .await;
    let all = observed(&serve).await;
    let noted = all
        .iter()
        .find(|message| message["to"] == phone(1))
        .unwrap();
    let last = noted["history"].as_array().unwrap().last().unwrap();
    let detail = last["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("accepted, since this id was sent before"),
        "{last}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_another_shape_answers_no_question_and_an_empty_object_does() {
    let (_platform, impostor, serve) = serve().await;
    let message = json!({ "to": phone(1), "content": { "text": "Hi" } });
    assert_eq!(post(&serve, &message).await, 202);
    wait_until(&serve, "it is accepted", |all| {
        all[0]["state"] == "accepted"
    })
    .await;
    let id = observed(&serve).await[0]["id"].clone();
    let id = id.as_str().unwrap();
    let other_shape = (
        "application/json",
        &b"{\"features\":{},\"reachableUsers\":7,\"name\":[],\"phoneNumber\":[]}"[..],
    );
    for (what, wrong) in WRONG
        .into_iter()
        .chain([("fields of other types", other_shape)])
    {
        impostor.set(|script| script.others = Some(wrong));
        for (method, path, body) in questions(id) {
            // Nothing of what revoke and signals answer is read but that it is an object.
            if what == "fields of other types" && !asks_for_content(&path) {
                continue;
            }
            let answer = ask(&serve, method.clone(), &path, body).await;
            assert!(
                answer.status >= 500,
                "{what}, {method} {path}: {}",
                answer.body
            );
            let code = answer.body["code"].as_str().unwrap();
            assert!(
                ["unknown", "misconfigured"].contains(&code),
                "{what}, {method} {path}: {}",
                answer.body
            );
        }
    }
    let message = format!("{}/v1/messages/{id}", serve.origin());
    let accepted = get(&serve.client, &message).await;
    assert_eq!(accepted["state"], "accepted", "nothing revoked it");

    impostor.set(|script| script.others = None);
    for (method, path, body) in questions(id) {
        let answer = ask(&serve, method.clone(), &path, body).await;
        // A file without a name cannot be sent.
        let expected = if path == "/v1/files" { 502 } else { 200 };
        let is_expected = if expected == 200 {
            answer.status < 300
        } else {
            answer.status == expected
        };
        assert!(
            is_expected,
            "{method} {path}: {} {}",
            answer.status, answer.body
        );
    }
    let revoked = get(&serve.client, &message).await;
    assert_eq!(revoked["state"], "revoked");
}

/// Every call of the platform but the sending of messages; the revocation comes last.
fn questions(id: &str) -> Vec<(Method, String, Option<Value>)> {
    let phone = phone(1);
    let testers = Some(json!({ "phone": phone }));
    vec![
        (
            Method::GET,
            format!("/v1/phones/{phone}/capabilities"),
            None,
        ),
        (
            Method::POST,
            "/v1/reach".into(),
            Some(json!({ "phones": [phone] })),
        ),
        (
            Method::POST,
            "/v1/files".into(),
            Some(json!({ "url": "https://x.example/a.png" })),
        ),
        (Method::POST, "/v1/testers".into(), testers),
        (
            Method::POST,
            format!("/v1/conversations/{phone}/typing"),
            None,
        ),
        (
            Method::POST,
            format!("/v1/conversations/{phone}/read"),
            Some(json!({ "message_id": "m1" })),
        ),
        (Method::DELETE, format!("/v1/messages/{id}"), None),
    ]
}

fn asks_for_content(path: &str) -> bool {
    ["capabilities", "reach", "files"]
        .iter()
        .any(|word| path.ends_with(word))
}

async fn ask(serve: &Serve, method: Method, path: &str, body: Option<Value>) -> Answer {
    let mut request = serve
        .client
        .request(method, format!("{}{path}", serve.origin()));
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    answer(request).await
}

/// The twin gives the key, and hears nothing.
async fn serve() -> (Platform, Impostor, Serve) {
    let impostor = Impostor::start().await;
    let platform = Platform::start_with(Options {
        token_origin: Some(impostor.origin.clone()),
        ..Options::default()
    })
    .await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    (platform, impostor, serve)
}

/// Meanwhile others are served, so that the circuit breaker stays closed.
async fn wait_until(serve: &Serve, what: &str, is_so: impl Fn(&[Value]) -> bool) {
    let begun = Instant::now();
    for number in 1_000.. {
        let all = observed(serve).await;
        if is_so(&all) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {all:#?}");
        let another = json!({ "to": phone(number), "content": { "text": "Hi" } });
        assert_eq!(post(serve, &another).await, 202);
        sleep(Duration::from_millis(100)).await;
    }
}

/// All messages but those.
async fn observed(serve: &Serve) -> Vec<Value> {
    let mut all = messages(serve).await;
    all.retain(|message| (0..=WRONG.len()).any(|number| message["to"] == phone(number)));
    all
}

//! The component is the plugin and nothing more: it asks for HTTP alone, keeps nothing, and answers what the same Rust
//! answers natively. This is the one proof of `guest/component`, which exists on that side of the boundary only.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod payloads;
mod webhook;

use async_trait::async_trait;
use gateway_channel::{
    Context, Fact, FileBytes, Header, NewFile, NewFileSource, Payload, SignalKind, VerdictOutcome,
};
use payloads::{PHONE, TOKEN, message, messages, requests};
use rbm_component::COMPONENT;
use rbm_guest::http::{self, Host, Method};
use rbm_guest::signature::{sign, verify_signature};
use rbm_guest::{
    capabilities::capabilities, check::check, describe, on_event::on_event, plain_text::plain_text,
    reach::reach, revoke::revoke, send::send, settings::check_settings, signal::signal,
    testers::invite, upload::upload,
};
use rbm_host::http_client::{FetchFailure, FetchFailureCode, HttpRequest, HttpResponse};
use rbm_host::{Engine, HttpClient, Instance, Limits, NoHttp, Plugin};
use std::collections::HashSet;
use std::mem::discriminant;
use std::sync::{Arc, LazyLock, Mutex};
use test_plugins::compilation_cache;
use webhook::setting;

#[test]
fn it_imports_and_exports_only_the_contract() {
    let engine = wasmtime::Engine::default();
    let kind = wasmtime::component::Component::new(&engine, COMPONENT)
        .unwrap()
        .component_type();
    let imports: Vec<&str> = kind.imports(&engine).map(|(name, _)| name).collect();
    let exports: Vec<&str> = kind.exports(&engine).map(|(name, _)| name).collect();
    assert_eq!(
        imports,
        [
            "gateway:channel/types@0.1.0",
            "gateway:channel/http-client@0.1.0"
        ]
    );
    assert_eq!(
        exports,
        [
            "gateway:channel/testers@0.1.0",
            "gateway:channel/channel@0.1.0"
        ]
    );
}

/// And as many as README says.
#[test]
fn it_has_at_most_250_kb() {
    println!("the component has {} bytes", COMPONENT.len());
    assert!(
        COMPONENT.len() <= 250_000,
        "the component has {} bytes",
        COMPONENT.len()
    );
    let (_, rest) = README.split_once("The component has ").unwrap();
    let said: usize = rest
        .split_once(" bytes")
        .unwrap()
        .0
        .replace(',', "")
        .parse()
        .unwrap();
    assert!(
        said.abs_diff(COMPONENT.len()) < 5_000,
        "README says {said}, and it has {}",
        COMPONENT.len()
    );
}

#[tokio::test]
async fn it_says_who_it_is_and_what_it_can_do() {
    let description = PLUGIN.describe().await.unwrap();
    let settings: Vec<&str> = description
        .settings
        .iter()
        .map(|setting| setting.name.as_str())
        .collect();
    assert_eq!(description.name, "rbm");
    assert_eq!(
        settings,
        [
            "agent-id",
            "client-token",
            "region",
            "api-origin",
            "unverified-status",
            "card-suggestions-max",
            "use-case"
        ]
    );
    assert_eq!(
        description.features,
        [
            "check",
            "plain-text",
            "send",
            "revoke",
            "signal",
            "capabilities",
            "reach",
            "upload",
            "invite",
            "verify-signature",
            "on-event"
        ]
    );
    assert_eq!(description, describe::describe());
}

#[tokio::test]
async fn settings_get_the_findings_that_they_get_natively() {
    let good = context();
    let bad = [
        ("agent-id", "a/b"),
        ("region", "mars"),
        ("client-token", ""),
        ("colour", "red"),
        ("region", "us"),
    ];
    let bad = Context {
        settings: bad.map(|(name, value)| setting(name, value)).to_vec(),
        ..context()
    };
    let none = Context {
        settings: Vec::new(),
        ..context()
    };
    let mut instance = instance().await;
    for (context, findings) in [(good, 0), (bad, 5), (none, 2)] {
        let expected = check_settings(&context);
        assert_eq!(expected.len(), findings, "{expected:?}");
        assert_eq!(instance.check_settings(&context).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn each_message_is_checked_and_written_in_plain_text_as_it_is_natively() {
    let mut instance = instance().await;
    for message in messages() {
        assert_eq!(
            instance.check(&context(), &message).await.unwrap(),
            check(&context(), &message),
            "{message:?}"
        );
        assert_eq!(
            instance.plain_text(&context(), &message).await.unwrap(),
            plain_text(&message),
            "{message:?}"
        );
    }
}

#[tokio::test]
async fn each_message_leaves_as_the_request_that_it_is_natively() {
    for message in messages() {
        let (native, platform) = (
            Platform::new(accepted()),
            Arc::new(Platform::new(accepted())),
        );
        let mut instance = PLUGIN.instantiate(platform.clone()).await.unwrap();
        let expected = send(&native, &context(), &message);
        assert_eq!(
            instance.send(&context(), &message).await.unwrap(),
            expected,
            "{message:?}"
        );
        assert_eq!(platform.requests(), native.requests(), "{message:?}");
        assert_eq!(
            native.requests().len(),
            usize::from(expected.is_ok()),
            "{message:?}"
        );
    }
}

#[tokio::test]
async fn each_call_to_the_platform_asks_and_answers_what_it_does_natively() {
    for answer in answers() {
        let (native, platform) = (
            Platform::new(answer.clone()),
            Arc::new(Platform::new(answer)),
        );
        let mut instance = PLUGIN.instantiate(platform.clone()).await.unwrap();
        let (context, message) = (context(), message());
        assert_eq!(
            instance.send(&context, &message).await.unwrap(),
            send(&native, &context, &message)
        );
        for id in ["m1", "../x"] {
            let expected = revoke(&native, &context, PHONE, id);
            assert_eq!(
                instance.revoke(&context, PHONE, id).await.unwrap(),
                expected
            );
            let expected = capabilities(&native, &context, PHONE, id);
            assert_eq!(
                instance.capabilities(&context, PHONE, id).await.unwrap(),
                expected
            );
            for kind in [SignalKind::Typing, SignalKind::Read("u1".into())] {
                let expected = signal(&native, &context, PHONE, id, &kind);
                assert_eq!(
                    instance.signal(&context, PHONE, id, &kind).await.unwrap(),
                    expected
                );
            }
        }
        assert_eq!(platform.requests(), native.requests());
        assert_eq!(
            native.requests().len(),
            5,
            "one for each call whose id is a name"
        );
    }
}

#[tokio::test]
async fn reach_files_and_testers_ask_and_answer_what_they_do_natively() {
    let answered = [
        r#"{"name":"files/1","inviteStatus":"PENDING","reachableUsers":["+15550100001"]}"#,
        "<html>",
    ];
    for answer in answers()
        .into_iter()
        .chain(answered.map(|body| answer(200, body)))
    {
        let (native, platform) = (
            Platform::new(answer.clone()),
            Arc::new(Platform::new(answer)),
        );
        let mut instance = PLUGIN.instantiate(platform.clone()).await.unwrap();
        let context = context();
        for recipients in [
            vec![PHONE.to_owned()],
            vec![],
            vec!["1".to_owned(), PHONE.to_owned()],
        ] {
            let expected = reach(&native, &context, &recipients);
            assert_eq!(
                instance.reach(&context, &recipients).await.unwrap(),
                expected
            );
        }
        for file in files() {
            let expected = upload(&native, &context, file.clone());
            assert_eq!(instance.upload(&context, file).await.unwrap(), expected);
        }
        for phone in [PHONE, "1"] {
            let expected = invite(&native, &context, phone);
            let invited = instance.invite(&context, phone).await.unwrap();
            // The two enums have the same names: one is the contract's, the other the logic's.
            assert_eq!(format!("{invited:?}"), format!("{expected:?}"));
        }
        assert_eq!(platform.requests(), native.requests());
        assert_eq!(
            native.requests().len(),
            1 + 2 + 1,
            "one for each call that breaks no rule"
        );
    }
}

fn files() -> Vec<NewFile> {
    let url = |url: &str| NewFileSource::Url(url.into());
    let bytes = |mime_type: &str| {
        NewFileSource::Bytes(FileBytes {
            mime_type: mime_type.into(),
            bytes: Payload::Inline(vec![0xff, 0, 0x80]),
        })
    };
    let file = |source| NewFile {
        source,
        thumbnail_url: Some("https://x.example/t.png".into()),
    };
    let alone = |source| NewFile {
        thumbnail_url: None,
        ..file(source)
    };
    vec![
        file(url("https://x.example/a.png")),
        alone(bytes("image/gif")),
        file(bytes("image/gif")),
        alone(url("x")),
        alone(bytes("text/html")),
    ]
}

#[tokio::test]
async fn the_bytes_of_a_file_never_enter_the_plugin() {
    let bytes = vec![7; Limits::default().memory_bytes_max + 1];
    let platform = Arc::new(Platform::new(answer(200, r#"{"name":"files/1"}"#)));
    let mut instance = PLUGIN.instantiate(platform.clone()).await.unwrap();
    let source = NewFileSource::Bytes(FileBytes {
        mime_type: "video/mp4".into(),
        bytes: Payload::Inline(bytes.clone()),
    });
    instance
        .upload(
            &context(),
            NewFile {
                source,
                thumbnail_url: None,
            },
        )
        .await
        .unwrap()
        .unwrap();
    assert!(
        platform.requests()[0].body == Payload::Inline(bytes),
        "all of them left"
    );

    // The name is good for that call only.
    let source = |name: &str| {
        NewFileSource::Bytes(FileBytes {
            mime_type: "video/mp4".into(),
            bytes: Payload::Held(name.into()),
        })
    };
    for name in ["file", "another"] {
        let file = NewFile {
            source: source(name),
            thumbnail_url: None,
        };
        let failure = instance
            .upload(&context(), file)
            .await
            .unwrap()
            .unwrap_err();
        assert!(
            failure.message.contains("holds no payload"),
            "{}",
            failure.message
        );
    }
    assert_eq!(platform.requests().len(), 1);
}

#[tokio::test]
async fn each_webhook_request_is_believed_and_understood_as_it_is_natively() {
    let mut instance = instance().await;
    let (mut verdicts, mut facts, mut contents) = (HashSet::new(), HashSet::new(), HashSet::new());
    for request in requests() {
        let body = String::from_utf8_lossy(&request.body);
        let expected = verify_signature(&context(), &request);
        assert_eq!(
            instance
                .verify_signature(&context(), &request)
                .await
                .unwrap(),
            expected,
            "{body}"
        );
        let expected = on_event(&context(), &request);
        assert_eq!(
            instance.on_event(&context(), &request).await.unwrap(),
            expected,
            "{body}"
        );
        let reaction = expected.unwrap();
        verdicts.insert(discriminant(&reaction.verdict.outcome));
        for inbound in reaction.inbound {
            facts.insert(discriminant(&inbound.fact));
            if let Fact::Received(message) = inbound.fact {
                contents.insert(discriminant(&message.content));
            }
        }
    }
    // All that the contract has, but for `ReceivedContent::Other`, which this plugin never makes.
    assert_eq!((verdicts.len(), facts.len(), contents.len()), (5, 11, 4));
    let unset = Context {
        settings: Vec::new(),
        ..context()
    };
    let request = &requests()[0];
    assert_eq!(
        instance.on_event(&unset, request).await.unwrap(),
        on_event(&unset, request)
    );
    assert_eq!(
        instance.verify_signature(&unset, request).await.unwrap(),
        verify_signature(&unset, request)
    );
}

#[tokio::test]
async fn a_call_leaves_nothing_for_the_next_one() {
    let tenant = |token: &str| Context {
        settings: vec![setting("client-token", token)],
        ..context()
    };
    let tenants = [tenant(TOKEN), tenant("another-token"), context()];
    let calls: Vec<_> = tenants
        .iter()
        .flat_map(|tenant| requests().into_iter().map(move |it| (tenant, it)))
        .collect();
    let mut alone = Vec::new();
    for (tenant, request) in &calls {
        let channel = PLUGIN.channel(tenant.settings.clone(), Arc::new(NoHttp));
        alone.push(
            channel
                .on_event(NOW.parse().unwrap(), request)
                .await
                .unwrap()
                .unwrap(),
        );
    }
    let authentic = alone
        .iter()
        .filter(|it| it.verdict.outcome == VerdictOutcome::Authentic)
        .count();
    assert_eq!(
        authentic,
        20 + 1 + 21,
        "signed by the one token, by the other, by the one or the old one"
    );

    let mut reused = instance().await;
    let forth = calls.iter().zip(&alone);
    for ((tenant, request), expected) in forth.clone().chain(forth.rev()) {
        assert_eq!(
            &reused.on_event(tenant, request).await.unwrap().unwrap(),
            expected
        );
    }
}

#[tokio::test]
async fn a_reused_instance_gives_back_the_memory_that_a_call_took() {
    let document = format!(
        r#"{{"senderPhoneNumber":"{PHONE}","messageId":"Mx","text":"{}"}}"#,
        "x".repeat(10_000)
    );
    let request = webhook::request(document.as_bytes(), &sign(TOKEN, document.as_bytes()));
    // Each of the copies of the text that a call makes would fill the memory, if it were kept.
    let calls = Limits::default().memory_bytes_max / 10_000 + 1;
    let mut reused = instance().await;
    for _ in 0..calls {
        reused
            .on_event(&context(), &request)
            .await
            .unwrap()
            .unwrap();
    }
}

static PLUGIN: LazyLock<Plugin> = LazyLock::new(|| {
    Engine::with_cache(Limits::default(), &compilation_cache())
        .unwrap()
        .load(COMPONENT)
        .unwrap()
});

async fn instance() -> Instance {
    PLUGIN.instantiate(Arc::new(NoHttp)).await.unwrap()
}

fn context() -> Context {
    let settings = [
        ("agent-id", "demo@rbm.goog"),
        ("region", "europe"),
        ("client-token", TOKEN),
        ("client-token", "old-token"),
    ];
    Context {
        settings: settings.map(|(name, value)| setting(name, value)).to_vec(),
        now: NOW.into(),
    }
}

/// Gives every request one answer and keeps the requests, for the plugin in either form.
struct Platform {
    answer: Answer,
    requests: Mutex<Vec<Sent>>,
}

type Answer = Result<HttpResponse, FetchFailure>;

#[derive(Clone, Debug, PartialEq)]
struct Sent {
    method: String,
    url: String,
    headers: Vec<Header>,
    body: Payload,
    timeout_ms: Option<u32>,
}

impl Platform {
    fn new(answer: Answer) -> Self {
        Self {
            answer,
            requests: Mutex::default(),
        }
    }

    fn requests(&self) -> Vec<Sent> {
        self.requests.lock().unwrap().clone()
    }
}

#[async_trait]
impl HttpClient for Platform {
    async fn fetch(&self, request: HttpRequest) -> Answer {
        let HttpRequest {
            method,
            url,
            headers,
            body,
            timeout_ms,
        } = request;
        self.requests.lock().unwrap().push(Sent {
            method,
            url,
            headers,
            body,
            timeout_ms,
        });
        self.answer.clone()
    }
}

/// What the component should make of the guest's request and of the host's answer, written a second time.
impl Host for Platform {
    fn fetch(&self, request: http::Request) -> Result<http::Response, http::FetchFailure> {
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        };
        let (headers, body) = match request.body {
            None => (vec![], Payload::Inline(vec![])),
            Some(body) => (
                vec![Header {
                    name: "content-type".into(),
                    value: body.mime_type,
                }],
                body.bytes,
            ),
        };
        self.requests.lock().unwrap().push(Sent {
            method: method.into(),
            url: request.url,
            headers,
            body,
            timeout_ms: None,
        });
        match self.answer.clone() {
            Ok(response) => {
                let retry_after = response
                    .headers
                    .into_iter()
                    .find(|header| header.name == "Retry-After");
                let retry_after = retry_after.map(|header| header.value);
                Ok(http::Response {
                    status: response.status,
                    retry_after,
                    body: response.body,
                })
            }
            Err(failure) => Err(http::FetchFailure {
                kind: kind(failure.code),
                message: failure.message,
            }),
        }
    }
}

fn kind(code: FetchFailureCode) -> http::FetchFailureKind {
    match code {
        FetchFailureCode::Denied => http::FetchFailureKind::Denied,
        FetchFailureCode::NotSent => http::FetchFailureKind::NotSent,
        FetchFailureCode::NoAnswer => http::FetchFailureKind::NoAnswer,
        FetchFailureCode::NoCredentials => http::FetchFailureKind::NoCredentials,
        FetchFailureCode::Other => http::FetchFailureKind::Other,
    }
}

/// A receipt with all that the platform may say.
fn accepted() -> Answer {
    answer(
        200,
        r#"{"name":"phones/x/agentMessages/3f1c0f5e","sendTime":"2026-11-24T10:00:01Z","expireTime":"2026-12-01T10:00:00Z","carrier":"c",
            "totalPayloadSizeBytes":"77","richMessageClassification":{"classificationType":"RICH_MESSAGE","segmentCount":2},
            "features":["ACTION_DIAL","RICHCARD_CAROUSEL"]}"#,
    )
}

/// Answers for each code of a failure.
fn answers() -> Vec<Answer> {
    let refused = r#"{"error":{"code":400,"message":"Bad.","status":"INVALID_ARGUMENT","details":[
        {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"a.b","description":"too long"}]}]}}"#;
    let answered = [200, 404, 409, 500, 503].map(|status| answer(status, "{}"));
    let codes = [
        FetchFailureCode::Denied,
        FetchFailureCode::NotSent,
        FetchFailureCode::NoAnswer,
        FetchFailureCode::NoCredentials,
        FetchFailureCode::Other,
    ];
    let unanswered = codes.map(|code| {
        Err(FetchFailure {
            code,
            message: "why".into(),
        })
    });
    [accepted(), answer(400, refused), answer(403, "")]
        .into_iter()
        .chain(answered)
        .chain(unanswered)
        .collect()
}

#[expect(clippy::unnecessary_wraps, reason = "the platform may also not answer")]
fn answer(status: u16, body: &str) -> Answer {
    let header = |name: &str, value: &str| Header {
        name: name.into(),
        value: value.into(),
    };
    Ok(HttpResponse {
        status,
        headers: vec![header("Date", "today"), header("Retry-After", "7")],
        body: body.into(),
    })
}

const NOW: &str = "2026-11-24T10:00:00Z";
const README: &str = include_str!("../../../README.md");

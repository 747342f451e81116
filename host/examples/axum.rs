//! The plugin in an axum application, a webhook and a sender: `rbm component --output rbm.wasm`, then
//! `RBM_AGENT_ID=demo RBM_CLIENT_TOKEN=… RBM_ACCESS_TOKEN=… cargo run --package rbm-host --example axum`

use anyhow::Context as _;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::{any, post};
use axum::{Json, Router};
use jiff::Timestamp;
use rbm_host::contract::{Content, Message, Setting};
use rbm_host::webhook::{self, Limits as WebhookLimits};
use rbm_host::{Channel, Credentials, Egress, Engine, Limits};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::{env, fs};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let twin = env::var("RBM_API_ORIGIN").ok();
    let origin = twin
        .as_deref()
        .unwrap_or("https://rcsbusinessmessaging.googleapis.com");
    let egress = Egress::builder().origin(
        origin,
        Credentials::bearer(variable("RBM_ACCESS_TOKEN")?.into()),
    );
    let egress = if twin.is_some() {
        egress.allow_private_addresses()
    } else {
        egress
    }
    .build()?;
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let settings = vec![
        setting("agent-id", &variable("RBM_AGENT_ID")?),
        setting("client-token", &variable("RBM_CLIENT_TOKEN")?),
        setting("api-origin", origin),
    ];
    let plugin = Engine::new(Limits::default())?.load(&fs::read("rbm.wasm")?)?;
    let channel = plugin.channel(settings, Arc::new(egress));
    let router = Router::new()
        .route("/v1/messages", post(send))
        .route("/webhooks/{*rest}", any(receive));
    let port = env::var("PORT").map_or(Ok(8080), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening at {}", listener.local_addr()?.port());
    Ok(axum::serve(listener, router.with_state(channel)).await?)
}

async fn receive(State(channel): State<Channel>, request: Request<Body>) -> Response<Body> {
    let (limits, now) = (WebhookLimits::default(), Timestamp::now());
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, limits.body_bytes_max).await else {
        return webhook::refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long")
            .response
            .map(Body::from);
    };
    match webhook::receive(&channel, &limits, now, Request::from_parts(head, body)).await {
        Ok(outcome) => {
            // Here belongs what keeps events durably and drops those whose dedupe key it has, before anything is answered.
            for event in &outcome.inbound {
                let view = rbm_json::event::view(
                    event.dedupe_key.clone(),
                    &event.agent,
                    now.to_string(),
                    event,
                );
                println!("{}", json!(view));
            }
            outcome.response.map(Body::from)
        }
        // The platform sends it again.
        Err(problem) => webhook::refuse(StatusCode::SERVICE_UNAVAILABLE, &problem.to_string())
            .response
            .map(Body::from),
    }
}

#[derive(Deserialize)]
struct NewMessage {
    id: String,
    to: String,
    text: String,
}

async fn send(State(channel): State<Channel>, body: Bytes) -> (StatusCode, Json<Value>) {
    let Ok(NewMessage { id, to, text }) = serde_json::from_slice(&body) else {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({ "message": "it must have an id, to and text" })),
        );
    };
    let (content, suggestions, options) = (Content::Text(text), Vec::new(), Vec::new());
    let message = Message {
        id,
        recipient: to,
        content,
        suggestions,
        purpose: None,
        expiry: None,
        options,
    };
    match channel.send(Timestamp::now(), &message).await {
        // Accepted is not delivered: that comes as an event.
        Ok(Ok(receipt)) => (StatusCode::ACCEPTED, Json(json!({ "id": receipt.id }))),
        Ok(Err(failure)) => {
            let code = format!("{:?}", failure.code).to_lowercase();
            (
                StatusCode::BAD_GATEWAY,
                Json(json!({ "code": code, "message": failure.message })),
            )
        }
        Err(problem) => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "message": problem.to_string() })),
        ),
    }
}

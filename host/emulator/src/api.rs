//! Google's paths over HTTP, and beside them `/emulator/…` for people and tests.

mod clock;
mod dialogflow;
mod discovery;
mod files;
mod reach;
mod request;
mod surface;
mod testers;
mod webhooks;

use crate::excerpt::{excerpt, remark};
use crate::fidelity::Behaviour;
use crate::platform::{PhoneProblem, Platform, Revoked, Shown, Submitted};
use crate::refusal::{Refusal, violation};
use crate::region::Region;
use crate::testers::Invitation;
use crate::token::{TokenProblem, TokenRequest};
use crate::{RepeatedId, Shared, capability, check};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use axum::{Extension, Json, Router};
use rbm_wire::message::{AgentEvent, AgentMessage};
use rbm_wire::name::{MessageId, PhoneNumber};
use request::{Authenticated, Body, Parameters, PathNames};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let served = axum::serve(listener, router(shared)).with_graceful_shutdown(stopped).await;
    if let Err(problem) = served {
        tracing::error!(%problem, "the emulator stopped serving");
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let emulator = Router::new()
        .route("/token", post(token).fallback(not_a_post))
        .route("/emulator/service-account.json", get(service_account))
        .route("/emulator/webhooks", get(webhooks::show_webhooks).post(webhooks::register_webhook))
        .route("/emulator/webhooks/faults", get(webhooks::show_faults).put(webhooks::set_faults))
        .route("/emulator/clock", get(clock::show_clock).post(clock::move_clock))
        .route("/emulator/phones/{phone}", get(show_phone).post(use_phone));
    // A region is a part of Google's host names, and for who has only one address the beginning of a path.
    let regional = |router: Router<Arc<Shared>>, region: Region| {
        router.nest(&format!("/{}", region.name()), messaging().layer(Extension(region)))
    };
    Region::ALL
        .into_iter()
        .fold(emulator.merge(messaging()), regional)
        .fallback_service(any(no_such_method).layer(from_fn(surface::no_method)))
        .method_not_allowed_fallback(no_such_method)
        .layer(from_fn(surface::read_body))
        .with_state(shared)
}

/// Google's methods, as the discovery document names them.
fn messaging() -> Router<Arc<Shared>> {
    use surface::method;
    Router::new()
        .route("/v1/phones/{phone}/agentMessages", method("phones.agentMessages.create", post(create_message)))
        .route("/v1/phones/{phone}/agentMessages/{id}", method("phones.agentMessages.delete", delete(delete_message)))
        .route("/v1/phones/{phone}/agentEvents", method("phones.agentEvents.create", post(create_event)))
        .route("/v1/phones/{phone}/capabilities", method("phones.getCapabilities", get(get_capabilities)))
        .route(
            "/v1/phones/{phone}/capability:requestCapabilityCallback",
            method("phones.capability.requestCapabilityCallback", post(dialogflow::request_capability_callback)),
        )
        .route(
            "/v1/phones/{phone}/dialogflowMessages",
            method("phones.dialogflowMessages.create", post(dialogflow::create_dialogflow_message)),
        )
        .route("/v1/phones/{phone}/testers", method("phones.testers.create", post(testers::create_tester)))
        .route("/v1/users:batchGet", method("users.batchGet", post(reach::batch_get_users)))
        .route("/v1/files", method("files.create", post(files::create_file)))
        .route(
            "/upload/v1/files",
            method("files.create", post(files::upload_file).put(files::upload_file).delete(files::cancel_upload)),
        )
        .route("/$discovery/rest", get(discovery::discovery))
}

async fn no_such_method(uri: Uri) -> Refusal {
    Refusal::no_such_method(uri.path())
}

async fn create_message(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    parameters: Parameters,
    Body(body): Body,
) -> Result<Response, Refusal> {
    parameters.check_agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("messageId", parameters.message_id.as_deref())?;
    let message: AgentMessage = check::read(&body).map_err(Refusal::invalid)?;
    let expires_at = check::message(&message, body.len(), shared.clock.now()).map_err(Refusal::invalid)?;
    let missing = |name| violation("contentMessage", format!("there is no file {:?}", excerpt(name)));
    let missing = shared.act(|platform, now| -> Vec<_> {
        platform.files().missing(now, &message.content_message).into_iter().map(missing).collect()
    });
    if !missing.is_empty() {
        return Err(Refusal::invalid(missing));
    }
    match shared.act(|platform, now| platform.submit(now, &phone, &id, message, expires_at)) {
        Submitted::Accepted(message) => Ok(Json(message).into_response()),
        Submitted::Repeated(message) if shared.repeated_id == RepeatedId::Ok => Ok(Json(message).into_response()),
        Submitted::Repeated(_) | Submitted::UsedByEvent => Err(Refusal::already_exists(id.as_str())),
        Submitted::Unreachable => Err(Refusal::unreachable_phone()),
    }
}

async fn delete_message(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((phone, id)): PathNames<(String, String)>,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    parameters.check_agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("name", Some(&id))?;
    match shared.act(|platform, _| platform.revoke(&phone, &id)) {
        Revoked::Done => Ok(Json(json!({}))),
        Revoked::TooLate => Err(Refusal::not_revocable(id.as_str())),
    }
}

async fn create_event(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    parameters: Parameters,
    Body(body): Body,
) -> Result<Json<AgentEvent>, Refusal> {
    parameters.check_agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("eventId", parameters.event_id.as_deref())?;
    let event: AgentEvent = check::read(&body).map_err(Refusal::invalid)?;
    check::event(&event).map_err(Refusal::invalid)?;
    if !shared.act(|platform, _| platform.phone(&phone)).rcs {
        return Err(Refusal::unreachable_phone());
    }
    shared.act(|platform, _| platform.signal(&id, &phone, event.clone()));
    let name = Some(format!("phones/{phone}/agentEvents/{}", id.as_str()));
    Ok(Json(AgentEvent { name, send_time: Some(shared.clock.now().to_string()), ..event }))
}

async fn get_capabilities(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    parameters: Parameters,
) -> Result<Response, Refusal> {
    parameters.check_agent(&shared)?;
    let phone = parse_phone(&phone)?;
    parse_id("requestId", parameters.request_id.as_deref())?;
    let phone = shared.act(|platform, _| platform.phone(&phone));
    let capabilities = capability::capabilities(&phone).ok_or_else(Refusal::unreachable_phone)?;
    Ok(Json(capabilities).into_response())
}

/// Its errors are not of Google's APIs' shape but of OAuth's. (RFC 6749 §5.2)
async fn token(State(shared): State<Arc<Shared>>, request: Result<Form<TokenRequest>, FormRejection>) -> Response {
    let answer = match request {
        Ok(Form(request)) => match shared.tokens.exchange(&request) {
            Ok(token) => (StatusCode::OK, Json(token)).into_response(),
            Err(problem) => (StatusCode::BAD_REQUEST, Json(problem)).into_response(),
        },
        Err(problem) => {
            let said = TokenProblem::new("invalid_request", problem.body_text());
            (problem.status(), Json(said)).into_response()
        }
    };
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

async fn not_a_post() -> Response {
    let problem = TokenProblem::new("invalid_request", "Tokens are given to POST only.");
    let allow = [(header::ALLOW, HeaderValue::from_static("POST"))];
    (StatusCode::METHOD_NOT_ALLOWED, allow, Json(problem)).into_response()
}

async fn service_account(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], shared.tokens.service_account()).into_response()
}

async fn show_phone(
    State(shared): State<Arc<Shared>>,
    PathNames(phone): PathNames<String>,
) -> Result<Json<Value>, Refusal> {
    let number = parse_phone(&phone)?;
    Ok(Json(shared.act(|platform, _| shown(platform, &number))))
}

fn shown(platform: &Platform, number: &PhoneNumber) -> Value {
    let phone = platform.phone(number);
    let message = |shown: &Shown<'_>| {
        let state = format!("{:?}", shown.state).to_lowercase();
        json!({ "id": shown.id.as_str(), "state": state, "content": shown.content })
    };
    let messages: Vec<Value> = platform.shown(number).iter().map(message).collect();
    let signals: Vec<&AgentEvent> = platform.signals(number).collect();
    let invitation = platform.invitation(number).map(Invitation::as_str);
    json!({
        "number": number.as_str(),
        "rcs": phone.rcs,
        "online": phone.online,
        "invitation": invitation,
        "messages": messages,
        "signals": signals,
    })
}

/// What a person may do with a phone.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Use {
    Online(bool),
    Text(String),
    Tap(String),
    /// Accepts or declines the invitation to be a tester.
    Tester(bool),
}

async fn use_phone(
    State(shared): State<Arc<Shared>>,
    PathNames(phone): PathNames<String>,
    Body(body): Body,
) -> Result<Json<Value>, Refusal> {
    let number = parse_phone(&phone)?;
    let wanted: Use = serde_json::from_slice(&body).map_err(|problem| {
        let rule = format!(
            "one of {{\"online\": true}}, {{\"text\": \"…\"}}, {{\"tap\": \"postback\"}} and {{\"tester\": true}} is needed: {}",
            remark(problem)
        );
        Refusal::invalid(vec![violation("", rule)])
    })?;
    let done: Result<(), PhoneProblem> = shared.act(|platform, now| match &wanted {
        Use::Online(online) => {
            platform.set_online(now, &number, *online);
            Ok(())
        }
        Use::Text(text) => platform.write(now, &number, text),
        Use::Tap(postback) => platform.tap(now, &number, postback),
        Use::Tester(accepted) => platform.answer_invitation(&number, *accepted),
    });
    done.map_err(|problem| Refusal::invalid(vec![violation("", problem.to_string())]))?;
    Ok(Json(shared.act(|platform, _| shown(platform, &number))))
}

fn parse_phone(text: &str) -> Result<PhoneNumber, Refusal> {
    PhoneNumber::parse(text).map_err(|problem| Refusal::invalid(vec![violation("parent", problem.to_string())]))
}

fn parse_id(field: &str, text: Option<&str>) -> Result<MessageId, Refusal> {
    let text = text.ok_or_else(|| Refusal::invalid(vec![violation(field, format!("{field} is required"))]))?;
    MessageId::parse(text).map_err(|problem| Refusal::invalid(vec![violation(field, problem.to_string())]))
}

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    surface::PRETTY,
    surface::ALT,
    surface::CALLBACK,
    surface::KEY,
    request::QUERY,
    request::TOKEN_PLACES,
    request::FORM,
    request::GZIP,
    files::LINKED,
    files::TYPES,
    dialogflow::CALLBACK,
    discovery::DOCUMENT,
];

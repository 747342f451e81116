//! Google's paths over HTTP, and beside them `/emulator/…` for people and tests.

mod business;
mod clock;
mod dialogflow;
mod differences;
mod discovery;
mod exchange;
mod faults;
mod files;
mod phones;
mod reach;
mod relay;
mod request;
mod requests;
mod state;
mod surface;
mod testers;
mod wait;
mod webhooks;

use crate::connection::{Connections, Reset};
use crate::excerpt::excerpt;
use crate::fidelity::Behaviour;
use crate::platform::{AskCapabilities, NotSent, Revoke, Revoked, Signal, Submit, Submitted};
use crate::refusal::{Refusal, violation};
use crate::region::Region;
use crate::token::{TokenProblem, TokenRequest};
use crate::{RepeatedId, Shared, check};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::handler::Handler as _;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use axum::{Extension, Json, Router};
use rbm_wire::message::{AgentEvent, AgentMessage};
use rbm_wire::name::{MessageId, PhoneNumber};
use relay::relay;
use request::{Authenticated, Body, Parameters, PathNames};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    stopped: impl Future<Output = ()> + Send + 'static,
) {
    let service = router(shared).into_make_service_with_connect_info::<Reset>();
    let served = axum::serve(Connections(listener), service)
        .with_graceful_shutdown(stopped)
        .await;
    if let Err(problem) = served {
        tracing::error!(%problem, "the emulator stopped serving");
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let emulator = Router::new()
        .route("/token", surface::token(post(token).fallback(not_a_post)))
        .route("/emulator/service-account.json", get(service_account))
        .route(
            "/emulator/webhooks",
            get(webhooks::show_webhooks).post(webhooks::register_webhook),
        )
        .route(
            "/emulator/webhooks/faults",
            get(webhooks::show_faults).put(webhooks::set_faults),
        )
        .route(
            "/emulator/faults",
            get(faults::show_faults).put(faults::set_faults),
        )
        .route(
            "/emulator/requests",
            get(requests::show_requests).delete(requests::forget_requests),
        )
        .route("/emulator/wait", get(wait::wait))
        .route("/emulator/differences", get(differences::show_differences))
        .route(
            "/emulator/state",
            get(state::show_state).put(state::set_state),
        )
        .route("/emulator/reset", post(state::reset_state))
        .route(
            "/emulator/clock",
            get(clock::show_clock).post(clock::move_clock),
        )
        .route("/emulator/phones", get(phones::list_phones))
        .route(
            "/emulator/phones/{phone}",
            get(phones::show_phone)
                .post(phones::use_phone)
                .put(phones::list_phone)
                .delete(phones::unlist_phone),
        );
    // A region is a part of Google's host names, and for who has only one address the beginning of a path.
    let regional = |router: Router<Arc<Shared>>, region: Region| {
        router.nest(
            &format!("/{}", region.name()),
            messaging().layer(Extension(region)),
        )
    };
    let everywhere = emulator.merge(messaging()).merge(business::management());
    Region::ALL
        .into_iter()
        .fold(everywhere, regional)
        .nest(business::PREFIX, business::apart())
        .fallback_service(
            any(no_such_method)
                .layer(from_fn(relay))
                .layer(from_fn(surface::no_method)),
        )
        .method_not_allowed_fallback(
            no_such_method
                .layer(from_fn(relay))
                .layer(from_fn(surface::no_method)),
        )
        .layer(from_fn(surface::read_body))
        .layer(Extension(shared.clone()))
        .with_state(shared)
}

/// Google's methods, as the discovery document names them.
fn messaging() -> Router<Arc<Shared>> {
    use surface::method;
    Router::new()
        .route(
            "/v1/phones/{phone}/agentMessages",
            method("phones.agentMessages.create", post(create_message)),
        )
        .route(
            "/v1/phones/{phone}/agentMessages/{id}",
            method("phones.agentMessages.delete", delete(delete_message)),
        )
        .route(
            "/v1/phones/{phone}/agentEvents",
            method("phones.agentEvents.create", post(create_event)),
        )
        .route(
            "/v1/phones/{phone}/capabilities",
            method("phones.getCapabilities", get(get_capabilities)),
        )
        .route(
            "/v1/phones/{phone}/capability:requestCapabilityCallback",
            method(
                "phones.capability.requestCapabilityCallback",
                post(dialogflow::request_capability_callback),
            ),
        )
        .route(
            "/v1/phones/{phone}/dialogflowMessages",
            method(
                "phones.dialogflowMessages.create",
                post(dialogflow::create_dialogflow_message),
            ),
        )
        .route(
            "/v1/phones/{phone}/testers",
            method("phones.testers.create", post(testers::create_tester)),
        )
        .route(
            "/v1/users:batchGet",
            method("users.batchGet", post(reach::batch_get_users)),
        )
        .route(
            "/v1/files",
            method("files.create", post(files::create_file)),
        )
        .route(
            "/upload/v1/files",
            method(
                "files.create",
                post(files::upload_file)
                    .put(files::upload_file)
                    .delete(files::cancel_upload),
            ),
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
    let agent = parameters.agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("messageId", parameters.message_id.as_deref())?;
    let message: AgentMessage = check::read(&body).map_err(Refusal::invalid)?;
    let expires_at =
        check::message(&message, body.len(), shared.clock.now()).map_err(Refusal::invalid)?;
    let answer = shared.apply(Submit {
        agent,
        phone,
        id: id.clone(),
        message,
        expires_at,
    });
    match answer.map_err(|problem| not_sent(problem, &id))? {
        Submitted::Accepted(message) => Ok(Json(message).into_response()),
        Submitted::Repeated(message) if shared.answering().repeated_id == RepeatedId::Ok => {
            Ok(Json(message).into_response())
        }
        Submitted::Repeated(_) => Err(Refusal::already_exists(id.as_str())),
    }
}

fn not_sent(problem: NotSent, id: &MessageId) -> Refusal {
    let wrong = |rule: String| Refusal::invalid(vec![violation("contentMessage", rule)]);
    match problem {
        NotSent::UsedBefore => Refusal::already_exists(id.as_str()),
        NotSent::Unreachable => Refusal::unreachable_phone(),
        NotSent::NotATester => Refusal::not_a_tester(),
        NotSent::Unsupported(feature) => wrong(format!("the phone has not the feature {feature}")),
        NotSent::NoTrafficType => {
            let rule = "an agent for several uses says of each message which it is";
            Refusal::invalid(vec![violation("messageTrafficType", rule)])
        }
        NotSent::NoSuchFiles(names) => {
            let missing = |name: &String| {
                violation(
                    "contentMessage",
                    format!("there is no file {:?}", excerpt(name)),
                )
            };
            Refusal::invalid(names.iter().map(missing).collect::<Vec<_>>())
        }
        NotSent::TooMany => {
            Refusal::exhausted("The agent has sent as many messages in this second as it may.")
        }
    }
}

async fn delete_message(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames((phone, id)): PathNames<(String, String)>,
    parameters: Parameters,
) -> Result<Json<Value>, Refusal> {
    let agent = parameters.agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("name", Some(&id))?;
    match shared.apply(Revoke {
        agent,
        phone,
        id: id.clone(),
    }) {
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
    let agent = parameters.agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("eventId", parameters.event_id.as_deref())?;
    let event: AgentEvent = check::read(&body).map_err(Refusal::invalid)?;
    check::event(&event).map_err(Refusal::invalid)?;
    let signal = Signal {
        agent,
        phone: phone.clone(),
        id: id.clone(),
        event: event.clone(),
    };
    shared
        .apply(signal)
        .map_err(|problem| not_sent(problem, &id))?;
    let name = Some(format!("phones/{phone}/agentEvents/{}", id.as_str()));
    Ok(Json(AgentEvent {
        name,
        send_time: Some(shared.clock.now().to_string()),
        ..event
    }))
}

async fn get_capabilities(
    State(shared): State<Arc<Shared>>,
    _: Authenticated,
    PathNames(phone): PathNames<String>,
    parameters: Parameters,
) -> Result<Response, Refusal> {
    let agent = parameters.agent(&shared)?;
    let phone = parse_phone(&phone)?;
    let id = parse_id("requestId", parameters.request_id.as_deref())?;
    let capabilities = shared
        .apply(AskCapabilities { agent, phone })
        .map_err(|problem| not_sent(problem, &id))?;
    Ok(Json(capabilities).into_response())
}

/// Its errors are not of Google's APIs' shape but of OAuth's. (RFC 6749 §5.2)
async fn token(
    State(shared): State<Arc<Shared>>,
    request: Result<Form<TokenRequest>, FormRejection>,
) -> Response {
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
    (
        [(header::CONTENT_TYPE, "application/json")],
        shared.tokens.service_account(),
    )
        .into_response()
}

fn parse_phone(text: &str) -> Result<PhoneNumber, Refusal> {
    PhoneNumber::parse(text)
        .map_err(|problem| Refusal::invalid(vec![violation("parent", problem.to_string())]))
}

fn parse_id(field: &str, text: Option<&str>) -> Result<MessageId, Refusal> {
    let text = text
        .ok_or_else(|| Refusal::invalid(vec![violation(field, format!("{field} is required"))]))?;
    MessageId::parse(text)
        .map_err(|problem| Refusal::invalid(vec![violation(field, problem.to_string())]))
}

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    surface::PRETTY,
    surface::CONTENT_TYPE,
    surface::ALT,
    surface::CALLBACK,
    surface::KEY,
    request::SPELLINGS,
    request::QUERY,
    request::PARAMETER_NAMES,
    request::TOKEN_PLACES,
    request::FORM,
    request::GZIP,
    files::LINKED,
    files::TYPES,
    dialogflow::CALLBACK,
    discovery::DOCUMENT,
];

/// Of the management API.
pub(crate) const MANAGEMENT: &[&Behaviour] = business::BEHAVIOURS;

/// What is there for people and tests, and not at Google's.
pub(crate) const CONTROL: &[&Behaviour] = &[clock::CLOCK, phones::PHONES];

//! What the gateway answers to, as a table: the router is made of it, and the description of the whole (`openapi.json`) is held
//! to it.

use crate::{
    Shared, api, callbacks, conversation, events, inbox, openapi, opt_outs, people, quarantine,
};
use crate::{reach, retry, revoke, stream, testers, upload};
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

/// A method, a path, and who answers.
pub(crate) struct Route {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the router has it from the answer")
    )]
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    answer: MethodRouter<Arc<Shared>>,
}

/// What callers ask.
pub(crate) fn for_callers() -> Vec<Route> {
    vec![
        post("/v1/messages", api::send),
        get("/v1/messages", api::list),
        get("/v1/messages/{id}", api::show),
        delete("/v1/messages/{id}", revoke::revoke),
        post("/v1/messages/{id}/retry", retry::retry),
        post("/v1/messages/retry", retry::retry_many),
        post("/v1/check", api::check),
        post("/v1/conversations/{phone}/read", conversation::read),
        post("/v1/conversations/{phone}/typing", conversation::typing),
        get(
            "/v1/phones/{phone}/capabilities",
            conversation::capabilities,
        ),
        post("/v1/reach", reach::reach),
        post("/v1/files", upload::upload),
        get("/v1/files", upload::list),
        post("/v1/testers", testers::invite),
        get("/v1/testers", testers::list),
        get("/v1/opt-outs", opt_outs::list),
        get("/v1/opt-outs/{phone}", opt_outs::show),
        put("/v1/opt-outs/{phone}", opt_outs::opt_out),
        delete("/v1/opt-outs/{phone}", opt_outs::opt_in),
        delete("/v1/people/{phone}", people::erase),
        get("/v1/events", events::list),
        get("/v1/events/stream", stream::stream),
        get("/v1/callbacks", callbacks::list),
        post("/v1/callbacks/{name}/enable", callbacks::enable),
        get("/v1/dead-letters", callbacks::dead_letters),
        post("/v1/dead-letters/{callback}/replay", callbacks::replay_all),
        post(
            "/v1/dead-letters/{callback}/{cursor}/replay",
            callbacks::replay,
        ),
        get("/v1/quarantine", quarantine::list),
        get("/v1/quarantine/{id}", quarantine::show),
        post("/v1/quarantine/{id}/replay", quarantine::replay),
        get("/v1/openapi.json", openapi::show),
    ]
}

/// What the platform says.
pub(crate) fn for_the_platform() -> Vec<Route> {
    vec![
        post("/webhooks/rbm", inbox::partner),
        post("/webhooks/rbm/{agent}", inbox::agent),
    ]
}

/// One router of them all.
pub(crate) fn router(routes: Vec<Route>) -> Router<Arc<Shared>> {
    routes.into_iter().fold(Router::new(), |router, route| {
        router.route(route.path, route.answer)
    })
}

fn get<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Route {
    Route {
        method: "get",
        path,
        answer: on(MethodFilter::GET, handler),
    }
}

fn post<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Route {
    Route {
        method: "post",
        path,
        answer: on(MethodFilter::POST, handler),
    }
}

fn put<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Route {
    Route {
        method: "put",
        path,
        answer: on(MethodFilter::PUT, handler),
    }
}

fn delete<T: 'static>(path: &'static str, handler: impl Handler<T, Arc<Shared>>) -> Route {
    Route {
        method: "delete",
        path,
        answer: on(MethodFilter::DELETE, handler),
    }
}

//! Judges the platform's webhooks for an Envoy that stands before an application. Envoy asks over gRPC, by either of two protocols:
//!
//! * `ext_authz` asks whether a request may pass. What is signed reaches the application as it came; the application has to read
//!   the platform's format, and what it answers is what the platform hears.
//! * `ext_proc` asks what a request means. The application gets the event as the gateway's JSON, with the event's id in `webhook-id`,
//!   or with [`Body::AsItCame`] the platform's own body with the same headers; and the platform hears 200 when the application
//!   has taken it and 503 when it has not, so that it sends the event again.
//!
//! Either way the handshake is answered here, and what is not signed as it should be reaches nobody. Nothing is kept here: whoever
//! wants retries, life cycles and opting out wants `rbm serve`.

mod agents;
mod authorization;
mod headers;
mod judge;
mod processor;

pub use agents::{Agent, Agents, AgentsProblem};

use authorization::Authorizer;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::AuthorizationServer;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessorServer;
use judge::Judge;
use processor::Processor;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// What `ext_proc` lets the application have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Body {
    /// The event in the gateway's JSON.
    #[default]
    Event,
    /// The platform's own, byte for byte.
    AsItCame,
}

/// Answers an Envoy until it is told to stop; what is under way then ends first. There is no TLS and nobody is asked who they are, so
/// listen where only the Envoy is.
pub async fn serve(
    listener: TcpListener,
    agents: Agents,
    body: Body,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let judge = Judge::new(agents);
    // Without this a short answer waits for the acknowledgement of the one before it.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .add_service(AuthorizationServer::new(Authorizer::new(judge.clone())))
        .add_service(ExternalProcessorServer::new(Processor::new(judge, body)))
        .serve_with_incoming_shutdown(incoming, stop)
        .await
}

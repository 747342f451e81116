//! Embeds a channel plugin in any message gateway: loads the WebAssembly component, bounds it, gives it HTTP and nothing
//! else, and turns webhook requests into events.
//!
//! ```no_run
//! # async fn embed(request: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, Box<dyn std::error::Error>> {
//! use rbm_host::contract::{Content, Message, Setting};
//! use rbm_host::{Credentials, Egress, Engine, Limits, ServiceAccount, webhook};
//!
//! let key = ServiceAccount::from_json(&std::fs::read_to_string("key.json")?, "https://www.googleapis.com/auth/rcsbusinessmessaging")?;
//! let egress = Egress::builder().origin("https://rcsbusinessmessaging.googleapis.com", Credentials::service_account(key)).build()?;
//! let plugin = Engine::new(Limits::default())?.load(&std::fs::read("rbm.wasm")?)?;
//! let setting = |name: &str, value: &str| Setting { name: name.into(), value: value.into() };
//! let settings = vec![setting("agent-id", "my-agent"), setting("client-token", "what Google's console was told")];
//! let channel = plugin.channel(settings, std::sync::Arc::new(egress));
//!
//! let message = Message {
//!     id: "0192f0c1-7a3e-7c51-9d3c-0a4e5b6c7d8e".into(), // the same for every attempt
//!     recipient: "+15550100001".into(),
//!     content: Content::Text("Your parcel is on its way".into()),
//!     suggestions: vec![], purpose: None, expiry: None, options: vec![],
//! };
//! let now = jiff::Timestamp::now();
//! match channel.send(now, &message).await? {
//!     Ok(receipt) => println!("accepted, not yet delivered: {}", receipt.id),
//!     Err(failure) => println!("{:?}: {}", failure.code, failure.message), // the code says what to do next
//! }
//!
//! let outcome = webhook::receive(&channel, &webhook::Limits::default(), now, request).await?;
//! for event in &outcome.inbound { println!("store this durably first: {event:?}") }
//! # Ok(outcome.response)
//! # }
//! ```
//!
//! The library knows no platform: it runs any plugin of the world `gateway:channel/plugin`. It has no web framework and no
//! database. Secrets stay here: a plugin never sees the credentials that `Egress` adds.

mod bindings;
mod cache;
mod channel;
mod egress;
mod engine;
mod exports;
pub mod http_client;
mod instance;
mod limits;
mod observer;
mod plugin;
mod testers;
pub mod webhook;

/// The contract's types, which cross the boundary as they are.
pub use gateway_channel as contract;

pub use channel::Channel;
pub use egress::address;
pub use egress::{Credentials, Egress, EgressBuilder, EgressProblem, KeyProblem, ServiceAccount};
pub use engine::{Engine, EngineProblem, LoadProblem};
pub use http_client::{HttpClient, NoHttp};
pub use instance::{CallProblem, Instance};
pub use limits::Limits;
pub use observer::Observer;
pub use plugin::Plugin;
pub use testers::Invitation;

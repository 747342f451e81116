//! Joins components: what one offers and the other asks for are connected, and the rest is asked of the host.

use crate::{FRONT, SHIM};
use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, PlugError, plug};

/// Why components could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum ComposeProblem {
    /// It is no component.
    #[error("{name} is not a component: {reason}")]
    NoComponent {
        /// Which.
        name: &'static str,
        /// In the library's words.
        reason: String,
    },
    /// The one offers nothing that the other asks for.
    #[error("{name} offers nothing that {socket} asks for: {reason}")]
    NoFit {
        /// Which offers.
        name: &'static str,
        /// Which asks.
        socket: &'static str,
        /// In the library's words.
        reason: String,
    },
}

/// The plugin and the shim: a channel that asks for `wasi:http` and no more of the contract.
pub fn with_wasi_http(plugin: &[u8]) -> Result<Vec<u8>, ComposeProblem> {
    join(("plugin", plugin), ("shim", SHIM))
}

/// The front, the plugin and the shim: an application that serves HTTP.
pub fn application(plugin: &[u8]) -> Result<Vec<u8>, ComposeProblem> {
    join(("front", FRONT), ("plugin", &with_wasi_http(plugin)?))
}

fn join(
    socket: (&'static str, &[u8]),
    offered: (&'static str, &[u8]),
) -> Result<Vec<u8>, ComposeProblem> {
    let mut graph = CompositionGraph::new();
    let mut register = |(name, bytes): (&'static str, &[u8])| {
        let no_component = |reason: String| ComposeProblem::NoComponent { name, reason };
        let package = Package::from_bytes(name, None, bytes, graph.types_mut());
        let package = package.map_err(|problem| no_component(format!("{problem:#}")))?;
        graph
            .register_package(package)
            .map_err(|problem| no_component(problem.to_string()))
    };
    let (socket_id, offered_id) = (register(socket)?, register(offered)?);
    let no_fit = |reason: String| ComposeProblem::NoFit {
        name: offered.0,
        socket: socket.0,
        reason,
    };
    plug(&mut graph, vec![offered_id], socket_id)
        .map_err(|problem: PlugError| no_fit(problem.to_string()))?;
    graph
        .encode(EncodeOptions::default())
        .map_err(|problem| no_fit(problem.to_string()))
}

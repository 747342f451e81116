//! Where something listens that lets everybody in: at addresses of this machine only.

use crate::exit::Failure;
use anyhow::anyhow;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Refuses an address that others can reach.
pub(crate) fn check(option: &str, address: SocketAddr) -> Result<(), Failure> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{option} {address} is not an address of this machine only, and whoever reaches it could send messages\n\
         help: use 127.0.0.1"
    )))
}

/// Takes an address that was checked.
pub(crate) async fn listen(option: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|problem| {
        Failure::Failed(anyhow!(
            "{option} {address} cannot be listened on: {problem}\nhelp: port 0 takes any that is free"
        ))
    })
}

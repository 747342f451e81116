//! Reads where the gateway listens, and refuses to be reached by strangers: what others than this machine can reach needs a
//! token, and either TLS or a proxy that does it. Opens no socket.

use super::finding::{Finding, Rule};
use super::given::Item;
use super::reading::{Reading, Section};
use super::tls::read_tls;
use super::validated::{Admin, Server};
use crate::excerpt::excerpt;
use ipnet::IpNet;
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};

/// `[server]`.
pub(super) fn read_server(reading: &Reading<'_>) -> Option<Server> {
    let section = reading.section("server");
    let listen = address(&section);
    let api_tokens: Vec<SecretString> = section
        .rotating("api_token")
        .into_iter()
        .filter_map(|token| section.for_header(token))
        .collect();
    let trusted_proxies = trusted_proxies(&section);
    let has_tls = reading.section("server.tls").exists();
    let tls = if has_tls {
        read_tls(&reading.section("server.tls")).map(Some)
    } else {
        Ok(None)
    };
    if let Some(listen) = listen.filter(|listen| !is_loopback(listen.ip())) {
        if !section.is_given("api_token") {
            exposed(
                &section,
                listen,
                "server.api_token is missing: whoever reaches it could send messages",
            );
        }
        if !has_tls
            && section
                .list("trusted_proxies")
                .is_some_and(<[Item]>::is_empty)
        {
            exposed(
                &section,
                listen,
                "neither server.tls nor server.trusted_proxies says who does TLS",
            );
        }
    }
    Some(Server {
        listen: listen?,
        api_tokens,
        trusted_proxies,
        tls: tls.ok()?,
    })
}

/// `[admin]`.
pub(super) fn read_admin(reading: &Reading<'_>) -> Option<Admin> {
    let section = reading.section("admin");
    let listen = address(&section);
    let token = section
        .secret("token")
        .and_then(|token| section.for_header(token));
    if let Some(listen) =
        listen.filter(|listen| !is_loopback(listen.ip()) && !section.is_given("token"))
    {
        exposed(
            &section,
            listen,
            "admin.token is missing: whoever reaches it could read the metrics",
        );
    }
    Some(Admin {
        listen: listen?,
        token,
    })
}

/// Found: that both would listen on one port.
pub(super) fn check_listeners(reading: &Reading<'_>, server: SocketAddr, admin: SocketAddr) {
    let same_host =
        server.ip() == admin.ip() || server.ip().is_unspecified() || admin.ip().is_unspecified();
    if server.port() != 0 && server.port() == admin.port() && same_host {
        let section = reading.section("admin");
        let message =
            format!("admin.listen is {admin} and server.listen is {server}, and they must differ");
        section.find(Finding::error(
            Rule::Alike,
            message,
            section.origin_of("listen"),
        ));
    }
}

fn address(section: &Section<'_>) -> Option<SocketAddr> {
    section.parsed(
        "listen",
        Rule::Address,
        "an address and a port, such as 127.0.0.1:8787",
        str::parse,
    )
}

fn trusted_proxies(section: &Section<'_>) -> Vec<IpNet> {
    let items = section.list("trusted_proxies").unwrap_or_default();
    let read = |item: &Item| {
        let network = item
            .text
            .parse()
            .or_else(|_| item.text.parse().map(|address: IpAddr| address.into()));
        let refuse = |rule: &str| {
            let message = format!(
                "server.trusted_proxies[{}] is {:?}, and {rule}",
                item.index,
                excerpt(&item.text)
            );
            section.find(Finding::error(Rule::Network, message, item.origin.clone()));
        };
        match network {
            Ok(IpNet::V4(network)) if network.prefix_len() == 0 => refuse("must not be everybody"),
            Ok(IpNet::V6(network)) if network.prefix_len() == 0 => refuse("must not be everybody"),
            Ok(network) => return Some(network.trunc()),
            Err(_) => refuse("must be a network, such as 10.0.0.0/8"),
        }
        None
    };
    items.iter().filter_map(read).collect()
}

fn exposed(section: &Section<'_>, listen: SocketAddr, why: &str) {
    let message = format!(
        "{} is {listen}, which others than this machine reach, and {why}",
        section.at("listen")
    );
    section.find(Finding::error(
        Rule::Exposed,
        message,
        section.origin_of("listen"),
    ));
}

/// Also as IPv6 writes an address of IPv4.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

//! `rbm envoy`: judges webhooks for an Envoy that stands before an application.

use crate::exit::Failure;
use crate::signals::Ends;
use crate::{input, loopback, output, plugin};
use anyhow::{Context as _, anyhow};
use gateway_channel::{Finding, Setting, Severity};
use jiff::Timestamp;
use rbm_component::COMPONENT;
use rbm_envoy::{Agent, Agents, Body};
use rbm_host::{Channel, NoHttp, Plugin};
use rbm_wire::name::AgentId;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// An agent and the file that holds what its webhook was registered with: `demo=secrets/client-token`. May be repeated, for other
    /// agents, and for one agent with a second file while one replaces the other.
    #[arg(long, value_name = "AGENT=FILE", required = true, value_parser = client_token)]
    client_token_file: Vec<(AgentId, PathBuf)>,
    /// Where Envoy asks, by gRPC without TLS: an address of this machine only, port 0 for any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// Lets the application have the platform's own body by `ext_proc` too, in place of the event as JSON.
    #[arg(long)]
    pass_body: bool,
    /// Prints one line of JSON with the address when ready.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    loopback::check("--listen", arguments.listen)?;
    let plugin = plugin::engine()?.load(COMPONENT);
    let agents = agents(&arguments, &plugin.map_err(anyhow::Error::from)?).await?;
    let listener = loopback::listen("--listen", arguments.listen).await?;
    let address = listener.local_addr().context("--listen has no address")?;
    // Before anybody is told that it is ready, so that none of them is missed.
    let mut ends = Ends::listen()?;
    output::line(if arguments.json {
        json!({ "envoy": address.to_string() }).to_string()
    } else {
        format!("judging webhooks for an Envoy at {address}")
    })?;
    let body = if arguments.pass_body {
        Body::AsItCame
    } else {
        Body::Event
    };
    let served = rbm_envoy::serve(listener, agents, body, async { ends.next().await }).await;
    Ok(served.context("Envoy cannot be answered any more")?)
}

async fn agents(arguments: &Arguments, plugin: &Plugin) -> Result<Agents, Failure> {
    let mut tokens = BTreeMap::<&AgentId, Vec<SecretString>>::new();
    for (agent, file) in &arguments.client_token_file {
        tokens
            .entry(agent)
            .or_default()
            .push(input::secret(file).map_err(Failure::Usage)?);
    }
    let mut agents = Vec::with_capacity(tokens.len());
    for (id, tokens) in tokens {
        agents.push(Agent {
            id: id.clone(),
            channel: channel(id, &tokens, plugin).await?,
        });
    }
    Agents::new(agents).map_err(|problem| Failure::Usage(problem.into()))
}

/// It only ever judges what comes in, so that it may ask nobody.
async fn channel(
    id: &AgentId,
    tokens: &[SecretString],
    plugin: &Plugin,
) -> Result<Channel, Failure> {
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let tokens = tokens
        .iter()
        .map(|token| setting("client-token", token.expose_secret()));
    let settings = [setting("agent-id", id.bare())]
        .into_iter()
        .chain(tokens)
        .collect();
    let channel = plugin.channel(settings, Arc::new(NoHttp));
    let findings = channel
        .check_settings(Timestamp::now())
        .await
        .map_err(anyhow::Error::from)?;
    match findings
        .into_iter()
        .find(|finding| finding.severity == Severity::Error)
    {
        Some(Finding { message, .. }) => Err(Failure::Usage(anyhow!(
            "--client-token-file {}: {message}",
            id.bare()
        ))),
        None => Ok(channel),
    }
}

/// Without repeating it, which the argument's own error does.
fn client_token(text: &str) -> Result<(AgentId, PathBuf), String> {
    let (agent, file) = text
        .split_once('=')
        .ok_or("it must be like demo=secrets/client-token")?;
    let agent = AgentId::parse(agent)
        .map_err(|problem| format!("before the = it must have {}", problem.rule()))?;
    if file.is_empty() {
        return Err("after the = there must be a file".to_owned());
    }
    Ok((agent, file.into()))
}

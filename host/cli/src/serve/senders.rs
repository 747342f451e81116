//! Turns a configuration into who sends and how the address is guarded: the plugin for each agent with its settings, and
//! credentials that it never sees. Once at the start, and again for each reload.

use crate::config::{AgentConfig, CallbackConfig, Config, Partner, Platform};
use crate::exit::Failure;
use anyhow::anyhow;
use gateway_channel::{Finding, Setting, Severity};
use jiff::Timestamp;
use rbm_gateway::callback::{Callback, CallbackSettings};
use rbm_gateway::{Agent, Guard, Manner, Senders};
use rbm_host::{Channel, Egress, NoHttp, Plugin};
use rbm_wire::origin;
use secrecy::ExposeSecret as _;
use std::sync::Arc;

/// Everybody who sends.
pub(super) async fn senders(config: &Config, plugin: &Plugin) -> Result<Senders, Failure> {
    let mut agents = Vec::with_capacity(config.agents.len());
    for agent in &config.agents {
        agents.push(Arc::new(sender(agent, &config.platform, plugin).await?));
    }
    Ok(Senders {
        agents,
        partner: config
            .partner
            .as_ref()
            .map(|partner| partner_channel(partner, plugin)),
    })
}

/// How the gateway's own address is guarded.
pub(super) fn guard(config: &Config) -> Guard {
    Guard {
        tokens: config.server.api_tokens.clone(),
        tls: config.server.tls.clone(),
        proxies: config.server.trusted_proxies.clone(),
    }
}

/// Where events go.
pub(super) fn callbacks(config: &Config) -> Result<Vec<Callback>, Failure> {
    config.callbacks.iter().map(callback).collect()
}

fn callback(config: &CallbackConfig) -> Result<Callback, Failure> {
    let settings = CallbackSettings {
        name: config.name.clone(),
        url: config.url.to_string(),
        secrets: config.secrets.clone(),
        agents: config.agents.clone(),
        from: config.from,
        ordered: config.order,
        allow_private_addresses: config.allow_private_addresses,
    };
    Callback::new(settings)
        .map_err(|problem| Failure::usage(format!("callbacks.{}: {problem}", config.name)))
}

async fn sender(
    agent: &AgentConfig,
    platform: &Platform,
    plugin: &Plugin,
) -> Result<Agent, Failure> {
    let name = &agent.name;
    let api = platform
        .api_origin
        .as_deref()
        .or_else(|| origin::of(agent.region));
    let api = api.ok_or_else(|| anyhow!("agents.{name}.region has no address"))?;
    let mut egress = Egress::builder()
        .origin(api, agent.credentials.clone())
        .timeout(platform.request_time_max);
    if platform.allow_private_addresses {
        egress = egress.allow_private_addresses();
    }
    let egress = egress
        .build()
        .map_err(|problem| Failure::usage(format!("agents.{name}: {problem}")))?;
    let channel = plugin.channel(agent.settings(platform), Arc::new(egress));
    let findings = channel
        .check_settings(Timestamp::now())
        .await
        .map_err(anyhow::Error::from)?;
    if let Some(Finding { message, .. }) = findings
        .into_iter()
        .find(|finding| finding.severity == Severity::Error)
    {
        return Err(Failure::usage(format!(
            "agents.{name}: the plugin does not take its settings: {message}"
        )));
    }
    let manner = Manner {
        pace: Some(agent.pace),
        quiet_hours: agent.quiet_hours.clone(),
        ..Manner::default()
    };
    let (id, bare) = (agent.agent_id.full(), agent.agent_id.bare().to_owned());
    Ok(Agent::new(name.clone(), id, vec![bare], channel, manner))
}

/// It only ever judges what comes in, so that it needs no agent and may ask nobody.
fn partner_channel(partner: &Partner, plugin: &Plugin) -> Channel {
    let tokens = partner.client_tokens.iter();
    let setting = |value: &str| Setting {
        name: "client-token".to_owned(),
        value: value.to_owned(),
    };
    plugin.channel(
        tokens.map(|token| setting(token.expose_secret())).collect(),
        Arc::new(NoHttp),
    )
}

//! `rbm dev`: a gateway and a stand-in for Google's platform in one process on this machine, joined as they will be in
//! earnest: tokens bought with a service account's key, a webhook that answered the handshake, signed events.

mod feed;

use crate::emulate::{PHONES, SCENARIOS_PHONES};
use crate::exit::Failure;
use crate::signals::Ends;
use crate::{capacity, config, excerpt, loopback, opt_out, output, plugin, send};
use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feed::Feed;
use gateway_channel::{Setting, Severity};
use jiff::Timestamp;
use rbm_clock::Clock;
use rbm_emulator::{Emulator, Level};
use rbm_gateway::callback::{Callback, CallbackSettings, Schedule, StartFrom};
use rbm_gateway::store::Store;
use rbm_gateway::store::retention::Retention;
use rbm_gateway::{Agent, Config, Gateway, Guard, Manner, Metrics, Senders};
use rbm_host::{Channel, Credentials, Egress, Plugin, ServiceAccount};
use rbm_sqlite::{OpenProblem, SqliteStore};
use rbm_wire::auth;
use rbm_wire::name::AgentId;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the gateway listens: an address of this machine only, port 0 for any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    gateway: SocketAddr,
    /// Where the stand-in for Google's platform listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788")]
    emulator: SocketAddr,
    /// Where to keep messages and events, also after the end. A directory that goes with the process if left out.
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
    /// An address that every event is posted to as well, signed, from where the last start with this --data left off.
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// What the stand-in has besides the agent `demo`, and what happens there by itself: TOML, as `rbm emulate --scenario-example`
    /// shows it; `-` for stdin.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Sends a first message to the phone that answers.
    #[arg(long)]
    hello: bool,
    /// Prints one line of JSON when ready, and nothing else.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    loopback::check("--gateway", arguments.gateway)?;
    loopback::check("--emulator", arguments.emulator)?;
    let forward = arguments
        .forward_to
        .as_deref()
        .map(Forward::new)
        .transpose()?;
    let agent = AgentId::parse(AGENT).expect("a plain word");
    let options =
        config::scenario::options(arguments.scenario.as_deref(), std::slice::from_ref(&agent))?;
    let gateway = loopback::listen("--gateway", arguments.gateway).await?;
    let emulator = loopback::listen("--emulator", arguments.emulator).await?;
    let metrics = Arc::<Metrics>::default();
    let clock = options.clock.clone();
    // Compiling the plugin and making a key take a moment each.
    let (plugin, emulator) = tokio::join!(
        plugin::load(metrics.clone()),
        Emulator::start(emulator, options)
    );
    let (plugin, emulator) = (plugin?, emulator.map_err(anyhow::Error::from)?);
    let client_token = Uuid::new_v4().simple().to_string();
    let channel = channel(&plugin, &emulator, &client_token).await?;
    let kept = Kept::open(arguments.data.as_deref())?;
    let store = kept.store.clone();
    let gateway = start_gateway(
        gateway,
        channel,
        store.clone(),
        clock,
        forward.as_ref(),
        metrics,
    )
    .await?;
    let webhook = format!("{}/webhooks/rbm/{AGENT}", gateway.origin());
    // The gateway has no other agent, whatever there is in the scenario.
    let registered = emulator
        .register_webhook_of(Level::Agent(agent), &webhook, client_token.clone().into())
        .await;
    registered.map_err(anyhow::Error::from)?;

    let ready = Ready {
        gateway: gateway.origin(),
        emulator: emulator.origin(),
        webhook: &webhook,
        client_token: &client_token,
        kept: &kept.place,
        phones: if arguments.scenario.is_some() {
            SCENARIOS_PHONES
        } else {
            PHONES
        },
        forward: forward.as_ref(),
    };
    // Before anybody is told that it is ready, so that none of them is missed.
    let mut ends = Ends::listen()?;
    output::line(if arguments.json {
        ready.json()
    } else {
        ready.text()
    })?;
    let feed = if arguments.json {
        None
    } else {
        Some(Feed::from_now(store).await.map_err(anyhow::Error::from)?)
    };
    let feed = feed.map(|feed| tokio::spawn(feed.run()));
    if arguments.hello {
        send::hello(gateway.origin(), HELLO_TO).await?;
    }
    ends.next().await;
    feed.inspect(tokio::task::JoinHandle::abort);
    gateway.shutdown().await;
    emulator.shutdown().await;
    Ok(())
}

/// The store, and where it is.
struct Kept {
    store: Arc<SqliteStore>,
    /// A sentence for people.
    place: String,
    _temporary: Option<TempDir>,
}

impl Kept {
    fn open(data: Option<&Path>) -> Result<Self, Failure> {
        let Some(directory) = data else {
            let temporary =
                TempDir::with_prefix("rbm-dev-").context("there is no temporary directory")?;
            let store = SqliteStore::open(temporary.path()).context("the store")?;
            let place = "What they keep goes with them".to_owned();
            return Ok(Self {
                store: Arc::new(store),
                place,
                _temporary: Some(temporary),
            });
        };
        let shown = excerpt::path(directory);
        let store = SqliteStore::open(directory).map_err(|problem| match problem {
            OpenProblem::Directory { reason, .. } => {
                Failure::usage(format!("--data {shown} cannot be used: {reason}"))
            }
            problem => Failure::usage(format!("--data {shown}: {problem}")),
        })?;
        Ok(Self {
            store: Arc::new(store),
            place: format!("What the gateway keeps is in {shown}"),
            _temporary: None,
        })
    }
}

/// The plugin as the demo agent, with credentials that it never sees.
async fn channel(
    plugin: &Plugin,
    emulator: &Emulator,
    client_token: &str,
) -> anyhow::Result<Channel> {
    let account = ServiceAccount::from_json(&emulator.service_account(), auth::SCOPE)?;
    let egress = Egress::builder().origin(emulator.origin(), Credentials::service_account(account));
    let egress = egress.allow_private_addresses().build()?;
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let settings = vec![
        setting("agent-id", AGENT),
        setting("client-token", client_token),
        setting("api-origin", emulator.origin()),
    ];
    let channel = plugin.channel(settings, Arc::new(egress));
    let findings = channel.check_settings(Timestamp::now()).await?;
    match findings
        .into_iter()
        .find(|finding| finding.severity == Severity::Error)
    {
        Some(finding) => Err(anyhow!(
            "the plugin does not take its settings: {}",
            finding.message
        )),
        None => Ok(channel),
    }
}

async fn start_gateway(
    listener: TcpListener,
    channel: Channel,
    store: Arc<dyn Store>,
    clock: Clock,
    forward: Option<&Forward>,
    metrics: Arc<Metrics>,
) -> Result<Gateway, Failure> {
    let agent = Agent::new(
        AGENT.to_owned(),
        AGENT_FULL.to_owned(),
        vec![AGENT.to_owned()],
        channel.clone(),
        Manner::default(),
    );
    let callbacks = forward
        .map(|forward| forward.callback.clone())
        .into_iter()
        .collect();
    let senders = Senders {
        agents: vec![Arc::new(agent)],
        partner: Some(channel),
    };
    let (capacity, opt_out, guard) = (
        capacity::published(),
        opt_out::published(),
        Guard::default(),
    );
    let config = Config {
        senders,
        store,
        clock,
        callbacks,
        capacity,
        accepted_events: false,
        opt_out,
        retention: Retention::default(),
        guard,
        metrics,
        admin: None,
    };
    let gateway = Gateway::start(listener, config).await;
    gateway.map_err(|problem| Failure::Failed(problem.into()))
}

/// Where every event is posted as well, and what its signatures are made with: a secret of this run.
struct Forward {
    callback: Callback,
    secret: String,
}

impl Forward {
    fn new(url: &str) -> Result<Self, Failure> {
        let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let secret = format!("whsec_{}", STANDARD.encode(random));
        let settings = CallbackSettings {
            name: FORWARD_TO.to_owned(),
            url: url.to_owned(),
            secrets: vec![secret.as_str().into()],
            agents: Vec::new(),
            from: StartFrom::Now,
            ordered: true,
            allow_private_addresses: true,
        };
        let callback = Callback::new(settings).map_err(|problem| {
            Failure::usage(format!("--forward-to: {}", excerpt::remark(problem)))
        })?;
        Ok(Self {
            callback: callback.with_schedule(Schedule::of_development()),
            secret,
        })
    }
}

/// Where everything is, once it takes requests.
struct Ready<'a> {
    gateway: &'a str,
    emulator: &'a str,
    webhook: &'a str,
    client_token: &'a str,
    kept: &'a str,
    phones: &'a str,
    forward: Option<&'a Forward>,
}

impl Ready<'_> {
    fn json(&self) -> String {
        let mut ready = json!({
            "gateway": self.gateway,
            "emulator": self.emulator,
            "webhook": self.webhook,
            "agent": AGENT_FULL,
            "client_token": self.client_token,
        });
        if let Some(forward) = self.forward {
            ready["forward_secret"] = forward.secret.as_str().into();
        }
        ready.to_string()
    }

    fn text(&self) -> String {
        let Self {
            gateway,
            emulator,
            webhook,
            client_token,
            kept,
            phones,
            forward,
        } = self;
        let forward = forward.map_or_else(String::new, |forward| {
            let Forward { callback, secret } = forward;
            format!(
                "\n  forward to    {}\n  signed with   {secret}",
                callback.url()
            )
        });
        format!(
            "A gateway and a stand-in for Google's platform, on this machine. {kept}; Ctrl-C ends them.

  gateway       {gateway}
  emulator      {emulator}
  webhook       {webhook}
  client token  {client_token}
  agent         {AGENT_FULL}
  phones        {phones}{forward}

Send a message:

  curl {gateway}/v1/messages -H 'content-type: application/json' \\
    -d '{{\"to\":\"+15550100001\",\"content\":{{\"text\":\"Hi\"}},\"suggestions\":[{{\"reply\":{{\"text\":\"Yes\",\"postback\":\"yes\"}}}}]}}'

What happens (times in UTC):
"
        )
    }
}

const AGENT: &str = "demo";
const AGENT_FULL: &str = "demo@rbm.goog";
/// The callback's name.
const FORWARD_TO: &str = "forward-to";
const HELLO_TO: &str = "+15550100001";

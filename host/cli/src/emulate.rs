//! `rbm emulate`: the stand-in for Google's platform by itself, for a client that somebody else wrote. Any program that speaks
//! Google's API can be pointed at it; it needs no gateway and no plugin.

use crate::exit::Failure;
use crate::signals::Ends;
use crate::{excerpt, input, loopback, output};
use anyhow::anyhow;
use rbm_emulator::platform::Agent;
use rbm_emulator::{Emulator, Options, WebhookProblem, fidelity};
use rbm_wire::name::{AgentId, NameProblem};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use url::Url;
use uuid::Uuid;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where it listens: an address of this machine only, port 0 for any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// The agent that there is, with or without @rbm.goog.
    #[arg(long, value_name = "ID", default_value = "demo", value_parser = agent)]
    agent: AgentId,
    /// The agent's webhook. It must answer the handshake before anything else happens.
    #[arg(long, value_name = "URL", requires = "client_token_file", value_parser = web_address)]
    webhook: Option<Url>,
    /// A file that holds the client token that the webhook's events are signed with; `-` for stdin.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    client_token_file: Option<PathBuf>,
    /// What the ids of events follow from: runs in which the same happens have the same ids. At random if left out.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Prints one line of JSON when ready, and nothing else.
    #[arg(long)]
    json: bool,
    /// Prints, as a page of Markdown, everything that the stand-in does, who says so, and what makes it otherwise.
    #[arg(long, exclusive = true)]
    fidelity: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.fidelity {
        return Ok(output::bytes(fidelity::markdown().as_bytes())?);
    }
    loopback::check("--listen", arguments.listen)?;
    let client_token = arguments.client_token_file.as_deref().map(client_token).transpose()?;
    let listener = loopback::listen("--listen", arguments.listen).await?;
    let ready_as = arguments.agent.full();
    let seed = arguments.seed.map_or_else(Uuid::new_v4, |number| Uuid::from_u128(number.into()));
    let options = Options { agents: vec![Agent::launched(arguments.agent)], seed, ..Options::default() };
    let emulator = Emulator::start(listener, options).await.map_err(anyhow::Error::from)?;
    if let Some((url, token)) = arguments.webhook.as_ref().zip(client_token) {
        emulator.register_webhook(url.as_str(), token).await.map_err(|problem| unregistered(url, problem))?;
    }
    let ready = Ready { emulator: emulator.origin(), agent: &ready_as, webhook: arguments.webhook.as_ref() };
    // Before anybody is told that it is ready, so that none of them is missed.
    let mut ends = Ends::listen()?;
    output::line(if arguments.json { ready.json() } else { ready.text() })?;
    ends.next().await;
    emulator.shutdown().await;
    Ok(())
}

/// Without repeating it, which the argument's own error does.
fn agent(text: &str) -> Result<AgentId, String> {
    AgentId::parse(text).map_err(|problem: NameProblem| format!("it must have {}", problem.rule()))
}

fn web_address(text: &str) -> Result<Url, String> {
    let example = "it must be like http://127.0.0.1:8080/rbm";
    let url = Url::parse(text).map_err(|problem| format!("{problem}; {example}"))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(example.to_owned()) }
}

fn client_token(file: &Path) -> Result<SecretString, Failure> {
    let token = input::secret(file).map_err(Failure::Usage)?;
    if token.expose_secret().is_empty() {
        return Err(Failure::usage(format!("{} holds no client token", excerpt::path(file))));
    }
    Ok(token)
}

/// By what somebody could do about it.
fn unregistered(url: &Url, problem: WebhookProblem) -> Failure {
    let url = excerpt::excerpt(url.as_str());
    let refused = |said: String| {
        let hint = "answer the handshake with 200 and the bare secret";
        Failure::Failed(anyhow!("--webhook {url} is not registered: it {said}\nhint: {hint}"))
    };
    match problem {
        WebhookProblem::Address { reason, .. } => Failure::usage(format!("--webhook {url} is no address: {reason}")),
        WebhookProblem::Call { complaint, .. } if complaint.is_without_answer() => Failure::Later(anyhow!(
            "--webhook {url} did not answer: it {complaint}\nhint: start it first, so that it can answer the handshake"
        )),
        WebhookProblem::Call { complaint, .. } => refused(complaint.to_string()),
        WebhookProblem::WrongAnswer { answer, .. } => refused(answer.to_string()),
    }
}

/// Where everything is, once it takes requests.
struct Ready<'a> {
    emulator: &'a str,
    agent: &'a str,
    webhook: Option<&'a Url>,
}

impl Ready<'_> {
    fn service_account(&self) -> String {
        format!("{}/emulator/service-account.json", self.emulator)
    }

    fn json(&self) -> String {
        let Self { emulator, agent, webhook } = self;
        let mut ready = json!({ "emulator": emulator, "service_account": self.service_account(), "agent": agent });
        if let Some(webhook) = webhook {
            ready["webhook"] = webhook.as_str().into();
        }
        ready.to_string()
    }

    fn text(&self) -> String {
        let Self { emulator, agent, webhook } = self;
        let service_account = self.service_account();
        let webhook = webhook.map_or("none, so nobody is told of events", Url::as_str);
        format!(
            "A stand-in for Google's platform, on this machine. It forgets everything when it ends; Ctrl-C ends it.

  emulator         {emulator}
  service account  {service_account}
  agent            {agent}
  webhook          {webhook}
  phones           {PHONES}

Give a client this key file, and the emulator's address in the place of Google's:

  curl {service_account} --output service-account.json

What a phone shows, and a word from the person who owns it:

  curl {emulator}/emulator/phones/+15550100001
  curl {emulator}/emulator/phones/+15550100001 -d '{{\"text\":\"Hello\"}}'"
        )
    }
}

/// Those that are listed by default.
pub(crate) const PHONES: &str =
    "+15550100001 reads and answers, …2 hides what it has read, …3 is offline, …4 has no RCS, any other reads";

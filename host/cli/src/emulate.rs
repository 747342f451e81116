//! `rbm emulate`: the stand-in for Google's platform by itself, for a client that somebody else wrote. Any program that speaks
//! Google's API can be pointed at it; it needs no gateway and no plugin.

use crate::exit::Failure;
use crate::signals::Ends;
use crate::{config, excerpt, input, loopback, output};
use anyhow::anyhow;
use clap::ValueEnum;
use rbm_emulator::{
    Emulator, JsonSyntax, Options, RepeatedId, StartProblem, Upstream, UpstreamAddress,
    WebhookProblem, fidelity, scenario,
};
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
    /// What there is at the start, and what happens by itself: TOML, as --scenario-example shows it; `-` for stdin.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// An agent, with or without @rbm.goog; may be repeated, and adds to those of the scenario. `demo` if there is no other.
    #[arg(long, value_name = "ID", value_parser = agent)]
    agent: Vec<AgentId>,
    /// The agent's webhook, or where there are several the one that they share. It must answer the handshake before anything
    /// else happens.
    #[arg(long, value_name = "URL", requires = "client_token_file", value_parser = web_address)]
    webhook: Option<Url>,
    /// A file that holds the client token that the webhook's events are signed with; `-` for stdin.
    #[arg(long, value_name = "FILE", requires = "webhook")]
    client_token_file: Option<PathBuf>,
    /// What the ids of events follow from: runs in which the same happens have the same ids. At random if left out.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Which JSON clients may write: strict unless the scenario says otherwise. Some of Google's own samples need lenient.
    #[arg(long, value_name = "SYNTAX")]
    json_syntax: Option<Syntax>,
    /// What a message id that was used before is answered: the first answer again unless the scenario says otherwise.
    #[arg(long, value_name = "ANSWER")]
    repeated_id: Option<Repeated>,
    /// A real endpoint, such as <https://rcsbusinessmessaging.googleapis.com>: it answers every request of Google's methods, with the
    /// client's own credentials, and /emulator/differences tells where the stand-in would have answered otherwise.
    #[arg(long, value_name = "URL")]
    upstream: Option<UpstreamAddress>,
    /// Prints one line of JSON when ready, and nothing else; with --upstream another at the end.
    #[arg(long)]
    json: bool,
    /// Prints, as a page of Markdown, everything that the stand-in does, who says so, and what makes it otherwise.
    #[arg(long, exclusive = true)]
    fidelity: bool,
    /// Prints a scenario with every key and what it means.
    #[arg(long, exclusive = true)]
    scenario_example: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Syntax {
    /// RFC 8259.
    Strict,
    /// Also single quotes, names without quotes and a comma after the last element.
    Lenient,
}

#[derive(Clone, Copy, ValueEnum)]
enum Repeated {
    /// 200 and the first answer.
    Ok,
    /// 409.
    Conflict,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if arguments.fidelity {
        return Ok(output::bytes(fidelity::markdown().as_bytes())?);
    }
    if arguments.scenario_example {
        return Ok(output::bytes(scenario::EXAMPLE.as_bytes())?);
    }
    loopback::check("--listen", arguments.listen)?;
    let of_stdin = |file: &Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
    if of_stdin(&arguments.scenario) && of_stdin(&arguments.client_token_file) {
        return Err(Failure::usage(
            "--scenario and --client-token-file cannot both be stdin",
        ));
    }
    let client_token = arguments
        .client_token_file
        .as_deref()
        .map(client_token)
        .transpose()?;
    let options = options(&arguments)?;
    let listener = loopback::listen("--listen", arguments.listen).await?;
    let agents: Vec<String> = options.agents.iter().map(|agent| agent.id.full()).collect();
    let emulator = Emulator::start(listener, options)
        .await
        .map_err(|problem| match problem {
            StartProblem::Upstream(problem) => Failure::usage(format!("--upstream {problem}")),
            problem => anyhow::Error::from(problem).into(),
        })?;
    if let Some((url, token)) = arguments.webhook.as_ref().zip(client_token) {
        emulator
            .register_webhook(url.as_str(), token)
            .await
            .map_err(|problem| unregistered(url, problem))?;
    }
    let phones = if arguments.scenario.is_some() {
        SCENARIOS_PHONES
    } else {
        PHONES
    };
    let ready = Ready {
        emulator: emulator.origin(),
        agents: &agents,
        webhook: arguments.webhook.as_ref(),
        phones,
    };
    // Before anybody is told that it is ready, so that none of them is missed.
    let mut ends = Ends::listen()?;
    output::line(if arguments.json {
        ready.json()
    } else {
        ready.text()
    })?;
    ends.next().await;
    let comparison = emulator.comparison();
    emulator.shutdown().await;
    if let Some(comparison) = comparison {
        output::line(if arguments.json {
            json!(comparison).to_string()
        } else {
            comparison.to_string()
        })?;
    }
    Ok(())
}

/// What the scenario says, and what the flags say besides or instead.
fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let mut options = config::scenario::options(arguments.scenario.as_deref(), &arguments.agent)?;
    options.upstream = arguments.upstream.clone().map(Upstream::at);
    if let Some(number) = arguments.seed {
        options.seed = Uuid::from_u128(number.into());
    }
    match arguments.json_syntax {
        Some(Syntax::Strict) => options.json = JsonSyntax::Strict,
        Some(Syntax::Lenient) => options.json = JsonSyntax::Lenient,
        None => {}
    }
    match arguments.repeated_id {
        Some(Repeated::Ok) => options.repeated_id = RepeatedId::Ok,
        Some(Repeated::Conflict) => options.repeated_id = RepeatedId::Conflict,
        None => {}
    }
    Ok(options)
}

/// Without repeating it, which the argument's own error does.
fn agent(text: &str) -> Result<AgentId, String> {
    AgentId::parse(text).map_err(|problem: NameProblem| format!("it must have {}", problem.rule()))
}

fn web_address(text: &str) -> Result<Url, String> {
    let example = "it must be like http://127.0.0.1:8080/rbm";
    let url = Url::parse(text).map_err(|problem| format!("{problem}; {example}"))?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(example.to_owned())
    }
}

fn client_token(file: &Path) -> Result<SecretString, Failure> {
    let token = input::secret(file).map_err(Failure::Usage)?;
    if token.expose_secret().is_empty() {
        return Err(Failure::usage(format!(
            "{} holds no client token",
            excerpt::path(file)
        )));
    }
    Ok(token)
}

/// By what somebody could do about it.
fn unregistered(url: &Url, problem: WebhookProblem) -> Failure {
    let url = excerpt::excerpt(url.as_str());
    let refused = |said: String| {
        let hint = "answer the handshake with 200 and the bare secret";
        Failure::Failed(anyhow!(
            "--webhook {url} is not registered: it {said}\nhelp: {hint}"
        ))
    };
    match problem {
        WebhookProblem::Address { reason, .. } => {
            Failure::usage(format!("--webhook {url} is no address: {reason}"))
        }
        WebhookProblem::Call { complaint, .. } if complaint.is_without_answer() => {
            Failure::Later(anyhow!(
                "--webhook {url} did not answer: it {complaint}\nhelp: start it first, so that it can answer the handshake"
            ))
        }
        WebhookProblem::Call { complaint, .. } => refused(complaint.to_string()),
        WebhookProblem::WrongAnswer { answer, .. } => refused(answer.to_string()),
    }
}

/// Where everything is, once it takes requests.
struct Ready<'a> {
    emulator: &'a str,
    /// At least one.
    agents: &'a [String],
    webhook: Option<&'a Url>,
    phones: &'a str,
}

impl Ready<'_> {
    fn service_account(&self) -> String {
        format!("{}/emulator/service-account.json", self.emulator)
    }

    fn json(&self) -> String {
        let Self {
            emulator,
            agents,
            webhook,
            ..
        } = self;
        let mut ready = json!({ "emulator": emulator, "service_account": self.service_account(), "agent": agents[0] });
        if agents.len() > 1 {
            ready["agents"] = json!(agents);
        }
        if let Some(webhook) = webhook {
            ready["webhook"] = webhook.as_str().into();
        }
        ready.to_string()
    }

    fn text(&self) -> String {
        let Self {
            emulator,
            agents,
            webhook,
            phones,
        } = self;
        let (name, agents) = (
            if agents.len() == 1 {
                "agent "
            } else {
                "agents"
            },
            agents.join(", "),
        );
        let service_account = self.service_account();
        let webhook = webhook.map_or("none, so nobody is told of events", Url::as_str);
        format!(
            "A stand-in for Google's platform, on this machine. It forgets everything when it ends; Ctrl-C ends it.

  emulator         {emulator}
  service account  {service_account}
  {name}           {agents}
  webhook          {webhook}
  phones           {phones}

Give a client this key file, and the emulator's address in the place of Google's:

  curl {service_account} --output service-account.json

What a phone shows, and a word from the person who owns it:

  curl {emulator}/emulator/phones/+15550100001
  curl {emulator}/emulator/phones/+15550100001 -d '{{\"text\":\"Hello\"}}'"
        )
    }
}

/// Those that are listed by default.
pub(crate) const PHONES: &str = "+15550100001 reads and answers, …2 hides what it has read, …3 is offline, …4 has no RCS, any other reads";
/// Those of a scenario, which may list none.
pub(crate) const SCENARIOS_PHONES: &str =
    "as the scenario has them; GET /emulator/phones lists them";

//! `rbm messages retry`: one message, or all that a filter finds, page by page. What was interrupted can be asked for again.

use crate::ask::{name, path};
use crate::exit::Failure;
use crate::gateway::Gateway;
use crate::listing::Form;
use reqwest::Method;
use serde_json::{Map, Value, json};

#[derive(clap::Args)]
// Others have the same name.
#[group(skip)]
pub(crate) struct Arguments {
    /// Message ID, as returned by `rbm send`.
    #[arg(value_parser = name, conflicts_with_all = FILTERS, required_unless_present = "state")]
    id: Option<String>,
    /// Retry all messages in this state. Only `failed` can be retried.
    #[arg(long)]
    state: Option<String>,
    /// Only those that failed for this reason, such as misconfigured.
    #[arg(long, requires = "state")]
    reason: Option<String>,
    /// Only this agent's.
    #[arg(long, requires = "state")]
    agent: Option<String>,
    /// Only those that failed at this time or later, such as 2026-12-01T08:00:00Z.
    #[arg(long, value_name = "TIME", requires = "state")]
    since: Option<String>,
    /// Only those that failed before this time.
    #[arg(long, value_name = "TIME", requires = "state")]
    until: Option<String>,
    /// Count, and change nothing.
    #[arg(long, requires = "state")]
    dry_run: bool,
    #[command(flatten)]
    form: Form,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let gateway = Gateway::at(&arguments.form.gateway)?;
    let answer = match &arguments.id {
        Some(id) => {
            let request = gateway.request(Method::POST, &path(["messages", id, "retry"]));
            gateway.ask(request).await?
        }
        None => retry_all(&gateway, &arguments).await?,
    };
    Ok(arguments.form.print(&answer)?)
}

/// Adds up what each page brought, and tells of it as it goes.
async fn retry_all(gateway: &Gateway, arguments: &Arguments) -> Result<Value, Failure> {
    let mut body = arguments.filter();
    let mut totals = [0; COUNTS.len()];
    loop {
        let page = gateway
            .post("/v1/messages/retry", &body.clone().into())
            .await?;
        for (total, name) in totals.iter_mut().zip(COUNTS) {
            *total += page[name].as_u64().unwrap_or_default();
        }
        let counts = COUNTS.iter().zip(totals);
        let Some(next) = page["next"].as_str() else {
            return Ok(counts
                .map(|(name, total)| ((*name).to_owned(), json!(total)))
                .collect::<Map<_, _>>()
                .into());
        };
        let counts: Vec<String> = counts
            .map(|(name, total)| format!("{name} {total}"))
            .collect();
        eprintln!("so far: {}", counts.join(", "));
        body.insert("after".to_owned(), next.into());
    }
}

impl Arguments {
    fn filter(&self) -> Map<String, Value> {
        let texts = [
            ("state", &self.state),
            ("reason", &self.reason),
            ("agent", &self.agent),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?))));
        texts
            .chain([("dry_run".to_owned(), json!(self.dry_run))])
            .collect()
    }
}

const FILTERS: [&str; 6] = ["state", "reason", "agent", "since", "until", "dry_run"];
const COUNTS: [&str; 3] = ["matched", "retried", "too_late"];

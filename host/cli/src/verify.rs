//! `rbm verify`: asks the plugin itself, in its sandbox, whether a webhook body is signed by one of the tokens.

use crate::exit::Failure;
use crate::{output, plugin};
use anyhow::{Context as _, anyhow};
use clap::builder::NonEmptyStringValueParser;
use gateway_channel::{Header, Setting, Verdict, VerdictOutcome, WebhookRequest};
use jiff::Timestamp;
use rbm_component::COMPONENT;
use rbm_host::NoHttp;
use std::io::Read as _;
use std::sync::Arc;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A client token; may be given twice, as during rotation. Other users of this machine can see it meanwhile.
    #[arg(long, required = true, value_parser = NonEmptyStringValueParser::new())]
    token: Vec<String>,
    /// The value of the X-Goog-Signature header.
    #[arg(long)]
    signature: String,
}

/// The body of the webhook request, as it came, is on stdin.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut body = Vec::new();
    std::io::stdin()
        .read_to_end(&mut body)
        .context("stdin could not be read")?;
    let verdict = verdict(arguments, body).await?;
    match (verdict.outcome, verdict.token) {
        (VerdictOutcome::Authentic, Some(token)) => Ok(output::line(format_args!(
            "authentic: signed by token {token}"
        ))?),
        (VerdictOutcome::Handshake, Some(token)) => Ok(output::line(format_args!(
            "handshake: not signed, and knows token {token}"
        ))?),
        _ => {
            let rule = verdict.rule.unwrap_or_default();
            let reason = verdict.reason.unwrap_or_default();
            Err(Failure::Failed(anyhow!(
                "{}: {reason} ({rule})",
                name(verdict.outcome)
            )))
        }
    }
}

async fn verdict(arguments: Arguments, body: Vec<u8>) -> anyhow::Result<Verdict> {
    let setting = |value: String| Setting {
        name: "client-token".to_owned(),
        value,
    };
    let settings = arguments.token.into_iter().map(setting).collect();
    let header = Header {
        name: "X-Goog-Signature".to_owned(),
        value: arguments.signature,
    };
    let request = WebhookRequest {
        method: "POST".to_owned(),
        url: "/".to_owned(),
        headers: vec![header],
        body,
    };
    let channel = plugin::engine()?
        .load(COMPONENT)?
        .channel(settings, Arc::new(NoHttp));
    Ok(channel.verify_signature(Timestamp::now(), &request).await?)
}

fn name(outcome: VerdictOutcome) -> &'static str {
    match outcome {
        VerdictOutcome::Authentic => "authentic",
        VerdictOutcome::Forged => "forged",
        VerdictOutcome::Unsigned => "unsigned",
        VerdictOutcome::Malformed => "malformed",
        VerdictOutcome::Handshake => "handshake",
    }
}

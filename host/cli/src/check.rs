//! `rbm check`: what is wrong with messages, found by the plugin itself and shown in the files as they were written.

use crate::excerpt::{excerpt, remark};
use crate::exit::Failure;
use crate::finding::{Written, counted, drawn, is_error, renderer};
use crate::{input, output, plugin};
use anyhow::{Context as _, anyhow};
use gateway_channel::{Finding, Setting, Severity};
use jiff::Timestamp;
use rbm_component::COMPONENT;
use rbm_host::{Channel, NoHttp};
use rbm_json::check::CheckView;
use rbm_json::finding;
use rbm_json::message::{self, Draft, Reading};
use rbm_json::{schedule, strict};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Messages as `POST /v1/messages` takes them, one a file; `-` is stdin.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Prints a line of JSON for each file.
    #[arg(long)]
    json: bool,
    /// A setting of the agent that decides what it may send, such as use-case=multi-use. May be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    setting: Vec<Setting>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let plugin = plugin::engine()?.load(COMPONENT).context("no plugin")?;
    let channel = plugin.channel(arguments.setting.clone(), Arc::new(NoHttp));
    check_settings(&channel, &arguments.setting).await?;
    let (mut refused, mut unread) = (0, 0);
    for file in &arguments.files {
        let text = match input::text(file) {
            Ok(text) => text,
            Err(problem) => {
                eprintln!("error: {problem:#}");
                unread += 1;
                continue;
            }
        };
        let checked = check(&channel, &text).await?;
        refused += usize::from(checked.findings.iter().any(is_error));
        if arguments.json {
            let mut line = serde_json::to_value(&checked).context("no JSON")?;
            line["file"] = file.display().to_string().into();
            output::line(line)?;
        } else {
            output::bytes(shown(file, &text, &checked).as_bytes())?;
        }
    }
    outcome(arguments.files.len(), unread, refused)
}

fn outcome(count: usize, unread: usize, refused: usize) -> Result<(), Failure> {
    match (unread, refused) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::Failed(anyhow!(
            "{refused} of {count} cannot be sent"
        ))),
        (_, 0) => Err(Failure::usage(format!(
            "{unread} of {count} could not be read"
        ))),
        _ => Err(Failure::usage(format!(
            "{unread} of {count} could not be read, {refused} cannot be sent"
        ))),
    }
}

/// What is wrong with the settings that were given. What is missing for sending is not missing here.
async fn check_settings(channel: &Channel, given: &[Setting]) -> Result<(), Failure> {
    let findings = channel
        .check_settings(Timestamp::now())
        .await
        .context("the settings were not checked")?;
    let errors = findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error);
    let about = |finding: &Finding| given.iter().find(|setting| setting.name == finding.path);
    let wrong: Vec<String> = errors
        .filter_map(|finding| about(&finding).map(|setting| shortened(finding.message, setting)))
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::usage(format!("--setting: {}", wrong.join("; "))))
    }
}

/// The plugin repeats a setting whole.
fn shortened(message: String, setting: &Setting) -> String {
    [&setting.name, &setting.value]
        .into_iter()
        .fold(message, |message, text| {
            message.replace(&format!("{text:?}"), &format!("{:?}", excerpt(text)))
        })
}

async fn check(channel: &Channel, text: &str) -> anyhow::Result<CheckView> {
    let body = match strict::parse(text.as_bytes()) {
        Ok(body) => body,
        Err(problem) => {
            return Ok(CheckView::of_no_message(vec![not_json(text, &problem)]));
        }
    };
    let Reading {
        draft,
        mut findings,
    } = message::read_all(&Uuid::new_v4().to_string(), &body);
    let now = Timestamp::now();
    findings.extend(draft.as_ref().and_then(|draft| schedule::check(draft, now)));
    let Some(Draft {
        message, send_at, ..
    }) = draft
    else {
        return Ok(CheckView::of_no_message(findings));
    };
    // As it will be when it is sent.
    let now = send_at.map_or(now, |send_at| send_at.max(now));
    let (report, plain) = (
        channel.check(now, &message).await?,
        channel.plain_text(now, &message).await?,
    );
    Ok(CheckView::of_message(findings, report, plain, &message))
}

/// Nobody sees a byte order mark, so that "expected value at line 1 column 1" would help nobody.
fn not_json(text: &str, problem: &serde_json::Error) -> Finding {
    if text.starts_with(input::BYTE_ORDER_MARK) {
        let finding = finding::error(
            "",
            "not-json",
            "this is not JSON: it begins with a byte order mark".to_owned(),
        );
        return Finding {
            hint: Some("save it as UTF-8 without one".to_owned()),
            ..finding
        };
    }
    finding::error(
        "",
        "not-json",
        format!("this is not JSON: {}", remark(problem)),
    )
}

/// Each finding with its place in the file, then what the message would count as.
fn shown(file: &Path, text: &str, checked: &CheckView) -> String {
    let name = file.display().to_string();
    let findings = drawn(
        &renderer(&std::io::stdout()),
        Some(&Written::new(name.clone(), text)),
        &checked.findings,
    );
    let errors = checked
        .findings
        .iter()
        .filter(|finding| is_error(finding))
        .count();
    let warnings = checked.findings.len() - errors;
    let class = checked.message_class.as_deref();
    let class = class.map(|class| format!(", {class}")).unwrap_or_default();
    format!(
        "{findings}{name}: {}, {}{class}\n",
        counted(errors, "error"),
        counted(warnings, "warning")
    )
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{:?} is not NAME=VALUE", excerpt(text)))?;
    Ok(Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

//! `rbm check`: what is wrong with messages, found by the plugin itself and shown in the files as they were written.

mod place;

use crate::exit::Failure;
use crate::{input, output};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::{Context as _, anyhow};
use gateway_channel::Setting;
use jiff::Timestamp;
use place::Document;
use rbm_component::COMPONENT;
use rbm_host::{Channel, Engine, Limits, NoHttp};
use rbm_json::check::CheckView;
use rbm_json::finding::{self, FindingView};
use rbm_json::message::{self, Draft, Reading};
use rbm_json::strict;
use std::io::IsTerminal as _;
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
    let plugin = Engine::new(Limits::default()).context("no engine")?.load(COMPONENT).context("no plugin")?;
    let channel = plugin.channel(arguments.setting, Arc::new(NoHttp));
    let mut refused = 0;
    for file in &arguments.files {
        let text = input::text(file).map_err(Failure::Usage)?;
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
    match refused {
        0 => Ok(()),
        _ => Err(Failure::Failed(anyhow!("{refused} of {} cannot be sent", arguments.files.len()))),
    }
}

async fn check(channel: &Channel, text: &str) -> anyhow::Result<CheckView> {
    let body = match strict::parse(text.as_bytes()) {
        Ok(body) => body,
        Err(problem) => {
            let finding = finding::error("", "not-json", format!("this is not JSON: {problem}"));
            return Ok(CheckView::of_no_message(vec![finding]));
        }
    };
    let Reading { draft, findings } = message::read_all(&Uuid::new_v4().to_string(), &body);
    let Some(Draft { message, .. }) = draft else { return Ok(CheckView::of_no_message(findings)) };
    let now = Timestamp::now();
    let (report, plain) = (channel.check(now, &message).await?, channel.plain_text(now, &message).await?);
    Ok(CheckView::of_message(findings, report, plain, &message))
}

/// Each finding with its place in the file, then what the message would count as.
fn shown(file: &Path, text: &str, checked: &CheckView) -> String {
    let renderer = if std::io::stdout().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    let name = file.display().to_string();
    let document = Document::parse(text);
    let snippet = |finding| format!("{}\n\n", rendered(&renderer, &name, &document, finding));
    let findings: String = checked.findings.iter().map(snippet).collect();
    let errors = checked.findings.iter().filter(|finding| is_error(finding)).count();
    let warnings = checked.findings.len() - errors;
    let class = checked.message_class.as_deref();
    let class = class.map(|class| format!(", {class}")).unwrap_or_default();
    format!("{findings}{name}: {}, {}{class}\n", counted(errors, "error"), counted(warnings, "warning"))
}

fn rendered(renderer: &Renderer, name: &str, document: &Document<'_>, finding: &FindingView) -> String {
    let level = if is_error(finding) { Level::ERROR } else { Level::WARNING };
    let mut group = Group::with_title(level.primary_title(&*finding.message).id(&*finding.rule));
    let place = match finding.rule.as_str() {
        "unknown-field" => document.name(&finding.path),
        _ => document.find(&finding.path),
    };
    if let Some(place) = place {
        let label = finding.limit.as_deref().map(|limit| format!("allowed: {limit}"));
        let annotation = AnnotationKind::Primary.span(place).label(label);
        group = group.element(Snippet::source(document.text).path(name).annotation(annotation));
    }
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.message(hint));
    }
    if let Some(source) = &finding.source {
        group = group.element(Level::NOTE.message(source));
    }
    renderer.render(&[group])
}

fn is_error(finding: &FindingView) -> bool {
    finding.severity == "error"
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    Ok(Setting { name: name.to_owned(), value: value.to_owned() })
}

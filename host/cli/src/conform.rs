//! `rbm conform`: holds any plugin to the contract.

use crate::exit::Failure;
use crate::{excerpt, output, plugin};
use anyhow::{Context as _, anyhow};
use gateway_channel::Setting;
use rbm_conform::{Judged, conform};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The plugin: a WebAssembly component of the world gateway:channel/plugin.
    #[arg(value_name = "PLUGIN.wasm")]
    plugin: PathBuf,
    /// A setting that the plugin is to be given, made up but good: `agent-id=demo`. As many as it requires.
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    setting: Vec<Setting>,
    /// Prints a line of JSON for each promise.
    #[arg(long)]
    json: bool,
}

/// It fails if a promise is broken. The plugin's requests are answered here: nothing leaves this machine.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let name = excerpt::path(&arguments.plugin);
    let bytes = fs::read(&arguments.plugin).with_context(|| format!("{name} could not be read"));
    let bytes = bytes.map_err(Failure::Usage)?;
    let loaded = plugin::engine()?.load(&bytes);
    let plugin =
        loaded.map_err(|problem| Failure::Failed(anyhow!("{name} is no plugin: {problem}")))?;
    let judged = conform(&plugin, arguments.setting).await;
    for judged in &judged {
        output::line(if arguments.json {
            as_json(judged)
        } else {
            as_text(judged)
        })?;
    }
    match judged
        .iter()
        .filter(|judged| !judged.broken.is_empty())
        .count()
    {
        0 => Ok(()),
        broken => Err(Failure::Failed(anyhow!(
            "{name} breaks {broken} of {} promises",
            judged.len()
        ))),
    }
}

fn as_json(Judged { promise, broken }: &Judged) -> String {
    json!({ "promise": promise.name, "what": promise.what, "kept": broken.is_empty(), "seen": broken }).to_string()
}

fn as_text(Judged { promise, broken }: &Judged) -> String {
    let word = if broken.is_empty() {
        "kept  "
    } else {
        "broken"
    };
    let seen = broken
        .iter()
        .take(SHOWN_MAX)
        .map(|seen| format!("\n          {}", excerpt::remark(seen)));
    let more = broken.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 {
        format!("\n          and {more} more")
    } else {
        String::new()
    };
    format!(
        "{word}    {}: {}{}{more}",
        promise.name,
        promise.what,
        seen.collect::<String>()
    )
}

fn setting(text: &str) -> Result<Setting, &'static str> {
    let (name, value) = text
        .split_once('=')
        .ok_or("it must be like agent-id=demo")?;
    Ok(Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

/// Further ones say nothing new to a person; `--json` has them all.
const SHOWN_MAX: usize = 5;

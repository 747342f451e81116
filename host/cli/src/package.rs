//! `rbm package`: writes what other hosts load: the plugin by itself, joined with an adapter for hosts that have `wasi:http`, and as
//! a whole application; and the contract. All of it is in this binary already, so it takes a moment and no compiler.

use crate::exit::Failure;
use crate::{excerpt, output};
use anyhow::{Context as _, Result};
use rbm_adapters::{CONTRACT, CONTRACT_TEXTS, FRONT, SHIM, application, with_wasi_http};
use rbm_component::COMPONENT;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The directory that the files are written to, made if there is none. Files of these names are replaced.
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    output: PathBuf,
    /// Prints a line of JSON for each file.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    for (name, what, bytes) in files()? {
        let file = arguments.output.join(&name);
        write(&file, &bytes)?;
        output::line(if arguments.json {
            json!({ "file": file.to_string_lossy(), "bytes": bytes.len(), "what": what })
                .to_string()
        } else {
            format!("{:>9} bytes  {name:<34} {what}", bytes.len())
        })?;
    }
    Ok(())
}

/// Names, a few words for people, and contents.
fn files() -> Result<Vec<(String, &'static str, Vec<u8>)>> {
    let component = |name: &str, what, bytes: Vec<u8>| (name.to_owned(), what, bytes);
    let components = [
        component("rbm.wasm", "the plugin", COMPONENT.to_vec()),
        component(
            "rbm-wasi-http.wasm",
            "the plugin with its HTTP over wasi:http",
            with_wasi_http(COMPONENT)?,
        ),
        component(
            "rbm-app.wasm",
            "a whole application over wasi:http",
            application(COMPONENT)?,
        ),
        component(
            "rbm-shim.wasm",
            "the adapter below the plugin",
            SHIM.to_vec(),
        ),
        component(
            "rbm-front.wasm",
            "the adapter above the plugin",
            FRONT.to_vec(),
        ),
        component(
            "gateway-channel.wasm",
            "the contract, as registries take it",
            CONTRACT.to_vec(),
        ),
    ];
    let texts = CONTRACT_TEXTS.map(|(name, text)| {
        (
            format!("wit/{name}"),
            "the contract",
            text.as_bytes().to_vec(),
        )
    });
    Ok(components.into_iter().chain(texts).collect())
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    let problem = || format!("{} could not be written", excerpt::path(file));
    fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).with_context(problem)?;
    fs::write(file, bytes).with_context(problem)
}

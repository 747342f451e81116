//! `rbm component`: writes the component that the binary carries, so that other hosts can load the very same bytes.

use crate::exit::Failure;
use crate::{excerpt, output};
use anyhow::Context as _;
use rbm_component::COMPONENT;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to; `-` for stdout.
    #[arg(long)]
    output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.output.as_os_str() == "-" {
        output::bytes(COMPONENT)?;
    } else {
        let written = std::fs::write(&arguments.output, COMPONENT);
        written.with_context(|| {
            format!("{} could not be written", excerpt::path(&arguments.output))
        })?;
    }
    Ok(())
}

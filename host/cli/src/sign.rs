//! `rbm sign`: what Google would write into `X-Goog-Signature`, for webhooks made by hand. Written apart from the plugin's
//! own check, so that the two can contradict each other.

use crate::exit::Failure;
use crate::output;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::builder::NonEmptyStringValueParser;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha512;
use std::io::Read as _;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The webhook's client token. Other users of this machine can see it while the command runs.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    token: String,
}

/// Signs the decoded bytes of `message.data`, as they come on stdin: not the base64 text, not JSON written anew.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut data = Vec::new();
    std::io::stdin()
        .read_to_end(&mut data)
        .context("stdin could not be read")?;
    let mut mac = Hmac::<Sha512>::new_from_slice(arguments.token.as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(&data);
    Ok(output::line(STANDARD.encode(mac.finalize().into_bytes()))?)
}

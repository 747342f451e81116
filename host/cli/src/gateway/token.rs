//! What lets a subcommand into a gateway: the bearer token, from a flag, a file or `RBM_TOKEN`. Never said again, not even where
//! it is wrong.

use crate::exit::Failure;
use crate::{excerpt, input};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use std::path::PathBuf;

/// Where the token is. Without any, `RBM_TOKEN` has it, if the gateway wants one.
#[derive(clap::Args)]
pub(super) struct Token {
    /// The gateway's bearer token. Other users of this machine can see it meanwhile: better in a file, or in `RBM_TOKEN`.
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    token: Option<SecretString>,
    /// A file that holds the gateway's bearer token; `-` for stdin.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl Token {
    /// As a header has it.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, Failure> {
        let (name, token) = match (&self.token, &self.token_file) {
            (Some(token), _) => ("--token".to_owned(), token.clone()),
            (None, Some(file)) => (
                excerpt::path(file),
                input::secret(file).map_err(Failure::Usage)?,
            ),
            (None, None) => match std::env::var(VARIABLE) {
                Ok(token) => (VARIABLE.to_owned(), token.into()),
                Err(std::env::VarError::NotPresent) => return Ok(None),
                Err(_) => return Err(Failure::usage(format!("{VARIABLE} is not UTF-8"))),
            },
        };
        bearer(&name, &token).map(Some)
    }
}

fn bearer(name: &str, token: &SecretString) -> Result<HeaderValue, Failure> {
    let text = token.expose_secret();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "{name} holds no token, which is at least one visible ASCII character"
        )));
    }
    let mut value =
        HeaderValue::from_str(&format!("Bearer {text}")).expect("visible ASCII characters");
    value.set_sensitive(true);
    Ok(value)
}

const VARIABLE: &str = "RBM_TOKEN";

//! Commands that this binary was compiled without. Their names are known, so that the error can say how to get them.

use crate::exit::Failure;
use std::ffi::OsString;

/// Whatever the command would take, so that the error is about the command itself.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _ignored: Vec<OsString>,
}

/// The cargo feature that adds a command has the command's name.
pub(crate) fn refuse(command: &str) -> Failure {
    Failure::usage(format!(
        "this rbm was built without the command `{command}`\n\
         help: cargo build --locked --features {command}"
    ))
}

#[cfg(test)]
mod tests {
    use crate::{Arguments, Command};
    use clap::Parser as _;

    #[test]
    fn a_command_that_was_left_out_is_known_whatever_its_arguments() {
        for (command, flags) in [
            ("envoy", "--json --listen 127.0.0.1:0"),
            ("package", "--help"),
        ] {
            let line = ["rbm", command].into_iter().chain(flags.split(' '));
            let parsed = Arguments::try_parse_from(line)
                .expect("a command line")
                .command;
            match parsed {
                #[cfg(not(feature = "envoy"))]
                Command::Envoy(_) => {}
                #[cfg(not(feature = "package"))]
                Command::Package(_) => {}
                _ => assert!(
                    cfg!(any(feature = "envoy", feature = "package")),
                    "{command}"
                ),
            }
            let problem = super::refuse(command).reason().to_string();
            assert!(
                problem.contains(&format!("--features {command}")),
                "{problem}"
            );
        }
    }
}

//! `rbm emulate` in another process, for whatever is to be pointed at it.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

/// One on a port of its own. Ends with the test.
pub(crate) struct Emulate {
    /// All that its line says.
    pub(crate) ready: Value,
    child: Child,
}

impl Emulate {
    pub(crate) fn start(arguments: &[&str], stdin: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rbm"));
        let command = command
            .args(["emulate", "--json", "--listen", "127.0.0.1:0"])
            .args(arguments);
        let level = std::env::var("RBM_LOG").unwrap_or_else(|_| "error".to_owned());
        let command = command
            .env("RBM_LOG", level)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("one line of JSON: {line:?}"));
        Self { ready, child }
    }

    /// `http://127.0.0.1:8788`
    pub(crate) fn origin(&self) -> &str {
        self.ready["emulator"].as_str().unwrap()
    }

    /// Sends it a signal, and tells its exit code.
    pub(crate) fn end(mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Emulate {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! A host in another process.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;

/// Ends with the test.
pub(crate) struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts one that logs to stderr, and waits for the line that says it is ready. All lines up to that are given back, and what
/// comes later is shown where a test fails.
pub(crate) fn start(
    name: &'static str,
    command: &mut Command,
    ready: &str,
) -> (Started, Vec<String>) {
    start_printing(name, command, ready, Stdio::null())
}

/// The same, where what it prints to stdout matters.
pub(crate) fn start_printing(
    name: &'static str,
    command: &mut Command,
    ready: &str,
    stdout: Stdio,
) -> (Started, Vec<String>) {
    let mut child = command
        .stderr(Stdio::piped())
        .stdout(stdout)
        .spawn()
        .unwrap();
    let mut lines = lines(child.stderr.take().unwrap());
    let mut before = Vec::new();
    while !before
        .last()
        .is_some_and(|line: &String| line.contains(ready))
    {
        before.push(
            lines
                .next()
                .unwrap_or_else(|| panic!("{name} ended before it was ready: {before:#?}")),
        );
    }
    thread::spawn(move || lines.for_each(|line| println!("{name}: {line}")));
    (Started(child), before)
}

fn lines(stream: impl Read) -> impl Iterator<Item = String> {
    BufReader::new(stream).lines().map_while(Result::ok)
}

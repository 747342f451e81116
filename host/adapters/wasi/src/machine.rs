//! What the host knows: its environment, the time, randomness. And a line for whoever reads its log.

use crate::wasi::{cli, clocks, random};

/// The variables that the host gave to this component.
pub fn environment() -> Vec<(String, String)> {
    cli::environment::get_environment()
}

/// Seconds and nanoseconds since 1970.
pub fn now() -> (u64, u32) {
    let now = clocks::wall_clock::now();
    (now.seconds, now.nanoseconds)
}

/// Bytes that nobody can guess.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    random::random::get_random_bytes(N as u64)
        .try_into()
        .expect("as many as were asked for")
}

/// One line to stderr. It is cut where it is long, and a host that takes none has no log.
pub fn log(line: &str) {
    let mut line: String = line.chars().take(LINE_CHARACTERS_MAX).collect();
    line.push('\n');
    let _ = cli::stderr::get_stderr().blocking_write_and_flush(line.as_bytes());
}

/// So many that a piece of output takes them whatever they are.
const LINE_CHARACTERS_MAX: usize = 1_000;

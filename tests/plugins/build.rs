//! Builds them for WebAssembly.

#[path = "../../host/component/nested.rs"]
mod nested;

use anyhow::Result;
use nested::Guest;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    for (variable, guest) in [("ECHO_FILE", ECHO), ("ROGUE_FILE", ROGUE)] {
        println!(
            "cargo:rustc-env={variable}={}",
            nested::build(&guest)?.display()
        );
    }
    Ok(())
}

const ECHO: Guest = Guest {
    package: "echo-plugin",
    flags: &[],
    watched: &["tests/plugins/echo/Cargo.toml", "wit/rust/Cargo.toml"],
};
const ROGUE: Guest = Guest {
    package: "rogue-plugin",
    flags: &[],
    watched: &["tests/plugins/rogue/Cargo.toml", "wit/rust/Cargo.toml"],
};

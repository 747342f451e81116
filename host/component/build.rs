//! Builds the plugin for WebAssembly, so that `cargo build` of any crate that wants the component is the only command there
//! is. `RBM_COMPONENT=FILE` takes a file instead.

mod nested;

use anyhow::{Context, Result};
use nested::Guest;
use std::env;
use std::path::{Path, PathBuf};

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RBM_COMPONENT");
    let component = match env::var_os("RBM_COMPONENT") {
        Some(file) => prebuilt(Path::new(&file))?,
        None => nested::build(&PLUGIN)?,
    };
    println!("cargo:rustc-env=RBM_COMPONENT_FILE={}", component.display());
    Ok(())
}

fn prebuilt(file: &Path) -> Result<PathBuf> {
    println!("cargo:rerun-if-changed={}", file.display());
    file.canonicalize()
        .with_context(|| format!("RBM_COMPONENT is {}, which is not there", file.display()))
}

const PLUGIN: Guest = Guest {
    package: "rbm-plugin",
    flags: &[
        // Several times as fast at base64, and every runtime of components has it.
        "-Ctarget-feature=+simd128",
        // Without its inner loops, each turn of which would look at the clock.
        "--cfg=sha2_backend=\"soft\"",
        // A small stack is quick to wipe, and a fresh instance wipes it each time.
        "-Clink-arg=-zstack-size=65536",
    ],
    watched: &[
        "guest/Cargo.toml",
        "guest/component/Cargo.toml",
        "guest/exports/Cargo.toml",
        "guest/wire/Cargo.toml",
        "wit/rust/Cargo.toml",
    ],
};

//! Builds the adapters for WebAssembly, and the contract as a package that registries of components take.

#[path = "../component/nested.rs"]
mod nested;

use anyhow::{Context, Result};
use nested::Guest;
use std::path::{Path, PathBuf};
use std::{env, fs};
use wit_parser::Resolve;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    for (variable, guest) in [("RBM_SHIM_FILE", SHIM), ("RBM_FRONT_FILE", FRONT)] {
        println!(
            "cargo:rustc-env={variable}={}",
            nested::build(&guest)?.display()
        );
    }
    println!(
        "cargo:rustc-env=RBM_CONTRACT_FILE={}",
        contract()?.display()
    );
    Ok(())
}

fn contract() -> Result<PathBuf> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))?;
    let file = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is set by cargo")?)
        .join("contract.wasm");
    fs::write(&file, wit_component::encode(&resolve, package)?)?;
    Ok(file)
}

const SHIM: Guest = Guest {
    package: "rbm-shim",
    flags: &[],
    watched: &[
        "guest/wire/Cargo.toml",
        "host/adapters/shim/Cargo.toml",
        "host/adapters/wasi",
        "wit/rust/Cargo.toml",
    ],
};
const FRONT: Guest = Guest {
    package: "rbm-front",
    flags: &[],
    watched: &[
        "guest/wire/Cargo.toml",
        "host/adapters/front/Cargo.toml",
        "host/adapters/wasi",
        "host/json/Cargo.toml",
        "wit/rust/Cargo.toml",
    ],
};

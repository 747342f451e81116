//! Builds the guest for WebAssembly with a cargo of its own, so that `cargo build` of any crate that wants the component
//! is the only command there is. `RBM_COMPONENT=FILE` takes a file instead.
//!
//! Three things here are not obvious. The nested cargo has its own target directory, because the outer one holds the lock
//! of the main one. It must not see what was meant for the host (flags, wrappers, profiles). And it runs again only for the
//! files that the guest was really made of.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use wasmparser::BinaryReader;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RBM_COMPONENT");
    let component = match env::var_os("RBM_COMPONENT") {
        Some(file) => prebuilt(Path::new(&file))?,
        None => build()?,
    };
    println!("cargo:rustc-env=RBM_COMPONENT_FILE={}", component.display());
    Ok(())
}

fn prebuilt(file: &Path) -> Result<PathBuf> {
    println!("cargo:rerun-if-changed={}", file.display());
    file.canonicalize().with_context(|| format!("RBM_COMPONENT is {}, which is not there", file.display()))
}

fn build() -> Result<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is set by cargo")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let target = out.join("guest");
    let status = guest_cargo(&workspace, &target)?.status().context("cargo could not be started")?;
    ensure!(
        status.success(),
        "the guest did not build for {TRIPLE}; is the target there?\nhint: rustup target add {TRIPLE}"
    );

    let built = target.join(TRIPLE).join("guest").join("rbm_plugin.wasm");
    watch(&workspace, &built.with_extension("d"))?;
    let component = out.join("rbm.wasm");
    let linked = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
    fs::write(&component, without_names(&linked)?)?;
    Ok(component)
}

/// Leaves out the component's custom sections, which the linker has no option for: names of what nobody looks at.
fn without_names(component: &[u8]) -> Result<Vec<u8>> {
    let mut kept = component[..PREAMBLE_BYTES].to_vec();
    let mut reader = BinaryReader::new(&component[PREAMBLE_BYTES..], PREAMBLE_BYTES);
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8()?;
        let bytes = reader.read_var_u32()?;
        reader.read_bytes(bytes as usize)?;
        if id != CUSTOM_SECTION {
            kept.extend(&component[start..reader.original_position()]);
        }
    }
    Ok(kept)
}

fn guest_cargo(workspace: &Path, target: &Path) -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").context("CARGO is set by cargo")?);
    cargo.current_dir(workspace);
    cargo.args(["build", "--package", "rbm-plugin", "--profile", "guest"]);
    cargo.args(["--locked", "--target", TRIPLE, "--target-dir"]).arg(target);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_for_the_host) {
            cargo.env_remove(name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace)?.join("\x1f"));
    Ok(cargo)
}

fn is_for_the_host(name: &str) -> bool {
    const NAMES: [&str; 6] =
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC", "RUSTDOCFLAGS"];
    const PREFIXES: [&str; 5] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_TARGET_"];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || name == "CARGO_MANIFEST_DIR"
}

fn flags(workspace: &Path) -> Result<Vec<String>> {
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    Ok(vec![
        // Ships with rustc; makes the linked module a component at once.
        "-Clinker=wasm-component-ld".to_owned(),
        // Several times as fast at base64, and every runtime of components has it.
        "-Ctarget-feature=+simd128".to_owned(),
        // Without its inner loops, each turn of which would look at the clock.
        "--cfg=sha2_backend=\"soft\"".to_owned(),
        // A small stack is quick to wipe, and a fresh instance wipes it each time.
        "-Clink-arg=-zstack-size=65536".to_owned(),
        // The profile's `strip` does not reach the linker at every opt-level.
        "-Clink-arg=--strip-all".to_owned(),
        // The same bytes on every machine.
        format!("--remap-path-prefix={}=", workspace.display()),
        format!("--remap-path-prefix={}=cargo", home.context("neither CARGO_HOME nor HOME is set")?),
    ])
}

/// Cargo's list of the files that the guest was made of, and what decides how.
fn watch(workspace: &Path, dep_info: &Path) -> Result<()> {
    let list = fs::read_to_string(dep_info).with_context(|| format!("{} was not written", dep_info.display()))?;
    let Some((_, files)) = list.split_once(':') else { bail!("{} is not dep-info", dep_info.display()) };
    for file in files.replace("\\ ", "\0").split_whitespace() {
        println!("cargo:rerun-if-changed={}", file.replace('\0', " "));
    }
    for file in WATCHED {
        println!("cargo:rerun-if-changed={}", workspace.join(file).display());
    }
    Ok(())
}

const WATCHED: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "guest/Cargo.toml",
    "guest/component/Cargo.toml",
    "guest/wire/Cargo.toml",
    "guest/wire/limits.tsv",
    "wit",
    "wit/rust/Cargo.toml",
];
const PREAMBLE_BYTES: usize = 8;
const CUSTOM_SECTION: u8 = 0;
const TRIPLE: &str = "wasm32-unknown-unknown";

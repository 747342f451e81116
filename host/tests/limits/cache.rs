//! The compilation cache: a second engine compiles nothing, and whatever is wrong with the directory, plugins are loaded.

use crate::host::{assert_well, limits};
use crate::sketch::Sketch;
use rbm_host::Engine;
use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

#[tokio::test]
async fn a_plugin_that_was_compiled_before_is_not_compiled_again() {
    let cache = Cache::new();
    assert_eq!(cache.load().await, Some(1), "the first time");
    assert_eq!(cache.load().await, Some(0), "the second time");
    assert_eq!(
        cache.directory().mode() & 0o777,
        0o700,
        "and only its owner can read it"
    );
}

#[tokio::test]
async fn another_plugin_is_compiled_and_both_are_kept() {
    let cache = Cache::new();
    let other = Sketch::new().memory_pages(3).build();
    cache.load().await;
    let engine = Engine::with_cache(limits(), &cache.path).unwrap();
    engine.load(&other).unwrap();
    assert_eq!(engine.cache_misses(), Some(1), "another plugin");
    engine.load(&other).unwrap();
    assert_eq!(engine.cache_misses(), Some(1), "by the same engine");
    assert_eq!(cache.load().await, Some(0), "the first plugin");
}

#[tokio::test]
async fn a_damaged_entry_is_compiled_again_wherever_a_byte_differs() {
    let cache = Cache::new();
    cache.load().await;
    let sound = fs::read(cache.entry()).unwrap();
    let places = (0..40).map(|step| step * (sound.len() - 1) / 39);
    for place in places {
        let mut damaged = sound.clone();
        damaged[place] ^= 0x10;
        fs::write(cache.entry(), &damaged).unwrap();
        assert_eq!(
            cache.load().await,
            Some(1),
            "byte {place} of {}",
            sound.len()
        );
        assert_eq!(
            cache.load().await,
            Some(0),
            "compiled again after byte {place}"
        );
    }
    for length in [0, 1, sound.len() / 2, sound.len() - 1] {
        fs::write(cache.entry(), &sound[..length]).unwrap();
        assert_eq!(cache.load().await, Some(1), "{length} bytes");
    }
}

#[tokio::test]
async fn an_entry_without_its_checksum_is_never_run() {
    let cache = Cache::new();
    cache.load().await;
    let sound = fs::read_to_string(cache.checksum()).unwrap();
    let other_digit = if sound.starts_with('0') { "1" } else { "0" };
    for (name, damaged) in [
        ("empty", String::new()),
        ("no checksum", "\0\0\0\0".to_owned()),
        ("half of it", sound[..sound.len() / 2].to_owned()),
        ("another digit", format!("{other_digit}{}", &sound[1..])),
    ] {
        fs::write(cache.checksum(), damaged).unwrap();
        assert_eq!(cache.load().await, Some(1), "{name}");
        assert_eq!(cache.load().await, Some(0), "after {name}");
    }
    fs::remove_file(cache.checksum()).unwrap();
    assert_eq!(cache.load().await, Some(1), "missing");
    assert_eq!(cache.load().await, Some(0), "and written again");
}

#[tokio::test]
async fn what_is_not_a_file_is_removed_and_not_read() {
    let cache = Cache::new();
    cache.load().await;
    let elsewhere = cache.parent.path().join("elsewhere");
    for file in [cache.entry(), cache.checksum()] {
        fs::rename(&file, &elsewhere).unwrap();
        symlink(&elsewhere, &file).unwrap();
        assert_eq!(cache.load().await, Some(1), "a symbolic link");
        assert_eq!(cache.load().await, Some(0), "after a symbolic link");

        fs::remove_file(&file).unwrap();
        assert!(
            Command::new("mkfifo")
                .arg(&file)
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(cache.load().await, Some(1), "a pipe");
        assert_eq!(cache.load().await, Some(0), "after a pipe");
    }
}

/// The runtime creates such a file before an entry, and writes no entry while there is one.
#[tokio::test]
async fn what_a_killed_process_left_unfinished_is_removed() {
    let cache = Cache::new();
    cache.load().await;
    let entry = cache.entry();
    let unfinished = File::create(entry.with_extension("wip-atomic-write-mod")).unwrap();
    fs::remove_file(&entry).unwrap();
    unfinished
        .set_modified(SystemTime::now() - Duration::from_hours(1))
        .unwrap();
    assert_eq!(cache.load().await, Some(1));
    assert_eq!(cache.load().await, Some(0));
}

#[tokio::test]
async fn files_of_others_do_no_harm() {
    let cache = Cache::new();
    cache.load().await;
    let modules = cache.path.join("entries/modules");
    fs::create_dir(cache.entry().with_file_name("directory")).unwrap();
    fs::write(modules.join(".DS_Store"), "").unwrap();
    fs::create_dir(cache.path.join("checksums/directory")).unwrap();
    assert_eq!(load(&cache.path).await, Some(0));
}

#[tokio::test]
async fn entries_outside_of_the_directory_are_not_used() {
    for name in ["entries", "checksums"] {
        let cache = Cache::new();
        cache.load().await;
        let elsewhere = cache.parent.path().join("elsewhere");
        fs::rename(cache.path.join(name), &elsewhere).unwrap();
        symlink(&elsewhere, cache.path.join(name)).unwrap();
        assert_eq!(cache.load().await, None, "{name}");
    }
}

#[tokio::test]
async fn a_directory_that_others_can_enter_is_not_used() {
    let cache = Cache::new();
    for mode in [0o755, 0o750, 0o701, 0o770, 0o1777] {
        let _ = fs::remove_dir_all(&cache.path);
        DirBuilder::new().create(&cache.path).unwrap();
        fs::set_permissions(&cache.path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(cache.load().await, None, "mode {mode:o}");
        assert_eq!(
            fs::read_dir(&cache.path).unwrap().count(),
            0,
            "nothing is written"
        );
    }
}

#[tokio::test]
async fn a_directory_that_others_can_replace_is_not_used() {
    let cache = Cache::new();
    for mode in [0o777, 0o775] {
        fs::set_permissions(cache.parent.path(), Permissions::from_mode(mode)).unwrap();
        assert_eq!(
            cache.load().await,
            None,
            "mode {mode:o} of the directory above"
        );
    }
    // As /tmp has it: others may add, and may not rename.
    fs::set_permissions(cache.parent.path(), Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(cache.load().await, Some(1));
}

#[tokio::test]
async fn a_directory_of_another_user_is_not_used() {
    let cache = Cache::new();
    DirBuilder::new().mode(0o700).create(&cache.path).unwrap();
    // Only root can give a directory away.
    if std::os::unix::fs::chown(&cache.path, Some(12_345), None).is_ok() {
        assert_eq!(cache.load().await, None);
    }
}

#[tokio::test]
async fn where_nothing_can_be_written_plugins_are_compiled() {
    let cache = Cache::new();
    fs::write(&cache.path, "a file, and no directory").unwrap();
    assert_eq!(cache.load().await, None, "a file");
    for directory in ["/proc/rbm", "/dev/null/rbm"] {
        assert_eq!(load(Path::new(directory)).await, None, "{directory}");
    }
}

#[tokio::test]
async fn engines_that_start_at_the_same_time_all_load_the_plugin() {
    let cache = Cache::new();
    for round in 0..8 {
        let starts = (0..4).map(|_| {
            let path = cache.path.clone();
            tokio::task::spawn_blocking(move || {
                let engine = Engine::with_cache(limits(), &path).unwrap();
                engine.load(&Sketch::new().build()).unwrap();
            })
        });
        for start in starts.collect::<Vec<_>>() {
            start.await.unwrap();
        }
        if round % 2 == 1 {
            for entry in cache.entries() {
                fs::write(entry, "damaged").unwrap();
            }
        }
    }
}

#[tokio::test]
async fn only_the_newest_entries_are_kept() {
    let cache = Cache::new();
    for pages in 1..=20 {
        let engine = Engine::with_cache(limits(), &cache.path).unwrap();
        engine
            .load(&Sketch::new().memory_pages(pages).build())
            .unwrap();
    }
    cache.load().await;
    // One more than the limit: they are counted when an engine starts, before it adds its own.
    assert!(cache.entries().len() <= 17, "{:?}", cache.entries());
}

/// A directory for the cache, which does not exist yet.
struct Cache {
    parent: TempDir,
    path: PathBuf,
}

impl Cache {
    fn new() -> Self {
        let parent = TempDir::new().unwrap();
        let path = parent.path().join("cache");
        Self { parent, path }
    }

    /// An engine that uses the cache has an entry in it afterwards.
    async fn load(&self) -> Option<usize> {
        let misses = load(&self.path).await;
        assert!(misses.is_none() || !self.entries().is_empty());
        misses
    }

    fn directory(&self) -> fs::Metadata {
        fs::metadata(&self.path).unwrap()
    }

    /// The only one.
    fn entry(&self) -> PathBuf {
        let [entry] = &self.entries()[..] else {
            panic!("{:?}", self.entries())
        };
        entry.clone()
    }

    /// Of the only entry.
    fn checksum(&self) -> PathBuf {
        let [checksum] = &files_in(&self.path.join("checksums"))[..] else {
            panic!("one checksum")
        };
        checksum.clone()
    }

    fn entries(&self) -> Vec<PathBuf> {
        let compilers = files_in(&self.path.join("entries/modules"));
        let files = compilers.iter().flat_map(|compiler| files_in(compiler));
        files.filter(|file| file.extension().is_none()).collect()
    }
}

fn files_in(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// Has an engine load the honest plugin, which works; tells how many plugins it compiled, if it uses the cache.
async fn load(directory: &Path) -> Option<usize> {
    let engine = Engine::with_cache(limits(), directory).unwrap();
    engine.load(&Sketch::new().build()).unwrap();
    let misses = engine.cache_misses();
    assert_well(&engine).await;
    misses
}

//! `rbm export`: all that a gateway keeps, as lines of JSON that know nothing of how it keeps it. For a gateway that does not
//! run: its directory is locked otherwise.

use crate::data::Data;
use crate::excerpt;
use crate::exit::Failure;
use anyhow::Context as _;
use jiff::Timestamp;
use rbm_gateway::store::dump::lines::{Counts, Encoder};
use rbm_gateway::store::dump::{Dump as _, Item};
use rbm_sqlite::SqliteStore;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tokio::sync::mpsc::{Receiver, channel};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// Where to; `-` for stdout. A file is there when it is whole, and only its owner may read it.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let directory = arguments.data.directory()?;
    let target = Target::of(&arguments.output)?;
    let store = SqliteStore::open_existing(&directory)
        .map_err(|problem| arguments.data.unusable(&problem))?;
    let counts = match target {
        Target::Stdout => write(&store, std::io::stdout().lock())
            .await
            .context("stdout could not be written")?,
        Target::File(path) => {
            let written = write_file(&store, &path).await;
            written.with_context(|| format!("{} could not be written", excerpt::path(&path)))?
        }
    };
    eprintln!("exported from {}: {counts}", excerpt::path(&directory));
    Ok(())
}

/// Where it goes.
enum Target {
    Stdout,
    File(PathBuf),
}

impl Target {
    /// What a file would replace must be one; what a link names is replaced, and not the link.
    fn of(output: &Path) -> Result<Self, Failure> {
        if output.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        let refused = || {
            let hint = "`-` is stdout";
            Failure::usage(format!(
                "{} is no file that could be replaced\nhelp: {hint}",
                excerpt::path(output)
            ))
        };
        match output.metadata() {
            Ok(metadata) if !metadata.is_file() => Err(refused()),
            Ok(_) => output.canonicalize().map(Self::File).map_err(|_| refused()),
            Err(_) => Ok(Self::File(output.to_owned())),
        }
    }
}

/// Under another name until it is whole, and on the disk.
async fn write_file(store: &SqliteStore, path: &Path) -> anyhow::Result<Counts> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::with_prefix_in(".rbm-export-", parent)?;
    let counts = write(store, file.as_file_mut()).await?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    if cfg!(unix) {
        File::open(parent)?.sync_all()?;
    }
    Ok(counts)
}

/// A few items at a time are in memory, however many there are.
async fn write(store: &SqliteStore, to: impl Write) -> anyhow::Result<Counts> {
    let (items, received) = channel(ITEMS_AT_ONCE);
    let (dumped, written) = tokio::join!(store.dump(items), write_lines(received, to));
    // Who could not write has ended the other, which then has nothing to say.
    let written = written?;
    dumped?;
    let (mut to, encoder) = written;
    let (last, counts) = encoder.end()?;
    to.write_all(&last)?;
    to.flush()?;
    Ok(counts)
}

async fn write_lines<W: Write>(
    mut items: Receiver<Item>,
    to: W,
) -> anyhow::Result<(BufWriter<W>, Encoder)> {
    let mut to = BufWriter::new(to);
    let (mut encoder, first) = Encoder::begin(PROGRAM, Timestamp::now())?;
    to.write_all(&first)?;
    while let Some(item) = items.recv().await {
        to.write_all(&encoder.item(&item)?)?;
    }
    Ok((to, encoder))
}

const PROGRAM: &str = concat!("rbm ", env!("CARGO_PKG_VERSION"));
const ITEMS_AT_ONCE: usize = 16;

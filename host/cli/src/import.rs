//! `rbm import`: a gateway's directory, made of what `rbm export` wrote. All of it or nothing.

use crate::data::Data;
use crate::excerpt;
use crate::exit::Failure;
use anyhow::{Context as _, anyhow};
use rbm_gateway::store::dump::Item;
use rbm_gateway::store::dump::lines::{Counts, Decoder, LINE_BYTES_MAX};
use rbm_sqlite::Import;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    data: Data,
    /// What `rbm export` wrote; `-` is stdin.
    #[arg(long, value_name = "FILE", default_value = "-")]
    input: PathBuf,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let directory = arguments.data.directory()?;
    let shown = excerpt::path(&arguments.input);
    let (from, name): (Box<dyn BufRead>, &str) = if arguments.input.as_os_str() == "-" {
        (Box::new(std::io::stdin().lock()), "stdin")
    } else {
        let file =
            File::open(&arguments.input).with_context(|| format!("{shown} could not be read"))?;
        (Box::new(BufReader::new(file)), &shown)
    };
    let import = Import::begin(&directory).map_err(|problem| arguments.data.unusable(&problem))?;
    let counts = read(from, &import)
        .await
        .with_context(|| format!("nothing was imported from {name}"))?;
    import
        .finish()
        .map_err(|problem| arguments.data.unusable(&problem))?;
    eprintln!("imported to {}: {counts}", excerpt::path(&directory));
    Ok(())
}

/// A few items at a time are in memory, however many there are.
async fn read(mut from: impl BufRead, import: &Import) -> anyhow::Result<Counts> {
    let mut decoder = Decoder::default();
    let mut batch = Batch::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        // A longer one is seen to have no end.
        let count = from
            .by_ref()
            .take(LINE_BYTES_MAX as u64)
            .read_until(b'\n', &mut line)?;
        if count == 0 {
            batch.restore(import).await?;
            return Ok(decoder.end()?);
        }
        batch.add(decoder.line(&line)?, count);
        if batch.is_full() {
            batch.restore(import).await?;
        }
    }
}

/// What is kept in one commit.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    bytes: usize,
    /// So far, and those before its first.
    lines: u64,
    lines_before: u64,
}

impl Batch {
    fn add(&mut self, item: Option<Item>, bytes: usize) {
        self.items.extend(item);
        self.bytes += bytes;
        self.lines += 1;
    }

    fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ITEMS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    async fn restore(&mut self, import: &Import) -> anyhow::Result<()> {
        let (first, last) = (self.lines_before + 1, self.lines);
        let restored = import.restore(std::mem::take(&mut self.items)).await;
        (self.bytes, self.lines_before) = (0, last);
        restored.map_err(|problem| anyhow!("something in lines {first} to {last}: {problem}"))
    }
}

/// So many share a flush, and wait in memory for it.
const BATCH_ITEMS_MAX: usize = 1_000;
const BATCH_BYTES_MAX: usize = 4 << 20;

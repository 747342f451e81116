//! Keeps messages and events in one directory, in `SQLite`, so that nothing that was acknowledged is lost when the process is
//! killed or the power goes.
//!
//! The flush to the disk is the only scarce thing. So one thread writes, and commits whatever has come together since its last
//! commit ([`writer`]); everybody is answered after the flush. Reads have connections of their own, and so has the checkpoint,
//! which would otherwise stop the writer for a while ([`checkpoint`]). What happens to a message is the gateway's
//! `store::record`, the same for every store.

mod agents;
mod checkpoint;
mod connection;
mod consents;
mod consumers;
mod directory;
mod dump;
mod erasure;
mod events;
mod health;
mod import;
mod ledgers;
mod messages;
mod packing;
mod pruning;
mod quarantine;
mod readers;
mod schema;
mod seen;
mod writer;

use async_trait::async_trait;
use checkpoint::Checkpointer;
pub use connection::Durability;
use directory::Directory;
use events::Packed;
pub use import::Import;
use jiff::Timestamp;
use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::event::AgentHold;
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::retention::{Erased, Pruned, Retention};
use rbm_gateway::store::tester::{Counted, NewTester, StoredTester, TesterQuota};
use rbm_gateway::store::{
    Accepted, AgentIdentity, Claims, Cursor, Entry, Filter, Health, Holds, Ingested, NewEvent,
    NewMessage, Requeued, Settlement, Store, StoreProblem, StoredEvent, StoredMessage, Upload,
    Withdrawn,
};
use readers::Readers;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use writer::Writer;

/// A directory with everything that one gateway keeps.
pub struct SqliteStore {
    // In the order in which they end: who writes, who reads, who tidies up, and last the lock.
    writer: Writer,
    readers: Readers,
    _checkpointer: Checkpointer,
    directory: Directory,
    /// An earlier version wrote what was there when it was opened.
    is_upgraded: bool,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenProblem {
    /// It is not there, and cannot be made, or cannot be written.
    #[error("{path} cannot be used: {reason}")]
    Directory {
        /// As given.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another process has it.
    #[error("{path} is in use by another process")]
    InUse {
        /// As given.
        path: String,
    },
    /// There is no store in it.
    #[error("{path} has no store")]
    Missing {
        /// As given.
        path: String,
    },
    /// There is a store in it.
    #[error("{path} has a store already")]
    Used {
        /// As given.
        path: String,
    },
    /// What is there was written by a later version.
    #[error("{path} has the schema {found}, and this version knows up to {known}: use a later one")]
    TooNew {
        /// The database.
        path: String,
        /// Its schema.
        found: u32,
        /// The latest that is known.
        known: u32,
    },
    /// The file is another program's.
    #[error("{path} is no database of this gateway")]
    Foreign {
        /// The file.
        path: String,
    },
    /// A version of `SQLite` that loses data when a checkpoint meets a commit.
    #[error("SQLite {found} is too old: 3.51.3 or later is needed")]
    OldSqlite {
        /// What is linked.
        found: &'static str,
    },
    /// Anything else that `SQLite` says.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

impl SqliteStore {
    /// Opens the directory, or makes it, and brings what is in it up to date; a copy of what was there is kept beside it.
    pub fn open(directory: &Path) -> Result<Self, OpenProblem> {
        Self::open_with(directory, Durability::Full)
    }

    /// The same, but makes nothing.
    pub fn open_existing(directory: &Path) -> Result<Self, OpenProblem> {
        if Directory::has_store(directory) {
            Self::open(directory)
        } else {
            Err(OpenProblem::Missing {
                path: directory.display().to_string(),
            })
        }
    }

    /// The same with less durability, for tests that must be able to lose something.
    pub fn open_with(directory: &Path, durability: Durability) -> Result<Self, OpenProblem> {
        connection::check_version()?;
        let directory = Directory::lock(directory)?;
        directory
            .remove_unfinished_import()
            .map_err(|problem| directory.unusable(&problem))?;
        Self::open_in(directory, durability)
    }

    fn open_in(directory: Directory, durability: Durability) -> Result<Self, OpenProblem> {
        let database = directory.database();
        let mut writing = connection::open(&database, durability)?;
        let is_upgraded = schema::bring_up_to_date(&mut writing, &database)?;
        seen::prepare(&writing)?;
        let checkpoints = connection::open(&database, durability)?;
        let writer = Writer::start(writing);
        Ok(Self {
            readers: Readers::new(&database),
            _checkpointer: Checkpointer::start(checkpoints, writer.rest_of_log()),
            writer,
            directory,
            is_upgraded,
        })
    }

    /// How often it has flushed to the disk: many writes share one.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Tells somebody how long each commit took, its flush included, on the thread that commits. Who asks first is told.
    pub fn on_commit(&self, tell: impl Fn(Duration) + Send + Sync + 'static) {
        self.writer.on_commit(Box::new(tell));
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn accept(&self, message: NewMessage) -> Result<Accepted, StoreProblem> {
        self.writer
            .write(move |database| messages::accept(database, &message))
            .await
    }

    async fn ingest(&self, events: Vec<NewEvent>) -> Result<Vec<Ingested>, StoreProblem> {
        let packed: Result<Vec<_>, _> = events.into_iter().map(Packed::of).collect();
        let packed = packed.map_err(|problem| StoreProblem(problem.to_string()))?;
        self.writer
            .write(move |database| {
                packed
                    .iter()
                    .map(|event| events::ingest(database, event))
                    .collect()
            })
            .await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        shares: &[Share],
    ) -> Result<Claims, StoreProblem> {
        let shares = shares.to_vec();
        self.writer
            .write(move |database| messages::claim(database, now, lease, &shares))
            .await
    }

    async fn recover(&self, now: Timestamp) -> Result<usize, StoreProblem> {
        self.writer
            .write(move |database| messages::recover(database, now))
            .await
    }

    async fn expire(
        &self,
        now: Timestamp,
        most: usize,
        holds: &Holds,
    ) -> Result<Vec<Fact>, StoreProblem> {
        let holds = holds.clone();
        self.writer
            .write(move |database| messages::expire(database, now, most, &holds))
            .await
    }

    async fn settle(
        &self,
        id: &str,
        attempt: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreProblem> {
        let id = id.to_owned();
        let settle = move |database: &_| {
            messages::change(database, &id, |record| {
                record.settle(attempt, settlement.clone())
            })
        };
        Ok(self.writer.write(settle).await?.unwrap_or(false))
    }

    async fn unclaim(
        &self,
        id: &str,
        attempt: u32,
        retry_at: Timestamp,
    ) -> Result<bool, StoreProblem> {
        let id = id.to_owned();
        let unclaim = move |database: &_| {
            messages::change(database, &id, |record| record.unclaim(attempt, retry_at))
        };
        Ok(self.writer.write(unclaim).await?.unwrap_or(false))
    }

    async fn withdraw(&self, id: &str, now: Timestamp) -> Result<Withdrawn, StoreProblem> {
        let id = id.to_owned();
        self.writer
            .write(move |database| messages::change(database, &id, |record| record.withdraw(now)))
            .await?
    }

    async fn requeue(&self, id: &str, now: Timestamp) -> Result<Requeued, StoreProblem> {
        let id = id.to_owned();
        self.writer
            .write(move |database| messages::change(database, &id, |record| record.requeue(now)))
            .await?
    }

    async fn note(&self, id: &str, entry: Entry) -> Result<(), StoreProblem> {
        let id = id.to_owned();
        self.writer
            .write(move |database| {
                messages::change(database, &id, |record| record.note(entry.clone()))
            })
            .await?
    }

    async fn next_due(&self, shares: &[Share]) -> Result<Option<Timestamp>, StoreProblem> {
        let shares = shares.to_vec();
        self.readers
            .read(move |database| messages::next_due(database, &shares))
            .await
    }

    async fn held_agents(&self) -> Result<BTreeMap<String, AgentHold>, StoreProblem> {
        self.readers.read(events::held).await
    }

    async fn register_agents(
        &self,
        agents: Vec<AgentIdentity>,
    ) -> Result<Vec<AgentIdentity>, StoreProblem> {
        self.writer
            .write(move |database| agents::register(database, &agents))
            .await
    }

    async fn message(&self, id: &str) -> Result<Option<StoredMessage>, StoreProblem> {
        let id = id.to_owned();
        self.readers
            .read(move |database| messages::find_one(database, &id))
            .await
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<StoredMessage>, StoreProblem> {
        let filter = filter.clone();
        self.readers
            .read(move |database| messages::find(database, &filter))
            .await
    }

    async fn read(
        &self,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreProblem> {
        self.readers
            .read(move |database| events::read(database, after, most))
            .await
    }

    async fn health(&self) -> Result<Health, StoreProblem> {
        self.writer.write(health::look).await
    }

    async fn keep_upload(&self, upload: Upload) -> Result<(), StoreProblem> {
        self.writer
            .write(move |database| ledgers::keep_upload(database, &upload))
            .await
    }

    async fn uploads(&self, agent: &str, now: Timestamp) -> Result<Vec<Upload>, StoreProblem> {
        let agent = agent.to_owned();
        self.readers
            .read(move |database| ledgers::uploads(database, &agent, now))
            .await
    }

    async fn count_tester(
        &self,
        tester: NewTester,
        quota: TesterQuota,
    ) -> Result<Counted, StoreProblem> {
        self.writer
            .write(move |database| ledgers::count_tester(database, &tester, quota))
            .await
    }

    async fn settle_tester(
        &self,
        agent: &str,
        phone: &str,
        answer: Option<String>,
    ) -> Result<(), StoreProblem> {
        let (agent, phone) = (agent.to_owned(), phone.to_owned());
        let settle =
            move |database: &_| ledgers::settle_tester(database, &agent, &phone, answer.as_deref());
        self.writer.write(settle).await
    }

    async fn testers(&self, agent: &str) -> Result<Vec<StoredTester>, StoreProblem> {
        let agent = agent.to_owned();
        self.readers
            .read(move |database| ledgers::testers(database, &agent))
            .await
    }

    async fn prune(&self, now: Timestamp, retention: &Retention) -> Result<Pruned, StoreProblem> {
        let retention = *retention;
        seen::settle_by_parts(&self.writer).await?;
        self.writer
            .write(move |database| pruning::prune(database, now, &retention))
            .await
    }

    async fn erase(&self, phone: &str) -> Result<Erased, StoreProblem> {
        erasure::erase(&self.writer, &self.readers, &self.directory, phone).await
    }
}

/// A problem of the database, as the gateway hears of it.
fn problem(failed: &rusqlite::Error) -> StoreProblem {
    // What a rule of the store says needs no column beside it.
    if let rusqlite::Error::FromSqlConversionFailure(_, _, cause) = failed
        && let Some(rule) = cause.downcast_ref::<StoreProblem>()
    {
        return rule.clone();
    }
    StoreProblem(failed.to_string())
}

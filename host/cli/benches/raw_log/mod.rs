//! The least that a durable store can be: events are appended to a file, with one flush for all that came together. It knows
//! no event again, joins nothing and can be asked for nothing; everything but events is a store's in memory.

use async_trait::async_trait;
use jiff::Timestamp;
use rbm_gateway::MemoryStore;
use rbm_gateway::lifecycle::Fact;
use rbm_gateway::store::consent::{Consent, Consents, Heard};
use rbm_gateway::store::consumer::{Consumer, Consumers, DeadLetter, Delivery, Progress};
use rbm_gateway::store::dump::{Dump, Item};
use rbm_gateway::store::event::AgentHold;
use rbm_gateway::store::lane::Share;
use rbm_gateway::store::quarantine::{Quarantine, QuarantineId, Quarantined, StoredQuarantined};
use rbm_gateway::store::retention::{Erased, Pruned, Retention};
use rbm_gateway::store::tester::{Counted, NewTester, StoredTester, TesterQuota};
use rbm_gateway::store::{
    Accepted, AgentIdentity, Claims, Cursor, Entry, Filter, Health, Holds, Ingested, NewEvent,
    NewMessage, Requeued, Settlement, Store, StoreProblem, StoredEvent, StoredMessage, Upload,
    Withdrawn,
};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Write as _;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A thread that appends and flushes, and nothing else.
pub(crate) struct RawLog {
    queue: Sender<(Vec<u8>, oneshot::Sender<()>)>,
    flushes: Arc<AtomicU64>,
    events: AtomicU64,
    rest: MemoryStore,
}

impl RawLog {
    pub(crate) fn start(file: &Path) -> Self {
        let file = File::create(file).unwrap();
        let (queue, writes) = channel();
        let flushes = Arc::<AtomicU64>::default();
        let counted = flushes.clone();
        std::thread::spawn(move || append(file, &writes, &counted));
        Self {
            queue,
            flushes,
            events: AtomicU64::new(0),
            rest: MemoryStore::new(),
        }
    }

    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }
}

fn append(mut file: File, writes: &Receiver<(Vec<u8>, oneshot::Sender<()>)>, flushes: &AtomicU64) {
    while let Ok(first) = writes.recv() {
        let batch: Vec<_> = std::iter::once(first).chain(writes.try_iter()).collect();
        let bytes: Vec<u8> = batch.iter().flat_map(|(bytes, _)| bytes).copied().collect();
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        flushes.fetch_add(1, Ordering::Relaxed);
        for (_, waiting) in batch {
            let _ = waiting.send(());
        }
    }
}

#[async_trait]
impl Store for RawLog {
    async fn ingest(&self, events: Vec<NewEvent>) -> Result<Vec<Ingested>, StoreProblem> {
        let mut ingested = Vec::new();
        for mut event in events {
            let (waiting, written) = oneshot::channel();
            let raw = mem::take(&mut event.content.inbound_mut().unwrap().raw);
            self.queue.send((raw, waiting)).unwrap();
            written.await.unwrap();
            ingested.push(Ingested::New(Cursor(
                self.events.fetch_add(1, Ordering::Relaxed) + 1,
            )));
        }
        Ok(ingested)
    }

    async fn accept(&self, message: NewMessage) -> Result<Accepted, StoreProblem> {
        self.rest.accept(message).await
    }

    async fn claim(
        &self,
        now: Timestamp,
        lease: Duration,
        shares: &[Share],
    ) -> Result<Claims, StoreProblem> {
        self.rest.claim(now, lease, shares).await
    }

    async fn recover(&self, now: Timestamp) -> Result<usize, StoreProblem> {
        self.rest.recover(now).await
    }

    async fn expire(
        &self,
        now: Timestamp,
        most: usize,
        holds: &Holds,
    ) -> Result<Vec<Fact>, StoreProblem> {
        self.rest.expire(now, most, holds).await
    }

    async fn unclaim(
        &self,
        id: &str,
        attempt: u32,
        retry_at: Timestamp,
    ) -> Result<bool, StoreProblem> {
        self.rest.unclaim(id, attempt, retry_at).await
    }

    async fn settle(
        &self,
        id: &str,
        attempt: u32,
        settlement: Settlement,
    ) -> Result<bool, StoreProblem> {
        self.rest.settle(id, attempt, settlement).await
    }

    async fn withdraw(&self, id: &str, now: Timestamp) -> Result<Withdrawn, StoreProblem> {
        self.rest.withdraw(id, now).await
    }

    async fn requeue(&self, id: &str, now: Timestamp) -> Result<Requeued, StoreProblem> {
        self.rest.requeue(id, now).await
    }

    async fn note(&self, id: &str, entry: Entry) -> Result<(), StoreProblem> {
        self.rest.note(id, entry).await
    }

    async fn next_due(&self, shares: &[Share]) -> Result<Option<Timestamp>, StoreProblem> {
        self.rest.next_due(shares).await
    }

    async fn held_agents(&self) -> Result<BTreeMap<String, AgentHold>, StoreProblem> {
        self.rest.held_agents().await
    }

    async fn register_agents(
        &self,
        agents: Vec<AgentIdentity>,
    ) -> Result<Vec<AgentIdentity>, StoreProblem> {
        self.rest.register_agents(agents).await
    }

    async fn message(&self, id: &str) -> Result<Option<StoredMessage>, StoreProblem> {
        self.rest.message(id).await
    }

    async fn find(&self, filter: &Filter) -> Result<Vec<StoredMessage>, StoreProblem> {
        self.rest.find(filter).await
    }

    async fn read(
        &self,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<StoredEvent>, StoreProblem> {
        self.rest.read(after, most).await
    }

    async fn health(&self) -> Result<Health, StoreProblem> {
        self.rest.health().await
    }

    async fn keep_upload(&self, upload: Upload) -> Result<(), StoreProblem> {
        self.rest.keep_upload(upload).await
    }

    async fn uploads(&self, agent: &str, now: Timestamp) -> Result<Vec<Upload>, StoreProblem> {
        self.rest.uploads(agent, now).await
    }

    async fn count_tester(
        &self,
        tester: NewTester,
        quota: TesterQuota,
    ) -> Result<Counted, StoreProblem> {
        self.rest.count_tester(tester, quota).await
    }

    async fn settle_tester(
        &self,
        agent: &str,
        phone: &str,
        answer: Option<String>,
    ) -> Result<(), StoreProblem> {
        self.rest.settle_tester(agent, phone, answer).await
    }

    async fn testers(&self, agent: &str) -> Result<Vec<StoredTester>, StoreProblem> {
        self.rest.testers(agent).await
    }

    async fn prune(&self, now: Timestamp, retention: &Retention) -> Result<Pruned, StoreProblem> {
        self.rest.prune(now, retention).await
    }

    async fn erase(&self, phone: &str) -> Result<Erased, StoreProblem> {
        self.rest.erase(phone).await
    }
}

#[async_trait]
impl Dump for RawLog {
    async fn dump(&self, to: mpsc::Sender<Item>) -> Result<(), StoreProblem> {
        self.rest.dump(to).await
    }

    async fn restore(&self, items: Vec<Item>) -> Result<(), StoreProblem> {
        self.rest.restore(items).await
    }
}

#[async_trait]
impl Quarantine for RawLog {
    async fn quarantine(&self, refused: Quarantined) -> Result<(), StoreProblem> {
        self.rest.quarantine(refused).await
    }

    async fn quarantined(
        &self,
        after: Option<QuarantineId>,
        most: usize,
    ) -> Result<Vec<StoredQuarantined>, StoreProblem> {
        self.rest.quarantined(after, most).await
    }

    async fn quarantined_one(
        &self,
        id: QuarantineId,
    ) -> Result<Option<StoredQuarantined>, StoreProblem> {
        self.rest.quarantined_one(id).await
    }

    async fn release(&self, id: QuarantineId) -> Result<bool, StoreProblem> {
        self.rest.release(id).await
    }
}

#[async_trait]
impl Consents for RawLog {
    async fn note_consent(
        &self,
        agent: &str,
        phone: &str,
        consent: Consent,
    ) -> Result<Consent, StoreProblem> {
        self.rest.note_consent(agent, phone, consent).await
    }

    async fn consent(&self, agent: &str, phone: &str) -> Result<Option<Consent>, StoreProblem> {
        self.rest.consent(agent, phone).await
    }

    async fn consent_history(
        &self,
        agent: &str,
        phone: &str,
        most: usize,
    ) -> Result<Vec<Heard>, StoreProblem> {
        self.rest.consent_history(agent, phone, most).await
    }

    async fn opted_out(
        &self,
        agent: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Consent)>, StoreProblem> {
        self.rest.opted_out(agent, after, most).await
    }
}

#[async_trait]
impl Consumers for RawLog {
    async fn begin(&self, name: &str, since: Timestamp) -> Result<(), StoreProblem> {
        self.rest.begin(name, since).await
    }

    async fn consumer(&self, name: &str) -> Result<Consumer, StoreProblem> {
        self.rest.consumer(name).await
    }

    async fn progress(
        &self,
        name: &str,
        now: Timestamp,
        progress: Progress,
    ) -> Result<(), StoreProblem> {
        self.rest.progress(name, now, progress).await
    }

    async fn due(
        &self,
        name: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<(Delivery, Option<StoredEvent>)>, StoreProblem> {
        self.rest.due(name, now, most).await
    }

    async fn owing(
        &self,
        name: &str,
        conversations: HashSet<String>,
    ) -> Result<HashSet<String>, StoreProblem> {
        self.rest.owing(name, conversations).await
    }

    async fn enable(&self, name: &str, now: Timestamp) -> Result<(), StoreProblem> {
        self.rest.enable(name, now).await
    }

    async fn dead_letters(
        &self,
        name: &str,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<Vec<DeadLetter>, StoreProblem> {
        self.rest.dead_letters(name, after, most).await
    }

    async fn replay(
        &self,
        name: &str,
        only: Option<Cursor>,
        now: Timestamp,
    ) -> Result<u64, StoreProblem> {
        self.rest.replay(name, only, now).await
    }

    async fn newest(&self) -> Result<Option<Cursor>, StoreProblem> {
        self.rest.newest().await
    }

    async fn pruned(&self) -> Result<Option<Cursor>, StoreProblem> {
        self.rest.pruned().await
    }
}

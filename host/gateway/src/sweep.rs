//! Removes what has been kept for long enough, a little at a time, so that nobody waits for it. No event that a callback has yet
//! to take is removed, however old.

use crate::Shared;
use crate::store::retention::{Pruned, Retention};
use crate::store::{Cursor, StoreProblem};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// Runs until told to stop.
pub(crate) async fn run(
    shared: Arc<Shared>,
    retention: Retention,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let swept = tokio::select! {
            swept = sweep(&shared, &retention) => swept,
            _ = stopped.changed() => return,
        };
        match swept {
            Ok(removed) if removed > 0 => {
                tracing::info!(removed, "what was kept for long enough is gone");
            }
            Ok(_) => {}
            Err(problem) => tracing::warn!(%problem, "nothing more was removed"),
        }
        tokio::select! {
            () = shared.clock.sleep(EVERY) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// All that is old enough now; tells how much that was.
async fn sweep(shared: &Shared, retention: &Retention) -> Result<u64, StoreProblem> {
    let retention = Retention {
        keep_events_after: untaken(shared).await?,
        ..*retention
    };
    let mut removed = 0;
    loop {
        let pruned = shared.store.prune(shared.now(), &retention).await?;
        removed += sum(&pruned);
        if !pruned.more {
            return Ok(removed);
        }
        sleep(PAUSE).await;
    }
}

/// The place up to which every callback has taken every event; none if there are no callbacks.
async fn untaken(shared: &Shared) -> Result<Option<Cursor>, StoreProblem> {
    let mut earliest: Option<Cursor> = None;
    for callback in &shared.callbacks {
        let consumer = shared.store.consumer(callback.callback.name()).await?;
        let owed = consumer
            .oldest_owed
            .map(|cursor| Cursor(cursor.0.saturating_sub(1)));
        let taken = owed
            .into_iter()
            .chain([consumer.after.unwrap_or(Cursor(0))])
            .min();
        earliest = earliest.into_iter().chain(taken).min();
    }
    Ok(earliest)
}

fn sum(pruned: &Pruned) -> u64 {
    let Pruned {
        dedupe,
        messages,
        events,
        orphans,
        quarantined,
        uploads,
        more: _,
    } = *pruned;
    dedupe + messages + events + orphans + quarantined + uploads
}

const EVERY: Duration = Duration::from_hours(1);
/// Between two pieces, for others to write.
const PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::bare::{hear, shared_by};
    use jiff::Timestamp;
    use rbm_clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_jump_removes_at_once_what_is_old_then() {
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH);
        let (shared, stop) = shared_by(clock.clone(), Arc::new(MemoryStore::new()), Vec::new());
        hear(&shared, "k1", "demo", 1).await;
        let sweeping = tokio::spawn(run(
            shared.clone(),
            Retention::default(),
            shared.stopped.clone(),
        ));
        for (days, left) in [(89, 1), (2, 0)] {
            sleep(PAUSE).await;
            clock
                .advance(Duration::from_hours(24) * days)
                .expect("it can be moved");
            sleep(PAUSE).await;
            assert_eq!(
                shared.store.read(None, 9).await.expect("events").len(),
                left,
                "{days} days later"
            );
        }
        stop.send(true).expect("somebody listens");
        sweeping.await.expect("it ends");
    }
}

//! Requests that were put aside, in memory.

use super::MemoryStore;
use crate::store::StoreProblem;
use crate::store::quarantine::{
    QUARANTINE_LENGTH, Quarantine, QuarantineId, Quarantined, StoredQuarantined,
};
use async_trait::async_trait;
use std::collections::VecDeque;

/// The newest, oldest first.
#[derive(Default)]
pub(super) struct Aside {
    pub(super) last: u64,
    pub(super) requests: VecDeque<StoredQuarantined>,
}

impl Aside {
    pub(super) fn len(&self) -> u64 {
        self.requests.len() as u64
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&Quarantined) -> bool) {
        self.requests.retain(|stored| stays(&stored.request));
    }

    fn place(&self, id: QuarantineId) -> Option<usize> {
        self.requests
            .binary_search_by_key(&id, |stored| stored.id)
            .ok()
    }
}

#[async_trait]
impl Quarantine for MemoryStore {
    async fn quarantine(&self, request: Quarantined) -> Result<(), StoreProblem> {
        let aside = &mut self.lock().quarantine;
        if aside.requests.len() == QUARANTINE_LENGTH {
            aside.requests.pop_front();
        }
        aside.last += 1;
        let (id, is_whole) = (QuarantineId(aside.last), request.is_whole());
        aside.requests.push_back(StoredQuarantined {
            id,
            is_whole,
            request,
        });
        Ok(())
    }

    async fn quarantined(
        &self,
        after: Option<QuarantineId>,
        most: usize,
    ) -> Result<Vec<StoredQuarantined>, StoreProblem> {
        let kept = self.lock();
        let newest_first = kept.quarantine.requests.iter().rev();
        let older = newest_first.filter(|stored| after.is_none_or(|after| stored.id < after));
        Ok(older
            .take(most)
            .cloned()
            .map(StoredQuarantined::in_list)
            .collect())
    }

    async fn quarantined_one(
        &self,
        id: QuarantineId,
    ) -> Result<Option<StoredQuarantined>, StoreProblem> {
        let kept = self.lock();
        Ok(kept
            .quarantine
            .place(id)
            .map(|place| kept.quarantine.requests[place].clone()))
    }

    async fn release(&self, id: QuarantineId) -> Result<bool, StoreProblem> {
        let mut kept = self.lock();
        let place = kept.quarantine.place(id);
        Ok(place
            .and_then(|place| kept.quarantine.requests.remove(place))
            .is_some())
    }
}

//! The ledger of consent, in memory.

use super::{Kept, MemoryStore};
use crate::store::consent::{Consent, Consents, Heard, Wish};
use crate::store::dump::{self, Item};
use crate::store::{Cursor, StoreProblem};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::ops::Bound;

/// By agent and phone.
#[derive(Default)]
pub(super) struct Ledger(BTreeMap<(String, String), Account>);

/// What is kept of one person.
struct Account {
    counts: Consent,
    history: Vec<Heard>,
}

#[async_trait]
impl Consents for MemoryStore {
    async fn note_consent(
        &self,
        agent: &str,
        phone: &str,
        consent: Consent,
    ) -> Result<Consent, StoreProblem> {
        Ok(self.lock().consents.note(agent, phone, consent, None))
    }

    async fn consent(&self, agent: &str, phone: &str) -> Result<Option<Consent>, StoreProblem> {
        Ok(self.lock().consents.of(agent, phone).cloned())
    }

    async fn consent_history(
        &self,
        agent: &str,
        phone: &str,
        most: usize,
    ) -> Result<Vec<Heard>, StoreProblem> {
        let kept = self.lock();
        let account = kept.consents.0.get(&(agent.to_owned(), phone.to_owned()));
        Ok(account
            .into_iter()
            .flat_map(|account| account.history.iter().rev())
            .take(most)
            .cloned()
            .collect())
    }

    async fn opted_out(
        &self,
        agent: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Consent)>, StoreProblem> {
        let first = Bound::Excluded((agent.to_owned(), after.unwrap_or_default().to_owned()));
        let kept = self.lock();
        let of_agent = kept
            .consents
            .0
            .range((first, Bound::Unbounded))
            .take_while(|((of, _), _)| of == agent);
        let out = of_agent.filter(|(_, account)| account.counts.wish() == Wish::OptedOut);
        Ok(out
            .take(most)
            .map(|((_, phone), account)| (phone.clone(), account.counts.clone()))
            .collect())
    }
}

impl Ledger {
    pub(super) fn of(&self, agent: &str, phone: &str) -> Option<&Consent> {
        self.0
            .get(&(agent.to_owned(), phone.to_owned()))
            .map(|account| &account.counts)
    }

    pub(super) fn note(
        &mut self,
        agent: &str,
        phone: &str,
        consent: Consent,
        event: Option<Cursor>,
    ) -> Consent {
        let person = (agent.to_owned(), phone.to_owned());
        let account = self.0.entry(person).or_insert_with(|| Account {
            counts: consent.clone(),
            history: Vec::new(),
        });
        account.counts = consent.clone().join(Some(account.counts.clone()));
        account.history.push(Heard { consent, event });
        account.counts.clone()
    }

    pub(super) fn has_rows_of(&self, agent: &str) -> bool {
        self.0.keys().any(|(of, _)| of == agent)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item> {
        self.0.iter().flat_map(|((agent, phone), account)| {
            let item =
                |heard| Item::Consent(dump::Consent::of(agent.clone(), phone.clone(), heard));
            account.history.iter().map(item)
        })
    }
}

impl Kept {
    /// Of the event that was kept last.
    pub(super) fn note_event_s_consent(
        &mut self,
        agent: &str,
        phone: Option<&str>,
        consent: Option<Consent>,
    ) {
        if let Some((phone, consent)) = phone.zip(consent) {
            let cursor = Cursor(self.last_place);
            self.consents.note(agent, phone, consent, Some(cursor));
        }
    }
}

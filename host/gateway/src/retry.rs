//! Queues again what the gateway gave up, such as after a repair of the agent's settings: one message, or all that a filter
//! finds. Never what the platform refused: it would refuse it again.

use crate::Shared;
use crate::api::{find_message, named_agent, view_message};
use crate::lifecycle::State as MessageState;
use crate::problem::{Problem, bad_request, unavailable};
use crate::request::{PathName, flag, read_fields, required_text, shown, text};
use crate::store::event::ReasonCode;
use crate::store::{Filter, Requeued, StoreProblem, StoredMessage};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, stream};
use http::{Request, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// `POST /v1/messages/{id}/retry`: 202 and the message if it is tried again, 409 if it is not one to be tried again.
pub(crate) async fn retry(
    State(shared): State<Arc<Shared>>,
    PathName(id): PathName,
) -> Result<Response, Problem> {
    find_message(&shared, &id).await?;
    let (code, detail) = match shared.store.requeue(&id, shared.now()).await? {
        Requeued::Queued => {
            tracing::info!(message_id = id, "message queued again");
            shared.outbox.notify_one();
            let view = view_message(&shared, &id).await?;
            return Ok((StatusCode::ACCEPTED, Json(view)).into_response());
        }
        Requeued::NotFailed(state) => (
            "not-failed",
            format!(
                "the message is {}, and only one that has failed is tried again",
                state.as_str()
            ),
        ),
        Requeued::WantedBack => ("too-late", "somebody wanted the message back".to_owned()),
        Requeued::RunOut => ("too-late", "the message has run out".to_owned()),
    };
    Err(Problem::new(StatusCode::CONFLICT, code, &detail))
}

/// `POST /v1/messages/retry` with a [`Selection`]: 200 and a [`Page`].
pub(crate) async fn retry_many(
    State(shared): State<Arc<Shared>>,
    request: Request<Body>,
) -> Result<Json<Page>, Problem> {
    let fields = read_fields(request, &FIELDS).await?;
    let selection = Selection::read(&shared, &fields)?;
    if let Some(id) = &selection.filter.after {
        find_message(&shared, id).await?;
    }
    // A caller that goes away stops nothing half done.
    let page = tokio::spawn(async move { selection.retry(&shared).await });
    let page = page
        .await
        .map_err(|_| unavailable("the messages could not be retried; ask again"))?;
    Ok(Json(page?))
}

/// Which messages are to be retried.
#[derive(Debug)]
struct Selection {
    filter: Filter,
    reason: Option<ReasonCode>,
    /// They failed not before this.
    since: Option<Timestamp>,
    /// They failed before this.
    until: Option<Timestamp>,
    dry_run: bool,
}

/// What became of the failed messages that one call looks at.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Page {
    /// Those that the filter finds.
    matched: u64,
    /// Of these, those that are queued again; in a dry run those that would be.
    retried: u64,
    /// Of these, those that have expired or that a caller has revoked.
    too_late: u64,
    /// Where to go on, if there may be more.
    next: Option<String>,
}

impl Selection {
    fn read(shared: &Shared, fields: &Map<String, Value>) -> Result<Self, Problem> {
        let agent = text(fields, "agent")?
            .map(|name| named_agent(shared, Some(name)))
            .transpose()?;
        let state = required_text(fields, "state", STATE_RULE)?;
        if state != MessageState::Failed.as_str() {
            let detail = format!("state is {}, and must be {STATE_RULE}", shown(state));
            return Err(bad_request("state", &detail));
        }
        let filter = Filter {
            agent: agent.map(|agent| agent.key().to_owned()),
            recipient: None,
            state: Some(MessageState::Failed),
            after: text(fields, "after")?.map(str::to_owned),
            oldest_first: true,
            most: LOOKED_AT,
        };
        Ok(Self {
            filter,
            reason: text(fields, "reason")?.map(parse_reason).transpose()?,
            since: time(fields, "since")?,
            until: time(fields, "until")?,
            dry_run: flag(fields, "dry_run")?,
        })
    }

    async fn retry(self, shared: &Shared) -> Result<Page, Problem> {
        let found = shared.store.find(&self.filter).await?;
        let last = found.last().map(|message| message.message.id.clone());
        let mut page = Page {
            next: last.filter(|_| found.len() == LOOKED_AT),
            ..Page::default()
        };
        let selected = found.into_iter().filter(|message| self.takes(message));
        // One time for all, so that they are sent in the order in which they came.
        let now = shared.now();
        let requeue = |message| self.requeue(shared, message, now);
        let mut requeued = stream::iter(selected.map(requeue)).buffer_unordered(AT_ONCE);
        while let Some(outcome) = requeued.next().await {
            page.count(outcome?);
        }
        let (retried, too_late) = (page.retried, page.too_late);
        if !self.dry_run && retried > 0 {
            tracing::info!(retried, too_late, "messages queued again");
            shared.outbox.notify_one();
        }
        Ok(page)
    }

    fn takes(&self, message: &StoredMessage) -> bool {
        message.failure().is_some_and(|failure| {
            self.reason
                .is_none_or(|reason| failure.reason == Some(reason))
                && self.since.is_none_or(|since| failure.at >= since)
                && self.until.is_none_or(|until| failure.at < until)
        })
    }

    /// None for one that was erased meanwhile.
    async fn requeue(
        &self,
        shared: &Shared,
        message: StoredMessage,
        now: Timestamp,
    ) -> Result<Option<Requeued>, StoreProblem> {
        let id = &message.message.id;
        if self.dry_run {
            return Ok(Some(message.requeued(now)));
        }
        match shared.store.requeue(id, now).await {
            Err(_) if shared.store.message(id).await?.is_none() => Ok(None),
            requeued => requeued.map(Some),
        }
    }
}

impl Page {
    /// Another call may have retried it meanwhile, or it was delivered after all.
    fn count(&mut self, requeued: Option<Requeued>) {
        match requeued {
            None | Some(Requeued::NotFailed(_)) => return,
            Some(Requeued::Queued) => self.retried += 1,
            Some(Requeued::WantedBack | Requeued::RunOut) => self.too_late += 1,
        }
        self.matched += 1;
    }
}

fn parse_reason(word: &str) -> Result<ReasonCode, Problem> {
    ReasonCode::parse(word).ok_or_else(|| {
        let words = ReasonCode::words().join(", ");
        let detail = format!("reason is {}, and must be one of {words}", shown(word));
        bad_request("reason", &detail)
    })
}

fn time(fields: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text(fields, name)? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        let detail = format!(
            "{name} is {}, and must be a time of RFC 3339, such as 2026-12-01T08:00:00Z",
            shown(text)
        );
        bad_request(name, &detail)
    })
}

const FIELDS: [&str; 7] = [
    "agent", "state", "reason", "since", "until", "after", "dry_run",
];
const STATE_RULE: &str = "failed: no other messages are retried";
/// In one call, so that it is answered soon.
const LOOKED_AT: usize = 500;
/// They are committed together.
const AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::bare;
    use crate::lifecycle::Fact;
    use crate::store::lane::Share;
    use crate::store::{Entry, NewMessage, Store as _};

    #[tokio::test]
    async fn pages_cover_all_that_failed_once_and_a_repetition_finds_nothing() {
        let store = Arc::new(MemoryStore::new());
        for number in 0..1_200 {
            let id = format!("m{number:04}");
            let new = NewMessage {
                agent: "demo".into(),
                message: bare::message(&id, "+12"),
                body_hash: [0; 32],
                at: Timestamp::UNIX_EPOCH,
                send_at: None,
                expires_at: None,
            };
            store.accept(new).await.expect("accepted");
            let reason = if number % 2 == 0 {
                ReasonCode::Misconfigured
            } else {
                ReasonCode::Unreachable
            };
            let failed = Entry {
                reason: Some(reason),
                ..Entry::new(Timestamp::UNIX_EPOCH, Fact::Failed)
            };
            store.note(&id, failed).await.expect("noted");
        }
        let (shared, _stop) = bare::shared(store, Vec::new());
        assert_eq!(retry_all(&shared, true).await, (vec![250, 250, 100], 600));
        assert_eq!(retry_all(&shared, false).await, (vec![250, 250, 100], 600));
        assert_eq!(retry_all(&shared, false).await, (vec![0, 0], 0));

        let (now, lease) = (shared.now(), std::time::Duration::from_secs(1));
        let share = [Share::any("demo", 2_000)];
        let claims = shared
            .store
            .claim(now, lease, &share)
            .await
            .expect("claimed");
        let ids: Vec<_> = claims.lent.iter().map(|it| &it.message.id).collect();
        assert_eq!(ids.len(), 600);
        assert!(ids.is_sorted(), "in the order in which they came: {ids:?}");
    }

    /// How many were retried by each call, and how many altogether.
    async fn retry_all(shared: &Shared, dry_run: bool) -> (Vec<u64>, u64) {
        let (mut after, mut retried) = (None, Vec::new());
        loop {
            let filter = Filter {
                state: Some(MessageState::Failed),
                after,
                oldest_first: true,
                most: LOOKED_AT,
                ..Filter::default()
            };
            let selection = Selection {
                filter,
                reason: Some(ReasonCode::Misconfigured),
                since: None,
                until: None,
                dry_run,
            };
            let page = selection
                .retry(shared)
                .await
                .map_err(|_| ())
                .expect("a page");
            assert_eq!(page.matched, page.retried);
            retried.push(page.retried);
            after = page.next;
            if after.is_none() {
                let all = retried.iter().sum();
                return (retried, all);
            }
        }
    }
}

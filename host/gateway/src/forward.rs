//! Posts every event to one address, in order, until it is taken. It reads what the store keeps, so it delays no webhook.

use crate::api::view_event;
use crate::store::Cursor;
use crate::{Shared, backoff};
use reqwest::{Client, header, redirect};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use url::Url;

/// The way to one address.
pub(crate) struct Forwarder {
    client: Client,
    url: Url,
}

impl Forwarder {
    /// Any http(s) address; this is for the developer's own machine, so private ones too.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|problem| problem.to_string())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("its scheme is {:?}, and must be http or https", url.scheme()));
        }
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(ANSWER_TIME_MAX).build();
        Ok(Self { client: client.map_err(|problem| problem.to_string())?, url })
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut after: Option<Cursor> = None;
        loop {
            match shared.store.read(after, BATCH).await {
                Ok(events) if events.is_empty() => {
                    let _ = timeout(POLL_EVERY, shared.events.notified()).await;
                }
                Ok(events) => {
                    for event in events {
                        let body =
                            serde_json::to_vec(&view_event(&event)).expect("strings and numbers always serialise");
                        self.post(event.cursor, event.event.received_at.as_second(), &body).await;
                        after = Some(event.cursor);
                    }
                }
                Err(problem) => {
                    tracing::warn!(%problem, "events are not forwarded");
                    sleep(POLL_EVERY).await;
                }
            }
        }
    }

    /// Until it is answered 2xx.
    async fn post(&self, cursor: Cursor, timestamp: i64, body: &[u8]) {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let request = self.client.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json");
            let request = request.header("webhook-id", cursor.to_string()).header("webhook-timestamp", timestamp);
            let reason = match request.body(body.to_vec()).send().await {
                Ok(response) if response.status().is_success() => return,
                Ok(response) => response.status().to_string(),
                Err(problem) => problem.without_url().to_string(),
            };
            tracing::warn!(%cursor, attempt, reason, "an event was not taken");
            sleep(backoff::delay(attempt, rand::random()).min(DELAY_MAX)).await;
        }
    }
}

const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);
const POLL_EVERY: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_mins(1);
const BATCH: usize = 100;

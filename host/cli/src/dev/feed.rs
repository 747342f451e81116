//! Shows a person what happens, a line each: what becomes of each message, and what phones send.

use crate::output;
use gateway_channel::{Fact, ReceivedContent};
use jiff::Timestamp;
use rbm_gateway::store::{Cursor, Filter, Store, StoreProblem, StoredEvent, StoredMessage};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// What was shown so far.
pub(super) struct Feed {
    store: Arc<dyn Store>,
    after: Option<Cursor>,
    /// How many lines of each message's history were shown.
    shown: HashMap<String, usize>,
}

/// One thing that happened.
struct Line {
    at: Timestamp,
    what: String,
    phone: String,
    more: String,
}

impl Feed {
    /// Shows what happens from now on.
    pub(super) async fn from_now(store: Arc<dyn Store>) -> Result<Self, StoreProblem> {
        let mut feed = Self {
            store,
            after: None,
            shown: HashMap::new(),
        };
        feed.news_of_messages().await?;
        while !feed.news_of_phones().await?.is_empty() {}
        Ok(feed)
    }

    /// Runs until it is dropped, or until nobody can be shown anything.
    pub(super) async fn run(mut self) {
        while self.show_news().await.is_ok() {
            sleep(LOOK_EVERY).await;
        }
    }

    async fn show_news(&mut self) -> anyhow::Result<()> {
        let mut lines = self.news_of_messages().await?;
        lines.extend(self.news_of_phones().await?);
        lines.sort_by_key(|line| line.at);
        lines.into_iter().try_for_each(|line| {
            let Line {
                at,
                what,
                phone,
                more,
            } = line;
            output::line(format_args!(
                "  {}  {what:<17} {phone:<16} {more}",
                at.strftime("%H:%M:%S%.3f")
            ))
        })
    }

    async fn news_of_messages(&mut self) -> Result<Vec<Line>, StoreProblem> {
        let newest = Filter {
            most: MESSAGES_WATCHED,
            ..Filter::default()
        };
        let mut lines = Vec::new();
        for stored in self.store.find(&newest).await? {
            let shown = self.shown.entry(stored.message.id.clone()).or_default();
            lines.extend(
                stored.history[*shown..]
                    .iter()
                    .map(|entry| of_message(&stored, entry)),
            );
            *shown = stored.history.len();
        }
        Ok(lines)
    }

    async fn news_of_phones(&mut self) -> Result<Vec<Line>, StoreProblem> {
        let events = self.store.read(self.after, EVENTS_AT_ONCE).await?;
        self.after = events.last().map(|event| event.cursor).or(self.after);
        // What an event says of a message stands in that message's history.
        Ok(events
            .iter()
            .filter(|event| event.event.content.fact_about().is_none())
            .filter_map(of_phone)
            .collect())
    }
}

fn of_message(stored: &StoredMessage, entry: &rbm_gateway::store::Entry) -> Line {
    let id = &stored.message.id;
    let more = entry
        .detail
        .as_ref()
        .map_or_else(|| id.clone(), |detail| format!("{id}  {detail}"));
    let what = entry.fact.as_str().to_owned();
    Line {
        at: entry.at,
        what,
        phone: stored.message.recipient.clone(),
        more,
    }
}

/// What a person wrote is quoted, so that it cannot write to the terminal.
fn of_phone(stored: &StoredEvent) -> Option<Line> {
    // What the gateway says of a message stands in the message's history too.
    let inbound = stored.event.content.inbound()?;
    let (what, more) = match &inbound.fact {
        Fact::Received(message) => ("message", said(&message.content)),
        Fact::Typing => ("typing", String::new()),
        Fact::Unsubscribed => ("unsubscribed", String::new()),
        Fact::Resubscribed => ("subscribed", String::new()),
        Fact::AgentStatus(status) => (
            "agent_status",
            format!("{:?} in {:?}", status.after, status.region),
        ),
        Fact::Capabilities(answer) => ("capabilities", format!("reachable: {}", answer.reachable)),
        Fact::Unrecognised(word) => ("unrecognised", format!("{word:?}")),
        Fact::Delivered(_)
        | Fact::Read(_)
        | Fact::ExpiredAndRevoked(_)
        | Fact::ExpiredNotRevoked(_) => ("", String::new()),
    };
    Some(Line {
        at: stored
            .event
            .content
            .at()
            .unwrap_or(stored.event.received_at),
        what: what.to_owned(),
        phone: inbound.phone.clone().unwrap_or_default(),
        more,
    })
}

fn said(content: &ReceivedContent) -> String {
    match content {
        ReceivedContent::Text(text) => format!("{text:?}"),
        ReceivedContent::Tap(tap) => {
            format!(
                "tapped {:?}, postback {:?}",
                tap.text.as_deref().unwrap_or_default(),
                tap.postback
            )
        }
        ReceivedContent::File(file) => format!("a file: {:?}", file.payload.url),
        ReceivedContent::Location(at) => format!("is at {}, {}", at.latitude, at.longitude),
        ReceivedContent::Other(word) => format!("something called {word:?}"),
    }
}

const LOOK_EVERY: Duration = Duration::from_millis(50);
const MESSAGES_WATCHED: usize = 200;
const EVENTS_AT_ONCE: usize = 1_000;

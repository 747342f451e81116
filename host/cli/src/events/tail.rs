//! `rbm events tail`: prints events as they come. Each once, as long as it runs: where a connection ends, the next begins after
//! the last event that was printed.

use super::sse::Reader;
use super::{COLUMNS, shown};
use crate::exit::Failure;
use crate::gateway::{Address, Gateway, header};
use crate::output;
use crate::table::cells;
use anyhow::{Context as _, anyhow};
use reqwest::Response;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use url::form_urlencoded::Serializer;

#[derive(clap::Args)]
// Others have the same name.
#[group(skip)]
pub(crate) struct Arguments {
    /// Begins after this event, such as e17; e0 for all. From now on if left out.
    #[arg(long, value_name = "CURSOR", value_parser = header)]
    after: Option<HeaderValue>,
    /// Only this agent's.
    #[arg(long)]
    agent: Option<String>,
    /// Ends after so many.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Prints JSON, one event a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    gateway: Address,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let gateway = Gateway::at(&arguments.gateway)?;
    let mut query = Serializer::new("/v1/events/stream?".to_owned());
    query.extend_pairs(arguments.agent.iter().map(|agent| ("agent", agent)));
    let path = query.finish();
    let mut tail = Tail {
        place: arguments.after,
        left: arguments.limit.unwrap_or(u64::MAX),
        json: arguments.json,
    };
    let mut response = gateway.open(&path, tail.headers()).await?;
    let mut wait = WAIT_MIN;
    loop {
        let before = tail.left;
        match tail.follow(response).await? {
            Ended::Enough => return Ok(()),
            Ended::BrokeOff(reason) => {
                eprintln!("the stream ended ({reason}); it goes on when the gateway answers");
            }
        }
        wait = if tail.left < before { WAIT_MIN } else { wait };
        response = loop {
            sleep(wait).await;
            wait = (wait * 2).min(WAIT_MAX);
            match gateway.open(&path, tail.headers()).await {
                Err(Failure::Later(_)) => {}
                opened => break opened?,
            }
        };
    }
}

/// Where it is.
struct Tail {
    place: Option<HeaderValue>,
    left: u64,
    json: bool,
}

/// Why no more comes of a connection.
enum Ended {
    Enough,
    BrokeOff(String),
}

impl Tail {
    fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter(self.place.clone().map(|place| (LAST_EVENT_ID, place)))
    }

    async fn follow(&mut self, mut response: Response) -> Result<Ended, Failure> {
        // So that nothing is missed if the connection ends before the first event.
        if self.place.is_none() {
            self.place = response.headers().get(LAST_EVENT_ID).cloned();
        }
        let mut reader = Reader::default();
        loop {
            let piece = match timeout(SILENCE_MAX, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(Ended::BrokeOff("the gateway closed it".to_owned())),
                Ok(Err(problem)) => return Ok(Ended::BrokeOff(rbm_json::excerpt::remark(problem))),
                Err(_) => {
                    return Ok(Ended::BrokeOff(format!(
                        "nothing came for {} s",
                        SILENCE_MAX.as_secs()
                    )));
                }
            };
            for event in reader
                .read(&piece)
                .map_err(|problem| Failure::Failed(problem.into()))?
            {
                let is_read = output::is_read(&self.line(&event.data)?)?;
                self.place = HeaderValue::from_str(&event.id).ok().or(self.place.take());
                self.left -= 1;
                if self.left == 0 || !is_read {
                    return Ok(Ended::Enough);
                }
            }
        }
    }

    fn line(&self, data: &str) -> Result<String, Failure> {
        let event: Value =
            serde_json::from_str(data).context("an event of the stream is not JSON")?;
        if self.json {
            return Ok(event.to_string());
        }
        let known = event
            .is_object()
            .then_some(&event)
            .ok_or_else(|| anyhow!("an event of the stream is no object"))?;
        let event = shown(known);
        let cells = cells(&COLUMNS, &event).zip(WIDTHS);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        Ok(line.join("  "))
    }
}

/// Of the columns: what comes later is not known yet. The last one ends the line.
const WIDTHS: [usize; COLUMNS.len()] = [7, 20, 13, 12, 16, 0];
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A gateway says every 15 s that it is there.
const SILENCE_MAX: Duration = Duration::from_secs(45);
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(15);

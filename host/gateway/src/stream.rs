//! `GET /v1/events/stream`: events as they come, as server-sent events (html.spec.whatwg.org, "Server-sent events").
//!
//! Each client has a cursor and a few events in memory, and is read for as it reads: one that stops reading is cut off by the
//! server's deadline for writing, and keeps nobody waiting. Whatever ends a stream, its place is free again.

use crate::api::view_event;
use crate::events::{Page, chosen_agent, known_cursor, missing_after, read};
use crate::problem::{Problem, busy};
use crate::request::{header_once, parse_query};
use crate::store::{Cursor, StoredEvent};
use crate::{AgentNames, Shared};
use axum::extract::{RawQuery, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::sleep;

/// After `Last-Event-ID`, which a client that comes again sends, or else after `after`; else from now on.
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = parse_query(query.as_deref(), &["after", "agent"])?;
    let agent = chosen_agent(&shared, query.get("agent"))?;
    let last = header_once(&headers, "last-event-id")?;
    let asked = match (&last, query.get("after")) {
        (Some(last), _) => Some(("Last-Event-ID", last)),
        (None, after) => after.map(|after| ("after", after)),
    };
    let after = match asked {
        None => shared.store.newest().await?,
        Some((name, text)) => Some(known_cursor(&*shared.store, name, text).await?),
    };
    let begins_after = after.unwrap_or(Cursor(0)).to_string();
    let place = shared.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| {
        busy(
            &format!("{STREAMS_MAX} streams are open, which is the most"),
            TRY_AGAIN,
        )
    })?;
    let stopped = shared.stopped.clone();
    let reader = Reader {
        shared,
        stopped,
        agent,
        after,
        read: VecDeque::new(),
        _place: place,
    };
    let events = stream::unfold(reader, Reader::next);
    // Not an event: proxies and clients see that the connection lives.
    let heartbeat = KeepAlive::new().interval(HEARTBEAT_EVERY).text("heartbeat");
    Ok((
        NOT_BUFFERED,
        [(LAST_EVENT_ID, begins_after)],
        Sse::new(events).keep_alive(heartbeat),
    )
        .into_response())
}

/// What is read for one client.
struct Reader {
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
    agent: Option<String>,
    after: Option<Cursor>,
    read: VecDeque<StoredEvent>,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// Asked only when the client has room for more. None when the gateway stops or the store fails: the client comes again.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while !*self.stopped.borrow() {
            if let Some(event) = self.read.pop_front() {
                return Some((Ok(line(&event, &self.shared.names)), self));
            }
            let shared = self.shared.clone();
            // Before reading, so that what comes meanwhile is heard of.
            let news = shared.events.notified();
            let page = read(
                &*shared.store,
                self.after,
                READ_AT_ONCE,
                self.agent.as_deref(),
            )
            .await;
            let Page { events, looked_to } = page
                .inspect_err(|problem| tracing::warn!(%problem, "a stream of events ends"))
                .ok()?;
            // After reading, since some may have been removed meanwhile: then what was read is read again behind the gap.
            if let Some(gap) = self.gap().await? {
                return Some((Ok(gap), self));
            }
            let caught_up = looked_to == self.after;
            (self.read, self.after) = (events.into(), looked_to);
            if caught_up {
                tokio::select! {
                    () = news => {}
                    () = sleep(LOOK_EVERY) => {}
                    changed = self.stopped.changed() => changed.ok()?,
                }
            }
        }
        None
    }

    /// Tells of what is missing, once, and passes over it. The outer `None` ends the stream, as for every failure of the store.
    async fn gap(&mut self) -> Option<Option<Event>> {
        let Some(after) = self.after else {
            return Some(None);
        };
        let missing = missing_after(&*self.shared.store, after)
            .await
            .inspect_err(|problem| tracing::warn!(%problem, "a stream of events ends"))
            .ok()?;
        Some(missing.map(|pruned| {
            self.after = Some(pruned);
            gap_event(after, pruned)
        }))
    }
}

/// Events between two cursors are no longer kept. A client that comes again goes on behind them.
fn gap_event(after: Cursor, resume_after: Cursor) -> Event {
    let data = json!({
        "kind": "gap",
        "after": after.to_string(),
        "resume_after": resume_after.to_string(),
    });
    Event::default()
        .id(resume_after.to_string())
        .event("gap")
        .data(data.to_string())
}

fn line(event: &StoredEvent, names: &AgentNames) -> Event {
    let view = view_event(event, names);
    let data = serde_json::to_string(&view).expect("strings and numbers always serialise");
    Event::default()
        .id(event.cursor.to_string())
        .event(view.kind)
        .data(data)
}

pub(crate) const STREAMS_MAX: usize = 64;
/// Proxies that know this header pass each event on at once.
const NOT_BUFFERED: [(HeaderName, HeaderValue); 1] = [(
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
)];
/// Where the stream begins, for a client that loses it before the first event.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_secs(5);
const READ_AT_ONCE: usize = 16;
const TRY_AGAIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bare::{ask, hear, shared};
    use crate::store::retention::Retention;
    use crate::{MemoryStore, api, serve};
    use axum::body::Body;
    use http::{Method, Response};
    use http_body_util::BodyExt as _;
    use jiff::Timestamp;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, timeout};

    #[tokio::test]
    async fn an_event_is_its_id_its_kind_and_one_line() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        let mut stream = open(&shared, "", None).await;
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        assert_eq!(stream.headers()["cache-control"], "no-cache");
        assert_eq!(stream.headers()["x-accel-buffering"], "no");
        hear(&shared, "k1", "demo", 2).await;
        let expected = "id: e1\nevent: typing\ndata: {\"cursor\":\"e1\",\"kind\":\"typing\",\"source\":\"platform\",\"agent\":\"demo\",\
            \"phone\":\"+15550100001\",\"received_at\":\"1970-01-01T00:00:00Z\",\"raw\":\"\\n\\n\"}\n\n";
        assert_eq!(frame(&mut stream).await.as_deref(), Some(expected));
    }

    #[tokio::test]
    async fn each_event_comes_once_over_all_connections() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        let (mut seen, mut last) = (Vec::new(), None);
        for round in 0..20_u64 {
            // Some come before the connection and some in it, more than are read at once.
            for number in 0..round * 2 {
                hear(&shared, &format!("{round}-{number}"), "demo", 1).await;
            }
            let mut stream = open(&shared, "?after=e0", last.as_deref()).await;
            hear(&shared, &format!("{round}"), "demo", 1).await;
            for _ in 0..=round {
                let frame = frame(&mut stream).await.expect("an event");
                let id = frame
                    .lines()
                    .next()
                    .and_then(|line| line.strip_prefix("id: "))
                    .expect("an id")
                    .to_owned();
                seen.push(id.clone());
                last = Some(id);
            }
        }
        let expected: Vec<String> = (1..=seen.len()).map(|place| format!("e{place}")).collect();
        assert_eq!((seen.len(), seen), (210, expected));
    }

    #[tokio::test]
    async fn it_begins_where_it_is_asked_to() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        for key in ["k1", "k2", "k3"] {
            hear(&shared, key, "demo", 1).await;
        }
        let mut streams = Vec::new();
        for (query, last, first) in [
            ("", None, "id: e4"),
            ("?after=e0", None, "id: e1"),
            ("?after=e2", None, "id: e3"),
            ("?after=e3", None, "id: e4"),
            ("?after=e1", Some("e2"), "id: e3"),
            ("", Some("e1"), "id: e2"),
        ] {
            streams.push((open(&shared, query, last).await, first, query, last));
        }
        hear(&shared, "k4", "demo", 1).await;
        for (mut stream, first, query, last) in streams {
            let begins_after = stream.headers()["last-event-id"]
                .to_str()
                .expect("text")
                .to_owned();
            let frame = frame(&mut stream).await.expect("an event");
            assert_eq!(frame.lines().next(), Some(first), "{query} {last:?}");
            let place = |text: &str| {
                text.trim_start_matches("id: ")
                    .parse::<String>()
                    .expect("text")[1..]
                    .parse::<u64>()
            };
            assert_eq!(
                place(&begins_after).expect("a number") + 1,
                place(first).expect("a number")
            );
        }
    }

    #[tokio::test]
    async fn a_place_that_no_event_has_had_is_refused() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        hear(&shared, "k1", "demo", 1).await;
        for (query, last, code) in [
            ("", Some("e2"), "cursor"),
            ("", Some("1"), "cursor"),
            ("", Some(""), "cursor"),
            ("", Some("e-1"), "cursor"),
            ("", Some("e99999999999999999999"), "cursor"),
            ("?after=e2", None, "cursor"),
            ("?after=", None, "cursor"),
            ("?after=e1", Some("x"), "cursor"),
            ("?from=e1", None, "parameter"),
            ("?agent=nobody", None, "agent-unknown"),
        ] {
            let response = ask(
                &shared,
                Method::GET,
                &format!("/v1/events/stream{query}"),
                last,
            )
            .await;
            assert_eq!(response.status(), 400, "{query} {last:?}");
            let body = response
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes();
            let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(problem["code"], code, "{query} {last:?}: {problem}");
        }
        assert_eq!(shared.streams.available_permits(), STREAMS_MAX);
    }

    /// Field case G6.
    #[tokio::test]
    async fn a_gap_is_told_of_and_passed_over() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        for number in 1..=9 {
            hear(&shared, &number.to_string(), "demo", 1).await;
        }
        let retention = Retention {
            keep_events_after: Some(Cursor(8)),
            ..Retention::default()
        };
        shared
            .store
            .prune(Timestamp::MAX, &retention)
            .await
            .expect("pruned");
        let mut stream = open(&shared, "", Some("e1")).await;
        assert_eq!(
            frame(&mut stream).await.as_deref(),
            Some(
                "id: e8\nevent: gap\ndata: {\"after\":\"e1\",\"kind\":\"gap\",\"resume_after\":\"e8\"}\n\n"
            )
        );
        let next = frame(&mut stream).await.expect("an event");
        assert!(next.starts_with("id: e9\n"), "{next}");
        for (query, first) in [("?after=e0", "id: e9\n"), ("?after=e8", "id: e9\n")] {
            let mut stream = open(&shared, query, None).await;
            let frame = frame(&mut stream).await.expect("an event");
            assert!(frame.starts_with(first), "{query}: {frame}");
        }
        for (query, status, code) in [
            ("after=e1", 410, "cursor-gone"),
            ("after=e7", 410, "cursor-gone"),
            ("after=e8", 200, ""),
            ("after=e0", 200, ""),
            ("", 200, ""),
            ("after=e9", 200, ""),
            ("after=e10", 400, "cursor"),
        ] {
            let response = ask(&shared, Method::GET, &format!("/v1/events?{query}"), None).await;
            assert_eq!(response.status(), status, "{query}");
            let body = response.into_body().collect().await.expect("a body");
            let body: serde_json::Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
            assert_eq!(body["code"].as_str().unwrap_or_default(), code, "{body}");
            let resume = (status == 410).then_some("e8");
            assert_eq!(body["resume_after"].as_str(), resume, "{body}");
        }
    }

    #[tokio::test]
    async fn only_what_is_asked_for_is_read() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        for number in 1..=1_200 {
            hear(
                &shared,
                &number.to_string(),
                if [50, 1_150].contains(&number) {
                    "rare"
                } else {
                    "demo"
                },
                1,
            )
            .await;
        }
        let read = async |after: u64, most, agent| {
            let page = read(&*shared.store, Some(Cursor(after)), most, Some(agent))
                .await
                .expect("a page");
            let places: Vec<u64> = page.events.iter().map(|event| event.cursor.0).collect();
            (places, page.looked_to.map(|cursor| cursor.0))
        };
        assert_eq!(read(0, 1, "rare").await, (vec![50], Some(50)));
        assert_eq!(
            read(50, 9, "rare").await,
            (vec![], Some(1_050)),
            "it does not look at everything at once"
        );
        assert_eq!(read(1_050, 9, "rare").await, (vec![1_150], Some(1_200)));
        assert_eq!(read(48, 2, "demo").await, (vec![49, 51], Some(51)));
        assert_eq!(read(1_200, 2, "demo").await, (vec![], Some(1_200)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_comes_every_15_seconds_while_nothing_happens() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        let mut stream = open(&shared, "", None).await;
        let begun = Instant::now();
        for beat in 1..=3 {
            assert_eq!(stream_frame(&mut stream).await, ": heartbeat\n\n");
            assert_eq!(begun.elapsed().as_secs(), 15 * beat);
        }
    }

    #[tokio::test]
    async fn one_stream_too_many_is_told_to_come_again() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        let mut streams = Vec::new();
        for _ in 0..STREAMS_MAX {
            streams.push(open(&shared, "", None).await);
        }
        let response = ask(&shared, Method::GET, "/v1/events/stream", None).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
        streams.pop();
        open(&shared, "", None).await;
        drop(streams);
        assert_eq!(shared.streams.available_permits(), STREAMS_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_the_gateway() {
        let (shared, stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        let mut stream = open(&shared, "", None).await;
        let waiting = tokio::spawn(async move { (frame(&mut stream).await, Instant::now()) });
        // It waits for events now.
        sleep(Duration::from_secs(1)).await;
        let begun = Instant::now();
        stop.send(true).expect("somebody listens");
        assert_eq!(waiting.await.expect("no panic"), (None, begun), "at once");
    }

    /// Over a real connection: what is in memory for somebody who does not read is bounded, and then the place is free again.
    #[tokio::test]
    async fn who_does_not_read_is_cut_off() {
        let (shared, _stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        for number in 0..400 {
            hear(&shared, &number.to_string(), "demo", 64 << 10).await;
        }
        let (_client, connection) = ask_for_all(&shared, Duration::from_millis(200)).await;
        let serving = tokio::spawn(connection);
        timeout(Duration::from_secs(20), serving)
            .await
            .expect("it ends")
            .expect("no panic")
            .expect_err("cut off");
        assert_eq!(shared.streams.available_permits(), STREAMS_MAX);
        assert_eq!(Arc::strong_count(&shared), 1, "nothing of it is left");
    }

    /// The same connection with somebody who reads, slowly.
    #[tokio::test]
    async fn who_reads_is_not_cut_off() {
        let (shared, stop) = shared(Arc::new(MemoryStore::new()), vec![]);
        for number in 0..400 {
            hear(&shared, &number.to_string(), "demo", 64 << 10).await;
        }
        let (mut client, connection) = ask_for_all(&shared, Duration::from_millis(500)).await;
        let serving = tokio::spawn(connection);
        let (mut read, mut buffer) = (Vec::new(), vec![0; 1 << 20]);
        while !read.windows(9).any(|window| window == b"id: e400\n") {
            let bytes = timeout(Duration::from_secs(20), client.read(&mut buffer))
                .await
                .expect("in time");
            let bytes = bytes.expect("read");
            assert_ne!(bytes, 0, "it was cut off");
            let begin = read.len().saturating_sub(9);
            read.drain(..begin);
            read.extend_from_slice(&buffer[..bytes]);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stop.send(true).expect("somebody listens");
        drop(client);
        let _ = timeout(Duration::from_secs(20), serving)
            .await
            .expect("it ends");
        assert_eq!(shared.streams.available_permits(), STREAMS_MAX);
    }

    /// Over a real connection: the client's end, and the gateway's, which is still to be served.
    async fn ask_for_all(
        shared: &Arc<Shared>,
        write_pause_max: Duration,
    ) -> (TcpStream, serve::Http<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut client = TcpStream::connect(listener.local_addr().expect("its address"))
            .await
            .expect("connected");
        client
            .write_all(b"GET /v1/events/stream?after=e0 HTTP/1.1\r\nhost: localhost\r\n\r\n")
            .await
            .expect("written");
        let (stream, _) = listener.accept().await.expect("accepted");
        (
            client,
            serve::connection(stream, api::router(shared.clone()), write_pause_max),
        )
    }

    async fn open(shared: &Arc<Shared>, query: &str, last: Option<&str>) -> Response<Body> {
        let response = ask(
            shared,
            Method::GET,
            &format!("/v1/events/stream{query}"),
            last,
        )
        .await;
        assert_eq!(response.status(), 200);
        response
    }

    async fn stream_frame(stream: &mut Response<Body>) -> String {
        let frame = stream
            .body_mut()
            .frame()
            .await
            .expect("it goes on")
            .expect("no problem");
        String::from_utf8(frame.into_data().expect("data").to_vec()).expect("text")
    }

    /// The next, or none if it has ended.
    async fn frame(stream: &mut Response<Body>) -> Option<String> {
        let frame = timeout(Duration::from_secs(20), stream.body_mut().frame())
            .await
            .expect("in time")?;
        let data = frame.expect("no problem").into_data().expect("data");
        Some(String::from_utf8(data.to_vec()).expect("text"))
    }
}

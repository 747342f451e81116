//! Who sends events and messages as fast as they are taken: each over a connection of its own that stays open, with requests that were signed
//! before, on a thread of their own. So little is done for a request that the server is what is measured.

use crate::serving::signed;
use jiff::Timestamp;
use rand::distr::{Alphanumeric, SampleString as _};
use serde_json::json;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Whole requests, some for each producer.
pub(crate) struct Requests {
    of_each: Vec<Vec<Vec<u8>>>,
    document_bytes: u64,
}

impl Requests {
    /// Each with an event of a kibibyte, with these numbers altogether.
    pub(crate) fn events(client_token: &str, producers: usize, numbers: Range<usize>) -> Self {
        let mut document_bytes = 0;
        let mut request = |producer: usize, number: usize| {
            let document = document(producer, number);
            document_bytes += document.len() as u64;
            let (signature, body) = signed(client_token, &document);
            let head = format!(
                "POST /webhooks/rbm/demo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 x-goog-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            (head + &body).into_bytes()
        };
        let of_each = of_each(producers, numbers, &mut request);
        Self {
            of_each,
            document_bytes,
        }
    }

    /// Likewise with messages that are not to be sent before some time.
    pub(crate) fn messages(send_at: Timestamp, producers: usize, numbers: Range<usize>) -> Self {
        let mut document_bytes = 0;
        let mut request = |producer: usize, _number: usize| {
            let message = json!({ "to": phone(producer), "content": { "text": text(900) }, "send_at": send_at });
            let body = message.to_string();
            document_bytes += body.len() as u64;
            let head = format!(
                "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n",
                body.len()
            );
            (head + &body).into_bytes()
        };
        let of_each = of_each(producers, numbers, &mut request);
        Self {
            of_each,
            document_bytes,
        }
    }

    pub(crate) fn document_bytes(&self) -> u64 {
        self.document_bytes
    }
}

/// Each number is one producer's.
fn of_each(
    producers: usize,
    numbers: Range<usize>,
    request: &mut impl FnMut(usize, usize) -> Vec<u8>,
) -> Vec<Vec<Vec<u8>>> {
    let mut of = |producer| {
        numbers
            .clone()
            .skip(producer)
            .step_by(producers)
            .map(|number| request(producer, number))
            .collect()
    };
    (0..producers).map(&mut of).collect()
}

fn document(producer: usize, number: usize) -> String {
    let document = json!({
        "senderPhoneNumber": phone(producer), "agentId": "demo@rbm.goog", "text": text(850),
        "messageId": format!("m-{producer}-{number}"), "sendTime": "2026-11-25T10:00:00.000000Z",
    });
    document.to_string()
}

/// Repeats nothing, so that it is as long on the disk as it is here.
fn text(length: usize) -> String {
    Alphanumeric.sample_string(&mut rand::rng(), length)
}

/// Whose events they are.
pub(crate) fn phone(producer: usize) -> String {
    format!("+1555{producer:07}")
}

/// How long each request took that was begun before the end.
pub(crate) fn produce(
    address: SocketAddr,
    requests: &Arc<Requests>,
    end: Instant,
) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async move {
        let mut producers = JoinSet::new();
        for producer in 0..requests.of_each.len() {
            let requests = requests.clone();
            producers
                .spawn(async move { send_all(address, &requests.of_each[producer], end).await });
        }
        producers.join_all().await.into_iter().flatten().collect()
    })
}

async fn send_all(address: SocketAddr, requests: &[Vec<u8>], end: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut answer) = (Vec::with_capacity(requests.len()), vec![0; 4_096]);
    for request in requests {
        let begun = Instant::now();
        if begun >= end {
            break;
        }
        stream.write_all(request).await.unwrap();
        // It is short, and comes in one piece.
        let read = stream.read(&mut answer).await.unwrap();
        assert!(
            answer[..read].starts_with(b"HTTP/1.1 20"),
            "{}",
            String::from_utf8_lossy(&answer[..read])
        );
        assert!(
            answer[..read].windows(4).any(|four| four == b"\r\n\r\n"),
            "half an answer"
        );
        times.push(begun.elapsed());
    }
    times
}

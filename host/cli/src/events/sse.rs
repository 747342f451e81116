//! Reads a stream of server-sent events (WHATWG HTML §9.2), in whatever pieces it comes. What never ends is no event.

use std::mem::take;

/// What has come of the next events.
#[derive(Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    id: String,
    data: Vec<String>,
    bytes: usize,
}

/// An event and its id.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) data: String,
}

/// An event that is longer than any of a gateway's.
#[derive(Debug, thiserror::Error)]
#[error("an event of the stream has more than {EVENT_BYTES_MAX} bytes")]
pub(super) struct TooLong;

impl Reader {
    /// The events that end in this piece.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for byte in piece {
            if *byte != b'\n' {
                self.line.push(*byte);
                self.bytes += 1;
                if self.bytes > EVENT_BYTES_MAX {
                    return Err(TooLong);
                }
                continue;
            }
            let line = take(&mut self.line);
            events.extend(self.line(&String::from_utf8_lossy(
                line.strip_suffix(b"\r").unwrap_or(&line),
            )));
        }
        Ok(events)
    }

    /// An event ends with an empty line.
    fn line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            self.bytes = 0;
            let data = take(&mut self.data);
            return (!data.is_empty()).then(|| Event {
                id: self.id.clone(),
                data: data.join("\n"),
            });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "data" => self.data.push(value.to_owned()),
            // Comments, and what nobody here looks for.
            _ => {}
        }
        None
    }
}

/// A megabyte of a webhook's body, each byte of it escaped, and some more.
const EVENT_BYTES_MAX: usize = 8 << 20;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const STREAM: &str = "id: e1\nevent: typing\ndata: {\"a\":\"é\"}\n\n: heartbeat\n\nid:e2\r\ndata:x\r\ndata:  y\r\n\r\n\
        retry: 5\n\ndata\n\nid: e3\n\ndata: z\n\ndata: never ended";

    fn expected() -> Vec<Event> {
        let event = |id: &str, data: &str| Event {
            id: id.into(),
            data: data.into(),
        };
        vec![
            event("e1", "{\"a\":\"é\"}"),
            event("e2", "x\n y"),
            event("e2", ""),
            event("e3", "z"),
        ]
    }

    #[test]
    fn events_are_the_same_in_whatever_pieces_they_come() {
        for size in 1..=STREAM.len() {
            let mut reader = Reader::default();
            let events: Vec<Event> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| reader.read(piece).unwrap())
                .collect();
            assert_eq!(events, expected(), "in pieces of {size}");
        }
    }

    #[test]
    fn what_does_not_end_is_not_kept() {
        let mut reader = Reader::default();
        let piece = vec![b'x'; 1 << 20];
        let mut pieces = 0;
        while reader.read(&piece).is_ok() {
            pieces += 1;
        }
        assert_eq!(pieces, 8);
        let mut lines = Reader::default();
        let short = "data: x\n".repeat(1 << 10);
        assert!(
            (0..10_000).any(|_| lines.read(short.as_bytes()).is_err()),
            "nor is it in many lines"
        );
    }
}

//! Uploads in parts that are resumed, and the two parts of a multipart upload, without HTTP.
//!
//! Of the bytes only their number is kept: what messages need of a file is that it is there.

use crate::fidelity::{Basis, Behaviour};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use rbm_wire::file::BYTES_MAX;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// The uploads that are under way, and those that are done.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    sessions: HashMap<String, Session>,
    /// From the oldest on.
    order: VecDeque<String>,
}

#[derive(Debug)]
enum Session {
    /// So many bytes are there.
    Open(u64),
    /// The name of the file.
    Done(String),
}

/// Bytes that a client sends, or the question how many there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece {
    /// `bytes */1000`: nothing is sent. What is complete by this number of bytes is finished by it.
    Query {
        /// How many there are to be, if known.
        total: Option<u64>,
    },
    /// Bytes from a place on.
    Bytes {
        /// The place of the first.
        start: u64,
        /// How many.
        count: u64,
        /// Whether they end the file.
        last: bool,
    },
}

/// How far an upload is.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// So many bytes are there, and more are to come.
    Incomplete(u64),
    /// All bytes are there, and the file wants a name.
    Complete,
    /// It was done before.
    Done(String),
}

/// Why a piece is not taken.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PieceProblem {
    #[error("There is no such upload.")]
    Unknown,
    #[error("The bytes begin at {start}, and only {received} are there.")]
    Gap { start: u64, received: u64 },
    #[error("The file has more than {BYTES_MAX} bytes.")]
    TooLarge,
    #[error("The file has no bytes.")]
    Empty,
}

impl Uploads {
    /// The oldest is forgotten where there are too many.
    pub(crate) fn begin(&mut self, id: String) {
        if self.order.len() >= SESSIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.sessions.remove(&oldest);
        }
        self.order.push_back(id.clone());
        self.sessions.insert(id, Session::Open(0));
    }

    /// Takes a piece. Bytes that are there already are passed over. Of a piece that is not the last only whole granules count,
    /// as the answer tells.
    pub(crate) fn take(&mut self, id: &str, piece: Piece) -> Result<Progress, PieceProblem> {
        let received = match self.sessions.get_mut(id).ok_or(PieceProblem::Unknown)? {
            Session::Done(name) => return Ok(Progress::Done(name.clone())),
            Session::Open(received) => received,
        };
        let complete = match piece {
            Piece::Query { total } => total == Some(*received),
            Piece::Bytes { start, .. } if start > *received => {
                return Err(PieceProblem::Gap {
                    start,
                    received: *received,
                });
            }
            Piece::Bytes { start, count, last } => {
                let end = start.saturating_add(count);
                if end > BYTES_MAX as u64 {
                    return Err(PieceProblem::TooLarge);
                }
                let kept = if last { end } else { end - end % GRANULE_BYTES };
                *received = kept.max(*received);
                last
            }
        };
        match (complete, *received) {
            (false, received) => Ok(Progress::Incomplete(received)),
            (true, 0) => Err(PieceProblem::Empty),
            (true, _) => Ok(Progress::Complete),
        }
    }

    /// Says what the file of a complete upload is called.
    pub(crate) fn finish(&mut self, id: &str, name: &str) {
        if let Some(session) = self.sessions.get_mut(id) {
            *session = Session::Done(name.to_owned());
        }
    }

    /// Gives an upload up. False if there is none, or it is done.
    pub(crate) fn cancel(&mut self, id: &str) -> bool {
        let open = matches!(self.sessions.get(id), Some(Session::Open(_)));
        if open {
            self.sessions.remove(id);
            self.order.retain(|known| known != id);
        }
        open
    }
}

impl Piece {
    /// By a `Content-Range` and how many bytes the body has; a body without one is the whole file. None for what is malformed.
    pub(crate) fn of_range(content_range: Option<&str>, count: u64) -> Option<Self> {
        let Some(range) = content_range else {
            return Some(Self::Bytes {
                start: 0,
                count,
                last: true,
            });
        };
        let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
        let total = if total == "*" {
            None
        } else {
            Some(total.parse::<u64>().ok()?)
        };
        if range == "*" {
            return (count == 0).then_some(Self::Query { total });
        }
        let (first, last) = range.split_once('-')?;
        let (start, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        let fits = last.checked_sub(start)?.checked_add(1)? == count
            && total.is_none_or(|total| last < total);
        fits.then(|| Self::Bytes {
            start,
            count,
            last: total == last.checked_add(1),
        })
    }
}

/// A file with what is said of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Related<'a> {
    /// JSON.
    pub(crate) metadata: &'a [u8],
    /// The MIME type of the file.
    pub(crate) kind: String,
    pub(crate) media: Cow<'a, [u8]>,
}

/// Reads `multipart/related`: a part of JSON, and a part that is the file. (RFC 2387) Says what is wrong.
pub(crate) fn related<'a>(content_type: &str, body: &'a [u8]) -> Result<Related<'a>, &'static str> {
    let boundary = boundary(content_type).ok_or("the Content-Type has no boundary")?;
    let parts = parts(&boundary, body).ok_or("the body does not end with its boundary")?;
    let [metadata, media] = parts[..] else {
        return Err("the body has not exactly two parts: JSON and the file");
    };
    let metadata = Part::read(metadata).ok_or("the first part has no end of its headers")?;
    let media = Part::read(media).ok_or("the second part has no end of its headers")?;
    Ok(Related {
        metadata: metadata.content,
        kind: media.header("content-type").unwrap_or_default().to_owned(),
        media: media.decoded().ok_or("the second part is not base64")?,
    })
}

/// `multipart/related; boundary="a b"`
fn boundary(content_type: &str) -> Option<String> {
    let is_boundary = |parameter: &&str| {
        parameter
            .get(..9)
            .is_some_and(|name| name.eq_ignore_ascii_case("boundary="))
    };
    let parameter = content_type.split(';').map(str::trim).find(is_boundary)?;
    let boundary = parameter.get(9..)?.trim_matches('"');
    (!boundary.is_empty()).then(|| boundary.to_owned())
}

/// What is between the boundaries; each begins a line.
fn parts<'a>(boundary: &str, body: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut begun: Option<usize> = None;
    for place in memmem::find_iter(body, delimiter.as_bytes()) {
        if place > 0 && body.get(place - 1) != Some(&b'\n') {
            continue;
        }
        if let Some(start) = begun {
            let part = body.get(start..place)?;
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            parts.push(part.strip_suffix(b"\r").unwrap_or(part));
        }
        let after = body.get(place + delimiter.len()..)?;
        if after.starts_with(b"--") {
            return Some(parts);
        }
        let line = after.iter().position(|byte| *byte == b'\n')?;
        begun = Some(place + delimiter.len() + line + 1);
    }
    None
}

struct Part<'a> {
    headers: &'a str,
    content: &'a [u8],
}

impl<'a> Part<'a> {
    fn read(part: &'a [u8]) -> Option<Self> {
        if let Some(content) = part.strip_prefix(b"\r\n").or(part.strip_prefix(b"\n")) {
            return Some(Self {
                headers: "",
                content,
            });
        }
        let ends = [&b"\r\n\r\n"[..], b"\n\n"];
        let (place, end) = ends
            .into_iter()
            .filter_map(|end| Some((memmem::find(part, end)?, end)))
            .min_by_key(|(place, _)| *place)?;
        let (headers, content) = part.split_at_checked(place)?;
        Some(Self {
            headers: std::str::from_utf8(headers).ok()?,
            content: content.get(end.len()..)?,
        })
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        let headers = self.headers.lines().filter_map(|line| line.split_once(':'));
        headers
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    fn decoded(&self) -> Option<Cow<'a, [u8]>> {
        let encoding = self.header("content-transfer-encoding").unwrap_or_default();
        if !encoding.eq_ignore_ascii_case("base64") {
            return Some(Cow::Borrowed(self.content));
        }
        let dense: Vec<u8> = self
            .content
            .iter()
            .copied()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        STANDARD.decode(dense).ok().map(Cow::Owned)
    }
}

/// What a piece that is not the last is to be a multiple of. (cloud.google.com/storage/docs/performing-resumable-uploads)
pub(crate) const GRANULE_BYTES: u64 = 256 * 1024;
const SESSIONS_MAX: usize = 1_000;

pub(crate) const PIECES: &Behaviour = &Behaviour {
    id: "upload-pieces",
    what: "A piece that leaves a gap is answered 400, one that is there already is passed over, an unknown session is \
           answered 404, a cancelled one 499; the last 1,000 sessions are known",
    basis: Basis::Assumed,
    source: "the 499 is documented for other APIs of Google's, the rest is not",
    switch: None,
    test: "pieces_that_do_not_fit_are_refused",
};

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "upload-media",
        what: "Bytes are posted to /upload/v1/files as they are, with their Content-Type",
        basis: Basis::Documented,
        source: "guides/build/messages/send, reference/rest/v1/files/create",
        switch: None,
        test: "a_file_is_uploaded_as_it_is",
    },
    &Behaviour {
        id: "upload-multipart",
        what: "Metadata and bytes are posted together as multipart/related",
        basis: Basis::SecondHand,
        source: "Google's generated clients offer it (rcsforbusiness-samples); form as in developers.google.com/drive",
        switch: None,
        test: "a_file_is_uploaded_with_what_is_said_of_it",
    },
    &Behaviour {
        id: "upload-resumable",
        what: "uploadType=resumable opens a session at an address of its own, which takes pieces by Content-Range, answers 308 \
               until all are there, and needs no token",
        basis: Basis::SecondHand,
        source: "Google's generated clients offer it (rcsforbusiness-samples); form as in \
                 cloud.google.com/storage/docs/performing-resumable-uploads",
        switch: None,
        test: "an_upload_is_resumed_by_content_range",
    },
    &Behaviour {
        id: "upload-resumable-headers",
        what: "X-Goog-Upload-Protocol: resumable does the same by X-Goog-Upload-Command",
        basis: Basis::SecondHand,
        source: "developers.google.com/photos/library/guides/resumable-uploads",
        switch: None,
        test: "an_upload_is_resumed_by_commands",
    },
    PIECES,
];

#[cfg(test)]
mod tests {
    use super::*;

    const G: u64 = GRANULE_BYTES;

    fn bytes(start: u64, count: u64, last: bool) -> Piece {
        Piece::Bytes { start, count, last }
    }

    #[test]
    fn pieces_add_up_and_only_whole_granules_count() {
        let mut uploads = Uploads::default();
        uploads.begin("a".to_owned());
        for (piece, expected) in [
            (Piece::Query { total: None }, Ok(Progress::Incomplete(0))),
            (Piece::Query { total: Some(0) }, Err(PieceProblem::Empty)),
            (bytes(0, G + 5, false), Ok(Progress::Incomplete(G))),
            (bytes(0, G, false), Ok(Progress::Incomplete(G))),
            (
                bytes(G + 5, G, false),
                Err(PieceProblem::Gap {
                    start: G + 5,
                    received: G,
                }),
            ),
            (bytes(G, u64::MAX, true), Err(PieceProblem::TooLarge)),
            (bytes(G, G, false), Ok(Progress::Incomplete(2 * G))),
            (
                Piece::Query {
                    total: Some(2 * G + 1),
                },
                Ok(Progress::Incomplete(2 * G)),
            ),
            (bytes(2 * G, 1, true), Ok(Progress::Complete)),
        ] {
            assert_eq!(uploads.take("a", piece), expected, "{piece:?}");
        }
        uploads.finish("a", "files/a");
        assert_eq!(
            uploads.take("a", Piece::Query { total: None }),
            Ok(Progress::Done("files/a".to_owned()))
        );
        assert!(!uploads.cancel("a"));
        assert_eq!(
            uploads.take("b", bytes(0, 1, true)),
            Err(PieceProblem::Unknown)
        );
    }

    #[test]
    fn old_uploads_are_forgotten() {
        let mut uploads = Uploads::default();
        for index in 0..=SESSIONS_MAX {
            uploads.begin(index.to_string());
        }
        assert_eq!(
            uploads.take("0", Piece::Query { total: None }),
            Err(PieceProblem::Unknown)
        );
        assert_eq!(
            uploads.take("1", Piece::Query { total: None }),
            Ok(Progress::Incomplete(0))
        );
        assert!(uploads.cancel("1") && !uploads.cancel("1"));
        assert_eq!(
            (uploads.sessions.len(), uploads.order.len()),
            (SESSIONS_MAX - 1, SESSIONS_MAX - 1)
        );
    }

    #[test]
    fn a_range_says_where_bytes_belong() {
        for (range, count, expected) in [
            (None, 7, Some(bytes(0, 7, true))),
            (Some("bytes 0-6/7"), 7, Some(bytes(0, 7, true))),
            (Some("bytes 7-9/20"), 3, Some(bytes(7, 3, false))),
            (Some("bytes 7-9/*"), 3, Some(bytes(7, 3, false))),
            (
                Some("bytes */20"),
                0,
                Some(Piece::Query { total: Some(20) }),
            ),
            (Some("bytes */*"), 0, Some(Piece::Query { total: None })),
            (Some("bytes */20"), 1, None),
            (Some("bytes 7-9/20"), 4, None),
            (Some("bytes 7-20/20"), 14, None),
            (Some("bytes 9-7/20"), 0, None),
            (Some("bytes 0-18446744073709551615/*"), 0, None),
            (Some("bytes 0-6"), 7, None),
            (Some("0-6/7"), 7, None),
            (Some("bytes -6/7"), 7, None),
        ] {
            assert_eq!(Piece::of_range(range, count), expected, "{range:?}");
        }
    }

    #[test]
    fn two_parts_are_read_in_the_ways_that_clients_write_them() {
        let png = Cow::Borrowed(&b"\r\n--x\x89PNG\n"[..]);
        let crlf = b"--b\r\nContent-Type: application/json\r\nMIME-Version: 1.0\r\n\r\n{\"a\":1}\r\n--b\r\ncontent-type:image/png\r\n\
            Content-Transfer-Encoding: binary\r\n\r\n\r\n--x\x89PNG\n\r\n--b--\r\n";
        let expected = Related {
            metadata: b"{\"a\":1}",
            kind: "image/png".to_owned(),
            media: png,
        };
        assert_eq!(related("multipart/related; boundary=b", crlf), Ok(expected));
        let encoded = b"preamble\n--a b\n\n{}\n--a b\nContent-Type: image/gif\nContent-Transfer-Encoding: base64\n\nR0lG\nODlh\n--a b--";
        let expected = Related {
            metadata: b"{}",
            kind: "image/gif".to_owned(),
            media: b"GIF89a"[..].into(),
        };
        assert_eq!(
            related("Multipart/Related; type=x; Boundary=\"a b\"", encoded),
            Ok(expected)
        );
        for (content_type, body, said) in [
            ("multipart/related", &b"--b\n\n{}\n--b--"[..], "no boundary"),
            (
                "multipart/related; boundary=\"\"",
                b"--\n\n{}\n----",
                "no boundary",
            ),
            (
                "multipart/related; boundary=b",
                b"--b\n\n{}\n--b\n\nx",
                "does not end",
            ),
            ("multipart/related; boundary=b", b"", "does not end"),
            ("multipart/related; boundary=b", b"--b", "does not end"),
            (
                "multipart/related; boundary=b",
                b"--b\n\n{}\n--b--",
                "exactly two parts",
            ),
            (
                "multipart/related; boundary=b",
                b"--b\n\n{}\n--b\n\nx\n--b\n\nx\n--b--",
                "exactly two parts",
            ),
            (
                "multipart/related; boundary=b",
                b"--b\n{}\n--b\n\nx\n--b--",
                "first part",
            ),
            (
                "multipart/related; boundary=b",
                b"--b\n\n{}\n--b\nContent-Transfer-Encoding: base64\n\n!\n--b--",
                "not base64",
            ),
        ] {
            assert!(
                related(content_type, body)
                    .expect_err("malformed")
                    .contains(said),
                "{said}"
            );
        }
    }
}

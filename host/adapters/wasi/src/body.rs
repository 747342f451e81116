//! Whole bodies, read within a limit and written in pieces.

use crate::wasi::http::types::{IncomingBody, OutgoingBody};
use crate::wasi::io::streams::{InputStream, StreamError};

/// Why there is no whole body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodyProblem {
    /// It has more bytes than are taken.
    TooLong,
    /// It broke off.
    BrokenOff,
}

/// Reads it to its end, and some of what is too long as well: whoever is still sending does not hear an answer.
pub fn read(body: &IncomingBody, bytes_max: usize) -> Result<Vec<u8>, BodyProblem> {
    let stream = body.stream().map_err(|()| BodyProblem::BrokenOff)?;
    let mut collected = Vec::new();
    while let Some(piece) = next(&stream)? {
        if collected.len() + piece.len() > bytes_max {
            pass_over(&stream);
            return Err(BodyProblem::TooLong);
        }
        collected.extend(piece);
    }
    Ok(collected)
}

fn next(stream: &InputStream) -> Result<Option<Vec<u8>>, BodyProblem> {
    match stream.blocking_read(PIECE_BYTES_MAX) {
        Ok(piece) => Ok(Some(piece)),
        Err(StreamError::Closed) => Ok(None),
        Err(StreamError::LastOperationFailed(_)) => Err(BodyProblem::BrokenOff),
    }
}

fn pass_over(stream: &InputStream) {
    let mut passed = 0;
    while let Ok(Some(piece)) = next(stream) {
        passed += piece.len();
        if passed > PASSED_OVER_BYTES_MAX {
            return;
        }
    }
}

/// Writes all of it and ends it. False if the other side has stopped reading.
pub fn write(body: OutgoingBody, bytes: &[u8]) -> bool {
    let Ok(stream) = body.write() else {
        return false;
    };
    let mut pieces = bytes.chunks(WRITTEN_BYTES_MAX);
    let written = pieces.all(|piece| stream.blocking_write_and_flush(piece).is_ok());
    // A body cannot end while there is a stream into it.
    drop(stream);
    written && OutgoingBody::finish(body, None).is_ok()
}

const PIECE_BYTES_MAX: u64 = 64 << 10;
const PASSED_OVER_BYTES_MAX: usize = 16 << 20;
/// `blocking-write-and-flush` takes no more at once. (wasi:io 0.2, streams)
const WRITTEN_BYTES_MAX: usize = 4096;

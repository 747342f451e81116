//! Requests that were put aside, each with a name and with what judging it again needs, so that a token that was forgotten
//! loses nothing. What is kept of one that nobody believed is bounded: anybody may send those.

use super::StoreProblem;
use async_trait::async_trait;
use gateway_channel::Header;
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where requests are kept that were put aside.
#[async_trait]
pub trait Quarantine: Send + Sync {
    /// Keeps a request, among the newest of its kind.
    async fn quarantine(&self, refused: Quarantined) -> Result<(), StoreProblem>;
    /// Those requests, newest first, only those older than this one; of each body the first [`EXCERPT_BYTES`], and no headers.
    async fn quarantined(
        &self,
        after: Option<QuarantineId>,
        most: usize,
    ) -> Result<Vec<StoredQuarantined>, StoreProblem>;
    /// One of them, and all that is kept of it.
    async fn quarantined_one(
        &self,
        id: QuarantineId,
    ) -> Result<Option<StoredQuarantined>, StoreProblem>;
    /// Forgets one of them, such as after it was taken. False if it is not there any more.
    async fn release(&self, id: QuarantineId) -> Result<bool, StoreProblem>;
}

/// A request that was not believed, or that concerns nobody here.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// When it came.
    pub at: Timestamp,
    /// The path that it came to.
    pub path: String,
    /// A stable name of the rule that it broke.
    pub rule: String,
    /// Why, in a sentence.
    pub reason: String,
    /// In the order in which they came, without those that let somebody in. None if they were too long to be kept.
    pub headers: Option<Vec<Header>>,
    /// The body, or its beginning.
    pub body: Vec<u8>,
    /// How many it had.
    pub body_bytes: u64,
}

impl Quarantined {
    /// Whether all of it is kept that judging it again needs.
    pub fn is_whole(&self) -> bool {
        self.headers.is_some() && self.body.len() as u64 == self.body_bytes
    }
}

/// A request that was put aside, and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredQuarantined {
    /// Larger than those of all before.
    pub id: QuarantineId,
    /// Whether all of it is kept that judging it again needs, also where only a part is told here.
    pub is_whole: bool,
    /// The request.
    pub request: Quarantined,
}

impl StoredQuarantined {
    /// As a list tells it.
    #[must_use]
    pub fn in_list(mut self) -> Self {
        self.request.headers = None;
        self.request.body.truncate(EXCERPT_BYTES);
        self
    }
}

/// The name of a request that was put aside. Its text is one word of letters and digits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct QuarantineId(pub u64);

impl QuarantineId {
    /// None for what no such name looks like.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('q')?;
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty();
        canonical.then(|| digits.parse().ok()).flatten().map(Self)
    }
}

impl std::fmt::Display for QuarantineId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "q{}", self.0)
    }
}

impl Serialize for QuarantineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QuarantineId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format_args!("{text:?} is no such name, such as q17")))
    }
}

/// How many refused requests are kept.
pub const QUARANTINE_LENGTH: usize = 1_000;
/// Of a body, in a list.
pub const EXCERPT_BYTES: usize = 256;

//! The numbers that Google publishes, each with its unit and page. Characters are Unicode scalar values.

/// Characters in a text message, from 1. guides/build/messages/send
pub const TEXT_CHARACTERS_MAX: usize = 3072;

/// Chips under one message. guides/build/messages/send
pub const SUGGESTIONS_MAX: usize = 11;

/// Characters shown on one suggestion, from 1. guides/build/messages/send
pub const SUGGESTION_TEXT_CHARACTERS_MAX: usize = 25;

/// Characters of a suggestion's postback data. guides/build/messages/send; the REST reference states no limit.
pub const POSTBACK_CHARACTERS_MAX: usize = 2048;

/// Seconds between submission and expiry: 15 days. guides/build/messages/send
pub const LIFETIME_SECONDS_MAX: u32 = 15 * 24 * 60 * 60;

/// Seconds below which Google warns that both a revocation and a delivery become likely. guides/build/messages/send
pub const LIFETIME_SECONDS_ADVISED_MIN: u32 = 10;

/// Bytes of a whole message as JSON. guides/build/messages/send says 250 KB; that a KB is 1,000 bytes is assumed, the smaller reading.
pub const MESSAGE_BYTES_MAX: usize = 250_000;

/// Cards in a carousel. guides/build/messages/send
pub const CAROUSEL_CARDS: std::ops::RangeInclusive<usize> = 2..=10;

/// UTF-8 bytes that still count as a basic message, and that one segment of a US rich message holds.
/// carriers/billing/us-billing-model; a client comment says characters.
pub const BASIC_MESSAGE_BYTES_MAX: usize = 160;

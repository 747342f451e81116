//! The rules about the shape of a message's JSON: what the contract can hold, whatever the platform. Their findings are made
//! where the JSON is read; here is what each means.

/// Each rule's name, and one sentence.
pub const RULES: [(&str, &str); 17] = [
    (
        "not-json",
        "The text is JSON (RFC 8259), with no name twice in an object and nothing after it.",
    ),
    (
        "type",
        "A field is of the kind that it has in MESSAGES.md: a string, a number, true or false, a list, an object.",
    ),
    (
        "required",
        "A field that a message cannot do without is there.",
    ),
    (
        "unknown-field",
        "Only fields of MESSAGES.md are there: one that is misspelt would change nothing and say nothing.",
    ),
    (
        "choice",
        "A field that takes one of some words has one of them.",
    ),
    (
        "content-exactly-one",
        "A message has exactly one of text, file, card and carousel.",
    ),
    (
        "file-exactly-one-source",
        "A file has a url or the name of an upload, and not both.",
    ),
    (
        "thumbnail-at-most-one-source",
        "A thumbnail has a url or the name of an upload, and not both.",
    ),
    (
        "suggestion-exactly-one-kind",
        "A suggestion is an object with one field, whose name is its kind.",
    ),
    (
        "coordinates-both",
        "A place has both of latitude and longitude, or neither.",
    ),
    (
        "expiry-at-most-one",
        "A lifetime and a time of expiry exclude each other.",
    ),
    (
        "send-at-time",
        "The time at which a message is to be sent is written as in RFC 3339: 2026-12-01T10:00:00Z.",
    ),
    (
        "send-at-too-far",
        "A message is scheduled up to 365 days ahead. One that was to be sent in the past is sent at once.",
    ),
    (
        "expiry-before-send-at",
        "A message does not run out before it is sent; a lifetime in seconds counts from when it is.",
    ),
    ("agent-unknown", "The agent is one of the gateway's."),
    (
        "agent-required",
        "Where a gateway has several agents, the message names one.",
    ),
    (
        "platform",
        "The platform refused this field; what it said is the finding's message.",
    ),
];

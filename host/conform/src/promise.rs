//! What a plugin promises.

/// One of the promises.
#[derive(Debug, Eq, PartialEq)]
pub struct Promise {
    /// A stable name.
    pub name: &'static str,
    /// A sentence.
    pub what: &'static str,
}

/// All of them.
pub const PROMISES: [Promise; 12] = [
    Promise {
        name: RETURNS,
        what: "whatever it is given, it returns, and within the host's limits",
    },
    Promise {
        name: DESCRIBES_ITSELF,
        what: "it has a name and a version, and says of each setting what it is for",
    },
    Promise {
        name: TAKES_GOOD_SETTINGS,
        what: "it finds no error in good settings",
    },
    Promise {
        name: ASKS_FOR_ITS_SETTINGS,
        what: "where a setting is missing that it requires, it says which",
    },
    Promise {
        name: KEEPS_NOTHING,
        what: "no call sees anything of a call before it",
    },
    Promise {
        name: ASKS_NOBODY,
        what: "only what sends, revokes, signals, asks or uploads makes requests",
    },
    Promise {
        name: BELIEVES_NOTHING,
        what: "what nobody has signed is no event, and is not answered 2xx",
    },
    Promise {
        name: JUDGES_ALIKE,
        what: "verify-signature and on-event come to the same verdict",
    },
    Promise {
        name: SENDS_NOTHING_WRONG,
        what: "a message with an error is refused, with its findings and without a request",
    },
    Promise {
        name: ACCEPTS_ONLY,
        what: "what the platform has not accepted is not accepted",
    },
    Promise {
        name: KNOWS_WHAT,
        what: "a request that was not sent may be sent later, and one without an answer is unknown",
    },
    Promise {
        name: KEEPS_THE_ID,
        what: "the receipt has the id of the message",
    },
];

pub(crate) const RETURNS: &str = "returns";
pub(crate) const DESCRIBES_ITSELF: &str = "describes-itself";
pub(crate) const TAKES_GOOD_SETTINGS: &str = "takes-good-settings";
pub(crate) const ASKS_FOR_ITS_SETTINGS: &str = "asks-for-its-settings";
pub(crate) const KEEPS_NOTHING: &str = "keeps-nothing";
pub(crate) const ASKS_NOBODY: &str = "asks-nobody-but-to-send";
pub(crate) const BELIEVES_NOTHING: &str = "believes-nothing-unsigned";
pub(crate) const JUDGES_ALIKE: &str = "judges-alike";
pub(crate) const SENDS_NOTHING_WRONG: &str = "sends-nothing-wrong";
pub(crate) const ACCEPTS_ONLY: &str = "accepts-only-what-was-accepted";
pub(crate) const KNOWS_WHAT: &str = "knows-what-it-does-not-know";
pub(crate) const KEEPS_THE_ID: &str = "keeps-the-id";

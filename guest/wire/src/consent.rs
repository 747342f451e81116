//! The words by which people say that they want no more messages, or messages again. guides/build/events/receive-events
//!
//! Who taps "Unsubscribe" does two things at once: the phone sends one of these words as an ordinary text, and the platform
//! sends an `UNSUBSCRIBE` event; "Resubscribe" does the same with the others and `SUBSCRIBE`. The platform blocks nothing
//! afterwards. The page names each word for these countries and says nothing of others.

/// A word, and where phones send it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keyword {
    /// As the page spells it.
    pub word: &'static str,
    /// Countries of numbers, by ISO 3166-1.
    pub countries: &'static [&'static str],
}

/// No more messages.
pub const UNSUBSCRIBE: [Keyword; 3] = [
    Keyword {
        word: "STOP",
        countries: &["US", "IN", "GB", "DE", "FR"],
    },
    Keyword {
        word: "BAJA",
        countries: &["ES", "MX"],
    },
    Keyword {
        word: "parar",
        countries: &["BR"],
    },
];

/// Messages again.
pub const RESUBSCRIBE: [Keyword; 4] = [
    Keyword {
        word: "START",
        countries: &["US", "IN", "GB", "DE"],
    },
    Keyword {
        word: "ALTA",
        countries: &["ES", "MX"],
    },
    Keyword {
        word: "Démarrer",
        countries: &["FR"],
    },
    Keyword {
        word: "começar",
        countries: &["BR"],
    },
];

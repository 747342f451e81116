//! What an event says of a person's consent. Pure: the words are the configuration's, the times are the event's.
//!
//! A keyword is a whole text and nothing else, whatever its case: a word in a sentence is conversation. Each counts from every
//! number, because a person's country is not the number's, and whoever writes "parar" means it. A suggestion that is tapped
//! does not count: its text is the application's, which knows what it offered. Nor does any other message after an opt-out:
//! that a person writes says nothing of wanting more than an answer, and an answer may be sent.

use crate::store::consent::{Consent, Reason, Wish};
use gateway_channel::{Fact, Inbound, ReceivedContent};
use jiff::Timestamp;

/// By which words people say what they want, besides the events of the platform. None by default.
#[derive(Clone, Debug, Default)]
pub struct OptOutRules {
    /// No more messages.
    pub stop_words: Vec<String>,
    /// Messages again.
    pub start_words: Vec<String>,
}

impl OptOutRules {
    /// What an event says. Nothing is wished in the future: a clock that is ahead would outweigh what comes after.
    pub(crate) fn read(&self, inbound: &Inbound, received_at: Timestamp) -> Option<Consent> {
        let (wish, reason) = match &inbound.fact {
            Fact::Unsubscribed => (Wish::OptedOut, Reason::Event),
            Fact::Resubscribed => (Wish::OptedIn, Reason::Event),
            Fact::Received(message) => match &message.content {
                ReceivedContent::Text(text) => {
                    (self.wish(text)?, Reason::Keyword(text.trim().to_owned()))
                }
                _ => return None,
            },
            _ => return None,
        };
        let at = inbound
            .at
            .as_deref()
            .and_then(|text| text.parse().ok())
            .unwrap_or(received_at);
        Some(Consent::new(wish, received_at.min(at), reason))
    }

    /// A word that is on both lists stops. Letters with marks count as composed, which is how phones send them: one that is
    /// not starts nothing again, and no word that stops has any.
    fn wish(&self, text: &str) -> Option<Wish> {
        let text = text.trim().to_lowercase();
        let is_one = |words: &[String]| {
            !text.is_empty() && words.iter().any(|word| word.to_lowercase() == text)
        };
        match (is_one(&self.stop_words), is_one(&self.start_words)) {
            (true, _) => Some(Wish::OptedOut),
            (false, true) => Some(Wish::OptedIn),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::{ReceivedMessage, Tap};

    fn rules() -> OptOutRules {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        OptOutRules {
            stop_words: words(&["STOP", "parar", "Şimdi"]),
            start_words: words(&["START", "começar", "Démarrer"]),
        }
    }

    fn inbound(at: Option<&str>, fact: Fact) -> Inbound {
        Inbound {
            dedupe_key: "k".into(),
            agent: "demo@example".into(),
            phone: Some("+15550100001".into()),
            at: at.map(str::to_owned),
            fact,
            details: Vec::new(),
            raw: Vec::new(),
        }
    }

    fn received(content: ReceivedContent) -> Fact {
        Fact::Received(ReceivedMessage {
            id: "u1".into(),
            content,
            message_class: None,
            segments: None,
            carrier: None,
        })
    }

    fn wish(rules: &OptOutRules, fact: Fact) -> Option<Wish> {
        rules
            .read(&inbound(None, fact), Timestamp::UNIX_EPOCH)
            .map(|consent| consent.wish())
    }

    #[test]
    fn a_keyword_is_a_whole_text_whatever_its_case() {
        use Wish::{OptedIn, OptedOut};
        for (text, expected) in [
            ("STOP", Some(OptedOut)),
            ("stop", Some(OptedOut)),
            (" Stop\n", Some(OptedOut)),
            ("\u{a0}stop\u{2003}", Some(OptedOut)),
            ("PARAR", Some(OptedOut)),
            ("şimdi", Some(OptedOut)),
            ("start", Some(OptedIn)),
            ("COMEÇAR", Some(OptedIn)),
            ("DÉMARRER", Some(OptedIn)),
            ("démarrer", Some(OptedIn)),
            ("demarrer", None),
            ("STOP.", None),
            ("stop it", None),
            ("please stop", None),
            ("nonstop", None),
            ("", None),
            ("  ", None),
        ] {
            assert_eq!(
                wish(&rules(), received(ReceivedContent::Text(text.into()))),
                expected,
                "{text:?}"
            );
            assert_eq!(
                wish(
                    &OptOutRules::default(),
                    received(ReceivedContent::Text(text.into()))
                ),
                None,
                "{text:?}"
            );
        }
        let both = OptOutRules {
            start_words: vec!["stop".into()],
            ..rules()
        };
        assert_eq!(
            wish(&both, received(ReceivedContent::Text("stop".into()))),
            Some(OptedOut)
        );
        let empty = OptOutRules {
            stop_words: vec![String::new()],
            ..rules()
        };
        assert_eq!(
            wish(&empty, received(ReceivedContent::Text(" ".into()))),
            None
        );
    }

    #[test]
    fn what_the_platform_says_counts_without_words_and_nothing_else_does() {
        let tap = Tap {
            postback: "STOP".into(),
            text: Some("STOP".into()),
            kind: None,
        };
        for (fact, expected) in [
            (Fact::Unsubscribed, Some(Wish::OptedOut)),
            (Fact::Resubscribed, Some(Wish::OptedIn)),
            (received(ReceivedContent::Tap(tap)), None),
            (received(ReceivedContent::Other("STOP".into())), None),
            (Fact::Typing, None),
            (Fact::Read("STOP".into()), None),
            (Fact::Unrecognised(Some("STOP".into())), None),
        ] {
            assert_eq!(wish(&rules(), fact.clone()), expected, "{fact:?}");
            assert_eq!(
                wish(&OptOutRules::default(), fact.clone()),
                expected,
                "{fact:?}"
            );
        }
    }

    #[test]
    fn it_is_known_since_when_and_how() {
        let received_at: Timestamp = "2026-11-25T10:00:00Z".parse().expect("a time");
        let stop = received(ReceivedContent::Text(" Stop ".into()));
        for (at, fact, since, reason) in [
            (
                Some("2026-11-25T09:59:58.5Z"),
                Fact::Unsubscribed,
                "2026-11-25T09:59:58.5Z",
                Reason::Event,
            ),
            (
                None,
                Fact::Unsubscribed,
                "2026-11-25T10:00:00Z",
                Reason::Event,
            ),
            (
                Some("soon"),
                Fact::Unsubscribed,
                "2026-11-25T10:00:00Z",
                Reason::Event,
            ),
            (
                Some("2027-01-01T00:00:00Z"),
                Fact::Unsubscribed,
                "2026-11-25T10:00:00Z",
                Reason::Event,
            ),
            (
                Some("2026-11-25T09:00:00Z"),
                stop,
                "2026-11-25T09:00:00Z",
                Reason::Keyword("Stop".into()),
            ),
        ] {
            let consent = rules()
                .read(&inbound(at, fact), received_at)
                .expect("a wish");
            assert_eq!(
                (consent.at().to_string().as_str(), consent.reason()),
                (since, &reason),
                "{at:?}"
            );
        }
    }
}

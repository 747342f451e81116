//! What an event says of a person's consent. Pure: the words are the configuration's, the times are the event's.
//!
//! A keyword is a whole text and nothing else, whatever its case and whatever stands around it that is no letter and no digit:
//! people write `Stop.`, `"STOP"` and what their keyboard adds unseen. A word in a sentence is conversation. Each counts from
//! every number, because a person's country is not the number's, and whoever writes "parar" means it. A suggestion that is
//! tapped does not count: its text is the application's, which knows what it offered. Nor does any other message after an
//! opt-out: that a person writes says nothing of wanting more than an answer, and an answer may be sent.

use crate::store::consent::{Consent, Reason, Wish};
use gateway_channel::{Fact, Inbound, ReceivedContent};
use jiff::Timestamp;
use rbm_json::excerpt::excerpt;

/// By which words people say what they want, besides the events of the platform. None by default.
#[derive(Clone, Debug, Default)]
pub struct OptOutRules {
    /// No more messages.
    pub stop_words: Vec<Keyword>,
    /// Messages again.
    pub start_words: Vec<Keyword>,
}

/// A word or a short phrase of up to 3 words and 40 characters. Two are equal that a person need not tell apart: their case, and
/// what is around them, does not matter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Keyword(String);

impl Keyword {
    /// None for what is empty, longer, or begins with something else than a letter or a digit.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let compared = compared(text);
        let is_short = text.chars().count() <= KEYWORD_CHARACTERS_MAX
            && compared.split(' ').count() <= KEYWORD_WORDS_MAX;
        (text.starts_with(char::is_alphanumeric) && is_short).then_some(Self(compared))
    }
}

impl OptOutRules {
    /// What an event says. Nothing is wished in the future: a clock that is ahead would outweigh what comes after.
    pub(crate) fn read(&self, inbound: &Inbound, received_at: Timestamp) -> Option<Consent> {
        let (wish, reason) = match &inbound.fact {
            Fact::Unsubscribed => (Wish::OptedOut, Reason::Event),
            Fact::Resubscribed => (Wish::OptedIn, Reason::Event),
            Fact::Received(message) => match &message.content {
                ReceivedContent::Text(text) => {
                    (self.wish(text)?, Reason::Keyword(excerpt(text.trim())))
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

    /// A word that is on both lists stops. Letters with marks count as composed, which is how phones send them.
    fn wish(&self, text: &str) -> Option<Wish> {
        let text = compared(text);
        let is_one = |words: &[Keyword]| words.iter().any(|Keyword(word)| *word == text);
        match (is_one(&self.stop_words), is_one(&self.start_words)) {
            (true, _) => Some(Wish::OptedOut),
            (false, true) => Some(Wish::OptedIn),
            (false, false) => None,
        }
    }
}

/// Without what cannot be seen and what stands around the words, in lower case, and with one blank between two words.
fn compared(text: &str) -> String {
    let visible: String = text.chars().filter(|it| !is_invisible(*it)).collect();
    let words = visible.trim_matches(|it: char| !it.is_alphanumeric() || is_modifier(it));
    // Whoever writes OPT-OUT means OPT OUT.
    let is_between = |it: char| it.is_whitespace() || matches!(it, '-' | '\u{2010}'..='\u{2015}');
    let words: Vec<&str> = words
        .split(is_between)
        .filter(|word| !word.is_empty())
        .collect();
    // A Turkish keyboard makes İ of i, whose lower case is an i with a dot of its own.
    words.join(" ").to_lowercase().replace("i\u{307}", "i")
}

/// Unicode's `Default_Ignorable_Code_Point`, as far as it is on a keyboard or in a copied text: soft hyphens, zero widths,
/// directional marks, variation selectors, a byte order mark, fillers, tags.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Unicode counts these apostrophes and primes as letters.
fn is_modifier(character: char) -> bool {
    matches!(character, '\u{2b9}'..='\u{2c1}' | '\u{2c6}'..='\u{2d1}' | '\u{2ee}')
}

const KEYWORD_WORDS_MAX: usize = 3;
const KEYWORD_CHARACTERS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_channel::{ReceivedMessage, Tap};

    fn rules() -> OptOutRules {
        OptOutRules {
            stop_words: keywords(&["STOP", "parar", "Şimdi", "OPT OUT", "iptal"]),
            start_words: keywords(&["START", "começar", "Démarrer"]),
        }
    }

    fn keywords(words: &[&str]) -> Vec<Keyword> {
        let parse = |word: &&str| Keyword::parse(word).expect("a keyword");
        words.iter().map(parse).collect()
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
    fn a_keyword_is_a_whole_text_whatever_its_case_and_whatever_is_around_it() {
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
            ("İPTAL", Some(OptedOut)),
            ("Stop.", Some(OptedOut)),
            ("STOP!!!", Some(OptedOut)),
            ("¡STOP!", Some(OptedOut)),
            ("… stop …", Some(OptedOut)),
            ("*STOP*", Some(OptedOut)),
            ("/stop", Some(OptedOut)),
            ("STOP 🛑", Some(OptedOut)),
            ("\"STOP\"", Some(OptedOut)),
            ("'stop'", Some(OptedOut)),
            ("`stop´", Some(OptedOut)),
            ("“STOP”", Some(OptedOut)),
            ("„STOP“", Some(OptedOut)),
            ("‚stop‘", Some(OptedOut)),
            ("« STOP »", Some(OptedOut)),
            ("‹STOP›", Some(OptedOut)),
            ("「STOP」。", Some(OptedOut)),
            ("＂STOP＂", Some(OptedOut)),
            ("ʼstopʼ", Some(OptedOut)),
            ("\u{200b}STOP\u{200b}", Some(OptedOut)),
            ("\u{feff}STOP", Some(OptedOut)),
            ("STOP\u{fe0f}", Some(OptedOut)),
            ("\u{202b}STOP\u{202c}", Some(OptedOut)),
            ("\u{2068}STOP.\u{2069}\u{200e}", Some(OptedOut)),
            ("ST\u{ad}OP\u{ad}", Some(OptedOut)),
            ("STOP\u{e007f}", Some(OptedOut)),
            ("\u{3164}STOP\u{3164}", Some(OptedOut)),
            ("STOP\u{0}\u{fffc}", Some(OptedOut)),
            ("opt  out.", Some(OptedOut)),
            ("OPT-OUT", Some(OptedOut)),
            ("“Start”", Some(OptedIn)),
            ("opt. out", None),
            ("optout", None),
            ("STOP 2", None),
            ("s.t.o.p", None),
            ("don't stop", None),
            ("...", None),
            ("\u{200b}", None),
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
            start_words: keywords(&["stop"]),
            ..rules()
        };
        assert_eq!(
            wish(&both, received(ReceivedContent::Text("stop".into()))),
            Some(OptedOut)
        );
    }

    #[test]
    fn a_keyword_is_a_word_or_a_short_phrase() {
        let long = "x".repeat(40);
        for text in ["STOP", "no more messages", " END. ", "வேண்டாம்", "1", &long] {
            assert!(Keyword::parse(text).is_some(), "{text:?}");
        }
        let longer = "x".repeat(41);
        for text in [
            "",
            " ",
            "!",
            "\u{200b}",
            "–BAJA",
            "\"STOP\"",
            "no more messages please",
            &longer,
        ] {
            assert_eq!(Keyword::parse(text), None, "{text:?}");
        }
        assert_eq!(Keyword::parse("Opt  out!"), Keyword::parse("OPT OUT"));
        assert_ne!(Keyword::parse("OPTOUT"), Keyword::parse("OPT OUT"));
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
            (
                Some("2026-11-25T09:00:00Z"),
                received(ReceivedContent::Text(format!("STOP{}", "!".repeat(3_000)))),
                "2026-11-25T09:00:00Z",
                Reason::Keyword(format!("STOP{}…", "!".repeat(60))),
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

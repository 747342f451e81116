//! The words by which people opt out, as Google publishes them and a configuration changes them. Each counts from every number,
//! whatever its country.

use crate::config::OptOut;
use rbm_gateway::{Keyword, OptOutRules};
use rbm_wire::consent::{self, RESUBSCRIBE, UNSUBSCRIBE};

/// None where keywords are not to count: then only the platform's own events do.
pub(crate) fn rules(opt_out: &OptOut) -> OptOutRules {
    if !opt_out.keywords {
        return OptOutRules::default();
    }
    let mut rules = published();
    rules
        .stop_words
        .retain(|word| !opt_out.removed.contains(word));
    rules.stop_words.extend(opt_out.added.iter().cloned());
    rules
}

/// Google's.
pub(crate) fn published() -> OptOutRules {
    OptOutRules {
        stop_words: keywords(&UNSUBSCRIBE),
        start_words: keywords(&RESUBSCRIBE),
    }
}

fn keywords(published: &[consent::Keyword]) -> Vec<Keyword> {
    published
        .iter()
        .map(|keyword| Keyword::parse(keyword.word).expect("Google's words are short"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_as_published_and_configured_unless_they_are_turned_off() {
        let words = |words: &[&str]| -> Vec<Keyword> {
            let parse = |word: &&str| Keyword::parse(word).expect("a word");
            words.iter().map(parse).collect()
        };
        for (keywords, added, removed, expected) in [
            (true, &[][..], &[][..], &["STOP", "BAJA", "parar"][..]),
            (
                true,
                &["END", "opt out"],
                &["baja"],
                &["STOP", "parar", "END", "OPT OUT"],
            ),
            (false, &[], &[], &[]),
        ] {
            let rules = rules(&OptOut {
                keywords,
                added: words(added),
                removed: words(removed),
            });
            assert_eq!(rules.stop_words, words(expected));
            let start: &[&str] = if keywords {
                &["START", "ALTA", "Démarrer", "começar"]
            } else {
                &[]
            };
            assert_eq!(rules.start_words, words(start));
        }
    }
}

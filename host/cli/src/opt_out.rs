//! The words by which people opt out, as Google publishes them. Each counts from every number, whatever its country.

use rbm_gateway::OptOutRules;
use rbm_wire::consent::{Keyword, RESUBSCRIBE, UNSUBSCRIBE};

/// None where keywords are not to count: then only the platform's own events do.
pub(crate) fn rules(keywords: bool) -> OptOutRules {
    if !keywords {
        return OptOutRules::default();
    }
    let words = |keywords: &[Keyword]| {
        keywords
            .iter()
            .map(|keyword| keyword.word.to_owned())
            .collect()
    };
    OptOutRules {
        stop_words: words(&UNSUBSCRIBE),
        start_words: words(&RESUBSCRIBE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_unless_they_are_turned_off() {
        let OptOutRules {
            stop_words,
            start_words,
        } = rules(true);
        assert_eq!(stop_words, ["STOP", "BAJA", "parar"]);
        assert_eq!(start_words, ["START", "ALTA", "Démarrer", "começar"]);
        let OptOutRules {
            stop_words,
            start_words,
        } = rules(false);
        assert!(stop_words.is_empty() && start_words.is_empty());
    }
}

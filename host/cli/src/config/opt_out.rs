//! Reads by which words people opt out. A word that cannot count is found, never left out: whoever configured it relies on it.

use super::finding::{Finding, Rule};
use super::given::Item;
use super::reading::{Reading, Section};
use super::validated::OptOut;
use crate::excerpt::excerpt;
use crate::opt_out;
use rbm_gateway::Keyword;
use rbm_json::nearest;
use rbm_wire::consent::UNSUBSCRIBE;

/// `[opt_out]`.
pub(super) fn read_opt_out(reading: &Reading<'_>) -> Option<OptOut> {
    let section = reading.section("opt_out");
    let keywords = section.boolean("keywords")?;
    let items = section.list("words")?;
    if !keywords && !items.is_empty() {
        turned_off(&section);
    }
    let words: Vec<Word<'_>> = items
        .iter()
        .filter_map(|item| read_word(&section, item))
        .collect();
    check_contradictions(&section, &words);
    let those = |removed: bool| {
        let those = words.iter().filter(move |word| word.is_removed == removed);
        those.map(|word| word.keyword.clone()).collect()
    };
    Some(OptOut {
        keywords,
        added: those(false),
        removed: those(true),
    })
}

/// A word that is added to Google's, or is one of Google's and removed.
struct Word<'a> {
    keyword: Keyword,
    is_removed: bool,
    item: &'a Item,
}

fn read_word<'a>(section: &Section<'_>, item: &'a Item) -> Option<Word<'a>> {
    let (written, is_removed) = match item.text.strip_prefix('-') {
        Some(written) => (written, true),
        None => (item.text.as_str(), false),
    };
    let Some(keyword) = Keyword::parse(written) else {
        refuse(section, item, Rule::Word, WORD_RULE, None);
        return None;
    };
    let google = opt_out::published();
    if is_removed && !google.stop_words.contains(&keyword) {
        no_such_word(section, item, written);
        return None;
    }
    if !is_removed && google.start_words.contains(&keyword) {
        let why = "that is a word by which people want messages again";
        refuse(section, item, Rule::Word, why, None);
        return None;
    }
    Some(Word {
        keyword,
        is_removed,
        item,
    })
}

fn no_such_word(section: &Section<'_>, item: &Item, written: &str) {
    let words = UNSUBSCRIBE.map(|published| published.word);
    let why = format!(
        "there is no such word to remove; there are {}",
        words.join(", ")
    );
    let likeness = words.map(str::to_lowercase);
    let help = nearest(likeness.iter().map(String::as_str), &written.to_lowercase())
        .map(|word| format!("did you mean \"-{word}\"?"));
    refuse(section, item, Rule::Word, &why, help);
}

/// Found: a word that is added and removed.
fn check_contradictions(section: &Section<'_>, words: &[Word<'_>]) {
    for (place, word) in words.iter().enumerate() {
        let contradicts = |earlier: &&Word<'_>| {
            earlier.keyword == word.keyword && earlier.is_removed != word.is_removed
        };
        if let Some(earlier) = words[..place].iter().find(contradicts) {
            let rule = format!(
                "{}[{}] is {:?}, which excludes it",
                section.at("words"),
                earlier.item.index,
                excerpt(&earlier.item.text)
            );
            refuse(section, word.item, Rule::Excluded, &rule, None);
        }
    }
}

/// A list of words of which none counts would look as if they did.
fn turned_off(section: &Section<'_>) {
    let message = "opt_out.words has words, and opt_out.keywords is false: none counts".to_owned();
    let help = "to have other words than Google's, leave keywords out and remove Google's: words = [\"-STOP\"]";
    let finding = Finding::error(Rule::Excluded, message, section.origin_of("words"));
    section.find(finding.with_help(Some(help.to_owned())));
}

fn refuse(section: &Section<'_>, item: &Item, rule: Rule, why: &str, help: Option<String>) {
    let message = format!(
        "{}[{}] is {:?}, and {why}",
        section.at("words"),
        item.index,
        excerpt(&item.text)
    );
    section.find(Finding::error(rule, message, item.origin.clone()).with_help(help));
}

const WORD_RULE: &str = "must be a word, or a phrase of up to 3 words and 40 characters, that begins with a letter or a digit; one of \
     Google's words is removed by a minus before it";

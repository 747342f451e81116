//! What each behaviour of this platform rests on, so that nobody takes a guess for Google's word.
//!
//! The statements stand beside the code that they are about; here they are only collected.

use crate::{api, check, json, mask, platform, push, refusal, region, schema, token, upload, upstream};

/// One thing that the platform does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// A stable name.
    pub id: &'static str,
    /// In a sentence.
    pub what: &'static str,
    /// How sure it is.
    pub basis: Basis,
    /// Who says so: a page, a repository, or for what is assumed the reason.
    pub source: &'static str,
    /// The option that makes it otherwise, where Google's pages leave it open.
    pub switch: Option<&'static str>,
    /// The test that shows it.
    pub test: &'static str,
}

/// How sure a behaviour is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis {
    /// A page of Google's says so.
    Documented,
    /// Only others say so, or it was seen of other APIs of Google's.
    SecondHand,
    /// Nobody says so.
    Assumed,
}

/// Every behaviour that is stated.
pub fn all() -> impl Iterator<Item = &'static Behaviour> {
    let lists = [
        api::BEHAVIOURS,
        check::BEHAVIOURS,
        json::BEHAVIOURS,
        mask::BEHAVIOURS,
        refusal::BEHAVIOURS,
        region::BEHAVIOURS,
        schema::BEHAVIOURS,
        token::BEHAVIOURS,
        upload::BEHAVIOURS,
        upstream::BEHAVIOURS,
    ];
    let lists = lists.into_iter().chain(push::BEHAVIOURS.iter().copied());
    lists.flatten().copied().chain(platform::behaviours())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_behaviour_has_a_name_of_its_own_and_a_test() {
        let directories = ["src", "src/api", "src/platform", "src/push", "src/push/queue", "src/upstream", "tests"];
        let sources: String = directories.into_iter().map(rust_files).collect();
        let ids: BTreeSet<&str> = all().map(|behaviour| behaviour.id).collect();
        assert_eq!(ids.len(), all().count());
        for behaviour in all() {
            assert!(sources.contains(&format!("fn {}()", behaviour.test)), "{behaviour:?}");
        }
    }

    fn rust_files(directory: &str) -> String {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let files = std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
        let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        rust.map(|path| std::fs::read_to_string(path).expect("a source")).collect()
    }
}

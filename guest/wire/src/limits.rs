//! What RBM allows: the rows of `limits.tsv` as constants, one a rule. Characters are Unicode scalar values.

pub use table::*;

#[expect(clippy::unreadable_literal, reason = "as the table has them")]
mod table {
    use super::{Basis, Limit, Row};
    include!(concat!(env!("OUT_DIR"), "/limits.rs"));
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// A stable name.
    pub rule: &'static str,
    /// The least, where the rule has one.
    pub minimum: Option<i64>,
    /// The most, where the rule has one.
    pub maximum: Option<i64>,
    /// Of what there is so much.
    pub unit: &'static str,
    /// The platform takes what breaks the rule, and it may not come out as meant.
    pub warning: bool,
    /// Below [`PAGES`]; empty where the rule is not Google's.
    pub source: &'static str,
    /// What to do about it, and about too much.
    pub hint: &'static str,
    /// What to do about too little. The same as `hint` where that fits both ends, or the rule has only one.
    pub hint_below: &'static str,
}

impl Limit {
    /// Whether so much is allowed.
    pub fn allows(&self, value: i64) -> bool {
        self.minimum.is_none_or(|minimum| value >= minimum)
            && self.maximum.is_none_or(|maximum| value <= maximum)
    }

    /// The same for a number of things.
    pub fn allows_count(&self, count: usize) -> bool {
        i64::try_from(count).is_ok_and(|count| self.allows(count))
    }

    /// The most, for a rule about how long or how many.
    pub fn most(&self) -> usize {
        self.maximum
            .and_then(|maximum| maximum.try_into().ok())
            .unwrap_or(usize::MAX)
    }

    /// `1 to 25 characters`. None where the rule is not one of numbers.
    pub fn bounds(&self) -> Option<String> {
        let unit = self.unit;
        match (self.minimum, self.maximum) {
            (Some(minimum), Some(maximum)) => Some(format!("{minimum} to {maximum} {unit}")),
            (None, Some(maximum)) => Some(format!("{maximum} {unit}")),
            (Some(minimum), None) => Some(format!("at least {minimum} {unit}")),
            (None, None) => None,
        }
    }
}

/// A rule with what only people want to know of it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The rule.
    pub limit: Limit,
    /// Where in a message, as a path of the contract's fields; `[]` stands for any element.
    pub path: &'static str,
    /// Who says so.
    pub basis: Basis,
    /// One or two sentences.
    pub about: &'static str,
}

/// How sure a rule is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis {
    /// Google's page says so.
    Published,
    /// Google's pages leave it open, or contradict each other; or only others say so.
    Assumed,
    /// This project's own.
    Ours,
}

/// Where the sources are.
pub const PAGES: &str =
    "https://developers.google.com/business-communications/rcs-business-messaging/";

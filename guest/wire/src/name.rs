//! The names that appear in RBM's addresses, parsed once so that no address can be built from anything else.

use crate::quoted::Quoted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A phone number in E.164: a plus sign, then 2 to 15 digits of which the first is not 0 (ITU-T E.164 §6).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Takes `+15550100001`; nothing is trimmed or guessed.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        let digits = text
            .strip_prefix('+')
            .ok_or_else(|| NameProblem::phone(text))?;
        let well_formed = (2..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameProblem::phone(text))
        }
    }

    /// With the plus sign.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An agent, by the part before `@rbm.goog`: Google's pages use both spellings, so they compare equal here.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct AgentId(String);

impl AgentId {
    const SUFFIX: &str = "@rbm.goog";

    /// Takes `demo` and `demo@rbm.goog`. Google states no alphabet; letters, digits, `_`, `-` and `.` are what is seen.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        let bare = text.strip_suffix(Self::SUFFIX).unwrap_or(text);
        if is_plain(bare, 128) {
            Ok(Self(bare.to_owned()))
        } else {
            Err(NameProblem::new("an agent id", AGENT_RULE, text))
        }
    }

    /// Without the suffix, as the `agentId` parameter takes it.
    pub fn bare(&self) -> &str {
        &self.0
    }

    /// With the suffix, as callbacks carry it.
    pub fn full(&self) -> String {
        format!("{}{}", self.0, Self::SUFFIX)
    }
}

/// The id of a message or an event that the sender chose.
///
/// Documented as a UUID (reference/rest/v1/phones.agentMessages/create), which Google visibly does not enforce: its own
/// scripts use `123456661`. What is enforced here is that it fits an address.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct MessageId(String);

impl MessageId {
    /// Takes letters, digits, `_`, `-` and `.`, 1 to 64 of them. That 64 is the platform's limit is unconfirmed.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        if is_plain(text, 64) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameProblem::new("a message id", ID_RULE, text))
        }
    }

    /// As it stands in an address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is what Google asks for: hexadecimal digits in groups of 8, 4, 4, 4 and 12 (RFC 9562 §4).
    pub fn is_uuid(&self) -> bool {
        self.0.len() == UUID_LENGTH
            && self.0.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    }
}

/// Read from JSON as it is parsed, and so never anything else than a name.
impl TryFrom<String> for PhoneNumber {
    type Error = NameProblem;

    fn try_from(text: String) -> Result<Self, NameProblem> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(PhoneNumber(text): PhoneNumber) -> Self {
        text
    }
}

impl TryFrom<String> for AgentId {
    type Error = NameProblem;

    fn try_from(text: String) -> Result<Self, NameProblem> {
        Self::parse(&text)
    }
}

/// Without the suffix.
impl From<AgentId> for String {
    fn from(AgentId(bare): AgentId) -> Self {
        bare
    }
}

impl TryFrom<String> for MessageId {
    type Error = NameProblem;

    fn try_from(text: String) -> Result<Self, NameProblem> {
        Self::parse(&text)
    }
}

impl From<MessageId> for String {
    fn from(MessageId(text): MessageId) -> Self {
        text
    }
}

/// Why a text is not a name of its kind.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} is not {what}: {rule}", Quoted(.value))]
pub struct NameProblem {
    what: &'static str,
    rule: &'static str,
    value: String,
}

impl NameProblem {
    fn new(what: &'static str, rule: &'static str, value: &str) -> Self {
        Self {
            what,
            rule,
            value: value.chars().take(VALUE_CHARACTERS_SHOWN).collect(),
        }
    }

    fn phone(value: &str) -> Self {
        Self::new(
            "an E.164 phone number",
            "a plus sign, then 2 to 15 digits, the first not 0",
            value,
        )
    }

    /// What a name of this kind looks like.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// No separators and no dot segments, so that a name can never change the path that it is put into.
fn is_plain(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && text.bytes().any(|byte| byte != b'.')
}

const AGENT_RULE: &str = "1 to 128 letters, digits, `_`, `-` or `.`, with or without @rbm.goog";
const ID_RULE: &str = "1 to 64 letters, digits, `_`, `-` or `.`";
const UUID_LENGTH: usize = 36;
const VALUE_CHARACTERS_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_a_plus_sign_and_2_to_15_digits() {
        for good in ["+15550100001", "+12", "+123456789012345"] {
            assert_eq!(
                PhoneNumber::parse(good).map(|phone| phone.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in [
            "",
            "+",
            "+1",
            "15550100001",
            "+05550100001",
            "+1555010000a",
            "+1234567890123456",
            "+1 555",
            "+١٢٣",
            "+1\n2",
        ] {
            assert!(PhoneNumber::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_uuid_has_its_dashes_where_they_belong() {
        for (id, is_uuid) in [
            ("3f1c0f5e-0000-4000-8000-00000000000f", true),
            ("3F1C0F5E-0000-7000-8000-00000000000F", true),
            ("3f1c0f5e000040008000000000000000", false),
            ("3f1c0f5e-0000-4000-8000-0000000000000", false),
            ("3f1c0f5e-0000-4000-80000-00000000000", false),
            ("3f1c0f5g-0000-4000-8000-000000000000", false),
            ("123456661", false),
        ] {
            assert_eq!(
                MessageId::parse(id).map(|id| id.is_uuid()),
                Ok(is_uuid),
                "{id}"
            );
        }
    }

    #[test]
    fn both_spellings_of_an_agent_are_the_same_agent() {
        assert_eq!(AgentId::parse("demo"), AgentId::parse("demo@rbm.goog"));
        assert_eq!(
            AgentId::parse("demo@rbm.goog").map(|agent| agent.full()),
            Ok("demo@rbm.goog".to_owned())
        );
    }

    #[test]
    fn a_name_in_json_is_parsed_as_anywhere() {
        let names = r#"["+15550100001","demo@rbm.goog","m-1"]"#;
        let read: (PhoneNumber, AgentId, MessageId) =
            serde_json::from_str(names).expect("three names");
        assert_eq!(
            serde_json::to_string(&read).expect("three texts"),
            r#"["+15550100001","demo","m-1"]"#
        );
        let problem = serde_json::from_str::<PhoneNumber>(r#""0049""#)
            .expect_err("no number")
            .to_string();
        assert!(
            problem.starts_with(r#""0049" is not an E.164 phone number"#),
            "{problem}"
        );
        assert!(
            serde_json::from_str::<MessageId>(r#""a/b""#).is_err()
                && serde_json::from_str::<AgentId>("5").is_err()
        );
    }

    #[test]
    fn no_name_can_change_the_path_that_it_is_put_into() {
        for hostile in [
            "..", ".", "a/b", "a%2fb", "a?b", "a#b", "a b", "ä", "a\r\nb", "",
        ] {
            assert!(MessageId::parse(hostile).is_err(), "{hostile:?}");
            assert!(AgentId::parse(hostile).is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn a_problem_names_the_thing_the_rule_and_the_value() {
        let problem = PhoneNumber::parse("0049")
            .map(|_| ())
            .map_err(|problem| problem.to_string());
        let expected = r#""0049" is not an E.164 phone number: a plus sign, then 2 to 15 digits, the first not 0"#;
        assert_eq!(problem, Err(expected.to_owned()));
    }
}

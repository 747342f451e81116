//! What the fields of brands and agents may say.

use super::Refused;
use crate::fidelity::{Basis, Behaviour};
use crate::refusal::violation;
use rbm_wire::problem::FieldViolation;
use serde_json::Value;

pub(super) fn brand(display_name: &str) -> Result<(), Refused> {
    all_of([
        required("displayName", display_name),
        no_longer("displayName", display_name, BRAND_NAME_LENGTH_MAX),
    ])
}

pub(super) fn agent(document: &Value, name_length_max: usize) -> Result<(), Refused> {
    let name = document["displayName"].as_str().unwrap_or_default();
    let profile = &document[PROFILE];
    let text = |field: &str| profile[field].as_str().unwrap_or_default();
    all_of([
        required("displayName", name),
        no_longer("displayName", name, name_length_max),
        no_longer(
            &inside("description"),
            text("description"),
            DESCRIPTION_LENGTH_MAX,
        ),
        websites(profile),
        color(profile["color"].as_str()),
    ])
}

/// It decides where data lies, and is chosen once. (guides/build/agents/create-agent)
pub(super) fn hosting_region_stays(before: &Value, after: &Value) -> Result<(), Refused> {
    let (before, after) = (
        &before[PROFILE]["hostingRegion"],
        &after[PROFILE]["hostingRegion"],
    );
    let moves = !before.is_null() && before != after;
    all_of([moves.then(|| {
        violation(
            inside("hostingRegion"),
            format!("it is {before} and cannot be changed"),
        )
    })])
}

pub(super) fn verification_contact(contact: &Value) -> Result<(), Refused> {
    let missing = |field: &str| {
        let field = format!("agentVerificationContact.{field}");
        required(
            &field,
            contact[field.rsplit('.').next().unwrap_or_default()]
                .as_str()
                .unwrap_or_default(),
        )
    };
    all_of(VERIFICATION_CONTACT.map(missing))
}

/// `/v1/regions/fi-rcs`
pub(super) fn carrier(name: &str) -> Result<(), Refused> {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let id = name.strip_prefix("/v1/regions/").unwrap_or_default();
    let is_one = !id.is_empty() && id.len() <= CARRIER_LENGTH_MAX && id.chars().all(plain);
    let rule = format!(
        "{:?} is not the name of a region, such as /v1/regions/fi-rcs",
        crate::excerpt::excerpt(name)
    );
    all_of([(!is_one).then(|| violation("launchDetails", rule))])
}

fn all_of<const N: usize>(checked: [Option<FieldViolation>; N]) -> Result<(), Refused> {
    let wrong: Vec<FieldViolation> = checked.into_iter().flatten().collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Refused::Invalid(wrong))
    }
}

fn required(field: &str, text: &str) -> Option<FieldViolation> {
    text.trim()
        .is_empty()
        .then(|| violation(field, format!("{field} is required")))
}

fn no_longer(field: &str, text: &str, length_max: usize) -> Option<FieldViolation> {
    let length = text.chars().count();
    (length > length_max).then(|| {
        violation(
            field,
            format!("{field} has {length} characters, the limit is {length_max}"),
        )
    })
}

fn websites(profile: &Value) -> Option<FieldViolation> {
    let count = profile["websites"].as_array().map_or(0, Vec::len);
    let rule = || format!("there are {count} websites, the limit is {WEBSITES_MAX}");
    (count > WEBSITES_MAX).then(|| violation(inside("websites"), rule()))
}

fn color(color: Option<&str>) -> Option<FieldViolation> {
    let is_hex =
        |digits: &str| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let color = color.filter(|color| !color.strip_prefix('#').is_some_and(is_hex))?;
    let rule = format!(
        "{:?} is not # and six hexadecimal digits",
        crate::excerpt::excerpt(color)
    );
    Some(violation(inside("color"), rule))
}

fn inside(field: &str) -> String {
    format!("{PROFILE}.{field}")
}

pub(super) const PROFILE: &str = "rcsBusinessMessagingAgent";
const BRAND_NAME_LENGTH_MAX: usize = 100;
const DESCRIPTION_LENGTH_MAX: usize = 100;
const WEBSITES_MAX: usize = 3;
/// Ours, so that memory has an end.
const CARRIER_LENGTH_MAX: usize = 64;
const VERIFICATION_CONTACT: [&str; 5] = [
    "partnerName",
    "partnerEmailAddress",
    "brandContactName",
    "brandContactEmailAddress",
    "brandWebsiteUrl",
];

pub(super) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "business-limits",
        what: "A description has at most 100 characters, an agent at most 3 websites and a colour of # and six digits, whose \
               contrast is not looked at; displayName is required",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/brands.agents; that displayName is required, and the texts, are assumed",
        switch: None,
        test: "each_limit_names_its_field",
    },
    &Behaviour {
        id: "business-agent-name-length",
        what: "An agent's displayName has at most 40 characters",
        basis: Basis::Documented,
        source: "reference/business-communications/rest/v1/brands.agents; clients of 2025 say 100",
        switch: Some("agent_name_length_max"),
        test: "each_limit_names_its_field",
    },
    &Behaviour {
        id: "business-hosting-region",
        what: "An agent's hostingRegion is not changed once it is chosen: 400. It changes nothing about where the agent is reached",
        basis: Basis::Documented,
        source: "guides/build/agents/create-agent; the answer is assumed",
        switch: None,
        test: "each_limit_names_its_field",
    },
];

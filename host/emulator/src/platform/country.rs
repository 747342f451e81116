//! The country of a number, as far as it matters: what is charged in the United States, and the words by which people opt out.

use rbm_wire::name::PhoneNumber;

/// By the country calling code (ITU-T E.164), of the countries that Google's pages name; by ISO 3166-1. That every number of
/// zone 1 is American is assumed: Canada and others share it.
pub(super) fn of(number: &PhoneNumber) -> Option<&'static str> {
    let digits = number.as_str().trim_start_matches('+');
    CODES
        .into_iter()
        .find(|(code, _)| digits.starts_with(code))
        .map(|(_, country)| country)
}

pub(super) fn is_american(number: &PhoneNumber) -> bool {
    of(number) == Some("US")
}

const CODES: [(&str, &str); 8] = [
    ("1", "US"),
    ("33", "FR"),
    ("34", "ES"),
    ("44", "GB"),
    ("49", "DE"),
    ("52", "MX"),
    ("55", "BR"),
    ("91", "IN"),
];

//! When a message is to be sent, where that is not at once. Time is an argument: nothing here has a clock.

use crate::fields::Fields;
use crate::finding;
use crate::message::Draft;
use gateway_channel::{Expiry, Finding};
use jiff::{SignedDuration, Timestamp};

/// What is wrong with when a message is to be sent, as seen from now. One that was to be sent in the past is sent now.
pub fn check(draft: &Draft, now: Timestamp) -> Option<Finding> {
    let days = draft.send_at?.duration_since(now).as_hours() / 24;
    let limit = format!("{DAYS_AHEAD_MAX} days from now");
    (draft.send_at?.duration_since(now) > SignedDuration::from_hours(24 * DAYS_AHEAD_MAX)).then(
        || Finding {
            limit: Some(limit.clone()),
            actual: Some(format!("{days} days from now")),
            hint: Some("schedule it later: the gateway is no calendar".to_owned()),
            ..finding::error(
                "send_at",
                "send-at-too-far",
                format!("send_at is {days} days from now, the limit is {limit}"),
            )
        },
    )
}

/// The time in `send_at`, if it is one, and if the message does not run out before.
pub(crate) fn read(fields: &Fields<'_>, expiry: Option<&Expiry>) -> Option<Timestamp> {
    let text = fields.text("send_at")?;
    let Ok(send_at) = text.parse::<Timestamp>() else {
        let message = format!(
            "send_at is {:?}, and must be an RFC 3339 time",
            crate::excerpt::excerpt(&text)
        );
        let hint =
            "write it like 2026-12-01T10:00:00Z, or with an offset: 2026-12-01T10:00:00+01:00";
        fields
            .findings
            .add("send_at", "send-at-time", message, Some(hint.to_owned()));
        return None;
    };
    if let Some(Expiry::At(text)) = expiry
        && text
            .parse()
            .is_ok_and(|expires_at: Timestamp| expires_at <= send_at)
    {
        let message = format!("expires_at is {text:?}, and the message is sent at {send_at} only");
        let hint = "give a later time, or lifetime_seconds, which count from send_at".to_owned();
        fields
            .findings
            .add("expires_at", "expiry-before-send-at", message, Some(hint));
    }
    Some(send_at)
}

/// How far ahead a message may be scheduled. Further ahead are mostly milliseconds that somebody took for seconds.
const DAYS_AHEAD_MAX: i64 = 365;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message;
    use serde_json::json;

    #[test]
    fn a_year_ahead_is_the_limit() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a time");
        for (send_at, actual) in [
            ("2020-01-01T00:00:00Z", None),
            ("2027-11-24T10:00:00Z", None),
            ("2027-11-24T10:00:01Z", Some("365 days from now")),
            ("2030-11-24T10:00:00Z", Some("1461 days from now")),
        ] {
            let body = json!({ "to": "+12", "content": { "text": "x" }, "send_at": send_at });
            let draft = message::read("id", &body).expect("a message");
            let finding = check(&draft, now);
            assert_eq!(
                finding
                    .as_ref()
                    .and_then(|finding| finding.actual.as_deref()),
                actual,
                "{send_at}"
            );
            assert!(finding.is_none_or(
                |finding| finding.rule == "send-at-too-far" && finding.path == "send_at"
            ));
        }
    }
}

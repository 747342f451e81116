//! How long something takes, as people write it: `200ms`, `1h 30m`, `15d`, or a number of seconds.

use crate::excerpt::excerpt;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserializer, Serializer};
use std::fmt;
use std::time::Duration;

/// A day is 24 hours and a week 7 days; how long a month is, nobody knows.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let of_days = |span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    // A span ends at some thousands of years; lengths are written by their hours, of which there may be more.
    let duration = text
        .parse()
        .ok()
        .and_then(of_days)
        .or_else(|| text.parse::<SignedDuration>().ok())?;
    duration.try_into().ok()
}

/// For fields of type `Duration`.
pub(crate) mod unsigned {
    use super::{Deserializer, Duration, Length, Serializer, signed};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        deserializer.deserialize_any(Length)
    }

    pub(crate) fn serialize<S: Serializer>(
        length: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        signed::serialize(&(*length).try_into().unwrap_or_default(), serializer)
    }
}

/// For fields of type `SignedDuration`, which are never less than nothing.
pub(crate) mod signed {
    use super::{Deserializer, Length, Serializer, SignedDuration};
    use serde::de::Error as _;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<SignedDuration, D::Error> {
        deserializer
            .deserialize_any(Length)?
            .try_into()
            .map_err(D::Error::custom)
    }

    pub(crate) fn serialize<S: Serializer>(
        length: &SignedDuration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{length:#}"))
    }
}

/// For a time that may be left out.
pub(crate) mod time {
    use super::{Deserializer, Timestamp, excerpt};
    use serde::Deserialize as _;
    use serde::de::Error as _;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let example = "is not a time, such as \"2026-11-24T10:15:02Z\" (RFC 3339, in quotes)";
        text.parse()
            .map(Some)
            .map_err(|_| D::Error::custom(format_args!("{:?} {example}", excerpt(&text))))
    }
}

/// Reads a length.
pub(crate) struct Length;

impl Visitor<'_> for Length {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .write_str("a time such as \"200ms\", \"1h 30m\" or \"15d\", or a number of seconds")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(&excerpt(text)), &self))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Duration, E> {
        let fits = i64::try_from(seconds).is_ok();
        if fits {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(seconds), &self))
        }
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Duration, E> {
        let whole = u64::try_from(seconds)
            .map_err(|_| E::invalid_value(Unexpected::Signed(seconds), &self))?;
        Ok(Duration::from_secs(whole))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Duration, E> {
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| E::invalid_value(Unexpected::Float(seconds), &self))
    }
}

//! How long a message takes to a phone.

use crate::length::{self, Length};
use jiff::SignedDuration;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::time::Duration;

/// How long something takes: at least, and at most. What it is in between is drawn by the seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Latency {
    /// At least.
    #[serde(with = "length::signed")]
    pub least: SignedDuration,
    /// At most.
    #[serde(with = "length::signed")]
    pub most: SignedDuration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    #[serde(with = "length::signed")]
    least: SignedDuration,
    #[serde(with = "length::signed")]
    most: SignedDuration,
}

struct Either;

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Visitor<'de> for Either {
    type Value = Latency;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a time such as \"200ms\", or two of them: { least = \"100ms\", most = \"2s\" }",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Latency, E> {
        both(Length.visit_str(text)?)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Latency, E> {
        both(Length.visit_u64(seconds)?)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Latency, E> {
        both(Length.visit_i64(seconds)?)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Latency, E> {
        both(Length.visit_f64(seconds)?)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Latency, A::Error> {
        let Range { least, most } = Range::deserialize(MapAccessDeserializer::new(fields))?;
        let ordered = least <= most;
        let wrong = || {
            A::Error::custom(format_args!(
                "least is {least:#}, and must not be more than most, {most:#}"
            ))
        };
        if ordered {
            Ok(Latency { least, most })
        } else {
            Err(wrong())
        }
    }
}

fn both<E: Error>(length: Duration) -> Result<Latency, E> {
    let length = length.try_into().map_err(E::custom)?;
    Ok(Latency {
        least: length,
        most: length,
    })
}

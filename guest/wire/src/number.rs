//! Numbers as `ProtoJSON` writes them: a number, or the same in quotes (Google's own samples send `"latitude": "37.42"`).

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A floating-point number that may arrive in quotes. Missing means 0, as `ProtoJSON` omits zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Double(pub f64);

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor).map(Self)
    }
}

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

/// A whole number that may arrive in quotes, as `ProtoJSON` writes every 64-bit one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Whole(pub u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = deserializer.deserialize_any(NumberVisitor)?;
        if number >= 0.0 && number.fract() == 0.0 && number <= MAX_EXACT {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked on the line above"
            )]
            return Ok(Self(number as u64));
        }
        Err(D::Error::custom(format_args!(
            "{number} is not a whole number from 0 to {MAX_EXACT}"
        )))
    }
}

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number, or a number in quotes")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "coordinates and file sizes are far below 2^53"
    )]
    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "coordinates and file sizes are far below 2^53"
    )]
    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        serde_json::from_str(text).map_err(|_| E::custom(format_args!("{text:?} is not a number")))
    }
}

/// 2^53: below it every whole number has an exact `f64`.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_stand_in_quotes() {
        for (json, expected) in [
            ("37.5", Some(37.5)),
            ("\"37.5\"", Some(37.5)),
            ("-1", Some(-1.0)),
            ("\"x\"", None),
            ("\"NaN\"", None),
            ("\"+1\"", None),
            ("{}", None),
        ] {
            assert_eq!(
                serde_json::from_str::<Double>(json)
                    .ok()
                    .map(|double| double.0),
                expected,
                "{json}"
            );
        }
        for (json, expected) in [
            ("1280", Some(1280)),
            ("\"1280\"", Some(1280)),
            ("-1", None),
            ("1.5", None),
            ("1e300", None),
        ] {
            assert_eq!(
                serde_json::from_str::<Whole>(json)
                    .ok()
                    .map(|whole| whole.0),
                expected,
                "{json}"
            );
        }
    }
}

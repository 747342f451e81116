//! How bytes look in an export: hashes as hexadecimal digits, and what may be text as text, so that somebody can read it.

use crate::store::event::{EventContent, GatewayEvent};
use gateway_channel::{Fact, Inbound, Setting};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many bytes, as hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&digits)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let wrong = || {
            D::Error::custom(format_args!(
                "{digits:?} is not {N} bytes as hexadecimal digits"
            ))
        };
        let pairs = digits.as_bytes().chunks(2).map(|pair| {
            // One spelling, so that a bit that flips in a hash is noticed too.
            let digit = |digit: &u8| match digit {
                b'0'..=b'9' => Some(digit - b'0'),
                b'a'..=b'f' => Some(digit - b'a' + 10),
                _ => None,
            };
            let [high, low] = pair else { return None };
            Some(digit(high)? << 4 | digit(low)?)
        });
        let bytes: Option<Vec<u8>> = pairs.collect();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(wrong)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(remote = "EventContent", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all events are the large one"
)]
pub(super) enum ContentForm {
    Platform(#[serde(with = "InboundForm")] Inbound),
    Gateway(GatewayEvent),
}

/// An event's bytes may be text too.
#[derive(Deserialize, Serialize)]
#[serde(remote = "Inbound", rename_all = "kebab-case")]
struct InboundForm {
    dedupe_key: String,
    agent: String,
    phone: Option<String>,
    at: Option<String>,
    fact: Fact,
    details: Vec<Setting>,
    #[serde(with = "bytes")]
    raw: Vec<u8>,
}

/// Text where they are UTF-8, and otherwise `{"base64": "…"}`.
pub(super) mod bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "it is neither a text nor an object with base64 alone"
    )]
    enum Form {
        Text(String),
        Other(Encoded),
    }

    #[derive(Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Encoded {
        base64: String,
    }

    pub(in super::super) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Encoded {
                base64: STANDARD.encode(bytes),
            }
            .serialize(serializer),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Text(text) => Ok(text.into_bytes()),
            Form::Other(Encoded { base64 }) => {
                let wrong =
                    |problem| D::Error::custom(format_args!("{base64:?} is no base64: {problem}"));
                STANDARD.decode(&base64).map_err(wrong)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Both {
        #[serde(with = "bytes")]
        bytes: Vec<u8>,
    }

    #[test]
    fn bytes_are_text_where_they_can_be() {
        for (bytes, form) in [
            (&b"{\"a\":1}\n\0"[..], json!("{\"a\":1}\n\u{0}")),
            ("é".as_bytes(), json!("é")),
            (b"", json!("")),
            (&[0xff, 0xfe], json!({ "base64": "//4=" })),
        ] {
            let both = Both {
                bytes: bytes.to_vec(),
            };
            assert_eq!(
                serde_json::to_value(&both).expect("JSON"),
                json!({ "bytes": form })
            );
        }
    }

    #[test]
    fn what_is_no_form_of_bytes_is_refused() {
        for (form, said) in [
            (json!(1), "neither a text nor an object"),
            (json!({ "base64": "//4" }), "is no base64"),
            (
                json!({ "base64": "//4=", "more": 1 }),
                "neither a text nor an object",
            ),
        ] {
            let problem = serde_json::from_value::<Both>(json!({ "bytes": form }))
                .expect_err("no bytes")
                .to_string();
            assert!(problem.contains(said), "{problem}");
        }
        for digits in ["", "0", "000", "0g", "00000", "\u{e9}", "+1"] {
            let problem = serde_json::from_value::<Hex<1>>(json!(digits))
                .expect_err("not a byte")
                .to_string();
            assert!(
                problem.contains("is not 1 bytes as hexadecimal digits"),
                "{problem}"
            );
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes: Vec<u8>, hash: [u8; 16]) {
            let both = Both { bytes };
            let form = serde_json::to_value(&both).expect("JSON");
            prop_assert_eq!(serde_json::from_value::<Both>(form).expect("bytes"), both);
            let digits = serde_json::to_value(Hex(hash)).expect("JSON");
            prop_assert_eq!(serde_json::from_value::<Hex<16>>(digits).expect("bytes"), Hex(hash));
        }
    }
}

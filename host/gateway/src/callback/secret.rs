//! Signs what is posted, as Standard Webhooks wants it (github.com/standard-webhooks/standard-webhooks, spec, "Signature
//! scheme"). Never shows a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;

/// What the application and this gateway know.
#[derive(Clone, Debug)]
pub(crate) struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    /// From `whsec_` and base64; else the rule. The text itself is in no message.
    pub(crate) fn parse(text: &SecretString) -> Result<Self, &'static str> {
        let encoded = text
            .expose_secret()
            .strip_prefix(PREFIX)
            .ok_or("it must begin with whsec_")?;
        let key = STANDARD
            .decode(encoded)
            .map_err(|_| "what follows whsec_ must be base64")?;
        if (KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len()) {
            Ok(Self(key.into()))
        } else {
            Err("what follows whsec_ must be 24 to 64 bytes in base64")
        }
    }

    /// `v1,` and the signature.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

const PREFIX: &str = "whsec_";
const KEY_BYTES_MIN: usize = 24;
const KEY_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is in the tests of the libraries that Standard Webhooks publishes; the others come from Python's `hmac`.
    #[test]
    fn signatures_are_those_of_other_implementations() {
        for (secret, id, timestamp, body, expected) in [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
                "a",
                0,
                "",
                "v1,uveq/R7Ke8zKZ1m8ObG+BocfQ3KjHEmEeOmkG099p/g=",
            ),
            (
                "whsec_////////////////////////////////",
                "c820a644-f881-530f-998b-bb9e9a4ea702",
                1_795_515_302,
                "{\"text\":\"Gr\u{fc}\u{df}e \u{1f600}\"}",
                "v1,qrScWJFLWTSzsBSMTx/JqWZcdjYcpif/rvEa2SyoetA=",
            ),
        ] {
            let parsed = SigningSecret::parse(&secret.into()).expect(secret);
            assert_eq!(
                parsed.sign(id, timestamp, body.as_bytes()),
                expected,
                "{id}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_none_is_told_by_its_rule_and_not_repeated() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (text, expected) in [
            (of(23), Some("24 to 64 bytes")),
            (of(24), None),
            (of(64), None),
            (of(65), Some("24 to 64 bytes")),
            (of(24).replace("whsec_", ""), Some("begin with whsec_")),
            (
                of(24).replace("whsec_", "WHSEC_"),
                Some("begin with whsec_"),
            ),
            (format!("{} ", of(24)), Some("base64")),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS_".to_owned(),
                Some("base64"),
            ),
            (String::new(), Some("begin with whsec_")),
        ] {
            let parsed = SigningSecret::parse(&text.as_str().into());
            let rule = parsed.as_ref().err().copied();
            assert_eq!(rule.is_none(), expected.is_none(), "{text}: {rule:?}");
            assert!(
                rule.unwrap_or_default()
                    .contains(expected.unwrap_or_default()),
                "{text}: {rule:?}"
            );
            assert!(!format!("{parsed:?}").contains("BwcH"), "it is shown");
        }
    }
}

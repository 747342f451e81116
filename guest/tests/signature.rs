//! What a signature must be, and that nothing else passes for one.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use gateway_channel::{Context, Header, Setting, Verdict, VerdictOutcome, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use rbm_guest::signature::{sign, verify_signature};

/// RFC 4231 §4.3: the key is text, as a client token is.
#[test]
fn the_signature_is_the_one_of_the_published_test_case() {
    let tag = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737";
    let tag: Vec<u8> = (0..64)
        .map(|index| u8::from_str_radix(&tag[index * 2..index * 2 + 2], 16).unwrap())
        .collect();
    assert_eq!(
        sign("Jefe", b"what do ya want for nothing?"),
        STANDARD.encode(tag)
    );
}

#[test]
fn the_verdict_names_the_token_that_matched() {
    for (token, index) in [("first", 0), ("second", 1)] {
        let verdict = verify(&["first", "second"], &headers(&sign(token, DATA)), DATA);
        assert_eq!(
            (verdict.outcome, verdict.token, verdict.rule),
            (VerdictOutcome::Authentic, Some(index), None)
        );
    }
}

#[test]
fn everything_but_the_whole_tag_in_standard_base64_is_refused_with_its_rule() {
    let good = sign("first", DATA);
    let tag = STANDARD.decode(&good).unwrap();
    let sha256 = Hmac::<sha2::Sha256>::new_from_slice(b"first")
        .unwrap()
        .chain_update(DATA)
        .finalize()
        .into_bytes();
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    let doubled: Vec<u8> = tag.iter().chain(&tag).copied().collect();
    let length = "signature-length";
    let text = "signature-not-base64";
    for (name, value, rule) in [
        ("empty", String::new(), length),
        ("truncated by a byte", STANDARD.encode(&tag[..63]), length),
        ("truncated to 256 bits", STANDARD.encode(&tag[..32]), length),
        (
            "a byte too long",
            STANDARD.encode([tag.as_slice(), &[0]].concat()),
            length,
        ),
        ("doubled", STANDARD.encode(doubled), length),
        ("of SHA-256", STANDARD.encode(sha256), length),
        ("in hex", hex, length),
        ("in URL-safe base64", URL_SAFE.encode(&tag), text),
        ("unpadded", good.trim_end_matches('=').to_owned(), text),
        ("twice in one header", format!("{good},{good}"), text),
        ("with a blank", format!(" {good}"), text),
        ("not ASCII", "é".repeat(44), text),
        (
            "over the base64 text",
            sign("first", STANDARD.encode(DATA).as_bytes()),
            "signature-mismatch",
        ),
        (
            "over the JSON written anew",
            sign("first", br#"{"text":"hi"}"#),
            "signature-mismatch",
        ),
        (
            "by nobody's token",
            sign("third", DATA),
            "signature-mismatch",
        ),
        (
            "by the token decoded",
            sign("~)\u{1f}", DATA),
            "signature-mismatch",
        ),
    ] {
        let verdict = verify(&["first", "second"], &headers(&value), DATA);
        assert_eq!(
            (verdict.outcome, verdict.rule.as_deref()),
            (VerdictOutcome::Forged, Some(rule)),
            "{name}"
        );
    }
}

#[test]
fn a_missing_or_a_repeated_header_is_refused() {
    let good = headers(&sign("first", DATA));
    assert_eq!(
        verify(&["first"], &[], DATA).rule.as_deref(),
        Some("signature-missing")
    );
    assert_eq!(
        verify(&["first"], &[], DATA).outcome,
        VerdictOutcome::Unsigned
    );
    let twice = [good.clone(), good].concat();
    assert_eq!(
        verify(&["first"], &twice, DATA).rule.as_deref(),
        Some("signature-repeated")
    );
}

#[test]
fn every_single_bit_of_tag_data_and_token_counts() {
    let good = STANDARD.decode(sign("first", DATA)).unwrap();
    for flipped in flips(&good) {
        assert_eq!(
            verify(&["first"], &headers(&STANDARD.encode(flipped)), DATA).outcome,
            VerdictOutcome::Forged
        );
    }
    for flipped in flips(DATA) {
        assert_eq!(
            verify(&["first"], &headers(&STANDARD.encode(&good)), &flipped).outcome,
            VerdictOutcome::Forged
        );
    }
    let tokens: Vec<String> = flips(b"first")
        .filter_map(|token| String::from_utf8(token).ok())
        .collect();
    assert_eq!(
        tokens.len(),
        5 * 7,
        "every flip but those of the eighth bits is text"
    );
    for token in tokens {
        assert_eq!(
            verify(&[&token], &headers(&STANDARD.encode(&good)), DATA).outcome,
            VerdictOutcome::Forged
        );
    }
}

#[test]
fn without_a_token_nothing_is_believed() {
    for tokens in [&[][..], &[""][..]] {
        let verdict = verify(tokens, &headers(&sign("", DATA)), DATA);
        assert_eq!(
            (verdict.outcome, verdict.rule.as_deref()),
            (VerdictOutcome::Forged, Some("settings"))
        );
    }
}

proptest! {
    #[test]
    fn whatever_is_signed_verifies_and_nothing_else_does(
        token in "\\PC{1,80}", other in "\\PC{1,80}", data in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let signed = headers(&sign(&token, &data));
        prop_assert_eq!(verify(&[&token], &signed, &data).outcome, VerdictOutcome::Authentic);
        if other != token {
            prop_assert_eq!(verify(&[&other], &signed, &data).outcome, VerdictOutcome::Forged);
        }
    }
}

fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

fn headers(signature: &str) -> Vec<Header> {
    vec![Header {
        name: "X-Goog-Signature".into(),
        value: signature.into(),
    }]
}

fn verify(tokens: &[&str], headers: &[Header], data: &[u8]) -> Verdict {
    let setting = |token: &&str| Setting {
        name: "client-token".into(),
        value: (*token).into(),
    };
    let context = Context {
        settings: tokens.iter().map(setting).collect(),
        now: "2026-11-24T10:00:00Z".into(),
    };
    let body = format!(r#"{{"message":{{"data":"{}"}}}}"#, STANDARD.encode(data)).into_bytes();
    verify_signature(
        &context,
        &WebhookRequest {
            method: "POST".into(),
            url: "/".into(),
            headers: headers.to_vec(),
            body,
        },
    )
}

const DATA: &[u8] = b"{\n  \"text\": \"hi\"\n}";

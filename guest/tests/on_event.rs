//! Which webhook requests are believed, how each is answered, and what identifies a fact. What the facts are is in
//! `payloads.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod webhook;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{Fact, Inbound, VerdictOutcome};
use rbm_guest::signature;
use webhook::{ATTRIBUTES, TOKEN, envelope, header, react, request};

#[test]
fn what_is_signed_but_no_json_is_kept_and_answered_200() {
    for document in [
        "",
        "nothing",
        "[1]",
        "{\"a\":1,\"a\":2}",
        "\u{feff}{}",
        "{\"text\":\"a\"} x",
    ] {
        let reaction = react(&request(
            &envelope(document.as_bytes(), ATTRIBUTES),
            Some(&signature::sign(TOKEN, document.as_bytes())),
        ));
        assert_eq!(reaction.response.status, 200, "{document:?}");
        assert_eq!(
            reaction.inbound[0].fact,
            Fact::Unrecognised(None),
            "{document:?}"
        );
        assert_eq!(reaction.inbound[0].raw, document.as_bytes(), "{document:?}");
    }
    let bytes = [0xff, 0xfe, 0x00];
    let reaction = react(&request(
        &envelope(&bytes, ATTRIBUTES),
        Some(&signature::sign(TOKEN, &bytes)),
    ));
    assert_eq!(reaction.inbound[0].raw, bytes);
}

#[test]
fn a_handshake_is_answered_with_the_bare_secret() {
    // Since 2026-07-13 a header says what it is; nothing depends on it (whats-new/latest-releases).
    for kind in [
        None,
        Some("verification"),
        Some("message_callback"),
        Some("something_new"),
    ] {
        let mut request = request(br#"{"clientToken":"old-token","secret":"s3cret"}"#, None);
        request
            .headers
            .extend(kind.map(|kind| header("X-Goog-Webhook-Type", kind)));
        let reaction = react(&request);
        assert_eq!(
            (reaction.verdict.outcome, reaction.verdict.token),
            (VerdictOutcome::Handshake, Some(1))
        );
        assert_eq!(
            (reaction.response.status, reaction.response.body.as_slice()),
            (200, b"s3cret".as_slice())
        );
        let headers: Vec<_> = reaction
            .response
            .headers
            .iter()
            .map(|header| (header.name.as_str(), header.value.as_str()))
            .collect();
        assert_eq!(
            headers,
            [
                ("content-type", "text/plain; charset=utf-8"),
                ("x-content-type-options", "nosniff")
            ]
        );
        assert!(reaction.inbound.is_empty());
    }
}

#[test]
fn a_handshake_that_is_not_ours_reflects_nothing() {
    let long = format!(
        r#"{{"clientToken":"{TOKEN}","secret":"{}"}}"#,
        "x".repeat(1025)
    );
    for (body, status) in [
        (r#"{"clientToken":"wrong","secret":"<script>"}"#, 403),
        (r#"{"clientToken":"","secret":"<script>"}"#, 403),
        (
            r#"{"clientToken":"client-token","secret":"<script> "}"#,
            400,
        ),
        (r#"{"clientToken":"client-token","secret":""}"#, 400),
        (&long, 400),
    ] {
        let reaction = react(&request(body.as_bytes(), None));
        assert_eq!(reaction.response.status, status, "{body}");
        assert!(
            !String::from_utf8(reaction.response.body)
                .unwrap()
                .contains("script"),
            "{body}"
        );
    }
}

#[test]
fn what_is_not_a_webhook_request_is_answered_400_with_the_rule() {
    for (body, rule) in [
        ("", "body-not-json"),
        ("x", "body-not-json"),
        ("[]", "body-not-json"),
        ("{} {}", "body-not-json"),
        (r#"{"message":{},"message":{}}"#, "no-message"),
        ("{}", "no-message"),
        (r#"{"message":"x"}"#, "no-message"),
        (r#"{"clientToken":"client-token"}"#, "no-message"),
        (r#"{"message":{}}"#, "no-data"),
        (r#"{"message":{"data":5}}"#, "no-data"),
        (r#"{"message":{"data":"a b="}}"#, "data-not-base64"),
    ] {
        let reaction = react(&request(body.as_bytes(), Some("AA==")));
        assert_eq!(
            (reaction.response.status, reaction.verdict.rule.as_deref()),
            (400, Some(rule)),
            "{body}"
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(react(&request(deep.as_bytes(), None)).response.status, 400);
}

#[test]
fn nothing_unsigned_changes_what_a_request_means() {
    let document = r#"{"senderPhoneNumber":"+12223334444","eventType":"READ","eventId":"e","messageId":"m1","agentId":"bot@rbm.goog"}"#;
    let expected = inbound(document);
    let data = STANDARD.encode(document);
    for envelope in [
        format!(r#"{{"message":{{"data":"{data}"}}}}"#),
        format!(
            r#"{{"message":{{"data":"{}"}}}}"#,
            data.trim_end_matches('=')
        ),
        format!(r#"{{"message":{{"data":"{}"}}}}"#, data.replace('/', r"\/")),
        format!(
            r#"{{"message":{{"data":"{data}","attributes":{{"type":"agent_launch_event","business_id":"x@rbm.goog"}},"messageId":"9"}}}}"#
        ),
        format!(
            r#"{{"message":{{"data":"{data}","attributes":7,"messageId":9}},"subscription":null,"clientToken":"x","secret":"y"}}"#
        ),
    ] {
        let mut request = request(
            envelope.as_bytes(),
            Some(&signature::sign(TOKEN, document.as_bytes())),
        );
        request
            .headers
            .push(header("X-Goog-Webhook-Type", "verification"));
        assert_eq!(
            react(&request).inbound,
            vec![expected.clone()],
            "{envelope}"
        );
    }
}

#[test]
fn the_dedupe_key_is_the_same_for_one_fact_and_another_for_another() {
    let with = |kind: &str, rest: &str| {
        inbound(&format!(
            r#"{{"senderPhoneNumber":"+12223334444","agentId":"bot@rbm.goog",{kind}{rest}}}"#
        ))
        .dedupe_key
    };
    assert_eq!(
        with(r#""eventType":"READ","#, r#""eventId":"e1""#),
        "bot@rbm.goog/+12223334444/e1\nREAD/"
    );
    assert_ne!(
        with(
            r#""eventType":"READ","#,
            r#""eventId":"e1","messageId":"m1""#
        ),
        with(
            r#""eventType":"DELIVERED","#,
            r#""eventId":"e1","messageId":"m1""#
        )
    );
    let other = with("", r#""messageId":"u1","hologram":{}"#);
    assert!(
        other.starts_with("bot@rbm.goog/+12223334444/u1\n"),
        "{other}"
    );
    assert_ne!(other, with("", r#""messageId":"u1","hologram":[]"#));
    assert_eq!(
        with(r#""eventType":"READ","#, r#""messageId":"m1""#),
        "bot@rbm.goog/+12223334444/m1/READ"
    );
    assert_eq!(
        with(r#""text":"x","#, r#""messageId":"u1""#),
        "bot@rbm.goog/+12223334444/u1"
    );
    let hashed = with(r#""text":"x","#, r#""other":"1""#);
    assert_eq!(hashed.len(), 64);
    assert_ne!(hashed, with(r#""text":"x","#, r#""other":"2""#));
}

/// Nobody signs the hint.
#[test]
fn the_hint_of_a_launch_changes_nothing_but_the_kind() {
    let document = r#"{"agentId":"bot@rbm.goog","regionId":"/v1/regions/fi-rcs","messageId":"m1"}"#;
    let hint = r#"{"type":"agent_launch_event"}"#;
    let signed = Some(signature::sign(TOKEN, document.as_bytes()));
    let [plain, hinted] = ["{}", hint].map(|attributes| {
        let body = envelope(document.as_bytes(), attributes);
        let reaction = react(&request(&body, signed.as_deref()));
        reaction.inbound.into_iter().next().unwrap()
    });
    assert!(matches!(plain.fact, Fact::Unrecognised(_)), "{plain:?}");
    assert!(matches!(hinted.fact, Fact::AgentStatus(_)), "{hinted:?}");
    assert_eq!(plain.details[0].name, "message-id");
    let hinted = Inbound {
        fact: plain.fact.clone(),
        ..hinted
    };
    assert_eq!(hinted, plain);
}

fn inbound(document: &str) -> Inbound {
    let body = envelope(document.as_bytes(), ATTRIBUTES);
    let reaction = react(&request(
        &body,
        Some(&signature::sign(TOKEN, document.as_bytes())),
    ));
    assert_eq!(
        (reaction.verdict.outcome, reaction.verdict.token),
        (VerdictOutcome::Authentic, Some(0)),
        "{document}"
    );
    assert_eq!(reaction.response.status, 200, "{document}");
    reaction.inbound.into_iter().next().unwrap()
}

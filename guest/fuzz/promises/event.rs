//! What must hold for a webhook request, with the input in each place where a stranger's bytes can be: as the signed document,
//! as a body that nobody signed, and as a body around something signed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use gateway_channel::{
    Context, Header, Inbound, Reaction, Setting, VerdictOutcome, WebhookRequest,
};
use rbm_guest::on_event::on_event;
use rbm_guest::signature::sign;
use rbm_wire::callback::{Body, Notice};
use rbm_wire::json;
use serde_json::Value;

/// Panics if the input breaks a promise.
pub(crate) fn try_all(input: &[u8]) {
    a_signed_document_is_one_event_with_its_bytes(input);
    what_nobody_signed_is_no_event(input);
    what_is_signed_gets_through_any_envelope(input);
    a_loose_reader_reads_what_a_strict_one_reads(input);
}

fn a_signed_document_is_one_event_with_its_bytes(document: &[u8]) {
    let (data, signature) = (STANDARD.encode(document), sign(TOKEN, document));
    let react = |envelope: String| event(&react(envelope.as_bytes(), Some(&signature)), document);
    let plain = react(format!(r#"{{"message":{{"data":"{data}"}}}}"#));
    assert!(!plain.dedupe_key.is_empty());
    // The attributes are not signed: they may say that an event about a region is a launch, and touch nothing else.
    let hinted = react(format!(
        r#"{{"message":{{"data":"{data}","attributes":{{"type":"agent_launch_event"}}}}}}"#
    ));
    assert_eq!(
        Inbound {
            fact: plain.fact.clone(),
            ..hinted.clone()
        },
        plain
    );
    let mended = json::without_lone_surrogates(document);
    let read = |document| {
        json::parse(document, Notice::has_field)
            .map(Notice::read)
            .ok()
    };
    let region = read(document)
        .or_else(|| read(mended.as_deref()?))
        .and_then(|notice| notice.region_id);
    assert!(
        hinted.fact == plain.fact || region.is_some(),
        "{:?}",
        hinted.fact
    );
}

fn what_nobody_signed_is_no_event(body: &[u8]) {
    for signature in [None, Some(sign("another-token", body))] {
        let reaction = react(body, signature.as_deref());
        assert_eq!(reaction.inbound, []);
        let (outcome, status) = (reaction.verdict.outcome, reaction.response.status);
        match outcome {
            VerdictOutcome::Handshake => {
                assert_eq!(status, 200);
                assert!(reaction.response.body.iter().all(u8::is_ascii_graphic));
                // Word for word, or with escapes.
                assert!(
                    body.windows(TOKEN.len())
                        .any(|part| part == TOKEN.as_bytes())
                        || body.contains(&b'\\')
                );
            }
            VerdictOutcome::Authentic => panic!("authentic without a signature"),
            _ => assert!(
                [400, 401, 403].contains(&status) && reaction.verdict.rule.is_some(),
                "{reaction:?}"
            ),
        }
    }
}

fn what_is_signed_gets_through_any_envelope(body: &[u8]) {
    let Some(read) = derived(body, serde_json::from_str::<Body<'_>>) else {
        return;
    };
    let Some(data) = read.message.and_then(|message| message.data) else {
        return;
    };
    let alphabets = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
    let Some(document) = alphabets
        .iter()
        .find_map(|alphabet| alphabet.decode(data.0.as_bytes()).ok())
    else {
        return;
    };
    event(&react(body, Some(&sign(TOKEN, &document))), &document);
}

/// Where the derived reader, which wants every field to be of its kind, is content, the guest's has read the same.
fn a_loose_reader_reads_what_a_strict_one_reads(document: &[u8]) {
    if let Some(notice) = derived(document, serde_json::from_str::<Notice>) {
        let read = json::parse(document, Notice::has_field).map(Notice::read);
        assert_eq!(read.expect("the derived reader took it"), notice);
    }
}

/// What `serde_json` reads, both as just any JSON and as this shape. Its derived readers take an array for an object too, which
/// nothing of Google's is; so arrays are left out here.
fn derived<'a, T>(document: &'a [u8], read: fn(&'a str) -> serde_json::Result<T>) -> Option<T> {
    let text = std::str::from_utf8(document)
        .ok()
        .filter(|text| !text.contains('['))?;
    serde_json::from_str::<Value>(text).ok()?;
    read(text).ok()
}

/// The one event of an authentic request.
fn event(reaction: &Reaction, document: &[u8]) -> Inbound {
    assert_eq!(
        (reaction.verdict.outcome, reaction.verdict.token),
        (VerdictOutcome::Authentic, Some(0))
    );
    assert_eq!(
        (reaction.response.status, reaction.response.body.len()),
        (200, 0)
    );
    let [inbound] = &reaction.inbound[..] else {
        panic!("{} events", reaction.inbound.len())
    };
    assert_eq!(inbound.raw, document);
    inbound.clone()
}

fn react(body: &[u8], signature: Option<&str>) -> Reaction {
    let settings = vec![Setting {
        name: "client-token".to_owned(),
        value: TOKEN.to_owned(),
    }];
    let header = |value: &str| Header {
        name: "X-Goog-Signature".to_owned(),
        value: value.to_owned(),
    };
    let request = WebhookRequest {
        method: "POST".to_owned(),
        url: "/webhooks/rbm".to_owned(),
        headers: signature.into_iter().map(header).collect(),
        body: body.to_vec(),
    };
    on_event(
        &Context {
            settings,
            now: "2026-11-24T10:00:00Z".to_owned(),
        },
        &request,
    )
    .expect("the settings are right")
}

const TOKEN: &str = "client-token";

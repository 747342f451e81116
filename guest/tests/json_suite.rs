//! What becomes of JSON that is odd, broken or hostile, in each place of a webhook request: in the signed document and in the
//! envelope around it, in a field that means something and in one that nobody knows.
//!
//! After the categories of `JSONTestSuite` (n. for what is no JSON, i. for what readers differ about, y. for the rest), with
//! cases of our own. Two promises run through all of it: what is signed is never lost, whatever is in it; and a field that
//! nobody knows costs nothing as long as the whole is JSON.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_channel::{
    Context, Coordinates, Fact, Header, Inbound, Reaction, ReceivedContent, ReceivedMessage,
    Setting, VerdictOutcome, WebhookRequest,
};
use rbm_guest::{on_event::on_event, signature::sign};

/// What the guest makes of a value.
#[derive(Clone, Debug)]
enum Reading {
    /// A string that says this.
    Text(String),
    /// Something else than a string. Where a string belongs it counts as missing.
    OfAnotherKind,
    /// JSON that has no value here: fine where it is passed over, fatal to the document where it would be read.
    OnlyPassedOver,
    /// With half a surrogate pair in it: in what is signed a string that says this, or something else than a string; elsewhere
    /// as what is only passed over.
    Mended(Option<String>),
    /// Fatal to the document wherever it is.
    NotJson,
}

use Reading::{Mended, NotJson, OfAnotherKind, OnlyPassedOver, Text};

#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
fn values() -> Vec<(&'static str, Vec<u8>, Reading)> {
    let nested = |open: &str, close: &str, depth| {
        format!("{}0{}", open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let text = |json: &str, text: &str| (json.as_bytes().to_vec(), Text(text.to_owned()));
    let fixed = [
        ("y. number: negative zero", "-0", OfAnotherKind),
        (
            "y. number: negative zero with a fraction",
            "-0.0e-0",
            OfAnotherKind,
        ),
        (
            "y. number: capital exponent with a plus sign",
            "1E+2",
            OfAnotherKind,
        ),
        (
            "y. number: beyond 64 bits",
            "18446744073709551616",
            OfAnotherKind,
        ),
        (
            "y. number: the smallest that is not 0",
            "5e-324",
            OfAnotherKind,
        ),
        ("y. null", "null", OfAnotherKind),
        ("y. array: empty", "[ ]", OfAnotherKind),
        ("y. object: an empty name", r#"{"":0}"#, OfAnotherKind),
        ("i. number: too small for a double", "1e-400", OfAnotherKind),
        (
            "i. number: exponent beyond 64 bits, downwards",
            "1e-99999999999999999999",
            OfAnotherKind,
        ),
        (
            "i. number: zero with an exponent beyond 64 bits",
            "0e99999999999999999999",
            OfAnotherKind,
        ),
        ("i. object: a name twice", r#"{"a":1,"a":2}"#, OfAnotherKind),
        (
            "i. object: a name twice, once escaped",
            r#"{"type":1,"\u0074ype":2}"#,
            OfAnotherKind,
        ),
        ("i. number: too large for a double", "1e400", OnlyPassedOver),
        (
            "i. number: too large for a double, negative",
            "-1e400",
            OnlyPassedOver,
        ),
        (
            "i. number: exponent beyond 64 bits",
            "1e99999999999999999999",
            OnlyPassedOver,
        ),
        (
            "i. object: a name with a lone surrogate",
            r#"{"\ud800":0}"#,
            Mended(None),
        ),
        ("n. nothing", "", NotJson),
        ("n. number: leading zero", "01", NotJson),
        ("n. number: leading zero, negative", "-01", NotJson),
        ("n. number: plus sign", "+1", NotJson),
        ("n. number: no digit before the point", ".5", NotJson),
        ("n. number: no digit after the point", "5.", NotJson),
        ("n. number: no digit in the exponent", "1e", NotJson),
        ("n. number: only a sign", "-", NotJson),
        ("n. number: hexadecimal", "0x1", NotJson),
        ("n. number: NaN", "NaN", NotJson),
        ("n. number: Infinity", "-Infinity", NotJson),
        ("n. number: full-width digit", "１", NotJson),
        ("n. string: single quotes", "'x'", NotJson),
        ("n. string: not ended", "\"x", NotJson),
        ("n. string: unescaped line feed", "\"\n\"", NotJson),
        ("n. string: unescaped tab", "\"\t\"", NotJson),
        ("n. string: unescaped NUL", "\"\0\"", NotJson),
        ("n. string: escape that does not exist", r#""\x""#, NotJson),
        ("n. string: half an escape", r#""\u12""#, NotJson),
        ("n. literal: cut off", "tru", NotJson),
        ("n. literal: capitals", "True", NotJson),
        ("n. array: trailing comma", "[1,]", NotJson),
        ("n. array: leading comma", "[,1]", NotJson),
        ("n. array: no comma", "[1 2]", NotJson),
        ("n. array: ended as an object", "[1}", NotJson),
        ("n. object: trailing comma", r#"{"a":1,}"#, NotJson),
        ("n. object: name without quotes", "{a:1}", NotJson),
        ("n. object: no colon", r#"{"a" 1}"#, NotJson),
        ("n. object: no value", r#"{"a":}"#, NotJson),
        ("n. structure: comment", "/* x */ 1", NotJson),
        (
            "n. structure: comment to the end of the line",
            "1 // x\n",
            NotJson,
        ),
        (
            "n. structure: byte order mark before a value",
            "\u{feff}1",
            NotJson,
        ),
        ("n. structure: no-break space", "\u{a0}1", NotJson),
        ("n. structure: form feed", "\u{c}1", NotJson),
        ("n. structure: NUL after a value", "1\0", NotJson),
        ("n. structure: two values", "1 2", NotJson),
    ];
    let mended = |json: &str, text: &str| (json.as_bytes().to_vec(), Mended(Some(text.to_owned())));
    let texts = [
        (
            "i. string: lone high surrogate, escaped",
            mended(r#""\ud800""#, "\u{fffd}"),
        ),
        (
            "i. string: lone low surrogate, escaped",
            mended(r#""\udc00""#, "\u{fffd}"),
        ),
        (
            "i. string: surrogates in the wrong order, escaped",
            mended(r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
        ),
        (
            "i. string: high surrogate before another escape",
            mended(r#""\ud83d\n""#, "\u{fffd}\n"),
        ),
        ("y. string: empty", text(r#""""#, "")),
        (
            "y. string: every escape",
            text(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        ),
        ("y. string: NUL, escaped", text(r#""\u0000""#, "\0")),
        (
            "y. string: surrogate pair, escaped",
            text(r#""\uD83D\ude00""#, "😀"),
        ),
        (
            "y. string: the last character, escaped",
            text(r#""\udbff\udfff""#, "\u{10ffff}"),
        ),
        (
            "y. string: noncharacter and DEL",
            text("\"\u{ffff}\u{7f}\"", "\u{ffff}\u{7f}"),
        ),
        (
            "y. string: line separator and byte order mark",
            text("\"\u{2028}\u{feff}\"", "\u{2028}\u{feff}"),
        ),
        (
            "y. string: right-to-left override",
            text("\"\u{202e}x\"", "\u{202e}x"),
        ),
        (
            "y. string: a mebibyte",
            text(
                &format!("\"{}\"", "x".repeat(1 << 20)),
                &"x".repeat(1 << 20),
            ),
        ),
    ];
    let bytes = |name, bytes: &[u8]| (name, join(&[b"\"", bytes, b"\""]), NotJson);
    let others = [
        (
            "y. number: ten thousand decimals",
            format!("0.{}", "1".repeat(10_000)).into_bytes(),
            OfAnotherKind,
        ),
        (
            "i. number: ten thousand digits",
            "1".repeat(10_000).into_bytes(),
            OnlyPassedOver,
        ),
        (
            "y. array: ten thousand elements",
            format!("[{}0]", "0,".repeat(9_999)).into_bytes(),
            OfAnotherKind,
        ),
        (
            "i. array: as deep as is read anywhere",
            nested("[", "]", 125),
            OfAnotherKind,
        ),
        (
            "i. object: as deep as is read anywhere",
            nested(r#"{"type":"#, "}", 125),
            OfAnotherKind,
        ),
        (
            "i. array: deeper than is read anywhere",
            nested("[", "]", 127),
            OnlyPassedOver,
        ),
        (
            "i. object: deeper than is read anywhere",
            nested(r#"{"type":"#, "}", 127),
            OnlyPassedOver,
        ),
        (
            "i. array: a hundred thousand deep",
            nested("[", "]", 100_000),
            OnlyPassedOver,
        ),
        (
            "i. object: of unknown names, a hundred thousand deep",
            nested(r#"{"a":"#, "}", 100_000),
            OfAnotherKind,
        ),
        (
            "n. array: a hundred thousand opened, none closed",
            "[".repeat(100_000).into_bytes(),
            NotJson,
        ),
        bytes("n. string: a byte that UTF-8 never has", b"\xff"),
        bytes("n. string: overlong slash", b"\xc0\xaf"),
        bytes("n. string: overlong NUL", b"\xc0\x80"),
        bytes("n. string: surrogate in UTF-8", b"\xed\xa0\x80"),
        bytes("n. string: beyond the last character", b"\xf4\x90\x80\x80"),
        bytes("n. string: character cut off", b"\xe2\x82"),
        bytes("n. string: continuation of nothing", b"\x80"),
    ];
    let fixed = fixed
        .into_iter()
        .map(|(name, json, reading)| (name, json.as_bytes().to_vec(), reading));
    fixed
        .chain(
            texts
                .into_iter()
                .map(|(name, (json, reading))| (name, json, reading)),
        )
        .chain(others)
        .collect()
}

#[test]
fn a_signed_document_is_kept_whatever_a_field_is_that_means_something() {
    for (name, value, reading) in values() {
        let inbound = signed(&join(&[
            br#"{"agentId":"bot@rbm.goog","messageId":"Mx","text":"#,
            &value,
            b"}",
        ]));
        let expected = match reading {
            Text(text) | Mended(Some(text)) => ("bot@rbm.goog", received(&text)),
            OfAnotherKind | Mended(None) => ("bot@rbm.goog", Fact::Unrecognised(None)),
            OnlyPassedOver | NotJson => ("", Fact::Unrecognised(None)),
        };
        assert!((inbound.agent.as_str(), inbound.fact) == expected, "{name}");
    }
}

#[test]
fn a_signed_document_means_the_same_whatever_a_field_is_that_nobody_knows() {
    for (name, value, reading) in values() {
        let inbound = signed(&join(&[
            br#"{"agentId":"bot@rbm.goog","new":"#,
            &value,
            br#","messageId":"Mx","text":"Hi"}"#,
        ]));
        let fact = if matches!(reading, NotJson) {
            Fact::Unrecognised(None)
        } else {
            received("Hi")
        };
        assert_eq!(inbound.fact, fact, "{name}");
    }
}

#[test]
fn an_envelope_delivers_what_is_signed_if_it_is_json_where_it_is_read() {
    for (name, value, reading) in values() {
        let body = join(&[
            br#"{"message":{"data":""#,
            DATA.as_bytes(),
            br#"","attributes":"#,
            &value,
            b"}}",
        ]);
        assert_eq!(
            outcome(&body),
            outcome_of_json(matches!(reading, Text(_) | OfAnotherKind)),
            "{name}"
        );
    }
}

#[test]
fn an_envelope_delivers_what_is_signed_whatever_a_field_is_that_nobody_knows() {
    for (name, value, reading) in values() {
        for body in [
            join(&[
                br#"{"message":{"new":"#,
                &value,
                br#","data":""#,
                DATA.as_bytes(),
                br#""}}"#,
            ]),
            join(&[
                br#"{"message":{"data":""#,
                DATA.as_bytes(),
                br#""},"new":"#,
                &value,
                b"}",
            ]),
            join(&[
                br#"{"subscription":"#,
                &value,
                br#","message":{"data":""#,
                DATA.as_bytes(),
                br#""}}"#,
            ]),
        ] {
            assert_eq!(
                outcome(&body),
                outcome_of_json(!matches!(reading, NotJson)),
                "{name}"
            );
        }
    }
}

/// The name of a field must be read before it is known that nobody knows it.
#[test]
fn a_name_may_be_anything_that_is_text() {
    let long = "x".repeat(1 << 20);
    for (name, field, is_text) in [
        ("empty", b"".as_slice(), true),
        ("a mebibyte", long.as_bytes(), true),
        ("NUL, escaped", br"\u0000", true),
        ("surrogate pair, escaped", br"\ud83d\ude00", true),
        ("byte order mark", b"\xef\xbb\xbf", true),
        ("unescaped NUL", b"\0", false),
        ("a byte that UTF-8 never has", b"\xff", false),
        ("overlong slash", b"\xc0\xaf", false),
    ] {
        let inbound = signed(&join(&[
            b"{\"",
            field,
            br#"":0,"messageId":"Mx","text":"Hi"}"#,
        ]));
        assert_eq!(
            inbound.fact,
            if is_text {
                received("Hi")
            } else {
                Fact::Unrecognised(None)
            },
            "{name}"
        );
        let body = join(&[
            b"{\"",
            field,
            br#"":0,"message":{"data":""#,
            DATA.as_bytes(),
            br#""}}"#,
        ]);
        assert_eq!(outcome(&body), outcome_of_json(is_text), "{name}");
    }
    // Half a surrogate pair is mended in what is signed only: nothing in the envelope is worth it.
    assert_eq!(
        signed(br#"{"\ud800":0,"messageId":"Mx","text":"Hi"}"#).fact,
        received("Hi")
    );
    let body = join(&[
        br#"{"\ud800":0,"message":{"data":""#,
        DATA.as_bytes(),
        br#""}}"#,
    ]);
    assert_eq!(outcome(&body), outcome_of_json(false));
    assert_eq!(
        signed(br#"{"messageId":"Mx","\u0074e\u0078t":"Hi"}"#).fact,
        received("Hi")
    );
}

#[test]
fn a_signed_document_that_is_no_object_is_kept() {
    for (name, document) in DOCUMENTS {
        let inbound = signed(document);
        assert_eq!(
            (inbound.fact, inbound.agent.as_str()),
            (Fact::Unrecognised(None), ""),
            "{name}"
        );
    }
    for spaced in [
        " \t\r\n{\"messageId\":\"Mx\",\"text\":\"Hi\"}\r\n",
        "{ \"messageId\" :\n\"Mx\" , \"text\"\t:\"Hi\" }",
    ] {
        assert_eq!(signed(spaced.as_bytes()).fact, received("Hi"), "{spaced}");
    }
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for (name, body) in DOCUMENTS {
        assert_eq!(outcome(body), Err("body-not-json".to_owned()), "{name}");
    }
}

const DOCUMENTS: [(&str, &[u8]); 15] = [
    ("n. nothing", b""),
    ("n. blanks", b" \n"),
    ("n. a byte order mark before it", b"\xef\xbb\xbf{}"),
    ("n. only a byte order mark", b"\xef\xbb\xbf"),
    ("n. UTF-16", b"{\0}\0"),
    ("n. only opened", b"{"),
    ("n. ended twice", b"{}}"),
    ("n. two documents", b"{}{}"),
    ("n. a word after it", b"{} x"),
    ("n. a NUL after it", b"{}\0"),
    ("n. half a character after it", b"{}\xc3"),
    ("y. an array", b"[{}]"),
    ("y. a string", b"\"{}\""),
    ("y. a number", b"1"),
    ("y. null", b"null"),
];

/// Each of two could be the one that is meant, so neither is; whichever was meant, what was signed is kept.
#[test]
fn a_field_that_occurs_twice_counts_as_missing() {
    for (document, fact) in [
        (
            r#"{"messageId":"Mx","text":"a","text":"b"}"#,
            Fact::Unrecognised(None),
        ),
        (
            r#"{"messageId":"Mx","text":"a","text":null}"#,
            Fact::Unrecognised(None),
        ),
        (
            r#"{"messageId":"Mx","text":"a","text":"a","text":"a"}"#,
            Fact::Unrecognised(None),
        ),
        (
            r#"{"messageId":"m1","eventType":"READ","eventType":"DELIVERED"}"#,
            Fact::Unrecognised(None),
        ),
        (
            r#"{"messageId":"m1","messageId":"m2","eventType":"READ"}"#,
            Fact::Unrecognised(Some("READ".into())),
        ),
        (
            r#"{"agentId":"a","agentId":"b","messageId":"Mx","text":"Hi"}"#,
            received("Hi"),
        ),
        (
            r#"{"messageId":"Mx","text":"Hi","location":{"latitude":1,"latitude":2}}"#,
            received("Hi"),
        ),
    ] {
        assert_eq!(signed(document.as_bytes()).fact, fact, "{document}");
    }
    let both = format!(r#"{{"message":{{"data":"{DATA}","data":"{DATA}"}}}}"#);
    assert_eq!(outcome(both.as_bytes()), Err("no-data".to_owned()));
    let both = format!(r#"{{"message":{{"data":"{DATA}"}},"message":{{"data":"{DATA}"}}}}"#);
    assert_eq!(outcome(both.as_bytes()), Err("no-message".to_owned()));
    let both = br#"{"clientToken":"client-token","secret":"a","secret":"b"}"#;
    assert_eq!(outcome(both), Err("no-message".to_owned()));
}

/// Somebody acts on a place, so what cannot be read must not become the Gulf of Guinea.
#[test]
fn a_coordinate_is_0_only_where_it_is_missing() {
    let place = |latitude| {
        let content = ReceivedContent::Location(Coordinates {
            latitude,
            longitude: 6.5,
        });
        Fact::Received(ReceivedMessage {
            content,
            ..message()
        })
    };
    for (latitude, fact) in [
        ("", place(0.0)),
        (r#""latitude":-0,"#, place(-0.0)),
        (r#""latitude":5e-324,"#, place(5e-324)),
        (r#""latitude":1e-400,"#, place(0.0)),
        (
            r#""latitude":-90.00000000000001,"#,
            place(-90.000_000_000_000_01),
        ),
        (r#""latitude":"37.5","#, place(37.5)),
        (r#""latitude":"1e400","#, Fact::Unrecognised(None)),
        (r#""latitude":"NaN","#, Fact::Unrecognised(None)),
        (r#""latitude":"37,5","#, Fact::Unrecognised(None)),
        (r#""latitude":"","#, Fact::Unrecognised(None)),
        (r#""latitude":null,"#, Fact::Unrecognised(None)),
        (r#""latitude":[],"#, Fact::Unrecognised(None)),
        (r#""latitude":1e400,"#, Fact::Unrecognised(None)),
        (r#""latitude":1,"latitude":2,"#, Fact::Unrecognised(None)),
    ] {
        let document = format!(r#"{{"messageId":"Mx","location":{{{latitude}"longitude":6.5}}}}"#);
        assert_eq!(signed(document.as_bytes()).fact, fact, "{document}");
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn received(text: &str) -> Fact {
    Fact::Received(ReceivedMessage {
        content: ReceivedContent::Text(text.to_owned()),
        ..message()
    })
}

fn message() -> ReceivedMessage {
    let content = ReceivedContent::Text(String::new());
    ReceivedMessage {
        id: "Mx".into(),
        content,
        message_class: None,
        segments: None,
        carrier: None,
    }
}

/// The event that a signed document is, which every signed document is.
fn signed(document: &[u8]) -> Inbound {
    let body = format!(
        r#"{{"message":{{"data":"{}"}}}}"#,
        STANDARD.encode(document)
    );
    let reaction = react(body.as_bytes(), &sign(TOKEN, document));
    assert_eq!(
        (reaction.verdict.outcome, reaction.response.status),
        (VerdictOutcome::Authentic, 200)
    );
    let [inbound] = reaction.inbound.try_into().unwrap();
    assert!(inbound.raw == document);
    inbound
}

/// What becomes of a body around `DATA`, which is signed: delivered, or refused by a rule.
fn outcome(body: &[u8]) -> Result<Fact, String> {
    let reaction = react(body, &sign(TOKEN, DOCUMENT));
    match reaction.verdict.rule {
        None => {
            let [inbound] = reaction.inbound.try_into().unwrap();
            assert_eq!(inbound.raw, DOCUMENT);
            Ok(inbound.fact)
        }
        Some(rule) => {
            assert_eq!(
                (reaction.response.status, reaction.inbound),
                (400, Vec::new())
            );
            Err(rule)
        }
    }
}

fn outcome_of_json(is_json: bool) -> Result<Fact, String> {
    if is_json {
        Ok(received("Hi"))
    } else {
        Err("body-not-json".to_owned())
    }
}

fn react(body: &[u8], signature: &str) -> Reaction {
    let header = Header {
        name: "X-Goog-Signature".into(),
        value: signature.into(),
    };
    let request = WebhookRequest {
        method: "POST".into(),
        url: "/webhooks/rbm".into(),
        headers: vec![header],
        body: body.into(),
    };
    let settings = vec![Setting {
        name: "client-token".into(),
        value: TOKEN.into(),
    }];
    on_event(
        &Context {
            settings,
            now: "2026-11-24T10:00:00Z".into(),
        },
        &request,
    )
    .unwrap()
}

const TOKEN: &str = "client-token";
const DOCUMENT: &[u8] = br#"{"messageId":"Mx","text":"Hi"}"#;
/// The same in base64.
const DATA: &str = "eyJtZXNzYWdlSWQiOiJNeCIsInRleHQiOiJIaSJ9";

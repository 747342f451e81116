//! Webhooks as a receiver sees them: what it is sent, and what becomes of it when it does not take it.

use crate::support::receiver::{Answer, Call, Receiver, after_handshake, answer, good};
use crate::support::{JsonValue as _, TOKEN, emulator_with};
use jiff::{SignedDuration, Timestamp};
use rbm_clock::Clock;
use rbm_emulator::{
    Dose, Emulator, Level, Options, SecretAnswer, SecretRule, WebhookFault, WebhookFaults,
    WebhookSettings,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use uuid::Uuid;

#[tokio::test]
async fn a_text_comes_in_the_envelope_that_was_captured() {
    let (emulator, receiver) = (paused().await, Receiver::start(good).await);
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    write(&emulator, "Hi").await;
    let call = receiver.wait_for(1).await.remove(0);
    let id = call.body["message"]["messageId"].as_str().unwrap();
    assert!(
        id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_digit()),
        "{id}"
    );
    let attributes = json!({ "project_number": "100000000000", "product": "RBM", "message_type": "TEXT",
        "business_id": "demo@rbm.goog", "type": "message" });
    let message = json!({ "data": call.body["message"]["data"], "attributes": attributes, "messageId": id,
        "message_id": id, "publishTime": "2026-11-24T10:15:02.474Z", "publish_time": "2026-11-24T10:15:02.474Z" });
    assert_eq!(
        call.body,
        json!({ "message": message, "subscription": "projects/rbm-emulator/subscriptions/rbm" })
    );
    let data = String::from_utf8(call.data()).unwrap();
    assert!(
        data.starts_with(
            "{\n  \"agentId\": \"demo@rbm.goog\",\n  \"senderPhoneNumber\": \"+15550100001\""
        ),
        "{data}"
    );
    assert!(call.is_signed_by(TOKEN) && !call.is_signed_by("client-token "));
    assert_eq!(call.headers["x-goog-webhook-type"], "message_callback");
    assert_eq!(call.headers["content-type"], "application/json");
    assert!(
        !call.headers.contains_key("user-agent"),
        "{:?}",
        call.headers
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_handshake_is_as_the_guide_has_it() {
    let (emulator, receiver) = (paused().await, Receiver::start(good).await);
    let handshake = emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    assert_eq!(
        (&handshake.answer, &handshake.url),
        (&SecretAnswer::Bare, &receiver.url)
    );
    let call = receiver.handshakes().remove(0);
    assert_eq!(
        call.body,
        json!({ "clientToken": TOKEN, "secret": call.secret() })
    );
    assert!(call.secret().len() >= 16);
    assert_eq!(call.headers["x-goog-webhook-type"], "verification");
    assert!(!call.headers.contains_key("x-goog-signature"));
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    assert_ne!(
        receiver.handshakes()[1].secret(),
        call.secret(),
        "nobody can know it before"
    );
    emulator.shutdown().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn a_webhook_is_registered_only_with_the_secret_and_each_other_answer_is_named() {
    let strict = WebhookSettings {
        secret: SecretRule::BareOnly,
        ..impatient()
    };
    let (emulator, strict) = (emulator_of(impatient()).await, emulator_of(strict).await);
    let both: [(&str, Answering); 19] = [
        ("bare-secret", good),
        ("secret-with-prefix", |call| {
            answer("200 OK", &format!("secret: {}", call.secret()))
        }),
        ("secret-in-json", |call| {
            answer("200 OK", &json!({ "secret": call.secret() }).to_string())
        }),
        ("secret-in-quotes", |call| {
            answer("200 OK", &format!("{:?}", call.secret()))
        }),
        ("secret-with-white-space", |call| {
            answer("200 OK", &format!("{}\n", call.secret()))
        }),
        ("secret-among-text", |call| {
            answer("200 OK", &format!("<p>{}</p>", call.secret()))
        }),
        ("client-token", |call| {
            answer("200 OK", call.body["clientToken"].as_str().unwrap())
        }),
        ("status-in-body", |_| answer("200 OK", "400")),
        ("empty", |_| answer("200 OK", "")),
        ("other-text", |_| answer("200 OK", &"x".repeat(1 << 20))),
        ("other-success", |call| answer("201 Created", call.secret())),
        ("redirected", |_| {
            answer("301 Moved Permanently\r\nlocation: /other", "")
        }),
        ("denied", |_| answer("403 Forbidden", "")),
        ("no-such-path", |_| answer("405 Method Not Allowed", "")),
        ("refused", |_| answer("400 Bad Request", "")),
        ("failed", |_| answer("502 Bad Gateway", "")),
        ("closed", |_| Answer::Close),
        ("closed", |call| {
            Answer::Bytes(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
                call.secret()
            ))
        }),
        ("too-slow", |_| Answer::Hang),
    ];
    for (slug, answering) in both {
        let receiver = Receiver::start(answering).await;
        let found = emulator.register_webhook(&receiver.url, TOKEN.into()).await;
        let strictly = strict.register_webhook(&receiver.url, TOKEN.into()).await;
        let tolerated = ["bare-secret", "secret-with-prefix", "secret-in-json"].contains(&slug);
        assert_eq!(
            (found.is_ok(), strictly.is_ok()),
            (tolerated, slug == "bare-secret"),
            "{slug}: {found:?}"
        );
        let found = found.map_or_else(
            |problem| problem.slug(),
            |handshake| handshake.answer.slug(),
        );
        let strictly = strictly.map_or_else(
            |problem| problem.slug(),
            |handshake| handshake.answer.slug(),
        );
        assert_eq!((found, strictly), (slug, slug));
        let last = status(&emulator).await["handshakes"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(
            (&last["verdict"], &last["url"]),
            (&json!(slug), &json!(receiver.url))
        );
        let then = if tolerated {
            "is registered"
        } else {
            "what was registered before stays"
        };
        assert!(last["then"].as_str().unwrap().contains(then), "{last}");
        assert!(!last["said"].as_str().unwrap().contains(TOKEN), "{last}");
    }
    let said = |answering: Answering| {
        let emulator = &emulator;
        async move {
            let receiver = Receiver::start(answering).await;
            emulator
                .register_webhook(&receiver.url, TOKEN.into())
                .await
                .unwrap_err()
                .to_string()
        }
    };
    let created = said(|call| answer("201 Created", call.secret())).await;
    assert!(
        created.ends_with("it answered 201 Created: of all successes only 200 counts"),
        "{created}"
    );
    let moved = said(|_| answer("301 Moved Permanently\r\nlocation: https://x.example/", "")).await;
    assert!(
        moved.contains("redirected to \"https://x.example/\", and redirects are not followed"),
        "{moved}"
    );
    let denied = said(|_| answer("403 Forbidden", "")).await;
    assert!(
        denied.ends_with("it answered 403 Forbidden, as who knows another client token"),
        "{denied}"
    );
    let slow = said(|_| Answer::Hang).await;
    assert!(slow.contains("had not answered after 300ms"), "{slow}");
    emulator.shutdown().await;
    strict.shutdown().await;
}

#[tokio::test]
async fn what_is_no_address_is_not_called() {
    let (emulator, receiver) = (emulator_of(impatient()).await, Receiver::start(good).await);
    let https = emulator_of(WebhookSettings {
        https_only: true,
        ..impatient()
    })
    .await;
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = format!("https://{}/", plain.local_addr().unwrap());
    tokio::spawn(async move {
        plain
            .accept()
            .await
            .unwrap()
            .0
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
    });
    for (name, emulator, url, slug) in [
        ("relative", &emulator, "/webhook", "no-address"),
        (
            "another scheme",
            &emulator,
            "ftp://x.example/",
            "no-address",
        ),
        ("no host", &emulator, "http://", "no-address"),
        (
            "http where https must be",
            &https,
            receiver.url.as_str(),
            "no-address",
        ),
        (
            "nobody listens",
            &emulator,
            "http://127.0.0.1:1/",
            "connection-refused",
        ),
        (
            "no such name",
            &emulator,
            "http://x.invalid/",
            "unreachable",
        ),
        ("no TLS there", &https, tls.as_str(), "tls"),
    ] {
        let problem = emulator
            .register_webhook(url, TOKEN.into())
            .await
            .unwrap_err();
        assert_eq!(problem.slug(), slug, "{name}: {problem}");
    }
    assert!(receiver.handshakes().is_empty());
    emulator.shutdown().await;
    https.shutdown().await;
}

#[tokio::test]
async fn an_agents_own_webhook_takes_precedence() {
    let (emulator, own, partners) = (
        paused().await,
        Receiver::start(good).await,
        Receiver::start(good).await,
    );
    emulator
        .register_webhook_of(Level::Partner, &partners.url, "partner's".into())
        .await
        .unwrap();
    write(&emulator, "one").await;
    assert!(partners.wait_for(1).await[0].is_signed_by("partner's"));
    let body = json!({ "url": own.url, "client_token": "own", "agent": "demo@rbm.goog" });
    let (code, registered) = http(
        &emulator,
        Method::POST,
        "/emulator/webhooks",
        &body.to_string(),
    )
    .await;
    assert_eq!((code, &registered["verdict"]), (200, &json!("bare-secret")));
    write(&emulator, "two").await;
    assert!(own.wait_for(1).await[0].is_signed_by("own"));
    assert_eq!(
        (partners.texts(), own.texts()),
        (vec!["one".to_owned()], vec!["two".to_owned()])
    );
    let shown = status(&emulator).await;
    let found: Vec<_> = shown["webhooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["agent"], &it["url"]))
        .collect();
    assert_eq!(
        found,
        [
            (&json!(null), &json!(partners.url)),
            (&json!("demo@rbm.goog"), &json!(own.url))
        ]
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_webhook_registered_again_gets_what_waited_with_the_new_token() {
    let (emulator, failing) = (
        paused().await,
        Receiver::start(after_handshake(|_| failed())).await,
    );
    emulator
        .register_webhook(&failing.url, TOKEN.into())
        .await
        .unwrap();
    write(&emulator, "one").await;
    assert!(failing.wait_for(1).await[0].is_signed_by(TOKEN));
    let refusing = Receiver::start(|_: &Call| answer("200 OK", "no")).await;
    emulator
        .register_webhook(&refusing.url, "x".into())
        .await
        .unwrap_err();
    assert_eq!(
        status(&emulator).await["webhooks"][0]["url"],
        failing.url,
        "the one before stays"
    );
    let good = Receiver::start(good).await;
    emulator
        .register_webhook(&good.url, "new".into())
        .await
        .unwrap();
    let calls = good.wait_for(1).await;
    assert!(
        calls[0].is_signed_by("new") && calls[0].text() == "one",
        "though the clock stands still"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn each_way_to_fail_is_named_and_tried_again() {
    let table: [(&str, &str, Answering); 15] = [
        ("other-success", "answered 201 Created: of all", |_| {
            answer("201 Created", "")
        }),
        ("other-success", "answered 204 No Content", |_| {
            answer("204 No Content", "")
        }),
        ("redirected", "redirected to \"/elsewhere\"", |_| {
            answer("302 Found\r\nlocation: /elsewhere", "")
        }),
        ("redirected", "without a Location", |_| {
            answer("304 Not Modified", "")
        }),
        ("denied", "finds the signature wrong", |_| {
            answer("401 Unauthorized", "")
        }),
        ("denied", "answered 403 Forbidden", |_| {
            answer("403 Forbidden", "")
        }),
        ("no-such-path", "nothing takes a POST", |_| {
            answer("404 Not Found", "")
        }),
        ("too-large", "its limit for a body", |_| {
            answer("413 Payload Too Large", "")
        }),
        ("refused", "answered 429 Too Many Requests", |_| {
            answer("429 Too Many Requests", "")
        }),
        ("failed", "answered 503 Service Unavailable", |_| {
            answer("503 Service Unavailable", "")
        }),
        ("too-slow", "had not answered after 300ms", |_| Answer::Hang),
        ("closed", "closed the connection before", |_| Answer::Close),
        ("closed", "closed the connection before", |_| {
            Answer::Bytes("HTTP/1.1 200".into())
        }),
        ("not-http", "is not HTTP", |_| {
            Answer::Bytes("220 mail.example ESMTP\r\n".into())
        }),
        ("not-http", "is not HTTP", |_| {
            Answer::Bytes("\u{16}\u{3}\u{1}\u{0}\r\n\r\n".into())
        }),
    ];
    for (slug, said, answering) in table {
        let first = AtomicBool::new(true);
        let once = move |call: &Call| {
            if first.swap(false, Ordering::SeqCst) {
                answering(call)
            } else {
                good(call)
            }
        };
        let receiver = Receiver::start(after_handshake(once)).await;
        let emulator = emulator_of(impatient()).await;
        emulator
            .register_webhook(&receiver.url, TOKEN.into())
            .await
            .unwrap();
        write(&emulator, "Hi").await;
        let calls = receiver.wait_for(2).await;
        assert_eq!(calls[0].body, calls[1].body, "{slug}");
        let deliveries = deliveries(&emulator, 2).await;
        let found: Vec<_> = deliveries
            .iter()
            .map(|it| (&it["attempt"], it["verdict"].as_str().unwrap()))
            .collect();
        assert_eq!(found, [(&json!(1), slug), (&json!(2), "taken")]);
        assert!(
            deliveries[0]["said"].as_str().unwrap().contains(said),
            "{deliveries:?}"
        );
        assert!(
            deliveries[0]["then"]
                .as_str()
                .unwrap()
                .contains("after 7 days"),
            "{deliveries:?}"
        );
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_and_comes_back_misses_nothing() {
    let (clock, emulator) = paused_with(impatient()).await;
    let receiver = Receiver::start(good).await;
    let url = receiver.url.clone();
    emulator.register_webhook(&url, TOKEN.into()).await.unwrap();
    receiver.stop().await;
    write(&emulator, "one").await;
    assert_eq!(
        deliveries(&emulator, 1).await[0]["verdict"],
        "connection-refused"
    );
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches("/webhook")
        .to_owned();
    let receiver = Receiver::start_on(TcpListener::bind(address).await.unwrap(), good);
    clock.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(receiver.wait_for(1).await[0].text(), "one");
    emulator.shutdown().await;
}

#[tokio::test]
async fn no_notice_is_lost_when_a_receiver_fails_for_a_while() {
    let failures = AtomicUsize::new(5);
    let fails =
        move |call: &Call| match failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        }) {
            Ok(_) => failed(),
            Err(_) => good(call),
        };
    let receiver = Receiver::start(after_handshake(fails)).await;
    let emulator = emulator_of(impatient()).await;
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    let texts: Vec<String> = (0..20).map(|index| format!("text {index}")).collect();
    for text in &texts {
        write(&emulator, text).await;
    }
    let calls = receiver.wait_for(25).await;
    assert!(
        calls[..6].iter().all(|call| call.body == calls[0].body),
        "the same ids, outside too"
    );
    assert_eq!(receiver.texts()[5..], texts, "each once, in order");
    assert!(calls.iter().all(|call| call.is_signed_by(TOKEN)));
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_notice_is_tried_for_seven_days_and_then_dropped() {
    let failing = Arc::new(AtomicBool::new(true));
    let fails = {
        let failing = failing.clone();
        move |call: &Call| {
            if failing.load(Ordering::SeqCst) {
                failed()
            } else {
                good(call)
            }
        }
    };
    let receiver = Receiver::start(after_handshake(fails)).await;
    let (clock, emulator) = paused_with(WebhookSettings::default()).await;
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    let begun = clock.now();
    write(&emulator, "one").await;
    let dropped_at = begun + SignedDuration::from_hours(7 * 24);
    let mut waits = Vec::new();
    for failures in 1..=4 {
        let next = next_attempt(&emulator, failures).await;
        waits.push(next.duration_since(clock.now()).as_secs());
        clock.jump_to(next).unwrap();
    }
    assert_eq!(waits, [1, 2, 4, 8]);
    next_attempt(&emulator, 5).await;
    clock
        .jump_to(dropped_at - SignedDuration::from_secs(1))
        .unwrap();
    next_attempt(&emulator, 6).await;
    let attempt = deliveries(&emulator, 6).await.remove(5);
    assert!(
        attempt["then"]
            .as_str()
            .unwrap()
            .contains("dropped at 2026-12-01T10:15:02.474764Z, after 7 days, before"),
        "{attempt}"
    );
    write(&emulator, "two").await;
    failing.store(false, Ordering::SeqCst);
    clock.jump_to(dropped_at).unwrap();
    let last = deliveries_until(&emulator, |last| last["verdict"] == "expired").await;
    assert_eq!(
        (&last["notice"]["text"], &last["url"]),
        (&json!("one"), &json!(null))
    );
    clock.advance(Duration::from_mins(10)).unwrap();
    receiver.wait_for(7).await;
    assert_eq!(
        receiver.texts(),
        ["one", "one", "one", "one", "one", "one", "two"],
        "and the next is next"
    );
    assert_eq!(status(&emulator).await["queue"]["expired"], 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_clock_that_jumps_over_seven_days_costs_no_notice_that_was_not_tried() {
    let (clock, emulator) = paused_with(late(30 * 24 * 3_600 / 5)).await;
    let receiver = Receiver::start(good).await;
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    write(&emulator, "one").await;
    clock.advance(Duration::from_hours(30 * 24)).unwrap();
    assert_eq!(receiver.wait_for(1).await[0].text(), "one");
    emulator.shutdown().await;
}

#[tokio::test]
async fn beyond_its_length_the_queue_drops_the_oldest_and_counts_it() {
    let receiver = Receiver::start(after_handshake(|call| {
        if call.text() == "0" {
            failed()
        } else {
            good(call)
        }
    }))
    .await;
    let (clock, emulator) = paused_with(WebhookSettings {
        queue_length_max: 3,
        ..WebhookSettings::default()
    })
    .await;
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    write(&emulator, "0").await;
    next_attempt(&emulator, 1).await;
    for index in 1..10 {
        write(&emulator, &index.to_string()).await;
    }
    let queue = status(&emulator).await["queue"].clone();
    assert_eq!(
        (
            &queue["waiting"],
            &queue["overflowed"],
            &queue["length_max"]
        ),
        (&json!(3), &json!(7), &json!(3))
    );
    clock.advance(Duration::from_secs(1)).unwrap();
    receiver.wait_for(4).await;
    assert_eq!(receiver.texts(), ["0", "7", "8", "9"]);
    emulator.shutdown().await;
}

#[tokio::test]
async fn without_a_webhook_a_notice_is_dropped_and_that_is_said() {
    let emulator = paused().await;
    write(&emulator, "one").await;
    let delivery = deliveries(&emulator, 1).await.remove(0);
    assert_eq!(
        (&delivery["verdict"], &delivery["attempt"], &delivery["url"]),
        (&json!("no-webhook"), &json!(0), &json!(null))
    );
    let receiver = Receiver::start(good).await;
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    write(&emulator, "two").await;
    receiver.wait_for(1).await;
    assert_eq!(receiver.texts(), ["two"]);
    assert_eq!(status(&emulator).await["queue"]["without_webhook"], 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn each_fault_befalls_the_next_notice_and_no_other() {
    // Texts, which of them are rightly signed, and which are longer than 1 MiB. `late` comes when the clock has moved.
    for (fault, texts, unsigned, long) in [
        ("duplicate", ["a", "a", "b", "c"].as_slice(), None, None),
        ("late", &["b", "c", "a"], None, None),
        ("reordered", &["b", "a", "c"], None, None),
        ("bad_signature", &["a", "b", "c"], Some(0), None),
        ("oversize", &["a", "b", "c"], None, Some(0)),
        ("dropped", &["b", "c"], None, None),
    ] {
        let (clock, emulator) = paused_with(WebhookSettings::default()).await;
        let receiver = Receiver::start(good).await;
        emulator
            .register_webhook(&receiver.url, TOKEN.into())
            .await
            .unwrap();
        let wanted =
            json!({ "doses": { fault: { "next": 1 } }, "oversize_bytes": 1 << 20 }).to_string();
        let (code, set) = http(&emulator, Method::PUT, "/emulator/webhooks/faults", &wanted).await;
        assert_eq!(
            (code, &set["doses"][fault]["next"], &set["late_seconds"]),
            (200, &json!(1), &json!(60))
        );
        for text in ["a", "b", "c"] {
            write(&emulator, text).await;
        }
        if fault == "late" {
            receiver.wait_for(2).await;
            assert_eq!(status(&emulator).await["queue"]["held"], 1);
            clock.advance(Duration::from_mins(1)).unwrap();
        }
        let calls = receiver.wait_for(texts.len()).await;
        deliveries_until(&emulator, |last| {
            last["notice"]["text"] == *texts.last().unwrap()
        })
        .await;
        assert_eq!(receiver.texts(), texts, "{fault}");
        for (index, call) in calls.iter().enumerate() {
            assert_eq!(
                call.is_signed_by(TOKEN),
                unsigned != Some(index),
                "{fault} {index}"
            );
            assert_eq!(
                call.data().len() >= 1 << 20,
                long == Some(index),
                "{fault} {index}"
            );
        }
        if fault == "duplicate" {
            assert_eq!(calls[0].body, calls[1].body);
        }
        let shown = status(&emulator).await;
        let befallen = shown["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["faults"] == json!([fault]));
        assert_eq!(
            befallen.count(),
            if fault == "duplicate" { 2 } else { 1 },
            "{fault}: {shown}"
        );
        assert_eq!(shown["queue"]["lost"], u8::from(fault == "dropped"));
        let (_, left) = http(&emulator, Method::GET, "/emulator/webhooks/faults", "").await;
        assert_eq!(left["doses"][fault]["next"], 0);
        emulator.shutdown().await;
    }
}

/// A receiver that checks signatures sees the notice again, and one that does not is told on.
#[tokio::test]
async fn a_badly_signed_notice_comes_again_well_signed_if_it_is_refused() {
    let checks = |call: &Call| {
        if call.is_signed_by(TOKEN) {
            good(call)
        } else {
            answer("401 Unauthorized", "")
        }
    };
    for (receiver, verdicts) in [
        (
            Receiver::start(after_handshake(checks)).await,
            ["denied", "taken"].as_slice(),
        ),
        (Receiver::start(good).await, &["taken-badly-signed"]),
    ] {
        let emulator = emulator_of(WebhookSettings {
            faults: next(WebhookFault::BadSignature),
            ..impatient()
        })
        .await;
        emulator
            .register_webhook(&receiver.url, TOKEN.into())
            .await
            .unwrap();
        write(&emulator, "Hi").await;
        let deliveries = deliveries(&emulator, verdicts.len()).await;
        let found: Vec<_> = deliveries
            .iter()
            .map(|it| it["verdict"].as_str().unwrap())
            .collect();
        assert_eq!(found, verdicts);
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn one_that_is_to_be_overtaken_comes_alone_if_nobody_follows() {
    let (clock, emulator) = paused_with(WebhookSettings {
        faults: next(WebhookFault::Reordered),
        ..WebhookSettings::default()
    })
    .await;
    let receiver = Receiver::start(good).await;
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    write(&emulator, "alone").await;
    assert_eq!(status(&emulator).await["queue"]["held"], 1);
    clock.advance(Duration::from_secs(5)).unwrap();
    assert_eq!(receiver.wait_for(1).await[0].text(), "alone");
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_same_seed_makes_the_same_faults_in_every_run() {
    let run = |seed: u128| async move {
        let faults = [
            WebhookFault::Duplicate,
            WebhookFault::Late,
            WebhookFault::Reordered,
            WebhookFault::BadSignature,
            WebhookFault::Oversize,
            WebhookFault::Dropped,
        ];
        let doses = faults
            .into_iter()
            .map(|fault| (fault, Dose { next: 0, rate: 0.3 }))
            .collect();
        let faults = WebhookFaults {
            doses,
            oversize_bytes: 10_000,
            ..WebhookFaults::default()
        };
        let clock = paused_clock();
        let webhooks = WebhookSettings {
            faults,
            ..WebhookSettings::default()
        };
        let options = Options {
            webhooks,
            clock: clock.clone(),
            seed: Uuid::from_u128(seed),
            ..Options::default()
        };
        let emulator = Twin::start(options).await;
        let receiver = Receiver::start(good).await;
        emulator
            .register_webhook(&receiver.url, TOKEN.into())
            .await
            .unwrap();
        for index in 0..60 {
            write(&emulator, &index.to_string()).await;
        }
        clock.advance(Duration::from_mins(1)).unwrap();
        let is_idle = |status: &Value| {
            status["queue"]["waiting"] == 0 && status["queue"]["calling"].is_null()
        };
        let taken = wait(&emulator, is_idle).await["queue"]["taken"]
            .as_u64()
            .unwrap();
        let last = |call: &Call| (call.body.clone(), call.is_signed_by(TOKEN));
        let seen: Vec<_> = receiver
            .wait_for(usize::try_from(taken).unwrap())
            .await
            .iter()
            .map(last)
            .collect();
        emulator.shutdown().await;
        seen
    };
    let (first, again, other) = (run(1).await, run(1).await, run(2).await);
    assert!(
        first.len() > 30 && first.iter().any(|(_, signed)| !signed),
        "{}",
        first.len()
    );
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn faults_that_make_no_sense_are_refused_and_those_before_stay() {
    let emulator = paused().await;
    let path = "/emulator/webhooks/faults";
    let before = json!({ "doses": { "late": { "next": 2, "rate": 0.5 } }, "late_seconds": 7, "reordered_seconds": 5,
        "oversize_bytes": 2_097_152 });
    assert_eq!(
        http(&emulator, Method::PUT, path, &before.to_string()).await,
        (200, before.clone())
    );
    for (body, said) in [
        ("", "EOF"),
        ("[]", "faults are such as"),
        (r#"{"doses":{"slow":{"next":1}}}"#, "unknown variant `slow`"),
        (r#"{"doses":{"late":{"often":1}}}"#, "unknown field `often`"),
        (r#"{"late":{"next":1}}"#, "unknown field `late`"),
        (r#"{"doses":{"late":{"next":-1}}}"#, "invalid value"),
        (r#"{"doses":{"late":{"rate":1.5}}}"#, "must be from 0 to 1"),
        (r#"{"doses":{"late":{"rate":-0.1}}}"#, "must be from 0 to 1"),
        (
            r#"{"late_seconds":604801}"#,
            "a notice is kept for 604800 s",
        ),
        (
            r#"{"reordered_seconds":604801}"#,
            "a notice is kept for 604800 s",
        ),
        (r#"{"oversize_bytes":10000001}"#, "at most 10000000"),
    ] {
        let (code, answer) = http(&emulator, Method::PUT, path, body).await;
        crate::support::expect_invalid(code, &answer, said, body);
        assert_eq!(
            http(&emulator, Method::GET, path, "").await,
            (200, before.clone()),
            "{body}"
        );
    }
    for (body, said) in [
        ("", "EOF"),
        (
            r#"{"url":"http://127.0.0.1:1/"}"#,
            "missing field `client_token`",
        ),
        (
            r#"{"url":"http://127.0.0.1:1/","client_token":"x","agents":"demo"}"#,
            "unknown field `agents`",
        ),
        (
            r#"{"url":"http://127.0.0.1:1/","client_token":"x","agent":"a/b"}"#,
            "is not an agent id",
        ),
    ] {
        let (code, answer) = http(&emulator, Method::POST, "/emulator/webhooks", body).await;
        crate::support::expect_invalid(code, &answer, said, body);
    }
    let nobody = r#"{"url":"http://127.0.0.1:1/","client_token":"x"}"#;
    let (code, answer) = http(&emulator, Method::POST, "/emulator/webhooks", nobody).await;
    assert_eq!(
        (code, &answer["verdict"]),
        (400, &json!("connection-refused")),
        "{answer}"
    );
    emulator.shutdown().await;
}

type Answering = fn(&Call) -> Answer;

/// Fails fast and calls again at once.
fn impatient() -> WebhookSettings {
    WebhookSettings {
        answer_time_max: Duration::from_millis(300),
        first_delay: Duration::from_millis(1),
        ..WebhookSettings::default()
    }
}

fn next(fault: WebhookFault) -> WebhookFaults {
    WebhookFaults {
        doses: [(fault, Dose { next: 1, rate: 0.0 })].into(),
        ..WebhookFaults::default()
    }
}

fn late(seconds: u32) -> WebhookSettings {
    WebhookSettings {
        faults: WebhookFaults {
            late_seconds: seconds,
            ..next(WebhookFault::Late)
        },
        ..WebhookSettings::default()
    }
}

fn failed() -> Answer {
    answer("500 Internal Server Error", "")
}

fn paused_clock() -> Clock {
    let clock = Clock::starting_at("2026-11-24T10:15:02Z".parse().unwrap());
    clock.pause().unwrap();
    // Some time passed before it stood still.
    clock
        .jump_to("2026-11-24T10:15:02.474764Z".parse().unwrap())
        .unwrap();
    clock
}

/// An emulator, and a client that keeps its connection.
struct Twin {
    emulator: Emulator,
    client: Client,
}

impl Deref for Twin {
    type Target = Emulator;

    fn deref(&self) -> &Emulator {
        &self.emulator
    }
}

impl Twin {
    async fn start(options: Options) -> Self {
        Self {
            emulator: emulator_with(options).await,
            client: Client::new(),
        }
    }

    async fn shutdown(self) {
        self.emulator.shutdown().await;
    }
}

async fn paused() -> Twin {
    paused_with(WebhookSettings::default()).await.1
}

async fn paused_with(webhooks: WebhookSettings) -> (Clock, Twin) {
    let clock = paused_clock();
    let emulator = Twin::start(Options {
        webhooks,
        clock: clock.clone(),
        ..Options::default()
    })
    .await;
    (clock, emulator)
}

async fn emulator_of(webhooks: WebhookSettings) -> Twin {
    Twin::start(Options {
        webhooks,
        ..Options::default()
    })
    .await
}

/// The person with the phone writes to the agent, which is the simplest notice.
async fn write(emulator: &Twin, text: &str) {
    let body = json!({ "text": text }).to_string();
    assert_eq!(
        http(
            emulator,
            Method::POST,
            "/emulator/phones/+15550100001",
            &body
        )
        .await
        .0,
        200
    );
}

async fn http(emulator: &Twin, method: Method, path: &str, body: &str) -> (u16, Value) {
    let request = emulator
        .client
        .request(method, format!("{}{path}", emulator.origin()))
        .body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json_value().await)
}

async fn status(emulator: &Twin) -> Value {
    http(emulator, Method::GET, "/emulator/webhooks", "")
        .await
        .1
}

/// What became of notices, once there is so much to see.
async fn deliveries(emulator: &Twin, count: usize) -> Vec<Value> {
    let enough = |deliveries: &[Value]| deliveries.len() >= count;
    wait(emulator, |status| {
        enough(status["deliveries"].as_array().unwrap())
    })
    .await["deliveries"]
        .as_array()
        .unwrap()
        .clone()
}

async fn deliveries_until(emulator: &Twin, wanted: impl Fn(&Value) -> bool) -> Value {
    let last = |status: &Value| status["deliveries"].as_array().unwrap().last().cloned();
    last(
        &wait(emulator, |status| {
            last(status).is_some_and(|last| wanted(&last))
        })
        .await,
    )
    .unwrap()
}

/// When the webhook is called again, once it has failed so often.
async fn next_attempt(emulator: &Twin, failures: usize) -> Timestamp {
    let shown = wait(emulator, |status| {
        status["webhooks"][0]["failures"] == failures
    })
    .await;
    shown["webhooks"][0]["next_attempt"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn wait(emulator: &Twin, wanted: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let status = status(emulator).await;
            if wanted(&status) {
                return status;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("it comes to that")
}

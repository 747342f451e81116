//! Opting out: whoever wants no messages is sent none but what they wait for, from the moment at which the platform's word is
//! answered, whatever was queued before and whoever is killed after.

use crate::program::{
    ANSWERS, Answer, Dev, HIDES_READING, OFFLINE, answer, envelope, rbm, sign, text,
};
use crate::serving::{Platform, Serve};
use jiff::{Timestamp, ToSpan as _};
use reqwest::Method;
use serde_json::{Value, json};

/// What the platform posts: the event of a tap on "Unsubscribe" or "Resubscribe".
fn tapped(event_id: &str, kind: &str, phone: &str, at: Timestamp) -> String {
    json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": phone, "eventType": kind, "eventId": event_id,
        "sendTime": at.to_string() })
    .to_string()
}

fn wrote(message_id: &str, words: &str, phone: &str, at: Timestamp) -> String {
    json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": phone, "messageId": message_id, "text": words,
        "sendTime": at.to_string() })
    .to_string()
}

async fn hear(dev: &Dev, document: &str) {
    assert_eq!(dev.notify("/webhooks/rbm/demo", document).await.status, 200);
}

fn with_purpose(to: &str, purpose: Option<&str>) -> Value {
    json!({ "to": to, "content": { "text": "Hi" }, "purpose": purpose })
}

async fn change(dev: &Dev, method: Method, phone: &str, body: &Value) -> Answer {
    let request = dev
        .request(method, &format!("/v1/opt-outs/{phone}"))
        .header("content-type", "application/json");
    answer(request.body(body.to_string())).await
}

/// Whether somebody has opted out, and how often something was heard.
async fn ledger(dev: &Dev, phone: &str) -> (bool, usize) {
    let person = dev.get(&format!("/v1/opt-outs/{phone}")).await;
    assert_eq!(person.status, 200, "{}", person.body);
    (
        person.body["opted_out"].as_bool().unwrap(),
        person.body["history"].as_array().unwrap().len(),
    )
}

#[tokio::test]
async fn whoever_has_opted_out_is_sent_only_what_they_wait_for() {
    let dev = Dev::start();
    let now = Timestamp::now();
    let before = dev.send_with_key("k", &text(HIDES_READING, "Hi")).await;
    assert_eq!(before.status, 202);
    dev.wait_for_state(before.body["id"].as_str().unwrap(), "delivered")
        .await;
    hear(&dev, &tapped("e1", "UNSUBSCRIBE", HIDES_READING, now)).await;

    for purpose in [None, Some("promotion"), Some("transaction")] {
        let refused = dev
            .post("/v1/messages", &with_purpose(HIDES_READING, purpose))
            .await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (409, &json!("opted-out")),
            "{purpose:?}"
        );
        assert_eq!(refused.content_type, "application/problem+json");
        let detail = refused.body["detail"].as_str().unwrap();
        let since = Timestamp::from_microsecond(now.as_microsecond()).unwrap();
        assert_eq!(
            detail,
            format!(
                "{HIDES_READING} has opted out of messages of demo since {since}, because the platform said so; only a \
                 message whose purpose is one of authentication, service_request, acknowledgement may be sent"
            )
        );
    }
    for purpose in ["authentication", "service_request", "acknowledgement"] {
        let id = dev.send(&with_purpose(HIDES_READING, Some(purpose))).await;
        dev.wait_for_state(&id, "delivered").await;
    }
    assert_eq!(dev.shown_on(HIDES_READING).await.len(), 4);
    let again = dev.send_with_key("k", &text(HIDES_READING, "Hi")).await;
    assert_eq!(
        (again.status, &again.body["state"]),
        (202, &json!("delivered")),
        "what was taken before stays taken"
    );
    dev.send(&text(OFFLINE, "Hi")).await;

    hear(
        &dev,
        &tapped("e2", "SUBSCRIBE", HIDES_READING, now + 1.millisecond()),
    )
    .await;
    let id = dev.send(&text(HIDES_READING, "Hi")).await;
    dev.wait_for_state(&id, "delivered").await;
}

#[tokio::test]
async fn a_keyword_counts_and_a_sentence_with_it_does_not() {
    let dev = Dev::start();
    let start = Timestamp::now() - 1.hour();
    for (index, (words, opted_out)) in [
        ("please stop", false),
        ("Stop, please.", false),
        (" stop\n", true),
        ("Hi", true),
        ("restart", true),
        ("Start", false),
        ("baja", true),
        ("ALTA", false),
        ("Parar", true),
        ("COMEÇAR", false),
        ("stop", true),
        ("démarrer", false),
    ]
    .into_iter()
    .enumerate()
    {
        let at = start + i64::try_from(index).unwrap().seconds();
        hear(&dev, &wrote(&format!("u{index}"), words, ANSWERS, at)).await;
        assert_eq!(ledger(&dev, ANSWERS).await.0, opted_out, "{words:?}");
        let status = if opted_out { 409 } else { 202 };
        assert_eq!(
            dev.post("/v1/messages", &text(ANSWERS, "Hi")).await.status,
            status,
            "{words:?}"
        );
    }
    let tap = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "messageId": "t1",
        "suggestionResponse": { "postbackData": "STOP", "text": "STOP", "type": "REPLY" } });
    hear(&dev, &tap.to_string()).await;
    let person = dev.get(&format!("/v1/opt-outs/{ANSWERS}")).await.body;
    assert_eq!(
        person["opted_out"],
        json!(false),
        "a suggestion is the application's own"
    );
    let history = person["history"].as_array().unwrap();
    assert_eq!(history.len(), 8);
    assert_eq!(
        (&history[0]["wish"], &history[0]["reason"]),
        (
            &json!("opted_in"),
            &json!({ "by": "keyword", "text": "démarrer" })
        )
    );
    assert!(
        history[0]["event"]
            .as_str()
            .is_some_and(|cursor| cursor.starts_with('e')),
        "{}",
        history[0]
    );
    assert_eq!(
        history[7]["reason"],
        json!({ "by": "keyword", "text": "stop" }),
        "without the blanks around it"
    );
}

/// Punctuation, quotes, and what a keyboard or a copy leaves unseen.
#[tokio::test]
async fn a_keyword_counts_whatever_is_written_around_it() {
    let dev = Dev::start();
    let start = Timestamp::now() - 1.hour();
    for (index, words) in [
        "Stop.",
        "STOP!",
        "\"STOP\"",
        "„stop“",
        "«Stop»",
        "\u{feff}STOP\u{200b}",
        "STOP\u{fe0f}",
        "\u{2067}stop\u{2069}",
        "S\u{ad}TOP",
    ]
    .into_iter()
    .enumerate()
    {
        let index = i64::try_from(index).unwrap();
        let heard = [("START", false), (words, true)];
        for (place, (words, opted_out)) in (0..).zip(heard) {
            let at = start + (index * 2 + place).seconds();
            hear(
                &dev,
                &wrote(&format!("u{index}-{place}"), words, ANSWERS, at),
            )
            .await;
            assert_eq!(ledger(&dev, ANSWERS).await.0, opted_out, "{words:?}");
        }
    }
}

#[tokio::test]
async fn a_configuration_adds_words_that_opt_out_and_removes_them() {
    let platform = Platform::start().await;
    let mut serve = Serve::new(
        &platform,
        "[opt_out]\nwords = [\"REVOKE\", \"OPT OUT\", \"-BAJA\"]\n",
    );
    serve.start().await;
    let path = format!("{}/v1/opt-outs/{ANSWERS}", serve.origin());
    let start = Timestamp::now() - 1.hour();
    for (second, (words, opted_out)) in (0..).zip([
        ("baja", false),
        ("Revoke.", true),
        ("alta", false),
        ("opt out", true),
        ("start", false),
        ("Stop", true),
    ]) {
        let at = start + i64::from(second).seconds();
        let document = wrote(&format!("u{second}"), words, ANSWERS, at);
        let posted = serve
            .client
            .post(serve.webhook())
            .header(
                "x-goog-signature",
                sign(&serve.client_token, document.as_bytes()),
            )
            .body(envelope(&document).to_string());
        assert_eq!(answer(posted).await.status, 200);
        let person = answer(serve.client.get(&path)).await.body;
        assert_eq!(person["opted_out"], json!(opted_out), "{words}: {person}");
    }
}

#[tokio::test]
async fn what_is_heard_late_or_twice_changes_nothing() {
    let dev = Dev::start();
    let at = |second: i64| Timestamp::now() - 1.hour() + second.seconds();
    let documents = [
        (
            tapped("e1", "UNSUBSCRIBE", HIDES_READING, at(20)),
            (true, 1),
        ),
        (
            tapped("e1", "UNSUBSCRIBE", HIDES_READING, at(20)),
            (true, 1),
        ),
        (wrote("u1", "STOP", HIDES_READING, at(21)), (true, 2)),
        (tapped("e2", "SUBSCRIBE", HIDES_READING, at(10)), (true, 3)),
        (tapped("e3", "SUBSCRIBE", HIDES_READING, at(30)), (false, 4)),
        (
            tapped("e4", "UNSUBSCRIBE", HIDES_READING, at(25)),
            (false, 5),
        ),
    ];
    for (document, expected) in documents {
        hear(&dev, &document).await;
        assert_eq!(ledger(&dev, HIDES_READING).await, expected, "{document}");
    }
    let ahead = Timestamp::now() + 24.hours();
    hear(&dev, &tapped("e5", "SUBSCRIBE", OFFLINE, ahead)).await;
    hear(
        &dev,
        &tapped("e6", "UNSUBSCRIBE", OFFLINE, Timestamp::now()),
    )
    .await;
    assert_eq!(
        ledger(&dev, OFFLINE).await,
        (true, 2),
        "a clock that is ahead outweighs nothing that comes after"
    );
}

#[tokio::test]
async fn what_was_queued_before_is_not_sent_after() {
    let dev = Dev::start();
    let soon = Timestamp::now() + 3.seconds();
    let scheduled = |purpose: Option<&str>| {
        let mut body = with_purpose(HIDES_READING, purpose);
        body["send_at"] = json!(soon.to_string());
        body
    };
    let ordinary = dev.send(&scheduled(None)).await;
    let code = dev.send(&scheduled(Some("authentication"))).await;
    hear(
        &dev,
        &tapped("e1", "UNSUBSCRIBE", HIDES_READING, Timestamp::now()),
    )
    .await;
    assert_eq!(
        dev.get(&format!("/v1/messages/{ordinary}")).await.body["state"],
        "queued",
        "its time has not come"
    );

    let refused = dev.wait_for_state(&ordinary, "refused").await;
    dev.wait_for_state(&code, "delivered").await;
    let history = refused["history"].as_array().unwrap();
    assert_eq!(
        history
            .iter()
            .map(|entry| entry["fact"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["queued", "refused"]
    );
    assert!(
        history[1]["detail"]
            .as_str()
            .unwrap()
            .starts_with("it is not sent: the person has opted out since ")
    );
    assert_eq!(dev.shown_on(HIDES_READING).await.len(), 1, "only the code");
}

#[tokio::test]
async fn an_opt_out_that_was_answered_is_there_after_a_kill() {
    let directory = tempfile::TempDir::new().unwrap();
    let data = directory.path().to_str().unwrap();
    let (queued, since) = {
        let mut dev = Dev::start_with(&["--data", data], "warn");
        let soon = Timestamp::now() + 2.seconds();
        let mut body = text(HIDES_READING, "Hi");
        body["send_at"] = json!(soon.to_string());
        let queued = dev.send(&body).await;
        hear(
            &dev,
            &tapped("e1", "UNSUBSCRIBE", HIDES_READING, Timestamp::now()),
        )
        .await;
        dev.kill();
        (queued, soon)
    };
    let dev = Dev::start_with(&["--data", data], "warn");
    assert_eq!(ledger(&dev, HIDES_READING).await, (true, 1));
    assert_eq!(
        dev.post("/v1/messages", &text(HIDES_READING, "Hi"))
            .await
            .status,
        409
    );
    dev.wait_for_state(&queued, "refused").await;
    assert!(Timestamp::now() >= since);
    assert_eq!(dev.shown_on(HIDES_READING).await, Vec::<Value>::new());
}

#[tokio::test]
async fn callers_tell_and_are_told_who_has_opted_out() {
    let dev = Dev::start();
    assert_eq!(
        dev.get("/v1/opt-outs").await.body,
        json!({ "opt_outs": [], "next": null })
    );
    let unheard =
        json!({ "agent": "demo", "phone": HIDES_READING, "opted_out": false, "history": [] });
    assert_eq!(
        dev.get(&format!("/v1/opt-outs/{HIDES_READING}")).await.body,
        unheard
    );
    let told = json!({ "agent": "demo", "reason": "told us on the telephone" });
    for phone in [OFFLINE, ANSWERS, HIDES_READING] {
        let noted = change(&dev, Method::PUT, phone, &told).await;
        assert_eq!(
            (noted.status, &noted.body["opted_out"]),
            (200, &json!(true)),
            "{}",
            noted.body
        );
        assert_eq!(
            noted.body["reason"],
            json!({ "by": "caller", "text": "told us on the telephone" })
        );
        assert_eq!(
            dev.post("/v1/messages", &text(phone, "Hi")).await.status,
            409
        );
    }
    let page = async |query: &str| {
        let page = dev.get(&format!("/v1/opt-outs{query}")).await.body;
        let phones = page["opt_outs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["phone"].as_str().unwrap().to_owned());
        (phones.collect::<Vec<_>>(), page["next"].clone())
    };
    let all = [ANSWERS, HIDES_READING, OFFLINE]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(page("").await, (all.clone(), Value::Null));
    assert_eq!(
        page("?agent=demo&limit=2").await,
        (all[..2].to_vec(), json!(HIDES_READING))
    );
    assert_eq!(
        page(&format!("?after={HIDES_READING}&limit=2")).await,
        (all[2..].to_vec(), Value::Null)
    );

    let again = change(
        &dev,
        Method::DELETE,
        ANSWERS,
        &json!({ "reason": "signed the form again" }),
    )
    .await;
    assert_eq!(
        (again.status, &again.body["opted_out"]),
        (200, &json!(false)),
        "{}",
        again.body
    );
    assert_eq!(ledger(&dev, ANSWERS).await, (false, 2));
    assert_eq!(page("").await.0, all[1..]);
    dev.send(&text(ANSWERS, "Hi")).await;
}

/// Not every client can send a body with a DELETE.
#[tokio::test]
async fn an_opt_in_needs_no_body_and_names_the_agent_where_there_are_several() {
    let platform = Platform::start().await;
    let mut serve = Serve::new(
        &platform,
        "[agents.other]\nagent_id = \"other\"\nclient_token_file = \"client-token\"\n\
         service_account_file = \"key.json\"\n",
    );
    serve.start().await;
    let ask = async |method: Method, agent: &str, body: &Value| {
        let path = format!("{}/v1/opt-outs/{ANSWERS}{agent}", serve.origin());
        let request = serve.client.request(method, path);
        answer(if body.is_null() {
            request
        } else {
            request
                .header("content-type", "application/json")
                .body(body.to_string())
        })
        .await
    };
    for (agent, body, code, said) in [
        (
            "",
            Value::Null,
            "agent-required",
            "agent is missing, and must be one of demo, other",
        ),
        (
            "?agent=demo",
            json!({ "agent": "other" }),
            "agent",
            "agent is \"demo\" in the query and \"other\" in the body, and must be the same in both",
        ),
    ] {
        let refused = ask(Method::DELETE, agent, &body).await;
        assert_eq!(
            (
                refused.status,
                &refused.body["code"],
                &refused.body["detail"]
            ),
            (400, &json!(code), &json!(said))
        );
    }
    let unsaid = "a caller asked for it";
    for (agent, body, reason) in [
        ("?agent=other", Value::Null, unsaid),
        ("", json!({ "agent": "other" }), unsaid),
        (
            "?agent=other",
            json!({ "agent": "other", "reason": null }),
            unsaid,
        ),
        (
            "?agent=other",
            json!({ "reason": "signed the form again" }),
            "signed the form again",
        ),
    ] {
        let told = json!({ "agent": "other", "reason": "told us on the telephone" });
        let out = ask(Method::PUT, "", &told).await;
        assert_eq!(out.body["opted_out"], json!(true), "{}", out.body);
        let back = ask(Method::DELETE, agent, &body).await;
        assert_eq!(
            (
                back.status,
                &back.body["opted_out"],
                &back.body["agent"],
                &back.body["reason"]
            ),
            (
                200,
                &json!(false),
                &json!("other"),
                &json!({ "by": "caller", "text": reason })
            ),
            "{agent} {body}: {}",
            back.body
        );
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn what_cannot_be_asked_is_named() {
    let dev = Dev::start();
    let told = json!({ "reason": "told us" });
    for (method, path, body, status, code) in [
        (
            Method::GET,
            "/v1/opt-outs?agent=nobody",
            Value::Null,
            400,
            "agent-unknown",
        ),
        (
            Method::GET,
            "/v1/opt-outs?limit=0",
            Value::Null,
            400,
            "limit",
        ),
        (
            Method::GET,
            "/v1/opt-outs?after=12",
            Value::Null,
            400,
            "after",
        ),
        (
            Method::GET,
            "/v1/opt-outs?phone=12",
            Value::Null,
            400,
            "parameter",
        ),
        (Method::GET, "/v1/opt-outs/12", Value::Null, 400, "phone"),
        (Method::PUT, "/v1/opt-outs/12", told.clone(), 400, "phone"),
        (
            Method::PUT,
            "/v1/opt-outs/+15550100001",
            json!({}),
            400,
            "reason",
        ),
        (
            Method::PUT,
            "/v1/opt-outs/+15550100001",
            json!({ "reason": "" }),
            400,
            "reason",
        ),
        (
            Method::PUT,
            "/v1/opt-outs/+15550100001",
            json!({ "reason": 7 }),
            400,
            "type",
        ),
        (
            Method::PUT,
            "/v1/opt-outs/+15550100001",
            json!({ "reason": "x".repeat(501) }),
            400,
            "reason",
        ),
        (
            Method::PUT,
            "/v1/opt-outs/+15550100001",
            json!({ "reason": "x", "until": "y" }),
            400,
            "unknown-field",
        ),
        (
            Method::DELETE,
            "/v1/opt-outs/+15550100001",
            json!({ "agent": "nobody", "reason": "x" }),
            400,
            "agent-unknown",
        ),
        (
            Method::DELETE,
            "/v1/opt-outs/+15550100001",
            json!({ "reason": "" }),
            400,
            "reason",
        ),
        (
            Method::DELETE,
            "/v1/opt-outs/+15550100001?agent=nobody",
            Value::Null,
            400,
            "agent-unknown",
        ),
        (
            Method::DELETE,
            "/v1/opt-outs/+15550100001?reason=x",
            Value::Null,
            400,
            "parameter",
        ),
        (
            Method::PUT,
            "/v1/opt-outs/+15550100001",
            Value::Null,
            415,
            "content-type",
        ),
        (
            Method::POST,
            "/v1/opt-outs/+15550100001",
            told,
            405,
            "method",
        ),
    ] {
        let request = dev.request(method.clone(), path);
        let request = if body.is_null() {
            request
        } else {
            request
                .header("content-type", "application/json")
                .body(body.to_string())
        };
        let answer = answer(request).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &json!(code)),
            "{method} {path}: {}",
            answer.body
        );
    }
    assert_eq!(ledger(&dev, ANSWERS).await, (false, 0));
}

#[tokio::test]
async fn who_is_forgotten_is_gone_and_still_gets_nothing() {
    let dev = Dev::start();
    let id = dev.send(&text(HIDES_READING, "Hi")).await;
    dev.wait_for_state(&id, "delivered").await;
    hear(
        &dev,
        &tapped("e1", "UNSUBSCRIBE", HIDES_READING, Timestamp::now()),
    )
    .await;
    let erased = rbm(
        &[
            "erase",
            "--phone",
            HIDES_READING,
            "--json",
            "--gateway",
            &dev.gateway,
        ],
        b"",
    );
    assert_eq!(erased.code, Some(0), "{}", erased.stderr);
    let counts: Value = serde_json::from_str(&erased.stdout).unwrap();
    assert_eq!(counts["messages"], 1, "{counts}");
    assert!(counts["events"].as_u64().unwrap() >= 2, "{counts}");
    assert_eq!(dev.get(&format!("/v1/messages/{id}")).await.status, 404);
    assert_eq!(dev.get("/v1/events").await.body["events"], json!([]));
    assert_eq!(
        dev.post("/v1/messages", &text(HIDES_READING, "Again"))
            .await
            .status,
        409,
        "it wants nothing"
    );
    let wrong = rbm(
        &["erase", "--phone", "nobody", "--gateway", &dev.gateway],
        b"",
    );
    assert_eq!(wrong.code, Some(1), "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("must be a phone number"),
        "{}",
        wrong.stderr
    );
}

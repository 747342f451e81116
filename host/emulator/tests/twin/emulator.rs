//! The emulator as a client sees it: over real HTTP, with a webhook that checks signatures by itself.

use crate::support::{JsonValue as _, expect_invalid, start};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_message_is_delivered_read_and_answered_by_signed_webhooks() {
    let (emulator, webhook, api) = start().await;
    let (status, answer) = api.send("+15550100001", "m1", json!({ "contentMessage": { "text": "Hi", "suggestions": [
        { "reply": { "text": "Yes", "postbackData": "yes" } } ] }, "ttl": "600s", "messageTrafficType": "TRANSACTION" })).await;
    assert_eq!(
        (status, &answer["name"]),
        (200, &json!("phones/+15550100001/agentMessages/m1")),
        "{answer}"
    );
    assert!(
        answer["sendTime"].is_string()
            && answer["expireTime"].is_string()
            && answer.get("ttl").is_none()
    );
    let notices = webhook.wait_for(4).await;
    let kinds: Vec<_> = notices
        .iter()
        .map(|notice| notice["eventType"].as_str().unwrap_or("message"))
        .collect();
    assert_eq!(kinds, ["DELIVERED", "READ", "IS_TYPING", "message"]);
    assert!(
        notices
            .iter()
            .all(|notice| notice["agentId"] == "demo@rbm.goog"
                && notice["senderPhoneNumber"] == "+15550100001")
    );
    assert_eq!(
        (&notices[0]["messageId"], &notices[1]["messageId"]),
        (&json!("m1"), &json!("m1"))
    );
    assert_eq!(
        notices[3]["suggestionResponse"],
        json!({ "postbackData": "yes", "text": "Yes", "type": "REPLY" })
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_repeated_id_is_delivered_once() {
    let (emulator, webhook, api) = start().await;
    let message = json!({ "contentMessage": { "text": "Hi" } });
    let first = api.send("+15550100002", "m1", message.clone()).await;
    assert_eq!(
        api.send("%2B15550100002", "m1", message.clone()).await,
        first,
        "and + may be escaped"
    );
    api.send("+15550100002", "m2", message).await;
    let about: Vec<_> = webhook
        .wait_for(2)
        .await
        .iter()
        .map(|notice| notice["messageId"].clone())
        .collect();
    assert_eq!(about, ["m1", "m2"]);
    emulator.shutdown().await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn each_refusal_has_googles_shape_and_names_the_field() {
    let (emulator, _webhook, api) = start().await;
    let text = |text: &str| json!({ "contentMessage": { "text": text } });
    for (name, phone, message, status, code, said) in [
        (
            "unknown field",
            "+15550100001",
            json!({ "contentMessage": { "text": "x", "colour": "red" } }),
            400,
            "INVALID_ARGUMENT",
            "Unknown name \"colour\" at 'content_message'",
        ),
        (
            "wrong type",
            "+15550100001",
            json!({ "contentMessage": { "text": 5 } }),
            400,
            "INVALID_ARGUMENT",
            "Invalid value at 'content_message.text'",
        ),
        (
            "no content",
            "+15550100001",
            json!({ "contentMessage": {} }),
            400,
            "INVALID_ARGUMENT",
            "there are 0",
        ),
        (
            "two contents",
            "+15550100001",
            json!({ "contentMessage": { "text": "x", "fileName": "y" } }),
            400,
            "INVALID_ARGUMENT",
            "there are 2",
        ),
        (
            "long text",
            "+15550100001",
            text(&"x".repeat(3073)),
            400,
            "INVALID_ARGUMENT",
            "3073",
        ),
        (
            "unknown traffic type",
            "+15550100001",
            json!({ "contentMessage": { "text": "x" }, "messageTrafficType": "SPAM" }),
            400,
            "INVALID_ARGUMENT",
            "SPAM",
        ),
        (
            "two expiries",
            "+15550100001",
            json!({ "contentMessage": { "text": "x" }, "ttl": "10s", "expireTime": "2099-01-01T00:00:00Z" }),
            400,
            "INVALID_ARGUMENT",
            "exclude",
        ),
        (
            "no phone number",
            "15550100001",
            text("x"),
            400,
            "INVALID_ARGUMENT",
            "E.164",
        ),
        (
            "no RCS",
            "+15550100004",
            text("x"),
            404,
            "NOT_FOUND",
            "cannot be reached by RBM",
        ),
    ] {
        let (found, answer) = api.send(phone, "m1", message).await;
        assert_eq!(
            (found, &answer["error"]["code"], &answer["error"]["status"]),
            (status, &json!(status), &json!(code)),
            "{name}: {answer}"
        );
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{name}: {answer}"
        );
    }
    let path = "/v1/phones/+15550100001/agentMessages";
    for (name, query, token, status, said) in [
        (
            "no agent",
            "messageId=m1",
            api.token.as_str(),
            403,
            "ID: null",
        ),
        (
            "another agent",
            "messageId=m1&agentId=other",
            &api.token,
            403,
            "ID: other",
        ),
        (
            "no id",
            "agentId=demo",
            &api.token,
            400,
            "messageId is required",
        ),
        (
            "no token",
            "messageId=m1&agentId=demo",
            "x",
            401,
            "authentication",
        ),
    ] {
        let (found, answer) = api
            .call(
                Method::POST,
                &format!("{path}?{query}"),
                token,
                Some(text("x")),
            )
            .await;
        assert_eq!(found, status, "{name}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{name}: {answer}"
        );
    }
    let (status, answer) = api
        .call(Method::POST, "/v1/nothing", &api.token, None)
        .await;
    assert_eq!(
        (status, &answer["error"]["status"]),
        (404, &json!("NOT_FOUND"))
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_notice_that_was_not_taken_comes_again_before_the_next() {
    let (emulator, webhook, api) = start().await;
    webhook.0.failing.store(true, Ordering::SeqCst);
    api.send(
        "+15550100002",
        "m1",
        json!({ "contentMessage": { "text": "Hi" } }),
    )
    .await;
    api.send(
        "+15550100002",
        "m2",
        json!({ "contentMessage": { "text": "Hi" } }),
    )
    .await;
    let about: Vec<_> = webhook
        .wait_for(3)
        .await
        .iter()
        .map(|notice| notice["messageId"].clone())
        .collect();
    assert_eq!(about, ["m1", "m1", "m2"]);
    let status: Value = Client::new()
        .get(format!("{}/emulator/webhooks", emulator.origin()))
        .send()
        .await
        .unwrap()
        .json_value()
        .await;
    assert_eq!(
        status["deliveries"][0]["said"],
        "answered 500 Internal Server Error: the receiver itself failed"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_phone_is_used_by_hand_and_a_message_is_taken_back() {
    let (emulator, webhook, api) = start().await;
    let path = "/v1/phones/+15550100003/agentMessages";
    api.send(
        "+15550100003",
        "m1",
        json!({ "contentMessage": { "text": "Hi" } }),
    )
    .await;
    api.send(
        "+15550100003",
        "m2",
        json!({ "contentMessage": { "text": "Hi" } }),
    )
    .await;
    assert_eq!(
        api.call(
            Method::DELETE,
            &format!("{path}/m1?agentId=demo"),
            &api.token,
            None
        )
        .await,
        (200, json!({}))
    );
    assert_eq!(
        api.call(
            Method::DELETE,
            &format!("{path}/m9?agentId=demo"),
            &api.token,
            None
        )
        .await
        .0,
        404
    );
    let phone = "/emulator/phones/+15550100003";
    assert_eq!(
        api.call(Method::POST, phone, "", Some(json!({ "text": "x" })))
            .await
            .0,
        400,
        "it is offline"
    );
    assert_eq!(
        api.call(Method::POST, phone, "", Some(json!({ "online": true })))
            .await
            .0,
        200
    );
    assert_eq!(webhook.wait_for(2).await[1]["messageId"], "m2");
    assert_eq!(
        api.call(Method::POST, phone, "", Some(json!({ "text": "hello" })))
            .await
            .0,
        200
    );
    assert_eq!(webhook.wait_for(3).await[2]["text"], "hello");
    let (_, shown) = api.call(Method::GET, phone, "", None).await;
    let states: Vec<_> = shown["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["state"].clone())
        .collect();
    assert_eq!(states, ["revoked", "read"]);
    emulator.shutdown().await;
}

#[tokio::test]
async fn reach_is_answered_for_everybody_at_once() {
    let (emulator, _webhook, api) = start().await;
    let path = "/v1/users:batchGet";
    let asked =
        json!({ "users": ["+15550100001", "+15550100004", "+15550100001"], "agentId": "demo" });
    let nobody_drawn = json!({
        "reachableUsers": ["+15550100001"], "totalRandomSampleUserCount": 0, "reachableRandomSampleUserCount": 0,
        "reachableUsersMap": { "/v1/regions/emulated-carrier": { "reachableUsers": ["+15550100001"] } },
    });
    assert_eq!(
        api.call(Method::POST, path, &api.token, Some(asked)).await,
        (200, nobody_drawn.clone())
    );
    let asked = json!({ "users": ["+15550100001"] });
    assert_eq!(
        api.call(
            Method::POST,
            &format!("{path}?agentId=demo"),
            &api.token,
            Some(asked)
        )
        .await
        .1,
        nobody_drawn
    );
    let many: Vec<String> = (0..4_000).map(|index| format!("+1555{index:07}")).collect();
    let (_, found) = api
        .call(
            Method::POST,
            path,
            &api.token,
            Some(json!({ "users": many, "agentId": "demo" })),
        )
        .await;
    assert_eq!(
        (
            &found["totalRandomSampleUserCount"],
            &found["reachableRandomSampleUserCount"]
        ),
        (&json!(3000), &json!(3000))
    );

    let too_many = vec!["+15550100001"; 10_001];
    for (name, asked, status, said) in [
        (
            "no agent",
            json!({ "users": ["+15550100001"] }),
            403,
            "ID: null",
        ),
        (
            "nobody",
            json!({ "users": [], "agentId": "demo" }),
            400,
            "there are 0 users",
        ),
        (
            "too many",
            json!({ "users": too_many, "agentId": "demo" }),
            400,
            "there are 10001 users",
        ),
        (
            "no number",
            json!({ "users": ["+15550100001", "0049"], "agentId": "demo" }),
            400,
            "users[1]",
        ),
    ] {
        let (found, answer) = api.call(Method::POST, path, &api.token, Some(asked)).await;
        assert_eq!(found, status, "{name}: {answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{name}: {answer}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_uploaded_file_can_be_sent_and_no_other() {
    let (emulator, _webhook, api) = start().await;
    let file = json!({ "fileUrl": "https://x.example/a.png", "agentId": "demo" });
    let (status, linked) = api
        .call(Method::POST, "/v1/files", &api.token, Some(file))
        .await;
    assert_eq!(status, 200, "{linked}");
    let upload = |kind: &'static str, bytes: Vec<u8>| {
        let request = api
            .client
            .post(format!("{}/upload/v1/files?agentId=demo", api.origin))
            .bearer_auth(&api.token);
        async move {
            let response = request
                .header("content-type", kind)
                .body(bytes)
                .send()
                .await
                .unwrap();
            (response.status().as_u16(), response.json_value().await)
        }
    };
    let (status, uploaded) = upload("image/png", vec![0x89; 2 << 20]).await;
    assert_eq!(status, 200, "{uploaded}");
    for (kind, bytes, said) in [
        ("text/html", vec![1], "text/html"),
        ("image/png", vec![], "no bytes"),
    ] {
        let (status, answer) = upload(kind, bytes).await;
        assert_eq!(status, 400);
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    let (status, answer) = api
        .call(
            Method::POST,
            "/v1/files?agentId=demo",
            &api.token,
            Some(json!({ "fileUrl": "x" })),
        )
        .await;
    assert_eq!(status, 400, "{answer}");

    let message = |file: &Value, thumbnail: &Value| {
        let file = json!({ "fileName": file["name"], "thumbnailName": thumbnail["name"] });
        json!({ "contentMessage": { "uploadedRbmFile": file } })
    };
    assert_eq!(
        api.send("+15550100002", "m1", message(&linked, &uploaded))
            .await
            .0,
        200
    );
    let unknown = json!({ "name": "files/other" });
    let card = json!({ "contentMessage": { "richCard": { "carouselCard": { "cardWidth": "MEDIUM", "cardContents": [
        { "title": "a" }, { "media": { "height": "SHORT", "uploadedRbmFile": { "fileName": "files/other" } } } ] } } } });
    for message in [message(&linked, &unknown), message(&unknown, &linked), card] {
        let (status, answer) = api.send("+15550100002", "m2", message).await;
        assert_eq!(status, 400);
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains("no file \"files/other\""),
            "{answer}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_tester_is_invited_and_answers() {
    let (emulator, _webhook, api) = start().await;
    let invite = |phone: &str| format!("/v1/phones/{phone}/testers?agentId=demo");
    let pending = json!({ "name": "phones/+15550100001/testers", "inviteStatus": "PENDING" });
    let invited = api
        .call(
            Method::POST,
            &invite("+15550100001"),
            &api.token,
            Some(json!({})),
        )
        .await;
    assert_eq!(invited, (200, pending));
    let phone = "/emulator/phones/+15550100001";
    assert_eq!(
        api.call(Method::POST, phone, "", Some(json!({ "tester": true })))
            .await
            .1["invitation"],
        "ACCEPTED"
    );
    let again = api
        .call(Method::POST, &invite("+15550100001"), &api.token, None)
        .await;
    assert_eq!(again.1["inviteStatus"], "ACCEPTED");
    assert_eq!(
        api.call(Method::POST, &invite("+15550100004"), &api.token, None)
            .await
            .0,
        404,
        "it has no RCS"
    );
    let uninvited = api
        .call(
            Method::POST,
            "/emulator/phones/+15550100002",
            "",
            Some(json!({ "tester": true })),
        )
        .await;
    assert_eq!(uninvited.0, 400, "{uninvited:?}");
    for index in 0..19 {
        assert_eq!(
            api.call(
                Method::POST,
                &invite(&format!("+1555{index:07}")),
                &api.token,
                None
            )
            .await
            .0,
            200
        );
    }
    for (body, said) in [
        ("[]", "Root element must be a message"),
        (
            r#"{"inviteStatus":"BOGUS"}"#,
            "Invalid value at 'invite_status' (TYPE_ENUM), \"BOGUS\"",
        ),
        (r#"{"inviteStatus":7}"#, "Invalid value at 'invite_status'"),
        (r#"{"invited":true}"#, "Unknown name \"invited\""),
        ("x", "expected value"),
    ] {
        let (status, answer) = api
            .text(Method::POST, &invite("+15550100001"), &api.token, body)
            .await;
        expect_invalid(status, &answer, said, body);
    }
    let asked = Some(json!({ "inviteStatus": "PENDING" }));
    assert_eq!(
        api.call(Method::POST, &invite("+15550100001"), &api.token, asked)
            .await
            .0,
        200,
        "as the sample has it"
    );
    let (status, answer) = api
        .call(Method::POST, &invite("+15559999999"), &api.token, None)
        .await;
    assert_eq!(
        (status, &answer["error"]["status"]),
        (429, &json!("RESOURCE_EXHAUSTED"))
    );
    emulator.shutdown().await;
}

/// The token, then the body, then the agent: who leaves the agent out of a body that is no JSON hears of the JSON.
#[tokio::test]
async fn a_body_is_looked_at_after_the_token_and_before_the_agent() {
    let (emulator, _webhook, api) = start().await;
    for (path, body, said) in [
        ("/v1/files", "{", "EOF while parsing"),
        ("/v1/files", r#"{"fileUrl":5}"#, "at 'file_url'"),
        (
            "/v1/files",
            r#"["https://x.example/a.png",null,"demo"]"#,
            "must be a message",
        ),
        (
            "/v1/files",
            r#"{"fileUrl":"","agentId":"demo"}"#,
            "fileUrl is \"\", and must be",
        ),
        (
            "/v1/files",
            r#"{"fileUrl":"https://x.example","thumbnailUrl":"x","agentId":"demo"}"#,
            "thumbnailUrl is \"x\"",
        ),
        ("/v1/users:batchGet", "{", "EOF while parsing"),
        (
            "/v1/users:batchGet",
            r#"{"users":["+15550100001",5]}"#,
            "at 'users[1]'",
        ),
        (
            "/v1/users:batchGet",
            r#"{"users":[],"colour":1}"#,
            "Unknown name \"colour\"",
        ),
    ] {
        let (status, answer) = api.text(Method::POST, path, &api.token, body).await;
        expect_invalid(status, &answer, said, body);
        assert_eq!(
            api.text(Method::POST, path, "x", body).await.0,
            401,
            "{body}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_the_server_itself_refuses_has_googles_shape_too() {
    let (emulator, _webhook, api) = start().await;
    let long = " ".repeat((1 << 20) + 1);
    for (path, body, status, said) in [
        (
            "/v1/phones/+15550100001/agentMessages?messageId=m&agentId=demo&agentId=demo",
            "{}",
            400,
            "agentId",
        ),
        (
            "/v1/phones/%ff/agentMessages?messageId=m&agentId=demo",
            "{}",
            400,
            "UTF-8",
        ),
        (
            "/v1/phones/+15550100001/agentMessages?messageId=m&agentId=demo",
            &long,
            413,
            "1048576 bytes",
        ),
        ("/emulator/phones/%ff", "{}", 400, "UTF-8"),
        ("/emulator/phones/+15550100001", &long, 413, "1048576 bytes"),
    ] {
        let (found, answer) = api.text(Method::POST, path, &api.token, body).await;
        assert_eq!(
            (found, &answer["error"]["code"]),
            (status, &json!(status)),
            "{path}: {answer}"
        );
        assert_eq!(answer["error"]["status"], "INVALID_ARGUMENT", "{path}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{path}: {answer}"
        );
        let without_token = api.text(Method::POST, path, "x", body).await.0;
        assert_eq!(
            without_token,
            if path.starts_with("/v1/") {
                401
            } else {
                status
            },
            "{path}"
        );
    }
    let (status, answer) = api.text(Method::POST, "/token", "", "no form").await;
    assert_eq!(
        (status, &answer["error"]),
        (415, &json!("invalid_request")),
        "{answer}"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_person_has_read_only_a_message_that_has_a_name() {
    let (emulator, _webhook, api) = start().await;
    let event = |id: &str| format!("/v1/phones/+15550100001/agentEvents?eventId={id}&agentId=demo");
    let (longest, too_long) = ("M".repeat(256), "M".repeat(257));
    for (name, body, said) in [
        (
            "longest",
            json!({ "eventType": "READ", "messageId": longest }),
            "",
        ),
        (
            "too long",
            json!({ "eventType": "READ", "messageId": too_long }),
            "257 characters, the limit is 256",
        ),
        (
            "empty",
            json!({ "eventType": "READ", "messageId": "" }),
            "READ needs the messageId",
        ),
        (
            "none",
            json!({ "eventType": "READ" }),
            "READ needs the messageId",
        ),
        (
            "typing",
            json!({ "eventType": "IS_TYPING", "messageId": "M" }),
            "goes with READ only",
        ),
        (
            "another",
            json!({ "eventType": "SINGING" }),
            "Invalid value at 'event_type' (TYPE_ENUM), \"SINGING\"",
        ),
        ("nothing", json!({}), "eventType is required"),
    ] {
        let (status, answer) = api
            .call(Method::POST, &event("e1"), &api.token, Some(body))
            .await;
        if said.is_empty() {
            assert_eq!(status, 200, "{name}: {answer}");
        } else {
            expect_invalid(status, &answer, said, name);
        }
    }
    emulator.shutdown().await;
}

/// However long the value is, an error repeats no more than 64 characters of it.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn an_error_repeats_only_the_beginning_of_what_was_sent() {
    let (emulator, _webhook, api) = start().await;
    let long = "q".repeat(20_000);
    let message = "/v1/phones/+15550100001/agentMessages?messageId=m&agentId=demo".to_owned();
    let text = json!({ "text": "x" });
    let requests = [
        (
            "an agent",
            "/v1/files".to_owned(),
            json!({ "agentId": long }),
        ),
        (
            "an address",
            "/v1/files".to_owned(),
            json!({ "agentId": "demo", "fileUrl": long }),
        ),
        (
            "a number",
            "/v1/users:batchGet".to_owned(),
            json!({ "agentId": "demo", "users": [long] }),
        ),
        ("a field", message.clone(), json!({ long.clone(): 1 })),
        (
            "a wrong kind",
            message.clone(),
            json!({ "contentMessage": long }),
        ),
        (
            "a file",
            message.clone(),
            json!({ "contentMessage": { "uploadedRbmFile": { "fileName": long } } }),
        ),
        (
            "a purpose",
            message.clone(),
            json!({ "contentMessage": text, "messageTrafficType": long }),
        ),
        (
            "a lifetime",
            message.clone(),
            json!({ "contentMessage": text, "ttl": long }),
        ),
        (
            "an end",
            message.clone(),
            json!({ "contentMessage": text, "expireTime": long }),
        ),
        (
            "an event",
            message.replace("agentMessages?messageId=m", "agentEvents?eventId=e"),
            json!({ "eventType": long }),
        ),
        (
            "a status",
            "/v1/phones/+15550100001/testers?agentId=demo".to_owned(),
            json!({ "inviteStatus": long }),
        ),
        ("a method", format!("/v1/{long}"), json!({})),
        (
            "a phone",
            format!("/v1/phones/{long}/testers?agentId=demo"),
            json!({}),
        ),
        (
            "an id",
            format!("/v1/phones/+15550100001/agentMessages?agentId=demo&messageId={long}"),
            json!({}),
        ),
        (
            "a use",
            "/emulator/phones/+15550100001".to_owned(),
            json!({ long.clone(): 1 }),
        ),
        (
            "a postback",
            "/emulator/phones/+15550100001".to_owned(),
            json!({ "tap": long }),
        ),
    ];
    for (name, path, body) in requests {
        let (status, answer) = api.call(Method::POST, &path, &api.token, Some(body)).await;
        assert!((400..500).contains(&status), "{name}: {status}");
        let message = answer["error"]["message"].as_str().unwrap();
        // Twice where it is the field itself that is wrong; the sentences have a q of their own.
        let repeated = message.matches('q').count();
        assert!(
            (40..=2 * 64 + 8).contains(&repeated),
            "{name}: {repeated} in {message}"
        );
    }
    let form = format!("grant_type={long}&assertion=x");
    let request = api.client.post(format!("{}/token", api.origin)).body(form);
    let answer = request
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await
        .unwrap();
    let description = answer.json_value().await["error_description"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        description,
        format!("Invalid grant_type: {}…", "q".repeat(64))
    );
    emulator.shutdown().await;
}

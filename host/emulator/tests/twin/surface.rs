//! What every method of Google's takes and answers, as a client meets it that somebody else wrote.

use crate::support::{JsonValue as _, start, start_with};
use flate2::Compression;
use flate2::write::GzEncoder;
use rbm_emulator::{BatchGetHost, Options, RepeatedId};
use reqwest::Method;
use serde_json::json;
use std::io::Write as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_answer_is_pretty_unless_asked_otherwise() {
    let (emulator, _webhook, api) = start().await;
    let text = |query: &'static str| {
        let request = api
            .client
            .get(format!(
                "{}{CAPABILITIES}&fields=features&{query}",
                api.origin
            ))
            .bearer_auth(&api.token);
        async move {
            let answer = request.send().await.unwrap();
            assert_eq!(
                answer.headers()["content-type"],
                "application/json; charset=UTF-8"
            );
            answer.text().await.unwrap()
        }
    };
    for pretty in [
        "",
        "prettyPrint=true",
        "$prettyPrint=1",
        "prettyPrint=maybe",
    ] {
        let text = text(pretty).await;
        let beginning = if pretty.ends_with("maybe") {
            "{\n  \"error\": {\n    \"code\": 400,"
        } else {
            "{\n  \"features\": [\n    \"RICH"
        };
        assert!(
            text.starts_with(beginning) && text.ends_with("}\n"),
            "{pretty}: {text}"
        );
    }
    for compact in ["prettyPrint=false", "prettyPrint=0"] {
        assert!(
            text(compact)
                .await
                .starts_with("{\"features\":[\"RICHCARD_STANDALONE\",\""),
            "{compact}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn system_parameters_are_checked() {
    let (emulator, _webhook, api) = start().await;
    let long = "q".repeat(41);
    for (query, said) in [
        ("alt=json", ""),
        ("%24alt=json", ""),
        (
            "key=AIza&quotaUser=somebody&uploadType=media&upload_protocol=raw",
            "",
        ),
        (&format!("quotaUser={}", &long[1..]), ""),
        ("fields=", ""),
        (
            "alt=proto",
            "'alt', \"proto\": this emulator answers in JSON only",
        ),
        ("alt=media", "'alt', \"media\""),
        ("callback=f", "no JSONP"),
        (
            "prettyPrint=yes",
            "'prettyPrint', \"yes\" is not true or false",
        ),
        ("$.xgafv=3", "'$.xgafv', \"3\" is not 1 or 2"),
        (&format!("quotaUser={long}"), "more than 40 characters"),
        (
            "fields=colour",
            "Cannot find matching fields for path 'colour'",
        ),
        ("fields=features(", "Invalid field selection features("),
        ("fields=features/name", "for path 'features.name'"),
    ] {
        let (status, answer) = api
            .call(
                Method::GET,
                &format!("{CAPABILITIES}&{query}"),
                &api.token,
                None,
            )
            .await;
        if said.is_empty() {
            assert_eq!(status, 200, "{query}: {answer}");
        } else {
            crate::support::expect_invalid(status, &answer, said, query);
        }
    }
    let path = "/v1/phones/+15550100002/agentMessages?agentId=demo&messageId=f1&fields=name,contentMessage/text";
    let message = json!({ "contentMessage": { "text": "Hi", "suggestions": [{ "reply": { "text": "a", "postbackData": "b" } }] } });
    let expected = json!({ "name": "phones/+15550100002/agentMessages/f1", "contentMessage": { "text": "Hi" } });
    assert_eq!(
        api.call(Method::POST, path, &api.token, Some(message))
            .await,
        (200, expected)
    );
    let masked = api
        .client
        .get(format!("{}{CAPABILITIES}", api.origin))
        .bearer_auth(&api.token)
        .header("x-goog-fieldmask", "carrier");
    assert_eq!(
        masked.send().await.unwrap().json_value().await,
        json!({ "carrier": "/v1/regions/emulated-carrier" })
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_query_has_only_known_parameters() {
    let (emulator, _webhook, api) = start().await;
    for (query, said) in [
        ("agentId=demo&requestId=1", ""),
        ("agent_id=demo&request_id=1", ""),
        (
            "agentId=demo&requestId=1&colour=red",
            "Unknown name \"colour\": Cannot bind query parameter. Field 'colour'",
        ),
        (
            "agentId=demo&requestId=1&messageId=1",
            "Unknown name \"messageId\": Cannot bind query parameter",
        ),
        (
            "agentId=demo&requestId=1&upload_id=1",
            "Unknown name \"upload_id\"",
        ),
        (
            "agentId=demo&requestId=1&agentID=demo",
            "Unknown name \"agentID\"",
        ),
        ("agentId=demo&requestId=1&=", "Unknown name \"\""),
        (
            "agentId=demo&requestId=1&agent_id=demo",
            "agent_id is given twice",
        ),
        (
            "agentId=demo&requestId=1&agentId=demo",
            "agentId is given twice",
        ),
    ] {
        let path = format!("/v1/phones/+15550100001/capabilities?{query}");
        let (status, answer) = api.call(Method::GET, &path, &api.token, None).await;
        if said.is_empty() {
            assert_eq!(status, 200, "{query}: {answer}");
        } else {
            crate::support::expect_invalid(status, &answer, said, query);
        }
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_token_stands_in_the_header_or_the_query() {
    let (emulator, _webhook, api) = start().await;
    let get = |query: &str, authorization: Option<String>| {
        let request = api
            .client
            .get(format!("{}{CAPABILITIES}{query}", api.origin));
        let request = authorization.into_iter().fold(request, |request, value| {
            request.header("authorization", value)
        });
        async move { request.send().await.unwrap().status().as_u16() }
    };
    let token = &api.token;
    assert_eq!(get(&format!("&access_token={token}"), None).await, 200);
    assert_eq!(get(&format!("&oauth_token={token}"), None).await, 200);
    assert_eq!(get("", Some(format!("bearer {token}"))).await, 200);
    assert_eq!(get("", Some(format!("Basic {token}"))).await, 401);
    assert_eq!(get("", Some(token.clone())).await, 401);
    assert_eq!(
        get(
            &format!("&access_token={token}"),
            Some("Bearer x".to_owned())
        )
        .await,
        401,
        "the header counts"
    );
    assert_eq!(get("&access_token=x", None).await, 401);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_token_is_asked_for_in_googles_words() {
    let (emulator, _webhook, api) = start().await;
    let url = format!("{}{CAPABILITIES}", api.origin);
    let missing = api.client.get(&url).send().await.unwrap();
    assert_eq!(
        (
            missing.status().as_u16(),
            &missing.headers()["www-authenticate"]
        ),
        (
            401,
            &r#"Bearer realm="https://accounts.google.com/""#.parse().unwrap()
        )
    );
    let error = missing.json_value().await["error"].clone();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("Request is missing required authentication credential."),
        "{error}"
    );
    let detail = json!({ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "CREDENTIALS_MISSING", "domain": "googleapis.com",
        "metadata": { "service": "rcsbusinessmessaging.googleapis.com", "method": "rcsbusinessmessaging.phones.getCapabilities" } });
    assert_eq!(
        (&error["code"], &error["status"], &error["details"][0]),
        (&json!(401), &json!("UNAUTHENTICATED"), &detail)
    );
    let invalid = api.client.get(&url).bearer_auth("x").send().await.unwrap();
    assert!(
        invalid.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .ends_with(r#"error="invalid_token""#)
    );
    let said = invalid.json_value().await["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        said.starts_with(
            "Request had invalid authentication credentials. Expected OAuth 2 access token"
        ),
        "{said}"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn errors_have_two_formats() {
    let (emulator, _webhook, api) = start().await;
    for (name, path, token, status, code, reason) in [
        (
            "invalid",
            "/v1/phones/1/capabilities?agentId=demo",
            api.token.as_str(),
            400,
            "INVALID_ARGUMENT",
            "badRequest",
        ),
        (
            "no token",
            "/v1/phones/+12/capabilities?agentId=demo",
            "x",
            401,
            "UNAUTHENTICATED",
            "authError",
        ),
        (
            "no agent",
            "/v1/phones/+12/capabilities?requestId=1",
            &api.token,
            403,
            "PERMISSION_DENIED",
            "forbidden",
        ),
        (
            "no RCS",
            "/v1/phones/+15550100004/capabilities?agentId=demo&requestId=1",
            &api.token,
            404,
            "NOT_FOUND",
            "notFound",
        ),
        (
            "no method",
            "/v1/nothing?x=1",
            &api.token,
            404,
            "NOT_FOUND",
            "notFound",
        ),
    ] {
        let (found, new) = api.call(Method::GET, path, token, None).await;
        let (_, same) = api
            .call(Method::GET, &format!("{path}&$.xgafv=2"), token, None)
            .await;
        assert_eq!(
            (found, &new["error"]["status"], new["error"].get("errors")),
            (status, &json!(code), None),
            "{name}: {new}"
        );
        assert_eq!(new, same);
        let (found, old) = api
            .call(Method::GET, &format!("{path}&%24.xgafv=1"), token, None)
            .await;
        let errors =
            json!([{ "message": new["error"]["message"], "domain": "global", "reason": reason }]);
        assert_eq!(
            (found, &old["error"]["errors"]),
            (status, &errors),
            "{name}: {old}"
        );
        let labelled = api
            .client
            .get(format!("{}{path}", api.origin))
            .send()
            .await
            .unwrap();
        assert!(
            labelled.headers().contains_key("x-emulator-behaviour"),
            "{name}"
        );
        for same in ["code", "message", "status", "details"] {
            assert_eq!(
                old["error"].get(same),
                new["error"].get(same),
                "{name}: {same}"
            );
        }
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_id_that_was_used_may_be_a_conflict() {
    let typing = json!({ "eventType": "IS_TYPING" });
    let message = json!({ "contentMessage": { "text": "Hi" } });
    for (repeated_id, status) in [(RepeatedId::Ok, 200), (RepeatedId::Conflict, 409)] {
        let (emulator, _webhook, api) = start_with(Options {
            repeated_id,
            ..Options::default()
        })
        .await;
        let event = "/v1/phones/+15550100002/agentEvents?agentId=demo&eventId=e1";
        assert_eq!(
            api.call(Method::POST, event, &api.token, Some(typing.clone()))
                .await
                .0,
            200
        );
        assert_eq!(api.send("+15550100002", "m1", message.clone()).await.0, 200);
        assert_eq!(
            api.send("+15550100002", "m1", message.clone()).await.0,
            status
        );
        let (found, answer) = api.send("+15550100002", "e1", message.clone()).await;
        assert_eq!(
            (found, &answer["error"]["status"]),
            (409, &json!("ALREADY_EXISTS"))
        );
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn an_agent_has_two_spellings_and_a_phone_too() {
    let (emulator, _webhook, api) = start().await;
    for phone in ["+15550100002", "%2B15550100002", "%2b15550100002"] {
        for agent in ["demo", "demo@rbm.goog", "demo%40rbm.goog"] {
            let path = format!("/v1/phones/{phone}/capabilities?requestId=1&agentId={agent}");
            assert_eq!(
                api.call(Method::GET, &path, &api.token, None).await.0,
                200,
                "{path}"
            );
        }
    }
    for (agent, shown) in [
        ("", "null"),
        ("&agentId=other", "other"),
        ("&agentId=demo@example.com", "demo@example.com"),
    ] {
        let path = format!("/v1/phones/+15550100002/capabilities?requestId=1{agent}");
        let (status, answer) = api.call(Method::GET, &path, &api.token, None).await;
        let said = format!(
            "There was an error looking up the RBM agent (ID: {shown}) that corresponds to the Google Cloud Platform (GCP) project you're authenticating with."
        );
        assert_eq!((status, &answer["error"]["message"]), (403, &json!(said)));
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_the_api_does_not_have_is_answered_404() {
    let (emulator, _webhook, api) = start().await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v2/phones/+15550100001/capabilities"),
        (Method::GET, "/v1/phones/+15550100001/agentMessages"),
        (Method::PATCH, "/v1/phones/+15550100001/agentMessages"),
        (Method::POST, "/v1/phones/+15550100001/agentMessages/"),
        (Method::POST, "/africa/v1/files"),
        (Method::PATCH, "/us/v1/files"),
        (Method::GET, "/us/upload/v1/files"),
        (Method::GET, "/us"),
        (Method::PUT, "/emulator/webhook"),
    ] {
        let (status, answer) = api.call(method.clone(), path, &api.token, None).await;
        assert_eq!(
            (status, &answer["error"]["status"]),
            (404, &json!("NOT_FOUND")),
            "{method} {path}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_body_is_sent_as_json() {
    let (emulator, _webhook, api) = start().await;
    let path = "/v1/phones/+15550100002/agentMessages?agentId=demo&messageId=";
    let body = r#"{"contentMessage":{"text":"Hi"}}"#;
    for (kind, status) in [
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("text/plain", 200),
        ("application/x-www-form-urlencoded", 400),
    ] {
        let request = api
            .post(&format!("{path}{}", kind.len()))
            .header("content-type", kind)
            .body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{kind}");
        if status == 400 {
            let said = answer.json_value().await["error"]["message"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(said.contains("Cannot bind query parameter"), "{said}");
        }
    }
    let typing = "/v1/phones/+15550100002/agentEvents?agentId=demo&eventId=e1";
    let (status, answer) = api.text(Method::POST, typing, &api.token, "").await;
    crate::support::expect_invalid(
        status,
        &answer,
        "eventType is required",
        "an empty body is an empty object",
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_body_may_be_compressed_and_never_too_large() {
    let (emulator, _webhook, api) = start().await;
    let compressed = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let send = |id: &str, body: Vec<u8>| {
        let path = format!("/v1/phones/+15550100002/agentMessages?agentId=demo&messageId={id}");
        let request = api
            .post(&path)
            .header("content-encoding", "gzip")
            .body(body);
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json_value().await)
        }
    };
    let (status, answer) = send("z1", compressed(br#"{"contentMessage":{"text":"Hi"}}"#)).await;
    assert_eq!(
        (status, &answer["contentMessage"]["text"]),
        (200, &json!("Hi"))
    );
    let (status, answer) = send("z2", br#"{"contentMessage":{"text":"Hi"}}"#.to_vec()).await;
    crate::support::expect_invalid(status, &answer, "The body is not gzip", "plain");
    for bytes in [(1 << 20) + 1, 64 << 20] {
        let (status, answer) = send("z3", compressed(&vec![b' '; bytes])).await;
        assert_eq!(
            (status, &answer["error"]["message"]),
            (
                413,
                &json!("Request payload size exceeds the limit: 1048576 bytes.")
            )
        );
    }
    emulator.shutdown().await;
}

/// As Python's HTTP client sends it: the head first, then the body.
#[tokio::test]
async fn a_refusal_leaves_the_connection_open() {
    let (emulator, _webhook, api) = start().await;
    let mut connection = TcpStream::connect(api.origin.trim_start_matches("http://"))
        .await
        .unwrap();
    for (path, status) in [
        ("/v1/files", "401"),
        ("/v1/nothing", "404"),
        ("/emulator/webhook", "404"),
        ("/v1/files", "401"),
    ] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n");
        connection.write_all(head.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        connection.write_all(b"{}").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}\n}\n") && !answer.ends_with(b"}}") {
            assert!(
                connection.read_buf(&mut answer).await.unwrap() > 0,
                "{path}: it is closed"
            );
        }
        let answer = String::from_utf8(answer).unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_region_is_a_host_or_the_beginning_of_a_path() {
    let path = "/v1/users:batchGet?agentId=demo";
    let (american, german, both) = (
        json!(["+12223334444"]),
        json!(["+491701234567"]),
        json!(["+12223334444", "+491701234567"]),
    );
    for (host, without_region) in [(BatchGetHost::Any, 200), (BatchGetHost::Regional, 400)] {
        let (emulator, _webhook, api) = start_with(Options {
            batch_get_host: host,
            ..Options::default()
        })
        .await;
        for (prefix, name, users, status) in [
            ("", "", &american, without_region),
            ("", "", &both, without_region),
            (
                "",
                "rcsbusinessmessaging.googleapis.com",
                &american,
                without_region,
            ),
            ("", "us-rcsbusinessmessaging.googleapis.com", &american, 200),
            ("", "us-rcsbusinessmessaging.googleapis.com", &german, 400),
            (
                "",
                "europe-rcsbusinessmessaging.googleapis.com",
                &german,
                200,
            ),
            ("", "europe-rcsbusinessmessaging.googleapis.com", &both, 400),
            ("/us", "", &american, 200),
            ("/us", "", &both, 400),
            ("/europe", "", &german, 200),
            ("/asia", "", &german, 400),
        ] {
            let request = api
                .post(&format!("{prefix}{path}"))
                .body(json!({ "users": users }).to_string());
            let request = if name.is_empty() {
                request
            } else {
                request.header("host", name)
            };
            let answer = request.send().await.unwrap();
            assert_eq!(
                answer.status().as_u16(),
                status,
                "{host:?}: {prefix} {name} {users}"
            );
        }
        let upload = api
            .post("/asia/upload/v1/files?agentId=demo&uploadType=resumable")
            .header("x-upload-content-type", "image/png");
        let session = upload.send().await.unwrap().headers()["location"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            session.starts_with(&format!("{}/asia/upload/v1/files?", api.origin)),
            "{session}"
        );
        assert_eq!(
            api.client
                .put(&session)
                .body("PNG")
                .send()
                .await
                .unwrap()
                .status()
                .as_u16(),
            200
        );
        for host in ["us", "europe", "asia"] {
            let capabilities = api
                .client
                .get(format!("{}/{host}{CAPABILITIES}", api.origin))
                .bearer_auth(&api.token);
            assert_eq!(
                capabilities.send().await.unwrap().status().as_u16(),
                200,
                "every region answers the other methods"
            );
        }
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn dialogflow_is_not_there_and_no_capability_is_called_back() {
    let (emulator, webhook, api) = start().await;
    let event = "/v1/phones/+15550100001/dialogflowMessages?messageIdPrefix=p&agentId=demo";
    let callback = "/v1/phones/+15550100001/capability:requestCapabilityCallback";
    for (path, body, status, said) in [
        (
            event,
            json!({ "eventName": "e", "parameters": { "any": [1, { "thing": null }] }, "languageCode": "en" }),
            403,
            "no Dialogflow",
        ),
        (event, json!({}), 400, "eventName is required"),
        (
            event,
            json!({ "eventName": "e", "parameters": 1 }),
            400,
            "Invalid value at 'parameters'",
        ),
        (
            event,
            json!({ "event": "e" }),
            400,
            "Unknown name \"event\"",
        ),
        (callback, json!({ "requestId": "1234" }), 200, ""),
        (callback, json!({}), 400, "requestId is required"),
        (
            "/v1/phones/1/capability:requestCapabilityCallback",
            json!({ "requestId": "1234" }),
            400,
            "E.164",
        ),
    ] {
        let (found, answer) = api.call(Method::POST, path, &api.token, Some(body)).await;
        assert_eq!(found, status, "{path}: {answer}");
        if status == 200 {
            assert_eq!(answer, json!({}));
        } else {
            assert!(
                answer["error"]["message"].as_str().unwrap().contains(said),
                "{answer}"
            );
        }
    }
    api.send(
        "+15550100002",
        "m1",
        json!({ "contentMessage": { "text": "Hi" } }),
    )
    .await;
    assert_eq!(
        webhook.wait_for(1).await[0]["messageId"],
        "m1",
        "the first that the webhook hears of"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_event_is_answered_with_its_name_and_time() {
    let (emulator, _webhook, api) = start().await;
    let event = "/v1/phones/+15550100002/agentEvents?agentId=demo&eventId=e1";
    for shown in [1, 1] {
        let (status, answer) = api
            .call(
                Method::POST,
                event,
                &api.token,
                Some(json!({ "eventType": "IS_TYPING" })),
            )
            .await;
        assert_eq!((status, &answer["eventType"]), (200, &json!("IS_TYPING")));
        assert_eq!(answer["name"], "phones/+15550100002/agentEvents/e1");
        answer["sendTime"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap();
        let phone = api
            .call(Method::GET, "/emulator/phones/+15550100002", "", None)
            .await
            .1;
        assert_eq!(
            phone["signals"].as_array().unwrap().len(),
            shown,
            "the second time it is ignored"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_id_need_not_be_a_uuid_and_fits_an_address() {
    let (emulator, _webhook, api) = start().await;
    let (longest, too_long) = ("m".repeat(64), "m".repeat(65));
    for (id, status) in [
        ("1234566622a1", 200),
        ("3f1c0f5e-2d9b-4a57-8b8e-0c9b1f6f2a11", 200),
        ("a_b.c-", 200),
        (&longest, 200),
        (&too_long, 400),
        ("a%20b", 400),
        ("..", 400),
        ("", 400),
    ] {
        let message = json!({ "contentMessage": { "text": "Hi" } });
        assert_eq!(
            api.send("+15550100002", id, message).await.0,
            status,
            "{id}"
        );
        let event = format!("/v1/phones/+15550100002/agentEvents?agentId=demo&eventId={id}");
        let typing = Some(json!({ "eventType": "IS_TYPING" }));
        assert_eq!(
            api.call(Method::POST, &event, &api.token, typing).await.0,
            status,
            "{id}"
        );
    }
    for _ in 0..2 {
        assert_eq!(
            api.call(Method::GET, CAPABILITIES, &api.token, None)
                .await
                .0,
            200,
            "1234, again and again"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn what_has_a_limit_that_is_not_checked_is_taken() {
    let (emulator, _webhook, api) = start().await;
    let reply = json!({ "reply": { "text": "a", "postbackData": "b" } });
    let dial = json!({ "action": { "text": "a", "postbackData": "b", "dialAction": { "phoneNumber": "who knows" } } });
    let card = json!({ "title": "t".repeat(201), "description": "d".repeat(2_001),
        "suggestions": [reply, reply, reply, reply, reply, dial] });
    let message =
        json!({ "contentMessage": { "richCard": { "standaloneCard": { "cardContent": card } } } });
    let (status, answer) = api.send("+15550100002", "m1", message).await;
    assert_eq!(status, 200, "{answer}");
    emulator.shutdown().await;
}

const CAPABILITIES: &str = "/v1/phones/+15550100001/capabilities?agentId=demo&requestId=1234";

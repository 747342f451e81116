//! A real endpoint beside the twin: what a client gets of it, and what is reported of the twin.

use crate::support::other::{Other, Reply};
use crate::support::published::{self, Published};
use crate::support::{Api, JsonValue as _, SCOPE, emulator, emulator_with, token};
use axum::body::Body;
use axum::http::Response;
use rbm_emulator::platform::Rules;
use rbm_emulator::{
    Comparison, Difference, Dose, Emulator, FaultRule, Kind, Options, RequestFault, RequestFaults,
    RequestFilter, StartProblem, Uncompared, Upstream, UpstreamProblem,
};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// A twin whose upstream is another one that nobody has changed: the control of every rule of comparing.
#[tokio::test]
async fn an_identical_twin_answers_alike() {
    let upstream = emulator().await;
    let (twin, api) = beside_twin(&upstream).await;
    let uploaded = api
        .post("/upload/v1/files?agentId=demo")
        .header("content-type", "image/png")
        .body("not a picture");
    let uploaded = uploaded.send().await.unwrap().json_value().await;
    assert!(
        uploaded["name"].as_str().unwrap().starts_with("files/"),
        "{uploaded}"
    );
    let messages = published::messages(&uploaded["name"]);
    let path = "/v1/phones/+15550100003/agentMessages?messageId=m1&agentId=demo".to_owned();
    let first = Published {
        name: "to be revoked".into(),
        method: Method::POST,
        path,
        body: Some(hello()),
    };
    let requests = messages
        .into_iter()
        .chain([first])
        .chain(published::others());
    let mut count = 1;
    for Published {
        name,
        method,
        path,
        body,
    } in requests
    {
        for prefix in ["", "/us"] {
            let (status, answer) = api
                .call(
                    method.clone(),
                    &format!("{prefix}{path}"),
                    &api.token,
                    body.clone(),
                )
                .await;
            // What is taken back is gone the second time.
            let expected = if name == "revoke" && prefix == "/us" {
                404
            } else {
                200
            };
            assert_eq!(status, expected, "{name}: {answer}");
            count += 1;
        }
    }
    for (method, path, body) in refused() {
        let (status, answer) = api.call(method, &path, &api.token, body).await;
        assert!(status >= 400, "{path}: {answer}");
        count += 1;
    }
    let (comparison, differences) = (twin.comparison().unwrap(), twin.differences());
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(
        (comparison.counts.forwarded, comparison.counts.alike),
        (count, count),
        "{comparison:?}"
    );
    assert_eq!(comparison.upstream, upstream.origin());
    stop([upstream, twin]).await;
}

/// One of each way in which the API refuses.
fn refused() -> Vec<(Method, String, Option<Value>)> {
    let send = |body: Value| (Method::POST, message_path("r1"), Some(body));
    vec![
        send(json!({ "contentMessage": { "text": "x".repeat(4_000) }, "ttl": "-1s" })),
        send(json!({ "contentMessage": { "colour": 1 }, "a": 2 })),
        send(json!({ "contentMessage": { "uploadedRbmFile": { "fileName": "files/none" } } })),
        (
            Method::POST,
            "/v1/phones/+15550100004/agentMessages?messageId=r2&agentId=demo".into(),
            Some(hello()),
        ),
        (
            Method::POST,
            "/v1/phones/+15550100002/agentMessages?messageId=r3&agentId=other".into(),
            Some(hello()),
        ),
        (
            Method::POST,
            "/v1/phones/+15550100002/agentMessages?messageId=r3".into(),
            Some(hello()),
        ),
        (
            Method::POST,
            "/v1/phones/5/agentMessages?messageId=r3&agentId=demo&colour=1".into(),
            Some(hello()),
        ),
        (
            Method::POST,
            "/v1/phones/5/agentMessages?messageId=r3&agentId=demo&$.xgafv=1".into(),
            Some(hello()),
        ),
        (
            Method::GET,
            "/v1/phones/+15550100004/capabilities?requestId=1&agentId=demo".into(),
            None,
        ),
        (
            Method::POST,
            "/us/v1/users:batchGet".into(),
            Some(json!({ "users": ["+491701234567"], "agentId": "demo" })),
        ),
        (
            Method::POST,
            "/v1/phones/+15550100002/dialogflowMessages?agentId=demo&messageIdPrefix=p".into(),
            Some(json!({ "eventName": "e" })),
        ),
        (
            Method::POST,
            "/upload/v1/files?agentId=demo&uploadType=carrier-pigeon".into(),
            None,
        ),
        (Method::PATCH, message_path("r4"), Some(hello())),
        (Method::GET, "/v1/no/such/method".into(), None),
    ]
}

/// An upstream that is the twin, but for one thing.
#[tokio::test]
async fn an_upstream_that_differs_in_one_thing_differs_in_nothing_else() {
    for Differing {
        name,
        change,
        ask,
        kind,
        at,
        upstream,
        twin,
        behaviour,
        switch,
    } in differing()
    {
        let other = Other::changed(change).await;
        let (emulator, api) = beside(&other.origin, &other.token().await).await;
        let (method, path, body) = match ask {
            Ask::Send => (Method::POST, message_path("m1"), Some(hello())),
            Ask::SendBadly => (
                Method::POST,
                message_path("m1"),
                Some(json!({ "contentMessage": {} })),
            ),
            Ask::SendToOneWithoutRcs => (
                Method::POST,
                "/v1/phones/+15550100004/agentMessages?messageId=m1&agentId=demo".into(),
                Some(hello()),
            ),
            Ask::Unknown => (Method::GET, "/v1/agents".into(), None),
        };
        api.call(method, &path, &api.token, body).await;
        let differences = emulator.differences();
        let [Difference { findings, .. }] = differences.as_slice() else {
            panic!("{name}: {differences:#?}")
        };
        let [finding] = findings.as_slice() else {
            panic!("{name}: {findings:#?}")
        };
        assert_eq!(
            (finding.kind, finding.at.as_str()),
            (kind, at),
            "{name}: {finding:?}"
        );
        assert_eq!(
            (&finding.upstream, &finding.twin),
            (&upstream, &twin),
            "{name}"
        );
        assert_eq!(
            (differences[0].behaviour, differences[0].switch),
            (behaviour, switch),
            "{name}"
        );
        let Comparison { counts, places, .. } = emulator.comparison().unwrap();
        assert_eq!(
            (counts.forwarded, counts.different, counts.alike),
            (1, 1, 0),
            "{name}"
        );
        assert_eq!(
            counts.kinds.into_iter().collect::<Vec<_>>(),
            [(kind, 1)],
            "{name}"
        );
        assert_eq!(
            places
                .iter()
                .map(|place| (place.kind, place.at.as_str(), place.count))
                .collect::<Vec<_>>(),
            [(kind, at, 1)]
        );
        emulator.shutdown().await;
    }
}

struct Differing {
    name: &'static str,
    change: fn(&mut Reply),
    ask: Ask,
    kind: Kind,
    at: &'static str,
    upstream: Option<Value>,
    twin: Option<Value>,
    behaviour: Option<&'static str>,
    switch: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Ask {
    Send,
    SendBadly,
    SendToOneWithoutRcs,
    Unknown,
}

fn differing() -> Vec<Differing> {
    let mut all = in_answers();
    all.extend(in_errors());
    all
}

/// With an upstream that takes the message.
fn one(
    name: &'static str,
    change: fn(&mut Reply),
    kind: Kind,
    at: &'static str,
    upstream: Option<Value>,
    twin: Option<Value>,
) -> Differing {
    Differing {
        name,
        change,
        ask: Ask::Send,
        kind,
        at,
        upstream,
        twin,
        behaviour: None,
        switch: None,
    }
}

fn in_answers() -> Vec<Differing> {
    vec![
        one(
            "another status",
            |reply| reply.refuse(404, "NOT_FOUND", "gone"),
            Kind::Status,
            "",
            Some(json!({ "status": 404, "error": "NOT_FOUND", "message": "gone" })),
            Some(json!({ "status": 200 })),
        ),
        Differing {
            behaviour: Some("already-exists"),
            switch: Some("repeated_id"),
            ..one(
                "a status that a switch makes",
                |reply| reply.refuse(409, "ALREADY_EXISTS", "used"),
                Kind::Status,
                "",
                Some(json!({ "status": 409, "error": "ALREADY_EXISTS", "message": "used" })),
                Some(json!({ "status": 200 })),
            )
        },
        one(
            "a field that the twin has not",
            |reply| reply.body["colour"] = json!("a"),
            Kind::Missing,
            "/colour",
            Some(json!("a")),
            None,
        ),
        one(
            "a field that only the twin has",
            |reply| {
                drop(
                    reply
                        .body
                        .as_object_mut()
                        .unwrap()
                        .remove("totalPayloadSizeBytes"),
                );
            },
            Kind::Extra,
            "/totalPayloadSizeBytes",
            None,
            Some(json!("13")),
        ),
        one(
            "another member of an enum",
            |reply| reply.body["messageTrafficType"] = json!("SERVICEREQUEST"),
            Kind::Value,
            "/messageTrafficType",
            Some(json!("SERVICEREQUEST")),
            Some(json!("PROMOTION")),
        ),
        one(
            "another type",
            |reply| reply.body["totalPayloadSizeBytes"] = json!(13),
            Kind::Type,
            "/totalPayloadSizeBytes",
            Some(json!(13)),
            Some(json!("13")),
        ),
        one(
            "another text",
            |reply| reply.body["contentMessage"]["text"] = json!("Ho"),
            Kind::Value,
            "/contentMessage/text",
            Some(json!("Ho")),
            Some(json!("Hi")),
        ),
        one(
            "a header that says when to come again",
            |reply| drop(reply.headers.insert("retry-after", "5".parse().unwrap())),
            Kind::Header,
            "retry-after",
            Some(json!("5")),
            None,
        ),
    ]
}

fn in_errors() -> Vec<Differing> {
    let cannot_be_reached = "The specified phone number cannot be reached by RBM at this time.";
    vec![
        Differing {
            ask: Ask::SendToOneWithoutRcs,
            behaviour: Some("unreachable-phone"),
            ..one(
                "an error in other words",
                |reply| reply.body["error"]["message"] = json!("No."),
                Kind::Text,
                "/error/message",
                Some(json!("No.")),
                Some(json!(cannot_be_reached)),
            )
        },
        Differing {
            ask: Ask::SendToOneWithoutRcs,
            behaviour: Some("unreachable-phone"),
            ..one(
                "an error with another code in words",
                |reply| reply.body["error"]["status"] = json!("FAILED_PRECONDITION"),
                Kind::Value,
                "/error/status",
                Some(json!("FAILED_PRECONDITION")),
                Some(json!("NOT_FOUND")),
            )
        },
        Differing {
            ask: Ask::SendBadly,
            behaviour: Some("invalid-argument"),
            ..one(
                "another violation",
                |reply| {
                    reply.body["error"]["details"][0]["fieldViolations"][0]["description"] =
                        json!("No.");
                },
                Kind::Text,
                "/error/details/0/fieldViolations/0/description",
                Some(json!("No.")),
                Some(json!("exactly one content is needed, and there are 0")),
            )
        },
        Differing {
            ask: Ask::Unknown,
            behaviour: Some("no-such-method"),
            ..one(
                "a method that the twin does not know",
                |reply| (reply.status, reply.body) = (200, json!({})),
                Kind::Status,
                "",
                Some(json!({ "status": 200 })),
                Some(
                    json!({ "status": 404, "error": "NOT_FOUND", "message": "No method has the address /v1/agents." }),
                ),
            )
        },
    ]
}

#[tokio::test]
async fn a_client_gets_what_upstream_answers_unchanged() {
    let body = "{ \"odd\" :\t1 }";
    let other = Other::with(move |_| {
        let answer = Response::builder()
            .status(418)
            .header("content-type", "application/json; odd=1");
        let answer = answer
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("x-theirs", "\"x\"");
        let answer = answer
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=1");
        answer.body(Body::from(body)).unwrap()
    })
    .await;
    let (twin, api) = beside(&other.origin, "a token of theirs").await;
    let request =
        api.post("/v1/phones/%2B15550100002/agentMessages?messageId=m1&agentId=demo&fields=name");
    let request = request
        .header("x-goog-fieldmask", "name")
        .header("x-emulator-json", "strict");
    let request = request
        .header("connection", "x-mine")
        .header("x-mine", "1")
        .header("user-agent", "theirs/1");
    let answer = request.body("{'odd'}").send().await.unwrap();
    assert_eq!(answer.status(), 418);
    let mut told: Vec<String> = answer
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    told.retain(|line| !line.starts_with("date: "));
    told.sort();
    let expected = [
        "content-length: 13",
        "content-type: application/json; odd=1",
        "set-cookie: a=1",
        "set-cookie: b=2",
        "x-theirs: \"x\"",
    ];
    assert_eq!(told, expected);
    assert_eq!(answer.text().await.unwrap(), body);

    let asked = other.asked();
    let [(method, uri, headers, body)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    let uri = uri.to_string();
    assert_eq!(
        (method, uri.as_str(), &body[..]),
        (
            &Method::POST,
            "/v1/phones/%2B15550100002/agentMessages?messageId=m1&agentId=demo&fields=name",
            &b"{'odd'}"[..]
        )
    );
    assert_eq!(headers["authorization"], "Bearer a token of theirs");
    assert_eq!(
        (&headers["x-goog-fieldmask"], &headers["user-agent"]),
        (&"name".parse().unwrap(), &"theirs/1".parse().unwrap())
    );
    assert_eq!(
        format!("http://{}", headers["host"].to_str().unwrap()),
        other.origin
    );
    for name in ["x-mine", "x-emulator-json"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    twin.shutdown().await;
}

#[tokio::test]
async fn an_upstream_that_does_not_answer_is_a_failure_and_no_difference() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = emulator().await;
    let hanging_up = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging_up_at = hanging_up.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = hanging_up.accept().await {
            drop(connection);
        }
    });
    for (upstream, said) in [
        (
            format!("http://{closed}"),
            "refused the connection: nothing listens there; it has done nothing",
        ),
        (
            format!("http://{}", silent.local_addr().unwrap()),
            "had not answered after 300ms; whether it has done what was asked is not known",
        ),
        (
            format!("http://{hanging_up_at}"),
            "whether it has done what was asked is not known",
        ),
        (
            plain.origin().replace("http:", "https:"),
            "has no TLS that is trusted",
        ),
    ] {
        let (twin, api) = beside(&upstream, "canary-token").await;
        let (status, answer) = api
            .call(
                Method::POST,
                &format!("{}&$.xgafv=1", message_path("m1")),
                &api.token,
                Some(hello()),
            )
            .await;
        let error = &answer["error"];
        assert_eq!(
            (status, &error["code"], &error["status"]),
            (502, &json!(502), &json!("UNAVAILABLE")),
            "{answer}"
        );
        assert_eq!(error["errors"][0]["reason"], "backendError", "{answer}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("upstream {upstream} ")) && message.contains(said),
            "{message}"
        );
        let report = report(&api, "").await;
        let failures = report["failures"].as_array().unwrap();
        assert_eq!(failures.len(), 1, "{report}");
        assert_eq!(
            (&failures[0]["said"], &failures[0]["method"]),
            (&error["message"], &json!("phones.agentMessages.create"))
        );
        assert_eq!(report["differences"], json!([]));
        let counts = twin.comparison().unwrap().counts;
        assert_eq!(
            (
                counts.forwarded,
                counts.failed,
                counts.different,
                counts.alike
            ),
            (1, 1, 0, 0)
        );
        assert_eq!(
            phone(&api, "+15550100002").await["messages"],
            json!([]),
            "the twin has done nothing either"
        );
        twin.shutdown().await;
    }
    plain.shutdown().await;
}

#[tokio::test]
async fn what_upstream_says_of_a_token_is_not_compared() {
    let upstream = emulator().await;
    let (twin, api) = beside_twin(&upstream).await;
    let send = |token: String, id: &'static str| {
        let api = &api;
        async move {
            api.call(Method::POST, &message_path(id), &token, Some(hello()))
                .await
                .0
        }
    };
    assert_eq!(
        send(token(&twin, SCOPE).await, "m1").await,
        401,
        "the twin's tokens mean nothing elsewhere"
    );
    let of_another_api = "https://www.googleapis.com/auth/businesscommunications";
    assert_eq!(
        send(token(&upstream, of_another_api).await, "m2").await,
        403
    );
    assert_eq!(
        phone(&api, "+15550100002").await["messages"],
        json!([]),
        "the twin has done nothing either"
    );
    assert_eq!(send(api.token.clone(), "m3").await, 200);
    let counts = twin.comparison().unwrap().counts;
    assert_eq!(
        counts.uncompared.into_iter().collect::<Vec<_>>(),
        [(Uncompared::Token, 2)]
    );
    assert_eq!((counts.forwarded, counts.alike), (3, 1));
    assert_eq!(
        phone(&api, "+15550100002").await["messages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    stop([upstream, twin]).await;
}

/// Upstream repeats all that it is told, wherever it can.
#[tokio::test]
async fn no_credential_gets_into_the_report() {
    let other = Other::with(|request| {
        let all = format!("{} {:?}", request.uri(), request.headers());
        let body = json!({ "error": { "code": 400, "status": all, "message": all, "details": [{ "@type": all, (all.clone()): all }] } });
        let answer = Response::builder().status(400).header("content-type", "application/json");
        answer.header("retry-after", request.headers()["authorization"].clone()).body(body.to_string().into()).unwrap()
    })
    .await;
    let (twin, api) = beside(&other.origin, "canary-bearer").await;
    let bad = json!({ "contentMessage": {} });
    for path in [
        "/v1/phones/canary-bearer/agentMessages?messageId=canary-bearer&agentId=demo&access_token=canary-query&key=canary-key",
        "/v1/canary-bearer?oauth_token=canary-oauth",
        "/upload/v1/files?$key=canary-dollar",
    ] {
        let request = api
            .post(path)
            .header("cookie", "SID=canary-cookie")
            .header("x-goog-api-key", "canary-api-key");
        let answer = request.body(bad.to_string()).send().await.unwrap();
        assert!(
            answer.text().await.unwrap().contains("canary"),
            "the client is told all of it"
        );
    }
    let report = report(&api, "").await;
    assert_eq!(
        report["differences"].as_array().unwrap().len(),
        3,
        "{report:#}"
    );
    let told = report.to_string();
    assert!(
        told.contains("[redacted]") && !told.contains("canary"),
        "{report:#}"
    );
    assert!(!format!("{:?} {:?}", twin.differences(), twin.comparison()).contains("canary"));
    twin.shutdown().await;
}

#[tokio::test]
async fn the_report_is_read_in_parts_and_has_an_end() {
    let other = Other::changed(|reply| reply.body["colour"] = json!("a")).await;
    let upstream = Upstream {
        kept_differences: 5,
        ..Upstream::at(other.origin.parse().unwrap())
    };
    let twin = emulator_with(Options {
        upstream: Some(upstream),
        ..Options::default()
    })
    .await;
    let api = Api {
        client: Client::new(),
        origin: twin.origin().to_owned(),
        token: other.token().await,
    };
    for number in 1..=7 {
        api.call(
            Method::POST,
            &message_path(&format!("m{number}")),
            &api.token,
            Some(hello()),
        )
        .await;
    }
    let numbers = |report: &Value| {
        let numbers = report["differences"].as_array().unwrap().iter();
        numbers
            .map(|difference| difference["number"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    for (query, expected, more) in [
        ("", &[3, 4, 5, 6, 7][..], false),
        ("?after=4", &[5, 6, 7], false),
        ("?after=4&limit=2", &[5, 6], true),
        ("?after=6&limit=1", &[7], false),
        ("?after=7", &[], false),
        ("?limit=0", &[], true),
        ("?limit=18446744073709551615", &[3, 4, 5, 6, 7], false),
    ] {
        let report = report(&api, query).await;
        assert_eq!(
            (numbers(&report).as_slice(), &report["more"]),
            (expected, &json!(more)),
            "{query}"
        );
        assert_eq!(
            (&report["forgotten"], &report["comparison"]["different"]),
            (&json!(2), &json!(7))
        );
        assert_eq!(
            report["comparison"]["places"],
            json!([{ "method": "phones.agentMessages.create", "kind": "missing",
            "at": "/colour", "count": 7 }])
        );
    }
    let mut last = report(&api, "?after=6").await["differences"][0].take();
    last["at"].take();
    let expected = json!({
        "number": 7, "at": null, "method": "phones.agentMessages.create", "http_method": "POST",
        "path": "/v1/phones/+15550100002/agentMessages", "query": { "agentId": "demo", "messageId": "m7" }, "body_bytes": 65,
        "upstream_status": 200, "twin_status": 200, "behaviour": null, "switch": null,
        "findings": [{ "kind": "missing", "at": "/colour", "upstream": "a" }],
    });
    assert_eq!(last, expected);
    for query in ["?after=-1", "?limit=x", "?colour=1"] {
        let refused = Client::new()
            .get(format!("{}/emulator/differences{query}", twin.origin()))
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), 400, "{query}");
    }
    twin.shutdown().await;

    let alone = emulator().await;
    let refused = Client::new()
        .get(format!("{}/emulator/differences", alone.origin()))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 404);
    assert_eq!((alone.comparison(), alone.differences()), (None, vec![]));
    alone.shutdown().await;
}

#[tokio::test]
async fn nothing_goes_round_in_circles() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let upstream = Some(Upstream::at(address.parse().unwrap()));
    let problem = Emulator::start(
        listener,
        Options {
            upstream,
            ..Options::default()
        },
    )
    .await
    .err();
    assert!(
        matches!(
            problem,
            Some(StartProblem::Upstream(UpstreamProblem::Itself))
        ),
        "{problem:?}"
    );

    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let [here, there] =
        [0, 1].map(|index: usize| format!("http://{}", listeners[index].local_addr().unwrap()));
    let mut emulators = Vec::new();
    for (listener, upstream) in listeners.into_iter().zip([&there, &here]) {
        let upstream = Some(Upstream::at(upstream.parse().unwrap()));
        emulators.push(
            Emulator::start(
                listener,
                Options {
                    upstream,
                    ..Options::default()
                },
            )
            .await
            .unwrap(),
        );
    }
    let api = Api {
        client: Client::new(),
        origin: here,
        token: "token".into(),
    };
    let (status, answer) = api
        .call(Method::POST, &message_path("m1"), "token", Some(hello()))
        .await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert_eq!(
        (status, message.contains("leads back to this emulator")),
        (502, true),
        "{answer}"
    );
    stop(emulators).await;
}

#[tokio::test]
async fn a_file_that_only_upstream_has_can_be_sent() {
    let upstream = emulator().await;
    let (twin, api) = beside_twin(&upstream).await;
    let direct = Api {
        client: Client::new(),
        origin: upstream.origin().to_owned(),
        token: api.token.clone(),
    };
    let file = json!({ "fileUrl": published::IMAGE });
    let (_, uploaded) = direct
        .call(
            Method::POST,
            "/v1/files?agentId=demo",
            &api.token,
            Some(file),
        )
        .await;
    let message =
        json!({ "contentMessage": { "uploadedRbmFile": { "fileName": uploaded["name"] } } });
    assert_eq!(
        api.call(Method::POST, &message_path("m1"), &api.token, Some(message))
            .await
            .0,
        200
    );
    let none = json!({ "contentMessage": { "uploadedRbmFile": { "fileName": "files/none" } } });
    assert_eq!(
        api.call(Method::POST, &message_path("m2"), &api.token, Some(none))
            .await
            .0,
        400
    );
    assert_eq!(
        (twin.differences(), twin.comparison().unwrap().counts.alike),
        (vec![], 2)
    );
    stop([upstream, twin]).await;
}

/// The pieces go where upstream says; who sends them here all the same is helped on, and nothing is compared.
#[tokio::test]
async fn an_upload_in_pieces_goes_on_where_upstream_says() {
    let upstream = emulator().await;
    let (twin, api) = beside_twin(&upstream).await;
    let begun = api
        .post("/upload/v1/files?uploadType=resumable&agentId=demo")
        .header("x-upload-content-type", "image/png");
    let begun = begun.send().await.unwrap();
    assert_eq!(begun.status(), 200);
    let place = begun.headers()["location"].to_str().unwrap().to_owned();
    assert!(place.starts_with(upstream.origin()), "{place}");
    let here = place.replace(upstream.origin(), twin.origin());
    let done = api
        .client
        .put(here)
        .header("content-range", "bytes 0-3/4")
        .body("file")
        .send()
        .await
        .unwrap();
    assert_eq!(done.status(), 200);
    assert!(done.json_value().await["name"].is_string());
    let counts = twin.comparison().unwrap().counts;
    assert_eq!(
        (counts.alike, counts.uncompared.get(&Uncompared::Piece)),
        (1, Some(&1)),
        "{:?}",
        twin.differences()
    );
    stop([upstream, twin]).await;
}

#[tokio::test]
async fn what_is_too_large_goes_nowhere() {
    let upstream = emulator().await;
    let (twin, api) = beside_twin(&upstream).await;
    let upload = api
        .post("/upload/v1/files?agentId=demo")
        .header("content-type", "image/png");
    let answer = upload.body(vec![0; 102 << 20]).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(twin.comparison().unwrap().counts.forwarded, 0);
    stop([upstream, twin]).await;
}

#[tokio::test]
async fn a_compressed_answer_is_read_and_passed_on_as_it_is() {
    let other = Other::with(|request| {
        let coding = request
            .headers()
            .get("accept-encoding")
            .map_or("br", |coding| coding.to_str().unwrap())
            .to_owned();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(br#"{"features":[]}"#).unwrap();
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("content-encoding", coding);
        answer.body(gzip.finish().unwrap().into()).unwrap()
    })
    .await;
    let (twin, api) = beside(&other.origin, "token").await;
    for (told, coding) in [(Some("deflate, gzip"), "gzip"), (None, "br")] {
        let request = Client::new().get(format!(
            "{}/v1/phones/+15550100001/capabilities?requestId=1&agentId=demo",
            api.origin
        ));
        let request = told.into_iter().fold(request, |request, told| {
            request.header("accept-encoding", told)
        });
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], coding);
        assert!(
            answer.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]),
            "{coding}"
        );
    }
    let differences = twin.differences();
    assert_eq!(differences.len(), 1, "{differences:#?}");
    assert!(
        differences[0]
            .findings
            .iter()
            .any(|finding| finding.at == "/features"),
        "{differences:#?}"
    );
    assert_eq!(
        twin.comparison()
            .unwrap()
            .counts
            .uncompared
            .get(&Uncompared::Unreadable),
        Some(&1)
    );
    twin.shutdown().await;
}

/// Otherwise the two would know of different messages from then on.
#[tokio::test]
async fn what_a_client_does_not_wait_for_is_done_and_compared() {
    let release = Arc::new(Notify::new());
    let other = Other::holding(release.clone()).await;
    let (twin, api) = beside(&other.origin, &other.token().await).await;
    let request = api
        .post(&message_path("m1"))
        .body(hello().to_string())
        .timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    release.notify_one();
    for _ in 0..200 {
        if twin.comparison().unwrap().counts.forwarded == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (twin.comparison().unwrap().counts.alike, twin.differences()),
        (1, vec![])
    );
    assert_eq!(phone(&api, "+15550100002").await["messages"][0]["id"], "m1");
    twin.shutdown().await;
}

/// What is kept of requests is what the clients were answered, and a fault befalls them before upstream hears of them.
#[tokio::test]
async fn records_and_faults_are_the_clients() {
    let other = Other::changed(|reply| reply.body["colour"] = json!("a")).await;
    let (twin, api) = beside(&other.origin, &other.token().await).await;
    let fault = FaultRule::new(RequestFault::Unavailable, Dose { next: 1, rate: 0.0 });
    twin.set_faults(RequestFaults {
        faults: vec![fault],
    })
    .unwrap();
    assert_eq!(
        api.call(Method::POST, &message_path("m1"), &api.token, Some(hello()))
            .await
            .0,
        503
    );
    assert_eq!(
        (
            other.asked().len(),
            twin.comparison().unwrap().counts.forwarded
        ),
        (0, 0)
    );
    assert_eq!(
        api.call(Method::POST, &message_path("m1"), &api.token, Some(hello()))
            .await
            .0,
        200
    );
    assert_eq!(
        api.call(
            Method::PATCH,
            &message_path("m1"),
            &api.token,
            Some(hello())
        )
        .await
        .0,
        404
    );
    let kept = twin.requests(&RequestFilter::default());
    let answers: Vec<_> = kept
        .iter()
        .map(|kept| (kept.status, &kept.answer["colour"], kept.method))
        .collect();
    let method = Some("phones.agentMessages.create");
    let (none, colour) = (Value::Null, json!("a"));
    assert_eq!(
        answers,
        [
            (Some(503), &none, method),
            (Some(200), &colour, method),
            (Some(404), &colour, None)
        ]
    );
    assert!(!format!("{kept:?}").contains(&api.token));
    twin.shutdown().await;
}

/// Which the twin reads otherwise by its option.
#[tokio::test]
async fn a_switch_of_the_twin_is_found_again() {
    let upstream = emulator_with(Options {
        rules: Rules {
            revoke: rbm_emulator::platform::RevokeReading::Older,
            ..Rules::default()
        },
        json: rbm_emulator::JsonSyntax::Lenient,
        ..Options::default()
    })
    .await;
    let (twin, api) = beside_twin(&upstream).await;
    let revoke = "/v1/phones/+15550100002/agentMessages/never?agentId=demo";
    assert_eq!(
        api.call(Method::DELETE, revoke, &api.token, None).await.0,
        200
    );
    let loose = "{'contentMessage': {'text': 'Hi',},}";
    assert_eq!(
        api.text(Method::POST, &message_path("m1"), &api.token, loose)
            .await
            .0,
        200
    );
    let switches: Vec<_> = twin
        .differences()
        .iter()
        .map(|difference| (difference.behaviour, difference.switch))
        .collect();
    assert_eq!(
        switches,
        [
            (Some("revoke"), Some("revoke")),
            (Some("json-lenient"), Some("json"))
        ]
    );
    stop([upstream, twin]).await;
}

fn message_path(id: &str) -> String {
    format!("/v1/phones/+15550100002/agentMessages?messageId={id}&agentId=demo")
}

fn hello() -> Value {
    json!({ "contentMessage": { "text": "Hi" }, "messageTrafficType": "PROMOTION" })
}

async fn report(api: &Api, query: &str) -> Value {
    let address = format!("{}/emulator/differences{query}", api.origin);
    Client::new()
        .get(address)
        .send()
        .await
        .unwrap()
        .json_value()
        .await
}

async fn phone(api: &Api, number: &str) -> Value {
    Client::new()
        .get(format!("{}/emulator/phones/{number}", api.origin))
        .send()
        .await
        .unwrap()
        .json_value()
        .await
}

/// A twin with this upstream, and a client that talks to the twin with a token of upstream's.
async fn beside(upstream: &str, token: &str) -> (Emulator, Api) {
    let answer_time_max = if token == "canary-token" {
        Duration::from_millis(300)
    } else {
        Duration::from_secs(20)
    };
    let upstream = Upstream {
        answer_time_max,
        ..Upstream::at(upstream.parse().unwrap())
    };
    let twin = emulator_with(Options {
        upstream: Some(upstream),
        ..Options::default()
    })
    .await;
    let api = Api {
        client: Client::new(),
        origin: twin.origin().to_owned(),
        token: token.to_owned(),
    };
    (twin, api)
}

async fn beside_twin(upstream: &Emulator) -> (Emulator, Api) {
    beside(upstream.origin(), &token(upstream, SCOPE).await).await
}

async fn stop(emulators: impl IntoIterator<Item = Emulator>) {
    for emulator in emulators {
        emulator.shutdown().await;
    }
}

//! What is asked of the platform beside messages: who can be reached, to keep a file, to invite a tester.

use crate::program::{ANSWERS, Dev, HIDES_READING, WITHOUT_RCS, answer, rbm};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn reach_is_asked_for_in_batches_and_answered_as_one() {
    let dev = Dev::start();
    let few = dev
        .post(
            "/v1/reach",
            &json!({ "phones": [ANSWERS, WITHOUT_RCS, ANSWERS] }),
        )
        .await;
    let expected = json!({
        "asked": 2, "reachable": [ANSWERS], "sampled": 0, "sampled_reachable": 0, "estimated_reach": null,
        "by_carrier": { "/v1/regions/emulated-carrier": [ANSWERS] },
    });
    assert_eq!((few.status, few.body), (200, expected));

    // More than one question of 10,000; one person of the second batch cannot be reached.
    let mut phones: Vec<String> = (0..12_001)
        .map(|index| format!("+1666{index:07}"))
        .collect();
    phones.push(WITHOUT_RCS.to_owned());
    let many = dev
        .post("/v1/reach", &json!({ "agent": "demo", "phones": phones }))
        .await;
    assert_eq!(many.status, 200, "{}", many.body);
    assert_eq!(
        (
            &many.body["asked"],
            many.body["reachable"].as_array().unwrap().len()
        ),
        (&json!(12_002), 12_001)
    );
    // Three quarters of each of two batches of 6001.
    assert_eq!(many.body["sampled"], json!(2 * 4_500));
    let estimate = many.body["estimated_reach"].as_f64().unwrap();
    assert!((0.999..=1.0).contains(&estimate), "{estimate}");
}

#[tokio::test]
async fn an_uploaded_file_is_sent_by_its_name() {
    let dev = Dev::start();
    let by_address = dev
        .post("/v1/files", &json!({ "url": "https://x.example/a.png" }))
        .await;
    assert_eq!(by_address.status, 201, "{}", by_address.body);
    // More than the gateway takes as JSON, and more than fits into the plugin's memory.
    let request = dev
        .request(Method::POST, "/v1/files?agent=demo")
        .header("content-type", "video/mp4");
    let in_bytes = answer(request.body(vec![7; 40 << 20])).await;
    assert_eq!(in_bytes.status, 201, "{}", in_bytes.body);
    let expires_at: jiff::Timestamp = in_bytes.body["expires_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let days = expires_at.duration_since(jiff::Timestamp::now()).as_hours() / 24;
    assert!((59..=60).contains(&days), "{days}");
    let (video, thumbnail) = (&in_bytes.body["name"], &by_address.body["name"]);
    let file = json!({ "file": { "uploaded": video, "thumbnail_uploaded": thumbnail } });
    let id = dev
        .send(&json!({ "to": HIDES_READING, "content": file }))
        .await;
    dev.wait_for_state(&id, "delivered").await;
    let shown = dev.shown_on(HIDES_READING).await;
    assert_eq!(
        shown[0]["content"]["uploadedRbmFile"],
        json!({ "fileName": video, "thumbnailName": thumbnail }),
        "{}",
        shown[0]
    );
    let files = dev.get("/v1/files").await.body["files"]
        .as_array()
        .unwrap()
        .clone();
    let listed: Vec<_> = files
        .iter()
        .map(|file| (&file["name"], &file["what"]))
        .collect();
    assert_eq!(
        listed,
        [
            (video, &json!("video/mp4")),
            (thumbnail, &json!("https://x.example/a.png"))
        ]
    );
    let id = dev
        .send(&json!({ "to": HIDES_READING, "content": { "file": { "uploaded": "files/other" } } }))
        .await;
    dev.wait_for_state(&id, "refused").await;
}

#[tokio::test]
async fn a_tester_is_invited_and_accepts() {
    let dev = Dev::start();
    let invited = dev.post("/v1/testers", &json!({ "phone": ANSWERS })).await;
    assert_eq!(
        (invited.status, invited.body),
        (200, json!({ "phone": ANSWERS, "invitation": "pending" }))
    );
    let phone = format!("{}/emulator/phones/{ANSWERS}", dev.emulator);
    assert_eq!(
        dev.post(&phone, &json!({ "tester": true })).await.status,
        200
    );
    let again = dev.post("/v1/testers", &json!({ "phone": ANSWERS })).await;
    assert_eq!(again.body["invitation"], "accepted");
    for index in 0..19 {
        assert_eq!(
            dev.post(
                "/v1/testers",
                &json!({ "phone": format!("+1666{index:07}") })
            )
            .await
            .status,
            200
        );
    }
    let unreachable = dev
        .post("/v1/testers", &json!({ "phone": WITHOUT_RCS }))
        .await;
    assert_eq!(
        unreachable.status, 429,
        "20 are counted: {}",
        unreachable.body
    );
    let too_many = answer(
        dev.request(Method::POST, "/v1/testers")
            .header("content-type", "application/json")
            .body(r#"{"phone":"+16667777777"}"#),
    );
    let too_many = too_many.await;
    assert_eq!(
        (too_many.status, &too_many.body["code"]),
        (429, &json!("testers-per-day")),
        "{}",
        too_many.body
    );
    let known = dev.post("/v1/testers", &json!({ "phone": ANSWERS })).await;
    assert_eq!(
        known.status, 200,
        "who is counted may be asked about: {}",
        known.body
    );

    let testers = dev.get("/v1/testers?agent=demo").await.body["testers"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        (
            testers.len(),
            &testers[19]["phone"],
            &testers[19]["invitation"]
        ),
        (20, &json!(ANSWERS), &json!("accepted"))
    );
}

#[tokio::test]
async fn an_invitation_that_the_platform_does_not_take_counts_for_nothing() {
    let dev = Dev::start();
    for _ in 0..25 {
        assert_eq!(
            dev.post("/v1/testers", &json!({ "phone": WITHOUT_RCS }))
                .await
                .status,
            404
        );
    }
    assert_eq!(dev.get("/v1/testers").await.body, json!({ "testers": [] }));
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn what_is_asked_for_wrongly_is_named() {
    let dev = Dev::start();
    for (path, body, status, code, said) in [
        (
            "/v1/reach",
            json!([]),
            400,
            "type",
            "the body is an array, and must be an object",
        ),
        (
            "/v1/reach",
            json!({}),
            400,
            "phones",
            "phones is null, and must be a list",
        ),
        (
            "/v1/reach",
            json!({ "phones": [] }),
            400,
            "phones",
            "phones is empty",
        ),
        (
            "/v1/reach",
            json!({ "phones": ANSWERS }),
            400,
            "phones",
            "phones is \"+15550100001\", and must be a list",
        ),
        (
            "/v1/reach",
            json!({ "phones": [ANSWERS, 7] }),
            400,
            "phones",
            "phones[1] is 7",
        ),
        (
            "/v1/reach",
            json!({ "phones": [ANSWERS, "0049"] }),
            400,
            "phones",
            "phones[1] is \"0049\"",
        ),
        (
            "/v1/reach",
            json!({ "phones": [ANSWERS], "agent": "x" }),
            400,
            "agent-unknown",
            "no agent \"x\"",
        ),
        (
            "/v1/reach?agent=x",
            json!({ "phones": [ANSWERS] }),
            400,
            "parameter",
            "no parameter \"agent\"",
        ),
        (
            "/v1/files",
            json!({}),
            400,
            "url",
            "url is missing, and must be",
        ),
        (
            "/v1/files",
            json!({ "url": 7 }),
            400,
            "type",
            "url is 7, and must be a string",
        ),
        (
            "/v1/files",
            json!({ "url": "ftp://x.example/a" }),
            422,
            "refused",
            "url is no http or https address",
        ),
        (
            "/v1/files",
            json!({ "url": "https://x.example/é" }),
            422,
            "refused",
            "url has the character \"é\"",
        ),
        (
            "/v1/files",
            json!({ "uri": "https://x.example/a" }),
            400,
            "unknown-field",
            "no field \"uri\"",
        ),
        (
            "/v1/files?agent=x",
            json!({ "url": "https://x.example/a" }),
            400,
            "parameter",
            "no parameter \"agent\"",
        ),
        ("/v1/testers", json!({}), 400, "phone", "phone is missing"),
        (
            "/v1/testers",
            json!({ "phone": " 15550100001" }),
            400,
            "phone",
            "phone is \" 15550100001\"",
        ),
        (
            "/v1/testers",
            json!({ "phone": "9".repeat(100_000) }),
            400,
            "phone",
            "9…\", and must be a phone number",
        ),
        (
            "/v1/testers",
            json!({ "phone": WITHOUT_RCS }),
            404,
            "unreachable",
            "cannot be reached",
        ),
    ] {
        let answer = dev.post(path, &body).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &Value::from(code)),
            "{path} {body}: {}",
            answer.body
        );
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{path}: {detail}");
        assert_eq!(answer.content_type, "application/problem+json");
    }
    let upload = |kind: &'static str, bytes: Vec<u8>| {
        let request = dev.request(Method::POST, "/v1/files");
        let request = if kind.is_empty() {
            request
        } else {
            request.header("content-type", kind)
        };
        answer(request.body(bytes))
    };
    for (kind, bytes, status, code) in [
        ("", 1, 415, "content-type"),
        ("image/png", 0, 400, "body-empty"),
        ("text/html", 1, 422, "refused"),
        ("image/png", (100 << 20) + 1, 413, "body-length"),
    ] {
        let answer = upload(kind, vec![0; bytes]).await;
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (status, &Value::from(code)),
            "{kind}: {}",
            answer.body
        );
    }
    let findings = upload("text/html", vec![0]).await.body["findings"].clone();
    assert_eq!(
        (&findings[0]["path"], &findings[0]["rule"]),
        (&json!("content-type"), &json!("upload-type"))
    );
}

/// A connection that says it will send a file and does not is not waited for, and holds up nobody's small file for long.
#[tokio::test]
async fn a_file_that_does_not_come_is_given_up() {
    let dev = Dev::start();
    let address = dev.gateway.strip_prefix("http://").unwrap().to_owned();
    let mut stalled = Vec::new();
    for _ in 0..6 {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let head = "POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/png\r\ncontent-length: 90000000\r\n\r\nx";
        connection.write_all(head.as_bytes()).await.unwrap();
        stalled.push(connection);
    }
    // Wrong requests need no room, and the right one gets some, or is told when to come again.
    let wrong = answer(
        dev.request(Method::POST, "/v1/files?agent=x")
            .header("content-type", "image/png")
            .body("x"),
    )
    .await;
    assert_eq!(wrong.body["code"], "agent-unknown", "{}", wrong.body);
    let begun = Instant::now();
    let small = || {
        answer(
            dev.request(Method::POST, "/v1/files")
                .header("content-type", "image/png")
                .body("x"),
        )
    };
    let first = small().await;
    assert!(matches!(first.status, 201 | 503), "{}", first.body);
    while small().await.status != 201 {
        assert!(
            begun.elapsed() < Duration::from_secs(40),
            "the stalled ones are given up"
        );
    }
    let mut statuses = Vec::new();
    for mut connection in stalled {
        let mut answer = vec![0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        statuses.push(String::from_utf8(answer).unwrap());
    }
    let given_up = statuses
        .iter()
        .filter(|status| status.ends_with("408"))
        .count();
    let turned_away = statuses
        .iter()
        .filter(|status| status.ends_with("503"))
        .count();
    assert_eq!(
        (given_up + turned_away, given_up > 0),
        (6, true),
        "{statuses:?}"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn the_binary_asks_for_each_of_these_things() {
    let dev = Dev::start();
    let directory = tempfile::tempdir().unwrap();
    let (picture, unknown) = (
        directory.path().join("a.png"),
        directory.path().join("a.unheard-of"),
    );
    for file in [&picture, &unknown] {
        std::fs::write(file, [0x89, 0x50]).unwrap();
    }
    let (picture, unknown) = (
        picture.to_str().unwrap().to_owned(),
        unknown.to_str().unwrap().to_owned(),
    );
    let waiting = dev
        .send(&json!({ "to": crate::program::OFFLINE, "content": { "text": "x" } }))
        .await;
    dev.wait_for_state(&waiting, "accepted").await;

    for (arguments, stdin, code, said) in [
        (vec!["typing", ANSWERS], "", 0, ""),
        (
            vec!["typing", "nobody/../x"],
            "",
            1,
            "must be a phone number",
        ),
        (vec!["read", ANSWERS, "Mx1"], "", 0, ""),
        (
            vec!["capabilities", ANSWERS, "--agent", "demo"],
            "",
            0,
            "RICHCARD_CAROUSEL",
        ),
        (
            vec!["capabilities", ANSWERS, "--agent", "x&y"],
            "",
            1,
            "there is no agent",
        ),
        (vec!["reach", ANSWERS, WITHOUT_RCS], "", 0, "\"asked\":2"),
        (
            vec!["reach"],
            "+15550100001\n\n +15550100002 \n",
            0,
            "\"asked\":2",
        ),
        (vec!["reach"], "", 1, "at least one"),
        (vec!["upload", &picture], "", 0, "\"name\":\"files/"),
        (
            vec![
                "upload",
                "https://x.example/a.png",
                "--thumbnail-url",
                "https://x.example/t.png",
            ],
            "",
            0,
            "files/",
        ),
        (vec!["upload", &unknown], "", 2, "--type"),
        (
            vec!["upload", &unknown, "--type", "image/gif"],
            "",
            0,
            "files/",
        ),
        (
            vec![
                "upload",
                &picture,
                "--thumbnail-url",
                "https://x.example/t.png",
            ],
            "",
            2,
            "--thumbnail-url",
        ),
        (
            vec!["upload", "nowhere.png"],
            "",
            2,
            "nowhere.png could not be read",
        ),
        (vec!["invite", ANSWERS], "", 0, "\"invitation\":\"pending\""),
        (vec!["revoke", &waiting], "", 0, "\"state\":\"revoked\""),
        (vec!["revoke", "nothing"], "", 1, "there is no message"),
    ] {
        let gateway = dev.gateway.clone();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let (named, stdin) = (arguments.join(" "), stdin.to_owned());
        let ended = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments
                .iter()
                .map(String::as_str)
                .chain(["--gateway", &gateway])
                .collect();
            rbm(&arguments, stdin.as_bytes())
        });
        let ended = ended.await.unwrap();
        assert_eq!(
            ended.code,
            Some(code),
            "{named}: {} {}",
            ended.stdout,
            ended.stderr
        );
        let shown = if code == 0 {
            &ended.stdout
        } else {
            &ended.stderr
        };
        assert!(shown.contains(said), "{named}: {shown}");
    }
}

//! Files in bytes, by each of the protocols of Google's clients.

use crate::support::{Api, JsonValue as _, start};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

#[tokio::test]
async fn a_file_is_uploaded_as_it_is() {
    let (emulator, _webhook, api) = start().await;
    for query in ["", "&uploadType=media", "&upload_protocol=raw"] {
        let (status, file) = answer(
            upload(&api, query)
                .header("content-type", "image/png")
                .body("PNG"),
        )
        .await;
        assert_eq!(status, 200, "{query}: {file}");
        api.expect_file(&file, query).await;
    }
    for (query, kind, bytes, said) in [
        (
            "",
            "text/html",
            "x",
            "files of type \"text/html\" are not taken",
        ),
        ("", "image/png", "", "The file has no bytes."),
        (
            "&uploadType=telepathy",
            "image/png",
            "x",
            "there is no upload protocol \"telepathy\"",
        ),
    ] {
        let (status, answer) =
            answer(upload(&api, query).header("content-type", kind).body(bytes)).await;
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    let unnamed = api
        .client
        .post(format!("{}/upload/v1/files", api.origin))
        .bearer_auth(&api.token);
    assert_eq!(
        answer(unnamed.header("content-type", "image/png").body("x"))
            .await
            .0,
        403,
        "no agent"
    );
    let nobody = api
        .client
        .post(format!("{}/upload/v1/files?agentId=demo", api.origin));
    assert_eq!(
        answer(nobody.header("content-type", "image/png").body("x"))
            .await
            .0,
        401
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_file_is_uploaded_with_what_is_said_of_it() {
    let (emulator, _webhook, api) = start().await;
    let body = |metadata: &str, kind: &str| {
        format!(
            "--b\r\nContent-Type: application/json\r\n\r\n{metadata}\r\n--b\r\nContent-Type: {kind}\r\n\r\nPNG\r\n--b--\r\n"
        )
    };
    let bare = format!("{}/upload/v1/files", api.origin);
    let post = |url: &str, kind: &str, body: String| {
        api.client
            .post(url)
            .bearer_auth(&api.token)
            .header("content-type", kind.to_owned())
            .body(body)
    };
    let related = "multipart/related; boundary=b";
    for (name, url, metadata) in [
        (
            "agent in the query",
            format!("{bare}?agentId=demo&uploadType=multipart"),
            "{}",
        ),
        (
            "agent in the metadata",
            format!("{bare}?upload_protocol=multipart"),
            r#"{"agentId":"demo@rbm.goog"}"#,
        ),
        (
            "told by its type",
            format!("{bare}?agentId=demo"),
            r#"{"contentDescription":"A van"}"#,
        ),
    ] {
        let (status, file) = answer(post(&url, related, body(metadata, "image/png"))).await;
        assert_eq!(status, 200, "{name}: {file}");
        api.expect_file(&file, &name.replace(' ', "-")).await;
    }
    let url = format!("{bare}?uploadType=multipart");
    let agent = r#"{"agentId":"demo"}"#;
    for (kind, body, status, said) in [
        (related, body("{}", "image/png"), 403, "ID: null"),
        (
            related,
            body(r#"{"colour":1}"#, "image/png"),
            400,
            "Unknown name \"colour\"",
        ),
        (related, body("{", "image/png"), 400, "EOF while parsing"),
        (
            related,
            body(agent, "text/plain"),
            400,
            "files of type \"text/plain\"",
        ),
        (
            related,
            "PNG".to_owned(),
            400,
            "does not end with its boundary",
        ),
        (
            "multipart/related",
            body(agent, "image/png"),
            400,
            "no boundary",
        ),
    ] {
        let (found, answer) = answer(post(&url, kind, body)).await;
        assert_eq!(found, status, "{said}: {answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_upload_is_resumed_by_content_range() {
    let (emulator, _webhook, api) = start().await;
    let begun = upload(&api, "&uploadType=resumable")
        .header("x-upload-content-type", "video/mp4")
        .body("{}")
        .send()
        .await;
    let begun = begun.unwrap();
    assert_eq!(begun.status(), 200);
    let session = begun.headers()["location"].to_str().unwrap().to_owned();
    assert!(session.starts_with(&format!(
        "{}/upload/v1/files?agentId=demo&uploadType=resumable&upload_id=",
        api.origin
    )));
    let put = |range: &str, bytes: usize| {
        api.client
            .put(&session)
            .header("content-range", range.to_owned())
            .body(vec![7; bytes])
            .send()
    };
    let total = G + 10;
    for (range, bytes, received) in [
        (format!("bytes */{total}"), 0, None),
        (format!("bytes 0-{}/{total}", G + 4), G + 5, Some(G)),
        ("bytes */*".to_owned(), 0, Some(G)),
    ] {
        let answer = put(&range, bytes).await.unwrap();
        let found = answer
            .headers()
            .get("range")
            .map(|range| range.to_str().unwrap().to_owned());
        let expected = received.map(|received| format!("bytes=0-{}", received - 1));
        assert_eq!(
            (answer.status().as_u16(), found),
            (308, expected),
            "{range}"
        );
    }
    let last = put(&format!("bytes {G}-{}/{total}", total - 1), 10)
        .await
        .unwrap();
    assert_eq!(last.status(), 200);
    let file = last.json_value().await;
    api.expect_file(&file, "resumed").await;
    let again = put(&format!("bytes */{total}"), 0).await.unwrap();
    assert_eq!(
        (again.status().as_u16(), again.json_value().await),
        (200, file),
        "who missed the answer asks again"
    );

    let begun = upload(&api, "&uploadType=resumable")
        .header("x-upload-content-type", "image/png")
        .send()
        .await
        .unwrap();
    let whole = api
        .client
        .put(begun.headers()["location"].to_str().unwrap())
        .body("PNG")
        .send()
        .await
        .unwrap();
    assert_eq!(whole.status(), 200, "one piece needs no range");
    emulator.shutdown().await;
}

#[tokio::test]
async fn an_upload_is_resumed_by_commands() {
    let (emulator, _webhook, api) = start().await;
    let start = |kind: &'static str| {
        let request = upload(&api, "").header("x-goog-upload-protocol", "resumable");
        request
            .header("x-goog-upload-command", "start")
            .header("x-goog-upload-header-content-type", kind)
            .body("{}")
    };
    let begun = start("image/png").send().await.unwrap();
    assert_eq!(
        (
            header(&begun, "x-goog-upload-status"),
            header(&begun, "x-goog-upload-chunk-granularity")
        ),
        ("active", "262144")
    );
    let session = header(&begun, "x-goog-upload-url").to_owned();
    let send = |command: &str, offset: usize, bytes: usize| {
        let request = api
            .client
            .post(&session)
            .header("x-goog-upload-command", command.to_owned());
        request
            .header("x-goog-upload-offset", offset.to_string())
            .body(vec![7; bytes])
    };
    for (command, offset, bytes, received) in [
        ("upload", 0, G, G),
        ("query", 0, 0, G),
        ("upload", G, G, 2 * G),
        ("query", 0, 0, 2 * G),
    ] {
        let answer = send(command, offset, bytes).send().await.unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                header(&answer, "x-goog-upload-status")
            ),
            (200, "active"),
            "{command}"
        );
        assert_eq!(
            header(&answer, "x-goog-upload-size-received"),
            received.to_string()
        );
    }
    for (command, offset, bytes, said) in [
        ("upload", 2 * G, 5, "a multiple of 262144 bytes"),
        ("upload", 3 * G, G, "The bytes begin at"),
        ("finalize", 2 * G, 5, "without upload there are no bytes"),
        ("sing", 0, 0, "X-Goog-Upload-Command"),
    ] {
        let (status, answer) = answer(send(command, offset, bytes)).await;
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    let done = send("upload, finalize", 2 * G, 5).send().await.unwrap();
    assert_eq!(
        (
            done.status().as_u16(),
            header(&done, "x-goog-upload-status")
        ),
        (200, "final")
    );
    api.expect_file(&done.json_value().await, "commanded").await;

    let begun = start("image/png").send().await.unwrap();
    let session = header(&begun, "x-goog-upload-url");
    let send = |command: &'static str| {
        api.client
            .put(session)
            .header("x-goog-upload-command", command)
    };
    let nothing = answer(send("finalize")).await;
    assert_eq!(nothing.0, 400, "{nothing:?}");
    let piece = send("upload")
        .header("x-goog-upload-offset", "0")
        .body(vec![7; G])
        .send()
        .await
        .unwrap();
    assert_eq!(piece.status(), 200);
    let (status, file) = answer(send("finalize")).await;
    assert_eq!(status, 200, "the end may come alone: {file}");
    api.expect_file(&file, "finalized").await;
    assert_eq!(answer(start("text/html")).await.0, 400);
    emulator.shutdown().await;
}

#[tokio::test]
async fn pieces_that_do_not_fit_are_refused() {
    let (emulator, _webhook, api) = start().await;
    let begin = || async {
        let begun = upload(&api, "&uploadType=resumable")
            .header("x-upload-content-type", "image/png")
            .send()
            .await
            .unwrap();
        header(&begun, "location").to_owned()
    };
    let session = begin().await;
    let put = |range: &str, body: &'static str| {
        api.client
            .put(&session)
            .header("content-range", range.to_owned())
            .body(body)
    };
    for (range, body, said) in [
        (
            "bytes 10-12/20",
            "PNG",
            "The bytes begin at 10, and only 0 are there.",
        ),
        ("bytes 0-9/20", "PNG", "does not fit the body"),
        ("bytes PNG", "PNG", "malformed"),
        ("bytes */0", "", "The file has no bytes."),
    ] {
        let (status, answer) = answer(put(range, body)).await;
        assert_eq!(status, 400, "{range}: {answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(said),
            "{answer}"
        );
    }
    assert_eq!(
        answer(put("bytes 104857600-104857602/104857603", "PNG"))
            .await
            .0,
        400,
        "it leaves a gap"
    );
    let unknown = format!("{}/upload/v1/files?upload_id=x", api.origin);
    assert_eq!(answer(api.client.put(&unknown).body("PNG")).await.0, 404);
    assert_eq!(answer(api.client.delete(&unknown)).await.0, 404);
    assert_eq!(
        api.client
            .delete(&session)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16(),
        499
    );
    assert_eq!(
        answer(put("bytes 0-2/3", "PNG")).await.0,
        404,
        "it was given up"
    );
    let session = begin().await;
    let cancel = || {
        api.client
            .post(&session)
            .header("x-goog-upload-command", "cancel")
    };
    assert_eq!(
        header(&cancel().send().await.unwrap(), "x-goog-upload-status"),
        "cancelled"
    );
    assert_eq!(answer(cancel()).await.0, 404);
    let (status, kind) = answer(upload(&api, "&uploadType=resumable").body("{}")).await;
    assert_eq!(
        status, 400,
        "what kind of file it will be is said first: {kind}"
    );
    emulator.shutdown().await;
}

impl Api {
    /// A file is one that a message can name.
    async fn expect_file(&self, file: &Value, id: &str) {
        assert!(
            file["name"].as_str().unwrap().starts_with("files/"),
            "{file}"
        );
        let message =
            json!({ "contentMessage": { "uploadedRbmFile": { "fileName": file["name"] } } });
        let id = format!("m-{}", id.trim_start_matches('&').replace('=', "-"));
        let (status, answer) = self.send("+15550100002", &id, message).await;
        assert_eq!(status, 200, "{answer}");
    }
}

fn upload(api: &Api, query: &str) -> RequestBuilder {
    let url = format!("{}/upload/v1/files?agentId=demo{query}", api.origin);
    api.client
        .request(Method::POST, url)
        .bearer_auth(&api.token)
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json_value().await)
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// What a piece is a multiple of.
const G: usize = 256 * 1024;

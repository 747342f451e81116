//! What is asked of RBM beside messages: who can be reached, to keep a file, to invite a tester.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::{
    CarrierReach, Context, FailureCode, FileBytes, Finding, NewFile, NewFileSource, Payload,
    ReachAnswer, Setting, UploadedFile,
};
use rbm_guest::http::{Body, FetchFailure, Host, Method, Request, Response};
use rbm_guest::reach::reach;
use rbm_guest::testers::{Invitation, invite};
use rbm_guest::upload::upload;
use serde_json::{Value, json};
use std::cell::RefCell;

#[test]
fn reach_is_one_batch_at_the_regional_address() {
    let host = Platform::answering(
        200,
        r#"{"reachableUsers":["+12223334444"],"totalRandomSampleUserCount":3750,"reachableRandomSampleUserCount":"3000",
            "reachableUsersMap":{"310-260":{"reachableUsers":["+12223334444"]}}}"#,
    );
    let answer = reach(
        &host,
        &context(),
        &["+12223334444".into(), "+12223334445".into()],
    )
    .unwrap();
    let reachable = || vec!["+12223334444".to_owned()];
    let by_carrier = vec![CarrierReach {
        carrier: "310-260".into(),
        reachable: reachable(),
    }];
    assert_eq!(
        answer,
        ReachAnswer {
            reachable: reachable(),
            sampled: 3750,
            sampled_reachable: 3000,
            by_carrier
        }
    );
    let request = host.only_request();
    assert_eq!(request.method, Method::Post);
    assert_eq!(
        request.url,
        "https://europe-rcsbusinessmessaging.googleapis.com/v1/users:batchGet"
    );
    let expected = json!({ "users": ["+12223334444", "+12223334445"], "agentId": "demo" });
    assert_eq!(document(&request), expected);
}

#[test]
fn nobody_reachable_is_an_answer_and_what_cannot_be_read_is_none() {
    let nobody = ReachAnswer {
        reachable: vec![],
        sampled: 0,
        sampled_reachable: 0,
        by_carrier: vec![],
    };
    let asked = |status, body| {
        reach(
            &Platform::answering(status, body),
            &context(),
            &["+12223334444".into()],
        )
    };
    assert_eq!(asked(200, "{}").unwrap(), nobody);
    for body in ["", "<html>", "[]", r#"{"reachableUsers":"x"}"#] {
        assert_eq!(
            asked(200, body).unwrap_err().code,
            FailureCode::Unknown,
            "{body}"
        );
    }
    let mixed = r#"{"error":{"code":400,"message":"Regions differ.","status":"INVALID_ARGUMENT"}}"#;
    let failure = asked(400, mixed).unwrap_err();
    assert_eq!(
        (failure.code, failure.platform_message.as_deref()),
        (FailureCode::Refused, Some("Regions differ."))
    );
    assert_eq!(asked(429, "{}").unwrap_err().code, FailureCode::Later);
}

#[test]
fn what_reach_cannot_be_asked_is_said_at_once() {
    let rules = |context: &Context, recipients: &[String]| {
        let host = Platform::answering(200, "{}");
        let failure = reach(&host, context, recipients).unwrap_err();
        assert_eq!(
            (failure.code, host.requests.borrow().len()),
            (FailureCode::Refused, 0)
        );
        places(&failure.findings)
    };
    let global = Context {
        settings: context().settings[..1].to_vec(),
        ..context()
    };
    let recipients = ["+12223334444".to_owned(), "0049".to_owned()];
    assert_eq!(
        rules(&global, &recipients),
        ["region reach-region", "recipients[1] phone-e164"]
    );
    assert_eq!(rules(&context(), &[]), ["recipients reach-recipients"]);
    let wrong: Vec<String> = vec!["1".into(); 10_001];
    let found = rules(&context(), &wrong);
    assert_eq!(
        (found[0].as_str(), found.len()),
        ("recipients reach-recipients", 21),
        "and not all of them"
    );
}

#[test]
fn a_file_is_fetched_by_the_platform_or_sent_in_bytes() {
    let host = Platform::answering(200, r#"{"name":"files/1"}"#);
    let source = NewFileSource::Url("https://x.example/a.png".into());
    let thumbnail_url = Some("https://x.example/t.png".into());
    let expected = UploadedFile {
        name: "files/1".into(),
        expires_at: Some("2027-01-23T10:00:00Z".into()),
        details: vec![],
    };
    assert_eq!(
        upload(
            &host,
            &context(),
            NewFile {
                source,
                thumbnail_url
            }
        )
        .unwrap(),
        expected
    );
    let request = host.only_request();
    assert_eq!(
        request.url,
        "https://europe-rcsbusinessmessaging.googleapis.com/v1/files"
    );
    let expected = json!({ "fileUrl": "https://x.example/a.png", "thumbnailUrl": "https://x.example/t.png", "agentId": "demo" });
    assert_eq!(document(&request), expected);

    for bytes in [
        Payload::Inline(vec![0xff, 0]),
        Payload::Held("upload".into()),
    ] {
        let host = Platform::answering(200, r#"{"name":"1"}"#);
        let source = NewFileSource::Bytes(FileBytes {
            mime_type: "image/png".into(),
            bytes: bytes.clone(),
        });
        assert_eq!(
            upload(
                &host,
                &context(),
                NewFile {
                    source,
                    thumbnail_url: None
                }
            )
            .unwrap()
            .name,
            "1"
        );
        let expected = Request {
            method: Method::Post,
            url: "https://europe-rcsbusinessmessaging.googleapis.com/upload/v1/files?agentId=demo"
                .into(),
            body: Some(Body {
                mime_type: "image/png".into(),
                bytes,
            }),
        };
        assert_eq!(host.only_request(), expected);
    }
}

#[test]
fn an_empty_address_of_a_thumbnail_is_none() {
    let bytes = FileBytes {
        mime_type: "image/png".into(),
        bytes: Payload::Inline(vec![0xff, 0]),
    };
    for source in [
        NewFileSource::Url("https://x.example/a.png".into()),
        NewFileSource::Bytes(bytes),
    ] {
        let sent = [None, Some(String::new())].map(|thumbnail_url| {
            let host = Platform::answering(200, r#"{"name":"files/1"}"#);
            let source = source.clone();
            let file = NewFile {
                source,
                thumbnail_url,
            };
            upload(&host, &context(), file).unwrap();
            host.only_request()
        });
        assert_eq!(sent[0], sent[1], "{source:?}");
    }
}

#[test]
fn a_file_without_a_name_was_not_kept_for_sure() {
    for body in ["{}", "", "{\"name\":\"\"}", "{\"name\":5}", "<html>"] {
        let source = NewFileSource::Url("https://x.example/a.png".into());
        let failure = upload(
            &Platform::answering(200, body),
            &context(),
            NewFile {
                source,
                thumbnail_url: None,
            },
        );
        assert_eq!(failure.unwrap_err().code, FailureCode::Unknown, "{body}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_at_once() {
    let rules = |file: NewFile| {
        let host = Platform::answering(200, "{}");
        let failure = upload(&host, &context(), file).unwrap_err();
        assert_eq!(
            (failure.code, host.requests.borrow().len()),
            (FailureCode::Refused, 0)
        );
        places(&failure.findings)
    };
    let bytes = FileBytes {
        mime_type: "text/html".into(),
        bytes: Payload::Held("x".into()),
    };
    let file = NewFile {
        source: NewFileSource::Bytes(bytes),
        thumbnail_url: Some("ftp://x".into()),
    };
    let expected = [
        "source.mime-type upload-type",
        "thumbnail-url upload-thumbnail",
        "thumbnail-url file-url",
    ];
    assert_eq!(rules(file), expected);
    let file = NewFile {
        source: NewFileSource::Url("file:///etc/passwd".into()),
        thumbnail_url: None,
    };
    assert_eq!(rules(file), ["source file-url"]);
}

#[test]
fn a_tester_is_invited_and_the_platform_says_how_that_went() {
    for (body, expected) in [
        (
            r#"{"name":"phones/+12223334444/testers","inviteStatus":"PENDING"}"#,
            Invitation::Pending,
        ),
        (r#"{"inviteStatus":"ACCEPTED"}"#, Invitation::Accepted),
        (r#"{"inviteStatus":"DECLINED"}"#, Invitation::Declined),
        (
            r#"{"inviteStatus":"INVITE_STATUS_UNSPECIFIED"}"#,
            Invitation::Unstated,
        ),
        ("{}", Invitation::Unstated),
    ] {
        let host = Platform::answering(200, body);
        assert_eq!(
            invite(&host, &context(), "+12223334444").unwrap(),
            expected,
            "{body}"
        );
        let request = host.only_request();
        assert!(
            request
                .url
                .ends_with("/v1/phones/+12223334444/testers?agentId=demo"),
            "{}",
            request.url
        );
        assert_eq!(
            (request.method, document(&request)),
            (Method::Post, json!({}))
        );
    }
    let failure = invite(&Platform::answering(429, "{}"), &context(), "+12223334444").unwrap_err();
    assert_eq!(failure.code, FailureCode::Later);
    let failure = invite(&Platform::answering(200, "{}"), &context(), "12223334444").unwrap_err();
    assert_eq!(failure.code, FailureCode::Refused);
}

struct Platform {
    answer: Response,
    requests: RefCell<Vec<Request>>,
}

impl Platform {
    fn answering(status: u16, body: &str) -> Self {
        let answer = Response {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
        };
        Self {
            answer,
            requests: RefCell::default(),
        }
    }

    fn only_request(&self) -> Request {
        let requests = self.requests.borrow();
        assert_eq!(requests.len(), 1);
        requests[0].clone()
    }
}

impl Host for Platform {
    fn fetch(&self, request: Request) -> Result<Response, FetchFailure> {
        self.requests.borrow_mut().push(request);
        Ok(self.answer.clone())
    }
}

fn document(request: &Request) -> Value {
    let Some(Body {
        mime_type,
        bytes: Payload::Inline(bytes),
    }) = &request.body
    else {
        panic!("{request:?}")
    };
    assert_eq!(mime_type, "application/json");
    serde_json::from_slice(bytes).unwrap()
}

/// Where, and which rule.
fn places(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{} {}", finding.path, finding.rule))
        .collect()
}

fn context() -> Context {
    let setting = |name: &str, value: &str| Setting {
        name: name.into(),
        value: value.into(),
    };
    Context {
        settings: vec![
            setting("agent-id", "demo@rbm.goog"),
            setting("region", "europe"),
        ],
        now: "2026-11-24T10:00:00Z".into(),
    }
}

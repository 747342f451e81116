//! What must hold for a message that an application hands in, whatever is in it.

use gateway_channel::{Context, Expiry, Message, Setting, Severity};
use rbm_guest::http::{FetchFailure, Host, Method, Request, Response};
use rbm_guest::{check::check, plain_text::plain_text, send::send};
use rbm_json::{finding, message, strict};
use rbm_wire::message::AgentMessage;
use serde_json::Value;
use std::cell::RefCell;

/// Panics if the input breaks a promise. What is no message is refused by its reader, which must not panic either.
pub(crate) fn try_all(input: &[u8]) {
    let Ok(body) = strict::parse(input) else {
        return;
    };
    let Ok(draft) = message::read("3f1c0f5e", &body) else {
        return;
    };
    let plain = plain_text(&draft.message);
    assert!(!plain.text.is_empty() || plain.segments == 0);
    assert!(plain.text.is_empty() || plain.text.len() > 255 * 67 || plain.segments > 0);
    assert!(plain.segments <= 255);
    what_is_found_is_found_where_it_was_written(&draft.message, &body);
    a_message_is_either_wrong_or_sent_once(&draft.message);
}

/// Of a path into the JSON all but the last field is there; the last may be what is missing.
fn what_is_found_is_found_where_it_was_written(message: &Message, body: &Value) {
    // An option has no place of its own in the JSON: they are a list.
    let findings = check(&context(), message)
        .findings
        .into_iter()
        .filter(|found| !found.path.starts_with("options."));
    for path in findings.map(|found| finding::of_message(found, message).path) {
        let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
        let parent = pointer
            .rsplit_once('/')
            .map(|(parent, _)| parent)
            .unwrap_or_default();
        assert!(
            body.pointer(parent).is_some(),
            "{path} leads nowhere in {body}"
        );
    }
}

fn a_message_is_either_wrong_or_sent_once(message: &Message) {
    let report = check(&context(), message);
    // What settings and the clock decide is left to `check`: a message that was accepted is sent.
    let is_of_now = |rule: &str| match rule {
        "card-suggestions-count" => true,
        "lifetime" => matches!(message.expiry, Some(Expiry::At(_))),
        _ => false,
    };
    let wrong = report
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error && !is_of_now(&finding.rule));
    let platform = Platform::default();
    assert_eq!(send(&platform, &context(), message).is_err(), wrong);
    match &platform.requests.borrow()[..] {
        [] => assert!(wrong),
        [
            Request {
                method: Method::Post,
                url,
                body: Some(body),
            },
        ] => {
            assert!(!wrong);
            let json = body.inline().expect("a message is sent as it is");
            let url_expected = format!(
                "{ORIGIN}/v1/phones/{}/agentMessages?messageId=3f1c0f5e&agentId=demo",
                message.recipient
            );
            assert_eq!(*url, url_expected);
            assert_eq!(
                json.len(),
                usize::try_from(report.payload_bytes).expect("a message has less than 4 GiB")
            );
            let composed: AgentMessage =
                serde_json::from_slice(json).expect("what is sent can be read");
            assert_eq!(
                serde_json::to_vec(&composed).expect("it was read from JSON"),
                json
            );
        }
        requests => panic!("{requests:?}"),
    }
}

#[derive(Default)]
struct Platform {
    requests: RefCell<Vec<Request>>,
}

impl Host for Platform {
    fn fetch(&self, request: Request) -> Result<Response, FetchFailure> {
        self.requests.borrow_mut().push(request);
        Ok(Response {
            status: 200,
            body: br#"{"name":"phones/+12223334444/agentMessages/3f1c0f5e"}"#.to_vec(),
            ..Response::default()
        })
    }
}

fn context() -> Context {
    let setting = |name: &str, value: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    Context {
        settings: vec![setting("agent-id", "demo"), setting("region", "europe")],
        now: "2026-11-24T10:00:00Z".to_owned(),
    }
}

const ORIGIN: &str = "https://europe-rcsbusinessmessaging.googleapis.com";

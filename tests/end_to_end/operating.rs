//! What whoever looks after a gateway asks of it with the binary: lists, single things, another try; with a token, and while
//! the gateway goes away and comes back.

use crate::program::{ANSWERS, Dev, Ended, PATIENCE, WITHOUT_RCS, command, envelope, sign, text};
use crate::serving::{Platform, Serve};
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "lists, one value a line")]
async fn lists_are_tables_for_people_and_lines_for_programs() {
    let dev = Dev::start_with(&["--forward-to", "http://127.0.0.1:1/events"], "error");
    let read = dev.send(&text(ANSWERS, "Hello")).await;
    dev.wait_for_event(|event| event["kind"] == "message").await;
    let failed = dev.send(&text(WITHOUT_RCS, "Hello")).await;
    dev.wait_for_state(&failed, "failed").await;
    let forged = dev
        .post_signed(
            "/webhooks/rbm/demo",
            "{\"text\":\"\u{1b}[2J\"}",
            &sign("other", b"x"),
        )
        .await;
    assert_eq!(forged.status, 401);
    for (arguments, first, last, lines) in [
        (&["messages", "list"][..], "ID", read.as_str(), 3),
        (&["messages", "list", "--state", "failed"], "ID", &failed, 2),
        (
            &["messages", "list", "--to", ANSWERS, "--agent", "demo"],
            "ID",
            &read,
            2,
        ),
        (&["messages", "list", "--state", "expired"], "ID", "ID", 1),
        (&["messages", "list", "--limit", "1"], "ID", &failed, 2),
        (
            &["messages", "list", "--limit", "1", "--after", &failed],
            "ID",
            &read,
            2,
        ),
        (&["messages", "show", &read], "agent", "", 12),
        (&["events", "list"], "CURSOR", "e5", 6),
        (&["events", "list", "--after", "e3"], "CURSOR", "e5", 3),
        (
            &["events", "tail", "--after", "e0", "--limit", "4"],
            "e1",
            "e4",
            4,
        ),
        (&["quarantine", "list"], "ID", "q1", 2),
        (&["quarantine", "show", "q1"], "at", "", 13),
        (&["callbacks", "list"], "NAME", "forward-to", 2),
        (&["callbacks", "enable", "forward-to"], "agents", "", 16),
        (
            &["dead-letters", "list", "--callback", "forward-to"],
            "CALLBACK",
            "CALLBACK",
            1,
        ),
        (
            &["dead-letters", "replay", "forward-to"],
            "replayed",
            "replayed",
            1,
        ),
    ] {
        let ended = ask(arguments, &dev.gateway).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        let shown: Vec<&str> = ended.stdout.lines().collect();
        assert!(
            shown[0].starts_with(first),
            "{arguments:?}: {}",
            ended.stdout
        );
        assert!(
            shown[shown.len() - 1].contains(last),
            "{arguments:?}: {}",
            ended.stdout
        );
        if !last.is_empty() {
            assert_eq!(shown.len(), lines, "{arguments:?}: {}", ended.stdout);
        }
        assert!(
            !ended.stdout.contains('\u{1b}'),
            "{arguments:?}: {}",
            ended.stdout
        );
    }
    for (arguments, things, field, value) in [
        (&["messages", "list", "--json"][..], 2, "id", &failed),
        (&["messages", "show", &read, "--json"], 1, "id", &read),
        (
            &["events", "list", "--json", "--limit", "3"],
            3,
            "message_id",
            &read,
        ),
        (
            &["events", "tail", "--json", "--after", "e0", "--limit", "2"],
            2,
            "message_id",
            &read,
        ),
        (&["quarantine", "list", "--json"], 1, "id", &"q1".to_owned()),
        (
            &["quarantine", "show", "q1", "--json"],
            1,
            "rule",
            &"signature-mismatch".to_owned(),
        ),
        (
            &["callbacks", "list", "--json"],
            1,
            "name",
            &"forward-to".to_owned(),
        ),
    ] {
        let ended = ask(arguments, &dev.gateway).await;
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        let lines: Vec<Value> = ended
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            (lines.len(), &lines[0][field]),
            (things, &json!(value)),
            "{arguments:?}"
        );
    }
    let more = ask(&["messages", "list", "--limit", "1"], &dev.gateway).await;
    assert_eq!(
        more.stderr,
        format!("there may be more: --after {failed}\n")
    );
}

/// The same columns in the same order, with what a person wrote or tapped, and why something ended.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_shown_alike_in_a_list_and_in_a_stream() {
    let dev = Dev::start();
    let failed = dev.send(&text(WITHOUT_RCS, "Hello")).await;
    dev.wait_for_event(|event| event["kind"] == "failed").await;
    for own in [
        json!({ "messageId": "u1", "text": "Where is\nmy parcel?" }),
        json!({ "messageId": "u2", "suggestionResponse": { "postbackData": "p", "text": "Yes", "type": "REPLY" } }),
        json!({ "messageId": "u3", "suggestionResponse": { "postbackData": "\u{1b}[2J", "type": "REPLY" } }),
        json!({ "messageId": "u4", "location": { "latitude": 1.5, "longitude": 2 } }),
        json!({ "eventType": "READ", "messageId": "m5", "eventId": "e5" }),
        json!({ "eventType": "IS_TYPING", "eventId": "e6" }),
    ] {
        let mut document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS });
        let fields = document.as_object_mut().unwrap();
        fields.extend(own.as_object().unwrap().clone());
        let answer = dev
            .notify("/webhooks/rbm/demo", &document.to_string())
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let list = ask(&["events", "list"], &dev.gateway).await.stdout;
    let tail = &["events", "tail", "--after", "e0", "--limit", "7"];
    let tail = ask(tail, &dev.gateway).await.stdout;
    let titles = list.lines().next().unwrap();
    assert_eq!(
        titles.split_whitespace().collect::<Vec<_>>(),
        ["CURSOR", "RECEIVED", "KIND", "AGENT", "PHONE", "WHAT"]
    );
    let cells = |line: &str| -> Vec<String> {
        let cells = line.split("  ").map(str::trim);
        let cells = cells.filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    };
    let listed: Vec<_> = list.lines().skip(1).map(cells).collect();
    let streamed: Vec<_> = tail.lines().map(cells).collect();
    assert_eq!(listed, streamed, "{list}{tail}");
    let shown: Vec<_> = listed
        .iter()
        .map(|cells| [0, 2, 3, 4, 5].map(|column| cells[column].as_str()))
        .collect();
    let unreachable = format!("{failed}: unreachable");
    assert_eq!(
        shown,
        [
            ["e1", "failed", "demo", WITHOUT_RCS, &unreachable],
            ["e2", "message", "demo", ANSWERS, "Where is\\nmy parcel?"],
            ["e3", "message", "demo", ANSWERS, "tapped \"Yes\""],
            ["e4", "message", "demo", ANSWERS, "tapped \"\\u{1b}[2J\""],
            ["e5", "message", "demo", ANSWERS, "u4"],
            ["e6", "read", "demo", ANSWERS, "m5"],
            ["e7", "typing", "demo", ANSWERS, "-"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_shown_with_what_it_says_and_a_list_of_them_without() {
    let dev = Dev::start();
    let said = json!({
        "content": { "card": { "title": "Table for two", "layout": "horizontal_left", "media": {
            "file": { "url": "https://www.example.com/a.png" } } } },
        "suggestions": [{ "reply": { "text": "Yes", "postback": "yes" } }],
        "purpose": "transaction",
        "expires_at": (Timestamp::now() + 24.hours()).to_string(),
    });
    let mut message = json!({ "to": ANSWERS });
    let fields = said.as_object().unwrap();
    message.as_object_mut().unwrap().extend(fields.clone());
    let id = dev.send(&message).await;
    let shown = ask(&["messages", "show", &id, "--json"], &dev.gateway).await;
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let for_people = ask(&["messages", "show", &id], &dev.gateway).await.stdout;
    let listed = dev.get("/v1/messages").await.body;
    for (name, value) in fields {
        assert_eq!(&shown[name], value, "{shown}");
        assert!(for_people.contains(name), "{for_people}");
        assert_eq!(listed["messages"][0].get(name), None, "{listed}");
    }
    assert_eq!(
        (&shown["to"], &listed["messages"][0]["id"]),
        (&json!(ANSWERS), &json!(id))
    );
    assert!(for_people.contains("Table for two"), "{for_people}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_possible_ends_with_1() {
    let dev = Dev::start();
    let read = dev.send(&text(ANSWERS, "Hello")).await;
    dev.wait_for_state(&read, "read").await;
    for (arguments, code, said) in [
        (
            &["messages", "show", "nothing"][..],
            1,
            "error: there is no message \"nothing\" (404 not-found)\n",
        ),
        (&["messages", "retry", &read], 1, " (409 not-failed)\n"),
        (
            &["messages", "list", "--state", "lost"],
            1,
            "error: state is \"lost\", and must be one of queued, ",
        ),
        (&["messages", "list", "--limit", "0"], 2, "--limit"),
        (&["messages", "show", ".."], 2, "<ID>"),
        (&["messages"], 2, "Usage"),
        (
            &["events", "tail", "--after", "e99"],
            1,
            "which no event of this gateway has had: the newest is e2 (400 cursor)\n",
        ),
        (
            &["quarantine", "show", "q9"],
            1,
            "error: there is no request q9 in the quarantine (404 not-found)\n",
        ),
        (&["quarantine", "replay", "x"], 1, "no id of the quarantine"),
        (
            &["callbacks", "enable", "nobody"],
            1,
            "there is no callback",
        ),
        (&["dead-letters", "list"], 1, "there are no callbacks"),
        (
            &["dead-letters", "replay", "nobody", "e1"],
            1,
            "there is no callback",
        ),
        (
            &["reach", "12"],
            1,
            "error[phone-e164]: phones[0] is \"12\", and must be a phone number: a plus sign, then 2 to 15 digits, the first not \
             0
--> phones[0]
 = note: gateway:channel@0.1.0

error: phones[0] is ",
        ),
    ] {
        let ended = ask(arguments, &dev.gateway).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(code), ""),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(
            !ended.stderr.contains('{'),
            "no JSON: {arguments:?}: {}",
            ended.stderr
        );
    }
    let nobody = ask(&["events", "tail"], "http://127.0.0.1:1").await;
    assert_eq!(nobody.code, Some(3), "{}", nobody.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_a_token_lets_in_who_gives_it_and_ends_others_with_4() {
    let serve = guarded().await;
    let (directory, gateway) = (serve.directory.path(), serve.origin());
    let good = directory.join("api-token").to_str().unwrap().to_owned();
    let (other, empty) = (directory.join("other"), directory.join("empty"));
    fs::write(&other, "another-token\n").unwrap();
    fs::write(&empty, "\n").unwrap();
    let (other, empty) = (other.to_str().unwrap(), empty.to_str().unwrap());
    for (arguments, variable, code, said) in [
        (
            &[][..],
            None,
            4,
            "help: --token-file or RBM_TOKEN gives the token",
        ),
        (
            &["--token", "another-token"],
            None,
            4,
            "the bearer token is another one",
        ),
        (
            &["--token-file", other],
            Some("s3cret-token"),
            4,
            "the bearer token is another one",
        ),
        (
            &[],
            Some("another-token"),
            4,
            "the bearer token is another one",
        ),
        (&["--token", "s3cret-token"], None, 0, ""),
        (&["--token-file", &good], None, 0, ""),
        (&[], Some("s3cret-token"), 0, ""),
        (&["--token", "s3cret-token"], Some("another-token"), 0, ""),
        (&["--token", ""], None, 2, "--token holds no token"),
        (&["--token", "a b"], None, 2, "--token holds no token"),
        (&["--token-file", empty], None, 2, "holds no token"),
        (
            &["--token-file", "/nowhere"],
            None,
            2,
            "/nowhere could not be read",
        ),
        (
            &["--token", "a", "--token-file", &good],
            None,
            2,
            "cannot be used with",
        ),
        (&[], Some(""), 2, "RBM_TOKEN holds no token"),
    ] {
        for asked in [
            &["messages", "list"][..],
            &["capabilities", ANSWERS],
            &["events", "tail", "--after", "e9"],
        ] {
            let mut command = command(&[asked, arguments, &["--gateway", &gateway]].concat());
            variable.map(|token| command.env("RBM_TOKEN", token));
            let output = command.stdin(Stdio::null()).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            // Who is let in is told that there is no such event.
            let code = if code == 0 && asked[0] == "events" {
                1
            } else {
                code
            };
            assert_eq!(
                output.status.code(),
                Some(code),
                "{asked:?} {arguments:?} {variable:?}: {stderr}"
            );
            assert!(stderr.contains(said), "{asked:?} {arguments:?}: {stderr}");
            assert!(!stderr.contains("s3cret"), "{stderr}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_where_it_was_when_the_gateway_comes_back() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let mut serve = Serve::new(&platform, "");
    serve.start().await;
    let (_tail, mut seen) = tail(&serve.origin());
    for round in 0..3 {
        for number in 0..3 {
            hear(&serve, &format!("u{round}-{number}")).await;
        }
        for number in 0..3 {
            let event = timeout(PATIENCE, seen.recv()).await.unwrap().unwrap();
            let expected = (
                json!(format!("e{}", round * 3 + number + 1)),
                json!(format!("u{round}-{number}")),
            );
            assert_eq!(
                (event["cursor"].clone(), event["message_id"].clone()),
                expected
            );
        }
        serve.kill();
        serve.start().await;
    }
    assert!(seen.try_recv().is_err(), "each comes once");
}

/// A tail of everything, and what it prints.
fn tail(gateway: &str) -> (Ending, mpsc::UnboundedReceiver<Value>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let mut command = command(&[
        "events",
        "tail",
        "--json",
        "--after",
        "e0",
        "--gateway",
        gateway,
    ]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(serde_json::from_str(&line).unwrap()))
    });
    (Ending(child), seen)
}

struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn hear(serve: &Serve, message: &str) {
    let document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "messageId": message, "text": "x" });
    let document = document.to_string();
    let signature = sign(&serve.client_token, document.as_bytes());
    let request = serve
        .client
        .post(serve.webhook())
        .header("x-goog-signature", signature);
    assert_eq!(
        request
            .body(envelope(&document).to_string())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

async fn guarded() -> Serve {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let mut serve = Serve::new(&platform, "");
    let file = serve.directory.path().join("rbm.toml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        config.replacen(
            "[server]\n",
            "[server]\napi_token_file = \"api-token\"\n",
            1,
        ),
    )
    .unwrap();
    fs::write(serve.directory.path().join("api-token"), "s3cret-token\n").unwrap();
    serve.start().await;
    // It is asked about a phone.
    Box::leak(Box::new(platform));
    serve
}

async fn ask(arguments: &[&str], gateway: &str) -> Ended {
    let arguments: Vec<String> = arguments
        .iter()
        .copied()
        .chain(["--gateway", gateway])
        .map(str::to_owned)
        .collect();
    tokio::task::spawn_blocking(move || {
        crate::program::rbm(
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
            b"",
        )
    })
    .await
    .unwrap()
}

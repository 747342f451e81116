//! Moving a gateway: what `rbm export` wrote, `rbm import` makes a directory of, and the gateway goes on there. What is not
//! whole, or not what it says, moves nothing.

use crate::program::{
    ANSWERS, Ended, HIDES_READING, OFFLINE, PATIENCE, command, envelope, rbm, sign, text,
};
use crate::serving::{Platform, Serve, get};
use axum::http::StatusCode;
use axum::routing::post;
use rand::Rng as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_goes_on_where_it_was_moved_to() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let (callback, _application) = application().await;
    let mut first = Serve::new(&platform, &callback);
    first.start().await;
    let id = fill(&platform, &first).await;
    let before = seen(&first, &id).await;
    let file = first.directory.path().join("export.jsonl");
    let config = path(&first.directory.path().join("rbm.toml"));
    let running = rbm(&["export", "--config", &config], b"");
    assert_eq!(
        (running.code, running.stdout.as_str()),
        (Some(3), ""),
        "{}",
        running.stderr
    );
    assert!(
        running
            .stderr
            .contains("in use by another process\nhelp: stop the gateway"),
        "{}",
        running.stderr
    );
    first.kill();
    let exported = rbm(
        &["export", "--config", &config, "--output", &path(&file)],
        b"",
    );
    assert_eq!(
        (exported.code, exported.stdout.as_str()),
        (Some(0), ""),
        "{}",
        exported.stderr
    );
    let counts = "consent 1, consumer 1, delivery 1, event 6, last 1, message 3, orphan 1, quarantined 1, seen 6\n";
    assert!(exported.stderr.ends_with(counts), "{}", exported.stderr);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600,
        "it tells of people"
    );

    let mut second = Serve::new(&platform, &callback);
    let config = path(&second.directory.path().join("rbm.toml"));
    let imported = rbm(
        &["import", "--config", &config, "--input", &path(&file)],
        b"",
    );
    assert_eq!(
        (imported.code, imported.stdout.as_str()),
        (Some(0), ""),
        "{}",
        imported.stderr
    );
    assert!(imported.stderr.ends_with(counts), "{}", imported.stderr);
    let again = rbm(&["export", "--config", &config], b"");
    assert_eq!(
        items(&again.stdout),
        items(&fs::read_to_string(&file).unwrap())
    );

    second.start().await;
    assert_eq!(seen(&second, &id).await, before);
    assert_eq!(
        hear(&second, &second.client_token, "u1").await,
        200,
        "the platform sends it again"
    );
    assert_eq!(hear(&second, &second.client_token, "u2").await, 200);
    let events = get(
        &second.client,
        &format!("{}/v1/events?after=e6", second.origin()),
    )
    .await;
    assert_eq!(
        (
            &events["events"][0]["cursor"],
            &events["events"][0]["message_id"]
        ),
        (&json!("e7"), &json!("u2"))
    );
    assert_eq!(
        events["events"].as_array().unwrap().len(),
        1,
        "u1 is known: {events}"
    );
    assert_eq!(hear(&second, "forgotten", "u3").await, 401);
    let aside = get(
        &second.client,
        &format!("{}/v1/quarantine", second.origin()),
    )
    .await;
    assert_eq!(
        (&aside["quarantine"][0]["id"], &aside["quarantine"][1]["id"]),
        (&json!("q2"), &json!("q1"))
    );
}

/// An export is what it says and no more, so another program can write one too.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_wrote_is_imported_too() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let (callback, _application) = application().await;
    let mut serve = Serve::new(&platform, &callback);
    let at = "2026-11-25T10:00:00Z";
    let export = written(&[
        json!({ "kind": "last", "event": "e41" }),
        json!({ "kind": "event", "cursor": "e7", "agent": "demo", "received_at": at, "inbound": {
            "dedupe-key": "k", "agent": "demo", "phone": ANSWERS, "fact": "typing", "details": [], "raw": "{}" } }),
        json!({ "kind": "consumer", "name": "app", "after": "e41" }),
        json!({ "kind": "dead_letter", "consumer": "app", "cursor": "e7", "attempts": 10, "at": at, "reason": "500" }),
    ]);
    let data = path(&serve.directory.path().join("data"));
    let ended = rbm(&["import", "--data", &data], export.as_bytes());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serve.start().await;
    let dead = get(
        &serve.client,
        &format!("{}/v1/dead-letters", serve.origin()),
    )
    .await;
    let letter = &dead["dead_letters"][0];
    assert_eq!(
        (&letter["event"]["cursor"], &letter["attempts"]),
        (&json!("e7"), &json!(10)),
        "{dead}"
    );
    assert_eq!(hear(&serve, &serve.client_token, "u1").await, 200);
    let events = get(
        &serve.client,
        &format!("{}/v1/events?after=e7", serve.origin()),
    )
    .await;
    assert_eq!(events["events"][0]["cursor"], "e42", "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_whole_or_not_known_is_refused_and_leaves_nothing() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let (serve, export) = exported(&platform).await;
    let lines: Vec<&str> = export.split_inclusive('\n').collect();
    let count = lines.len();
    let version =
        |version: u32| export.replacen("\"version\":2", &format!("\"version\":{version}"), 1);
    let of_event = lines
        .iter()
        .position(|line| line.starts_with("{\"kind\":\"event\""))
        .unwrap();
    let with = |line: usize, text: &str| {
        let mut lines = lines.clone();
        lines[line] = text;
        lines.concat()
    };
    let unknown = lines[of_event].replacen("{\"kind\"", "{\"colour\":1,\"kind\"", 1);
    let wrong = lines[of_event].replacen("\"cursor\":\"e", "\"cursor\":\"f", 1);
    let twice = [&lines[..=of_event], &lines[of_event..]].concat().concat();
    for (name, export, said) in [
        (
            "nothing",
            String::new(),
            "line 1: the last line, of the kind end, is missing".to_owned(),
        ),
        (
            "a part",
            lines[..count - 1].concat(),
            format!("line {count}: the last line, of the kind end, is missing"),
        ),
        (
            "half a line",
            export[..export.len() - 7].to_owned(),
            format!("line {count}: the line has no end"),
        ),
        (
            "a line less",
            [&lines[..3], &lines[4..]].concat().concat(),
            format!(
                "line {}: counts says 3 of \"message\", and there were 2",
                count - 1
            ),
        ),
        (
            "a line twice",
            twice,
            format!(
                "line {}: counts says 6 of \"event\", and there were 7",
                count + 1
            ),
        ),
        (
            "two exports",
            export.repeat(2),
            format!("line {}: there is more after the last line", count + 1),
        ),
        (
            "another kind",
            with(2, "{\"kind\":\"x\"}\n"),
            "line 3: kind is \"x\", which this program does not know".into(),
        ),
        (
            "a field more",
            with(of_event, &unknown),
            format!("line {}: \"colour\" is a field", of_event + 1),
        ),
        (
            "no cursor",
            with(of_event, &wrong),
            format!("line {}: cursor: \"f1\" is no cursor", of_event + 1),
        ),
        (
            "a later version",
            version(3),
            "line 1: version is 3, and this program reads up to 2".into(),
        ),
        (
            "no export",
            "{\"a\":1}\n".to_owned(),
            "line 1: it has no kind".into(),
        ),
    ] {
        assert_refused(name, export.as_bytes(), &said);
    }
    for _ in 0..20 {
        let mut bytes = export.clone().into_bytes();
        let place = rand::rng().random_range(0..bytes.len());
        bytes[place] ^= 1 << rand::rng().random_range(0..8);
        assert_refused(&format!("a bit of byte {place}"), &bytes, "line ");
    }

    let data = serve.directory.path().join("data");
    let before = fs::read(data.join("gateway.db")).unwrap();
    let used = rbm(&["import", "--data", &path(&data)], export.as_bytes());
    assert_eq!(used.code, Some(2), "{}", used.stderr);
    assert!(
        used.stderr
            .contains(&format!("--data {} has a store already", path(&data))),
        "{}",
        used.stderr
    );
    assert_eq!(fs::read(data.join("gateway.db")).unwrap(), before);
}

fn assert_refused(name: &str, export: &[u8], said: &str) {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let ended = rbm(&["import", "--data", &path(&data)], export);
    assert_eq!(ended.code, Some(1), "{name}: {}", ended.stderr);
    assert!(
        ended
            .stderr
            .starts_with("error: nothing was imported from stdin: "),
        "{name}: {}",
        ended.stderr
    );
    assert!(ended.stderr.contains(said), "{name}: {}", ended.stderr);
    assert_eq!(names_in(&data), ["lock"], "{name}");
}

/// Killed where parts of it were committed already, and then anywhere.
#[test]
fn an_import_that_is_killed_leaves_nothing_that_is_taken_for_whole() {
    let seen = |number: u32| {
        let (event, at) = (format!("{number:032x}"), "2026-11-25T10:00:00Z");
        json!({ "kind": "seen", "event": event, "received_at": at })
    };
    let lines: Vec<Value> = std::iter::once(json!({ "kind": "last" }))
        .chain((0..20_000).map(seen))
        .collect();
    let export = written(&lines);
    let (directory, data) = new_data();
    let mut import = command(&["import", "--data", &data])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = import.stdin.take().unwrap();
    stdin
        .write_all(&export.as_bytes()[..export.len() - 10])
        .unwrap();
    let begun = Instant::now();
    let committed =
        || fs::metadata(directory.path().join("gateway.importing.db-wal")).map_or(0, |it| it.len());
    while committed() < 100_000 {
        assert!(
            begun.elapsed() < PATIENCE,
            "{:?}",
            names_in(directory.path())
        );
        thread::sleep(Duration::from_millis(1));
    }
    let beside = rbm(&["import", "--data", &data], export.as_bytes());
    assert_eq!(beside.code, Some(3), "{}", beside.stderr);
    kill(&mut import);
    let none = rbm(&["export", "--data", &data], b"");
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    assert_eq!(none.stderr, format!("error: --data {data} has no store\n"));

    let begun = Instant::now();
    let ended = rbm(&["import", "--data", &data], export.as_bytes());
    let time_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(names_in(directory.path()), ["gateway.db", "lock"]);
    let whole = rbm(&["export", "--data", &data], b"").stdout;
    assert_eq!(whole.lines().count(), export.lines().count());

    let file = directory.path().join("export.jsonl");
    fs::write(&file, &export).unwrap();
    let (mut directory, mut data) = new_data();
    for _ in 0..10 {
        let mut import = command(&["import", "--data", &data, "--input", &path(&file)])
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(rand::rng().random_range(0..=time_ms)));
        kill(&mut import);
        let exported = rbm(&["export", "--data", &data], b"");
        if directory.path().join("gateway.db").exists() {
            assert!(
                items(&exported.stdout) == items(&whole),
                "not all of it is there: {}",
                exported.stderr
            );
            (directory, data) = new_data();
        } else {
            assert_eq!(exported.code, Some(2), "{}", exported.stderr);
        }
    }
}

fn new_data() -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let data = path(directory.path());
    (directory, data)
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_written_whole_or_stays_as_it_was() {
    let platform = Platform::start_far_away(Duration::ZERO).await;
    let (serve, export) = exported(&platform).await;
    let data = path(&serve.directory.path().join("data"));
    let directory = TempDir::new().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    fs::write(&file, "as it was").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let none = path(&directory.path().join("none"));
    let ended = rbm(&["export", "--data", &none, "--output", &path(&file)], b"");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(!Path::new(&none).exists(), "nothing is made");
    assert_eq!(fs::read_to_string(&file).unwrap(), "as it was");
    let inode = fs::metadata("/dev/null").unwrap().ino();
    for (output, said) in [
        (
            &path(directory.path()),
            "is no file that could be replaced\nhelp: `-` is stdout",
        ),
        (
            &"/dev/null".to_owned(),
            "/dev/null is no file that could be replaced",
        ),
        (
            &path(&directory.path().join("none/below")),
            "could not be written: ",
        ),
    ] {
        let ended = rbm(&["export", "--data", &data, "--output", output], b"");
        assert!(
            ended.code == Some(1) || ended.code == Some(2),
            "{output}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains(said), "{output}: {}", ended.stderr);
    }
    assert_eq!(fs::metadata("/dev/null").unwrap().ino(), inode);
    let ended = rbm(&["export", "--data", &data, "--output", &path(&link)], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(items(&fs::read_to_string(&file).unwrap()), items(&export));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(names_in(directory.path()), ["file", "link"]);

    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = command(&["export", "--data", &data]);
    let output = command
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.starts_with("error: stdout could not be written: "),
        "{stderr}"
    );
    let both = rbm(&["export", "--data", &data, "--config", "rbm.toml"], b"");
    assert_eq!(both.code, Some(2), "{}", both.stderr);
}

/// A gateway that has something of everything and does not run, and its export.
async fn exported(platform: &Platform) -> (Serve, String) {
    let (callback, _application) = application().await;
    let mut serve = Serve::new(platform, &callback);
    serve.start().await;
    fill(platform, &serve).await;
    serve.kill();
    let Ended {
        code,
        stdout,
        stderr,
    } = rbm(
        &[
            "export",
            "--data",
            &path(&serve.directory.path().join("data")),
        ],
        b"",
    );
    assert_eq!(code, Some(0), "{stderr}");
    (serve, stdout)
}

/// Something of everything, until nothing changes any more. Gives the message that was read.
async fn fill(platform: &Platform, serve: &Serve) -> String {
    serve.register_webhook(platform).await;
    let read = send(serve, &text(ANSWERS, "Hello \u{1f600}")).await;
    wait_for(serve, &format!("/v1/messages/{read}"), |message| {
        message["state"] == "read"
    })
    .await;
    // Two of the message, and that the person types and answers.
    wait_for(serve, "/v1/events", |body| {
        body["events"].as_array().unwrap().len() == 4
    })
    .await;
    let accepted = send(serve, &text(OFFLINE, "Hello")).await;
    wait_for(serve, &format!("/v1/messages/{accepted}"), |message| {
        message["state"] == "accepted"
    })
    .await;
    let mut later = text(HIDES_READING, "Hello");
    later["send_at"] = json!((jiff::Timestamp::now() + Duration::from_hours(24)).to_string());
    send(serve, &later).await;
    let opt_out = serve
        .client
        .put(format!("{}/v1/opt-outs/{OFFLINE}", serve.origin()));
    let opt_out = opt_out
        .header("content-type", "application/json")
        .body("{\"reason\":\"by telephone\"}")
        .send()
        .await;
    assert!(opt_out.unwrap().status().is_success());
    assert_eq!(hear(serve, "forgotten", "u1").await, 401);
    assert_eq!(hear(serve, &serve.client_token, "u1").await, 200);
    let of_nobody = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "eventType": "DELIVERED",
        "eventId": "v1", "messageId": "of-nobody", "sendTime": "2026-11-25T10:00:00Z" });
    assert_eq!(notify(serve, &serve.client_token, &of_nobody).await, 200);
    wait_for(serve, "/v1/callbacks", |body| {
        let callback = &body["callbacks"][0];
        callback["enabled"] == false && callback["undelivered"] == 6
    })
    .await;
    read
}

/// All that anybody can ask for.
async fn seen(serve: &Serve, message: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    let paths = [
        "messages",
        "events",
        "opt-outs",
        "quarantine",
        "quarantine/q1",
        "dead-letters",
    ]
    .map(str::to_owned);
    for path in paths
        .into_iter()
        .chain([format!("messages/{message}"), format!("opt-outs/{OFFLINE}")])
    {
        seen.push(get(&serve.client, &format!("{}/v1/{path}", serve.origin())).await);
    }
    let callbacks = get(&serve.client, &format!("{}/v1/callbacks", serve.origin())).await;
    let told = ["name", "enabled", "disabled_reason", "undelivered"];
    seen.extend(told.map(|name| callbacks["callbacks"][0][name].clone()));
    seen
}

async fn send(serve: &Serve, body: &Value) -> String {
    let request = serve.client.post(format!("{}/v1/messages", serve.origin()));
    let response = request
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

async fn wait_for(serve: &Serve, path: &str, wanted: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let answer = get(&serve.client, &format!("{}{path}", serve.origin())).await;
        if wanted(&answer) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} is still {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn hear(serve: &Serve, token: &str, message: &str) -> u16 {
    let document = json!({ "agentId": "demo@rbm.goog", "senderPhoneNumber": ANSWERS, "messageId": message, "text": "x" });
    notify(serve, token, &document).await
}

async fn notify(serve: &Serve, token: &str, document: &Value) -> u16 {
    let document = document.to_string();
    let request = serve
        .client
        .post(serve.webhook())
        .header("x-goog-signature", sign(token, document.as_bytes()));
    request
        .body(envelope(&document).to_string())
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

/// One that wants no events, so that they stay; and the configuration's lines that name it.
async fn application() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/", post(async || StatusCode::GONE));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let callback = format!(
        "[callbacks.app]\nurl = \"{url}\"\nsecret = \"{secret}\"\nallow_private_addresses = true\n"
    );
    (callback, serving)
}

/// By what is said of the format, and nothing of its code.
fn written(items: &[Value]) -> String {
    let mut counts = BTreeMap::<&str, u64>::new();
    items
        .iter()
        .for_each(|item| *counts.entry(item["kind"].as_str().unwrap()).or_default() += 1);
    let at = "2026-11-25T10:00:00Z";
    let first =
        json!({ "kind": "rbm-export", "version": 1, "written_at": at, "program": "another 1" });
    let lines: String = std::iter::once(&first)
        .chain(items)
        .map(|line| format!("{line}\n"))
        .collect();
    let sha256: String = Sha256::digest(&lines)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    lines + &json!({ "kind": "end", "counts": counts, "sha256": sha256 }).to_string() + "\n"
}

/// Without the first and the last line, which tell when it was written.
fn items(export: &str) -> Vec<&str> {
    let lines: Vec<&str> = export.lines().collect();
    assert!(lines.len() > 2, "{export}");
    lines[1..lines.len() - 1].to_vec()
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn path(path: &Path) -> String {
    PathBuf::from(path).into_os_string().into_string().unwrap()
}

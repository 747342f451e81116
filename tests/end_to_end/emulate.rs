//! `rbm emulate`: where its line says everything is, it is; and it calls the webhook that it was given.

use crate::emulating::Emulate;
use crate::program::{ANSWERS, PATIENCE, command, rbm, sign};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Client;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

#[tokio::test]
async fn its_line_says_where_the_key_file_is_and_whose_agent() {
    for (arguments, agent) in [
        (&[][..], "demo@rbm.goog"),
        (&["--agent", "shop"], "shop@rbm.goog"),
    ] {
        let emulate = Emulate::start(arguments, "");
        let origin = emulate.origin();
        let expected = json!({
            "emulator": origin, "service_account": format!("{origin}/emulator/service-account.json"), "agent": agent,
        });
        assert_eq!(emulate.ready, expected);
        let account = get(emulate.ready["service_account"].as_str().unwrap()).await;
        assert_eq!(account["token_uri"], format!("{origin}/token"));
        assert_eq!(
            get(&format!("{origin}/emulator/webhooks")).await["webhooks"],
            json!([])
        );
    }
}

// The webhook answers while this thread waits for the process.
#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_is_registered_and_told_with_ids_that_follow_from_the_seed() {
    let mut webhook = Webhook::start().await;
    let mut ids = Vec::new();
    for seed in ["7", "7", "8"] {
        let arguments = [
            "--webhook",
            &webhook.url,
            "--client-token-file",
            "-",
            "--agent",
            "shop@rbm.goog",
            "--seed",
            seed,
        ];
        let emulate = Emulate::start(&arguments, "the token\n");
        let handshake = webhook.next().await;
        assert_eq!(
            handshake.body["clientToken"], "the token",
            "without the end of the line"
        );
        assert_eq!(
            (&emulate.ready["webhook"], &emulate.ready["agent"]),
            (&json!(webhook.url), &json!("shop@rbm.goog"))
        );

        let phone = format!("{}/emulator/phones/{ANSWERS}", emulate.origin());
        let said = Client::new()
            .post(&phone)
            .body(json!({ "text": "Hello" }).to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(said.status(), 200);
        let told = webhook.next().await;
        let data = STANDARD
            .decode(told.body["message"]["data"].as_str().unwrap())
            .unwrap();
        assert_eq!(told.signature, sign("the token", &data));
        let notice: Value = serde_json::from_slice(&data).unwrap();
        assert_eq!(
            (&notice["text"], &notice["agentId"]),
            (&json!("Hello"), &json!("shop@rbm.goog"))
        );
        ids.push(notice["messageId"].as_str().unwrap().to_owned());
    }
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn it_says_what_it_rests_on_and_explains_each_behaviour() {
    let page = include_str!("../../host/emulator/FIDELITY.md");
    assert_eq!(
        rbm(&["emulate", "--fidelity"], b"").stdout,
        page,
        "write it again: rbm emulate --fidelity"
    );
    let explained = rbm(&["explain", "already-exists"], b"").stdout;
    for part in [
        "already-exists (emulator)\n",
        "\nbasis       assumed\n",
        "\nswitch      repeated_id\n",
    ] {
        assert!(explained.contains(part), "{part}: {explained}");
    }
    let unknown = rbm(&["explain", "alredy-exists"], b"").stderr;
    assert!(
        unknown.contains("did you mean already-exists?"),
        "{unknown}"
    );
    let ended = rbm(&["emulate", "--fidelity", "--json"], b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
}

#[tokio::test]
async fn a_scenario_and_flags_say_what_there_is() {
    let scenario = "[agents.shop]\n[phones.\"+15550100009\"]\nonline = false\n[api]\nrepeated_id = \"conflict\"\n";
    let emulate = Emulate::start(
        &[
            "--scenario",
            "-",
            "--agent",
            "codes",
            "--json-syntax",
            "lenient",
        ],
        scenario,
    );
    assert_eq!(
        emulate.ready["agents"],
        json!(["shop@rbm.goog", "codes@rbm.goog"])
    );
    let phones = get(&format!("{}/emulator/phones", emulate.origin())).await;
    let phones = phones["phones"].as_array().unwrap();
    assert_eq!(
        (phones.len(), &phones[0]["number"]),
        (1, &json!("+15550100009")),
        "{phones:?}"
    );

    let token = token(&emulate).await;
    let path = "/v1/phones/+15550100009/agentMessages?messageId=m1&agentId=codes";
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let sent = Client::new()
            .post(format!("{}{path}", emulate.origin()))
            .bearer_auth(&token);
        let sent = sent
            .header("content-type", "application/json")
            .body("{'contentMessage':{'text':'Hi',},}");
        statuses.push(sent.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 409]);
}

#[test]
fn all_that_is_wrong_with_a_scenario_is_shown_where_it_is() {
    let scenario = b"sed = 1\n[phones.\"0049\"]\n[phones.\"+15550100001\"]\nonlin = true\n";
    for command in ["emulate", "dev"] {
        let ended = rbm(&[command, "--scenario", "-"], scenario);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{command}"
        );
        for part in [
            "-:1:1",
            "did you mean `seed`?",
            "-:2:9",
            "\"0049\" is not an E.164 phone number",
            "-:4:1",
            "`online`",
        ] {
            assert!(
                ended.stderr.contains(part),
                "{command}: no {part:?} in {}",
                ended.stderr
            );
        }
    }
    let example = rbm(&["emulate", "--scenario-example"], b"").stdout;
    assert_eq!(
        example,
        include_str!("../../host/emulator/src/scenario/example.toml")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_from_an_upstream_is_told_at_the_end() {
    let upstream = Emulate::start(&["--repeated-id", "conflict"], "");
    let token = token(&upstream).await;
    for is_json in [true, false] {
        let arguments = [
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            upstream.origin(),
            "--json",
        ];
        let arguments = if is_json {
            &arguments[..]
        } else {
            &arguments[..5]
        };
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let line = lines
            .by_ref()
            .find(|line| line.contains("emulator"))
            .unwrap();
        let origin = line
            .find("http://")
            .map(|at| line[at..].split(['"', ' ']).next().unwrap().to_owned())
            .unwrap();
        // The example that people are shown.
        let _rest: Vec<String> = if is_json {
            Vec::new()
        } else {
            lines
                .by_ref()
                .take_while(|line| !line.contains("-d '"))
                .collect()
        };
        for (id, status) in [("m1", 200), ("m1", 409)] {
            let path = format!(
                "/v1/phones/+15550100001/agentMessages?messageId={id}-{is_json}&agentId=demo"
            );
            let sent = Client::new()
                .post(format!("{origin}{path}"))
                .bearer_auth(&token);
            let sent = sent
                .header("content-type", "application/json")
                .body("{\"contentMessage\":{\"text\":\"Hi\"}}")
                .send()
                .await
                .unwrap();
            assert_eq!(sent.status(), status, "as upstream answers");
        }
        let differences = get(&format!("{origin}/emulator/differences")).await;
        let shown = &differences["differences"][0];
        assert_eq!(
            (&shown["upstream_status"], &shown["twin_status"]),
            (&json!(409), &json!(200)),
            "{differences}"
        );
        assert_eq!(shown["switch"], "repeated_id");
        let id = child.id().to_string();
        assert!(
            std::process::Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(child.wait().unwrap().success());
        let last: Vec<String> = lines.collect();
        if is_json {
            let comparison: Value = serde_json::from_str(&last[0]).unwrap();
            assert_eq!(
                (
                    &comparison["forwarded"],
                    &comparison["alike"],
                    &comparison["different"]
                ),
                (&json!(2), &json!(1), &json!(1))
            );
        } else {
            let said = format!(
                "Of 2 requests to {} the twin would have answered 1 alike and 1 otherwise;",
                upstream.origin()
            );
            assert!(last[0].starts_with(&said), "{last:?}");
            assert!(
                last[1].contains("1  status   phones.agentMessages.create"),
                "{last:?}"
            );
        }
    }
}

#[test]
fn either_signal_ends_it() {
    for signal in ["-TERM", "-INT"] {
        assert_eq!(Emulate::start(&[], "").end(signal), Some(0), "{signal}");
    }
}

#[test]
fn a_person_reads_where_to_begin() {
    let mut child = command(&["emulate", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut seen = Vec::new();
    // The last line of its text.
    for line in lines {
        seen.push(line);
        if seen.last().unwrap().ends_with("-d '{\"text\":\"Hello\"}'") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let seen = seen.join("\n");
    for part in [
        "agent            demo@rbm.goog",
        "webhook          none",
        "curl http://127.0.0.1:",
        ANSWERS,
    ] {
        assert!(seen.contains(part), "no {part:?} in {seen}");
    }
}

// The webhook answers while this thread waits for the process.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let webhook = Webhook::start().await;
    let wrong = format!("{}/of-nobody", webhook.url);
    let any = ["--listen", "127.0.0.1:0", "--client-token-file", "-"];
    let with = |more: &[&'static str]| [&any[..], more].concat();
    for (arguments, stdin, code, said) in [
        (
            vec!["--listen", "0.0.0.0:0"],
            "",
            2,
            "--listen 0.0.0.0:0 is not an address of this machine only",
        ),
        (
            vec!["--listen", "[::]:0"],
            "",
            2,
            "--listen [::]:0 is not an address of this machine only",
        ),
        (vec!["--listen", &taken], "", 1, "cannot be listened on"),
        (
            vec!["--agent", "a b"],
            "",
            2,
            "invalid value 'a b' for '--agent <ID>': it must have 1 to 128 letters",
        ),
        (
            vec!["--upstream", "ftp://x"],
            "",
            2,
            "--upstream <URL>': has the scheme \"ftp\", and must have http or https",
        ),
        (
            vec!["--scenario", "/nowhere/s.toml"],
            "",
            2,
            "/nowhere/s.toml",
        ),
        (
            [
                &any[..],
                &["--webhook", "http://127.0.0.1:1/", "--scenario", "-"],
            ]
            .concat(),
            "",
            2,
            "cannot both be stdin",
        ),
        (vec!["--seed", "-1"], "", 2, "unexpected argument '-1'"),
        (
            vec!["--webhook", "http://127.0.0.1:1/"],
            "",
            2,
            "--client-token-file <FILE>",
        ),
        (any.to_vec(), "x", 2, "--webhook <URL>"),
        (
            with(&["--webhook", "ftp://x"]),
            "x",
            2,
            "it must be like http://127.0.0.1:8080/rbm",
        ),
        (
            with(&["--webhook", "x"]),
            "x",
            2,
            "relative URL without a base; it must be like",
        ),
        (
            with(&["--webhook", "http://127.0.0.1:1/"]),
            "\n",
            2,
            "- holds no client token",
        ),
        (
            with(&["--webhook", "http://127.0.0.1:1/"]),
            "x",
            3,
            "127.0.0.1:1/ did not answer: it refused the connection",
        ),
        (
            [&any[..], &["--webhook", &wrong]].concat(),
            "x",
            1,
            "is not registered: it answered 404 Not Found",
        ),
    ] {
        let ended = rbm(&[&["emulate"][..], &arguments].concat(), stdin.as_bytes());
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(said),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

/// A token by the key file that it gives out. (RFC 7523)
async fn token(emulate: &Emulate) -> String {
    let account = get(emulate.ready["service_account"].as_str().unwrap()).await;
    let now = jiff::Timestamp::now().as_second();
    let scope = "https://www.googleapis.com/auth/rcsbusinessmessaging";
    let claims = json!({
        "iss": account["client_email"], "aud": account["token_uri"], "scope": scope, "iat": now, "exp": now + 3600,
    });
    let key =
        EncodingKey::from_rsa_pem(account["private_key"].as_str().unwrap().as_bytes()).unwrap();
    let assertion = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key).unwrap();
    let form = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"
    );
    let request = Client::new()
        .post(account["token_uri"].as_str().unwrap())
        .body(form);
    let answer = request
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["access_token"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

async fn get(address: &str) -> Value {
    serde_json::from_str(&reqwest::get(address).await.unwrap().text().await.unwrap()).unwrap()
}

/// One that answers the handshake, and hands on all that it is asked.
struct Webhook {
    url: String,
    asked: mpsc::UnboundedReceiver<Asked>,
}

struct Asked {
    signature: String,
    body: Value,
}

impl Webhook {
    async fn start() -> Self {
        let (sender, asked) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rbm", listener.local_addr().unwrap());
        let router = Router::new().route("/rbm", post(take)).with_state(sender);
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, asked }
    }

    async fn next(&mut self) -> Asked {
        timeout(PATIENCE, self.asked.recv()).await.unwrap().unwrap()
    }
}

async fn take(
    State(sender): State<mpsc::UnboundedSender<Asked>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let secret = body["secret"].as_str().unwrap_or_default().to_owned();
    let signature = headers
        .get("x-goog-signature")
        .map(|value| value.to_str().unwrap().to_owned());
    sender
        .send(Asked {
            signature: signature.unwrap_or_default(),
            body,
        })
        .unwrap();
    (StatusCode::OK, secret)
}

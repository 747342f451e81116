//! Scenarios: the example is one, the same one does the same twice, and phones are the same over HTTP.

use crate::support::receiver::{Receiver, good};
use crate::support::{Api, SCOPE, TOKEN, emulator_with, expect_invalid, start_with, token};
use rbm_emulator::scenario::{EXAMPLE, Scenario};
use rbm_emulator::{Options, fidelity};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn the_example_says_every_key_that_there_is() {
    let everything: Vec<&str> = EXAMPLE.lines().map(uncommented).collect();
    for text in [EXAMPLE, &everything.join("\n")] {
        let scenario: Scenario = toml::from_str(text).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(scenario.dangling(&[]), []);
        let options = scenario.options();
        let sizes = (
            options.agents.len(),
            options.phones.len(),
            options.phones[0].habits.len(),
        );
        assert_eq!(sizes, (2, 2, 2));
    }
    let keys = keys();
    // What there is, as the errors list it.
    for (place, unknown) in [
        ("the whole", "x = 1"),
        ("clock", "[clock]\nx = 1"),
        ("api", "[api]\nx = 1"),
        ("rules", "[rules]\nx = 1"),
        ("webhooks", "[webhooks]\nx = 1"),
        ("faults", "[webhooks.faults]\nx = 1"),
        ("a fault", "[webhooks.faults.doses]\nx = {}"),
        ("a request's fault", "[[faults]]\nx = 1"),
        ("what goes wrong", "[[faults]]\nfault = \"x\""),
        ("a dose", "[webhooks.faults.doses.late]\nx = 1"),
        ("an agent", "[agents.a]\nx = 1"),
        ("a launch", "[[agents.a.script]]\nx = 1"),
        ("a phone", "[phones.\"+12\"]\nx = 1"),
        ("a habit", "[[phones.\"+12\".habits]]\nx = 1"),
        ("when", "[phones.\"+12\"]\nhabits = [{ when = { x = 1 } }]"),
        ("a step", "[phones.\"+12\"]\nscript = [{ x = 1 }]"),
        ("a deed", "[phones.\"+12\"]\nscript = [{ do = \"x\" }]"),
        ("a latency", "[phones.\"+12\"]\nlatency = { x = 1 }"),
    ] {
        let problem = toml::from_str::<Scenario>(unknown)
            .unwrap_err()
            .message()
            .to_owned();
        let names: Vec<&str> = problem.split('`').skip(3).step_by(2).collect();
        assert!(
            problem.starts_with("unknown") && names.len() > 1,
            "{place}: {problem}"
        );
        for name in names {
            let word = format!("\"{name}\"");
            assert!(
                keys.contains(name)
                    || EXAMPLE.contains(&word)
                    || EXAMPLE.contains(&format!("`{name}`")),
                "{place}: {name}"
            );
        }
    }
}

#[test]
fn every_switch_of_the_page_of_behaviours_is_a_key() {
    let keys = keys();
    for behaviour in fidelity::all() {
        let Some(switch) = behaviour.switch else {
            continue;
        };
        let name = switch.rsplit('.').next().unwrap();
        assert!(
            keys.contains(name),
            "{}: there is no key {name}",
            behaviour.id
        );
    }
}

/// The names of all tables and keys, those included that are commented out.
fn keys() -> BTreeSet<String> {
    let everything: Vec<&str> = EXAMPLE.lines().map(uncommented).collect();
    let mut keys = BTreeSet::new();
    collect(
        &toml::from_str::<Value>(&everything.join("\n")).unwrap(),
        &mut keys,
    );
    keys
}

fn collect(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            keys.extend(fields.keys().cloned());
            fields.values().for_each(|value| collect(value, keys));
        }
        Value::Array(elements) => elements.iter().for_each(|value| collect(value, keys)),
        _ => {}
    }
}

/// A key that is commented out, without what comments it out. Sentences begin with a space.
fn uncommented(line: &str) -> &str {
    let bare = line.strip_prefix('#').unwrap_or(line);
    if bare.starts_with(|first: char| first.is_lowercase()) {
        bare
    } else {
        line
    }
}

#[tokio::test]
async fn the_same_scenario_tells_webhooks_the_same_to_the_byte() {
    let first = told(EXAMPLE).await;
    for (one, again) in first.iter().zip(told(EXAMPLE).await) {
        assert_eq!(*one, again);
    }
    assert!(told(&EXAMPLE.replace("seed = 7", "seed = 8")).await != first);
    let said: Vec<String> = first.iter().map(|(notice, ..)| shown(notice)).collect();
    // What the first phone draws for its latency decides only when, and the same notice comes twice at the beginning.
    let expected = [
        "DELIVERED",
        "DELIVERED",
        "READ",
        "IS_TYPING",
        "tap yes",
        "Thank you",
        "DELIVERED",
        "You wrote: Your code is 1",
        "I was away",
        "location",
        "file",
        "STOP",
        "UNSUBSCRIBE",
        "START",
        "SUBSCRIBE",
        "LAUNCHED",
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn requests_fail_as_a_scenario_says() {
    let text = "[[faults]]\nfault = \"unavailable\"\ndose = { next = 2 }\nmethod = \"phones.agentMessages.create\"\n";
    let emulator = emulator_with(toml::from_str::<Scenario>(text).unwrap().options()).await;
    let api = Api {
        client: Client::new(),
        origin: emulator.origin().to_owned(),
        token: token(&emulator, SCOPE).await,
    };
    let mut statuses = Vec::new();
    for id in ["m1", "m1", "m1", "m2"] {
        let path = format!("/v1/phones/+15550100001/agentMessages?agentId=demo&messageId={id}");
        let message =
            json!({ "contentMessage": { "text": "Hi" }, "messageTrafficType": "TRANSACTION" });
        statuses.push(
            api.call(Method::POST, &path, &api.token, Some(message))
                .await
                .0,
        );
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
    emulator.shutdown().await;

    for (text, said) in [
        (
            text.replace("phones.agentMessages.create", "phones.send"),
            "phones.send",
        ),
        (
            text.replace("next = 2", "rate = 2.0"),
            "it must be from 0 to 1",
        ),
    ] {
        let problem = toml::from_str::<Scenario>(&text).unwrap_err().to_string();
        assert!(problem.contains(said), "{problem}");
    }
    let elsewhere: Scenario = toml::from_str(&format!("{text}agent = \"shop\"")).unwrap();
    assert_eq!(elsewhere.dangling(&[])[0].path, ["faults", "0", "agent"]);
}

/// What a webhook hears of a scenario: each notice, its envelope and its signature.
async fn told(scenario: &str) -> Vec<(Value, String, String)> {
    let options = toml::from_str::<Scenario>(scenario).unwrap().options();
    let (emulator, receiver) = (emulator_with(options).await, Receiver::start(good).await);
    emulator
        .register_webhook(&receiver.url, TOKEN.into())
        .await
        .unwrap();
    let api = Api {
        client: Client::new(),
        origin: emulator.origin().to_owned(),
        token: token(&emulator, SCOPE).await,
    };
    let send = async |agent: &str, content: Value| {
        let path = format!("/v1/phones/+15550100001/agentMessages?agentId={agent}&messageId=m1");
        let message = json!({ "contentMessage": content, "messageTrafficType": "TRANSACTION" });
        assert_eq!(
            api.call(Method::POST, &path, &api.token, Some(message))
                .await
                .0,
            200
        );
    };
    let advance = async |ahead: &str| {
        let moved = api
            .call(
                Method::POST,
                "/emulator/clock",
                "",
                Some(json!({ "advance": ahead })),
            )
            .await;
        assert_eq!(moved.0, 200);
    };
    let yes = json!([{ "reply": { "text": "Yes", "postbackData": "yes" } }]);
    send("shop", json!({ "text": "Shall we?", "suggestions": yes })).await;
    advance("1m").await;
    send("codes", json!({ "text": "Your code is 1" })).await;
    advance("2h").await;
    let calls = receiver.wait_for(16).await;
    emulator.shutdown().await;
    let told = |call: &crate::support::receiver::Call| {
        (
            call.notice(),
            call.body.to_string(),
            call.headers["x-goog-signature"].clone(),
        )
    };
    calls.iter().map(told).collect()
}

fn shown(notice: &Value) -> String {
    let text = |name: &str| notice[name].as_str().map(str::to_owned);
    let tap = notice["suggestionResponse"]["postbackData"]
        .as_str()
        .map(|postback| format!("tap {postback}"));
    let file = notice.get("userFile").map(|_| "file".to_owned());
    let place = notice.get("location").map(|_| "location".to_owned());
    let kinds = [
        text("eventType"),
        text("newLaunchState"),
        text("text"),
        tap,
        file,
        place,
    ];
    kinds
        .into_iter()
        .flatten()
        .next()
        .unwrap_or_else(|| panic!("{notice}"))
}

#[tokio::test]
async fn a_phone_has_the_same_shape_over_http_as_in_a_file() {
    let (emulator, webhook, api) = start_with(Options::default()).await;
    let file: Value = toml::from_str(EXAMPLE).unwrap();
    let mut settings = file["phones"]["+15550100001"].clone();
    // The agents of the example are not here.
    settings["habits"][0]["when"]["agent"] = json!("demo");
    settings["tester_of"] = json!({ "demo": "accepted" });
    settings["latency"] = json!("200ms");
    let path = "/emulator/phones/+4915550100009";
    let call = async |method: Method, body: Option<Value>| api.call(method, path, "", body).await;
    let (status, shown) = call(Method::PUT, Some(settings.clone())).await;
    assert_eq!(
        (status, &shown["settings"]["features"]),
        (200, &settings["features"]),
        "{shown}"
    );
    assert_eq!(shown["invitations"], json!({ "demo": "ACCEPTED" }));
    let (_, again) = call(Method::PUT, Some(shown["settings"].clone())).await;
    assert_eq!(
        again["settings"], shown["settings"],
        "what is shown can be put again"
    );

    let (_, listed) = api.call(Method::GET, "/emulator/phones", "", None).await;
    let numbers = listed["phones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phone| phone["number"].as_str().unwrap());
    let expected = [
        "+15550100001",
        "+15550100002",
        "+15550100003",
        "+15550100004",
        "+4915550100009",
    ];
    assert_eq!(numbers.collect::<Vec<_>>(), expected);

    api.send(
        "+4915550100009",
        "m1",
        json!({ "contentMessage": { "text": "Your code is 1" } }),
    )
    .await;
    assert_eq!(
        webhook.wait_for(2).await[1]["text"],
        "You wrote: Your code is 1"
    );
    assert_eq!(call(Method::DELETE, None).await.0, 200);
    let (status, answer) = call(Method::DELETE, None).await;
    assert_eq!(
        (status, &answer["error"]["status"]),
        (404, &json!("NOT_FOUND")),
        "{answer}"
    );
    api.send(
        "+4915550100009",
        "m2",
        json!({ "contentMessage": { "text": "Your code is 2" } }),
    )
    .await;
    assert_eq!(
        webhook.wait_for(4).await[3]["eventType"],
        "READ",
        "as on any phone that nobody has listed"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_phone_that_makes_no_sense_is_refused_and_the_one_before_stays() {
    let (emulator, _webhook, api) = start_with(Options::default()).await;
    let path = "/emulator/phones/+15550100001";
    let before = api.call(Method::GET, path, "", None).await;
    let step = |act: Value| json!({ "script": [{ "do": act }] });
    for (settings, said) in [
        (json!([]), "invalid type: sequence"),
        (
            json!({ "onlin": true }),
            "unknown field `onlin`, expected one of `rcs`, `online`",
        ),
        (
            json!({ "online": "yes" }),
            "invalid type: string \"yes\", expected a boolean",
        ),
        (
            json!({ "features": ["RICHCARD"] }),
            "unknown variant `RICHCARD`",
        ),
        (
            json!({ "latency": "soon" }),
            "invalid value: string \"soon\", expected a time such as",
        ),
        (json!({ "latency": -1 }), "invalid value: integer `-1`"),
        (
            json!({ "latency": { "least": "2s", "most": "1s" } }),
            "least is 2s, and must not be more than most, 1s",
        ),
        (json!({ "expiry": "never" }), "unknown variant `never`"),
        (
            json!({ "habits": [{ "steps": [{ "after": "1s" }] }] }),
            "missing field `do`",
        ),
        (
            json!({ "habits": [{ "when": { "texts": "a" } }] }),
            "unknown field `texts`",
        ),
        (
            json!({ "habits": [{ "when": { "agent": "a b" } }] }),
            "is not an agent id",
        ),
        (
            json!({ "habits": [{ "when": { "agent": "other" } }] }),
            "there is no agent \"other\"",
        ),
        (
            json!({ "tester_of": { "other": "accepted" } }),
            "there is no agent \"other\"",
        ),
        (step(json!("sing")), "unknown variant `sing`"),
        (step(json!({ "text": 5 })), "invalid type: integer `5`"),
    ] {
        let (status, answer) = api
            .call(Method::PUT, path, "", Some(settings.clone()))
            .await;
        expect_invalid(status, &answer, said, &settings.to_string());
        assert_eq!(
            api.call(Method::GET, path, "", None).await,
            before,
            "{settings}"
        );
    }
    emulator.shutdown().await;
}

//! The discovery document, held to the methods that answer and to the types of messages.

use crate::support::start;
use rbm_wire::file::{CreateFile, File};
use rbm_wire::message::{AgentEvent, AgentMessage, Capabilities};
use rbm_wire::reach::{BatchGetUsers, CarrierReach, Reach};
use rbm_wire::tester::Tester;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every method in the document is answered by something else than "no such method", and every field of its request is taken.
#[tokio::test]
async fn the_discovery_document_has_every_method_and_field() {
    let (emulator, _webhook, api) = start().await;
    let (_, nothing) = api.call(Method::GET, "/$discovery/rest", "", None).await;
    assert_eq!(nothing["error"]["code"], 400, "a version is needed");
    let (_, document) = api
        .call(Method::GET, "/$discovery/rest?version=v1", "", None)
        .await;
    assert_eq!(
        (&document["rootUrl"], &document["baseUrl"]),
        (&json!(format!("{}/", api.origin)), &document["rootUrl"])
    );
    let (_, regional) = api
        .call(Method::GET, "/us/$discovery/rest?version=v1", "", None)
        .await;
    assert_eq!(regional["rootUrl"], format!("{}/us/", api.origin));

    let methods = methods(&document);
    let names: BTreeSet<&str> = methods
        .iter()
        .map(|method| method["id"].as_str().unwrap())
        .collect();
    let expected = [
        "files.create",
        "phones.agentEvents.create",
        "phones.agentMessages.create",
        "phones.agentMessages.delete",
        "phones.capability.requestCapabilityCallback",
        "phones.dialogflowMessages.create",
        "phones.getCapabilities",
        "phones.testers.create",
        "users.batchGet",
    ];
    let expected = expected.map(|name| format!("rcsbusinessmessaging.{name}"));
    assert_eq!(names, expected.iter().map(String::as_str).collect());
    for method in &methods {
        let verb: Method = method["httpMethod"].as_str().unwrap().parse().unwrap();
        let path = method["flatPath"]
            .as_str()
            .unwrap()
            .replace("{phonesId}", "+15550100002")
            .replace("{agentMessagesId}", "m1");
        let query = method["parameters"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, parameter)| parameter["location"] == "query");
        let query: Vec<String> = query
            .map(|(name, _)| format!("{name}={}", if name == "agentId" { "demo" } else { "x1" }))
            .collect();
        let path = format!("/{path}?{}", query.join("&"));
        let body = method["request"]["$ref"]
            .as_str()
            .map(|schema| every_field(&document, schema, 0));
        let (status, answer) = api.call(verb, &path, &api.token, body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        for wrong in ["No method", "Unknown name", "Invalid value", "Invalid JSON"] {
            assert!(!message.contains(wrong), "{path}: {status} {answer}");
        }
        assert_eq!(
            api.call(Method::PATCH, &path, &api.token, None).await.0,
            404,
            "and by no other way"
        );
    }
    for (schema, shape) in document["schemas"].as_object().unwrap() {
        assert_eq!(shape["id"], schema.as_str());
    }
    emulator.shutdown().await;
}

/// The same of the management API; and no method is served that is not in the document.
#[tokio::test]
async fn the_management_document_has_every_method_and_field() {
    let (emulator, _webhook, api) = start().await;
    let token = emulator.management_token();
    let prefix = "/businesscommunications";
    let (_, document) = api
        .call(
            Method::GET,
            &format!("{prefix}/$discovery/rest?version=v1"),
            "",
            None,
        )
        .await;
    let methods = methods(&document);
    let names: BTreeSet<&str> = methods
        .iter()
        .map(|method| method["id"].as_str().unwrap())
        .collect();
    let served = MANAGEMENT_METHODS.map(|name| format!("businesscommunications.{name}"));
    assert_eq!(names, served.iter().map(String::as_str).collect());
    for method in &methods {
        let verb: Method = method["httpMethod"].as_str().unwrap().parse().unwrap();
        let names = [
            ("{brandsId}", "-"),
            ("{agentsId}", "demo"),
            ("{integrationsId}", "x"),
            ("{partnersId}", "x"),
        ];
        let flat_path = method["flatPath"]
            .as_str()
            .unwrap()
            .replace("{testersId}", "+15550100002");
        let path = names
            .into_iter()
            .fold(flat_path, |path, (name, value)| path.replace(name, value));
        let query = method["parameters"].as_object().into_iter().flatten();
        let query = query.filter(|(_, parameter)| parameter["location"] == "query");
        let query: Vec<String> = query
            .map(|(name, shape)| format!("{name}={}", query_value(name, shape)))
            .collect();
        let path = format!("{prefix}/{path}?{}", query.join("&"));
        let body = method["request"]["$ref"]
            .as_str()
            .map(|schema| every_field(&document, schema, 0));
        let (status, answer) = api.call(verb, &path, &token, body).await;
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        for wrong in ["No method", "Unknown name", "Invalid value", "Invalid JSON"] {
            assert!(!message.contains(wrong), "{path}: {status} {answer}");
        }
        assert_eq!(
            api.call(Method::PUT, &path, &token, None).await.0,
            404,
            "and by no other way"
        );
    }
    for (schema, shape) in document["schemas"].as_object().unwrap() {
        assert_eq!(shape["id"], schema.as_str());
    }
    emulator.shutdown().await;
}

fn query_value(name: &str, shape: &Value) -> &'static str {
    match (name, shape["type"].as_str().unwrap()) {
        ("agentId", _) => "demo",
        ("launchStateFilter", _) => "LAUNCH_STATE_LAUNCHED",
        (_, "boolean") => "true",
        (_, "integer") => "1",
        _ => "",
    }
}

/// As the router has them.
const MANAGEMENT_METHODS: [&str; 28] = [
    "brands.agents.create",
    "brands.agents.delete",
    "brands.agents.get",
    "brands.agents.getLaunch",
    "brands.agents.getVerification",
    "brands.agents.integrations.create",
    "brands.agents.integrations.delete",
    "brands.agents.integrations.get",
    "brands.agents.integrations.list",
    "brands.agents.integrations.patch",
    "brands.agents.list",
    "brands.agents.patch",
    "brands.agents.requestLaunch",
    "brands.agents.requestVerification",
    "brands.agents.updateLaunch",
    "brands.agents.updateVerification",
    "brands.create",
    "brands.delete",
    "brands.get",
    "brands.list",
    "brands.patch",
    "partners.get",
    "partners.patch",
    "regions.list",
    "testers.create",
    "testers.delete",
    "testers.get",
    "testers.list",
];

/// What the document says that a client may send is what the platform's types hold, and what these answer is in the document.
#[tokio::test]
async fn the_discovery_document_has_the_fields_of_the_types() {
    let (emulator, _webhook, api) = start().await;
    let (_, document) = api
        .call(Method::GET, "/$discovery/rest?version=v1", "", None)
        .await;
    for schema in [
        "AgentMessage",
        "AgentEvent",
        "Tester",
        "CreateFileRequest",
        "BatchGetUsersRequest",
    ] {
        let mut sent = every_field(&document, schema, 0);
        if schema == "CreateFileRequest" {
            // Of older clients, and of no use to anything here.
            sent.as_object_mut().unwrap().remove("contentDescription");
        }
        let held = match schema {
            "AgentMessage" => held::<AgentMessage>(&sent),
            "AgentEvent" => held::<AgentEvent>(&sent),
            "Tester" => held::<Tester>(&sent),
            "CreateFileRequest" => held::<CreateFile>(&sent),
            _ => held::<BatchGetUsers>(&sent),
        };
        assert_eq!(held, sent, "{schema}");
    }
    let carrier = (
        "310-260".to_owned(),
        CarrierReach {
            reachable_users: vec!["+12".to_owned()],
        },
    );
    let reach = Reach {
        reachable_users: vec!["+12".to_owned()],
        reachable_users_map: vec![carrier],
        ..Reach::default()
    };
    for (schema, answer) in [
        (
            "BatchGetUsersResponse",
            serde_json::to_value(reach).unwrap(),
        ),
        (
            "Capabilities",
            serde_json::to_value(Capabilities {
                features: vec![],
                carrier: Some("x".to_owned()),
            })
            .unwrap(),
        ),
        (
            "File",
            serde_json::to_value(File {
                name: "files/x".to_owned(),
            })
            .unwrap(),
        ),
    ] {
        let names = |value: &Value| -> BTreeSet<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(
            names(&answer),
            names(&document["schemas"][schema]["properties"]),
            "{schema}"
        );
    }
    emulator.shutdown().await;
}

/// What a type holds of this.
fn held<T: DeserializeOwned + Serialize>(sent: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(sent.clone()).unwrap()).unwrap()
}

/// Its methods, and those below.
fn methods(resource: &Value) -> Vec<Value> {
    let here = resource["methods"]
        .as_object()
        .into_iter()
        .flat_map(|methods| methods.values().cloned());
    let below = resource["resources"]
        .as_object()
        .into_iter()
        .flat_map(|resources| resources.values());
    here.chain(below.flat_map(methods)).collect()
}

/// A value with every field of a schema, and of those in it.
fn every_field(document: &Value, schema: &str, depth: usize) -> Value {
    let properties = document["schemas"][schema]["properties"]
        .as_object()
        .unwrap();
    // Cards have suggestions, and so have messages: what is in them is known by then.
    let fields = properties
        .iter()
        .filter(|(name, _)| depth < 9 || *name != "suggestions");
    fields
        .map(|(name, shape)| (name.clone(), every_value(document, shape, depth + 1)))
        .collect()
}

fn every_value(document: &Value, shape: &Value, depth: usize) -> Value {
    if let Some(schema) = shape["$ref"].as_str() {
        return every_field(document, schema, depth);
    }
    match (shape["type"].as_str().unwrap(), shape["enum"].as_array()) {
        ("string", Some(members)) => members.last().unwrap().clone(),
        ("string", None) => json!("x"),
        ("boolean", _) => json!(true),
        ("integer", _) => json!(1),
        ("number", _) => json!(1.5),
        ("any", _) => json!({}),
        ("array", _) => json!([every_value(document, &shape["items"], depth)]),
        ("object", _) if shape["additionalProperties"]["$ref"].is_string() => {
            json!({ "x": every_value(document, &shape["additionalProperties"], depth) })
        }
        ("object", _) => json!({ "x": {} }),
        other => panic!("{other:?}"),
    }
}

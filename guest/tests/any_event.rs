//! Whatever JSON is in a webhook request, and whatever befell a real one on its way, keeps the promises that the fuzzer tries.

#[path = "../fuzz/promises/event.rs"]
mod event;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use rbm_wire::callback::{Body, Notice};
use rbm_wire::json;
use rbm_wire::message::{Accepted, Capabilities};
use rbm_wire::problem::ErrorBody;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

proptest! {
    #[test]
    fn any_json_keeps_the_promises(value in any_json()) {
        try_all(value.to_string().as_bytes());
    }

    #[test]
    fn a_real_request_with_any_json_in_it_keeps_the_promises(
        request in select(objects()), place in any::<Index>(), name in name(), value in any_json(),
    ) {
        let mut request = request;
        put(&mut request, place, name, value);
        try_all(request.to_string().as_bytes());
    }

    #[test]
    fn a_real_request_that_was_damaged_keeps_the_promises(
        request in select(requests()), damages in proptest::collection::vec((any::<Index>(), any::<Index>(), any::<Option<Vec<u8>>>()), 1..4),
    ) {
        let mut request = request;
        for (from, to, bytes) in damages {
            damage(&mut request, from, to, bytes);
        }
        try_all(&request);
    }
}

/// The promises, and that no reader of the platform's JSON panics.
fn try_all(json: &[u8]) {
    event::try_all(json);
    let _ = json::parse(json, |_| true).map(Notice::read);
    let _ = json::parse(json, |_| true).map(Body::read);
    let _ = json::parse(json, |_| true).map(Accepted::read);
    let _ = json::parse(json, |_| true).map(Capabilities::read);
    let _ = ErrorBody::read(json);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::ANY.prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name(), inner), 0..6)
                .prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec![
            "READ",
            "1e400",
            "-0",
            "+12223334444",
            "aGk=",
            "client-token"
        ])
        .prop_map(String::from)
    ]
}

/// Mostly one that means something somewhere.
fn name() -> impl Strategy<Value = String> {
    let known = objects().iter().flat_map(names).collect::<Vec<_>>();
    prop_oneof![4 => select(known), 1 => any_text()]
}

fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| [vec![name.clone()], names(value)].concat())
            .collect(),
        Value::Array(list) => list.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

/// Puts a field into one of the objects in a value.
fn put(value: &mut Value, place: Index, name: String, new: Value) {
    let Value::Object(fields) = value else { return };
    let inner = fields
        .values_mut()
        .filter(|value| value.is_object())
        .collect::<Vec<_>>();
    match place.index(inner.len() + 1) {
        0 => drop(fields.insert(name, new)),
        index => put(
            inner.into_iter().nth(index - 1).expect("an index into it"),
            place,
            name,
            new,
        ),
    }
}

/// Puts other bytes in the place of some; without any, those that are there come twice.
fn damage(request: &mut Vec<u8>, from: Index, to: Index, bytes: Option<Vec<u8>>) {
    let (from, to) = (from.index(request.len() + 1), to.index(request.len() + 1));
    let range = from.min(to)..from.max(to);
    let bytes = bytes.unwrap_or_else(|| request[range.clone()].repeat(2));
    request.splice(range, bytes);
}

/// The real ones are those that the fuzzer starts from.
fn requests() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/event");
    let files = fs::read_dir(corpus).expect("the corpus is committed");
    files
        .map(|file| fs::read(file.expect("it can be listed").path()).expect("it can be read"))
        .collect()
}

fn objects() -> Vec<Value> {
    let requests = requests();
    requests
        .iter()
        .filter_map(|request| serde_json::from_slice(request).ok())
        .filter(Value::is_object)
        .collect()
}

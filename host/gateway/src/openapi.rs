//! The description of the whole HTTP API, for people and for programs that make clients. It is written by hand, as messages and
//! events are read and written by hand, and tests hold it to the code: here its routes and its structure, and end to end each
//! example of it and each answer.

use crate::problem::Problem;
use crate::request::parse_query;
use axum::extract::RawQuery;
use http::{HeaderName, header};

/// `OpenAPI` 3.1, as JSON.
pub const OPENAPI: &str = include_str!("openapi.json");

/// `GET /v1/openapi.json`
pub(crate) async fn show(
    RawQuery(query): RawQuery,
) -> Result<([(HeaderName, &'static str); 1], &'static str), Problem> {
    parse_query(query.as_deref(), &[])?;
    Ok(([(header::CONTENT_TYPE, "application/json")], OPENAPI))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;
    use crate::routes;
    use http::StatusCode;
    use rbm_json::problem::ProblemView;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_described_is_what_there_is() {
        let described: BTreeSet<String> = operations(&document())
            .iter()
            .map(|(method, path, _)| format!("{method} {path}"))
            .collect();
        let routes = routes::for_callers()
            .into_iter()
            .chain(routes::for_the_platform());
        let there: BTreeSet<String> = routes
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert_eq!(described, there);
    }

    #[test]
    fn the_structure_is_that_of_openapi() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let mut names = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let at = format!("{method} {path}");
            assert!(
                names.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{at}: its name is another's"
            );
            assert!(operation["summary"].is_string(), "{at}");
            let tag = &operation["tags"][0];
            assert!(
                document["tags"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|known| &known["name"] == tag),
                "{at}: {tag}"
            );
            let parameters = operation["parameters"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let in_path: BTreeSet<&str> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let wanted: BTreeSet<&str> = path
                .split('/')
                .filter_map(|step| step.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(in_path, wanted, "{at}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("default"), "{at}");
            for (status, response) in responses {
                assert!(response["description"].is_string(), "{at} {status}");
                assert!(
                    status == "default" || matches!(status.parse(), Ok(200_u16..=599)),
                    "{at} {status}"
                );
            }
        }
    }

    #[test]
    fn each_reference_leads_somewhere_and_each_schema_is_used() {
        let document = document();
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        for reference in &used {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        for name in document["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
        {
            assert!(
                used.contains(&format!("#/components/schemas/{name}")),
                "{name} is described for nobody"
            );
        }
    }

    #[test]
    fn each_field_of_a_problem_is_described() {
        let problem = ProblemView::new(StatusCode::NOT_FOUND, "x", "y");
        let described = document()["components"]["schemas"]["Problem"]["properties"].clone();
        for name in serde_json::to_value(&problem)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
        {
            assert!(described.get(name).is_some(), "{name}");
        }
    }

    fn document() -> Value {
        serde_json::from_str(OPENAPI).unwrap()
    }

    fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, item)| {
                item.as_object()
                    .unwrap()
                    .iter()
                    .map(move |(method, it)| (method.as_str(), path.as_str(), it))
            })
            .collect()
    }

    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(
                    fields
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
}

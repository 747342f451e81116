//! Update masks: which fields of a resource a client wants changed. (google.aip.dev/134)

use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::refusal::violation;
use crate::schema::Api;
use rbm_wire::problem::FieldViolation;
use serde_json::{Map, Value};

/// The fields, by their JSON names from the outside in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UpdateMask(Vec<Vec<String>>);

impl UpdateMask {
    /// Reads `displayName,rcsBusinessMessagingAgent.description`, where either spelling of a name does. Without a mask all that
    /// the body has is meant, and by `*` every field.
    pub(crate) fn parse(
        text: Option<&str>,
        api: &Api,
        schema: &str,
        body: &Value,
    ) -> Result<Self, FieldViolation> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self(present(body, api, schema)));
        };
        if text == "*" {
            return Ok(Self(
                api.fields(schema)
                    .map(|field| vec![field.to_owned()])
                    .collect(),
            ));
        }
        let field = |path: &str| api.path(schema, path.trim()).ok_or_else(|| no_field(path));
        text.split(',')
            .map(field)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Takes the fields over: what the body does not have is removed.
    pub(crate) fn apply(&self, resource: &mut Value, body: &Value) {
        for path in &self.0 {
            let value = path.iter().try_fold(body, |value, name| value.get(name));
            set(resource, path, value.cloned());
        }
    }

    /// The same but for these fields.
    pub(crate) fn without(self, fields: &[&str]) -> Self {
        Self(
            self.0
                .into_iter()
                .filter(|path| !fields.contains(&path.join(".").as_str()))
                .collect(),
        )
    }

    /// Whether it names a field, something in it, or what it is in.
    pub(crate) fn touches(&self, field: &str) -> bool {
        let is_in = |path: &str, of: &str| {
            path == of
                || path
                    .strip_prefix(of)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        self.0
            .iter()
            .map(|path| path.join("."))
            .any(|path| is_in(&path, field) || is_in(field, &path))
    }

    /// The first field that is none of these, nor in one of them.
    pub(crate) fn outside(&self, fields: &[&str]) -> Option<String> {
        let is_in = |path: &str, field: &str| {
            path == field
                || path
                    .strip_prefix(field)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let mut paths = self.0.iter().map(|path| path.join("."));
        paths.find(|path| !fields.iter().any(|field| is_in(path, field)))
    }
}

fn present(body: &Value, api: &Api, schema: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut open: Vec<(Vec<String>, &Value)> = vec![(Vec::new(), body)];
    while let Some((path, value)) = open.pop() {
        for (name, value) in value.as_object().into_iter().flatten() {
            let path: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
            // What is in a map has no field of its own.
            let has_fields = value.as_object().is_some_and(|fields| {
                fields.keys().all(|below| {
                    api.path(schema, &format!("{}.{below}", path.join(".")))
                        .is_some()
                })
            });
            if has_fields {
                open.push((path, value));
            } else {
                found.push(path);
            }
        }
    }
    found
}

fn set(resource: &mut Value, path: &[String], value: Option<Value>) {
    let (Some((last, above)), Some(mut place)) = (path.split_last(), resource.as_object_mut())
    else {
        return;
    };
    for name in above {
        let below = place
            .entry(name.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        let Some(fields) = below.as_object_mut() else {
            return;
        };
        place = fields;
    }
    match value {
        Some(value) => place.insert(last.clone(), value),
        None => place.remove(last),
    };
}

fn no_field(path: &str) -> FieldViolation {
    violation(
        "updateMask",
        format!(
            "Invalid field mask: there is no field \"{}\"",
            excerpt(path)
        ),
    )
}

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[&Behaviour {
    id: "update-mask",
    what: "updateMask names fields by either spelling; what it names and the body has not is removed; without it all that the \
           body has is taken over; output-only fields in it change nothing; a field that there is not is answered 400",
    basis: Basis::Documented,
    source: "google.aip.dev/134 and 161; the text is ours, and that this API does the same in all of it is assumed",
    switch: None,
    test: "a_mask_says_what_is_changed",
}];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::BUSINESS;
    use serde_json::json;

    #[test]
    fn a_mask_says_what_is_changed() {
        let before = json!({ "displayName": "Old", "rcsBusinessMessagingAgent": { "color": "#000000", "description": "Old" } });
        let body = json!({ "displayName": "New", "rcsBusinessMessagingAgent": { "description": "New", "privacy": { "x": 1 } } });
        let inner =
            |fields: Value| json!({ "displayName": "Old", "rcsBusinessMessagingAgent": fields });
        for (mask, after) in [
            (
                Some("displayName"),
                json!({ "displayName": "New", "rcsBusinessMessagingAgent": { "color": "#000000", "description": "Old" } }),
            ),
            (
                Some("rcs_business_messaging_agent.description"),
                inner(json!({ "color": "#000000", "description": "New" })),
            ),
            (
                Some("rcsBusinessMessagingAgent.color"),
                inner(json!({ "description": "Old" })),
            ),
            (
                Some("rcsBusinessMessagingAgent"),
                inner(json!({ "description": "New", "privacy": { "x": 1 } })),
            ),
            (Some("*"), body.clone()),
            (
                None,
                json!({ "displayName": "New", "rcsBusinessMessagingAgent": { "color": "#000000", "description": "New", "privacy": { "x": 1 } } }),
            ),
        ] {
            let parsed = UpdateMask::parse(mask, &BUSINESS, "Agent", &body).expect("fields");
            let mut resource = before.clone();
            parsed.apply(&mut resource, &body);
            assert_eq!(resource, after, "{mask:?}");
        }
        for wrong in [
            "colour",
            "displayName.x",
            "display_name,",
            "rcsBusinessMessagingAgent.*",
            "displayName colour",
        ] {
            let problem =
                UpdateMask::parse(Some(wrong), &BUSINESS, "Agent", &body).expect_err(wrong);
            assert_eq!(problem.field, "updateMask", "{wrong}: {problem:?}");
        }
        let archived =
            UpdateMask::parse(Some("is_archived"), &BUSINESS, "Agent", &body).expect("a field");
        assert_eq!(archived.outside(&["isArchived"]), None);
        assert_eq!(
            archived.outside(&["isArchive", "displayName"]),
            Some("isArchived".to_owned())
        );
        let launch = UpdateMask::parse(
            Some("rcsBusinessMessaging.launchDetails"),
            &BUSINESS,
            "AgentLaunch",
            &body,
        );
        let launch = launch.expect("a field");
        let touched = [
            "rcsBusinessMessaging",
            "rcsBusinessMessaging.launchDetails.x",
            "rcsBusinessMessaging.questionnaire",
        ]
        .map(|field| launch.touches(field));
        assert_eq!(touched, [true, true, false]);
        assert_eq!(
            launch.without(&["rcsBusinessMessaging.launchDetails"]),
            UpdateMask(Vec::new())
        );
    }
}

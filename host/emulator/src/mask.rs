//! Partial answers: the `fields` parameter, which names what a client wants of an answer.
//!
//! `a,b/c` is two fields, `a(b,c)` is two fields of one, `*` is all of a level. (developers.google.com/discovery/v1/performance)

use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::json::Json;
use crate::refusal::violation;
use crate::schema::{Api, At, proto_name};
use rbm_wire::problem::FieldViolation;

/// The wanted fields of one level, each with what is wanted of it. None at all means everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mask(Vec<(String, Mask)>);

impl Mask {
    /// Reads a selection from answers of this shape.
    pub(crate) fn parse<'a>(
        text: &str,
        api: &'a Api,
        answer: At<'a>,
    ) -> Result<Self, FieldViolation> {
        let mut parser = Parser {
            text,
            rest: text,
            depth: 0,
        };
        let mask = parser.list()?;
        if !parser.rest.is_empty() {
            return Err(parser.problem());
        }
        mask.resolve(api, answer, "")
    }

    /// Leaves out what is not wanted.
    pub(crate) fn apply(&self, json: Json) -> Json {
        match json {
            _ if self.0.is_empty() => json,
            Json::List(list) => Json::List(list.into_iter().map(|item| self.apply(item)).collect()),
            Json::Object(fields) => {
                let wanted = |(name, value): (String, Json)| {
                    let value = self.of(&name)?.apply(value);
                    Some((name, value))
                };
                Json::Object(fields.into_iter().filter_map(wanted).collect())
            }
            scalar => scalar,
        }
    }

    /// What is wanted of a field, if anything; what is named twice is wanted in both ways.
    fn of(&self, name: &str) -> Option<Mask> {
        let mut named = self
            .0
            .iter()
            .filter(|(wanted, _)| wanted == name || wanted == ANY)
            .map(|(_, mask)| mask);
        let first = named.next()?.clone();
        Some(named.fold(first, |all, more| {
            match (all.0.is_empty(), more.0.is_empty()) {
                (false, false) => Mask(all.0.into_iter().chain(more.0.iter().cloned()).collect()),
                _ => Mask::default(),
            }
        }))
    }

    /// The same by JSON names, if there are such fields.
    fn resolve<'a>(self, api: &'a Api, at: At<'a>, path: &str) -> Result<Self, FieldViolation> {
        let field = |(name, mask): (String, Self)| {
            let path = if path.is_empty() {
                proto_name(&name)
            } else {
                format!("{path}.{}", proto_name(&name))
            };
            if name == ANY && mask.0.is_empty() {
                return Ok((name, mask));
            }
            let (name, below) = api.step(at, &name).ok_or_else(|| no_field(&path))?;
            Ok((name, mask.resolve(api, below, &path)?))
        };
        self.0
            .into_iter()
            .map(field)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn no_field(path: &str) -> FieldViolation {
    let path = excerpt(path);
    violation(
        &path,
        format!(
            "Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
        ),
    )
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn list(&mut self) -> Result<Mask, FieldViolation> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.problem());
        }
        let mut fields = vec![self.path()?];
        while self.take(',') {
            fields.push(self.path()?);
        }
        self.depth -= 1;
        Ok(Mask(fields))
    }

    fn path(&mut self) -> Result<(String, Mask), FieldViolation> {
        let mut names = vec![self.name()?];
        while self.take('/') || self.take('.') {
            names.push(self.name()?);
        }
        if names.len() > DEPTH_MAX {
            return Err(self.problem());
        }
        let below = if self.take('(') {
            let below = self.list()?;
            if !self.take(')') {
                return Err(self.problem());
            }
            below
        } else {
            Mask::default()
        };
        let last = names.pop().unwrap_or_default();
        Ok(names
            .into_iter()
            .rfold((last, below), |(name, mask), above| {
                (above, Mask(vec![(name, mask)]))
            }))
    }

    fn name(&mut self) -> Result<String, FieldViolation> {
        let end = self
            .rest
            .find(|character: char| !(character.is_alphanumeric() || "_-*+@".contains(character)));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if name.is_empty() || (name.contains(ANY) && name != ANY) {
            return Err(self.problem());
        }
        self.rest = rest;
        Ok(name.to_owned())
    }

    fn take(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn problem(&self) -> FieldViolation {
        let place = self.text.len() - self.rest.len();
        violation(
            "fields",
            format!(
                "Invalid field selection {}: wrong at byte {place}",
                excerpt(self.text)
            ),
        )
    }
}

const ANY: &str = "*";
/// No answer has as many levels.
const DEPTH_MAX: usize = 20;

pub(crate) const BEHAVIOURS: &[&Behaviour] = &[
    &Behaviour {
        id: "fields",
        what: "fields selects parts of an answer that is no error: a,b/c and a(b,c) and *",
        basis: Basis::Documented,
        source: "developers.google.com/discovery/v1/performance",
        switch: None,
        test: "a_selection_leaves_out_the_rest",
    },
    &Behaviour {
        id: "fields-wrong",
        what: "A selection that is malformed, or names a field that no answer has, is refused",
        basis: Basis::SecondHand,
        source: "text for an unknown field as other APIs of Google's answer it; for a malformed one assumed",
        switch: None,
        test: "a_selection_that_is_wrong_is_refused",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::API;

    fn parse(text: &str, schema: &str) -> Result<Mask, String> {
        Mask::parse(text, &API, At::Schema(schema)).map_err(|problem| problem.description)
    }

    #[test]
    fn a_selection_leaves_out_the_rest() {
        let message = r#"{"name":"n","sendTime":"t","contentMessage":{"text":"x","suggestions":[{"reply":{"text":"a","postbackData":"b"}}]}}"#;
        let reach = r#"{"reachableUsers":["+1"],"reachableUsersMap":{"310-260":{"reachableUsers":["+1"]}}}"#;
        for (schema, json, fields, expected) in [
            ("AgentMessage", message, "name", r#"{"name":"n"}"#),
            (
                "AgentMessage",
                message,
                "send_time,name",
                r#"{"name":"n","sendTime":"t"}"#,
            ),
            ("AgentMessage", message, "*", message),
            (
                "AgentMessage",
                message,
                "contentMessage/text",
                r#"{"contentMessage":{"text":"x"}}"#,
            ),
            (
                "AgentMessage",
                message,
                "contentMessage(text),name",
                r#"{"name":"n","contentMessage":{"text":"x"}}"#,
            ),
            (
                "AgentMessage",
                message,
                "contentMessage(text,suggestions/reply(text))",
                r#"{"contentMessage":{"text":"x","suggestions":[{"reply":{"text":"a"}}]}}"#,
            ),
            (
                "AgentMessage",
                message,
                "contentMessage/suggestions/reply/text,contentMessage/suggestions/reply/postbackData",
                r#"{"contentMessage":{"suggestions":[{"reply":{"text":"a","postbackData":"b"}}]}}"#,
            ),
            (
                "AgentMessage",
                message,
                "name,contentMessage/text,contentMessage,name",
                r#"{"name":"n","contentMessage":{"text":"x","suggestions":[{"reply":{"text":"a","postbackData":"b"}}]}}"#,
            ),
            ("AgentMessage", message, "carrier", "{}"),
            (
                "BatchGetUsersResponse",
                reach,
                "reachableUsersMap/*/reachableUsers",
                r#"{"reachableUsersMap":{"310-260":{"reachableUsers":["+1"]}}}"#,
            ),
            (
                "BatchGetUsersResponse",
                reach,
                "reachableUsersMap/310-260",
                r#"{"reachableUsersMap":{"310-260":{"reachableUsers":["+1"]}}}"#,
            ),
        ] {
            let masked = parse(fields, schema)
                .expect(fields)
                .apply(Json::read(json.as_bytes()).expect("JSON"));
            assert_eq!(
                serde_json::to_string(&masked).expect("JSON"),
                expected,
                "{fields}"
            );
        }
    }

    #[test]
    fn a_selection_that_is_wrong_is_refused() {
        let deep = "a(".repeat(10_000);
        for (fields, said) in [
            ("colour", "Cannot find matching fields for path 'colour'"),
            ("contentMessage/colour", "for path 'content_message.colour'"),
            ("name/first", "for path 'name.first'"),
            ("*/text", "for path '*'"),
            ("name,", "wrong at byte 5"),
            (",name", "wrong at byte 0"),
            ("contentMessage(text", "wrong at byte 19"),
            ("contentMessage(text))", "wrong at byte 20"),
            ("contentMessage()", "wrong at byte 15"),
            ("name sendTime", "wrong at byte 4"),
            ("na*me", "wrong at byte 0"),
            ("contentMessage//text", "wrong at byte 15"),
            (&deep, "Invalid field selection a(a("),
            (&"a/".repeat(10_000), "Invalid field selection a/a/"),
        ] {
            let problem = parse(fields, "AgentMessage").expect_err(fields);
            assert!(problem.contains(said), "{fields:.40}: {problem}");
        }
    }
}

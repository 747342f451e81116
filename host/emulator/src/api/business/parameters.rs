//! The query of a method of this API, and long lists by the page.

use super::super::request::{given_twice, own_pairs, unknown_parameter};
use super::super::surface::Called;
use crate::excerpt::excerpt;
use crate::fidelity::{Basis, Behaviour};
use crate::refusal::{Refusal, violation};
use crate::schema::BUSINESS;
use crate::update_mask::UpdateMask;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The method's own parameters, by the names that the reference has.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let mut found = BTreeMap::new();
        let Some(called) = parts.extensions.get::<Called>().copied() else {
            return Ok(Self(found));
        };
        for (name, value) in own_pairs(called, parts)? {
            let known = called
                .0
                .query_parameter(&name)
                .ok_or_else(|| unknown_parameter(&name))?;
            if found.insert(known.to_owned(), value).is_some() {
                return Err(given_twice(&name));
            }
        }
        Ok(Self(found))
    }
}

impl Query {
    /// One that is there and says something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// False if it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(invalid(
                name,
                &format!("{:?} is not true or false", excerpt(other)),
            )),
        }
    }

    /// Which fields of a body are to be taken over.
    pub(super) fn mask(&self, schema: &str, body: &Value) -> Result<UpdateMask, Refusal> {
        let mask = UpdateMask::parse(self.text("updateMask"), &BUSINESS, schema, body);
        mask.map_err(|problem| Refusal::invalid(vec![problem]))
    }

    /// Of a list in the order of its names, those of the page that is asked for: under this field, and with what asks for the next.
    pub(super) fn page(
        &self,
        field: &str,
        list: impl Iterator<Item = (String, Value)>,
    ) -> Result<Value, Refusal> {
        let size = self.page_size()?;
        let after = self.text("pageToken").map(unsealed).transpose()?;
        let is_later =
            |(name, _): &(String, Value)| after.as_ref().is_none_or(|after| name > after);
        let mut rest = list.filter(is_later).peekable();
        let page: Vec<(String, Value)> = rest.by_ref().take(size).collect();
        let mut answer = json!({});
        if let (Some(_), Some((last, _))) = (rest.peek(), page.last()) {
            answer["nextPageToken"] = json!(sealed(last));
        }
        if !page.is_empty() {
            answer[field] = page.into_iter().map(|(_, item)| item).collect();
        }
        Ok(answer)
    }

    fn page_size(&self) -> Result<usize, Refusal> {
        let Some(text) = self.text("pageSize") else {
            return Ok(PAGE_SIZE);
        };
        match text.parse::<i32>().map(usize::try_from) {
            Ok(Ok(0)) => Ok(PAGE_SIZE),
            Ok(Ok(size)) => Ok(size.min(PAGE_SIZE_MAX)),
            _ => Err(invalid(
                "pageSize",
                &format!("{:?} is not a number of 0 or more", excerpt(text)),
            )),
        }
    }
}

pub(super) fn invalid(name: &str, rule: &str) -> Refusal {
    Refusal::invalid(vec![violation(name, rule)])
}

/// Nobody is to make one.
fn sealed(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unsealed(token: &str) -> Result<String, Refusal> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = token.as_bytes().chunks(2).map(byte).collect();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| {
        invalid(
            "pageToken",
            &format!("{:?} came with no page", excerpt(token)),
        )
    })
}

const PAGE_SIZE: usize = 100;
const PAGE_SIZE_MAX: usize = 1_000;

pub(super) const PAGES: &Behaviour = &Behaviour {
    id: "business-pages",
    what: "Lists come in the order of their names, 100 on a page unless pageSize says otherwise, and at most 1,000; \
           nextPageToken is there if there are more; an empty list is left out",
    basis: Basis::SecondHand,
    source: "google.aip.dev/158; the order and the numbers are ours",
    switch: None,
    test: "a_long_list_comes_by_the_page",
};
pub(super) const VALUES: &Behaviour = &Behaviour {
    id: "business-parameter-values",
    what: "A parameter of another type, and a page token that came with no page, are answered 400",
    basis: Basis::Assumed,
    source: "as other APIs of Google's; the texts are ours",
    switch: None,
    test: "a_long_list_comes_by_the_page",
};

//! What is asked beside messages: who can be reached, to keep a file, to invite a tester.

use super::{Parameters, admit, parse_phone};
use crate::refusal::{Refusal, violation};
use crate::{Shared, check};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use rbm_wire::file::{CreateFile, File, is_media_type};
use rbm_wire::limits;
use rbm_wire::name::PhoneNumber;
use rbm_wire::problem::FieldViolation;
use rbm_wire::reach::{BatchGetUsers, Reach};
use rbm_wire::tester::Tester;
use reqwest::Url;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The agent may stand in the body, as the reference has it, or in the query, as a guide has it.
pub(super) async fn batch_get_users(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Reach>, Refusal> {
    let asked = check::read::<BatchGetUsers>(&body);
    let agent = asked.as_ref().ok().and_then(|asked| asked.agent_id.clone());
    admit(&shared, &headers, &parameters.with_agent(agent))?;
    let users = users(&asked.map_err(Refusal::invalid)?.users).map_err(Refusal::invalid)?;
    let found = shared.act(|platform, now| platform.reach(now, &users));
    found.map(Json).ok_or_else(|| Refusal::exhausted("Too many calls of users.batchGet in a minute."))
}

/// A number that occurs twice counts once. Assumed.
fn users(users: &[String]) -> Result<BTreeSet<PhoneNumber>, Vec<FieldViolation>> {
    let limit = limits::REACH_RECIPIENTS;
    if !limit.allows(i64::try_from(users.len()).unwrap_or(i64::MAX)) {
        let rule = format!("there are {} users, and {} are taken", users.len(), limit.bounds().unwrap_or_default());
        return Err(vec![violation("users", rule)]);
    }
    let mut wrong = Vec::new();
    let phones = users.iter().enumerate().filter_map(|(index, user)| {
        PhoneNumber::parse(user)
            .map_err(|problem| wrong.push(violation(format!("users[{index}]"), problem.to_string())))
            .ok()
    });
    let phones = phones.collect();
    if wrong.is_empty() { Ok(phones) } else { Err(wrong) }
}

/// Nothing is fetched: the file counts as one that could be.
pub(super) async fn create_file(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<File>, Refusal> {
    let file = check::read::<CreateFile>(&body);
    let agent = file.as_ref().ok().and_then(|file| file.agent_id.clone());
    admit(&shared, &headers, &parameters.with_agent(agent))?;
    let file = file.map_err(Refusal::invalid)?;
    let addresses = [("fileUrl", Some(&file.file_url)), ("thumbnailUrl", file.thumbnail_url.as_ref())];
    let wrong: Vec<FieldViolation> = addresses
        .into_iter()
        .filter(|(_, url)| url.is_some_and(|url| !is_web(url)))
        .map(|(field, url)| violation(field, format!("{field} is {url:?}, and must be an http or https address")))
        .collect();
    if wrong.is_empty() { Ok(Json(keep(&shared))) } else { Err(Refusal::invalid(wrong)) }
}

fn is_web(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// A file in bytes, of the type that the header says.
pub(super) async fn upload_file(
    State(shared): State<Arc<Shared>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<File>, Refusal> {
    admit(&shared, &headers, &parameters)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut wrong = Vec::new();
    if !is_media_type(kind) {
        wrong.push(violation("Content-Type", format!("files of type {kind:?} are not taken")));
    }
    if body.is_empty() {
        wrong.push(violation("", "the file has no bytes"));
    }
    if wrong.is_empty() { Ok(Json(keep(&shared))) } else { Err(Refusal::invalid(wrong)) }
}

fn keep(shared: &Shared) -> File {
    shared.act(|platform, now| File { name: platform.keep_file(now) })
}

pub(super) async fn create_tester(
    State(shared): State<Arc<Shared>>,
    Path(phone): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Tester>, Refusal> {
    admit(&shared, &headers, &parameters)?;
    let phone = parse_phone(&phone)?;
    if !body.is_empty() {
        check::read::<Tester>(&body).map_err(Refusal::invalid)?;
    }
    if !shared.act(|platform, _| platform.phone(&phone)).rcs {
        return Err(Refusal::unreachable_phone());
    }
    let invited = shared.act(|platform, now| platform.testers().invite(now, &phone));
    let status = invited.ok_or_else(|| Refusal::exhausted("The agent has invited as many testers as it may."))?;
    let name = Some(format!("phones/{phone}/testers"));
    Ok(Json(Tester { name, invite_status: Some(status.as_str().to_owned()) }))
}

//! Each row of `guest/wire/limits.tsv` is enforced: through the real component, with a message that keeps the rule and one
//! that breaks it, written as callers write them. `limits-vectors.jsonl` has both; no row is without, and no vector is left
//! over.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use gateway_channel::{Context, FileBytes, NewFile, NewFileSource, Payload, Setting};
use rbm_component::COMPONENT;
use rbm_guest::http;
use rbm_guest::upload::upload;
use rbm_host::{Engine, Instance, Limits, NoHttp};
use rbm_json::finding::{FindingView, of_message, of_shape};
use rbm_json::message;
use rbm_wire::limits::{ALL, Basis, PAGES, Row};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use test_plugins::compilation_cache;

#[tokio::test]
async fn each_row_has_a_message_that_keeps_it_and_one_that_breaks_it() {
    let mut instance = instance().await;
    let vectors = vectors();
    let (rules, tested) = (
        ALL.iter()
            .map(|row| row.limit.rule)
            .collect::<BTreeSet<_>>(),
        vectors
            .iter()
            .map(|vector| vector.rule.as_str())
            .collect::<BTreeSet<_>>(),
    );
    assert_eq!(rules, tested, "the rows and the vectors");
    assert_eq!(
        (rules.len(), tested.len()),
        (ALL.len(), vectors.len()),
        "no rule and no vector twice"
    );

    for vector in vectors {
        let row = ALL
            .iter()
            .find(|row| row.limit.rule == vector.rule)
            .unwrap();
        let kept = findings(&mut instance, &vector, &vector.pass, UUID, &vector.settings).await;
        assert!(
            kept.iter().all(|finding| finding.rule != vector.rule),
            "{} is kept: {kept:?}",
            vector.rule
        );

        let id = vector.fail_id.as_deref().unwrap_or(UUID);
        let settings = vector.fail_settings.as_ref().unwrap_or(&vector.settings);
        let broken = findings(&mut instance, &vector, &vector.fail, id, settings).await;
        let found = broken.iter().find(|finding| finding.rule == vector.rule);
        let found = found.unwrap_or_else(|| panic!("{} is broken: {broken:?}", vector.rule));
        assert_eq!(found.path, vector.path, "{}", vector.rule);
        assert_complete(found, row);
        if !row.limit.warning && row.limit.rule != "message-id" {
            let errors = broken
                .iter()
                .filter(|finding| finding.severity == "error")
                .count();
            assert_eq!(errors, 1, "{} alone is broken: {broken:?}", vector.rule);
        }
    }
}

fn assert_complete(finding: &FindingView, row: &Row) {
    let limit = &row.limit;
    assert_eq!(
        finding.severity,
        if limit.warning { "warning" } else { "error" },
        "{finding:?}"
    );
    assert!(
        !finding.message.is_empty() && finding.hint.is_some(),
        "{finding:?}"
    );
    assert_eq!(
        finding.limit.is_some(),
        limit.bounds().is_some(),
        "{finding:?}"
    );
    assert_eq!(
        finding.actual.is_some(),
        limit.bounds().is_some(),
        "{finding:?}"
    );
    let of_the_contract = row.basis == Basis::Ours || IN_THE_JSON.contains(&limit.rule);
    let source = if of_the_contract {
        "gateway:channel@0.1.0".to_owned()
    } else {
        format!("{PAGES}{}", limit.source)
    };
    assert_eq!(finding.source.as_ref(), Some(&source), "{finding:?}");
}

/// Emoji, combining marks and right-to-left letters count one for each Unicode scalar value.
#[tokio::test]
async fn characters_are_unicode_scalar_values() {
    let mut instance = instance().await;
    for (text, characters) in [("👨‍👩‍👧", 5), ("e\u{301}", 2), ("שָׁלוֹם", 7), ("🇫🇮", 2), ("é", 1)]
    {
        let times = 25 / characters;
        let longest = format!("{}{}", text.repeat(times), "x".repeat(25 % characters));
        for (label, fits) in [(longest.clone(), true), (format!("{longest}x"), false)] {
            let chip = serde_json::json!({ "reply": { "text": label } });
            let body = serde_json::json!({ "to": "+12", "content": { "text": "x" }, "suggestions": [chip] });
            let draft = message::read(UUID, &body).unwrap();
            let report = instance
                .check(&context(&BTreeMap::new()), &draft.message)
                .await
                .unwrap();
            let found = report
                .findings
                .iter()
                .any(|finding| finding.rule == "suggestion-text-length");
            assert_eq!(found, !fits, "{label}");
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    rule: String,
    /// What is asked of the plugin.
    #[serde(default)]
    call: Call,
    /// Where the broken one is found, as a path into it.
    path: String,
    pass: Value,
    fail: Value,
    /// The id of the broken one; ids are not in the JSON.
    fail_id: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    /// Of the broken one, where it is the settings that break it.
    fail_settings: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Call {
    #[default]
    Check,
    /// The recipients, or how many there are.
    Reach,
    Upload,
    /// A file of so many bytes, natively: a host would keep the bytes of a file from the component.
    UploadBytes,
}

fn vectors() -> Vec<Vector> {
    VECTORS
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|problem| panic!("{line}: {problem}"))
        })
        .collect()
}

async fn findings(
    instance: &mut Instance,
    vector: &Vector,
    asked: &Value,
    id: &str,
    settings: &BTreeMap<String, String>,
) -> Vec<FindingView> {
    let context = context(settings);
    let failed = match vector.call {
        Call::Check => return message_findings(instance, &context, asked, id).await,
        Call::Reach => instance
            .reach(&context, &recipients(asked))
            .await
            .unwrap()
            .map(|_| ()),
        Call::UploadBytes => upload(&Answers, &context, file_of(asked)).map(|_| ()),
        Call::Upload => instance
            .upload(&context, file(&written_out(asked)))
            .await
            .unwrap()
            .map(|_| ()),
    };
    // What is kept is asked for, and there is nobody to answer but for the one that is native.
    let findings = failed
        .err()
        .map(|failure| failure.findings)
        .unwrap_or_default();
    findings.into_iter().map(of_shape).collect()
}

struct Answers;

impl http::Host for Answers {
    fn fetch(&self, _: http::Request) -> Result<http::Response, http::FetchFailure> {
        Ok(http::Response {
            status: 200,
            retry_after: None,
            body: br#"{"name":"files/1"}"#.to_vec(),
        })
    }
}

fn file_of(bytes: &Value) -> NewFile {
    let bytes = vec![0; usize::try_from(bytes.as_u64().unwrap()).unwrap()];
    let source = FileBytes {
        mime_type: "image/png".to_owned(),
        bytes: Payload::Inline(bytes),
    };
    NewFile {
        source: NewFileSource::Bytes(source),
        thumbnail_url: None,
    }
}

async fn message_findings(
    instance: &mut Instance,
    context: &Context,
    body: &Value,
    id: &str,
) -> Vec<FindingView> {
    match message::read(id, &written_out(body)) {
        Err(findings) => findings.into_iter().map(of_shape).collect(),
        Ok(draft) => {
            let report = instance.check(context, &draft.message).await.unwrap();
            report
                .findings
                .into_iter()
                .map(|finding| of_message(finding, &draft.message))
                .collect()
        }
    }
}

fn recipients(asked: &Value) -> Vec<String> {
    let number = |index| format!("+1555{index:07}");
    asked.as_u64().map_or_else(
        || serde_json::from_value(asked.clone()).unwrap(),
        |count| (0..count).map(number).collect(),
    )
}

fn file(asked: &Value) -> NewFile {
    let text = |name: &str| asked.get(name).and_then(Value::as_str).map(str::to_owned);
    let bytes = |mime_type| {
        NewFileSource::Bytes(FileBytes {
            mime_type,
            bytes: Payload::Inline(vec![1]),
        })
    };
    let source = text("mime-type")
        .map(bytes)
        .or_else(|| text("url").map(NewFileSource::Url));
    NewFile {
        source: source.unwrap(),
        thumbnail_url: text("thumbnail-url"),
    }
}

/// `{x*30}` stands for thirty times x, and `{https://|x*30}` for that after a beginning.
fn written_out(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(repeated(text).unwrap_or_else(|| text.clone())),
        Value::Array(elements) => elements.iter().map(written_out).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), written_out(value)))
            .collect(),
        other => other.clone(),
    }
}

fn repeated(text: &str) -> Option<String> {
    let (what, times) = text
        .strip_prefix('{')?
        .strip_suffix('}')?
        .rsplit_once('*')?;
    let (beginning, what) = what.split_once('|').unwrap_or(("", what));
    Some(format!("{beginning}{}", what.repeat(times.parse().ok()?)))
}

async fn instance() -> Instance {
    let plugin = Engine::with_cache(Limits::default(), &compilation_cache())
        .unwrap()
        .load(COMPONENT)
        .unwrap();
    plugin.instantiate(Arc::new(NoHttp)).await.unwrap()
}

fn context(more: &BTreeMap<String, String>) -> Context {
    let settings = [("agent-id", "demo"), ("client-token", "secret")]
        .map(|(name, value)| (name, value.to_owned()));
    let more = more
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()));
    let settings = settings.into_iter().chain(more);
    Context {
        settings: settings
            .map(|(name, value)| Setting {
                name: name.to_owned(),
                value,
            })
            .collect(),
        now: "2026-11-24T10:00:00Z".to_owned(),
    }
}

const VECTORS: &str = include_str!("../../../guest/wire/limits-vectors.jsonl");
const UUID: &str = "3f1c0f5e-0000-4000-8000-000000000000";
/// The contract has no way to break these; they are found while the JSON is read, which knows the contract and no platform.
const IN_THE_JSON: [&str; 2] = ["content-exactly-one", "expiry-at-most-one"];

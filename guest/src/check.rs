//! Finds what is wrong with a message before it is sent: everything at once, each with its place, rule, limit and page.

mod address;
mod card;
mod suggestion;

use crate::finding::{broken, error, out_of_bounds};
use crate::settings::{Policy, UseCase};
use crate::{class, compose};
use gateway_channel::{
    Attachment, Content, Context, Expiry, FileSource, Finding, Message, Purpose, Report,
};
use rbm_wire::limits::{self, Limit};
use rbm_wire::name::{MessageId, PhoneNumber};
use rbm_wire::quoted::Quoted;
use rbm_wire::time::unix_seconds;

/// What is wrong with the message, and what it would count as.
pub fn check(context: &Context, message: &Message) -> Report {
    let (class, segments) = class::message_class(message);
    // What is wrong with the settings is `check_settings`' to say.
    let policy = Policy::parse(context).unwrap_or_default();
    let bytes = compose::json(message).len();
    Report {
        findings: findings(&Rules::of_now(policy, &context.now), message, bytes),
        message_class: Some(class.to_owned()),
        segments,
        payload_bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
    }
}

/// By which rules a message is checked.
pub(crate) struct Rules<'a> {
    now: Option<Now<'a>>,
}

/// What a second check of the same message may find different.
struct Now<'a> {
    policy: Policy,
    time: &'a str,
}

impl<'a> Rules<'a> {
    /// All of them, with the settings and the time of now: for a message that is not accepted yet.
    pub(crate) fn of_now(policy: Policy, time: &'a str) -> Self {
        let now = Some(Now { policy, time });
        Self { now }
    }

    /// Those by which a message that was right once is right for ever.
    pub(crate) fn of_any_time() -> Self {
        Self { now: None }
    }

    fn policy(&self) -> Option<&Policy> {
        self.now.as_ref().map(|now| &now.policy)
    }
}

/// What is wrong with the message, which has so many bytes as it would be sent.
pub(crate) fn findings(rules: &Rules<'_>, message: &Message, bytes: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(problem) = PhoneNumber::parse(&message.recipient) {
        findings.push(broken(
            &limits::PHONE_E164,
            "recipient",
            problem.to_string(),
        ));
    }
    findings.extend(check_id(&message.id));
    check_content(rules, &message.content, &mut findings);
    findings.extend(count(
        &limits::SUGGESTIONS_COUNT,
        "suggestions",
        message.suggestions.len(),
    ));
    suggestion::check_all("suggestions", &message.suggestions, &mut findings);
    findings.extend(
        message
            .expiry
            .as_ref()
            .and_then(|expiry| check_expiry(rules, expiry)),
    );
    findings.extend(
        rules
            .policy()
            .and_then(|policy| policy.use_case)
            .and_then(|use_case| check_purpose(use_case, message.purpose)),
    );
    findings.extend(message.options.iter().map(|option| {
        broken(
            &limits::OPTION_UNKNOWN,
            &format!("options.{}", option.name),
            format!("there is no option {}", Quoted(&option.name)),
        )
    }));
    findings.extend(count(&limits::MESSAGE_BYTES, "content", bytes));
    findings
}

fn check_id(id: &str) -> Option<Finding> {
    match MessageId::parse(id) {
        Err(problem) => Some(broken(&limits::MESSAGE_ID, "id", problem.to_string())),
        Ok(id) if !id.is_uuid() => Some(broken(
            &limits::MESSAGE_ID_UUID,
            "id",
            format!("id is {}, and no UUID", Quoted(id.as_str())),
        )),
        Ok(_) => None,
    }
}

fn check_content(rules: &Rules<'_>, content: &Content, findings: &mut Vec<Finding>) {
    match content {
        Content::Text(text) => check_text(text, findings),
        Content::File(file) => check_file("content.file", file, findings),
        Content::Card(standalone) => card::check_standalone(rules, standalone, findings),
        Content::Carousel(carousel) => card::check_carousel(rules, carousel, findings),
    }
}

fn check_text(text: &str, findings: &mut Vec<Finding>) {
    findings.extend(characters(&limits::TEXT_LENGTH, "content.text", text));
    findings.extend(count(
        &limits::BASIC_MESSAGE_BYTES,
        "content.text",
        text.len(),
    ));
    if let Some(host) = address::shortened(text) {
        let message = format!("content.text has an address of {host}, which shortens addresses");
        findings.push(broken(&limits::LINK_SHORTENED, "content.text", message));
    }
}

fn check_file(path: &str, file: &Attachment, findings: &mut Vec<Finding>) {
    check_source(&format!("{path}.source"), &file.source, findings);
    let Some(thumbnail) = compose::thumbnail(file) else {
        return;
    };
    let path = format!("{path}.thumbnail");
    check_source(&path, thumbnail, findings);
    match (&file.source, thumbnail) {
        (FileSource::Url(_), FileSource::Uploaded(_)) => {
            let message = format!("{path} was uploaded, and its file has an address");
            findings.push(broken(&limits::THUMBNAIL_KIND, &path, message));
        }
        (FileSource::Uploaded(_), FileSource::Url(_)) => {
            let message = format!("{path} has an address, and its file was uploaded");
            findings.push(broken(&limits::THUMBNAIL_KIND, &path, message));
        }
        _ => {}
    }
    if let FileSource::Url(url) = thumbnail
        && let Some(extension) = address::extension(url)
        && address::is_known(&extension)
        && !address::is_picture(&extension)
    {
        findings.push(broken(
            &limits::THUMBNAIL_TYPE,
            &path,
            format!("{path} ends in .{extension}"),
        ));
    }
}

fn check_source(path: &str, source: &FileSource, findings: &mut Vec<Finding>) {
    match source {
        FileSource::Url(url) => check_url(path, url, findings),
        FileSource::Uploaded(name) => {
            findings.extend(characters(&limits::FILE_NAME_EMPTY, path, name));
        }
    }
}

/// The address of a file.
pub(crate) fn check_url(path: &str, url: &str, findings: &mut Vec<Finding>) {
    findings.extend(characters(&limits::FILE_URL_LENGTH, path, url));
    findings.extend(
        address::not_on_the_web(url)
            .map(|problem| broken(&limits::FILE_URL, path, format!("{path} {problem}"))),
    );
}

fn check_expiry(rules: &Rules<'_>, expiry: &Expiry) -> Option<Finding> {
    let seconds = match expiry {
        Expiry::AfterSeconds(seconds) => i64::from(*seconds),
        Expiry::At(text) => {
            let Some(at) = unix_seconds(text) else {
                let message = format!(
                    "expiry is {}, and must be an RFC 3339 time such as 2026-12-01T10:00:00Z",
                    Quoted(text)
                );
                return Some(broken(&limits::EXPIRY_TIME, "expiry", message));
            };
            let now = rules.now.as_ref()?.time;
            let Some(now) = unix_seconds(now) else {
                return Some(error(
                    "expiry",
                    "host-time",
                    format!("the host's time {} is not RFC 3339", Quoted(now)),
                    "",
                ));
            };
            at - now
        }
    };
    out_of_bounds(&limits::LIFETIME, "expiry", seconds)
        .or_else(|| out_of_bounds(&limits::LIFETIME_SHORT, "expiry", seconds))
}

fn check_purpose(use_case: UseCase, purpose: Option<Purpose>) -> Option<Finding> {
    let Some(purpose) = purpose else {
        let message =
            "purpose is missing, and an agent with several uses has none by default".to_owned();
        return (use_case == UseCase::MultiUse)
            .then(|| broken(&limits::PURPOSE_REQUIRED, "purpose", message));
    };
    let fits = match purpose {
        Purpose::Authentication => use_case == UseCase::Otp,
        Purpose::Transaction => matches!(use_case, UseCase::Transactional | UseCase::MultiUse),
        Purpose::Promotion => matches!(use_case, UseCase::Promotional | UseCase::MultiUse),
        Purpose::ServiceRequest | Purpose::Acknowledgement => true,
    };
    let message = format!(
        "purpose is not one that an agent for {} has",
        use_case.as_str()
    );
    (!fits).then(|| broken(&limits::PURPOSE_OF_ANOTHER_USE, "purpose", message))
}

/// Characters are Unicode scalar values.
fn characters(limit: &Limit, path: &str, text: &str) -> Option<Finding> {
    count(limit, path, text.chars().count())
}

/// So many of something.
pub(crate) fn count(limit: &Limit, path: &str, count: usize) -> Option<Finding> {
    out_of_bounds(limit, path, i64::try_from(count).unwrap_or(i64::MAX))
}

//! Suggestions: what they show, what comes back, and what they do.

use super::{address, characters};
use crate::compose::given;
use crate::finding::broken;
use gateway_channel::{
    Action, CalendarEvent, ComposeRecording, ComposeText, Finding, OpenUrl, Place, Suggestion,
    UrlView,
};
use rbm_wire::limits::{self, Limit};
use rbm_wire::quoted::Quoted;
use rbm_wire::time::unix_seconds;

pub(super) fn check_all(path: &str, suggestions: &[Suggestion], findings: &mut Vec<Finding>) {
    for (index, suggestion) in suggestions.iter().enumerate() {
        check(&format!("{path}[{index}]"), suggestion, findings);
    }
}

fn check(path: &str, suggestion: &Suggestion, findings: &mut Vec<Finding>) {
    let (text, postback) = (&suggestion.text, &suggestion.postback);
    findings.extend(characters(
        &limits::SUGGESTION_TEXT_LENGTH,
        &format!("{path}.text"),
        text,
    ));
    findings.extend(characters(
        &limits::POSTBACK_LENGTH,
        &format!("{path}.postback"),
        postback,
    ));
    if let Some(url) = given(suggestion.fallback_url.as_deref()) {
        let path = format!("{path}.fallback-url");
        findings.extend(characters(&limits::FALLBACK_URL_LENGTH, &path, url));
        let problem = address::not_a_uri(url).map(|problem| format!("{path} {problem}"));
        findings.extend(problem.map(|problem| broken(&limits::FALLBACK_URL, &path, problem)));
    }
    let path = format!("{path}.action");
    match &suggestion.action {
        Action::Reply | Action::ShareLocation => {}
        Action::Dial(phone) => check_dial(&path, phone, findings),
        Action::OpenUrl(page) => check_page(&path, page, findings),
        Action::ViewLocation(place) => check_place(&path, place, findings),
        Action::CreateCalendarEvent(event) => check_event(&path, event, findings),
        Action::ComposeText(ComposeText { phone, .. })
        | Action::ComposeRecording(ComposeRecording { phone, .. }) => {
            check_dial(&path, phone, findings);
            let message = format!("{path} is of a kind whose rollout is paused");
            findings.push(broken(&limits::COMPOSE_PAUSED, &path, message));
        }
    }
}

fn check_dial(path: &str, phone: &str, findings: &mut Vec<Finding>) {
    let dialled = |byte: u8| byte.is_ascii_digit() || b"+*#".contains(&byte);
    if phone.is_empty() || !phone.bytes().all(dialled) {
        let path = format!("{path}.phone");
        let message = format!(
            "{path} is {}, and takes digits, +, * and # only",
            Quoted(phone)
        );
        findings.push(broken(&limits::DIAL_CHARACTERS, &path, message));
    }
}

fn check_page(path: &str, page: &OpenUrl, findings: &mut Vec<Finding>) {
    let at = format!("{path}.url");
    findings.extend(characters(&limits::OPEN_URL_LENGTH, &at, &page.url));
    if let Some(problem) = address::not_a_uri(&page.url) {
        findings.push(broken(&limits::OPEN_URL, &at, format!("{at} {problem}")));
    } else if page.view != UrlView::Browser && address::without_scheme(&page.url, "https").is_none()
    {
        findings.push(broken(
            &limits::WEBVIEW_NOT_HTTPS,
            &at,
            format!("{at} opens in the conversation and is not https"),
        ));
    }
    let at = format!("{path}.description");
    let description = page.description.as_deref().unwrap_or_default();
    findings.extend(characters(
        &limits::OPEN_URL_DESCRIPTION_LENGTH,
        &at,
        description,
    ));
    if page.view != UrlView::Browser && description.is_empty() {
        let message =
            format!("{at} is missing, and a screen reader has nothing to say of the page");
        findings.push(broken(&limits::WEBVIEW_DESCRIPTION, &at, message));
    }
}

fn check_place(path: &str, place: &Place, findings: &mut Vec<Finding>) {
    let Some(at) = &place.coordinates else {
        if given(place.query.as_deref()).is_none() {
            let message = format!("{path} has neither coordinates nor a query");
            findings.push(broken(&limits::PLACE_EMPTY, path, message));
        }
        return;
    };
    let path = format!("{path}.coordinates");
    check_degrees(
        &limits::LATITUDE,
        &format!("{path}.latitude"),
        at.latitude,
        findings,
    );
    check_degrees(
        &limits::LONGITUDE,
        &format!("{path}.longitude"),
        at.longitude,
        findings,
    );
}

/// NaN is out of every range.
fn check_degrees(limit: &Limit, path: &str, degrees: f64, findings: &mut Vec<Finding>) {
    let most = limit.most();
    #[expect(clippy::cast_precision_loss, reason = "180 is the largest")]
    if degrees.abs() <= most as f64 {
        return;
    }
    let shown = serde_json::to_string(&degrees).unwrap_or_default();
    let message = format!("{path} is {shown}, and must be from -{most} to {most}");
    findings.push(Finding {
        actual: Some(format!("{shown} degrees")),
        ..broken(limit, path, message)
    });
}

fn check_event(path: &str, event: &CalendarEvent, findings: &mut Vec<Finding>) {
    findings.extend(characters(
        &limits::CALENDAR_TITLE_LENGTH,
        &format!("{path}.title"),
        &event.title,
    ));
    let description = event.description.as_deref().unwrap_or_default();
    findings.extend(characters(
        &limits::CALENDAR_DESCRIPTION_LENGTH,
        &format!("{path}.description"),
        description,
    ));
    for (field, text) in [("start", &event.start), ("end", &event.end)] {
        if unix_seconds(text).is_none() {
            let path = format!("{path}.{field}");
            let message = format!("{path} is {}, and must be an RFC 3339 time", Quoted(text));
            findings.push(broken(&limits::CALENDAR_TIME, &path, message));
        }
    }
    if let (Some(start), Some(end)) = (unix_seconds(&event.start), unix_seconds(&event.end))
        && end <= start
    {
        let path = format!("{path}.end");
        findings.push(broken(
            &limits::CALENDAR_ORDER,
            &path,
            format!("{path} is not after the start"),
        ));
    }
}

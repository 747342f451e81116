//! Makes findings: each names the place, the rule, the limit, the value and the page.

use gateway_channel::{Finding, Severity};

/// A rule that was broken. `page` is a path below Google's guides, or empty for a rule of our own.
pub(crate) fn error(path: impl Into<String>, rule: &str, message: impl Into<String>, page: &str) -> Finding {
    finding(Severity::Error, path.into(), rule, message.into(), page)
}

/// Something that the platform takes, and that may not come out as meant.
pub(crate) fn warning(path: impl Into<String>, rule: &str, message: impl Into<String>, page: &str) -> Finding {
    finding(Severity::Warning, path.into(), rule, message.into(), page)
}

/// Adds the limit and the value met, with their unit, and what to do.
pub(crate) fn with_limit(finding: Finding, limit: String, actual: String, hint: &str) -> Finding {
    Finding { limit: Some(limit), actual: Some(actual), hint: Some(hint.to_owned()), ..finding }
}

/// Adds what to do.
pub(crate) fn with_hint(finding: Finding, hint: &str) -> Finding {
    Finding { hint: Some(hint.to_owned()), ..finding }
}

fn finding(severity: Severity, path: String, rule: &str, message: String, page: &str) -> Finding {
    let source = (!page.is_empty()).then(|| format!("{PAGES}{page}"));
    Finding { severity, path, rule: rule.to_owned(), limit: None, actual: None, message, hint: None, source }
}

const PAGES: &str = "https://developers.google.com/business-communications/rcs-business-messaging/";

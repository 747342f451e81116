//! Makes findings: each names the place, the rule, the limit, the value and the page.

use gateway_channel::{Finding, Severity};
use rbm_wire::limits::{Limit, PAGES};

/// A rule that was broken. `page` is a path below Google's guides, or empty for a rule of the contract.
pub(crate) fn error(
    path: impl Into<String>,
    rule: &str,
    message: impl Into<String>,
    page: &str,
) -> Finding {
    finding(Severity::Error, path.into(), rule, message.into(), page)
}

/// A message that breaks a rule here.
pub(crate) fn broken(limit: &Limit, path: &str, message: String) -> Finding {
    let severity = if limit.warning {
        Severity::Warning
    } else {
        Severity::Error
    };
    let finding = finding(severity, path.to_owned(), limit.rule, message, limit.source);
    Finding {
        limit: limit.bounds(),
        hint: Some(limit.hint.to_owned()),
        ..finding
    }
}

/// So much of something here, if that is less or more than the rule allows.
pub(crate) fn out_of_bounds(limit: &Limit, path: &str, value: i64) -> Option<Finding> {
    if limit.allows(value) {
        return None;
    }
    let unit = limit.unit;
    let bound = match limit.maximum {
        Some(maximum) if value > maximum => format!("the limit is {maximum}"),
        _ => format!("and needs at least {}", limit.minimum.unwrap_or_default()),
    };
    let message = format!("{path} has {value} {unit}, {bound}");
    Some(Finding {
        actual: Some(format!("{value} {unit}")),
        ..broken(limit, path, message)
    })
}

fn finding(severity: Severity, path: String, rule: &str, message: String, page: &str) -> Finding {
    let source = if page.is_empty() {
        CONTRACT.to_owned()
    } else {
        format!("{PAGES}{page}")
    };
    Finding {
        severity,
        path,
        rule: rule.to_owned(),
        limit: None,
        actual: None,
        message,
        hint: None,
        source: Some(source),
    }
}

const CONTRACT: &str = "gateway:channel@0.1.0";

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
    let (bound, hint) = match limit.maximum {
        Some(maximum) if value > maximum => (format!("the limit is {maximum}"), limit.hint),
        _ => {
            let minimum = limit.minimum.unwrap_or_default();
            (format!("and needs at least {minimum}"), limit.hint_below)
        }
    };
    let message = format!("{path} has {value} {unit}, {bound}");
    Some(Finding {
        actual: Some(format!("{value} {unit}")),
        hint: Some(hint.to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use rbm_wire::limits::ALL;

    /// Every rule with a least: the hint for one less than that, and the hint for one more than the most.
    #[test]
    fn a_hint_fits_the_end_of_the_range_that_was_missed() {
        let swapped = "check that latitude and longitude are not swapped";
        let soon = "choose a time within the next 15 days";
        let table = [
            (
                "text-length",
                "write a text",
                Some("shorten it, or send it in two messages"),
            ),
            (
                "suggestion-text-length",
                "say what a tap on it means",
                Some("shorten it: the postback can say the rest"),
            ),
            ("latitude", swapped, Some(swapped)),
            ("longitude", swapped, Some(swapped)),
            (
                "calendar-title-length",
                "give the entry a title",
                Some("shorten it: the description takes more"),
            ),
            (
                "carousel-cards",
                "add cards, or send one card alone as a card",
                Some("send the other cards in a second message"),
            ),
            (
                "file-name-empty",
                "upload the file, and use the name that comes back",
                None,
            ),
            ("lifetime", soon, Some(soon)),
            ("lifetime-short", "give it more time", None),
            (
                "reach-recipients",
                "name at least one phone number",
                Some("ask in several calls"),
            ),
            (
                "file-bytes",
                "check that the file was read whole: it is empty",
                Some("send a smaller file, or a link to it"),
            ),
        ];
        let hint = |limit, value| out_of_bounds(limit, "path", value)?.hint;
        let found = ALL.iter().filter_map(|row| {
            let below = hint(&row.limit, row.limit.minimum? - 1);
            let above = row
                .limit
                .maximum
                .and_then(|most| hint(&row.limit, most + 1));
            Some((row.limit.rule, below, above))
        });
        let expected =
            table.map(|(rule, below, above)| (rule, Some(below.into()), above.map(Into::into)));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

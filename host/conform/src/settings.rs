//! Whether a plugin looks at its settings.

use crate::call::{Call, Outcome};
use crate::lab::Lab;
use crate::promise::{ASKS_FOR_ITS_SETTINGS, TAKES_GOOD_SETTINGS};
use gateway_channel::{Finding, Severity};

pub(crate) async fn hold(lab: &mut Lab<'_>) {
    for finding in errors(lab).await {
        lab.breaks(
            TAKES_GOOD_SETTINGS,
            format!("{}: {}", finding.path, finding.message),
        );
    }
    let Some(Outcome::Description(description)) = lab.call(&Call::Describe).await else {
        return;
    };
    let good = lab.settings.clone();
    for required in description
        .settings
        .iter()
        .filter(|setting| setting.required)
    {
        let name = &required.name;
        lab.settings = good
            .iter()
            .filter(|setting| setting.name != *name)
            .cloned()
            .collect();
        let found = errors(lab).await;
        if !found
            .iter()
            .any(|finding| finding.path.contains(name) || finding.message.contains(name))
        {
            lab.breaks(
                ASKS_FOR_ITS_SETTINGS,
                format!("it requires {name}, and does not miss it"),
            );
        }
    }
    lab.settings = good;
}

async fn errors(lab: &mut Lab<'_>) -> Vec<Finding> {
    let Some(Outcome::Findings(findings)) = lab.call(&Call::CheckSettings).await else {
        return Vec::new();
    };
    findings
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect()
}

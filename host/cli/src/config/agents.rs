//! Reads the agents: who sends, with what credentials, how fast and when not. What only the platform knows is not checked.

use super::file::place;
use super::finding::{Finding, Rule};
use super::keys::{CREDENTIALS, REGIONS, USE_CASES, folded};
use super::reading::{Reading, Section, Wrong};
use super::validated::{AgentConfig, Partner};
use crate::excerpt::remark;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use rbm_gateway::{Pace, QuietHours};
use rbm_host::{Credentials, ServiceAccount};
use rbm_wire::auth;
use rbm_wire::name::AgentId;
use secrecy::{ExposeSecret as _, SecretString};
use std::num::NonZeroU32;

/// `[partner]`, if it is there.
pub(super) fn read_partner(reading: &Reading<'_>) -> Option<Partner> {
    let section = reading.section("partner");
    if !section.exists() {
        return None;
    }
    section.require_secret("client_token", NOT_BELIEVED);
    Some(Partner {
        client_tokens: client_tokens(&section),
    })
}

/// `[agents.NAME]`, at least one. An agent that something is wrong with is left out, which is found.
pub(super) fn read_agents(reading: &Reading<'_>, partner: Option<&Partner>) -> Vec<AgentConfig> {
    let sections: Vec<_> = reading.sections("agents").collect();
    if sections.is_empty() {
        let message = "there is no agent, and at least one is needed".to_owned();
        let finding = Finding::error(Rule::Required, message, reading.section("agents").origin());
        let help =
            "write [agents.NAME] with its agent_id, client_token_file and service_account_file"
                .to_owned();
        reading
            .findings
            .borrow_mut()
            .push(finding.with_help(Some(help)));
    }
    check_names(&sections);
    let ids: Vec<_> = sections
        .iter()
        .map(|(_, section)| agent_id(section))
        .collect();
    check_ids(&sections, &ids);
    let read = |((name, section), id): (&(&str, Section<'_>), Option<AgentId>)| {
        read_agent(name, section, id, partner)
    };
    sections.iter().zip(ids).filter_map(read).collect()
}

fn read_agent(
    name: &str,
    section: &Section<'_>,
    agent_id: Option<AgentId>,
    partner: Option<&Partner>,
) -> Option<AgentConfig> {
    let mut client_tokens = client_tokens(section);
    match partner {
        Some(partner) if client_tokens.is_empty() => {
            client_tokens.clone_from(&partner.client_tokens);
        }
        Some(_) => {}
        None => section.require_secret("client_token", NOT_BELIEVED),
    }
    let (credentials, quiet_hours) = (credentials(section), quiet_hours(section));
    let pace = (section.whole("messages_per_second"), section.whole("burst"));
    Some(AgentConfig {
        name: name.to_owned(),
        agent_id: agent_id?,
        client_tokens,
        credentials: credentials?,
        region: section.word("region", REGIONS),
        use_case: section.word("use_case", USE_CASES),
        card_suggestions_max: section.whole("card_suggestions_max")?,
        pace: Pace {
            messages_per_second: NonZeroU32::new(pace.0?)?,
            burst: NonZeroU32::new(pace.1?)?,
        },
        quiet_hours: quiet_hours.ok()?,
    })
}

fn client_tokens(section: &Section<'_>) -> Vec<SecretString> {
    section
        .rotating("client_token")
        .into_iter()
        .map(|token| token.text)
        .collect()
}

fn agent_id(section: &Section<'_>) -> Option<AgentId> {
    section.require("agent_id", "messages need an agent to come from");
    let text = section.text("agent_id")?;
    let refuse = |problem| {
        let message = format!("{}: {problem}", section.at("agent_id"));
        section.find(Finding::error(
            Rule::AgentId,
            message,
            section.origin_of("agent_id"),
        ));
    };
    AgentId::parse(text).map_err(refuse).ok()
}

/// Found: names that variables of the environment cannot tell apart.
pub(super) fn check_names(sections: &[(&str, Section<'_>)]) {
    for (index, (name, section)) in sections.iter().enumerate() {
        if let Some((earlier, _)) = sections[..index]
            .iter()
            .find(|(other, _)| folded(other) == folded(name))
        {
            let message = format!(
                "the names {earlier} and {name} differ only in capitals or in - and _, and must in more"
            );
            section.find(Finding::error(Rule::Alike, message, section.origin()));
        }
    }
}

fn check_ids(sections: &[(&str, Section<'_>)], ids: &[Option<AgentId>]) {
    for (index, ((_, section), id)) in sections.iter().zip(ids).enumerate() {
        let earlier = ids[..index].iter().position(|other| other == id);
        if let (Some(earlier), Some(id)) = (earlier, id) {
            let (path, earlier) = (section.at("agent_id"), sections[earlier].1.at("agent_id"));
            let message = format!(
                "{path} and {earlier} are both {}, and must differ",
                id.full()
            );
            section.find(Finding::error(
                Rule::Alike,
                message,
                section.origin_of("agent_id"),
            ));
        }
    }
}

/// Exactly one of the ways there are.
fn credentials(section: &Section<'_>) -> Option<Credentials> {
    let given: Vec<&str> = CREDENTIALS
        .into_iter()
        .filter(|name| section.is_there(name))
        .collect();
    match given[..] {
        [] => {
            section.require(
                "service_account_file",
                "messages need credentials, this or bearer_token_file",
            );
            None
        }
        [name] if name.starts_with("service_account") => {
            let secret = section.secret("service_account")?;
            let account = ServiceAccount::from_json(secret.text.expose_secret(), auth::SCOPE);
            let refuse = |problem| {
                let message = format!("{}: {}", secret.path, remark(problem));
                section.find(Finding::error(Rule::Secret, message, secret.origin));
            };
            account
                .map_err(refuse)
                .ok()
                .map(Credentials::service_account)
        }
        [_] => section
            .for_header(section.secret("bearer_token")?)
            .map(Credentials::bearer),
        [first, second, ..] => {
            let message = format!(
                "{} and {} exclude each other",
                section.at(first),
                section.at(second)
            );
            let keys = given
                .iter()
                .filter_map(|name| section.given(name))
                .map(|given| given.key.clone());
            let key = keys.max_by_key(place).unwrap_or_else(|| section.origin());
            let finding = Finding::error(Rule::Excluded, message, key);
            section.find(finding.with_help(Some("leave out all but one".to_owned())));
            None
        }
    }
}

fn quiet_hours(agent: &Section<'_>) -> Result<Option<QuietHours>, Wrong> {
    let section = agent.below("quiet_hours");
    if !section.exists() {
        return Ok(None);
    }
    for name in ["from", "to", "time_zone"] {
        section.require(
            name,
            "quiet hours are from a time to a time by the clocks of a place",
        );
    }
    let time = |name: &str| section.parsed(name, Rule::Time, "a time of day, such as 22:00", clock);
    let (from, to) = (time("from"), time("to"));
    let zone = section.parsed(
        "time_zone",
        Rule::Time,
        "a time zone, such as Europe/Berlin",
        TimeZone::get,
    );
    let (Some(from), Some(to), Some(zone)) = (from, to, zone) else {
        return Err(Wrong);
    };
    QuietHours::new(from, to, zone).map(Some).map_err(|_| {
        let message = format!(
            "{} is the same as {}, and must differ",
            section.at("to"),
            section.at("from")
        );
        section.find(Finding::error(Rule::Time, message, section.origin_of("to")));
        Wrong
    })
}

/// `HH:MM`.
fn clock(text: &str) -> Result<Time, ()> {
    let digits = |text: &str| {
        let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if two {
            text.parse().map_err(|_| ())
        } else {
            Err(())
        }
    };
    let (hour, minute) = text.split_once(':').ok_or(())?;
    Time::new(digits(hour)?, digits(minute)?, 0, 0).map_err(|_| ())
}

const NOT_BELIEVED: &str = "without it nothing that comes to its webhook can be believed";

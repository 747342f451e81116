//! Reads the addresses that events are posted to. Asks none of them; what a name resolves to is looked at when it is.

use super::agents::check_names;
use super::finding::{Finding, Rule};
use super::keys::CALLBACK_FROM;
use super::reading::{Reading, Section};
use super::secret::Secret;
use super::validated::CallbackConfig;
use crate::excerpt::excerpt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rbm_gateway::callback::StartFrom;
use rbm_host::address;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// `[callbacks.NAME]`. One that something is wrong with is left out, which is found.
pub(super) fn read_callbacks(reading: &Reading<'_>) -> Vec<CallbackConfig> {
    let sections: Vec<_> = reading.sections("callbacks").collect();
    check_names(&sections);
    let names: Vec<&str> = reading.givens.names("agents").collect();
    sections
        .iter()
        .filter_map(|(name, section)| read_callback(name, section, &names))
        .collect()
}

fn read_callback(name: &str, section: &Section<'_>, agents: &[&str]) -> Option<CallbackConfig> {
    section.require("url", "events need an address to go to");
    section.require_secret("secret", "without it the application cannot tell who posts");
    let private = section.boolean("allow_private_addresses");
    let url = private.and_then(|private| url(section, private));
    let secrets: Vec<_> = section
        .rotating("secret")
        .into_iter()
        .filter_map(|secret| signing(section, secret))
        .collect();
    let agents = names(section, agents);
    Some(CallbackConfig {
        name: name.to_owned(),
        url: url?,
        secrets,
        agents,
        from: match section.word("from", CALLBACK_FROM)? {
            "oldest" => StartFrom::Oldest,
            _ => StartFrom::Now,
        },
        order: section.boolean("order")?,
        allow_private_addresses: private?,
    })
}

/// An address to post to. One with a user in it is not repeated, because a password is in it too.
fn url(section: &Section<'_>, private: bool) -> Option<Url> {
    let text = section.text("url")?;
    let refuse = |what: String, help: Option<&str>| {
        let message = format!("{} {what}", section.at("url"));
        let finding = Finding::error(Rule::Url, message, section.origin_of("url"));
        section.find(finding.with_help(help.map(str::to_owned)));
        None
    };
    let shown = format!("is {:?}", excerpt(text));
    let Ok(url) = Url::parse(text) else {
        let shown = if text.contains('@') {
            "is no address"
        } else {
            &shown
        };
        return refuse(
            format!("{shown}, and must be one such as https://app.example/rbm"),
            None,
        );
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            "has a user in it, which is not taken".to_owned(),
            Some("callbacks are signed instead"),
        );
    }
    if url.fragment().is_some() {
        return refuse(format!("{shown}, and must not have a fragment"), None);
    }
    match url.scheme() {
        "https" => {}
        "http" if private => {}
        "http" => {
            return refuse(
                format!("{shown}, and must begin with https"),
                Some("allow_private_addresses takes http too"),
            );
        }
        _ => return refuse(format!("{shown}, and must begin with https"), None),
    }
    if !private && is_private(&url) {
        return refuse(
            format!("{shown}, which is a private address"),
            Some("allow_private_addresses takes it"),
        );
    }
    Some(url)
}

/// As far as an address tells by itself: by its number, or by the one name that is always this machine's.
fn is_private(url: &Url) -> bool {
    let name = url
        .domain()
        .map(|name| name.strip_suffix('.').unwrap_or(name));
    address::is_private(url)
        || name.is_some_and(|name| name == "localhost" || name.ends_with(".localhost"))
}

fn signing(section: &Section<'_>, secret: Secret) -> Option<SecretString> {
    let key = secret
        .text
        .expose_secret()
        .strip_prefix(SECRET_PREFIX)
        .and_then(|text| STANDARD.decode(text).ok());
    if key.is_some_and(|key| (KEY_BYTES_MIN..=KEY_BYTES_MAX).contains(&key.len())) {
        return Some(secret.text);
    }
    let message = format!(
        "{} must be whsec_ and base64 of 24 to 64 bytes, and is not",
        secret.path
    );
    let finding = Finding::error(Rule::Secret, message, secret.origin);
    section.find(finding.with_help(Some(
        "make one: echo whsec_$(openssl rand -base64 32)".to_owned(),
    )));
    None
}

/// Empty for all of them, also of later configurations.
fn names(section: &Section<'_>, agents: &[&str]) -> Vec<String> {
    let Some(items) = section.list("agents") else {
        return Vec::new();
    };
    let refuse = |message, help, origin| {
        section.find(Finding::error(Rule::Reference, message, origin).with_help(help));
    };
    if items.is_empty() {
        let message = format!("{} names no agent", section.at("agents"));
        refuse(
            message,
            Some("leave it out for all agents".to_owned()),
            section.origin_of("agents"),
        );
    }
    for (place, item) in items.iter().enumerate() {
        let named = format!(
            "{}[{}] is {:?}",
            section.at("agents"),
            item.index,
            excerpt(&item.text)
        );
        if !agents.contains(&item.text.as_str()) {
            let message = format!(
                "{named}, and there is no such agent; there are {}",
                agents.join(", ")
            );
            let nearest = rbm_json::nearest(agents.iter().copied(), &item.text);
            refuse(
                message,
                nearest.map(|nearest| format!("did you mean {nearest:?}?")),
                item.origin.clone(),
            );
        } else if items[..place]
            .iter()
            .any(|earlier| earlier.text == item.text)
        {
            refuse(
                format!("{named}, which is named before"),
                None,
                item.origin.clone(),
            );
        }
    }
    items.iter().map(|item| item.text.clone()).collect()
}

/// standard-webhooks: "between 24 bytes (192 bits) and 64 bytes (512 bits)"
const KEY_BYTES_MIN: usize = 24;
const KEY_BYTES_MAX: usize = 64;
const SECRET_PREFIX: &str = "whsec_";

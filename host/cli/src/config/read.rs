//! From a text, the environment, flags and whoever reads files to a configuration, or to all that is wrong. Pure: it reads
//! nothing itself, so that a test can say what there is.

use super::agents::{read_agents, read_partner};
use super::callbacks::read_callbacks;
use super::environment::{self, Variable};
use super::file;
use super::finding::{Finding, Rule};
use super::given::Givens;
use super::keys::{FORMATS, LEVELS};
use super::opt_out::read_opt_out;
use super::reading::Reading;
use super::secret::ReadFile;
use super::server::{check_listeners, read_admin, read_server};
use super::validated::{Config, Log, LogFormat, Platform, Retention, Store};
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use url::Url;

/// Everything that decides.
pub(super) struct Sources<'a> {
    /// The file's text, empty if there is none.
    pub(super) text: &'a str,
    /// What relative paths start at.
    pub(super) directory: &'a Path,
    pub(super) variables: &'a [Variable],
    pub(super) flags: &'a [String],
    pub(super) read_file: ReadFile<'a>,
}

/// What came of it.
pub(super) struct Outcome {
    /// None if there is an error among the findings.
    pub(super) config: Option<Config>,
    /// In the order of the file, then the others.
    pub(super) findings: Vec<Finding>,
    /// What is in effect, and who said it.
    pub(super) givens: Givens,
    /// Whether the text is TOML.
    pub(super) is_toml: bool,
    /// Where values are in the text that nobody may see.
    pub(super) hidden: Vec<Range<usize>>,
}

/// Reads all of it.
pub(super) fn read(sources: &Sources<'_>) -> Outcome {
    let file = file::read(sources.text);
    if !file.is_toml {
        let file::File {
            givens,
            findings,
            is_toml,
            hidden,
        } = file;
        return Outcome {
            config: None,
            findings,
            givens,
            is_toml,
            hidden,
        };
    }
    let (variables, wrong_variables) = environment::read(sources.variables, &file.givens);
    let (flags, wrong_flags) = environment::read_flags(sources.flags);
    let mut givens = file.givens;
    givens.overrule(variables);
    givens.overrule(flags);
    givens.complete();
    let reading = Reading {
        givens: &givens,
        directory: sources.directory,
        read_file: sources.read_file,
        findings: RefCell::default(),
    };
    let config = validate(&reading);
    let found = reading.findings.into_inner();
    let mut findings: Vec<_> = file
        .findings
        .into_iter()
        .chain(wrong_variables)
        .chain(wrong_flags)
        .chain(found)
        .collect();
    findings.sort_by_key(|finding| file::place(&finding.origin));
    let config = config.filter(|_| !findings.iter().any(Finding::is_error));
    Outcome {
        config,
        findings,
        givens,
        is_toml: true,
        hidden: file.hidden,
    }
}

fn validate(reading: &Reading<'_>) -> Option<Config> {
    let (server, admin) = (read_server(reading), read_admin(reading));
    if let (Some(server), Some(admin)) = (&server, &admin) {
        check_listeners(reading, server.listen, admin.listen);
    }
    let partner = read_partner(reading);
    let (agents, callbacks) = (
        read_agents(reading, partner.as_ref()),
        read_callbacks(reading),
    );
    let (store, retention, platform) = (
        read_store(reading),
        read_retention(reading),
        read_platform(reading),
    );
    Some(Config {
        server: server?,
        admin: admin?,
        store: store?,
        retention: retention?,
        platform: platform?,
        partner,
        agents,
        callbacks,
        accepted_events: reading.section("events").boolean("accepted")?,
        opt_out: read_opt_out(reading)?,
        log: read_log(reading)?,
    })
}

fn read_store(reading: &Reading<'_>) -> Option<Store> {
    Some(Store {
        directory: reading.section("store").file_path("directory")?,
    })
}

fn read_retention(reading: &Reading<'_>) -> Option<Retention> {
    let section = reading.section("retention");
    Some(Retention {
        seen_days: section.whole("seen_days")?,
        events_days: section.whole("events_days")?,
        messages_days: section.whole("messages_days")?,
        quarantine_days: section.whole("quarantine_days")?,
    })
}

fn read_platform(reading: &Reading<'_>) -> Option<Platform> {
    let section = reading.section("platform");
    let allow_private_addresses = section.boolean("allow_private_addresses")?;
    let api_origin = section.parsed(
        "api_origin",
        Rule::Url,
        "a scheme, a host and perhaps a port",
        origin,
    );
    if section.is_there("api_origin") && api_origin.is_none() {
        return None;
    }
    if api_origin
        .as_deref()
        .is_some_and(|origin| origin.starts_with("http:"))
        && !allow_private_addresses
    {
        let message = "platform.api_origin is in the clear, and must begin with https".to_owned();
        let finding = Finding::error(Rule::Url, message, section.origin_of("api_origin"));
        section.find(finding.with_help(Some("allow_private_addresses takes http too".to_owned())));
    }
    let request_time_max = Duration::from_secs(section.whole("request_seconds_max")?.into());
    Some(Platform {
        api_origin,
        allow_private_addresses,
        request_time_max,
    })
}

/// In its normal form: `https://API.example:443/` is `https://api.example`.
fn origin(text: &str) -> Result<String, ()> {
    let url = Url::parse(text).map_err(|_| ())?;
    let bare = &url[url::Position::BeforePath..] == "/"
        && url.username().is_empty()
        && url.password().is_none();
    if bare && matches!(url.scheme(), "http" | "https") {
        Ok(url.origin().ascii_serialization())
    } else {
        Err(())
    }
}

fn read_log(reading: &Reading<'_>) -> Option<Log> {
    let section = reading.section("log");
    let level: LevelFilter = section.word("level", LEVELS)?.parse().ok()?;
    let format = if section.word("format", FORMATS)? == "json" {
        LogFormat::Json
    } else {
        LogFormat::Text
    };
    Some(Log { level, format })
}

//! `rbm explain`: the rules that findings name. Those of the platform are out of the table that the plugin enforces.

use crate::config;
use crate::excerpt::excerpt;
use crate::exit::Failure;
use crate::output;
use rbm_emulator::fidelity::{self, Behaviour};
use rbm_json::rules::RULES;
use rbm_wire::limits::{ALL, Basis, PAGES, Row};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The rule, as a finding names it: `suggestion-text-length`. Without it, all rules are listed. Of the stand-in for
    /// Google's platform, a behaviour as an error's header X-Emulator-Behaviour names it.
    rule: Option<String>,
    /// Prints all rules as a page of Markdown.
    #[arg(long, conflicts_with = "rule")]
    markdown: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let text = match &arguments.rule {
        Some(rule) => find(rule)?,
        None if arguments.markdown => page(),
        None => list(),
    };
    Ok(output::bytes(text.as_bytes())?)
}

/// A rule of the platform, or one about how messages or configurations are written.
fn find(rule: &str) -> Result<String, Failure> {
    if let Some(row) = ALL.iter().find(|row| row.limit.rule == rule) {
        return Ok(explained(row));
    }
    if let Some((_, about)) = RULES.iter().find(|(name, _)| *name == rule) {
        return Ok(format!("{rule} (error)\n{about}\n"));
    }
    if let Some(explained) = config::explained(rule) {
        return Ok(explained);
    }
    if let Some(behaviour) = fidelity::all().find(|behaviour| behaviour.id == rule) {
        return Ok(told(behaviour));
    }
    let names = all()
        .map(|(name, _)| name)
        .chain(fidelity::all().map(|behaviour| behaviour.id));
    let hint = rbm_json::nearest(names, rule)
        .map(|nearest| format!("; did you mean {nearest}?"))
        .unwrap_or_default();
    Err(Failure::usage(format!(
        "there is no rule {:?}{hint}",
        excerpt(rule)
    )))
}

fn explained(row: &Row) -> String {
    let lines = [
        ("where", row.path.to_owned()),
        ("limit", row.limit.bounds().unwrap_or_default()),
        ("what to do", row.limit.hint.to_owned()),
        ("basis", basis(row).to_owned()),
        ("source", source(row)),
    ];
    format!(
        "{} ({})\n{}\n\n{}",
        row.limit.rule,
        severity(row),
        row.about,
        listed(lines)
    )
}

/// A behaviour of the stand-in for the platform.
fn told(behaviour: &Behaviour) -> String {
    let lines = [
        ("basis", behaviour.basis.as_str().to_owned()),
        ("source", behaviour.source.to_owned()),
        ("switch", behaviour.switch.unwrap_or_default().to_owned()),
    ];
    format!(
        "{} (emulator)\n{}.\n\n{}",
        behaviour.id,
        behaviour.what,
        listed(lines)
    )
}

fn listed<const COUNT: usize>(lines: [(&str, String); COUNT]) -> String {
    let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
    lines
        .map(|(name, value)| format!("{name:12}{value}\n"))
        .collect()
}

fn list() -> String {
    let width = all().map(|(name, _)| name.len()).max().unwrap_or_default();
    all()
        .map(|(name, about)| format!("{name:width$}  {about}\n"))
        .collect()
}

/// Each with what it says.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter()
        .map(|row| (row.limit.rule, row.about))
        .chain(RULES)
        .chain(config::rules())
}

fn page() -> String {
    let rows = ALL.iter().map(|row| {
        let (rule, path, limit) = (
            row.limit.rule,
            row.path,
            row.limit.bounds().unwrap_or_default(),
        );
        let source = source(row);
        let page = source.strip_prefix(PAGES).unwrap_or_default();
        let source = if page.is_empty() {
            String::new()
        } else {
            format!("[{page}]({source})")
        };
        format!(
            "| `{rule}` | `{path}` | {limit} | {} | {} | {source} | {} |\n",
            severity(row),
            basis(row),
            row.about.replace('|', "\\|")
        )
    });
    format!("{HEAD}{}", rows.collect::<String>())
}

fn severity(row: &Row) -> &'static str {
    if row.limit.warning {
        "warning"
    } else {
        "error"
    }
}

fn basis(row: &Row) -> &'static str {
    match row.basis {
        Basis::Published => "published",
        Basis::Assumed => "assumed",
        Basis::Ours => "ours",
    }
}

fn source(row: &Row) -> String {
    if row.limit.source.is_empty() {
        String::new()
    } else {
        format!("{PAGES}{}", row.limit.source)
    }
}

const HEAD: &str = "\
# What RBM allows

Written by `rbm explain --markdown` out of `limits.tsv`, which is also what the plugin enforces. An error is not sent; a
warning is sent and may not come out as meant. *Published* is on Google's page; *assumed* is left open by the pages, or
contradicted by another, or said by others only.

| rule | where | limit | severity | basis | source | what it says |
|---|---|---|---|---|---|---|
";

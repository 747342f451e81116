//! `rbm explain`: the rules that findings name. Those of the platform are out of the table that the plugin enforces.

use crate::config;
use crate::excerpt::excerpt;
use crate::exit::Failure;
use crate::output;
use rbm_json::rules::RULES;
use rbm_wire::limits::{ALL, Basis, PAGES, Row};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The rule, as a finding names it: `suggestion-text-length`. Without it, all rules are listed.
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
    let hint = rbm_json::nearest(all().map(|(name, _)| name), rule)
        .map(|nearest| format!("; did you mean {nearest}?"))
        .unwrap_or_default();
    Err(Failure::usage(format!("there is no rule {:?}{hint}", excerpt(rule))))
}

fn explained(row: &Row) -> String {
    let lines = [
        ("where", row.path.to_owned()),
        ("limit", row.limit.bounds().unwrap_or_default()),
        ("what to do", row.limit.hint.to_owned()),
        ("basis", basis(row).to_owned()),
        ("source", source(row)),
    ];
    let lines = lines.into_iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(name, value)| format!("{name:12}{value}\n")).collect();
    format!("{} ({})\n{}\n\n{lines}", row.limit.rule, severity(row), row.about)
}

fn list() -> String {
    let width = all().map(|(name, _)| name.len()).max().unwrap_or_default();
    all().map(|(name, about)| format!("{name:width$}  {about}\n")).collect()
}

/// Each with what it says.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|row| (row.limit.rule, row.about)).chain(RULES).chain(config::rules())
}

fn page() -> String {
    let rows = ALL.iter().map(|row| {
        let (rule, path, limit) = (row.limit.rule, row.path, row.limit.bounds().unwrap_or_default());
        let source = source(row);
        let page = source.strip_prefix(PAGES).unwrap_or_default();
        let source = if page.is_empty() { String::new() } else { format!("[{page}]({source})") };
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
    if row.limit.warning { "warning" } else { "error" }
}

fn basis(row: &Row) -> &'static str {
    match row.basis {
        Basis::Published => "published",
        Basis::Assumed => "assumed",
        Basis::Ours => "ours",
    }
}

fn source(row: &Row) -> String {
    if row.limit.source.is_empty() { String::new() } else { format!("{PAGES}{}", row.limit.source) }
}

const HEAD: &str = "\
# What RBM allows

Written by `rbm explain --markdown` out of `limits.tsv`, which is also what the plugin enforces. An error is not sent; a
warning is sent and may not come out as meant. *Published* is on Google's page; *assumed* is left open by the pages, or
contradicted by another, or said by others only.

| rule | where | limit | severity | basis | source | what it says |
|---|---|---|---|---|---|---|
";

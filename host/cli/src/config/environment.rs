//! Reads what the environment and flags say: `RBM_SERVER__LISTEN` and `server.listen=…` are the same key. The environment
//! does not tell capitals, and `-` from `_`. Variables of others are left alone.

use super::finding::{Finding, Rule};
use super::given::{Given, Givens, Origin, parse};
use super::keys::{self, Key, Kind, folded, join};
use crate::excerpt::excerpt;

/// A variable. None: its value is not UTF-8.
pub(super) type Variable = (String, Option<String>);

/// What variables say, and what is wrong with those that seem to be meant.
pub(super) fn read(variables: &[Variable], file: &Givens) -> (Givens, Vec<Finding>) {
    let (mut givens, mut findings) = (Givens::default(), Vec::new());
    findings.extend(variables.iter().filter_map(|(name, _)| nearly_ours(name)));
    let mut variables: Vec<_> = variables
        .iter()
        .filter_map(|(name, value)| Some((name, ours(name)?, value)))
        .collect();
    variables.sort();
    for (name, steps, value) in variables {
        let origin = Origin::Environment(name.clone());
        let read = resolve(&steps, name, file).and_then(|Resolved { key, path, tables }| {
            let Some(value) = value else {
                return Err(Finding::error(
                    Rule::Kind,
                    format!("{path} is not UTF-8"),
                    origin.clone(),
                ));
            };
            if let Some(Given {
                origin: Origin::Environment(other),
                ..
            }) = givens.values.get(&path)
            {
                let message = format!("{other} and {name} are the same key, {path}");
                return Err(Finding::error(Rule::Alike, message, origin.clone()));
            }
            tables
                .into_iter()
                .for_each(|table| _ = givens.tables.entry(table).or_insert(origin.clone()));
            add(&mut givens, key, path, value, &origin)
        });
        findings.extend(read.err());
    }
    (givens, findings)
}

/// What flags say, each `KEY=VALUE`.
pub(super) fn read_flags(flags: &[String]) -> (Givens, Vec<Finding>) {
    let (mut givens, mut findings) = (Givens::default(), Vec::new());
    findings.extend(
        flags
            .iter()
            .filter_map(|flag| read_flag(&mut givens, flag).err()),
    );
    (givens, findings)
}

fn read_flag(givens: &mut Givens, flag: &str) -> Result<(), Finding> {
    let (path, value) = flag.split_once('=').unwrap_or((flag, ""));
    let origin = Origin::Flag(excerpt(path));
    let refuse = |message, help| {
        Err(Finding::error(Rule::UnknownFlag, message, origin.clone()).with_help(help))
    };
    let (mut pattern, mut tables, mut table) = (String::new(), Vec::new(), String::new());
    for name in path.split('.') {
        let names = keys::below(&pattern);
        let any = names.contains(&"*") && keys::is_name(name);
        if !any && !names.contains(&name) {
            let (message, help) = keys::unknown(&table, name, &names);
            return refuse(message, help);
        }
        (pattern, table) = (
            join(&pattern, if any { "*" } else { name }),
            join(&table, name),
        );
        tables.push(table.clone());
    }
    match Key::of(&pattern) {
        None => refuse(format!("{path} is a table, and no key"), None),
        Some(key) if key.kind == Kind::Secret => {
            let message =
                format!("{path} is a secret, and a flag can be seen by everybody on this machine");
            refuse(
                message,
                Some(format!(
                    "give {path}_file, or a variable of the environment"
                )),
            )
        }
        Some(_) if !flag.contains('=') => {
            refuse(format!("{path} has no value, and must be KEY=VALUE"), None)
        }
        Some(key) => {
            tables.pop();
            tables
                .into_iter()
                .for_each(|table| _ = givens.tables.entry(table).or_insert(origin.clone()));
            add(givens, key, path.to_owned(), value, &origin)
        }
    }
}

fn add(
    givens: &mut Givens,
    key: &'static Key,
    path: String,
    text: &str,
    origin: &Origin,
) -> Result<(), Finding> {
    match parse(&path, key.kind, text, origin) {
        Ok(value) => {
            let given = Given {
                pattern: key.pattern,
                value,
                origin: origin.clone(),
                key: origin.clone(),
            };
            givens.values.insert(path, given);
            Ok(())
        }
        Err(finding) => {
            givens.wrong.push(path);
            Err(finding)
        }
    }
}

/// The steps of a variable that is meant for us: it begins with a section.
fn ours(variable: &str) -> Option<Vec<String>> {
    steps(variable).filter(|steps| keys::below("").contains(&steps[0].as_str()))
}

/// Found: a variable that begins with nearly a section. It may be somebody else's.
fn nearly_ours(variable: &str) -> Option<Finding> {
    let (steps, sections) = (steps(variable)?, keys::below(""));
    let nearest = rbm_json::nearest(sections.iter().copied(), &steps[0])
        .filter(|nearest| *nearest != steps[0])?;
    let message = format!("{} names no section, and is left alone", excerpt(variable));
    let help = format!("did you mean {}__…?", variable_of(nearest));
    let origin = Origin::Environment(variable.to_owned());
    Some(Finding::warning(Rule::UnknownVariable, message, origin).with_help(Some(help)))
}

/// `SECTION__KEY` and so on after the prefix; at least two.
fn steps(variable: &str) -> Option<Vec<String>> {
    let rest = variable
        .split_at_checked(PREFIX.len())
        .filter(|(prefix, _)| prefix.eq_ignore_ascii_case(PREFIX))?
        .1;
    let steps: Vec<String> = rest.split("__").map(folded).collect();
    (steps.len() > 1).then_some(steps)
}

struct Resolved {
    key: &'static Key,
    path: String,
    tables: Vec<String>,
}

/// The key that a variable names. A name that the file knows is spelled as there.
fn resolve(steps: &[String], variable: &str, file: &Givens) -> Result<Resolved, Finding> {
    let (mut pattern, mut path, mut tables) = (String::new(), String::new(), Vec::new());
    for step in steps {
        let names = keys::below(&pattern);
        let (part, name) = if names.contains(&"*") && keys::is_name(step) {
            let known = file
                .names(&path)
                .find(|name| folded(name) == *step)
                .map(str::to_owned);
            ("*", known.unwrap_or_else(|| step.clone()))
        } else if names.contains(&step.as_str()) {
            (step.as_str(), step.clone())
        } else {
            return Err(unknown(variable, &pattern, &path, step, &names));
        };
        (pattern, path) = (join(&pattern, part), join(&path, &name));
        tables.push(path.clone());
    }
    tables.pop();
    match Key::of(&pattern) {
        Some(key) => Ok(Resolved { key, path, tables }),
        None => {
            let message = format!(
                "{} names {path}, which is a table, and no key",
                excerpt(variable)
            );
            Err(Finding::error(
                Rule::UnknownVariable,
                message,
                Origin::Environment(variable.to_owned()),
            ))
        }
    }
}

fn unknown(variable: &str, pattern: &str, path: &str, step: &str, names: &[&str]) -> Finding {
    let shown = excerpt(variable);
    let origin = Origin::Environment(variable.to_owned());
    if names.contains(&"*") {
        let message = format!(
            "{shown} names {:?} in {path}, which is no name: {}",
            excerpt(step),
            keys::NAME_RULE
        );
        return Finding::error(Rule::UnknownVariable, message, origin);
    }
    if pattern.is_empty() || names.is_empty() {
        let message = format!("{shown} goes on after {path}, which is a key");
        return Finding::error(Rule::UnknownVariable, message, origin);
    }
    let message = format!(
        "{shown} names no key of {path}; there are {}",
        names.join(", ")
    );
    let nearest = rbm_json::nearest(names.iter().copied(), step);
    let help =
        nearest.map(|nearest| format!("did you mean {}?", variable_of(&join(path, nearest))));
    Finding::error(Rule::UnknownVariable, message, origin).with_help(help)
}

/// How the environment says a key.
pub(super) fn variable_of(path: &str) -> String {
    format!(
        "{PREFIX}{}",
        path.to_ascii_uppercase()
            .replace('-', "_")
            .replace('.', "__")
    )
}

const PREFIX: &str = "RBM_";

//! Reads the scenario of the stand-in for Google's platform, and tells all that is wrong with it where it is written, as with the
//! gateway's configuration. What may stand in it is the stand-in's own business: its types say so, and stop at the first thing
//! that is wrong. So what is wrong is taken out and the rest is read again, until nothing is.

use super::finding::{Finding, Rule};
use super::given::{Origin, choice};
use super::render::Source;
use super::{file, keys, shown, summary};
use crate::exit::Failure;
use crate::{excerpt, input};
use rbm_emulator::Options;
use rbm_emulator::platform::Agent;
use rbm_emulator::scenario::{Dangling, Scenario};
use rbm_wire::name::AgentId;
use serde::Deserialize as _;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer, Error};

/// What to start with: what a scenario says, and agents that somebody else names besides; those that it does not have are launched
/// everywhere. What is wrong with it goes to stderr.
pub(crate) fn options(file: Option<&Path>, agents: &[AgentId]) -> Result<Options, Failure> {
    let scenario = file
        .map(|file| load(file, agents))
        .transpose()?
        .unwrap_or_default();
    let names_agents = scenario.names_agents();
    let mut options = scenario.options();
    if !agents.is_empty() && !names_agents {
        options.agents.clear();
    }
    for id in agents {
        if !options.agents.iter().any(|agent| agent.id == *id) {
            options.agents.push(Agent::launched(id.clone()));
        }
    }
    Ok(options)
}

fn load(file: &Path, agents: &[AgentId]) -> Result<Scenario, Failure> {
    let text = input::text(file).map_err(Failure::Usage)?;
    read(&text, agents).map_err(|findings| {
        let name = excerpt::path(file);
        // There are no secrets in it.
        let source = Source {
            name: &name,
            text: &text,
            is_toml: true,
            hidden: &[],
        };
        eprint!("{}", shown(&source, &findings, &std::io::stderr()));
        Failure::usage(format!("{name} is no scenario: {}", summary(&findings)))
    })
}

fn read(text: &str, agents: &[AgentId]) -> Result<Scenario, Vec<Finding>> {
    let parsed = file::parse(text)?;
    let (document, mut left) = (parsed.get_ref(), parsed.clone());
    let (mut findings, mut gaps) = (Vec::new(), Vec::new());
    let scenario = loop {
        let problem = match Scenario::deserialize(Deserializer::from(left.clone())) {
            Ok(scenario) => break Some(scenario),
            Err(problem) => problem,
        };
        let range = problem.span().unwrap_or(parsed.span());
        // What misses what was taken out of it goes too.
        let of_gap = ["missing field", "wanted exactly 1 element, found 0"]
            .iter()
            .any(|said| problem.message().starts_with(said));
        if !(of_gap && gaps.contains(&range)) {
            let path = locate(document, &range).unwrap_or_default();
            findings.push(finding(&path, &problem, Origin::File(range.clone())));
        }
        match locate(left.get_ref(), &range) {
            Some(path) if !path.is_empty() => gaps.extend(take_out(left.get_mut(), &path)),
            _ => break None,
        }
    };
    if let Some(scenario) = scenario.filter(|_| findings.is_empty()) {
        let dangling = scenario.dangling(agents);
        if dangling.is_empty() {
            return Ok(scenario);
        }
        findings.extend(
            dangling
                .into_iter()
                .map(|dangling| referring(document, dangling)),
        );
    }
    findings.sort_by_key(|finding| file::place(&finding.origin));
    Err(findings)
}

/// A key, or the index of an element.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// The way to what stands at exactly these bytes: the innermost, be it a key or a value.
fn locate(table: &DeTable<'_>, range: &Range<usize>) -> Option<Vec<Step>> {
    table.iter().find_map(|(name, value)| {
        let step = Step::Key(name.get_ref().to_string());
        let deeper = locate_in(value, range);
        let here = || (value.span() == *range || name.span() == *range).then(Vec::new);
        deeper.or_else(here).map(|rest| [vec![step], rest].concat())
    })
}

fn locate_in(value: &Spanned<DeValue<'_>>, range: &Range<usize>) -> Option<Vec<Step>> {
    match value.get_ref() {
        DeValue::Table(table) => locate(table, range),
        DeValue::Array(array) => array.iter().enumerate().find_map(|(index, element)| {
            let deeper =
                locate_in(element, range).or_else(|| (element.span() == *range).then(Vec::new));
            deeper.map(|rest| [vec![Step::Index(index)], rest].concat())
        }),
        _ => None,
    }
}

/// Takes out what a way leads to, and tells where that stood in.
fn take_out(table: &mut DeTable<'_>, path: &[Step]) -> Option<Range<usize>> {
    let (Step::Key(name), rest) = path.split_first()? else {
        return None;
    };
    if rest.is_empty() {
        table.remove(name.as_str());
        return None;
    }
    let value = table.get_mut(name.as_str())?;
    let span = value.span();
    take_out_of(value.get_mut(), span, rest)
}

fn take_out_of(value: &mut DeValue<'_>, span: Range<usize>, path: &[Step]) -> Option<Range<usize>> {
    match (value, path) {
        (DeValue::Table(table), [Step::Key(name)]) => table.remove(name.as_str()).map(|_| span),
        (DeValue::Table(table), path) => take_out(table, path),
        (DeValue::Array(array), [Step::Index(index), rest @ ..]) => {
            if rest.is_empty() {
                let all = std::mem::replace(array, DeArray::new())
                    .into_iter()
                    .enumerate();
                *array = all
                    .filter(|(other, _)| other != index)
                    .map(|(_, element)| element)
                    .collect::<DeArray<'_>>();
                return Some(span);
            }
            let element = array.get_mut(*index)?;
            let span = element.span();
            take_out_of(element.get_mut(), span, rest)
        }
        _ => None,
    }
}

/// In the words that are used of the gateway's configuration.
fn finding(path: &[Step], problem: &Error, origin: Origin) -> Finding {
    let at = written(path);
    let names: Vec<&str> = problem.message().split('`').skip(1).step_by(2).collect();
    match (problem.message().split(' ').next(), names.as_slice()) {
        (Some("unknown"), [name, names @ ..]) if problem.message().starts_with("unknown field") => {
            let table = path
                .split_last()
                .map(|(_, table)| written(table))
                .filter(|table| !table.is_empty());
            let (message, help) =
                keys::unknown(table.as_deref().unwrap_or("the scenario"), name, names);
            Finding::error(Rule::UnknownKey, message, origin).with_help(help)
        }
        (Some("unknown"), [word, words @ ..]) => match choice(&at, words, word, &origin) {
            Err(finding) => finding,
            Ok(_) => Finding::error(Rule::Choice, format!("{at}: {}", problem.message()), origin),
        },
        (Some("missing"), [name, ..]) => {
            let at = keys::join(&at, name);
            Finding::error(Rule::Required, format!("{at} is missing"), origin)
        }
        _ => Finding::error(
            Rule::Kind,
            format!("{at}: {}", excerpt::remark(problem.message())),
            origin,
        ),
    }
}

/// Something that names what is not there.
fn referring(document: &DeTable<'_>, Dangling { path, message }: Dangling) -> Finding {
    let origin = find(document, &path).map_or(Origin::Default, Origin::File);
    Finding::error(
        Rule::Reference,
        format!("{}: {message}", path.join(".")),
        origin,
    )
}

/// Where the last of some keys stands, as far as they lead.
fn find(table: &DeTable<'_>, path: &[String]) -> Option<Range<usize>> {
    let (first, rest) = path.split_first()?;
    // An agent may be written with @rbm.goog.
    let full = format!("{first}@rbm.goog");
    let (name, value) = table
        .get_key_value(first.as_str())
        .or_else(|| table.get_key_value(full.as_str()))?;
    let deeper = match (value.get_ref(), rest) {
        (DeValue::Table(table), rest) => find(table, rest),
        (DeValue::Array(array), [index, rest @ ..]) => {
            let element = index
                .parse::<usize>()
                .ok()
                .and_then(|index| array.get(index));
            element
                .and_then(|element| element.get_ref().as_table())
                .and_then(|table| find(table, rest))
        }
        _ => Some(value.span()),
    };
    deeper.or(Some(name.span()))
}

fn written(path: &[Step]) -> String {
    path.iter().fold(String::new(), |path, step| match step {
        Step::Key(name) => keys::join(&path, &excerpt::excerpt(name)),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use annotate_snippets::Renderer;

    fn findings(text: &str) -> Vec<String> {
        let source = Source {
            name: "s.toml",
            text,
            is_toml: true,
            hidden: &[],
        };
        let findings = read(text, &[]).err().unwrap_or_default();
        let line = |finding: &Finding| {
            let place = source
                .position(&finding.origin)
                .map(|place| format!("{}:{}", place.line, place.column));
            let help = finding
                .help
                .as_ref()
                .map(|help| format!("; {help}"))
                .unwrap_or_default();
            format!(
                "{} {} {}{help}",
                place.unwrap_or_default(),
                finding.rule,
                finding.message
            )
        };
        findings.iter().map(line).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_found_at_once_and_where_it_is() {
        let text = r#"
sed = 1
[rules]
delivry = "1s"
queued_for = "soon"
revoke = "curent"
[agents."a b"]
[agents.shop]
use_case = 5
[[agents.shop.script]]
after = "1h"
state = "launched"
[phones."0049"]
[phones."+15550100001"]
online = "yes"
features = ["RICHCARD"]
script = [{ after = "1s", do = "sing" }, { after = "1s" }, { do = { text = 5 } }]
[[phones."+15550100001".habits]]
when = { txt = "a" }
[webhooks.faults]
doses.late = { rate = 2.0 }
"#;
        let found = findings(text);
        let expected = [
            "2:1 config-unknown-key there is no key \"sed\" in the scenario",
            "4:1 config-unknown-key there is no key \"delivry\" in rules",
            "5:14 config-kind rules.queued_for: invalid value: string \"soon\", expected a time such as",
            "6:10 config-choice rules.revoke is \"curent\", and must be one of current, older; did you mean \"current\"?",
            "7:9 config-kind agents.a b: \"a b\" is not an agent id",
            "9:12 config-",
            "10:1 config-required agents.shop.script[0].carrier is missing",
            "13:9 config-kind phones.0049: \"0049\" is not an E.164 phone number",
            "15:10 config-kind phones.+15550100001.online: invalid type: string \"yes\", expected a boolean",
            "16:12 config-choice phones.+15550100001.features is \"RICHCARD\", and must be one of RICHCARD_STANDALONE",
            "17:32 config-choice phones.+15550100001.script[0].do is \"sing\", and must be one of read, type",
            "17:42 config-required phones.+15550100001.script[1].do is missing",
            "17:76 config-kind phones.+15550100001.script[2].do.text: invalid type: integer `5`, expected a string",
            "19:10 config-unknown-key there is no key \"txt\" in phones.+15550100001.habits[0].when",
            "20:1 config-kind webhooks.faults: the rate of Late is 2: it must be from 0 to 1",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\n{expected}");
        }
        assert!(found[0].ends_with("did you mean `seed`?"), "{}", found[0]);
    }

    #[test]
    fn a_finding_is_shown_with_its_line_and_a_caret() {
        let text = "[rules]\ndelivry = \"1s\"\n";
        let source = Source {
            name: "s.toml",
            text,
            is_toml: true,
            hidden: &[],
        };
        let findings = read(text, &[]).expect_err("wrong");
        let shown = source.shown(&Renderer::plain(), &findings[0]);
        for part in [
            "error[config-unknown-key]: there is no key",
            " --> s.toml:2:1\n",
            "2 | delivry = \"1s\"\n  | ^^^^^^^\n",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn what_refers_to_an_agent_that_is_not_there_is_found() {
        let phone = "[phones.\"+15550100001\"]\ntester_of = { codes = \"accepted\", shop = \"pending\" }\n\
                     habits = [{ when = { agent = \"other@rbm.goog\" } }]\n[agents.shop]\n";
        let expected = [
            "2:23 config-reference phones.+15550100001.tester_of.codes: there is no agent \"codes\"",
            "3:30 config-reference phones.+15550100001.habits.0.when.agent: there is no agent \"other\"",
        ];
        assert_eq!(findings(phone), expected);
        let others = ["codes", "other"].map(|id| AgentId::parse(id).expect("an agent"));
        assert!(read(phone, &others).is_ok());
    }

    #[test]
    fn what_is_no_toml_is_shown_where_it_stops_being_it() {
        let found = findings("[rules\nseed = 1\n");
        assert!(
            found[0].starts_with("1:7 config-syntax this is not TOML"),
            "{found:?}"
        );
        assert_eq!(findings(""), [""; 0], "nothing is a scenario");
        assert_eq!(findings(rbm_emulator::scenario::EXAMPLE), [""; 0]);
    }
}

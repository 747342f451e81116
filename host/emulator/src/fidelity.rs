//! What each behaviour of this platform rests on, so that nobody takes a guess for Google's word.
//!
//! The statements stand beside the code that they are about; here they are only collected.

use crate::platform::business;
use crate::{
    api, check, faults, json, mask, platform, push, refusal, region, schema, state, token,
    update_mask, upload, upstream, wait,
};

/// One thing that the platform does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// A stable name.
    pub id: &'static str,
    /// In a sentence.
    pub what: &'static str,
    /// How sure it is.
    pub basis: Basis,
    /// Who says so: a page, a repository, or for what is assumed the reason.
    pub source: &'static str,
    /// The option that makes it otherwise, where Google's pages leave it open.
    pub switch: Option<&'static str>,
    /// The test that shows it.
    pub test: &'static str,
}

/// How sure a behaviour is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Basis {
    /// A page of Google's says so.
    Documented,
    /// Only others say so, or it was seen of other APIs of Google's.
    SecondHand,
    /// Nobody says so.
    Assumed,
}

/// Every behaviour that is stated.
pub fn all() -> impl Iterator<Item = &'static Behaviour> {
    GROUPS.iter().flat_map(Group::behaviours)
}

/// All of them as a page of Markdown: `FIDELITY.md`.
pub fn markdown() -> String {
    let groups: String = GROUPS.iter().map(Group::markdown).collect();
    format!("{HEAD}{groups}")
}

/// Those of one part.
struct Group {
    title: &'static str,
    lists: &'static [&'static [&'static Behaviour]],
}

impl Group {
    fn behaviours(&self) -> impl Iterator<Item = &'static Behaviour> + use<> {
        self.lists.iter().copied().flatten().copied()
    }

    fn markdown(&self) -> String {
        let rows: String = self.behaviours().map(row).collect();
        format!("\n## {}\n\n{COLUMNS}{rows}", self.title)
    }
}

fn row(behaviour: &Behaviour) -> String {
    let Behaviour {
        id,
        what,
        basis,
        source,
        switch,
        test,
    } = behaviour;
    let [what, source] = [what, source].map(|text| cell(text));
    let switch = switch
        .map(|switch| format!("`{switch}`"))
        .unwrap_or_default();
    format!(
        "| `{id}` | {what} | {} | {source} | {switch} | `{test}` |\n",
        basis.as_str()
    )
}

/// Nothing in it ends the cell, or is taken for markup.
fn cell(text: &str) -> String {
    text.chars().fold(String::new(), |mut cell, character| {
        if matches!(character, '|' | '*' | '_' | '<' | '`') {
            cell.push('\\');
        }
        cell.push(character);
        cell
    })
}

impl Basis {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::SecondHand => "second-hand",
            Self::Assumed => "assumed",
        }
    }
}

/// In the order of the page.
const GROUPS: &[Group] = &[
    Group {
        title: "Requests and answers",
        lists: &[
            api::BEHAVIOURS,
            json::BEHAVIOURS,
            schema::BEHAVIOURS,
            check::BEHAVIOURS,
            mask::BEHAVIOURS,
            update_mask::BEHAVIOURS,
            refusal::BEHAVIOURS,
            region::BEHAVIOURS,
        ],
    },
    Group {
        title: "Tokens",
        lists: &[token::BEHAVIOURS],
    },
    Group {
        title: "Uploads",
        lists: &[upload::BEHAVIOURS],
    },
    Group {
        title: "Messages, phones and people",
        lists: platform::BEHAVIOURS,
    },
    Group {
        title: "Webhooks",
        lists: push::BEHAVIOURS,
    },
    Group {
        title: "Brands, agents and launches: addresses",
        lists: &[api::MANAGEMENT],
    },
    Group {
        title: "Brands, agents and launches",
        lists: business::BEHAVIOURS,
    },
    Group {
        title: "Control",
        lists: &[
            api::CONTROL,
            state::BEHAVIOURS,
            faults::BEHAVIOURS,
            wait::BEHAVIOURS,
            upstream::BEHAVIOURS,
        ],
    },
];

const HEAD: &str = "\
# What the twin does, and who says so

Written by `rbm emulate --fidelity` out of the statements that stand beside the code. *Documented* is on a page of Google's;
*second-hand* is said by others only, or was seen of other APIs of Google's; *assumed* is said by nobody, or is ours; where only a
part is, the source says which. Sources without a host are below
<https://developers.google.com/business-communications/rcs-business-messaging/>. The switch is the option that makes it
otherwise, and the test is the one that shows it. An error names its row in the header `X-Emulator-Behaviour`.
";
const COLUMNS: &str = "\
| name | behaviour | basis | source | switch | test |
|---|---|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_behaviour_has_a_name_of_its_own_and_a_test() {
        let tests = rust_files("tests").into_iter().chain(rust_files("src"));
        let sources: String = tests.map(|(_, text)| text).collect();
        let ids: BTreeSet<&str> = all().map(|behaviour| behaviour.id).collect();
        assert_eq!(ids.len(), all().count());
        for behaviour in all() {
            assert!(
                sources.contains(&format!("fn {}()", behaviour.test)),
                "{behaviour:?}"
            );
        }
    }

    #[test]
    fn the_page_is_the_one_that_the_statements_make() {
        let page = include_str!("../FIDELITY.md");
        let again = "cargo run -p rbm-emulator --example fidelity > host/emulator/FIDELITY.md";
        assert!(
            markdown() == page,
            "FIDELITY.md is out of date; in the top directory: {again}"
        );
    }

    /// A file that decides something says what it rests on; the others decide nothing, or nothing that others do not state.
    #[test]
    fn no_file_decides_what_is_not_stated() {
        for (name, text) in rust_files("src") {
            let states = text.contains("Behaviour {") && name != "fidelity.rs";
            let may_be_silent = SILENT.contains(&name.as_str())
                || name.ends_with("tests.rs")
                || name.contains("/tests/");
            assert!(
                states != may_be_silent,
                "{name} states what its behaviours rest on, or is one of SILENT"
            );
        }
    }

    const SILENT: &[&str] = &[
        "api.rs",
        "api/business/brands.rs",
        "api/business/integrations.rs",
        "api/business/launches.rs",
        "api/business/partners.rs",
        "api/business/testers.rs",
        "api/differences.rs",
        "api/exchange.rs",
        "api/faults.rs",
        "api/reach.rs",
        "api/relay.rs",
        "api/requests.rs",
        "api/state.rs",
        "api/testers.rs",
        "api/wait.rs",
        "api/webhooks.rs",
        "connection.rs",
        "dose.rs",
        "entries.rs",
        "excerpt.rs",
        "fidelity.rs",
        "length.rs",
        "lib.rs",
        "named.rs",
        "phone.rs",
        "phone/latency.rs",
        "platform/business.rs",
        "platform/country.rs",
        "platform/notice.rs",
        "platform/quota.rs",
        "platform/schedule.rs",
        "platform/state.rs",
        "push/doctor.rs",
        "push/log.rs",
        "push/settings.rs",
        "record.rs",
        "scenario.rs",
        "scenario/phone.rs",
        "subject.rs",
        "upstream/address.rs",
        "upstream/client.rs",
        "upstream/report.rs",
        "upstream/request.rs",
        "upstream/switches.rs",
    ];

    /// The files in and below a directory, by their paths from there.
    fn rust_files(directory: &str) -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        let (mut directories, mut files) = (vec![root.clone()], Vec::new());
        while let Some(directory) = directories.pop() {
            let entries = std::fs::read_dir(directory).expect("a directory");
            for path in entries.map(|entry| entry.expect("an entry").path()) {
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path
                        .strip_prefix(&root)
                        .expect("below it")
                        .display()
                        .to_string();
                    files.push((name, std::fs::read_to_string(&path).expect("a source")));
                }
            }
        }
        files.sort();
        files
    }
}

//! An export: items as lines of JSON between a first line, which says what this is, and a last one, which says how much there
//! was and what it hashes to. So whoever reads one notices that it was cut, changed or written by a later version.
//!
//! No reading and no writing of files here: a line goes in or comes out.

use super::{Hex, Item};
use jiff::Timestamp;
use rbm_json::excerpt::{excerpt, remark};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// Makes lines of items.
pub struct Encoder(Tally);

/// Makes items of lines.
#[derive(Default)]
pub struct Decoder {
    tally: Tally,
    /// Of the export, by its first line.
    version: u64,
    ended: bool,
}

/// What is wrong with a line.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {rule}")]
pub struct LineProblem {
    /// Counted from 1.
    pub line: u64,
    /// Where in it, what is wrong and with which value.
    pub rule: String,
}

/// How many items of each kind.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Counts(BTreeMap<String, u64>);

/// What went by so far.
#[derive(Default)]
struct Tally {
    hash: Sha256,
    lines: u64,
    counts: Counts,
}

/// The first line.
#[derive(Deserialize, Serialize)]
struct Header {
    version: u64,
    written_at: Timestamp,
    /// Which program wrote it, and its version.
    program: String,
}

/// The last line.
#[derive(Deserialize, Serialize)]
struct Footer {
    counts: Counts,
    /// Of all lines before it, with their ends.
    sha256: Hex<32>,
}

/// A line on its way out.
#[derive(Serialize)]
#[serde(tag = "kind")]
enum Edge {
    #[serde(rename = "rbm-export")]
    Header(Header),
    #[serde(rename = "end")]
    Footer(Footer),
}

impl Encoder {
    /// Begins with the first line.
    pub fn begin(program: &str, written_at: Timestamp) -> Result<(Self, Vec<u8>), LineProblem> {
        let mut tally = Tally::default();
        let header = Header {
            version: VERSION,
            written_at,
            program: program.to_owned(),
        };
        let line = encode(&Edge::Header(header), 1)?;
        tally.add(&line);
        Ok((Self(tally), line))
    }

    /// An item's line, with its end.
    pub fn item(&mut self, item: &Item) -> Result<Vec<u8>, LineProblem> {
        let line = encode(item, self.0.lines + 1)?;
        self.0.add(&line);
        self.0.counts.count(item);
        Ok(line)
    }

    /// Ends with the last line.
    pub fn end(self) -> Result<(Vec<u8>, Counts), LineProblem> {
        let Tally {
            hash,
            lines,
            counts,
        } = self.0;
        let footer = Footer {
            counts: counts.clone(),
            sha256: Hex(hash.finalize().into()),
        };
        Ok((encode(&Edge::Footer(footer), lines + 1)?, counts))
    }
}

impl Decoder {
    /// Reads the next line, which has its end with it. None for the first and the last, which are no items.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Item>, LineProblem> {
        let read = self.read(line);
        read.map_err(|rule| LineProblem {
            line: self.tally.lines + 1,
            rule,
        })
        .inspect(|item| {
            self.tally.add(line);
            item.iter().for_each(|item| self.tally.counts.count(item));
        })
    }

    /// Whether that was all. Nothing that was read is to be believed before.
    pub fn end(self) -> Result<Counts, LineProblem> {
        let rule =
            || "the last line, of the kind end, is missing: the export was cut off".to_owned();
        if self.ended {
            Ok(self.tally.counts)
        } else {
            Err(LineProblem {
                line: self.tally.lines + 1,
                rule: rule(),
            })
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<Item>, String> {
        if self.ended {
            return Err("there is more after the last line, of the kind end".to_owned());
        }
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err("the line has no end, or is too long: the export was cut off".to_owned());
        };
        let value = rbm_json::strict::parse(line);
        let value = value
            .map_err(|problem| format!("it is not the JSON of an export: {}", remark(problem)))?;
        let Value::Object(mut fields) = value else {
            return Err("it is no object".to_owned());
        };
        let kind = match fields.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(other) => {
                return Err(format!(
                    "kind is {}, and must be a text",
                    excerpt(&other.to_string())
                ));
            }
            None => return Err("it has no kind".to_owned()),
        };
        match (kind.as_str(), self.tally.lines) {
            (HEADER, 0) => {
                self.version = read_header(fields)?.version;
                Ok(None)
            }
            (kind, 0) => Err(format!(
                "kind is {:?}, and the first of an export must be {HEADER:?}",
                excerpt(kind)
            )),
            (FOOTER, _) => {
                self.check(&read(fields)?)?;
                self.ended = true;
                Ok(None)
            }
            (kind, _) => {
                if self.version == 1 {
                    upgrade(kind, &mut fields);
                }
                read_item(kind, fields).map(Some)
            }
        }
    }

    fn check(&self, footer: &Footer) -> Result<(), String> {
        if let Some((kind, said, met)) = footer.counts.difference(&self.tally.counts) {
            return Err(format!(
                "counts says {said} of {:?}, and there were {met}",
                excerpt(kind)
            ));
        }
        if footer.sha256 != Hex(self.tally.hash.clone().finalize().into()) {
            return Err(
                "sha256 is not that of the lines before it: one of them was changed".to_owned(),
            );
        }
        Ok(())
    }
}

impl Tally {
    fn add(&mut self, line: &[u8]) {
        self.hash.update(line);
        self.lines += 1;
    }
}

impl Counts {
    fn count(&mut self, item: &Item) {
        *self.0.entry(item.kind().to_owned()).or_default() += 1;
    }

    /// The first kind of which there is another number there, and the numbers here and there.
    fn difference<'a>(&'a self, other: &'a Self) -> Option<(&'a str, u64, u64)> {
        let of = |counts: &Self, kind: &String| counts.0.get(kind).copied().unwrap_or_default();
        let kinds = self.0.keys().chain(other.0.keys());
        kinds
            .map(|kind| (kind.as_str(), of(self, kind), of(other, kind)))
            .find(|(_, here, there)| here != there)
    }

    /// Of all kinds.
    pub fn total(&self) -> u64 {
        self.0
            .values()
            .fold(0, |total, count| total.saturating_add(*count))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<String> = self
            .0
            .iter()
            .map(|(kind, count)| format!("{kind} {count}"))
            .collect();
        formatter.write_str(
            if counts.is_empty() {
                "nothing".to_owned()
            } else {
                counts.join(", ")
            }
            .as_str(),
        )
    }
}

/// Refuses to write what nobody could read again.
fn encode(line: &impl Serialize, number: u64) -> Result<Vec<u8>, LineProblem> {
    let problem = |rule| LineProblem { line: number, rule };
    let mut bytes = serde_json::to_vec(line).map_err(|failed| problem(remark(failed)))?;
    bytes.push(b'\n');
    match bytes.len() {
        count if count > LINE_BYTES_MAX => Err(problem(format!(
            "it has {count} bytes, the limit is {LINE_BYTES_MAX}"
        ))),
        _ => Ok(bytes),
    }
}

/// A later version may have other fields, so that is looked at first.
fn read_header(fields: Map<String, Value>) -> Result<Header, String> {
    match fields.get("version").and_then(Value::as_u64) {
        Some(version) if version > VERSION => Err(format!(
            "version is {version}, and this program reads up to {VERSION}: use a later one"
        )),
        Some(0) => Err("version is 0, and the first is 1".to_owned()),
        _ => read(fields),
    }
}

/// Brings a line of version 1 to version 2, in which events of the gateway stand beside those of the platform, an entry of a
/// history has a reason for programs beside its sentence, and rows need not go by the names of agents.
fn upgrade(kind: &str, fields: &mut Map<String, Value>) {
    match (kind, fields.get_mut("history")) {
        ("last", _) => {
            fields.insert("legacy_names".to_owned(), true.into());
        }
        ("event", _) => {
            if let Some(inbound) = fields.remove("inbound") {
                let content = Map::from_iter([("platform".to_owned(), inbound)]);
                fields.insert("content".to_owned(), content.into());
            }
        }
        ("message", Some(Value::Array(history))) => {
            for entry in history.iter_mut().filter_map(Value::as_object_mut) {
                if let Some(sentence) = entry.remove("reason") {
                    entry.insert("detail".to_owned(), sentence);
                }
            }
        }
        _ => {}
    }
}

fn read_item(kind: &str, fields: Map<String, Value>) -> Result<Item, String> {
    Ok(match kind {
        "last" => Item::Last(read(fields)?),
        "agent" => Item::Agent(read(fields)?),
        "message" => Item::Message(read(fields)?),
        "orphan" => Item::Orphan(read(fields)?),
        "seen" => Item::Seen(read(fields)?),
        "event" => Item::Event(read(fields)?),
        "consent" => Item::Consent(read(fields)?),
        "consumer" => Item::Consumer(read(fields)?),
        "delivery" => Item::Delivery(read(fields)?),
        "dead_letter" => Item::DeadLetter(read(fields)?),
        "quarantined" => Item::Quarantined(read(fields)?),
        "upload" => Item::Upload(read(fields)?),
        "tester" => Item::Tester(read(fields)?),
        other => {
            return Err(format!(
                "kind is {:?}, which this program does not know",
                excerpt(other)
            ));
        }
    })
}

/// A field that is not known would be lost, so it is an error.
fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, String> {
    let (mut unknown, mut track) = (None, serde_path_to_error::Track::new());
    let tracked = serde_path_to_error::Deserializer::new(Value::Object(fields), &mut track);
    let read = serde_ignored::deserialize(tracked, |path| {
        // A case of a variant has no name there.
        unknown.get_or_insert_with(|| path.to_string().replace(".?", ""));
    });
    let read = read.map_err(|problem| match track.path().to_string() {
        // The line as a whole.
        path if path == "." => remark(problem),
        path => format!("{}: {}", excerpt(&path), remark(problem)),
    })?;
    match unknown {
        None => Ok(read),
        Some(path) => Err(format!(
            "{:?} is a field that this program does not know",
            excerpt(&path)
        )),
    }
}

/// Of a line with its end. The largest has an event's bytes, of which there are 1 MiB at most, or a message with all that
/// ever happened to it.
pub const LINE_BYTES_MAX: usize = 64 << 20;
const VERSION: u64 = 2;
const HEADER: &str = "rbm-export";
const FOOTER: &str = "end";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let lines = export(&ITEMS);
        assert_eq!(
            lines[0],
            "{\"kind\":\"rbm-export\",\"version\":2,\"written_at\":\"2026-11-25T10:00:00Z\",\"program\":\"rbm 0\"}\n"
        );
        assert_eq!(&lines[1..3], &ITEMS.map(|item| format!("{item}\n")));
        let counts = decode(&lines).expect("an export");
        assert_eq!(
            (counts.total(), counts.to_string()),
            (2, "seen 1, upload 1".to_owned())
        );
        assert_eq!(
            decode(&export(&[])).expect("an export").to_string(),
            "nothing"
        );
    }

    #[test]
    fn what_was_cut_off_or_changed_is_noticed_at_every_byte() {
        let whole = export(&ITEMS).concat();
        for end in 0..whole.len() {
            let cut = lines_of(&whole.as_bytes()[..end]);
            decode_bytes(&cut).expect_err("it was cut off");
        }
        for place in 0..whole.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[place] ^= 1;
            decode_bytes(&lines_of(&bytes)).expect_err("it was changed");
        }
        let lines = export(&ITEMS);
        for missing in 0..lines.len() {
            let rest: Vec<&[u8]> = (0..lines.len())
                .filter(|at| *at != missing)
                .map(|at| lines[at].as_bytes())
                .collect();
            decode_bytes(&rest).expect_err("a line is missing");
        }
        decode(&[lines.clone(), lines].concat()).expect_err("there is another one");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let upload = |more: &str| {
            format!("{{\"kind\":\"upload\",\"agent\":\"a\",\"name\":\"n\",\"what\":\"w\",{more}}}")
        };
        let header =
            |version: &str| format!("{{\"kind\":\"rbm-export\",\"version\":{version},\"more\":1}}");
        for (number, line, said) in [
            (
                2,
                "x".to_owned(),
                "it is not the JSON of an export: expected value at line 1 column 1",
            ),
            (2, "[]".to_owned(), "it is no object"),
            (2, "{}".to_owned(), "it has no kind"),
            (
                2,
                "{\"kind\":7}".to_owned(),
                "kind is 7, and must be a text",
            ),
            (
                2,
                "{\"kind\":\"x\"}".to_owned(),
                "kind is \"x\", which this program does not know",
            ),
            (
                2,
                "{\"kind\":\"last\",\"kind\":\"last\"}".to_owned(),
                "\"kind\" occurs twice",
            ),
            (
                2,
                "{\"kind\":\"last\",\"event\":\"17\"}".to_owned(),
                "event: \"17\" is no cursor, such as e17",
            ),
            (
                2,
                "{\"kind\":\"last\",\"quarantined\":\"e1\"}".to_owned(),
                "quarantined: \"e1\" is no such name",
            ),
            (2, upload("\"at\":\"noon\""), "at: "),
            (
                2,
                upload("\"at\":\"2026-11-25T10:00:00Z\",\"size\":1"),
                "\"size\" is a field that this program does not know",
            ),
            (2, upload("\"when\":1"), "missing field `at`"),
            (
                2,
                "{\"kind\":\"rbm-export\",\"version\":1}".to_owned(),
                "kind is \"rbm-export\", which this program",
            ),
            (
                1,
                "{\"kind\":\"upload\"}".to_owned(),
                "kind is \"upload\", and the first of an export must be \"rbm-export\"",
            ),
            (
                1,
                header("3"),
                "version is 3, and this program reads up to 2: use a later one",
            ),
            (1, header("0"), "version is 0, and the first is 1"),
            (
                1,
                header("\"1\""),
                "version: invalid type: string \"1\", expected u64",
            ),
            (
                1,
                "{\"kind\":\"rbm-export\"}".to_owned(),
                "missing field `version`",
            ),
        ] {
            let mut lines = export(&[]);
            lines.insert(number - 1, format!("{line}\n"));
            let problem = decode(&lines).expect_err(&line);
            assert_eq!(problem.line, number as u64, "{line}: {problem}");
            assert!(problem.rule.contains(said), "{line}: {problem}");
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_found_however_deep() {
        let message = "{\"kind\":\"message\",\"agent\":\"a\",\"message\":{\"id\":\"m\",\"recipient\":\"+1\",\"content\":\
            {\"file\":{\"source\":{\"url\":\"u\"},\"thumbnail\":null,\"force-refresh\":false,\"colour\":1}},\
            \"suggestions\":[],\"purpose\":null,\"expiry\":null,\"options\":[]},\"body_hash\":\"00\",\
            \"accepted_at\":\"2026-11-25T10:00:00Z\",\"attempt\":0,\"history\":[]}";
        let hash = "00".repeat(32);
        let decode = |line: &str| {
            let lines = [export(&[])[0].clone(), format!("{line}\n")];
            decode(&lines).expect_err("it is wrong").rule
        };
        assert!(decode(message).starts_with("body_hash: \"00\" is not 32 bytes"));
        let capitals = decode(&message.replace("\"00\"", &format!("\"{}\"", "0A".repeat(32))));
        assert!(capitals.starts_with("body_hash: \"0A0A"), "{capitals}");
        let unknown = decode(&message.replace("\"00\"", &format!("\"{hash}\"")));
        assert_eq!(
            unknown,
            "\"message.content.colour\" is a field that this program does not know"
        );
    }

    #[test]
    fn an_export_of_version_1_is_read() {
        let message = "{\"kind\":\"message\",\"agent\":\"a\",\"message\":{\"id\":\"m\",\"recipient\":\"+1\",\"content\":\
            {\"text\":\"Hi\"},\"suggestions\":[],\"purpose\":null,\"expiry\":null,\"options\":[]},\"body_hash\":\"HASH\",\
            \"accepted_at\":\"2026-11-25T10:00:00Z\",\"attempt\":1,\"history\":[{\"at\":\"2026-11-25T10:00:00Z\",\
            \"fact\":\"refused\",\"attempt\":1,\"reason\":\"RBM answered 400\"}]}"
            .replace("HASH", &"00".repeat(32));
        let event = "{\"kind\":\"event\",\"cursor\":\"e1\",\"agent\":\"a\",\"received_at\":\"2026-11-25T10:00:00Z\",\
            \"inbound\":{\"dedupe-key\":\"k\",\"agent\":\"\",\"phone\":null,\"at\":null,\"fact\":\"typing\",\"details\":[],\
            \"raw\":\"{}\"}}";
        let mut decoder = Decoder::default();
        let header = export(&[])[0].replace("\"version\":2", "\"version\":1");
        decoder.line(header.as_bytes()).expect("a header");
        let mut item = |line: &str| {
            let line = format!("{line}\n");
            decoder
                .line(line.as_bytes())
                .expect("a line")
                .expect("an item")
        };
        let Item::Message(message) = item(&message) else {
            panic!("no message")
        };
        let entry = &message.history[0];
        assert_eq!(
            (entry.reason, entry.detail.as_deref()),
            (None, Some("RBM answered 400"))
        );
        let Item::Event(event) = item(event) else {
            panic!("no event")
        };
        assert_eq!(event.content.dedupe_key(), "k");
    }

    fn export(items: &[&str]) -> Vec<String> {
        let at = "2026-11-25T10:00:00Z".parse().expect("a time");
        let (mut encoder, header) = Encoder::begin("rbm 0", at).expect("a line");
        let mut lines = vec![header];
        for item in items {
            let Value::Object(mut fields) = serde_json::from_str(item).expect("JSON") else {
                panic!("{item}")
            };
            let Some(Value::String(kind)) = fields.remove("kind") else {
                panic!("{item}")
            };
            lines.push(
                encoder
                    .item(&read_item(&kind, fields).expect("an item"))
                    .expect("a line"),
            );
        }
        lines.push(encoder.end().expect("a line").0);
        lines
            .into_iter()
            .map(|line| String::from_utf8(line).expect("text"))
            .collect()
    }

    fn decode(lines: &[String]) -> Result<Counts, LineProblem> {
        decode_bytes(&lines.iter().map(String::as_bytes).collect::<Vec<_>>())
    }

    fn decode_bytes(lines: &[&[u8]]) -> Result<Counts, LineProblem> {
        let mut decoder = Decoder::default();
        for line in lines {
            decoder.line(line)?;
        }
        decoder.end()
    }

    fn lines_of(bytes: &[u8]) -> Vec<&[u8]> {
        bytes.split_inclusive(|byte| *byte == b'\n').collect()
    }

    const ITEMS: [&str; 2] = [
        "{\"kind\":\"seen\",\"event\":\"000102030405060708090a0b0c0d0eff\",\"received_at\":\"2026-11-25T10:00:00.25Z\"}",
        "{\"kind\":\"upload\",\"agent\":\"a\",\"name\":\"n\",\"what\":\"w\",\"at\":\"2026-11-25T10:00:00Z\",\
         \"expires_at\":null}",
    ];
}

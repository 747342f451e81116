//! Turns `limits.tsv` into constants, so that what is documented is what is enforced.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=limits.tsv");
    let table = fs::read_to_string("limits.tsv").expect("limits.tsv is beside Cargo.toml");
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(
        lines.next(),
        Some(COLUMNS),
        "the first line names the columns"
    );

    let (mut constants, mut all) = (String::new(), String::new());
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let [
            rule,
            path,
            minimum,
            maximum,
            unit,
            severity,
            basis,
            source,
            about,
            hint,
            ref hint_below @ ..,
        ] = columns[..]
        else {
            panic!("limits.tsv: {} columns in {line:?}", columns.len());
        };
        let name = rule.to_uppercase().replace('-', "_");
        let (minimum, maximum) = (bound(minimum, line), bound(maximum, line));
        let hint_below = match hint_below {
            [] => hint,
            [hint_below] if minimum != "None" => hint_below,
            _ => panic!("limits.tsv: a hint for too little, and no minimum, in {line:?}"),
        };
        let warning = match severity {
            "warning" => true,
            "error" => false,
            _ => panic!("limits.tsv: the severity is {severity:?} in {line:?}"),
        };
        let basis = match basis {
            "published" => "Published",
            "assumed" => "Assumed",
            "ours" => "Ours",
            _ => panic!("limits.tsv: the basis is {basis:?} in {line:?}"),
        };
        writeln!(
            constants,
            "/// {about}\npub const {name}: Limit = Limit {{ rule: {rule:?}, minimum: {minimum}, maximum: {maximum}, \
             unit: {unit:?}, warning: {warning}, source: {source:?}, hint: {hint:?}, hint_below: {hint_below:?} }};"
        )
        .expect("a string takes everything");
        writeln!(
            all,
            "    Row {{ limit: {name}, path: {path:?}, basis: Basis::{basis}, about: {about:?} }},"
        )
        .expect("a string takes everything");
    }
    let code = format!("{constants}\n/// The whole table.\npub static ALL: &[Row] = &[\n{all}];\n");
    let out = env::var_os("OUT_DIR").expect("OUT_DIR is set by cargo");
    fs::write(Path::new(&out).join("limits.rs"), code).expect("OUT_DIR can be written");
}

fn bound(text: &str, line: &str) -> String {
    if text.is_empty() {
        return "None".to_owned();
    }
    let bound: i64 = text
        .parse()
        .unwrap_or_else(|_| panic!("limits.tsv: {text:?} is no number in {line:?}"));
    format!("Some({bound})")
}

const COLUMNS: &str =
    "rule\tpath\tminimum\tmaximum\tunit\tseverity\tbasis\tsource\tabout\thint\thint_below";

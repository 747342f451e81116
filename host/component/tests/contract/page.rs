//! `wit/CONTRACT.md`, made of the contract's texts.

use crate::wit;
use std::fs;
use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

#[test]
fn the_page_is_what_the_texts_say() {
    let file = wit().join("CONTRACT.md");
    if std::env::var_os("RBM_WRITE_PAGES").is_some() {
        fs::write(&file, page()).unwrap();
    }
    let written = fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == page(),
        "wit/CONTRACT.md is older than the contract: RBM_WRITE_PAGES=1 cargo test -p rbm-component --test contract"
    );
}

fn page() -> String {
    // Of a version of its own, as the generator wants it.
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit()).unwrap();
    let world = resolve
        .select_world(&[package], Some("plugin-with-testers"))
        .unwrap();
    let mut files = Files::default();
    wit_bindgen_markdown::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .unwrap();
    let (_, page) = files
        .iter()
        .find(|(name, _)| *name == "plugin-with-testers.md")
        .unwrap();
    format!("{NOTE}{}", std::str::from_utf8(page).unwrap())
}

const NOTE: &str =
    "<!-- Made of channel.wit and types.wit; a test says how when they differ. -->\n\n";

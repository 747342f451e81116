//! Runs what the fuzzer runs over the inputs that were kept for it, so that a broken promise is seen without a fuzzer too.
//!
//! The promises are included as files, as they are in the fuzz targets, because the fuzzer's package is outside the workspace.

#[path = "../fuzz/promises/event.rs"]
mod event;
#[path = "../fuzz/promises/message.rs"]
mod message;

use std::fs;
use std::path::Path;

#[test]
fn every_kept_webhook_request_keeps_the_promises() {
    try_corpus("event", event::try_all);
}

#[test]
fn every_kept_message_keeps_the_promises() {
    try_corpus("message", message::try_all);
}

fn try_corpus(target: &str, try_all: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut tried = 0;
    for file in fs::read_dir(corpus).expect("the corpus is committed") {
        let path = file.expect("the corpus can be listed").path();
        // Shown when the test fails, and then the last of them is the one.
        println!("{}", path.display());
        try_all(&fs::read(path).expect("the corpus can be read"));
        tried += 1;
    }
    assert!(tried > 10, "only {tried} files");
}

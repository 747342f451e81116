#![no_main]

#[path = "../promises/message.rs"]
mod message;

libfuzzer_sys::fuzz_target!(|input: &[u8]| message::try_all(input));

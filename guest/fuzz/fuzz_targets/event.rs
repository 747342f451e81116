#![no_main]

#[path = "../promises/event.rs"]
mod event;

libfuzzer_sys::fuzz_target!(|input: &[u8]| event::try_all(input));

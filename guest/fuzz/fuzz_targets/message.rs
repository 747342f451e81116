#![no_main]

use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target};

#[path = "../promises/message.rs"]
mod message;
#[path = "../mutate.rs"]
mod mutate;

fuzz_target!(|input: &[u8]| message::try_all(input));

fuzz_mutator!(|data: &mut [u8], size: usize, size_max: usize, seed: u32| {
    mutate::mutate(data, size, size_max, seed, include_str!("../message.dict"))
});

fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
    mutate::cross(one, other, out, seed)
});

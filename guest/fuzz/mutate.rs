//! Changes JSON as JSON. Of the bytes of a document nearly every change ends it before the guest looks at what it says:
//! changing only bytes, the fuzzer did not bring two fields together in minutes.

use serde_json::Value;

/// Changes a document somewhere; every other time byte by byte, as the fuzzer does by itself.
pub(crate) fn mutate(
    data: &mut [u8],
    size: usize,
    size_max: usize,
    seed: u32,
    dictionary: &str,
) -> usize {
    let mut random = Random(seed.into());
    let document = serde_json::from_slice(&data[..size])
        .ok()
        .filter(|_| random.below(2) == 0);
    let Some(mut document) = document else {
        return libfuzzer_sys::fuzzer_mutate(data, size, size_max);
    };
    let quoted = dictionary
        .lines()
        .filter_map(|line| line.strip_prefix("\"\\\"")?.strip_suffix("\\\"\""));
    let words: Vec<&str> = quoted.collect();
    let value = match random.below(2) {
        0 => random.one_of(&words).into(),
        _ => serde_json::from_str(random.one_of(&VALUES)).expect("they are JSON"),
    };
    match (random.below(3), somewhere(&mut document, &mut random)) {
        (0, Value::Object(fields)) => {
            let name = fields.keys().nth(random.below(fields.len())).cloned();
            name.map(|name| fields.remove(&name));
        }
        (1, Value::Object(fields)) => drop(fields.insert(random.one_of(&words).to_owned(), value)),
        (_, place) => *place = value,
    }
    write(document.to_string().as_bytes(), &mut data[..size_max])
}

/// Puts a field of one document into another.
pub(crate) fn cross(one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let mut random = Random(seed.into());
    let (Ok(mut one), Ok(mut other)) = (serde_json::from_slice(one), serde_json::from_slice(other))
    else {
        return write(
            &[&one[..one.len() / 2], &other[other.len() / 2..]].concat(),
            out,
        );
    };
    if let (Value::Object(fields), Value::Object(others)) = (
        somewhere(&mut one, &mut random),
        somewhere(&mut other, &mut random),
    ) {
        fields.extend(others.clone().into_iter().nth(random.below(others.len())));
    }
    write(one.to_string().as_bytes(), out)
}

/// One of the values in a value, or itself.
fn somewhere<'a>(value: &'a mut Value, random: &mut Random) -> &'a mut Value {
    let inner = match value {
        Value::Object(fields) => fields.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    };
    let index = random.below(inner + 1);
    if index == inner {
        return value;
    }
    match value {
        Value::Object(fields) => somewhere(
            fields.values_mut().nth(index).expect("an index into it"),
            random,
        ),
        Value::Array(list) => somewhere(&mut list[index], random),
        leaf => leaf,
    }
}

/// As much as there is room for.
fn write(bytes: &[u8], out: &mut [u8]) -> usize {
    let size = bytes.len().min(out.len());
    out[..size].copy_from_slice(&bytes[..size]);
    size
}

/// `SplitMix64`: the fuzzer gives a seed for each change, and nothing to draw numbers with.
struct Random(u64);

impl Random {
    /// Of nothing there is the first, too: it will not be there.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).expect("31 bits") % bound.max(1)
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

const VALUES: [&str; 9] = [
    "null", "true", "0", "-1.5", "1e300", "\"\"", "\"x\"", "[]", "{}",
];

//! What stands for a text that a store is to know again and need not keep. The same in every store, so that what one has
//! written down another can go on with.

use sha2::{Digest as _, Sha256};

/// The first half of a SHA-256 over parts that cannot run into each other: each comes after its length, in 8 bytes with the
/// highest first.
pub fn digest(parts: &[&[u8]]) -> Digest {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

/// That an event is known: its agent and its dedupe key.
pub fn of_event(agent: &str, dedupe_key: &str) -> Digest {
    digest(&[agent.as_bytes(), dedupe_key.as_bytes()])
}

/// Which message something was heard of: its agent, its recipient and its id.
pub fn of_message(agent: &str, phone: &str, id: &str) -> Digest {
    digest(&[agent.as_bytes(), phone.as_bytes(), id.as_bytes()])
}

/// Whose something is.
pub fn of_person(phone: &str) -> Digest {
    digest(&[phone.as_bytes()])
}

/// 16 bytes: an index of them is small, and nobody finds two texts that share them.
pub type Digest = [u8; 16];

#[cfg(test)]
mod tests {
    use super::*;

    /// As written down for whoever reads an export: `printf '\0\0\0\0\0\0\0\1a\0\0\0\0\0\0\0\2bc' | sha256sum`.
    #[test]
    fn it_is_what_other_programs_make_of_the_same_bytes() {
        let hex: String = of_event("a", "bc")
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, "3fafa1cf2f19a7c1129beb20cf0983f7");
        assert_ne!(of_event("ab", "c"), of_event("a", "bc"));
    }
}

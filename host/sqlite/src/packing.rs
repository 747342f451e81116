//! An event is kept as the bytes that it came in, and as what the plugin made of them, which repeats most of those bytes. The
//! second is packed with the first as its dictionary, so that a long text is on the disk once.

use crate::messages::hash_bytes;
use lz4_flex::block::{
    DecompressError, compress_prepend_size_with_dict, decompress_size_prepended_with_dict,
};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

pub(crate) fn pack(inbound: &[u8], raw: &[u8]) -> Vec<u8> {
    compress_prepend_size_with_dict(inbound, raw)
}

/// Only of what its sum was right for: what is packed says itself how long it will be.
pub(crate) fn unpack(packed: &[u8], raw: &[u8]) -> Result<Vec<u8>, DecompressError> {
    decompress_size_prepended_with_dict(packed, raw)
}

pub(crate) fn sum(agent: &[u8], packed: &[u8], raw: &[u8]) -> [u8; 16] {
    hash_bytes(&[agent, packed, raw])
}

/// The functions with which `schema/8.sql` packs what was stored before. They take bytes, because a text that is damaged need not
/// be UTF-8, and one such row is not to keep the others from being migrated.
pub(crate) fn register(database: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    database.create_scalar_function("pack", 2, flags, |arguments| {
        Ok(pack(
            arguments.get_raw(0).as_bytes()?,
            arguments.get_raw(1).as_bytes()?,
        ))
    })?;
    database.create_scalar_function("sum_of_packed", 4, flags, |arguments| {
        let (agent, inbound) = (
            arguments.get_raw(0).as_bytes()?,
            arguments.get_raw(1).as_bytes()?,
        );
        let raw = arguments.get_raw(2).as_bytes()?;
        Ok(match arguments.get_raw(3).as_blob_or_null()? {
            // What is damaged stays so: this is wrong for it in any form.
            Some(old) if old != hash_bytes(&[agent, inbound, raw]) => old.to_vec(),
            _ => sum(agent, &pack(inbound, raw), raw).to_vec(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(inbound in ".{0,200}", raw in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(unpack(&pack(inbound.as_bytes(), &raw), &raw).expect("packed"), inbound.as_bytes());
        }

        /// Shorter and longer than the window of 64 KiB in which something can be repeated.
        #[test]
        fn a_text_that_repeats_its_dictionary_does_so_too(text in "[ -~]{1,40}", times in 1_usize..4_000) {
            let raw = text.repeat(times);
            let inbound = format!("{{\"text\":{raw:?}}}");
            let packed = pack(inbound.as_bytes(), raw.as_bytes());
            prop_assert_eq!(unpack(&packed, raw.as_bytes()).expect("packed"), inbound.as_bytes());
        }
    }

    /// Digits of a hash repeat nothing by themselves.
    #[test]
    fn a_text_is_kept_once() {
        let text: String = (0..32_u8)
            .flat_map(|n| hash_bytes(&[&[n]]))
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (raw, inbound) = (
            format!("{{\"text\":\"{text}\"}}"),
            format!("{{\"details\":[[\"text\",\"{text}\"]]}}"),
        );
        assert!(inbound.len() > 1_000);
        assert!(pack(inbound.as_bytes(), raw.as_bytes()).len() < 100);
    }
}

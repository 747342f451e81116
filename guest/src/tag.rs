//! The tag that Google signs webhook requests with: HMAC-SHA512, keyed with the client token as it is written (not decoded).
//! (guides/integrate/webhooks)

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use subtle::ConstantTimeEq;

/// How many bytes a tag has.
pub const TAG_BYTES: usize = 64;

/// Whether this is the whole tag of the data under the key, compared in constant time.
pub fn is_tag(key: &[u8], data: &[u8], suspected: &[u8]) -> bool {
    let Ok(suspected) = suspected.try_into() else {
        return false;
    };
    words(&tag(key, data)).ct_eq(&words(suspected)).into()
}

/// A comparison of words has an eighth of the optimisation barriers that one of bytes has.
fn words(tag: &[u8; TAG_BYTES]) -> [u64; TAG_BYTES / 8] {
    let (words, _) = tag.as_chunks();
    std::array::from_fn(|index| u64::from_ne_bytes(words[index]))
}

/// The tag of the data under the key.
#[inline(never)]
pub fn tag(key: &[u8], data: &[u8]) -> [u8; TAG_BYTES] {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

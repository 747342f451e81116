//! What wit-bindgen's code asks of an enum that it did not write itself, so that a plugin written in Rust uses these types as
//! they are.

use crate::types::{
    CardWidth, FailureCode, ImageSide, MediaHeight, Purpose, RecordingKind, Revocation, Severity,
    TextEncoding, UrlView, VerdictOutcome,
};

macro_rules! lift {
    ($($name:ident { $($case:ident),+ })+) => {$(
        impl $name {
            /// The case with this number in the contract. No other number gets here: the runtime has looked.
            #[doc(hidden)]
            pub fn _lift(number: u8) -> Self {
                const CASES: &[$name] = &[$($name::$case),+];
                const {
                    assert!(in_order(&[$($name::$case as u8),+]));
                    // Nor is one left out.
                    let _: fn(Self) = |case| match case { $($name::$case => ()),+ };
                }
                CASES[usize::from(number)]
            }
        }
    )+};
}

const fn in_order(numbers: &[u8]) -> bool {
    let mut index = 0;
    while index < numbers.len() {
        if numbers[index] as usize != index {
            return false;
        }
        index += 1;
    }
    true
}

lift! {
    Severity { Error, Warning }
    TextEncoding { Gsm7, Ucs2 }
    ImageSide { Left, Right }
    CardWidth { Small, Medium }
    MediaHeight { Short, Medium, Tall }
    UrlView { Browser, WebviewFull, WebviewHalf, WebviewTall }
    RecordingKind { Audio, Video }
    Purpose { Authentication, Transaction, Promotion, ServiceRequest, Acknowledgement }
    FailureCode { Refused, Later, Unknown, Unreachable, Misconfigured, Unsupported }
    Revocation { TakenBack, TooLate }
    VerdictOutcome { Authentic, Forged, Unsigned, Malformed, Handshake }
}

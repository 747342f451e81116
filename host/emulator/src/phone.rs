//! The phones: who owns which, and how each behaves.

use rbm_wire::name::PhoneNumber;

/// One phone's habits.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent switches of a phone")]
pub struct Phone {
    /// Whose it is.
    pub number: PhoneNumber,
    /// Whether RCS is on at all; without it a message is answered 404.
    pub rcs: bool,
    /// Whether it is reachable now; if not, messages wait.
    pub online: bool,
    /// Whether the person lets senders know what was read.
    pub read_receipts: bool,
    /// Whether the person taps the first suggestion, or answers a message that has none.
    pub replies: bool,
}

impl Phone {
    /// Online and read, without an answer: what any number is that nobody listed.
    pub fn quiet(number: PhoneNumber) -> Self {
        Self { number, rcs: true, online: true, read_receipts: true, replies: false }
    }
}

/// `+15550100001` answers, `…2` hides what it read, `…3` is offline, `…4` has no RCS.
pub fn demo() -> Vec<Phone> {
    let number = |last: u8| PhoneNumber::parse(&format!("+1555010000{last}")).expect("a plus sign and eleven digits");
    vec![
        Phone { replies: true, ..Phone::quiet(number(1)) },
        Phone { read_receipts: false, ..Phone::quiet(number(2)) },
        Phone { online: false, ..Phone::quiet(number(3)) },
        Phone { rcs: false, ..Phone::quiet(number(4)) },
    ]
}

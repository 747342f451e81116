//! Ids that follow from what callers and the platform say, so that they are the same wherever this JSON is served.

use uuid::Uuid;

/// Of a message that was given an `Idempotency-Key`: a call that is made again sends nothing again. `agent`: what does not change
/// with a configuration.
pub fn of_message(agent: &str, key: &str) -> String {
    Uuid::new_v5(&MESSAGES, format!("{agent}\0{key}").as_bytes()).to_string()
}

/// Of an event, as `webhook-id` has it: the same for each attempt, and for the same event in whatever store.
pub fn of_event(agent: &str, dedupe_key: &str) -> String {
    Uuid::new_v5(&EVENTS, format!("{agent}\0{dedupe_key}").as_bytes()).to_string()
}

/// Our own spaces of names (RFC 9562 §5.5): random UUIDs, fixed for good.
const MESSAGES: Uuid = Uuid::from_u128(0x6f1b_52a4_9d07_4c1e_8a3b_2f64_d0c7_11e9);
const EVENTS: Uuid = Uuid::from_u128(0x2b9d_7c05_61fe_4d4a_b1c8_93e2_57a0_6f34);

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python's `uuid.uuid5`.
    #[test]
    fn ids_do_not_change_from_version_to_version() {
        assert_eq!(
            of_message("demo", "order-81"),
            "c820a644-f881-530f-998b-bb9e9a4ea702"
        );
        assert_eq!(
            of_event("demo", "k"),
            "f456ae97-0836-5fb0-8fc2-16f096f035be"
        );
    }
}

//! What a plugin may use up in one call.

use std::time::Duration;

/// The limits of one call. The defaults are far above what an honest plugin needs.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Linear memory of an instance, in bytes.
    pub memory_bytes_max: usize,
    /// The guest's stack, in bytes: deep recursion ends here.
    pub stack_bytes_max: usize,
    /// Elements of each of its tables.
    pub table_elements_max: usize,
    /// How long the guest itself may run in one call, to about 10 ms. Waiting for HTTP does not count.
    pub running_time_max: Duration,
    /// How long one call may take altogether, HTTP included. An upload has a second more for each megabyte.
    pub call_time_max: Duration,
    /// Bytes that one value of the plugin may make the host allocate. A value for the plugin has the room of its memory.
    pub copied_bytes_max: usize,
    /// HTTP requests in one call.
    pub fetches_max: u32,
    /// Calls under way at once; further ones wait for their turn.
    pub instances_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 32 << 20,
            stack_bytes_max: 512 << 10,
            table_elements_max: 10_000,
            running_time_max: Duration::from_millis(250),
            call_time_max: Duration::from_mins(1),
            copied_bytes_max: 4 << 20,
            fetches_max: 16,
            instances_max: 1_000,
        }
    }
}

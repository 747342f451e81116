//! What the platform takes at once, as Google publishes it.

use rbm_gateway::Capacity;
use rbm_gateway::store::tester::TesterQuota;
use rbm_wire::{file, limits, reach, tester};

pub(crate) fn published() -> Capacity {
    Capacity {
        reach_people_max: limits::REACH_RECIPIENTS.most(),
        reach_calls_per_minute_max: reach::CALLS_PER_MINUTE_MAX,
        file_bytes_max: file::BYTES_MAX,
        testers: TesterQuota {
            per_day: tester::PER_DAY_MAX,
            total: tester::TOTAL_MAX,
        },
    }
}

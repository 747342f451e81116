//! How many questions may be asked. (reference/rest/v1/users/batchGet)

use jiff::{SignedDuration, Timestamp};
use rbm_wire::reach::CALLS_PER_MINUTE_MAX;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The times of the questions of the last minute.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Quota(VecDeque<Timestamp>);

impl Quota {
    pub(super) fn times(&self) -> &VecDeque<Timestamp> {
        &self.0
    }

    /// False if there were too many. That the minute slides is assumed.
    pub(super) fn admit(&mut self, now: Timestamp) -> bool {
        admit(
            &mut self.0,
            now,
            SignedDuration::from_mins(1),
            CALLS_PER_MINUTE_MAX,
        )
    }
}

/// Whether one more fits into what was done in a time that has just passed; it is noted if so.
pub(super) fn admit(
    times: &mut VecDeque<Timestamp>,
    now: Timestamp,
    time: SignedDuration,
    most: u32,
) -> bool {
    while times
        .front()
        .is_some_and(|then| now.duration_since(*then) >= time)
    {
        times.pop_front();
    }
    let admitted = times.len() < most as usize;
    if admitted {
        times.push_back(now);
    }
    admitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_hundred_questions_a_minute_are_answered() {
        let at = |seconds: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut quota = Quota::default();
        let answered =
            |quota: &mut Quota, seconds| (0..700).filter(|_| quota.admit(at(seconds))).count();
        assert_eq!(
            [0, 59, 60, 119, 121].map(|seconds| answered(&mut quota, seconds)),
            [600, 0, 600, 0, 600]
        );
    }
}

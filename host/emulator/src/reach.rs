//! Which of many people can be reached, and how many questions may be asked. (reference/rest/v1/users/batchGet)

use jiff::{SignedDuration, Timestamp};
use rbm_wire::name::PhoneNumber;
use rbm_wire::reach::{CALLS_PER_MINUTE_MAX, Reach, SAMPLED_FROM};
use std::collections::{BTreeSet, VecDeque};

/// The times of the questions of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Quota(VecDeque<Timestamp>);

impl Quota {
    /// False if there were too many. That the minute slides is assumed.
    pub(crate) fn admit(&mut self, now: Timestamp) -> bool {
        let minute = SignedDuration::from_mins(1);
        while self.0.front().is_some_and(|asked| now.duration_since(*asked) >= minute) {
            self.0.pop_front();
        }
        let admitted = self.0.len() < CALLS_PER_MINUTE_MAX as usize;
        if admitted {
            self.0.push_back(now);
        }
        admitted
    }
}

/// Carriers are left out: which numbers are American, and whose, is nothing that this platform knows.
pub(crate) fn reach(asked: &BTreeSet<PhoneNumber>, reachable: impl Fn(&PhoneNumber) -> bool) -> Reach {
    // About three quarters, and the same ones each time; a sample that is random would make tests so.
    let sampled = if asked.len() < SAMPLED_FROM { 0 } else { asked.len() * 3 / 4 };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Reach {
        reachable_users: asked.iter().filter(|phone| reachable(phone)).map(ToString::to_string).collect(),
        total_random_sample_user_count: count(sampled),
        reachable_random_sample_user_count: count(asked.iter().take(sampled).filter(|phone| reachable(phone)).count()),
        reachable_users_map: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_hundred_questions_a_minute_are_answered() {
        let at = |seconds: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut quota = Quota::default();
        let answered = |quota: &mut Quota, seconds| (0..700).filter(|_| quota.admit(at(seconds))).count();
        assert_eq!([0, 59, 60, 119, 121].map(|seconds| answered(&mut quota, seconds)), [600, 0, 600, 0, 600]);
    }

    #[test]
    fn fewer_than_500_have_no_sample() {
        let asked = |people: usize| -> BTreeSet<PhoneNumber> {
            (0..people).map(|index| PhoneNumber::parse(&format!("+1555{index:07}")).expect("a number")).collect()
        };
        let even = |phone: &PhoneNumber| phone.as_str().ends_with(['0', '2', '4', '6', '8']);
        let found = |people| {
            let reach = reach(&asked(people), even);
            (
                reach.reachable_users.len(),
                reach.total_random_sample_user_count,
                reach.reachable_random_sample_user_count,
            )
        };
        assert_eq!((found(499), found(500), found(5_000)), ((250, 0, 0), (250, 375, 188), (2_500, 3_750, 1_875)));
    }
}

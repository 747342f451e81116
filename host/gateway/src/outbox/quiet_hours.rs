//! When people sleep. Pure: time is an argument, and the time zones are built in.
//!
//! The hours are those of one place, which is the agent's to choose: a phone number does not say where its owner is. Where the
//! clocks are changed within the hours, the night is an hour shorter or longer. An end that the clocks show twice is the second
//! one; one that they never show is when they jump over it.

use jiff::civil::Time;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, civil};

/// A part of each day in which nobody is disturbed but by what cannot wait (`store::lane::ESSENTIAL`).
#[derive(Clone, Debug)]
pub struct QuietHours {
    from: Time,
    to: Time,
    zone: TimeZone,
}

/// Nothing, or the whole day.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("quiet hours are from {0} to {0}, and must end at another time than they begin")]
pub struct QuietHoursProblem(pub Time);

impl QuietHours {
    /// From a time of day to another, which may be the next day's; by the clocks of a zone.
    pub fn new(from: Time, to: Time, zone: TimeZone) -> Result<Self, QuietHoursProblem> {
        if from == to {
            Err(QuietHoursProblem(from))
        } else {
            Ok(Self { from, to, zone })
        }
    }

    /// Until when it is quiet, if it is.
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        // The night of today, and the one that began yesterday.
        let nights = [today.yesterday(), Ok(today)].into_iter().flatten();
        nights
            .filter_map(|day| self.night(day))
            .find(|(from, to)| (*from..*to).contains(&now))
            .map(|(_, to)| to)
    }

    fn night(&self, day: civil::Date) -> Option<(Timestamp, Timestamp)> {
        let end = if self.from < self.to {
            day
        } else {
            day.tomorrow().ok()?
        };
        Some((
            self.moment(day.to_datetime(self.from), Twice::First)?,
            self.moment(end.to_datetime(self.to), Twice::Second)?,
        ))
    }

    /// When the clocks show it.
    fn moment(&self, shown: civil::DateTime, twice: Twice) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        match (ambiguous.offset(), twice) {
            (AmbiguousOffset::Gap { .. }, _) => self
                .zone
                .following(ambiguous.earlier().ok()?)
                .next()
                .map(|change| change.timestamp()),
            (_, Twice::First) => ambiguous.earlier().ok(),
            (_, Twice::Second) => ambiguous.later().ok(),
        }
    }
}

/// Which of two, where the clocks show a time twice.
enum Twice {
    First,
    Second,
}

/// From `21:30` to `07:00` by the clocks of `Europe/Berlin`.
#[cfg(test)]
pub(super) fn hours(from: &str, to: &str, zone: &str) -> QuietHours {
    let time = |text: &str| Time::strptime("%H:%M", text).expect("a time");
    QuietHours::new(time(from), time(to), TimeZone::get(zone).expect("a zone")).expect("hours")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// In 2026 the clocks of Berlin go forward on March 29 at 1:00 UTC, from 2:00 to 3:00, and back on October 25 at 1:00 UTC,
    /// from 3:00 to 2:00.
    #[test]
    #[expect(clippy::too_many_lines, reason = "lists, one value a line")]
    fn each_night_ends_when_the_clocks_say_so() {
        for (what, from, to, zone, now, until) in [
            (
                "before",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-06-10T18:59:59Z",
                None,
            ),
            (
                "evening",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-06-10T19:00:00Z",
                Some("2026-06-11T06:00:00Z"),
            ),
            (
                "after midnight",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-06-10T22:30:00Z",
                Some("2026-06-11T06:00:00Z"),
            ),
            (
                "last second",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-06-11T05:59:59Z",
                Some("2026-06-11T06:00:00Z"),
            ),
            (
                "morning",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-06-11T06:00:00Z",
                None,
            ),
            (
                "in winter",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-01-10T20:00:00Z",
                Some("2026-01-11T07:00:00Z"),
            ),
            (
                "over no midnight",
                "12:00",
                "14:30",
                "America/New_York",
                "2026-07-01T16:00:00Z",
                Some("2026-07-01T18:30:00Z"),
            ),
            (
                "a short night",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-03-28T20:00:00Z",
                Some("2026-03-29T06:00:00Z"),
            ),
            (
                "a long night",
                "21:00",
                "08:00",
                "Europe/Berlin",
                "2026-10-24T19:00:00Z",
                Some("2026-10-25T07:00:00Z"),
            ),
            (
                "an end that is skipped",
                "21:00",
                "02:30",
                "Europe/Berlin",
                "2026-03-29T00:59:59Z",
                Some("2026-03-29T01:00:00Z"),
            ),
            (
                "after it",
                "21:00",
                "02:30",
                "Europe/Berlin",
                "2026-03-29T01:00:00Z",
                None,
            ),
            (
                "a beginning that is skipped",
                "02:30",
                "08:00",
                "Europe/Berlin",
                "2026-03-29T01:00:00Z",
                Some("2026-03-29T06:00:00Z"),
            ),
            (
                "before it",
                "02:30",
                "08:00",
                "Europe/Berlin",
                "2026-03-29T00:59:59Z",
                None,
            ),
            (
                "an end shown twice, first",
                "21:00",
                "02:30",
                "Europe/Berlin",
                "2026-10-25T00:45:00Z",
                Some("2026-10-25T01:30:00Z"),
            ),
            (
                "second",
                "21:00",
                "02:30",
                "Europe/Berlin",
                "2026-10-25T01:15:00Z",
                Some("2026-10-25T01:30:00Z"),
            ),
            (
                "a beginning shown twice",
                "02:30",
                "08:00",
                "Europe/Berlin",
                "2026-10-25T00:30:00Z",
                Some("2026-10-25T07:00:00Z"),
            ),
        ] {
            let hours = hours(from, to, zone);
            assert_eq!(hours.quiet_until(at(now)), until.map(at), "{what}");
        }
    }

    #[test]
    fn hours_end_at_another_time_than_they_begin() {
        let time = Time::constant(21, 0, 0, 0);
        assert_eq!(
            QuietHours::new(time, time, TimeZone::UTC).err(),
            Some(QuietHoursProblem(time))
        );
    }
}

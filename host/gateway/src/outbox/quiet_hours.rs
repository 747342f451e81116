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

/// Why there are no such hours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum QuietHoursProblem {
    /// A time of day that is none.
    #[error("quiet hours have the time {0:?}, which must be like 21:30")]
    Time(String),
    /// Nothing, or the whole day.
    #[error("quiet hours are from {0} to {0}, and must end at another time than they begin")]
    Empty(String),
    /// A place that nobody knows.
    #[error("quiet hours have the time zone {0:?}, which must be one of IANA's, like Europe/Berlin")]
    Zone(String),
}

impl QuietHours {
    /// From a time of day, such as `21:30`, to another, which may be the next day's; by the clocks of a zone of IANA's.
    pub fn new(from: &str, to: &str, zone: &str) -> Result<Self, QuietHoursProblem> {
        let time = |text: &str| Time::strptime("%H:%M", text).map_err(|_| QuietHoursProblem::Time(text.to_owned()));
        let (start, end) = (time(from)?, time(to)?);
        let zone = TimeZone::get(zone).map_err(|_| QuietHoursProblem::Zone(zone.to_owned()))?;
        Self::between(start, end, zone)
    }

    /// The same, of what has been read already.
    pub fn between(from: Time, to: Time, zone: TimeZone) -> Result<Self, QuietHoursProblem> {
        if from == to {
            Err(QuietHoursProblem::Empty(from.strftime("%H:%M").to_string()))
        } else {
            Ok(Self { from, to, zone })
        }
    }

    /// Until when it is quiet, if it is.
    pub fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let today = self.zone.to_datetime(now).date();
        // The night of today, and the one that began yesterday.
        let nights = [today.yesterday(), Ok(today)].into_iter().flatten();
        nights.filter_map(|day| self.night(day)).find(|(from, to)| (*from..*to).contains(&now)).map(|(_, to)| to)
    }

    fn night(&self, day: civil::Date) -> Option<(Timestamp, Timestamp)> {
        let end = if self.from < self.to { day } else { day.tomorrow().ok()? };
        Some((
            self.moment(day.to_datetime(self.from), Twice::First)?,
            self.moment(end.to_datetime(self.to), Twice::Second)?,
        ))
    }

    /// When the clocks show it.
    fn moment(&self, shown: civil::DateTime, twice: Twice) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        match (ambiguous.offset(), twice) {
            (AmbiguousOffset::Gap { .. }, _) => {
                self.zone.following(ambiguous.earlier().ok()?).next().map(|change| change.timestamp())
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// In 2026 the clocks of Berlin go forward on March 29 at 1:00 UTC, from 2:00 to 3:00, and back on October 25 at 1:00 UTC,
    /// from 3:00 to 2:00.
    #[test]
    fn each_night_ends_when_the_clocks_say_so() {
        for (what, from, to, zone, now, until) in [
            ("before", "21:00", "08:00", "Europe/Berlin", "2026-06-10T18:59:59Z", None),
            ("evening", "21:00", "08:00", "Europe/Berlin", "2026-06-10T19:00:00Z", Some("2026-06-11T06:00:00Z")),
            ("after midnight", "21:00", "08:00", "Europe/Berlin", "2026-06-10T22:30:00Z", Some("2026-06-11T06:00:00Z")),
            ("last second", "21:00", "08:00", "Europe/Berlin", "2026-06-11T05:59:59Z", Some("2026-06-11T06:00:00Z")),
            ("morning", "21:00", "08:00", "Europe/Berlin", "2026-06-11T06:00:00Z", None),
            ("in winter", "21:00", "08:00", "Europe/Berlin", "2026-01-10T20:00:00Z", Some("2026-01-11T07:00:00Z")),
            (
                "over no midnight",
                "12:00",
                "14:30",
                "America/New_York",
                "2026-07-01T16:00:00Z",
                Some("2026-07-01T18:30:00Z"),
            ),
            ("a short night", "21:00", "08:00", "Europe/Berlin", "2026-03-28T20:00:00Z", Some("2026-03-29T06:00:00Z")),
            ("a long night", "21:00", "08:00", "Europe/Berlin", "2026-10-24T19:00:00Z", Some("2026-10-25T07:00:00Z")),
            (
                "an end that is skipped",
                "21:00",
                "02:30",
                "Europe/Berlin",
                "2026-03-29T00:59:59Z",
                Some("2026-03-29T01:00:00Z"),
            ),
            ("after it", "21:00", "02:30", "Europe/Berlin", "2026-03-29T01:00:00Z", None),
            (
                "a beginning that is skipped",
                "02:30",
                "08:00",
                "Europe/Berlin",
                "2026-03-29T01:00:00Z",
                Some("2026-03-29T06:00:00Z"),
            ),
            ("before it", "02:30", "08:00", "Europe/Berlin", "2026-03-29T00:59:59Z", None),
            (
                "an end shown twice, first",
                "21:00",
                "02:30",
                "Europe/Berlin",
                "2026-10-25T00:45:00Z",
                Some("2026-10-25T01:30:00Z"),
            ),
            ("second", "21:00", "02:30", "Europe/Berlin", "2026-10-25T01:15:00Z", Some("2026-10-25T01:30:00Z")),
            (
                "a beginning shown twice",
                "02:30",
                "08:00",
                "Europe/Berlin",
                "2026-10-25T00:30:00Z",
                Some("2026-10-25T07:00:00Z"),
            ),
        ] {
            let hours = QuietHours::new(from, to, zone).expect("hours");
            assert_eq!(hours.quiet_until(at(now)), until.map(at), "{what}");
        }
    }

    #[test]
    fn what_are_no_hours_is_named() {
        for (from, to, zone, problem) in [
            ("25:00", "08:00", "Europe/Berlin", "quiet hours have the time \"25:00\", which must be like 21:30"),
            ("21:00", "8 am", "Europe/Berlin", "quiet hours have the time \"8 am\", which must be like 21:30"),
            (
                "21:00",
                "21:00",
                "UTC",
                "quiet hours are from 21:00 to 21:00, and must end at another time than they begin",
            ),
            (
                "21:00",
                "08:00",
                "Berlin",
                "quiet hours have the time zone \"Berlin\", which must be one of IANA's, like Europe/Berlin",
            ),
        ] {
            assert_eq!(QuietHours::new(from, to, zone).expect_err("no hours").to_string(), problem);
        }
    }
}

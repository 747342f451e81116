//! Times as RBM writes them: RFC 3339, of any offset, read and written to whole seconds.
//!
//! Our own sixty lines because a calendar library makes the component half as large again, and all that is asked
//! here is how many seconds lie between two times, and which time is so many seconds after another.

/// Seconds since 1970-01-01T00:00:00Z, or none for what is not RFC 3339. Fractions are cut off; a leap second counts as
/// the second after.
pub fn unix_seconds(text: &str) -> Option<i64> {
    let (date_time, offset) = split_offset(text)?;
    let (date, time) = date_time.split_once(['T', 't'])?;
    let [year, month, day] = fields(date, '-', [4, 2, 2])?;
    let (time, fraction) = time
        .split_once('.')
        .map_or((time, None), |(time, fraction)| (time, Some(fraction)));
    let [hour, minute, second] = fields(time, ':', [2, 2, 2])?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (hour <= 23 && minute <= 59 && second <= 60)
        && fraction.is_none_or(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        });
    in_range.then(|| {
        days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    })
}

/// The time in UTC, from the year 0 to 9999; none outside of these.
pub fn rfc_3339(unix_seconds: i64) -> Option<String> {
    let (days, second) = (
        unix_seconds.div_euclid(86_400),
        unix_seconds.rem_euclid(86_400),
    );
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let time = || format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    (0..=9_999).contains(&year).then(time)
}

/// The part before the offset, and the offset in seconds east of Greenwich.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(rest) = text.strip_suffix(['Z', 'z']) {
        return Some((rest, 0));
    }
    let (rest, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, offset) = match offset.strip_prefix('+') {
        Some(offset) => (1, offset),
        None => (-1, offset.strip_prefix('-')?),
    };
    let [hours, minutes] = fields(offset, ':', [2, 2])?;
    (hours <= 23 && minutes <= 59).then_some((rest, sign * (hours * 3_600 + minutes * 60)))
}

/// Numbers of so many digits each, with a separator between them and nothing else.
fn fields<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let well_formed = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        *number = if well_formed {
            part.parse().ok()?
        } else {
            return None;
        };
    }
    parts.next().is_none().then_some(numbers)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The proleptic Gregorian calendar, counted in years that begin in March so that the leap day comes last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// The reverse. 400 years have 146,097 days, 4 years 1,461, 100 years 36,524; the leap day ends its year.
fn date(days_since_epoch: i64) -> (i64, i64, i64) {
    let days = days_since_epoch.saturating_add(DAYS_TO_1970);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let (year, month) = if month >= 10 {
        (year + 1, month - 9)
    } else {
        (year, month + 3)
    };
    (era.saturating_mul(400).saturating_add(year), month, day)
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    /// The seconds are those of `date -u -d TIME +%s`.
    #[test]
    fn rfc_3339_is_read_to_the_second() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-24T10:15:02.474764Z", Some(1_795_515_302)),
            ("2026-11-24T11:15:02.474764123+01:00", Some(1_795_515_302)),
            ("2026-11-24t04:45:02-05:30", Some(1_795_515_302)),
            ("2000-02-29T23:59:59Z", Some(951_868_799)),
            ("1969-12-31T23:59:59Z", Some(-1)),
            ("2400-02-29T00:00:00Z", Some(13_574_563_200)),
            ("2026-02-29T00:00:00Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-24", None),
            ("2026-11-24T10:15:02", None),
            ("2026-11-24T24:00:00Z", None),
            ("2026-11-24T10:15:02.Z", None),
            ("2026-11-24T10:15:02+1:00", None),
            ("2026-11-24T+1:15:02Z", None),
            ("", None),
            ("tomorrow", None),
            ("2026-11-24T10:15:0é00", None),
        ] {
            assert_eq!(unix_seconds(text), seconds, "{text}");
        }
    }

    #[test]
    fn every_day_of_four_hundred_years_is_written_as_it_is_read() {
        for day in -146_097..=146_097 {
            let seconds = day * 86_400 + 86_399;
            let text = rfc_3339(seconds).unwrap_or_default();
            assert_eq!(unix_seconds(&text), Some(seconds), "{text}");
        }
        assert_eq!(
            rfc_3339(1_795_515_302).as_deref(),
            Some("2026-11-24T10:15:02Z")
        );
        assert_eq!(
            rfc_3339(253_402_300_799).as_deref(),
            Some("9999-12-31T23:59:59Z")
        );
        assert_eq!(
            (
                rfc_3339(253_402_300_800),
                rfc_3339(i64::MIN),
                rfc_3339(i64::MAX)
            ),
            (None, None, None)
        );
    }
}

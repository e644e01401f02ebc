//! The dates of header fields (RFC 9110 section 5.6.7).

use std::time::{Duration, SystemTime};

use super::conditional::whole_seconds;

/// Fifty years, with as many leap days as they may have.
const FIFTY_YEARS: Duration = Duration::from_secs((50 * 365 + 13) * 24 * 60 * 60);

/// Reads a date in any of the three formats, as seconds since 1970; `None` for what is no date, such as 31 February or a
/// day of the week that it was not.
///
/// A leap second is the second after the 59th. A year of two digits is the one that is at most fifty years ahead of
/// `now`.
pub(super) fn seconds(text: &str, now: SystemTime) -> Option<u64> {
    // the library knows no leap seconds
    let leap = u64::from(text.contains(":60 "));
    let text = text.replacen(":60 ", ":59 ", 1);
    let date = match text.split_once('-') {
        Some(_) => obsolete(&text, now)?,
        None => httpdate::parse_http_date(&text).ok()?,
    };
    Some(whole_seconds(date) + leap)
}

/// Reads `Sunday, 06-Nov-94 08:49:37 GMT`, the format of RFC 850.
fn obsolete(text: &str, now: SystemTime) -> Option<SystemTime> {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let (day_name, rest) = text.split_once(", ")?;
    let mut parts = rest.splitn(3, '-');
    let (day, month) = (parts.next()?, parts.next()?);
    let (year, time) = parts.next().filter(|rest| rest.is_char_boundary(2) && rest.len() > 2)?.split_at(2);
    let short = DAYS.contains(&day_name).then(|| day_name.get(..3)).flatten()?;
    let in_century = |century: &str| {
        httpdate::parse_http_date(&format!("{short}, {day} {month} {century}{year}{time}")).ok()
    };
    in_century("20").filter(|date| *date <= now + FIFTY_YEARS).or_else(|| in_century("19"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        httpdate::parse_http_date("Sun, 22 Nov 2026 16:14:33 GMT").expect("a date")
    }

    #[test]
    fn all_three_formats_are_one_date() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(seconds(text, now()), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn two_digits_are_the_year_that_is_at_most_fifty_years_ahead() {
        for (short, long) in [
            ("Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Friday, 06-Nov-26 08:49:37 GMT", "Fri, 06 Nov 2026 08:49:37 GMT"),
            ("Wednesday, 06-Nov-69 08:49:37 GMT", "Wed, 06 Nov 2069 08:49:37 GMT"),
            ("Wednesday, 06-Nov-75 08:49:37 GMT", "Wed, 06 Nov 2075 08:49:37 GMT"),
            ("Sunday, 06-Nov-77 08:49:37 GMT", "Sun, 06 Nov 1977 08:49:37 GMT"),
        ] {
            let expected = httpdate::parse_http_date(long).expect("a date");
            assert_eq!(seconds(short, now()), Some(whole_seconds(expected)), "{short}");
        }
    }

    #[test]
    fn a_leap_second_is_a_second() {
        assert_eq!(
            seconds("Sat, 31 Dec 2016 23:59:60 GMT", now()),
            seconds("Sun, 01 Jan 2017 00:00:00 GMT", now())
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "tomorrow",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Mon, 03 Feb 2025 08:49:37 GMT ago",
            "Mon, 31 Feb 2025 08:49:37 GMT",
            "Sat, 29 Feb 2025 08:49:37 GMT",
            "Friday, 31-Feb-25 08:49:37 GMT",
            "Fri Feb 31 08:49:37 2025",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-94",
            "Sunday, 06-Nov-\u{fc}\u{fc} 08:49:37 GMT",
            "Sunday, --",
            "1994-11-06T08:49:37Z",
            "S\u{fc}n, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds(text, now()), None, "{text}");
        }
        assert!(seconds("Tue, 29 Feb 2028 08:49:37 GMT", now()).is_some());
    }
}

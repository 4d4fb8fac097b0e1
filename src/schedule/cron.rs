//! Patterns of cron: at which moments something is due, in UTC.
//!
//! Six fields, seconds first, as the scheduler in `cron.rs` wants them. Everything that the scheduler would swallow and
//! then never ring is refused here, when the settings are read. Nothing here waits or looks at a clock, and there are
//! no time zones: what has to happen at a place's own hour must be worked out from an hourly ring.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, SubsecRound as _, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

/// The fields in their order, and what may stand in each.
const FIELDS: [(&str, &str); 6] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day", "1 to 31, or L for the last day of the month"),
    ("month", "1 to 12, or JAN to DEC"),
    ("weekday", "0 to 7 (both are Sunday), or SUN to SAT"),
];

/// A pattern that is known to come again and again.
#[derive(Clone, PartialEq)]
pub struct Pattern {
    text: String,
    cron: Cron,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    #[error(
        "expected six fields of cron (second minute hour day month weekday) such as \"0 0 * * * *\", found \"{}\"",
        .found.escape_debug()
    )]
    Fields { found: String },
    #[error(
        "\"{}\" can't be the {field} in \"{}\": expected * or {expected}, or a list, range or step of these",
        .part.escape_debug(), .found.escape_debug()
    )]
    Field { field: &'static str, expected: &'static str, part: String, found: String },
    #[error("\"{}\" never comes: no month that it names has such a day", .found.escape_debug())]
    Never { found: String },
}

impl Pattern {
    /// Reads six fields, and makes sure that there are at least two moments which fit them.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let found = || text.to_owned();
        let parts: Vec<_> = text.split_whitespace().collect();
        if parts.len() != FIELDS.len() {
            return Err(BadPattern::Fields { found: found() });
        }
        for (index, (field, expected)) in FIELDS.into_iter().enumerate() {
            let mut alone = ["*"; FIELDS.len()];
            alone[index] = parts[index];
            // An empty item of a list is passed over by the parser; a field of nothing else would never come.
            if parts[index].split(',').any(str::is_empty) || read(&alone.join(" ")).is_none() {
                return Err(BadPattern::Field {
                    field,
                    expected,
                    part: parts[index].to_owned(),
                    found: found(),
                });
            }
        }
        let Some(cron) = read(&parts.join(" ")) else { return Err(BadPattern::Fields { found: found() }) };
        let pattern = Self { text: parts.join(" "), cron };
        let twice = pattern.next_after(first_looked_at()).and_then(|first| pattern.next_after(first));
        if twice.is_none() {
            return Err(BadPattern::Never { found: found() });
        }
        Ok(pattern)
    }

    /// The first moment after `now` that fits. None only towards the year 5000, where the search ends.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // The search would carry a part of a second along.
        self.cron.find_next_occurrence(&now.trunc_subsecs(0), false).ok()
    }

    /// The last moment up to and with `now` that fits: what should have happened by now, if nobody was there then. None
    /// only at the beginning of our era, where the search ends.
    pub fn latest_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_previous_occurrence(&now.trunc_subsecs(0), true).ok()
    }

    /// The six fields, with one blank between them.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text only: what it was read into is a page of bits.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

fn read(text: &str) -> Option<Cron> {
    CronParser::builder().seconds(Seconds::Required).build().parse(text).ok()
}

/// From when on a pattern is looked for when it is read. The search goes up to the year 5000, and a pattern names no year,
/// so it is enough to look at the last hundred: every day that there can be comes twice in them, 29 February on a
/// given weekday included, and one that can't be is soon given up.
fn first_looked_at() -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(4900, 1, 1).expect("a day of the calendar").and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, Timelike as _};
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_and_the_last_moment() {
        for (text, now, last, next) in [
            ("0 0 * * * *", "2026-11-21T10:20:30Z", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"),
            // A moment that fits is its own last one, and never its own next one.
            ("0 0 * * * *", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"),
            ("0 0 * * * *", "2026-11-21T10:00:00.7Z", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"),
            ("0 0 * * * *", "2026-11-21T10:59:59.999Z", "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z"),
            ("* * * * * *", "2026-12-31T23:59:59.5Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
            ("30 15 3 * * *", "2026-01-01T00:00:00Z", "2025-12-31T03:15:30Z", "2026-01-01T03:15:30Z"),
            ("0 0 6 * * MON-FRI", "2026-11-21T10:00:00Z", "2026-11-20T06:00:00Z", "2026-11-23T06:00:00Z"),
            ("0 */15 8-17 * * *", "2026-11-21T17:50:00Z", "2026-11-21T17:45:00Z", "2026-11-22T08:00:00Z"),
            ("0 0 0 29 2 *", "2026-11-21T10:00:00Z", "2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 0 L * *", "2026-02-10T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"),
            ("0 0 0 1 jan,jul ?", "2026-02-10T00:00:00Z", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"),
            // In Europe the clocks change in this night; here they don't.
            ("0 30 2 * * *", "2026-10-25T00:00:00Z", "2026-10-24T02:30:00Z", "2026-10-25T02:30:00Z"),
        ] {
            let (pattern, now) = (pattern(text), moment(now));
            assert_eq!(pattern.latest_until(now), Some(moment(last)), "{text} at {now}");
            assert_eq!(pattern.next_after(now), Some(moment(next)), "{text} at {now}");
        }
    }

    #[test]
    fn five_fields_are_refused_with_a_right_pattern_to_copy() {
        for text in ["0 * * * *", "@hourly", "0 0 * * * * 2026", "", "every hour"] {
            assert_eq!(
                Pattern::parse(text).unwrap_err().to_string(),
                format!(
                    "expected six fields of cron (second minute hour day month weekday) such as \"0 0 * * * *\", found \"{text}\""
                )
            );
        }
    }

    #[test]
    fn a_field_that_cannot_be_is_named() {
        for (text, field, part) in [
            ("60 0 * * * *", "second", "60"),
            ("0 0-60 * * * *", "minute", "0-60"),
            ("0 0 24 * * *", "hour", "24"),
            ("0 0 0 0 * *", "day", "0"),
            ("0 0 0 * 13 *", "month", "13"),
            ("0 0 0 * * MOON", "weekday", "MOON"),
            ("*/0 * * * * *", "second", "*/0"),
            ("0 , * * * *", "minute", ","),
            ("0 0 1,,2 * * *", "hour", "1,,2"),
            ("0 0 * * * @", "weekday", "@"),
            ("0 0 ✓ * * *", "hour", "✓"),
        ] {
            let error = Pattern::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("\"{part}\" can't be the {field} in \"{text}\": expected ")),
                "{error}"
            );
        }
        assert_eq!(
            Pattern::parse("0 61 * * * *").unwrap_err().to_string(),
            "\"61\" can't be the minute in \"0 61 * * * *\": expected * or 0 to 59, or a list, range or step of these"
        );
    }

    #[test]
    fn what_never_comes_is_refused() {
        for text in
            ["0 0 0 31 2 *", "0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *", "0 0 0 31 FEB +MON", "0 0 0 * * L"]
        {
            assert_eq!(
                Pattern::parse(text).unwrap_err().to_string(),
                format!("\"{text}\" never comes: no month that it names has such a day")
            );
        }
        // Rare is not never.
        assert_eq!(
            pattern("0 0 0 29 2 +MON").next_after(moment("2026-01-01T00:00:00Z")),
            Some(moment("2044-02-29T00:00:00Z"))
        );
    }

    #[test]
    fn blanks_do_not_matter() {
        assert_eq!(pattern("  0  0\t* * * * ").as_str(), "0 0 * * * *");
        assert_eq!(format!("{:?}", pattern("0 0 * * * *")), "Pattern(\"0 0 * * * *\")");
    }

    #[test]
    fn time_has_two_ends() {
        let hourly = pattern("0 0 * * * *");
        assert_eq!(hourly.next_after(DateTime::<Utc>::MAX_UTC), None);
        assert_eq!(hourly.latest_until(DateTime::<Utc>::MIN_UTC), None);
    }

    /// A field of numbers below `end`, as text, and the numbers that it stands for.
    fn field(end: u32) -> impl Strategy<Value = (String, Vec<u32>)> {
        prop_oneof![
            Just(("*".to_owned(), (0..end).collect())),
            (1..end).prop_map(move |step| (
                format!("*/{step}"),
                (0..end).filter(|n| n % step == 0).collect::<Vec<_>>()
            )),
            (0..end, 0..end).prop_map(|(a, b)| (
                format!("{}-{}", a.min(b), a.max(b)),
                (a.min(b)..=a.max(b)).collect::<Vec<_>>()
            )),
            proptest::collection::vec(0..end, 1..5).prop_map(|numbers| (
                numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
                numbers
            )),
        ]
    }

    proptest! {
        // Each case tries a day's seconds one by one.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn it_is_what_one_finds_by_trying_every_second(
            second in field(60), minute in field(60), hour in field(24), now in 0..4_000_000_000_i64,
        ) {
            let pattern = pattern(&format!("{} {} {} * * *", second.0, minute.0, hour.0));
            let fits = |at: &DateTime<Utc>| {
                second.1.contains(&at.second()) && minute.1.contains(&at.minute()) && hour.1.contains(&at.hour())
            };
            let now = DateTime::from_timestamp(now, 0).unwrap();
            let next = (1..=86_400).map(|n| now + TimeDelta::seconds(n)).find(fits);
            let last = (0..86_400).map(|n| now - TimeDelta::seconds(n)).find(fits);
            prop_assert_eq!(pattern.next_after(now), next);
            prop_assert_eq!(pattern.latest_until(now), last);
        }
    }

    proptest! {
        #[test]
        fn nothing_lies_between_the_last_and_the_next(
            day in 1..31_u32, months in proptest::sample::subsequence((1..=12).collect::<Vec<u32>>(), 1..12),
            rest in proptest::sample::select(vec!["*", "MON", "+MON-WED", "5#2", "FRIL"]),
            now in 0..4_000_000_000_000_i64,
        ) {
            let months = months.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            // 30 February: what is refused is another test's.
            let Ok(pattern) = Pattern::parse(&format!("1 2 3 {day} {months} {rest}")) else { return Ok(()) };
            let now = DateTime::from_timestamp_millis(now).unwrap();
            let (last, next) = (pattern.latest_until(now).unwrap(), pattern.next_after(now).unwrap());
            prop_assert!(last <= now && now < next);
            prop_assert_eq!(pattern.next_after(last), Some(next));
            prop_assert_eq!(pattern.latest_until(next - TimeDelta::seconds(1)), Some(last));
        }

        #[test]
        fn any_text_is_read_or_refused(
            text in proptest::collection::vec("[0-9*/,#LW?+-]{1,4}|[A-Z]{3}|\\PC{0,3}", 5..8),
        ) {
            let text = text.join(" ");
            match Pattern::parse(&text) {
                Ok(pattern) => prop_assert_eq!(Pattern::parse(pattern.as_str()), Ok(pattern)),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }
}

//! Spans of time as people write them: `"3.01s"`, `"15m"`, `"1h30m"`, `"180d"`, or a number of seconds.
//!
//! Counted in whole nanoseconds from the digits, so that `"3.01s"` is exactly what the datatracker calls 3.01.

use std::time::Duration;

/// What a span may look like, for error sentences.
pub(super) const EXPECTED: &str =
    r#"a span of time such as "3.01s", "15m", "1h30m" or "180d", or a number of seconds"#;

/// A hundred years: far beyond any use, and small enough for every kind of arithmetic on dates.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

const NANOSECONDS: u128 = 1_000_000_000;

/// The units, and how many nanoseconds each has.
const UNITS: [(&str, u128); 6] = [
    ("ms", 1_000_000),
    ("s", NANOSECONDS),
    ("m", 60 * NANOSECONDS),
    ("h", 3_600 * NANOSECONDS),
    ("d", 86_400 * NANOSECONDS),
    ("w", 604_800 * NANOSECONDS),
];

/// Reads a span; None where the text is none, is negative, or is longer than a hundred years.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let mut total: u128 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let size = if unit.is_empty() && number == text {
            NANOSECONDS
        } else {
            UNITS.iter().find(|(name, _)| *name == unit)?.1
        };
        total = total.checked_add(times(number, size)?)?;
        rest = tail.trim_start();
    }
    let whole = u64::try_from(total / NANOSECONDS).ok()?;
    let part = u32::try_from(total % NANOSECONDS).ok()?;
    Some(Duration::new(whole, part)).filter(|span| *span <= LONGEST)
}

/// `"3.01"` times a unit, in nanoseconds; what is finer than a nanosecond is dropped.
fn times(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 9 || number.ends_with('.') {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<u128>().ok()? };
    Some(u128::from(whole) * unit + fraction * unit / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_to_the_nanosecond() {
        for (text, millis) in [
            ("3.01s", 3_010),
            ("250ms", 250),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("180d", 15_552_000_000),
            ("2w", 1_209_600_000),
            ("30", 30_000),
            ("0.5", 500),
            ("0s", 0),
            (" 2s ", 2_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_span() {
        for text in
            ["", " ", "s", "-1s", "1", "1x", "1.5.5s", "1.s", ".5s", "1h30", "1e3", "1 day", "9999999d", "∞"]
        {
            assert_eq!(parse_duration(text).is_some(), text == "1", "{text}");
        }
    }
}

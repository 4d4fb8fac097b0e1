//! Until when: a moment, or a span from now, as people type them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::settings::parse_duration;

/// The TIME of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    At(DateTime<Utc>),
    /// Counted from when the command runs.
    In(Duration),
}

impl Until {
    pub(crate) fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            // A span that is read here is no longer than a hundred years.
            Self::In(span) => now + TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX),
        }
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.to_utc()));
        }
        if text.strip_prefix('-').is_some_and(|span| parse_duration(span).is_some()) {
            return Err(format!(
                "{text} is not in the future: expected a span from now on, such as 90m, 2h or 1d"
            ));
        }
        // A bare number may be meant as minutes, hours, or the time of day.
        let names_its_unit = text.ends_with(|letter: char| letter.is_ascii_alphabetic());
        parse_duration(text).filter(|_| names_its_unit).map(Self::In).ok_or_else(|| {
            format!("{text:?} is no time: expected a span such as 90m, 2h or 1d, or a moment such as 2026-11-21T14:00:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments() {
        let now: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().expect("a time");
        for (text, expected) in [
            ("2h", "2026-11-21T14:00:00Z"),
            ("1h30m", "2026-11-21T13:30:00Z"),
            ("1d", "2026-11-22T12:00:00Z"),
            ("5200w", "2126-07-20T12:00:00Z"),
            ("2026-11-21T14:00:00Z", "2026-11-21T14:00:00Z"),
            ("2026-11-21T14:00:00+01:00", "2026-11-21T13:00:00Z"),
        ] {
            let until: Until = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(until.moment(now), expected.parse::<DateTime<Utc>>().expect("a time"), "{text}");
        }
        for bad in ["", "30", "14:00", "2h30", "-2h", "soon", "2026-11-21", "2026-11-21T14:00:00"] {
            assert!(bad.parse::<Until>().is_err(), "{bad}");
        }
    }
}

//! Moments and numbers in people's words.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::model::{KindFilter, Scope, Span};

/// `1 request`, `3 requests`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A slot in the meeting's zone with UTC beside: `Tue 14:00-15:30 (13:00-14:30 UTC)`. The date is added where the
/// day of the week alone could be taken for another week's. A zone that does not parse is told, and UTC stands.
pub(crate) fn when(slot: Span, zone: &str, now: DateTime<Utc>) -> String {
    let utc = format!("{}-{} UTC", slot.start.format("%H:%M"), slot.end.format("%H:%M"));
    let Ok(zone) = zone.trim().parse::<Tz>() else {
        let note = match zone.trim() {
            "" => "no time zone".to_owned(),
            unknown => format!("unknown time zone {unknown:?}"),
        };
        return format!("{} {utc} ({note})", day(&slot.start, now));
    };
    let (start, end) = (slot.start.with_timezone(&zone), slot.end.with_timezone(&zone));
    if start.naive_local() == slot.start.naive_utc() && end.naive_local() == slot.end.naive_utc() {
        return format!("{} {utc}", day(&slot.start, now));
    }
    let local = format!("{} {}-{}", day(&start, now), start.format("%H:%M"), end.format("%H:%M"));
    if start.date_naive() == slot.start.date_naive() {
        format!("{local} ({utc})")
    } else {
        format!("{local} ({} {utc})", slot.start.format("%a"))
    }
}

/// A moment in UTC: `Tue 13:00 UTC`, with the date where it is not near.
pub(crate) fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} {} UTC", day(&at, now), at.format("%H:%M"))
}

/// `Tue`, or `Tue 2026-11-17` where that is not within the next six days.
fn day<Zone: chrono::TimeZone>(at: &DateTime<Zone>, now: DateTime<Utc>) -> String
where
    Zone::Offset: std::fmt::Display,
{
    let away = at.clone().with_timezone(&Utc) - now;
    let near = away > -TimeDelta::days(1) && away < TimeDelta::days(6);
    if near { at.format("%a").to_string() } else { at.format("%a %Y-%m-%d").to_string() }
}

/// From one moment to another in UTC, the day only where it changes: `14:00 -> 15:00 UTC`.
pub(super) fn from_to(was: DateTime<Utc>, is: DateTime<Utc>) -> String {
    if was.num_days_from_ce() == is.num_days_from_ce() {
        let seconds = was.timestamp() % 60 != 0 || is.timestamp() % 60 != 0;
        let form = if seconds { "%H:%M:%S" } else { "%H:%M" };
        format!("{} -> {} UTC", was.format(form), is.format(form))
    } else {
        format!("{} -> {} UTC", was.format("%a %Y-%m-%d %H:%M"), is.format("%a %Y-%m-%d %H:%M"))
    }
}

/// The scope as it was typed, each argument after a blank, for a command that a person can copy.
pub(crate) fn scope_arguments(scope: &Scope) -> String {
    let kinds = match scope.kinds {
        KindFilter::Both => "",
        KindFilter::SlidesOnly => " --slides-only",
        KindFilter::RoomsOnly => " --rooms-only",
    };
    let sessions = scope.sessions.iter().map(|id| format!(" --session {id}"));
    let groups = scope.groups.iter().map(|group| format!(" --group {group}"));
    let meetings = scope.meetings.iter().map(|number| format!(" --meeting {number}"));
    sessions.chain(groups).chain(meetings).chain([kinds.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time in the test")
    }

    #[test]
    fn a_slot_is_told_in_its_own_zone_and_in_utc() {
        let now = at("2026-11-16T09:00:00Z");
        let slot = Span::of_minutes(at("2026-11-17T13:00:00Z"), 90);
        for (zone, expected) in [
            ("Europe/Vienna", "Tue 14:00-15:30 (13:00-14:30 UTC)"),
            ("UTC", "Tue 13:00-14:30 UTC"),
            ("Asia/Tokyo", "Tue 22:00-23:30 (13:00-14:30 UTC)"),
            ("Pacific/Kiritimati", "Wed 03:00-04:30 (Tue 13:00-14:30 UTC)"),
            ("", "Tue 13:00-14:30 UTC (no time zone)"),
            ("Mars/Phobos", "Tue 13:00-14:30 UTC (unknown time zone \"Mars/Phobos\")"),
        ] {
            assert_eq!(when(slot, zone, now), expected);
        }
        let clocks_change = Span::of_minutes(at("2026-10-25T00:30:00Z"), 60);
        assert_eq!(
            when(clocks_change, "Europe/London", at("2026-10-24T09:00:00Z")),
            "Sun 01:30-01:30 (00:30-01:30 UTC)",
            "an hour that the clocks repeat"
        );
        let later = Span::of_minutes(at("2026-12-01T13:00:00Z"), 60);
        assert_eq!(when(later, "Europe/Vienna", now), "Tue 2026-12-01 14:00-15:00 (13:00-14:00 UTC)");
    }

    #[test]
    fn a_move_names_the_day_only_where_it_changes() {
        let was = at("2026-11-17T14:00:00Z");
        assert_eq!(from_to(was, at("2026-11-17T15:00:00Z")), "14:00 -> 15:00 UTC");
        assert_eq!(
            from_to(was, at("2026-11-18T14:00:00Z")),
            "Tue 2026-11-17 14:00 -> Wed 2026-11-18 14:00 UTC"
        );
    }
}

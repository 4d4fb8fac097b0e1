//! How the status names a subject, a moment and a span.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Kind, SessionId, SubjectKey};
use crate::plan::{counted, moment};

pub(super) fn name(subject: SubjectKey) -> String {
    name_of(subject.session, subject.kind)
}

pub(super) fn name_of(session: SessionId, kind: Kind) -> String {
    format!("session {session} {}", kind.as_str())
}

/// The time of day to the second; with the day where it is not today's.
pub(super) fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if at.date_naive() == now.date_naive() {
        format!("{} UTC", at.format("%H:%M:%S"))
    } else {
        moment(at, now)
    }
}

/// A span in its largest unit or two: `2 s`, `4 min 10 s`, `3 h 5 min`, `2 days`.
pub(super) fn span(length: TimeDelta) -> String {
    let seconds = length.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => counted(usize::try_from(seconds / 86_400).unwrap_or(usize::MAX), "day", "days"),
    }
}

fn two(large: i64, unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
}

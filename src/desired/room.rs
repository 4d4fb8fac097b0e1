//! Which room an interim should have.
//!
//! Sessions of an IETF week get no rooms here: Meetecho has them, under the session's id.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::model::{RoomSpec, RoomTimes, RoomsPolicy, Session, Sibling};

/// Why no room is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoom {
    /// A session of an IETF week.
    NotAnInterim,
    Tombstone,
    Cancelled,
    /// The status is not one of `rooms.statuses`.
    OtherStatus,
    NotScheduled,
    Over,
    /// The slot starts after now + `rooms.horizon`; it is looked at again from this moment on.
    BeyondHorizon(DateTime<Utc>),
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAnInterim => f.write_str("rooms of an IETF week are Meetecho's own"),
            Self::Tombstone => f.write_str("it was moved, and only marks its old place"),
            Self::Cancelled => f.write_str("it is cancelled"),
            Self::OtherStatus => f.write_str("its status is not one of rooms.statuses"),
            Self::NotScheduled => f.write_str("it is not scheduled"),
            Self::Over => f.write_str("it is over"),
            Self::BeyondHorizon(moment) => {
                write!(f, "it lies beyond rooms.horizon until {} UTC", moment.format("%Y-%m-%d %H:%M"))
            }
        }
    }
}

/// Whether the session should have a room, leaving its link aside (that takes knowledge of our own rooms).
pub fn wants_room(session: &Session, policy: &RoomsPolicy, now: DateTime<Utc>) -> Result<RoomTimes, NoRoom> {
    if !session.is_interim() {
        return Err(NoRoom::NotAnInterim);
    }
    if session.tombstone_for.is_some() {
        return Err(NoRoom::Tombstone);
    }
    if session.status.is_cancelled() {
        return Err(NoRoom::Cancelled);
    }
    if !policy.statuses.contains(&session.status.0) {
        return Err(NoRoom::OtherStatus);
    }
    let slot = session.slot.ok_or(NoRoom::NotScheduled)?;
    if slot.is_over(now) {
        return Err(NoRoom::Over);
    }
    if slot.start >= now + policy.horizon {
        return Err(NoRoom::BeyondHorizon(slot.start - policy.horizon));
    }
    Ok(RoomTimes::of(slot))
}

/// The room as it would be asked for.
pub fn room_spec(session: &Session, times: RoomTimes, siblings: &[Sibling], template: &str) -> RoomSpec {
    RoomSpec {
        room_id: session.id,
        description: description(session, times.start, siblings, template),
        start: times.start,
        duration_min: times.duration_min,
    }
}

/// The template filled in, with the day (and the session of the day) where an interim has several: the
/// datatracker gives all days the same description (#8792), and people pick the wrong room.
fn description(session: &Session, start: DateTime<Utc>, siblings: &[Sibling], template: &str) -> String {
    let zone: Tz = session.time_zone.parse().unwrap_or(Tz::UTC);
    let local_date = |moment: DateTime<Utc>| moment.with_timezone(&zone).date_naive();
    let text = template
        .replace("{meeting}", session.meeting.as_str())
        .replace("{group}", session.group.as_str())
        .replace("{date}", &local_date(start).format("%Y-%m-%d").to_string());
    let mut starts: Vec<_> = siblings
        .iter()
        .filter(|sibling| sibling.meeting == session.meeting)
        .map(|sibling| (sibling.start, sibling.session))
        .collect();
    if starts.len() < 2 {
        return text;
    }
    starts.sort_unstable();
    let mut days: Vec<_> = starts.iter().map(|(moment, _)| local_date(*moment)).collect();
    days.dedup();
    let today: Vec<_> =
        starts.iter().filter(|(moment, _)| local_date(*moment) == local_date(start)).collect();
    let day = days.iter().position(|day| *day == local_date(start)).map_or(1, |index| index + 1);
    let place = today.iter().position(|(_, id)| *id == session.id).map_or(1, |index| index + 1);
    if today.len() > 1 { format!("{text}, day {day}, session {place}") } else { format!("{text}, day {day}") }
}

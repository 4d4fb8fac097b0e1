//! Which sessions a pass looks at.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Policy, Span};

/// How long after its end a session is still looked at.
pub const LOOK_BACK: TimeDelta = TimeDelta::days(1);

/// Whether a slot lies in the range of a pass: ends after now - 1 day, starts before now + `rooms.horizon`.
/// The same test as the read side's, so that an export of everything plans the same.
pub fn is_looked_at(slot: Option<Span>, policy: &Policy, now: DateTime<Utc>) -> bool {
    slot.is_some_and(|slot| slot.end > now - LOOK_BACK && slot.start < now + policy.rooms.horizon)
}

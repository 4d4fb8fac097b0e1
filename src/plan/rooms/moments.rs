//! Until when something is waited for, before a room is made or taken away.

use chrono::{DateTime, Utc};

use super::known::Known;
use crate::plan::inputs::Inputs;

/// Until when a request of ours may still make a room or take one away; None = no longer. Of a room, doubt is as young
/// as the last request that may have caused it.
pub(super) fn late_until(inputs: Inputs<'_>, known: &Known<'_>) -> Option<DateTime<Utc>> {
    let until = known.row?.doubt_since? + inputs.policy.rooms.late_effect;
    (inputs.now() < until).then_some(until)
}

/// Until when the datatracker's own call may go first: counted from the edit, and in the worker from the moment when it
/// first saw what the edit asks for, because not every edit writes down when it was made. One that was made in the future
/// by the datatracker's clock is as old as the worker knows it: the clock was set back since.
pub(in crate::plan) fn settles_at(inputs: Inputs<'_>, known: &Known<'_>) -> DateTime<Utc> {
    let burst = known.row.and_then(|row| row.timing.burst);
    let (now, edited) = (inputs.now(), known.session.modified);
    let first_seen = inputs.ask.by_worker.then(|| burst.map_or(now, |burst| burst.first));
    let from = match first_seen {
        Some(seen) if edited <= now => seen.max(edited),
        Some(seen) => seen,
        None => edited,
    };
    from + inputs.policy.rooms.settle
}

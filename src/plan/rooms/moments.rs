//! Until when something is waited for, before a room is made or taken away.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::known::Known;
use crate::model::{Span, digest_of};
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
    let (now, edited) = (inputs.now(), known.session.modified);
    let from = match first_seen(inputs, known) {
        Some(seen) if edited <= now => seen.max(edited),
        Some(seen) => seen,
        None => edited,
    };
    from + inputs.policy.rooms.settle
}

/// When the worker first saw what the edit asks for. None where the edit's own time counts: nobody else asks, or that
/// it was seen is on record, and since when is not, because a step of somebody else's came to its end in between.
fn first_seen(inputs: Inputs<'_>, known: &Known<'_>) -> Option<DateTime<Utc>> {
    let timing = known.row.map(|row| &row.timing);
    if let Some(burst) = timing.and_then(|timing| timing.burst) {
        return inputs.ask.by_worker.then_some(burst.first);
    }
    let is_on_record = || {
        let seen = digest_of(&left_to_settle(known.session.slot));
        known.session.modified <= inputs.now() && timing.is_some_and(|timing| timing.digest == Some(seen))
    };
    (inputs.ask.by_worker && !is_on_record()).then_some(inputs.now())
}

/// What is on record of a session whose room is left to the datatracker's own call for a while.
pub fn left_to_settle(slot: Option<Span>) -> serde_json::Value {
    json!({ "settles": slot })
}

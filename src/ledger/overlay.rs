//! What each writing statement does to a subject's row, for a rehearsal. A test plays random histories on both and
//! compares.

use std::collections::BTreeSet;

use super::error::LedgerError;
use super::lease::StepAsk;
use super::rows::{BeforeMark, Columns, SubjectRow, json};
use super::step::Begun;
use super::wish::Wish;
use crate::model::{DeckId, Kind, RoomRecord};
use crate::planted::{self, Bug};

/// What the statement behind `begin` does to a row.
pub(super) fn mark(row: &mut SubjectRow, ask: &StepAsk<'_>) -> Result<(), LedgerError> {
    if row.marked_by()? == Some(ask.token) {
        return Ok(());
    }
    let there: BTreeSet<i64> = row.may_be_there.iter().copied().collect();
    row.before_mark = Some(json(&BeforeMark {
        doubt_since: row.doubt_since,
        unanswered: row.unanswered,
        may_be_there: there.iter().copied().map(DeckId).collect(),
        state: Some(row.state.clone()),
        had_no_end: row.before_mark.is_some(),
        step: Some(ask.token),
    }));
    row.may_be_there = there
        .into_iter()
        .chain(ask.will_send.iter().map(|id| id.0))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    "in_doubt".clone_into(&mut row.state);
    if row.kind == Kind::Room.as_str() {
        row.doubt_since = Some(ask.at);
    } else {
        row.doubt_since.get_or_insert(ask.at);
    }
    row.unanswered = true;
    row.attempts += 1;
    Ok(())
}

/// What the statement behind `note_room` does to a row.
pub(super) fn note_room(row: &mut SubjectRow, room: &RoomRecord) {
    row.remote = Some(json(room));
    row.remote_end = Some(room.sent.span().end);
}

/// What the statement behind `settle` does to a row.
pub(super) fn end(row: &mut SubjectRow, columns: Columns, begun: &Begun) {
    let newest = row.generation == begun.generation || planted::is(Bug::GenerationNotChecked);
    let settled = columns.state == "settled";
    if settled {
        row.first_change = if newest { None } else { row.last_change };
    }
    let is_refused = !newest && columns.state == "parked";
    let state = match columns.state {
        state if newest || state == "in_doubt" => state,
        _ if columns.doubt_since.is_some() => "in_doubt",
        _ if row.last_change.is_none() => "settled",
        _ => "waiting",
    };
    state.clone_into(&mut row.state);
    row.applied = columns.applied;
    row.applied_digest = columns.applied_digest;
    row.applied_at = columns.applied_at;
    row.applied_epoch = columns.applied_epoch;
    row.may_be_there = columns.may_be_there;
    row.remote = columns.remote;
    row.remote_end = columns.remote_end;
    row.doubt_since = columns.doubt_since;
    row.unanswered = columns.unanswered;
    row.confirm_at = columns.confirm_at;
    row.attempts = if is_refused { 0 } else { columns.attempts };
    row.last_error = columns.last_error;
    row.due_at = columns.not_before.filter(|_| !is_refused);
    row.before_mark = None;
}

/// What a pass does to a row whose burst came to nothing, where no newer wish was recorded since it was read.
pub(super) fn calm(row: &mut SubjectRow, generation: i64) {
    if row.generation == generation {
        row.first_change = None;
        row.last_change = None;
        row.desired_digest = None;
        row.generation += 1;
        if row.doubt_since.is_none() {
            "settled".clone_into(&mut row.state);
            row.due_at = None;
        }
    }
}

/// What the statement behind `record` does to a row; whether it changed.
pub(super) fn wish_for(row: &mut SubjectRow, wish: &Wish) -> bool {
    let slot = (wish.slot.map(|slot| slot.start), wish.slot.map(|slot| slot.end));
    let same = row.desired_digest.as_ref() == Some(&wish.digest.0)
        && row.epoch == wish.epoch
        && (row.slot_start, row.slot_end) == slot;
    if same && !planted::is(Bug::EveryPassAnEdit) {
        return false;
    }
    row.desired = Some(wish.desired.clone());
    row.desired_digest = Some(wish.digest.0.clone());
    row.epoch.clone_from(&wish.epoch);
    (row.slot_start, row.slot_end) = slot;
    // The datatracker's clock may have been set back since.
    row.first_change = Some(row.first_change.map_or(wish.at, |first| first.min(wish.at)));
    row.last_change = Some(wish.at);
    row.generation += 1;
    if row.state == "parked" {
        row.due_at = None;
        row.attempts = 0;
    }
    row.state = if row.doubt_since.is_none() { "waiting".to_owned() } else { "in_doubt".to_owned() };
    true
}

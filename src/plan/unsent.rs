//! What a window closed on: slides that should have been sent while it was open, and were not, or not surely.
//!
//! The datatracker does not say when a deck was put in its place, and chairs go on uploading after their meeting. So what
//! counts is what was known when the window closed: doubt; an edit that is on record, or that a command tried to send;
//! and, for what is on no record (a hold stood in the way, or a guard, or nobody was at work), what the first pass after
//! the close finds. That one puts it on record, so that later passes know it from what came later.
//!
//! What it can't know: where nobody was at work for a while, an edit of before the close from one of after it, so both
//! are told; and of several workers with different scopes on one ledger, only the one whose pass is first after the close
//! looks. Before the first pass that may send, nothing was anybody's to send: a first start in the middle of a meeting
//! week accuses no session of the days before it.

use serde_json::json;

use super::inputs::Inputs;
use crate::desired::{Epoch, Gate, LOOK_BACK, session_gate, window};
use crate::model::{Deck, Remembered, Session, SessionId, digest_of};

/// The way on for slides that nobody sends any more: the command that sends them all the same.
pub fn push_it(session: SessionId) -> String {
    format!("if they still matter: meetsync push {session} --reason TEXT")
}

/// What is so of them, in words.
pub fn unsent_words(is_in_doubt: bool) -> &'static str {
    if is_in_doubt {
        "the slides' window closed before it was certain that they are shown"
    } else {
        "the window closed before these slides were sent"
    }
}

/// Whether the session's window closed, a day ago at most, before all was sent; or doubt was left.
pub(super) fn is_unsent(
    inputs: Inputs<'_>,
    session: &Session,
    row: &Remembered,
    wanted: &[Deck],
    epoch: &Epoch,
) -> bool {
    let (now, notify) = (inputs.now(), inputs.policy.slides.notify);
    let Some(slot) = session.slot else { return false };
    let Some(closed_at) = window(session, notify, now).closes_at else { return false };
    if session_gate(slot, notify, now) != Some(Gate::Closed) || slot.end <= now - LOOK_BACK {
        return false;
    }
    if row.doubt_since.is_some() {
        return true;
    }
    // What was accepted in an earlier epoch (before Meetecho's own window opened, say) was not shown in this one.
    let accepted = row.accepted.as_ref();
    let shown = accepted.filter(|accepted| accepted.epoch == epoch.to_string());
    let is_shown = shown.is_some_and(|shown| shown.decks == wanted);
    let never_had_any =
        wanted.is_empty() && accepted.map_or(!row.was_ever_sent(), |accepted| accepted.decks.is_empty());
    if is_shown || never_had_any {
        return false;
    }
    let passes = inputs.ledger.passes;
    let was_at_work = passes.acting_since.is_some_and(|since| since < closed_at);
    // The wish of a confirming send is no edit.
    let is_confirming =
        || shown.is_some_and(|shown| row.timing.digest.as_ref() == Some(&digest_of(&json!(shown.decks))));
    let is_on_record = row.timing.burst.is_some() && !is_confirming();
    let was_tried = row.timing.tries > 0;
    let is_first_after = passes.newest.is_some_and(|newest| newest < closed_at);
    (is_on_record && (was_at_work || was_tried || passes.newest.is_none())) || (was_at_work && is_first_after)
}

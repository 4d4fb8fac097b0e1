//! Speaks a deck change to the provider, call by call, and says how far it got.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ledger::{Begun, Failure, StepEnd};
use crate::model::{Accepted, Confirming, Deck, DeckId, Outcome};
use crate::plan::{Change, DeckCall, Operation};

use super::acted::Acted;
use super::edges::Conference;

/// Every deck id that this change may send.
pub(super) fn ids_sent_by(change: &Change) -> BTreeSet<DeckId> {
    change.wanted.iter().flatten().map(|deck| deck.id).collect()
}

/// The moments by which one more list is owed.
pub(super) struct Moments {
    pub(super) late_effect: TimeDelta,
    /// Until then the datatracker's own call for the newest edit may arrive, and make of our list what nobody wants.
    pub(super) not_alone_until: Option<DateTime<Utc>>,
    /// A confirming send that was not yet due then is still owed: this change was made for a list that was believed in,
    /// and leaves out what a late request may have brought back.
    pub(super) planned_at: DateTime<Utc>,
}

/// Makes the calls of a change in their order; the first that is not accepted ends it.
pub(super) async fn act(
    meetecho: &impl Conference,
    change: &Change,
    begun: &Begun,
    room: Option<String>,
    moments: &Moments,
    now: impl Fn() -> DateTime<Utc>,
) -> Acted {
    let wanted = change.wanted.as_deref().unwrap_or_default();
    let mut progress = Progress::default();
    for (call, deck) in calls(change) {
        let outcome = match call {
            Call::Delete(id) => meetecho.delete_deck(&change.group, change.session, id).await,
            Call::Post(deck) => meetecho.add_deck(&change.group, change.session, deck).await,
            Call::Put => meetecho.set_decks(&change.group, change.session, wanted).await,
        };
        if let Some(acted) = progress.note(call, deck, wanted, outcome) {
            return acted;
        }
    }
    let at = now();
    let epoch = change.epoch.clone().map(|mut epoch| {
        epoch.room = room.or(epoch.room);
        epoch.to_string()
    });
    let accepted = Accepted { decks: wanted.to_vec(), at, epoch: epoch.unwrap_or_default() };
    let Moments { late_effect, not_alone_until, planned_at } = *moments;
    let again = not_alone_until.map(|at| Confirming { at });
    let still_owed = begun.before.confirming.filter(|owed| planned_at < owed.at);
    let owed = begun.confirming(at, late_effect, false).into_iter().chain(again).chain(still_owed);
    let confirming = owed.max_by_key(|owed| owed.at);
    Acted::done(StepEnd::DecksAccepted { accepted, deleted: progress.deleted, confirming })
}

#[derive(Debug, Clone, Copy)]
enum Call<'a> {
    Delete(DeckId),
    Post(&'a Deck),
    Put,
}

/// The calls of a change, each with the id that it names.
fn calls(change: &Change) -> impl Iterator<Item = (Call<'_>, Option<DeckId>)> {
    change.operations.iter().flat_map(|operation| {
        let (calls, id, deck) = match operation {
            Operation::AddDeck { deck, calls, .. } | Operation::ReviseDeck { deck, calls, .. } => {
                (calls.as_slice(), Some(deck.id), Some(deck))
            }
            Operation::DeleteDeck { deck, calls, .. } => (calls.as_slice(), Some(deck.id), None),
            Operation::ReorderDecks { calls, .. } | Operation::ReplaceDecks { calls, .. } => {
                (calls.as_slice(), None, None)
            }
            _ => (&[][..], None, None),
        };
        calls.iter().filter_map(move |call| match call {
            DeckCall::Delete => id.map(|id| (Call::Delete(id), Some(id))),
            DeckCall::Post => deck.map(|deck| (Call::Post(deck), Some(deck.id))),
            DeckCall::Put => Some((Call::Put, None)),
        })
    })
}

#[derive(Debug, Default)]
struct Progress {
    /// Whether an answer came that was not "not processed".
    began: bool,
    sent: BTreeSet<DeckId>,
    deleted: BTreeSet<DeckId>,
}

impl Progress {
    /// Takes an answer in; Some where it ends the step.
    fn note(
        &mut self,
        call: Call<'_>,
        id: Option<DeckId>,
        wanted: &[Deck],
        outcome: Outcome<()>,
    ) -> Option<Acted> {
        let nothing_was_processed = !self.began;
        if !matches!(outcome, Outcome::Retry { .. }) {
            self.began = true;
            match call {
                Call::Put => self.sent.extend(wanted.iter().map(|deck| deck.id)),
                Call::Post(_) => self.sent.extend(id),
                Call::Delete(_) => {}
            }
        }
        let (failure, retry_after, fault) = match outcome {
            Outcome::Applied(()) => {
                if let Call::Delete(id) = call {
                    self.deleted.insert(id);
                } else {
                    // Sent again after its DELETE: it is there.
                    self.deleted.retain(|id| !self.sent.contains(id));
                }
                return None;
            }
            Outcome::InDoubt(fault) => {
                let sent = std::mem::take(&mut self.sent);
                let end = StepEnd::InDoubt { words: fault.words.clone(), sent };
                return Some(Acted::in_doubt(end, fault));
            }
            Outcome::Retry { after, fault } => (Failure::Retry(fault.words.clone()), after, fault),
            Outcome::Refused(fault) => (Failure::Refused(fault.words.clone()), None, fault),
        };
        let end = if nothing_was_processed {
            StepEnd::NotProcessed { failure: Some(failure) }
        } else {
            StepEnd::Partly { failure, sent: std::mem::take(&mut self.sent) }
        };
        Some(Acted::failed(end, fault, retry_after))
    }
}

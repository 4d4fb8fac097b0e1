//! Speaks a deck change to the provider, call by call, and says how far it got.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::ledger::{Begun, Failure, StepEnd};
use crate::model::{Accepted, Confirming, Deck, DeckId, Fault, Outcome, Why};
use crate::plan::{Change, DeckCall, Operation, counted};

use super::acted::{Acted, OUT_OF_TIME_IN_DOUBT, OUT_OF_TIME_UNSENT};
use super::edges::{Books, Conference, Time};
use super::tenure::Tenure;

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
pub(super) async fn act<B: Books, T: Time>(
    meetecho: &impl Conference,
    tenure: &mut Tenure<'_, B, T>,
    change: &Change,
    begun: &Begun,
    room: Option<String>,
    moments: &Moments,
    now: impl Fn() -> DateTime<Utc>,
) -> Acted {
    let wanted = change.wanted.as_deref().unwrap_or_default();
    let mut progress = Progress::default();
    for (call, deck) in calls(change) {
        let sent = meetecho.requests_sent();
        let answered = async {
            match call {
                Call::Delete(id) => meetecho.delete_deck(&change.group, change.session, id).await,
                Call::Post(deck) => meetecho.add_deck(&change.group, change.session, deck).await,
                Call::Put => meetecho.set_decks(&change.group, change.session, wanted).await,
            }
        };
        let outcome = if sent == 0 || tenure.go_on().await {
            let in_time = tenure.within(answered).await;
            in_time.unwrap_or_else(|| out_of_time(sent, meetecho.requests_sent()))
        } else {
            let words = "another meetsync took the session over in the middle of the step";
            Outcome::Retry { after: None, fault: Fault::new(Why::InDoubtConfirming, words) }
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

/// How a call ended that was given up because the lease was nearly over: so many requests had been made before it, and so
/// many by then. Where others were answered in this step, the provider is there, and it is not said to be down.
fn out_of_time(before: u64, by_then: u64) -> Outcome<()> {
    let was_sent = before < by_then;
    let why = match (was_sent, before) {
        (true, 0) => Why::ProviderDown,
        (true, _) => Why::InDoubtConfirming,
        (false, 0) => Why::RateLimited,
        (false, _) => Why::RetryWait,
    };
    if was_sent {
        return Outcome::InDoubt(Fault::new(why, OUT_OF_TIME_IN_DOUBT));
    }
    let words = if before == 0 {
        OUT_OF_TIME_UNSENT
    } else {
        "the lease (ledger.lease) was nearly over before the next request could be sent: Meetecho asked for quiet, or \
         meetecho.rate is low"
    };
    Outcome::Retry { after: None, fault: Fault::new(why, words) }
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
    /// Requests that were accepted.
    accepted: usize,
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
        let (is_refused, retry_after, fault) = match outcome {
            Outcome::Applied(()) => {
                self.accepted += 1;
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
            Outcome::Retry { after, fault } => (false, after, fault),
            Outcome::Refused(fault) => (true, None, fault),
        };
        let fault = if nothing_was_processed { fault } else { self.partly(&fault) };
        let kind: fn(String) -> Failure = if is_refused { Failure::Refused } else { Failure::Retry };
        let failure = kind(fault.words.clone());
        let end = if nothing_was_processed {
            StepEnd::NotProcessed { failure: Some(failure) }
        } else {
            StepEnd::Partly { failure, sent: std::mem::take(&mut self.sent) }
        };
        Some(Acted::failed(end, fault, retry_after))
    }

    /// Whoever reads that a subject is in doubt thinks of a request that may still arrive. Here none is on its way.
    fn partly(&self, fault: &Fault) -> Fault {
        let accepted = counted(self.accepted, "request was", "requests were");
        let words = format!(
            "done in part: {accepted} accepted, the next was not made or not accepted ({}), and nothing of it is on its \
             way; the next try sends the whole list",
            fault.words
        );
        Fault::new(fault.why, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It is in doubt what is there, and yet every request had its answer.
    #[test]
    fn a_change_that_was_done_in_part_says_so_and_what_comes() {
        let wanted = [];
        let delete = Call::Delete(DeckId(7));
        let applied = || Outcome::Applied(());
        let mut progress = Progress::default();
        assert!(progress.note(delete, Some(DeckId(7)), &wanted, applied()).is_none());
        let acted = progress.note(Call::Put, None, &wanted, out_of_time(1, 1)).expect("it ends the step");
        let words = "done in part: 1 request was accepted, the next was not made or not accepted (the lease \
                     (ledger.lease) was nearly over before the next request could be sent: Meetecho asked for quiet, or \
                     meetecho.rate is low), and nothing of it is on its way; the next try sends the whole list";
        let sent = BTreeSet::new();
        assert_eq!(acted.end, StepEnd::Partly { failure: Failure::Retry(words.into()), sent });
        assert_eq!(acted.fault.map(|fault| (fault.why, fault.words)), Some((Why::RetryWait, words.into())));

        let refused = || Outcome::Refused(Fault::new(Why::Unsupported, "422: no"));
        let mut progress = Progress::default();
        for _ in 0..2 {
            assert!(progress.note(delete, Some(DeckId(7)), &wanted, applied()).is_none());
        }
        let acted = progress.note(Call::Put, None, &wanted, refused()).expect("it ends the step");
        assert!(acted.is_refused_by_provider(), "{acted:?}");
        let words = acted.fault.expect("why").words;
        assert!(words.contains("2 requests were accepted") && words.contains("(422: no)"), "{words}");

        // Where the first one is not accepted, all is as it was.
        let acted = Progress::default().note(Call::Put, None, &wanted, refused()).expect("it ends the step");
        assert_eq!(acted.fault.expect("why").words, "422: no");
        let failure = Some(Failure::Refused("422: no".into()));
        assert_eq!(acted.end, StepEnd::NotProcessed { failure });
    }

    /// A provider that answered in this very step is not down, and what never went out leaves no doubt.
    #[test]
    fn only_a_first_call_that_was_sent_and_not_answered_says_that_the_provider_is_down() {
        let why = |outcome: &Outcome<()>| outcome.fault().expect("it did not end well").why;
        for (before, by_then, in_doubt, expected) in [
            (0, 1, true, Why::ProviderDown),
            (7, 8, true, Why::InDoubtConfirming),
            (0, 0, false, Why::RateLimited),
            (7, 7, false, Why::RetryWait),
        ] {
            let outcome = out_of_time(before, by_then);
            assert_eq!(matches!(outcome, Outcome::InDoubt(_)), in_doubt, "{outcome:?}");
            assert_eq!(matches!(outcome, Outcome::Retry { .. }), !in_doubt, "{outcome:?}");
            assert_eq!(why(&outcome), expected);
        }
    }
}

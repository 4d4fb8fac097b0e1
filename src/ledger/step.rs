//! What a step does to what we believe: the mark before the first request, and how the step ended.
//!
//! Pure: the live ledger and a rehearsal both come here, so they can't differ. The rules:
//!
//! - Doubt is marked before anything is sent, and only a complete success clears it. A mark without an end (a killed
//!   process) means a request that was never answered.
//! - What was accepted stays as it was while in doubt, so that a step of which provably nothing was processed puts
//!   the former belief back.
//! - Of a room, doubt is counted from the end of the last request that may have caused it, for only so long can that one
//!   still come late; where a step never told its end, from the next mark, which no request of it can follow.
//! - A deck's id enters `may_be_there` when it is sent. It leaves only by a DELETE that was answered, in a step that
//!   ended without doubt and with no confirming send owed: a late request could bring the deck back, and then the
//!   confirming send has to delete it once more.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{Accepted, Confirming, DeckId, Kind, Remembered, RoomRecord, SubjectKey};

/// Words of a provider are kept up to this many characters.
pub const LONGEST_WORDS: usize = 1000;

/// How a subject stands, as the status page counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// What was wished is there.
    Settled,
    /// There is something to do.
    Waiting,
    /// A request was sent, and it is not known what became of it.
    InDoubt,
    /// Refused: the same request would get the same answer.
    Parked,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Waiting => "waiting",
            Self::InDoubt => "in_doubt",
            Self::Parked => "parked",
        }
    }
}

/// A step that was marked in the ledger and may now send. It must be settled; dropping it leaves the doubt.
#[must_use = "a step that is not settled leaves its subject in doubt"]
#[derive(Debug, Clone, PartialEq)]
pub struct Begun {
    pub key: SubjectKey,
    /// The subject before the mark: the belief to plan this step on, fresh under the lease.
    pub before: Remembered,
    /// A request of an earlier step was never answered: after a success one more send is owed.
    pub owes_confirming: bool,
    /// How many tries in a row this is, the first = 1.
    pub tries: u32,
    /// The wish at that moment; a newer one is not settled by this step.
    pub(super) generation: i64,
    /// `may_be_there` with the ids that this step may send.
    pub(super) marked_ids: BTreeSet<DeckId>,
    /// In doubt since then: this step's mark, or an earlier one that was never cleared.
    pub(super) marked_since: DateTime<Utc>,
}

impl Begun {
    /// The confirming send that is owed after this step succeeded at `at`: one where a request of this step
    /// (`unanswered`) or of an earlier one was never answered, `late_effect` later; or the one that was owed before
    /// and is not yet due.
    pub fn confirming(
        &self,
        at: DateTime<Utc>,
        late_effect: TimeDelta,
        unanswered: bool,
    ) -> Option<Confirming> {
        let fresh = (unanswered || self.owes_confirming).then(|| Confirming { at: at + late_effect });
        let still_owed = self.before.confirming.filter(|owed| at < owed.at);
        fresh.into_iter().chain(still_owed).max_by_key(|owed| owed.at)
    }
}

/// Why a step did not do what was wished. The words are scrubbed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Worth trying again.
    Retry(String),
    /// The same request would get the same answer.
    Refused(String),
}

impl Failure {
    fn words(&self) -> &str {
        match self {
            Self::Retry(words) | Self::Refused(words) => words,
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepEnd {
    /// Every request was accepted: this list is there. `deleted`: ids whose DELETE was answered (2xx or 404).
    DecksAccepted { accepted: Accepted, deleted: BTreeSet<DeckId>, confirming: Option<Confirming> },
    /// We have this room.
    RoomIs { record: RoomRecord, at: DateTime<Utc>, confirming: Option<Confirming> },
    /// We have no room, and know it; the one that we had is marked as gone.
    RoomGone { record: Option<RoomRecord>, at: DateTime<Utc>, confirming: Option<Confirming> },
    /// The former belief holds: provably nothing was processed (or sent at all), or, of a room, nothing that the next
    /// read doesn't show.
    NotProcessed { failure: Option<Failure> },
    /// Of a room: it was not made, nothing of before can come late any more, and a read since shows none. So doubt is
    /// over, and the rest of the former belief holds.
    NotMade { failure: Failure },
    /// Some requests were accepted, the last one provably not: what is there is unknown, but nothing can come late.
    Partly { failure: Failure, sent: BTreeSet<DeckId> },
    /// A request was sent and not answered. `sent`: every id in a request of this step.
    InDoubt { words: String, sent: BTreeSet<DeckId> },
}

/// The belief as a step leaves it: what is written into the subject's row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct After {
    pub(super) remembered: Remembered,
    pub(super) unanswered: bool,
    pub(super) state: State,
    /// Tries in a row that did not succeed.
    pub(super) tries: u32,
}

/// The belief after `begun` ended so, at `at`.
pub(super) fn end(begun: &Begun, end: &StepEnd, at: DateTime<Utc>) -> After {
    match end {
        StepEnd::DecksAccepted { accepted, deleted, confirming } => {
            let mut after = succeeded(begun, accepted.at, *confirming);
            let there: BTreeSet<DeckId> = accepted.decks.iter().map(|deck| deck.id).collect();
            after.remembered.may_be_there = begun.marked_ids.union(&there).copied().collect();
            if after.remembered.confirming.is_none() {
                after.remembered.may_be_there.retain(|id| there.contains(id) || !deleted.contains(id));
            }
            after.remembered.accepted = Some(accepted.clone());
            after
        }
        StepEnd::RoomIs { record, at, confirming } => {
            let mut after = succeeded(begun, *at, *confirming);
            after.remembered.room = Some(record.clone());
            after
        }
        StepEnd::RoomGone { record, at, confirming } => {
            let mut after = succeeded(begun, *at, *confirming);
            after.remembered.room = record.clone().map(|record| RoomRecord { gone: true, ..record });
            after
        }
        StepEnd::NotProcessed { failure } => not_processed(begun, failure.as_ref()),
        StepEnd::NotMade { failure } => {
            let before = Remembered { doubt_since: None, ..begun.before.clone() };
            let begun = Begun { before, owes_confirming: false, ..begun.clone() };
            not_processed(&begun, Some(failure))
        }
        StepEnd::Partly { failure, sent } => {
            let mut after = doubtful(begun, failure.words(), sent);
            after.unanswered = begun.owes_confirming;
            if matches!(failure, Failure::Refused(_)) {
                after.state = State::Parked;
            }
            after
        }
        StepEnd::InDoubt { words, sent } => {
            let mut after = doubtful(begun, words, sent);
            if begun.key.kind == Kind::Room {
                after.remembered.doubt_since = Some(at);
            }
            after
        }
    }
}

/// No doubt, no error; a confirming send that is not yet due stays owed.
fn succeeded(begun: &Begun, at: DateTime<Utc>, confirming: Option<Confirming>) -> After {
    let still_owed = begun.before.confirming.filter(|owed| at < owed.at);
    let confirming = confirming.into_iter().chain(still_owed).max_by_key(|owed| owed.at);
    let remembered = Remembered { doubt_since: None, last_error: None, confirming, ..begun.before.clone() };
    After { remembered, unanswered: false, state: State::Settled, tries: 0 }
}

fn not_processed(begun: &Begun, failure: Option<&Failure>) -> After {
    let mut remembered = begun.before.clone();
    let (tries, state) = match failure {
        None => (begun.tries.saturating_sub(1), as_before(begun)),
        Some(Failure::Retry(_)) => (begun.tries, State::Waiting),
        Some(Failure::Refused(_)) => (begun.tries, State::Parked),
    };
    if let Some(failure) = failure {
        remembered.last_error = Some(capped(failure.words()));
    }
    let is_in_doubt = remembered.doubt_since.is_some() && state != State::Parked;
    let state = if is_in_doubt { State::InDoubt } else { state };
    After { remembered, unanswered: begun.owes_confirming, state, tries }
}

/// How a subject stood before a step that turned out to have nothing to do.
fn as_before(begun: &Begun) -> State {
    let before = &begun.before;
    let is_known = before.accepted.is_some() || before.room.is_some();
    if before.timing.parked {
        State::Parked
    } else if is_known && before.timing.burst.is_none() && begun.tries <= 1 {
        // Another worker was faster, and nothing is wished beyond what it did.
        State::Settled
    } else {
        State::Waiting
    }
}

/// In doubt since the first mark that was never cleared.
fn doubtful(begun: &Begun, words: &str, sent: &BTreeSet<DeckId>) -> After {
    let mut remembered = begun.before.clone();
    remembered.doubt_since = Some(begun.marked_since);
    remembered.may_be_there.extend(sent);
    remembered.last_error = Some(capped(words));
    After { remembered, unanswered: true, state: State::InDoubt, tries: begun.tries }
}

/// The first [`LONGEST_WORDS`] characters, with an ellipsis where something was cut.
pub(super) fn capped(words: &str) -> String {
    match words.char_indices().nth(LONGEST_WORDS) {
        None => words.to_owned(),
        Some(_) => words.chars().take(LONGEST_WORDS - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SessionId, Timing};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).expect("in range")
    }

    fn begun(owes_confirming: bool, owed: Option<i64>) -> Begun {
        Begun {
            key: SubjectKey::decks(SessionId(7)),
            before: Remembered {
                confirming: owed.map(|second| Confirming { at: at(second) }),
                ..Remembered::default()
            },
            owes_confirming,
            tries: 1,
            generation: 1,
            marked_ids: BTreeSet::new(),
            marked_since: at(0),
        }
    }

    /// Of two workers the second one finds nothing to do, and must not leave a wish that nobody has.
    #[test]
    fn a_step_with_nothing_to_do_leaves_the_state_as_it_was() {
        let accepted = Accepted { decks: Vec::new(), at: at(0), epoch: String::new() };
        let known = |timing: Timing| Begun {
            before: Remembered { accepted: Some(accepted.clone()), timing, ..Remembered::default() },
            ..begun(false, None)
        };
        let state = |begun: &Begun| end(begun, &StepEnd::NotProcessed { failure: None }, at(0)).state;
        let burst = Some(crate::model::Burst { first: at(0), last: at(0) });
        assert_eq!(state(&known(Timing::default())), State::Settled);
        assert_eq!(state(&begun(false, None)), State::Waiting, "nothing was ever accepted");
        assert_eq!(state(&known(Timing { burst, ..Timing::default() })), State::Waiting);
        assert_eq!(state(&known(Timing { parked: true, ..Timing::default() })), State::Parked);
        assert_eq!(
            state(&Begun { tries: 3, ..known(Timing::default()) }),
            State::Waiting,
            "it failed before"
        );
        let mut doubtful = known(Timing::default());
        doubtful.before.doubt_since = Some(at(0));
        assert_eq!(state(&doubtful), State::InDoubt);
    }

    /// What a step tells to be owed is what the ledger keeps.
    #[test]
    fn a_confirming_send_stays_owed_until_it_is_due() {
        let late = TimeDelta::seconds(30);
        for (begun, expected) in [
            (begun(false, None), None),
            (begun(true, None), Some(35)),
            (begun(false, Some(20)), Some(20)),
            (begun(true, Some(20)), Some(35)),
            (begun(false, Some(5)), None),
        ] {
            let owed = begun.confirming(at(5), late, false);
            assert_eq!(owed, expected.map(|second| Confirming { at: at(second) }), "{begun:?}");
            assert_eq!(succeeded(&begun, at(5), owed).remembered.confirming, owed, "{begun:?}");
        }
    }
}

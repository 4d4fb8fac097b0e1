//! What a step's calls came to: how it ended for the ledger, and how for the one who decides whether to try again.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::{Begun, CountsAs, Failure, StepEnd};
use crate::model::{DeckId, Fault, Why};
use crate::plan::Change;

/// The lease was nearly over before anything was sent.
pub(super) const OUT_OF_TIME_UNSENT: &str = "nothing was changed before the lease (ledger.lease) was nearly over: Meetecho was slow or asked for quiet, or \
     meetecho.rate is low";

/// And after.
pub(super) const OUT_OF_TIME_IN_DOUBT: &str =
    "the step took longer than its lease (ledger.lease); what the provider made of it is not known";

/// What a step's calls came to.
#[derive(Debug)]
pub(super) struct Acted {
    pub(super) requests: usize,
    pub(super) end: StepEnd,
    pub(super) outcome: StepOutcome,
    pub(super) fault: Option<Fault>,
    pub(super) retry_after: Option<Duration>,
    pub(super) counts_as: Option<CountsAs>,
    pub(super) room: Option<String>,
    /// What was carried out, where that is not what was planned: somebody else had changed the belief since.
    pub(super) instead: Option<Box<Change>>,
}

/// How a step ended, for the one who decides whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepOutcome {
    Applied,
    InStep,
    Retry,
    Refused,
    InDoubt,
}

impl StepOutcome {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::InStep => "in_step",
            Self::Retry => "retry",
            Self::Refused => "refused",
            Self::InDoubt => "in_doubt",
        }
    }
}

impl Acted {
    pub(super) fn done(end: StepEnd) -> Self {
        let outcome = StepOutcome::Applied;
        Self {
            requests: 0,
            end,
            outcome,
            fault: None,
            retry_after: None,
            counts_as: None,
            room: None,
            instead: None,
        }
    }

    pub(super) fn in_doubt(end: StepEnd, fault: Fault) -> Self {
        Self { outcome: StepOutcome::InDoubt, fault: Some(fault), ..Self::done(end) }
    }

    pub(super) fn failed(end: StepEnd, fault: Fault, retry_after: Option<Duration>) -> Self {
        let failed = Self { fault: Some(fault), retry_after, ..Self::done(end) };
        let outcome = if failed.is_refused_by_provider() { StepOutcome::Refused } else { StepOutcome::Retry };
        Self { outcome, ..failed }
    }

    /// Not sent: the provider just failed several times in a row.
    pub(super) fn not_tried(fault: Fault) -> Self {
        Self::not_sent(Failure::Retry(fault.words.clone()), fault)
    }

    /// Nothing was sent at all.
    fn not_sent(failure: Failure, fault: Fault) -> Self {
        Self::failed(StepEnd::NotProcessed { failure: Some(failure) }, fault, None)
    }

    /// Not sent: whoever ran this had asked it to stop.
    pub(super) fn not_begun() -> Self {
        let words = "not sent: it was asked to stop before this had its turn";
        Self::not_sent(Failure::Retry(words.into()), Fault::new(Why::RetryWait, words))
    }

    /// Not sent: somebody else kept the session.
    pub(super) fn leased(owner: &str, until: DateTime<Utc>) -> Self {
        let words = format!("{owner} works on this session until {} UTC", until.format("%H:%M:%S"));
        Self::not_sent(Failure::Retry(words.clone()), Fault::new(Why::RetryWait, words))
    }

    /// Not sent: the session was put on hold since it was planned.
    pub(super) fn held(until: DateTime<Utc>) -> Self {
        let words = format!(
            "not sent: it was put on hold meanwhile, until {} UTC (meetsync release ends that)",
            until.format("%Y-%m-%d %H:%M:%S")
        );
        Self::not_sent(Failure::Refused(words.clone()), Fault::new(Why::Held, words))
    }

    /// Not sent: by now it would take more than was planned, and so than was looked at.
    pub(super) fn more_than_planned() -> Self {
        let words = "not sent: meanwhile it would take a room made or taken away that was not in the plan; \
                     plan again (meetsync plan)";
        Self::not_sent(Failure::Refused(words.into()), Fault::new(Why::RoomConflict, words))
    }

    /// The lease is nearly over. Where nothing had its turn yet, nothing can be on its way.
    pub(super) fn out_of_time(sent: BTreeSet<DeckId>, requests: usize, is_cut: bool) -> Self {
        if requests == 0 {
            let words = if is_cut {
                "nothing was changed before meetsync was ended (shutdown.grace)"
            } else {
                OUT_OF_TIME_UNSENT
            };
            return Self::not_sent(Failure::Retry(words.into()), Fault::new(Why::RateLimited, words));
        }
        let words = if is_cut {
            "meetsync was ended (shutdown.grace) before an answer came; what the provider made of it is not known"
        } else {
            OUT_OF_TIME_IN_DOUBT
        };
        let end = StepEnd::InDoubt { words: words.into(), sent };
        Self::in_doubt(end, Fault::new(Why::ProviderDown, words))
    }

    /// The step panicked. Where a request had its turn, nobody knows what became of it.
    pub(super) fn broke(sent: BTreeSet<DeckId>, requests: usize) -> Self {
        let words = "the step broke off by a defect of meetsync (its log has more); it is tried again";
        if requests == 0 {
            return Self::not_sent(Failure::Retry(words.into()), Fault::new(Why::RetryWait, words));
        }
        let end = StepEnd::InDoubt { words: words.into(), sent };
        Self::in_doubt(end, Fault::new(Why::InDoubtConfirming, words))
    }

    /// Not something beside what was done, such as a link that could not be written.
    pub(super) fn is_refused_by_provider(&self) -> bool {
        matches!(
            &self.end,
            StepEnd::NotProcessed { failure: Some(Failure::Refused(_)) }
                | StepEnd::NotMade { failure: Failure::Refused(_) }
                | StepEnd::Partly { failure: Failure::Refused(_), .. }
        )
    }

    /// Nothing may be sent yet, because a request of before may still take effect.
    pub(super) fn still_in_doubt(begun: &Begun) -> Self {
        let words = begun
            .before
            .last_error
            .clone()
            .unwrap_or_else(|| "an earlier request had no usable answer".into());
        Self::in_doubt(StepEnd::NotProcessed { failure: None }, Fault::new(Why::InDoubtConfirming, words))
    }

    /// Somebody else had done it: the room, if there is one, is on record.
    pub(super) fn nothing_to_do(begun: &Begun) -> Self {
        let room = begun.before.room.as_ref().filter(|room| !room.gone);
        let room = room.map(|room| room.public_id.clone());
        let end = StepEnd::NotProcessed { failure: None };
        Self { outcome: StepOutcome::InStep, room, ..Self::done(end) }
    }

    pub(super) fn with_room(mut self, public_id: String) -> Self {
        self.room = Some(public_id);
        self
    }

    /// The main thing was done, and something beside it was not.
    pub(super) fn with_fault(mut self, (failure, fault): (Failure, Fault)) -> Self {
        self.fault = Some(fault);
        self.outcome = match failure {
            Failure::Retry(_) => StepOutcome::Retry,
            Failure::Refused(_) => StepOutcome::Refused,
        };
        self
    }
}

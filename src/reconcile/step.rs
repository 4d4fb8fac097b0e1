//! One subject under its lease: mark doubt, act, write down how it ended.
//!
//! The mark is durable before the first request, so a process that is killed leaves doubt and not a false belief.
//! The belief is read again with the mark; where it is not what the plan was made on (another one-shot was faster),
//! the planner is asked once more, with the fresh belief and the same snapshot.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::act_decks;
use super::act_room::RoomActor;
use super::world::{Parts, World};
use crate::ledger::{
    AttemptRow, Begun, CountsAs, Failure, Lease, LeasedStep, Ledger, LedgerError, RoomLeft, Settled, StepEnd,
};
use crate::model::{Fault, Kind, LedgerView, Remembered, RoomsSeen, Snapshot, Why};
use crate::plan::{self, Ask, Change, Inputs, Operation};

/// Kept back from a lease, for clocks that run at different speeds and for the write at the end.
const LEASE_SKEW: Duration = Duration::from_secs(3);

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
    fn word(self) -> &'static str {
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
    pub(super) fn done(requests: usize, end: StepEnd) -> Self {
        let outcome = StepOutcome::Applied;
        Self { requests, end, outcome, fault: None, retry_after: None, counts_as: None, room: None }
    }

    pub(super) fn in_doubt(requests: usize, end: StepEnd, fault: Fault) -> Self {
        Self { outcome: StepOutcome::InDoubt, fault: Some(fault), ..Self::done(requests, end) }
    }

    pub(super) fn failed(requests: usize, end: StepEnd, fault: Fault, retry_after: Option<Duration>) -> Self {
        let refused = matches!(
            &end,
            StepEnd::NotProcessed { failure: Some(Failure::Refused(_)) }
                | StepEnd::Partly { failure: Failure::Refused(_), .. }
        );
        let outcome = if refused { StepOutcome::Refused } else { StepOutcome::Retry };
        Self { outcome, fault: Some(fault), retry_after, ..Self::done(requests, end) }
    }

    /// Not sent: the provider just failed several times in a row.
    pub(super) fn not_tried() -> Self {
        let words = "not sent: Meetecho failed several times in a row just now";
        let fault = Fault::new(Why::ProviderDown, words);
        let failure = Failure::Retry(words.into());
        Self::failed(0, StepEnd::NotProcessed { failure: Some(failure) }, fault, None)
    }

    /// Not sent: somebody else kept the session.
    pub(super) fn leased(owner: &str, until: DateTime<Utc>) -> Self {
        let words = format!("{owner} works on this session until {} UTC", until.format("%H:%M:%S"));
        let failure = Failure::Retry(words.clone());
        Self::failed(
            0,
            StepEnd::NotProcessed { failure: Some(failure) },
            Fault::new(Why::RetryWait, words),
            None,
        )
    }

    /// Nothing may be sent yet, because a request of before may still take effect.
    fn still_in_doubt(begun: &Begun) -> Self {
        let words = begun
            .before
            .last_error
            .clone()
            .unwrap_or_else(|| "an earlier request had no usable answer".into());
        Self::in_doubt(0, StepEnd::NotProcessed { failure: None }, Fault::new(Why::InDoubtConfirming, words))
    }

    fn nothing_to_do() -> Self {
        Self { outcome: StepOutcome::InStep, ..Self::done(0, StepEnd::NotProcessed { failure: None }) }
    }

    pub(super) fn counting(mut self, counts_as: CountsAs) -> Self {
        self.counts_as = Some(counts_as);
        self
    }

    pub(super) fn with_room(mut self, public_id: String) -> Self {
        self.room = Some(public_id);
        self
    }

    /// The main thing was done, and something beside it was not.
    pub(super) fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self.outcome = StepOutcome::Refused;
        self
    }
}

/// What became of a step.
#[derive(Debug)]
pub(super) enum Stepped {
    Ended(Box<Acted>),
    /// Somebody else works on this session.
    Leased {
        owner: String,
        until: DateTime<Utc>,
    },
}

/// One try at one subject.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) parts: &'a Parts,
    pub(super) ledger: &'a Ledger,
    pub(super) world: &'a World,
    /// The rooms as they were last read: newer than the world's after a failed try.
    pub(super) rooms: &'a RoomsSeen,
    pub(super) planned: &'a Change,
    /// The room that a step before this one made.
    pub(super) new_room: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
}

impl Step<'_> {
    pub(super) async fn run(self) -> Result<Stepped, LedgerError> {
        let key = self.planned.subject;
        let ids = act_decks::ids_sent_by(self.planned);
        let now = self.world.now();
        let asked = self.ledger.lease_and_begin(key, &self.parts.who, self.parts.lease, &ids, now).await?;
        let (lease, begun) = match asked {
            LeasedStep::Begun(lease, begun) => (lease, begun),
            LeasedStep::Taken { owner, until } => return Ok(Stepped::Leased { owner, until }),
        };
        let change = self.change_for(&begun);
        let started = Instant::now();
        let acted = match &change {
            None if begun.before.doubt_since.is_some() => Acted::still_in_doubt(&begun),
            None => Acted::nothing_to_do(),
            Some(change) => self.act_in_time(change, &begun, &lease).await,
        };
        let attempt = self.attempt(change.as_ref(), &acted, started.elapsed());
        match self.ledger.settle_and_release(lease, begun, &acted.end, attempt).await? {
            Settled::Done => Ok(Stepped::Ended(Box::new(acted))),
            Settled::Lost => {
                let words =
                    "the lease ran out before the step ended, and another meetsync took the session over";
                let fault = Fault::new(Why::InDoubtConfirming, words);
                Ok(Stepped::Ended(Box::new(Acted {
                    outcome: StepOutcome::InDoubt,
                    fault: Some(fault),
                    ..acted
                })))
            }
        }
    }

    /// The planned change, or a fresh one where the belief is not what it was planned on. None = in step by now.
    fn change_for(self, begun: &Begun) -> Option<Change> {
        let key = self.planned.subject;
        let planned_on = self.world.ledger.get(key).cloned().unwrap_or_default();
        if same_belief(&planned_on, &begun.before) {
            return Some(self.planned.clone());
        }
        self.plan_again(begun.before.clone())
    }

    fn plan_again(self, belief: Remembered) -> Option<Change> {
        let key = self.planned.subject;
        let world = self.world;
        let snapshot = Snapshot {
            as_of: world.now(),
            sessions: world.snapshot.session(key.session).cloned().into_iter().collect(),
            ..world.snapshot.clone()
        };
        let mut ledger = LedgerView { subjects: world.ledger.subjects.clone(), ..LedgerView::default() };
        ledger.subjects.insert(key, belief);
        // The guards have counted this change already, and a hold is not set in the middle of a step.
        let ask = Ask { force: true, ..world.ask.clone() };
        let inputs = Inputs {
            snapshot: &snapshot,
            ledger: &ledger,
            rooms: self.rooms,
            policy: &world.policy,
            ask: &ask,
        };
        plan::make(inputs).changes.into_iter().find(|change| change.subject == key)
    }

    /// Acts within the lease. Time that runs out leaves doubt: a request may be on its way.
    async fn act_in_time(self, change: &Change, begun: &Begun, lease: &Lease) -> Acted {
        let late_effect = self.world.policy.slides.late_effect;
        let now = || self.world.now();
        let acting = async {
            match change.subject.kind {
                Kind::Decks => {
                    let room = self.new_room.map(str::to_owned);
                    act_decks::act(&self.parts.meetecho, change, begun, room, late_effect, now).await
                }
                Kind::Room => {
                    let actor = RoomActor {
                        meetecho: &self.parts.meetecho,
                        links: self.parts.links.as_ref(),
                        change,
                        record: begun.before.room.clone(),
                    };
                    actor.act(now).await
                }
            }
        };
        let in_time = tokio::time::timeout(lease.time_left(LEASE_SKEW), acting).await;
        in_time.unwrap_or_else(|_| {
            let words =
                "the step took longer than its lease (ledger.lease); what the provider made of it is not known";
            let end = StepEnd::InDoubt {
                words: words.into(),
                sent: act_decks::ids_sent_by(change),
                room: RoomLeft::AsBefore,
            };
            Acted::in_doubt(change.requests(), end, Fault::new(Why::ProviderDown, words))
        })
    }

    fn attempt(self, change: Option<&Change>, acted: &Acted, took: Duration) -> AttemptRow {
        let change = change.unwrap_or(self.planned);
        let emptied = change.subject.kind == Kind::Decks && empties(self.world, change);
        let reason = match self.reason {
            Some(words) => format!("{}: {words}", change.reason),
            None => change.reason.clone(),
        };
        AttemptRow {
            at: self.world.now(),
            who: self.parts.who.clone(),
            what: in_words(&change.operations),
            reason,
            requests: u32::try_from(acted.requests).unwrap_or(u32::MAX),
            outcome: acted.outcome.word().to_owned(),
            words: acted.fault.as_ref().map(|fault| fault.words.clone()),
            took,
            counts_as: acted.counts_as.or(emptied.then_some(CountsAs::DecksEmptied)),
        }
    }
}

/// What decides the next change; the rest of a row is history.
fn same_belief(a: &Remembered, b: &Remembered) -> bool {
    a.accepted == b.accepted
        && a.may_be_there == b.may_be_there
        && a.room == b.room
        && a.doubt_since == b.doubt_since
        && a.confirming == b.confirming
}

fn empties(world: &World, change: &Change) -> bool {
    let accepted = world.ledger.get(change.subject).and_then(|row| row.accepted.as_ref());
    let wanted: BTreeSet<_> = act_decks::ids_sent_by(change);
    accepted.is_some_and(|accepted| {
        accepted.decks.iter().filter(|deck| !wanted.contains(&deck.id)).count() * 2 > accepted.decks.len()
    })
}

/// The operations by name, as a plan's JSON calls them.
fn in_words(operations: &[Operation]) -> String {
    operations.iter().map(Operation::name).collect::<Vec<_>>().join(", ")
}

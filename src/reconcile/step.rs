//! One subject under its lease: mark doubt, act, write down how it ended.
//!
//! The mark is durable before the first request, so a process that is killed leaves doubt and not a false belief.
//! The belief is read again with the mark; where it is not what the plan was made on (another one-shot was faster),
//! the planner is asked once more, with the fresh belief and the same snapshot.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;

use super::act_decks::{self, Moments};
use super::act_room::RoomActor;
use super::acted::{Acted, StepOutcome};
use super::edges::{Books as _, Conference as _, Edges, Time as _};
use super::tenure::Tenure;
use super::worker::Leave;
use super::world::{Parts, World};
use crate::database::chain;
use crate::ledger::{Begun, Lease, LeasedStep, LedgerError, Settled, StepAsk};
use crate::model::{Fault, Kind, RoomRecord, Why};
use crate::plan::Change;

mod ending;
mod next;

/// What became of a step.
#[derive(Debug)]
pub(super) enum Stepped {
    Ended(Box<Acted>),
    /// Somebody else works on this session.
    Leased {
        owner: String,
        until: DateTime<Utc>,
    },
    /// The session was put on hold since it was planned, until then. Nothing was sent or written.
    Held {
        until: DateTime<Utc>,
    },
    /// The worker's only: there was nothing to do (any more), or not this. The next pass knows better.
    PutBack,
}

/// What a step of the worker has beyond a command's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// The wish that was planned on. One that is not the newest is not carried out.
    pub(super) generation: i64,
}

/// One try at one subject.
pub(super) struct Step<'a, E: Edges> {
    pub(super) parts: &'a Parts<E>,
    pub(super) ledger: &'a E::Books,
    pub(super) world: &'a World,
    pub(super) planned: &'a Change,
    /// The room that a step before this one made.
    pub(super) new_room: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
    /// None = a command, which a person waits for.
    pub(super) worker: Option<Standing>,
    /// Who is cut off leaves doubt, and writes it down.
    pub(super) leave: &'a Leave,
}

impl<E: Edges> Step<'_, E> {
    pub(super) async fn run(&self) -> Result<Stepped, LedgerError> {
        let key = self.planned.subject;
        let ids = act_decks::ids_sent_by(self.planned);
        let now = self.now();
        let began = self.parts.time.elapsed();
        let mut ask = StepAsk::new(key, &self.parts.who, self.parts.lease, &ids, now);
        ask.in_spite_of_holds = self.world.ask.overrules_holds();
        let (lease, mut step) = match self.begin(&ask).await? {
            LeasedStep::Begun(lease, step) => (lease, step),
            LeasedStep::Taken { owner, until } => return Ok(Stepped::Leased { owner, until }),
            LeasedStep::Held { until } => return Ok(Stepped::Held { until }),
        };
        let next = match unbroken(Box::pin(self.next_for(&step))).await {
            Ok(Ok(next)) => next,
            Err(Broke) => Next::Broke,
            Ok(Err(error)) => {
                // Nothing was sent: the lease and the mark need not outlive this.
                self.put_back(lease, step).await.ok();
                return Err(error);
            }
        };
        let mut since = began;
        let mut acted = match &next {
            Next::Act(change) => {
                let mut tenure = self.tenure(&lease, began);
                let (acted, noted) = self.act_in_time(change, &mut tenure, &step).await;
                since = tenure.since;
                step.before.room = noted;
                acted
            }
            Next::Broke => broke(self.planned, 0),
            _ if self.worker.is_some() => {
                // Where it was lost, somebody else has the session, and there is nothing to put back.
                let (Settled::Done | Settled::Lost) = self.put_back(lease, step).await?;
                return Ok(Stepped::PutBack);
            }
            Next::MoreThanPlanned => Acted::more_than_planned(),
            Next::Nothing if step.before.doubt_since.is_some() => Acted::still_in_doubt(&step),
            Next::Nothing => Acted::nothing_to_do(&step),
        };
        let change = if let Next::Act(change) = &next { change } else { self.planned };
        acted.instead = (change != self.planned).then(|| Box::new(change.clone()));
        let attempt = self.attempt(change, &step, &acted, self.parts.time.elapsed().saturating_sub(began));
        let end = ending::with_code(acted.end.clone(), acted.fault.as_ref());
        match self.settle(lease, step, &end, attempt, since).await? {
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

    /// Asks once more where no answer came: it may have been begun, and then the session would be left alone until the lease
    /// that nobody knows of is over.
    async fn begin(&self, ask: &StepAsk<'_>) -> Result<LeasedStep, LedgerError> {
        match self.ledger.lease_and_begin(ask).await {
            Err(error) if error.may_have_been_done() => {
                tracing::warn!(
                    subject = %ask.key,
                    error = chain(&error),
                    "it is not known whether a step was begun; the ledger is asked once more"
                );
                self.ledger.lease_and_begin(ask).await
            }
            answer => answer,
        }
    }

    /// The same for a lease that is given back.
    async fn put_back(&self, lease: Lease, step: Begun) -> Result<Settled, LedgerError> {
        match self.ledger.put_back(lease.clone(), step.clone()).await {
            Err(error) if error.may_have_been_done() => self.ledger.put_back(lease, step).await,
            answer => answer,
        }
    }

    fn tenure<'a>(&'a self, lease: &'a Lease, since: Duration) -> Tenure<'a, E::Books, E::Time> {
        let (time, length) = (&self.parts.time, self.parts.lease);
        Tenure { ledger: self.ledger, time, lease, length, since }
    }

    /// Acts within the lease. Time that runs out leaves doubt where a request may be on its way. Also what the ledger has
    /// as the session's room by now.
    async fn act_in_time(
        &self,
        change: &Change,
        tenure: &mut Tenure<'_, E::Books, E::Time>,
        step: &Begun,
    ) -> (Acted, Option<RoomRecord>) {
        let now = || self.now();
        let meetecho = self.parts.meetecho.counting_anew();
        let (in_time, counts_as, noted) = match change.subject.kind {
            Kind::Decks => {
                let room = self.new_room.map(str::to_owned);
                let moments = Moments {
                    late_effect: self.world.policy.slides.late_effect,
                    not_alone_until: self.not_alone_until(step),
                    planned_at: self.world.snapshot.as_of,
                };
                let acting = act_decks::act(&meetecho, tenure, change, step, room, &moments, now);
                (Box::pin(self.unless_cut(unbroken(acting))).await, None, step.before.room.clone())
            }
            Kind::Room => {
                let session = self.world.snapshot.session(change.session);
                let mut actor = RoomActor {
                    meetecho: &meetecho,
                    links: self.parts.links.as_ref(),
                    ledger: self.ledger,
                    lease: tenure.lease,
                    change,
                    meeting: session.map(|session| &session.meeting),
                    record: step.before.room.clone(),
                    noted: step.before.room.clone(),
                    counts_as: None,
                };
                let acting = Box::pin(self.unless_cut(unbroken(actor.act(now))));
                let in_time = tenure.within(acting).await.flatten();
                (in_time, actor.counts_as, actor.noted)
            }
        };
        let requests = usize::try_from(meetecho.requests_sent()).unwrap_or(usize::MAX);
        let acted = match in_time {
            Some(Ok(acted)) => acted,
            Some(Err(Broke)) => broke(change, requests),
            None => Acted::out_of_time(act_decks::ids_sent_by(change), requests, self.leave.was_cut()),
        };
        (Acted { requests, counts_as, ..acted }, noted)
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.now(&self.parts.time)
    }

    /// None = we were asked to stop, and the time of what is under way is over.
    async fn unless_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.leave.is_cut() => None,
        }
    }

    /// An edit is sent when it has been quiet since for `slides.quiet`, long enough for the datatracker's own call for it;
    /// but where edits don't stop, `slides.max_wait` cuts in, and may do so right after the newest one. A person who
    /// pushes knows what else is going on.
    fn not_alone_until(&self, step: &Begun) -> Option<DateTime<Utc>> {
        self.worker.as_ref()?;
        let quiet_at = step.before.timing.burst?.last + self.world.policy.slides.quiet;
        (self.now() < quiet_at).then_some(quiet_at)
    }
}

/// A panic is this subject's trouble: it is tried again like any other, and its lease is given back.
fn broke(change: &Change, requests: usize) -> Acted {
    tracing::error!(
        session = change.session.0,
        subject = %change.subject,
        requests,
        "a step panicked; this is a defect of meetsync, please report it with what was said right before"
    );
    Acted::broke(act_decks::ids_sent_by(change), requests)
}

/// A panic. What it was about has been said by whoever watches for panics.
struct Broke;

/// What the work comes to, even if it panics. It is dropped then, and nothing of it is looked at but what was sent.
async fn unbroken<T>(work: impl Future<Output = T>) -> Result<T, Broke> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| Broke)
}

/// What a step is to do, by what is believed under its lease.
#[expect(clippy::large_enum_variant, reason = "one for each step, taken apart at once")]
enum Next {
    Act(Change),
    /// In step by now; or in doubt, and there is nothing to do about it yet.
    Nothing,
    MoreThanPlanned,
    /// It could not be said: planning again panicked.
    Broke,
}

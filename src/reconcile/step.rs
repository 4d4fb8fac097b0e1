//! One subject under its lease: mark doubt, act, write down how it ended.
//!
//! The mark is durable before the first request, so a process that is killed leaves doubt and not a false belief.
//! The belief is read again with the mark; where it is not what the plan was made on (another one-shot was faster),
//! the planner is asked once more, with the fresh belief and the same snapshot.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::act_decks;
use super::act_room::RoomActor;
use super::acted::{Acted, StepOutcome};
use super::edges::{Books as _, Conference as _, Edges, Time as _};
use super::look;
use super::world::{Parts, World};
use crate::ledger::{AttemptRow, Begun, CountsAs, LeasedStep, LedgerError, Settled};
use crate::model::{Fault, Kind, LedgerView, Remembered, RoomsSeen, Snapshot, SubjectKey, Why};
use crate::plan::{self, Ask, Change, Inputs, Operation};
use crate::schedule::lease::step_timeout;

/// Kept back from a lease, for clocks that run at different speeds and for the write at the end.
const LEASE_SKEW: Duration = Duration::from_secs(3);

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
pub(super) struct Step<'a, E: Edges> {
    pub(super) parts: &'a Parts<E>,
    pub(super) ledger: &'a E::Books,
    pub(super) world: &'a World,
    pub(super) planned: &'a Change,
    /// The room that a step before this one made.
    pub(super) new_room: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
}

impl<E: Edges> Step<'_, E> {
    pub(super) async fn run(&self) -> Result<Stepped, LedgerError> {
        let key = self.planned.subject;
        let ids = act_decks::ids_sent_by(self.planned);
        let now = self.now();
        let began = self.parts.time.elapsed();
        let asked = self.ledger.lease_and_begin(key, &self.parts.who, self.parts.lease, &ids, now).await?;
        let (lease, begun) = match asked {
            LeasedStep::Begun(lease, begun) => (lease, begun),
            LeasedStep::Taken { owner, until } => return Ok(Stepped::Leased { owner, until }),
        };
        let next = self.next_for(&begun).await?;
        let acted = match &next {
            Next::Act(change) => self.act_in_time(change, &begun, began).await,
            Next::MoreThanPlanned => Acted::more_than_planned(),
            Next::Nothing if begun.before.doubt_since.is_some() => Acted::still_in_doubt(&begun),
            Next::Nothing => Acted::nothing_to_do(&begun),
        };
        let change = if let Next::Act(change) = &next { change } else { self.planned };
        let attempt = self.attempt(change, &begun, &acted, self.parts.time.elapsed().saturating_sub(began));
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

    /// The planned change, or a fresh one where the belief is not what it was planned on.
    async fn next_for(&self, begun: &Begun) -> Result<Next, LedgerError> {
        let planned = self.planned;
        let planned_on = self.world.ledger.get(planned.subject).cloned().unwrap_or_default();
        if same_belief(&planned_on, &begun.before) {
            return Ok(Next::Act(planned.clone()));
        }
        let Some(fresh) = self.plan_again(begun.before.clone()).await? else { return Ok(Next::Nothing) };
        // The guards have counted what was planned, and a person may have approved it.
        let deletes = plan::takes_a_room_away(&fresh) && !plan::takes_a_room_away(planned);
        let makes = plan::makes_a_room(&fresh) && !plan::makes_a_room(planned);
        Ok(if deletes || makes { Next::MoreThanPlanned } else { Next::Act(fresh) })
    }

    /// What the planner says of this one subject now: by the ledger as it is, and the rooms as they are. For decks
    /// the ledger's word on the room will do: the step before this one, ours or another's, has just written it.
    async fn plan_again(&self, belief: Remembered) -> Result<Option<Change>, LedgerError> {
        let key = self.planned.subject;
        let world = self.world;
        let snapshot = Snapshot {
            sessions: world.snapshot.session(key.session).cloned().into_iter().collect(),
            ..world.snapshot.carried_to(self.now())
        };
        let other = SubjectKey { kind: if key.kind == Kind::Room { Kind::Decks } else { Kind::Room }, ..key };
        let view = self.ledger.view_of(&[key.session].into(), world.policy.guard.per, snapshot.as_of).await?;
        let mut ledger = LedgerView::default();
        ledger.subjects.extend(view.get(other).cloned().map(|row| (other, row)));
        ledger.subjects.insert(key, belief);
        // The guards have counted this change already, and a hold is not set in the middle of a step.
        let ask = Ask { force: true, ..world.ask.clone() };
        let unread = RoomsSeen::default();
        let inputs =
            Inputs { snapshot: &snapshot, ledger: &ledger, rooms: &unread, policy: &world.policy, ask: &ask };
        let rooms = match key.kind {
            Kind::Room => {
                look::rooms_of(&self.parts.meetecho, plan::groups_to_read(inputs), self.parts.max_in_flight)
                    .await
            }
            Kind::Decks => unread.clone(),
        };
        let plan = plan::make(Inputs { rooms: &rooms, ..inputs });
        Ok(plan.changes.into_iter().find(|change| change.subject == key))
    }

    /// Acts within the lease. Time that runs out leaves doubt where a request may be on its way.
    async fn act_in_time(&self, change: &Change, begun: &Begun, began: Duration) -> Acted {
        let late_effect = self.world.policy.slides.late_effect;
        let now = || self.now();
        let meetecho = self.parts.meetecho.counting_anew();
        let time = &self.parts.time;
        let gone = time.elapsed().saturating_sub(began);
        let left = step_timeout(self.parts.lease, LEASE_SKEW, gone);
        let (in_time, counts_as) = match change.subject.kind {
            Kind::Decks => {
                let room = self.new_room.map(str::to_owned);
                let acting = act_decks::act(&meetecho, change, begun, room, late_effect, now);
                (time.within(left, acting).await, None)
            }
            Kind::Room => {
                let session = self.world.snapshot.session(change.session);
                let mut actor = RoomActor {
                    meetecho: &meetecho,
                    links: self.parts.links.as_ref(),
                    change,
                    meeting: session.map(|session| &session.meeting),
                    record: begun.before.room.clone(),
                    counts_as: None,
                };
                let in_time = time.within(left, actor.act(now)).await;
                (in_time, actor.counts_as)
            }
        };
        let requests = usize::try_from(meetecho.requests_sent()).unwrap_or(usize::MAX);
        let acted = in_time.unwrap_or_else(|| Acted::out_of_time(act_decks::ids_sent_by(change), requests));
        Acted { requests, counts_as, ..acted }
    }

    fn now(&self) -> DateTime<Utc> {
        self.world.now(&self.parts.time)
    }

    fn attempt(&self, change: &Change, begun: &Begun, acted: &Acted, took: Duration) -> AttemptRow {
        let emptied = acted.requests > 0 && plan::empties(Some(&begun.before), change);
        let reason = match self.reason {
            Some(words) => format!("{}: {words}", change.reason),
            None => change.reason.clone(),
        };
        AttemptRow {
            at: self.now(),
            who: self.parts.who.clone(),
            what: in_words(&change.operations),
            reason,
            requests: u32::try_from(acted.requests).unwrap_or(u32::MAX),
            outcome: acted.outcome.word().to_owned(),
            words: acted.fault.as_ref().map(|fault| fault.words.clone()),
            took,
            counts_as: acted.counts_as.or(emptied.then_some(CountsAs::DecksEmptied)),
            not_before: None,
        }
    }
}

/// What a step is to do, by what is believed under its lease.
#[expect(clippy::large_enum_variant, reason = "one for each step, taken apart at once")]
enum Next {
    Act(Change),
    /// In step by now; or in doubt, and there is nothing to do about it yet.
    Nothing,
    MoreThanPlanned,
}

/// What decides the next change; the rest of a row is history.
fn same_belief(a: &Remembered, b: &Remembered) -> bool {
    a.accepted == b.accepted
        && a.may_be_there == b.may_be_there
        && a.room == b.room
        && a.doubt_since == b.doubt_since
        && a.confirming == b.confirming
}

/// The operations by name, as a plan's JSON calls them.
fn in_words(operations: &[Operation]) -> String {
    operations.iter().map(Operation::name).collect::<Vec<_>>().join(", ")
}

//! Carries a plan out, once: each session's room first, then its decks; live sessions first; several at a time.
//!
//! It goes in rounds: all subjects once, then those that are worth another try, three times in all. A dead provider
//! is noticed within a round: after a few failures in a row with no success for a while, the rest of the round is
//! not sent, and has the first turn in the next. Every try is a leased step of its own, so the process can be killed at any moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::acted::{Acted, StepOutcome};
use super::dead::{Pulse, is_down};
use super::edges::{Books as _, Conference as _, Edges};
use super::rehearse;
use super::result::{SubjectOutcome, SubjectResult};
use super::step::{Step, Stepped};
use super::wishes;
use super::work::{Tried, Work, by_session};
use super::worker::Leave;
use super::world::{Parts, World};
use crate::ledger::LedgerError;
use crate::model::{RoomsSeen, SessionId, SubjectKey, Why};
use crate::plan::{Change, Plan};
use crate::schedule::backoff;

/// How often a lease that somebody else has is asked for again.
const LEASE_LOOK: Duration = Duration::from_millis(500);

/// How far a resync has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// So many subjects of so many are done.
    Done { done: usize, of: usize },
    /// Somebody else works on this session, and nothing of it is sent before that ends, or its time is over.
    Waits { session: SessionId, owner: String, until: DateTime<Utc> },
}

/// Carries out the changes of a plan; refused subjects are listed as such. Ordered by subject. Once it is asked to leave it
/// begins no step, and what had none is listed as failed.
///
/// # Errors
/// The ledger failed: what was not done by then stays undone, and nothing was sent without a mark.
pub async fn resync<E: Edges>(
    parts: &Parts<E>,
    ledger: &E::Books,
    world: &World,
    plan: &Plan,
    reason: Option<&str>,
    leave: &Leave,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<SubjectResult>, LedgerError> {
    // What is wished is on record before anything is sent: it also tells a later plan which sessions there were.
    ledger.record(&wishes::of_plan(plan, world.now(&parts.time))).await?;
    if ledger.is_rehearsal() {
        rehearse::tell_of_rooms(&parts.meetecho, plan);
    }
    let groups = plan.changes.iter().map(|change| change.group.clone()).collect();
    unless_left(leave, parts.meetecho.prefetch_tokens(&groups)).await;
    let mut run = Run {
        parts,
        ledger,
        world,
        reason,
        leave,
        of: plan.changes.len(),
        done: AtomicUsize::new(0),
        pulse: Pulse::new(parts.max_in_flight),
        was_gone: nobody_answered(&world.rooms),
        is_last: false,
    };
    let mut results: BTreeMap<SubjectKey, SubjectResult> = BTreeMap::new();
    let mut work = by_session(plan);
    let mut tries = 0;
    while !work.is_empty() && !leave.is_asked() {
        tries += 1;
        run.is_last = backoff::one_shot(tries, None).is_none();
        let round = run.round(std::mem::take(&mut work), progress).await?;
        let mut wait = None;
        for done in round {
            let again =
                done.is_worth_another_try().then(|| backoff::one_shot(tries, done.retry_after)).flatten();
            if let Some(pause) = again {
                wait = wait.max(Some(pause));
                work.push(done.again());
            }
            for mut result in done.results {
                result.requests += results.get(&result.subject).map_or(0, |before| before.requests);
                results.insert(result.subject, result);
            }
        }
        // Whoever had the fewest turns comes first now; else the order of work stays.
        work.sort_by_key(|work| (work.turns, work.place));
        if let Some(pause) = wait {
            unless_left(leave, sleep(pause)).await;
            run.look_again(&work).await;
        }
    }
    if leave.is_asked() {
        for Change { subject, .. } in &plan.changes {
            let not_begun = || SubjectResult::of(*subject, &Acted::not_begun(), ledger.is_rehearsal());
            results.entry(*subject).or_insert_with(not_begun);
        }
    }
    for refusal in plan.refusals.iter().filter(|refusal| refusal.rule.is_guard()) {
        if let Some(subject) = refusal.subject {
            let error = Some(format!("{}: {}", refusal.rule, refusal.detail));
            results.entry(subject).or_insert(SubjectResult {
                subject,
                outcome: SubjectOutcome::Refused,
                requests: 0,
                error,
                confirm_owed: None,
            });
        }
    }
    Ok(results.into_values().collect())
}

/// Does what may as well be left out where somebody wants us to stop.
async fn unless_left(leave: &Leave, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = leave.asked() => {}
        () = work => {}
    }
}

/// No group's rooms could be read.
fn nobody_answered(rooms: &RoomsSeen) -> bool {
    rooms.by_group.is_empty() && rooms.unread.values().any(is_down)
}

/// What is done about a session that somebody else works on. Whoever waits keeps a place from others, so that comes
/// last: a process that was killed leaves leases which run out only after a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leased {
    IsDeferred,
    IsWaitedFor,
}

struct Run<'a, E: Edges> {
    parts: &'a Parts<E>,
    ledger: &'a E::Books,
    world: &'a World,
    reason: Option<&'a str>,
    leave: &'a Leave,
    of: usize,
    done: AtomicUsize,
    pulse: Pulse,
    /// Nothing came back in the round before: fewer subjects find out whether that is so still.
    was_gone: bool,
    /// There is no round after this one.
    is_last: bool,
}

impl<E: Edges> Run<'_, E> {
    /// All of the work once. Nothing else is begun before every live session had its turn; one that had it in a round
    /// before takes its place behind those that had none, or a few that always fail would keep all others from theirs.
    async fn round(
        &self,
        work: Vec<Work>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<Tried>, LedgerError> {
        self.pulse.begin(self.was_gone);
        let (urgent, rest) = work.into_iter().partition(|work| work.is_urgent && work.turns == 0);
        let mut tried = self.side_by_side(urgent, Leased::IsDeferred, progress).await?;
        tried.extend(self.side_by_side(rest, Leased::IsDeferred, progress).await?);
        let deferred = tried.iter_mut().filter_map(|tried| tried.deferred.take()).collect();
        tried.extend(self.side_by_side(deferred, Leased::IsWaitedFor, progress).await?);
        Ok(tried)
    }

    /// More sessions are under way than requests may be in flight, so that the ledger's own writes don't leave the
    /// provider waiting.
    async fn side_by_side(
        &self,
        work: Vec<Work>,
        leased: Leased,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Vec<Tried>, LedgerError> {
        let at_once = if self.was_gone { self.parts.max_in_flight } else { self.parts.max_in_flight * 2 };
        let tries = stream::iter(work).map(|work| async {
            let tried = self.try_session(work, leased, progress).await?;
            let finished = tried.finished;
            let done = self.done.fetch_add(finished, Ordering::Relaxed) + finished;
            progress(Progress::Done { done, of: self.of });
            Ok(tried)
        });
        let all: Vec<Result<Tried, LedgerError>> = tries.buffer_unordered(at_once).collect().await;
        all.into_iter().collect()
    }

    /// The room, then the decks. While the room is not what it should be, and is tried again, its decks wait: shown
    /// in the old room, or to none at all, they would not be seen in the new one. At last they are sent all the same.
    async fn try_session(
        &self,
        mut work: Work,
        leased: Leased,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Tried, LedgerError> {
        let mut results = Vec::new();
        let mut failed: Vec<Change> = Vec::new();
        let mut retry_after = None;
        let mut had_its_turn = false;
        let mut deferred = None;
        let changes = work.changes.len();
        for (place, change) in work.changes.clone().into_iter().enumerate() {
            if self.pulse.is_gone() {
                results.push(SubjectResult::of(
                    change.subject,
                    &Acted::not_tried(self.pulse.fault()),
                    self.ledger.is_rehearsal(),
                ));
                failed.push(change);
                continue;
            }
            if self.leave.is_asked() || (!self.is_last && !failed.is_empty()) {
                failed.push(change);
                continue;
            }
            had_its_turn = true;
            let Some(acted) = self.try_subject(&change, work.new_room.as_deref(), leased, progress).await?
            else {
                deferred = Some(Work { changes: work.changes.split_off(place), ..work.clone() });
                break;
            };
            if acted.room.is_some() {
                work.new_room.clone_from(&acted.room);
            }
            retry_after = retry_after.max(acted.retry_after);
            // Credentials don't mend themselves while a person waits.
            let is_rejected = acted.fault.as_ref().is_some_and(|fault| fault.why == Why::CredentialsRejected);
            if matches!(acted.outcome, StepOutcome::Retry | StepOutcome::InDoubt) && !is_rejected {
                failed.push(change.clone());
            }
            results.push(SubjectResult::of(change.subject, &acted, self.ledger.is_rehearsal()));
        }
        let left = deferred.as_ref().map_or(0, |work: &Work| work.changes.len());
        let finished = changes - failed.len() - left;
        Ok(Tried { work, results, failed, finished, deferred, had_its_turn, retry_after })
    }

    /// None = somebody else has the session, and it is left for later.
    async fn try_subject(
        &self,
        change: &Change,
        new_room: Option<&str>,
        leased: Leased,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Option<Acted>, LedgerError> {
        let step = Step {
            parts: self.parts,
            ledger: self.ledger,
            world: self.world,
            planned: change,
            new_room,
            reason: self.reason,
            worker: None,
            leave: self.leave,
        };
        // Another one-shot may have the session, or one that was killed: its lease runs out by itself.
        let patience = self.parts.lease + Duration::from_secs(5);
        let give_up = Instant::now() + patience;
        let mut is_told = false;
        let acted = loop {
            match step.run().await? {
                Stepped::Ended(acted) => break *acted,
                Stepped::PutBack => unreachable!("only the worker puts a step back"),
                Stepped::Held { until } => return Ok(Some(Acted::held(until))),
                Stepped::Leased { .. } if leased == Leased::IsDeferred => return Ok(None),
                Stepped::Leased { owner, until } if Instant::now() > give_up || self.leave.is_asked() => {
                    break Acted::leased(&owner, until);
                }
                Stepped::Leased { owner, .. } => {
                    if !std::mem::replace(&mut is_told, true) {
                        let until = self.world.now(&self.parts.time) + patience;
                        progress(Progress::Waits { session: change.session, owner, until });
                    }
                    unless_left(self.leave, sleep(LEASE_LOOK)).await;
                }
            }
        };
        self.pulse.note(acted.fault.as_ref());
        Ok(Some(acted))
    }

    /// Before another round: its tokens in one call. Rooms are read by the steps that need to know.
    async fn look_again(&mut self, work: &[Work]) {
        self.was_gone = self.pulse.is_gone();
        let groups = work.iter().flat_map(|work| &work.changes).map(|change| change.group.clone()).collect();
        unless_left(self.leave, self.parts.meetecho.prefetch_tokens(&groups)).await;
    }
}

//! A pass: read the world, plan, record what is wished, and lay out what is due. It takes no input, and sends nothing.
//!
//! A read that failed or is not complete plans nothing and records nothing; so does one that knows less than a pass
//! before it, here or in another worker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::board::{Board, lay_out};
use super::looks::Looks;
use super::{LastTurn, SWEEP};
use crate::ledger::{PassRecord, Recorded};
use crate::model::{Kind, Remembered, SubjectKey, Why};
use crate::plan::{Ask, Known, Plan, Refusal};
use crate::planted::{self, Bug};
use crate::reconcile::edges::{Books as _, Edges, Time as _};
use crate::reconcile::wishes;
use crate::reconcile::world::{Parts, ReadRooms, ReconcileError, World, read_world};

/// What a pass found, for people.
#[derive(Debug, Clone)]
pub struct PassReport {
    pub as_of: DateTime<Utc>,
    pub took: Duration,
    /// False where the read was not complete, or another worker knew a newer state: nothing came of it.
    pub is_complete: bool,
    /// The provider does not answer, as far as this worker knows.
    pub provider_is_down: bool,
    pub plan: Arc<Plan>,
}

/// A pass that came to its end.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) world: Arc<World>,
    pub(super) report: PassReport,
    /// None = nothing may be done by this pass.
    pub(super) board: Option<Board>,
    /// The turn of the sweep, where this pass found that it was taken, by us or by another worker.
    pub(super) swept: Option<DateTime<Utc>>,
}

/// What a pass is told by the passes before it.
pub(super) struct PassAsk {
    /// Now, as well as it is known without asking; it only helps to find what the ledger has open.
    pub(super) since: DateTime<Utc>,
    pub(super) lifted: BTreeSet<SubjectKey>,
    pub(super) last_sweep: LastTurn,
    pub(super) swept: Option<DateTime<Utc>>,
}

/// One pass.
pub(super) async fn pass<E: Edges>(
    parts: &Parts<E>,
    ledger: &E::Books,
    looks: &std::sync::Mutex<Looks>,
    told: &PassAsk,
) -> Result<Passed, ReconcileError> {
    let read_at = parts.time.elapsed();
    let ask = Ask { by_worker: true, ..Ask::default() };
    let mut world = read_world(parts, ask, ReadRooms::No, told.since).await?;
    world.rooms = lock(looks).rooms(read_at);
    let plan = world.plan();
    let took = parts.time.elapsed().saturating_sub(read_at);
    let as_of = world.snapshot.as_of;
    if as_of < told.since - clock_step() {
        tracing::warn!(
            now = as_of.to_rfc3339(),
            expected = told.since.to_rfc3339(),
            "the clock of the datatracker's database went back"
        );
    }
    let report = |is_complete, plan| PassReport { as_of, took, is_complete, provider_is_down: false, plan };
    if !may_be_relied_on(&plan) {
        let report = report(false, Arc::new(plan));
        return Ok(Passed { report, world: Arc::new(world), board: None, swept: None });
    }
    let record = PassRecord {
        known_until: world.snapshot.known_until,
        as_of: world.snapshot.as_of,
        took,
        who: parts.who.clone(),
        summary: json!(plan.summary),
        wishes: wishes::of_pass(&plan, &world, world.snapshot.as_of),
        calmed: calmed(&world, &plan, &lock(looks).own()),
    };
    let (board, is_complete) = match ledger.record_pass(&record).await? {
        Recorded::Done(new) => {
            lock(looks).wished(&new);
            (Some(lay_out(&world, &plan, &new, &told.lifted, read_at)), true)
        }
        Recorded::Stale => (None, false),
    };
    let mut swept = None;
    if board.is_some() {
        lock(looks).note(&world, &plan, read_at);
        swept = (told.last_sweep)(world.snapshot.as_of).filter(|due| Some(*due) > told.swept);
        if let Some(due) = swept
            && ledger.take_turn(SWEEP, due, &parts.who).await?
        {
            lock(looks).sweep(&world, read_at);
        }
    }
    let report = report(is_complete, Arc::new(plan));
    Ok(Passed { report, world: Arc::new(world), board, swept })
}

/// Whether the plan is about the datatracker as it is, and not about a read that went wrong.
fn may_be_relied_on(plan: &Plan) -> bool {
    let is_about_all = |refusal: &Refusal| {
        matches!(refusal.rule, Why::SourceIncomplete | Why::SourceLagging | Why::GuardEmptySource)
    };
    !plan.refusals.iter().any(is_about_all)
}

/// Subjects whose edits cancelled out before they were sent, or that are no longer to be sent.
fn calmed(world: &World, plan: &Plan, own: &BTreeMap<SubjectKey, i64>) -> Vec<(SubjectKey, i64)> {
    let mut open: BTreeSet<SubjectKey> = plan.changes.iter().map(|change| change.subject).collect();
    open.extend(plan.refusals.iter().filter_map(|refusal| refusal.subject));
    let keeps = [Why::Settling, Why::WindowClosedUnsent, Why::Held, Why::InDoubtConfirming];
    open.extend(plan.waits.iter().filter(|wait| keeps.contains(&wait.reason)).map(|wait| wait.subject));
    let is_here = |key: &SubjectKey| world.snapshot.session(key.session).is_some();
    // Another worker may have looked at the rooms, and wish what ours, by the record, can't know of. It waits for
    // `rooms.settle` before it acts.
    let theirs = world.policy.rooms.settle + world.policy.slides.quiet * 5 + TimeDelta::seconds(1);
    let is_own = |key: &SubjectKey, row: &Remembered| {
        own.get(key).is_some_and(|generation| {
            *generation == row.timing.generation || planted::is(Bug::OnceOwnAlwaysOwn)
        })
    };
    let may_know_better = |key: &SubjectKey, row: &Remembered| {
        let session = world.snapshot.session(key.session);
        let is_read = session.is_some_and(|session| Known::of(&world.inputs(), session).read);
        let last = row.timing.burst.map(|burst| burst.last);
        key.kind == Kind::Room
            && !is_own(key, row)
            && !is_read
            && last.is_some_and(|last| plan.as_of < last + theirs)
    };
    world
        .ledger
        .subjects
        .iter()
        .filter(|(key, row)| row.timing.burst.is_some() && is_here(key) && !open.contains(key))
        .filter(|(key, row)| !may_know_better(key, row))
        .map(|(key, row)| (*key, row.timing.generation))
        .collect()
}

/// A source's clock that is behind by more than this was set.
fn clock_step() -> TimeDelta {
    TimeDelta::seconds(60)
}

/// Plain values: a panic elsewhere can't have left them half written.
pub(super) fn lock(looks: &std::sync::Mutex<Looks>) -> std::sync::MutexGuard<'_, Looks> {
    looks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

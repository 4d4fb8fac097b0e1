//! A pass: read the world, plan, record what is wished, and lay out what is due. It takes no input, and sends nothing.
//!
//! A read that failed or is not complete plans nothing and records nothing; so does one that knows less than a pass
//! before it, here or in another worker.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::board::{Board, lay_out};
use super::calmed::calmed;
use super::findings::findings;
use super::looks::Looks;
use super::{LastTurn, SWEEP};
use crate::database::chain;
use crate::ledger::{PassRecord, Recorded, RoomFinding};
use crate::model::{Kind, Mode, SubjectKey, Why};
use crate::plan::{Ask, Plan, Refusal};
use crate::reconcile::edges::{Books as _, Edges, Time as _};
use crate::reconcile::pass_summary::PassSummary;
use crate::reconcile::wishes;
use crate::reconcile::world::{Parts, ReadRooms, ReconcileError, World, read_world};

/// What a pass found, for people.
#[derive(Debug, Clone)]
pub struct PassReport {
    pub as_of: DateTime<Utc>,
    pub took: Duration,
    /// False where the read was not complete, or another worker knew a newer state: nothing came of it.
    pub is_complete: bool,
    pub provider: ProviderSeems,
    /// How much longer it asked to be left alone.
    pub quiet: Option<Duration>,
    pub plan: Arc<Plan>,
}

/// How the provider is, as far as this worker knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProviderSeems {
    #[default]
    Answering,
    /// It is asked one thing at a time until it answers.
    Down,
    /// It takes our credentials for wrong; so is it asked, too.
    RejectingUs,
}

impl ProviderSeems {
    /// As the ledger has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Answering => "answers",
            Self::Down => "down",
            Self::RejectingUs => "credentials_rejected",
        }
    }
}

/// A pass that came to its end.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) world: Arc<World>,
    pub(super) report: PassReport,
    /// None = nothing may be done by this pass.
    pub(super) board: Option<Board>,
    /// Subjects whose back-off is over, those that this pass was told of included.
    pub(super) lifted: BTreeSet<SubjectKey>,
}

/// What a pass is told by the passes before it.
pub(super) struct PassAsk {
    /// Now, as well as it is known without asking; it only helps to find what the ledger has open.
    pub(super) since: DateTime<Utc>,
    pub(super) lifted: BTreeSet<SubjectKey>,
    /// Nothing that failed before is put off: this worker has tried nothing yet, and what was wrong may be right now.
    pub(super) is_first: bool,
    pub(super) last_sweep: LastTurn,
}

/// One pass.
pub(super) async fn pass<E: Edges>(
    parts: &Parts<E>,
    ledger: &E::Books,
    looks: &std::sync::Mutex<Looks>,
    told: &PassAsk,
) -> Result<Passed, ReconcileError> {
    let read_at = parts.time.elapsed();
    let acts = parts.policy.scope.mode == Mode::Act;
    // Who only observes leaves nothing to settle, since nothing is written down of what is seen for the first time: it finds
    // what a resync would do.
    let ask = Ask { by_worker: acts, ..Ask::default() };
    let mut world = read_world(parts, ask, ReadRooms::No, told.since).await?;
    world.rooms = lock(looks).rooms(&world.ledger, read_at);
    let plan = world.plan();
    let took = parts.time.elapsed().saturating_sub(read_at);
    let as_of = world.snapshot.as_of;
    if !told.is_first && as_of < told.since - clock_step() {
        tracing::warn!(
            now = as_of.to_rfc3339(),
            expected = told.since.to_rfc3339(),
            "the clock of the datatracker's database went back"
        );
    }
    let report = |is_complete, plan| PassReport {
        as_of,
        took,
        is_complete,
        provider: ProviderSeems::default(),
        quiet: None,
        plan,
    };
    if !may_be_relied_on(&plan) {
        let report = report(false, Arc::new(plan));
        let lifted = BTreeSet::new();
        return Ok(Passed { report, world: Arc::new(world), board: None, lifted });
    }
    let mut record = PassRecord {
        known_until: world.snapshot.known_until,
        as_of: world.snapshot.as_of,
        took,
        who: parts.who.clone(),
        acts,
        summary: json!(PassSummary::of_pass(&world, &plan)),
        wishes: Vec::new(),
        calmed: Vec::new(),
    };
    // Who only observes wishes nothing, so that it can stand beside one that acts with whatever settings.
    if acts {
        record.wishes = wishes::of_pass(&plan, &world, world.snapshot.as_of);
        record.calmed = calmed(&world, &plan, &lock(looks).own());
    }
    let mut lifted = told.lifted.clone();
    if told.is_first {
        let subjects = world.ledger.subjects.iter();
        lifted.extend(subjects.filter(|(_, row)| row.timing.not_before.is_some()).map(|(key, _)| *key));
    }
    let (board, is_complete) = match ledger.record_pass(&record).await? {
        Recorded::Done(new) => {
            lock(looks).wished(&new);
            (Some(lay_out(&world, &plan, &new, &lifted, read_at)), true)
        }
        Recorded::Stale => (None, false),
    };
    // Where the links were not read there is nothing to compare rooms with; a sweep that has begun goes on later.
    if board.is_some() && !world.snapshot.unread.contains_key(&Kind::Room) {
        tell_findings(parts, ledger, looks, &world, &plan).await;
        lock(looks).note(&world, &plan, read_at);
        if let Err(error) = sweep(parts, ledger, looks, &world, told).await {
            // The next pass asks again. What this one found to be sent must not wait for a chore.
            tracing::warn!(error = chain(&error), "the turn of the sweep could not be taken or ended");
        }
    }
    let report = report(is_complete, Arc::new(plan));
    Ok(Passed { report, world: Arc::new(world), board, lifted })
}

/// What looks found is logged once, and left in the ledger for those who ask another process: in one call, however many
/// groups were looked at.
async fn tell_findings<E: Edges>(
    parts: &Parts<E>,
    ledger: &E::Books,
    looks: &std::sync::Mutex<Looks>,
    world: &World,
    plan: &Plan,
) {
    let all_news = lock(looks).news(findings(world, plan));
    if all_news.is_empty() {
        return;
    }
    let found = all_news.iter().map(|news| (news.group.clone(), news.findings.clone())).collect();
    if let Err(error) = ledger.record_found(&parts.who, &found).await {
        // With the next look; it is only for people.
        tracing::debug!(error = chain(&error), "what was found in rooms could not be written down");
        return;
    }
    for news in all_news {
        for finding in &news.new {
            let RoomFinding { session, room_id, state, url, words } = finding;
            tracing::warn!(
                group = news.group.as_str(),
                session = session.map(|session| session.0),
                room_id,
                state,
                url,
                words,
                "a room is not as it should be"
            );
        }
        lock(looks).told(news);
    }
}

/// Ends a sweep of which nothing is left to do, and begins the next one where its time has come.
async fn sweep<E: Edges>(
    parts: &Parts<E>,
    ledger: &E::Books,
    looks: &std::sync::Mutex<Looks>,
    world: &World,
    told: &PassAsk,
) -> Result<(), ReconcileError> {
    let finished = lock(looks).finished();
    if let Some(due) = finished {
        ledger.end_turn(SWEEP, due).await?;
        lock(looks).end_sweep(due);
    }
    let now = parts.time.elapsed();
    let as_of = world.snapshot.as_of;
    let Some(due) = (told.last_sweep)(as_of).filter(|due| lock(looks).asks_for(*due, as_of, now)) else {
        return Ok(());
    };
    let turn = ledger.take_turn(SWEEP, due, &parts.who).await?;
    lock(looks).sweep(due, turn, world, now);
    Ok(())
}

/// Whether the plan is about the datatracker as it is, and not about a read that went wrong.
fn may_be_relied_on(plan: &Plan) -> bool {
    let is_about_all = |refusal: &Refusal| {
        refusal.subject.is_none()
            && matches!(refusal.rule, Why::SourceIncomplete | Why::SourceLagging | Why::GuardEmptySource)
    };
    !plan.refusals.iter().any(is_about_all)
}

/// A source's clock that is behind by more than this was set.
fn clock_step() -> TimeDelta {
    TimeDelta::seconds(60)
}

/// Plain values: a panic elsewhere can't have left them half written.
pub(super) fn lock(looks: &std::sync::Mutex<Looks>) -> std::sync::MutexGuard<'_, Looks> {
    looks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

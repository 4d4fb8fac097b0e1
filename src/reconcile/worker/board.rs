//! What a pass leaves to be done: the due tasks in their order, what waits and until when, and when to look again.
//!
//! Pure: from the plan and the rows, with the generations that the pass has just recorded. A board is thrown away with
//! the next pass; nothing is lost with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::model::{Burst, GroupAcronym, Kind, Remembered, SessionId, SubjectKey, Timing, Why};
use crate::plan::{Change, Due, Plan, due, makes_a_room};
use crate::reconcile::world::World;

/// After so many tries the decks no longer wait for their session's room.
const ROOM_TRIES: u32 = 3;

/// One session's steps, the room first.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) session: SessionId,
    /// People are waiting: it is on now.
    pub(super) is_live: bool,
    /// Something of it may be done now. False = it waits for another try; a probe may use it all the same.
    pub(super) is_due: bool,
    pub(super) steps: Vec<TaskStep>,
}

impl Task {
    pub(super) fn only_what_is_due(mut self) -> Self {
        self.steps.retain(|step| step.is_due);
        self
    }

    /// How long it may take at most, since a lease is renewed between two calls.
    pub(super) fn longest(&self, lease: Duration) -> Duration {
        let calls: usize = self.steps.iter().map(|step| step.change.requests()).sum();
        lease.saturating_mul(u32::try_from(calls).unwrap_or(u32::MAX).max(1))
    }
}

/// One subject's change, and the wish that it belongs to.
#[derive(Debug, Clone)]
pub(super) struct TaskStep {
    pub(super) change: Change,
    pub(super) generation: i64,
    pub(super) is_due: bool,
    /// Tries in a row that did not succeed.
    pub(super) tries: u32,
}

impl TaskStep {
    /// Decks that are shown in an old room, or in none, would not be seen in the one that is about to be made. After a
    /// few tries they are sent all the same.
    pub(super) fn holds_up_decks(&self) -> bool {
        makes_a_room(&self.change) && self.tries < ROOM_TRIES
    }
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub(super) struct Board {
    /// When its world began to be read, by the time that only goes forward.
    pub(super) read_at: Duration,
    /// In the order of work.
    pub(super) tasks: Vec<Task>,
    /// Of everything that is due: their tokens come in one call.
    pub(super) groups: Arc<BTreeSet<GroupAcronym>>,
    /// How long after `read_at` the answer changes by itself, if that is known.
    pub(super) look_again_in: Option<Duration>,
}

/// Lays out a plan. `recorded`: the generations of the wishes that are new with this pass; `lifted`: subjects whose
/// back-off is over, because what they waited for has come back.
pub(super) fn lay_out(
    world: &World,
    plan: &Plan,
    recorded: &BTreeMap<SubjectKey, i64>,
    lifted: &BTreeSet<SubjectKey>,
    read_at: Duration,
) -> Board {
    let now = plan.as_of;
    let mut moments: Vec<DateTime<Utc>> = plan.waits.iter().filter_map(|wait| wait.until).collect();
    let mut tasks: Vec<Task> = Vec::new();
    let mut places: BTreeMap<SessionId, usize> = BTreeMap::new();
    for change in &plan.changes {
        let key = change.subject;
        let mut row = as_recorded(world.ledger.get(key), recorded.get(&key).copied(), now);
        if lifted.contains(&key) && !row.timing.parked {
            row.timing.not_before = None;
        }
        let is_due = match due(Some(&row), &world.policy.slides, now) {
            Due::Now => true,
            Due::At(moment, why) => {
                moments.push(moment);
                // A burst is not over: not even a probe may send half of it.
                if why == Why::WaitingBurst || row.timing.parked {
                    continue;
                }
                false
            }
        };
        let place = *places.entry(change.session).or_insert_with(|| {
            let is_live = change.slot.is_some_and(|slot| slot.is_live(now));
            tasks.push(Task { session: change.session, is_live, is_due: false, steps: Vec::new() });
            tasks.len() - 1
        });
        let Timing { generation, tries, .. } = row.timing;
        let step = TaskStep { change: change.clone(), generation, is_due, tries };
        tasks[place].steps.push(step);
    }
    for task in &mut tasks {
        task.steps.sort_by_key(|step| step.change.subject.kind);
        hold_decks_for_their_room(task);
        task.is_due = task.steps.iter().any(|step| step.is_due);
    }
    let next = moments.into_iter().filter(|moment| *moment > now).min();
    // A moment later: a window is open strictly after its edge.
    let look_again_in = next.and_then(|next| (next - now).to_std().ok()).map(|wait| wait + MOMENT);
    let steps = tasks.iter().flat_map(|task| &task.steps).filter(|step| step.is_due);
    let groups = Arc::new(steps.map(|step| step.change.group.clone()).collect());
    Board { read_at, tasks, groups, look_again_in }
}

const MOMENT: Duration = Duration::from_millis(1);

fn hold_decks_for_their_room(task: &mut Task) {
    if task.steps.iter().any(|step| !step.is_due && step.holds_up_decks()) {
        for step in task.steps.iter_mut().filter(|step| step.change.subject.kind == Kind::Decks) {
            step.is_due = false;
        }
    }
}

/// The row as it is since this pass: a wish that is new begins a burst, or prolongs it, and is not parked.
fn as_recorded(row: Option<&Remembered>, recorded: Option<i64>, now: DateTime<Utc>) -> Remembered {
    let mut row = row.cloned().unwrap_or_default();
    if let Some(generation) = recorded {
        let burst = Some(Burst::then(row.timing.burst, now));
        let parked = row.timing.parked;
        let not_before = row.timing.not_before.filter(|_| !parked);
        row.timing = Timing { generation, burst, not_before, parked: false, ..row.timing };
    }
    row
}

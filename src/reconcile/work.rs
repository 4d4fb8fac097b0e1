//! A plan as work: session by session, in the order of the most urgent change, the room before the decks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::result::SubjectResult;
use crate::model::SessionId;
use crate::plan::{Change, Operation, Plan};

/// One session's changes.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// In the order of work.
    pub(super) place: usize,
    /// Its session is live, or its room is taken away to be made again: people are waiting.
    pub(super) is_urgent: bool,
    /// In how many rounds it was tried, and not left out because the provider seemed gone.
    pub(super) turns: u32,
    pub(super) changes: Vec<Change>,
    /// The room that a try before this one made.
    pub(super) new_room: Option<String>,
}

/// The plan's changes, session by session, in the order of the most urgent one; the room before the decks.
pub(super) fn by_session(plan: &Plan) -> Vec<Work> {
    let is_urgent = |change: &Change| {
        change.slot.is_some_and(|slot| slot.is_live(plan.as_of))
            || change.operations.iter().any(|operation| matches!(operation, Operation::RecreateRoom { .. }))
    };
    let mut work: Vec<Work> = Vec::new();
    let mut places: BTreeMap<SessionId, usize> = BTreeMap::new();
    for change in &plan.changes {
        let place = *places.entry(change.session).or_insert_with(|| {
            let changes = Vec::new();
            work.push(Work { place: work.len(), is_urgent: false, turns: 0, changes, new_room: None });
            work.len() - 1
        });
        work[place].is_urgent |= is_urgent(change);
        work[place].changes.push(change.clone());
    }
    for session in &mut work {
        session.changes.sort_by_key(|change| change.subject.kind);
    }
    work
}

/// A session after one try.
pub(super) struct Tried {
    pub(super) work: Work,
    pub(super) results: Vec<SubjectResult>,
    /// To be tried again.
    pub(super) failed: Vec<Change>,
    /// How many changes need no other try.
    pub(super) finished: usize,
    /// What was left for later, because somebody else has the session now.
    pub(super) deferred: Option<Work>,
    /// It was tried: not left out because the provider seemed gone.
    pub(super) had_its_turn: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Tried {
    pub(super) fn is_worth_another_try(&self) -> bool {
        !self.failed.is_empty()
    }

    pub(super) fn again(&self) -> Work {
        Work {
            changes: self.failed.clone(),
            turns: self.work.turns + u32::from(self.had_its_turn),
            ..self.work.clone()
        }
    }
}

//! Each session once, by the first that fits: a person must do something, it is being sent, in doubt, held, waiting, in
//! step. What is none of these has nothing to be done about it: cancelled, over, or waiting for its window.

use std::collections::BTreeSet;

use super::Need;
use crate::ledger::{StandingHold, State, SubjectStanding};
use crate::model::SessionId;

/// Numbers of sessions; `needing` also counts what is about no session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sessions {
    pub(super) needing: usize,
    pub(super) under_way: usize,
    pub(super) in_doubt: usize,
    pub(super) held: usize,
    pub(super) waiting: usize,
    pub(super) in_step: InStep,
}

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InStep {
    /// The last pass's plan.
    Planned(usize),
    /// No pass has said: so many have nothing open in the ledger, and whether that is all they should have is not known.
    NothingOpen(usize),
}

impl Default for InStep {
    fn default() -> Self {
        Self::Planned(0)
    }
}

/// What the ledger has.
pub(super) struct Known<'a> {
    pub(super) subjects: &'a [SubjectStanding],
    /// Those that their window closed on.
    pub(super) over: &'a [SubjectStanding],
    pub(super) needs: &'a [Need],
    pub(super) leased: &'a BTreeSet<SessionId>,
    pub(super) holds: &'a [StandingHold],
    /// By the last pass; None where it has not said.
    pub(super) in_step: Option<&'a BTreeSet<SessionId>>,
    pub(super) is_waiting: &'a dyn Fn(&SubjectStanding) -> bool,
    /// A confirming send is owed, and nobody makes it.
    pub(super) is_left_unconfirmed: &'a dyn Fn(&SubjectStanding) -> bool,
}

pub(super) fn sort(known: &Known<'_>) -> Sessions {
    let of = |which: &dyn Fn(&SubjectStanding) -> bool| -> BTreeSet<SessionId> {
        let found = known.subjects.iter().filter(|subject| which(subject));
        found.map(|subject| subject.subject.session).collect()
    };
    let is_owed =
        |subject: &SubjectStanding| subject.confirm_at.is_some() && !(known.is_left_unconfirmed)(subject);
    let in_doubt = of(&|subject| subject.state == State::InDoubt || is_owed(subject));
    let waiting = of(known.is_waiting);
    let rows = of(&|_| true);
    let needing: BTreeSet<SessionId> =
        known.needs.iter().flat_map(|need| need.sessions.iter().copied()).collect();
    let is_held =
        |id: SessionId| known.holds.iter().any(|held| held.session.is_none_or(|session| session == id));
    let mut all: BTreeSet<SessionId> = known.in_step.cloned().unwrap_or_default();
    all.extend(&rows);
    all.extend(&needing);
    all.extend(known.over.iter().map(|subject| subject.subject.session));
    all.extend(known.holds.iter().filter_map(|held| held.session));
    let mut sums = Sessions { needing: about_no_session(known.needs), ..Sessions::default() };
    let mut in_step = 0;
    for id in all {
        let sum = if needing.contains(&id) {
            &mut sums.needing
        } else if known.leased.contains(&id) {
            &mut sums.under_way
        } else if in_doubt.contains(&id) {
            &mut sums.in_doubt
        } else if is_held(id) {
            &mut sums.held
        } else if waiting.contains(&id) {
            &mut sums.waiting
        } else if known.in_step.is_none_or(|planned| planned.contains(&id)) {
            &mut in_step
        } else {
            continue;
        };
        *sum += 1;
    }
    sums.in_step = match known.in_step {
        Some(_) => InStep::Planned(in_step),
        None => InStep::NothingOpen(in_step),
    };
    sums
}

fn about_no_session(needs: &[Need]) -> usize {
    needs.iter().filter(|need| need.sessions.is_empty()).count()
}

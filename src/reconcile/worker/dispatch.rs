//! Who is next: the newest board, what is under way, and the provider's circuit, as one pure machine.
//!
//! Live sessions come first (the board's order), no session is worked on twice at once, and a provider that is down gets
//! one probe at a time. A session whose step ended after the board was read waits for the next board: what that one
//! says of it is the past.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::board::{Board, Task};
use crate::model::{GroupAcronym, SessionId, SubjectKey};
use crate::schedule::circuit::{Admission, Answer, Circuit, Turn};

/// A session that fails is probed with so often in a row before another one has its turn.
const PROBES_IN_A_ROW: u32 = 3;

/// A board that came longer ago than this is not acted on: nobody knows whether it still holds.
const LONGEST_BOARD: Duration = Duration::from_secs(15);

/// What may be begun.
#[derive(Debug)]
pub(super) enum Next {
    Start(Task),
    /// A look at rooms may be made now; nothing else is due.
    Idle,
    /// The board is too old to be acted on: a pass must be made first.
    Outdated,
    /// Nothing may be begun before this moment, or (None) before something ends or a new board comes.
    Wait(Option<Duration>),
}

/// How one subject's step ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepEnded {
    pub(super) key: SubjectKey,
    pub(super) answer: Answer,
}

/// A session that is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flight {
    /// People wait for it now. So many others were begun since.
    Live {
        others: usize,
    },
    Other,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Dispatch {
    /// So many requests the provider takes from us at once.
    places: usize,
    board: Board,
    /// When the board came. How long its pass took is the database's affair: each step looks at what it is about again.
    came_at: Duration,
    in_flight: BTreeMap<SessionId, Flight>,
    /// Other things under way that ask the provider.
    looks: usize,
    ended: BTreeMap<SessionId, Duration>,
    /// Somebody else works on these; not asked for again before that moment.
    taken: BTreeMap<SessionId, Duration>,
    circuit: Circuit,
    probed: BTreeMap<SessionId, u32>,
    /// Their last step failed because the provider was down.
    down: BTreeSet<SubjectKey>,
    /// The provider came back since: their back-off is over.
    lifted: BTreeSet<SubjectKey>,
}

impl Dispatch {
    /// For each of `places` (at least 1) two sessions are worked on at once, since some of a session's time is the
    /// ledger's.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: places.max(1),
            board: Board::default(),
            came_at: Duration::ZERO,
            in_flight: BTreeMap::new(),
            looks: 0,
            ended: BTreeMap::new(),
            taken: BTreeMap::new(),
            circuit: Circuit::default(),
            probed: BTreeMap::new(),
            down: BTreeSet::new(),
            lifted: BTreeSet::new(),
        }
    }

    /// A pass ended.
    pub(super) fn board(&mut self, board: Board, now: Duration) {
        self.came_at = now;
        self.ended.retain(|_, at| *at >= board.read_at);
        self.taken.retain(|_, until| *until > board.read_at);
        let steps = board.tasks.iter().flat_map(|task| &task.steps);
        let planned: BTreeSet<SubjectKey> = steps.map(|step| step.change.subject).collect();
        self.lifted.retain(|subject| planned.contains(subject));
        self.board = board;
        // Its pass may have begun before the provider came back.
        self.lift();
    }

    /// A pass failed: what the last one said no longer counts.
    pub(super) fn no_board(&mut self) {
        self.board.tasks.clear();
        self.board.look_again_in = None;
    }

    pub(super) fn look_again_at(&self) -> Option<Duration> {
        self.board.look_again_in.map(|wait| self.board.read_at + wait)
    }

    pub(super) fn groups_due(&self) -> Arc<BTreeSet<GroupAcronym>> {
        Arc::clone(&self.board.groups)
    }

    pub(super) fn is_open(&self) -> bool {
        self.circuit.is_open()
    }

    /// Nor to try again.
    pub(super) fn has_nothing_to_send(&self) -> bool {
        self.board.tasks.is_empty()
    }

    pub(super) fn lifted(&self) -> &BTreeSet<SubjectKey> {
        &self.lifted
    }

    /// The back-off of these is over: it was another worker's, or ours of before.
    pub(super) fn lift_these(&mut self, subjects: BTreeSet<SubjectKey>) {
        self.lifted.extend(subjects);
    }

    /// What may be begun now; it is under way from here on.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        if self.in_flight.len() >= self.places * 2 {
            return Next::Wait(None);
        }
        if !self.board.tasks.is_empty() && now.saturating_sub(self.came_at) > LONGEST_BOARD {
            return Next::Outdated;
        }
        let free = |task: &&Task| self.is_free(task.session, now);
        let live_waits = self.board.tasks.iter().any(|task| task.is_live);
        match self.circuit.admits(now, self.in_flight.len() + self.looks, live_waits) {
            Admission::NotBefore(moment) => Next::Wait(Some(moment)),
            Admission::AfterProbe => Next::Wait(None),
            Admission::Goes => {
                let next = self.board.tasks.iter().filter(free).find(|task| task.is_due).cloned();
                if next.as_ref().is_some_and(|task| self.could_overtake(task)) {
                    return Next::Wait(None);
                }
                let next = next.map(Task::only_what_is_due);
                self.begin(next, now)
            }
            Admission::Probe => {
                let turns = |task: &&Task| self.probed.get(&task.session).map_or(0, |n| n / PROBES_IN_A_ROW);
                let next = self.board.tasks.iter().filter(free).min_by_key(turns).cloned();
                if let Some(task) = &next {
                    *self.probed.entry(task.session).or_default() += 1;
                }
                self.begin(next, now)
            }
        }
    }

    /// A look at rooms begins, as [`Next::Idle`] allowed.
    pub(super) fn look_began(&mut self, now: Duration) {
        self.looks += 1;
        self.circuit.began(now);
    }

    pub(super) fn look_ended(&mut self, now: Duration, answer: Answer, jitter: f64) -> Option<Turn> {
        self.looks = self.looks.saturating_sub(1);
        self.note(now, answer, jitter)
    }

    /// A session's task ended.
    pub(super) fn ended(
        &mut self,
        session: SessionId,
        steps: &[StepEnded],
        now: Duration,
        jitter: f64,
    ) -> Option<Turn> {
        self.in_flight.remove(&session);
        self.ended.insert(session, now);
        let mut turned = None;
        for step in steps {
            self.lifted.remove(&step.key);
            if step.answer == Answer::Down {
                self.down.insert(step.key);
            } else {
                self.down.remove(&step.key);
            }
            turned = self.note(now, step.answer, jitter).or(turned);
        }
        if steps.is_empty() {
            turned = self.note(now, Answer::NotAsked, jitter).or(turned);
        }
        turned
    }

    /// Somebody else works on this session.
    pub(super) fn taken(&mut self, session: SessionId, until: Duration) {
        self.taken.insert(session, until);
    }

    pub(super) fn quiet(&mut self, until: Duration) {
        self.circuit.quiet(until);
    }

    fn note(&mut self, now: Duration, answer: Answer, jitter: f64) -> Option<Turn> {
        let turned = self.circuit.note(now, answer, jitter);
        if turned == Some(Turn::Closed) {
            self.lifted.append(&mut self.down);
            self.probed.clear();
            self.lift();
        }
        turned
    }

    /// What failed because the provider was down is due at once, by the board that there is: it may be live, and must
    /// not come behind all that was never tried.
    fn lift(&mut self) {
        for task in &mut self.board.tasks {
            for step in &mut task.steps {
                step.is_due |= self.lifted.contains(&step.change.subject);
            }
            task.is_due = task.steps.iter().any(|step| step.is_due);
        }
    }

    fn begin(&mut self, next: Option<Task>, now: Duration) -> Next {
        let Some(task) = next else { return Next::Idle };
        if task.is_live {
            self.in_flight.insert(task.session, Flight::Live { others: 0 });
        } else {
            for flight in self.in_flight.values_mut() {
                if let Flight::Live { others } = flight {
                    *others += 1;
                }
            }
            self.in_flight.insert(task.session, Flight::Other);
        }
        self.circuit.began(now);
        Next::Start(task)
    }

    /// Whoever is under way may come to the provider first (the ledger may have kept another waiting). A session that is on
    /// now must not find all places taken by others, nor so many of them go before it that it never comes.
    fn could_overtake(&self, task: &Task) -> bool {
        let is_full = self.in_flight.len() >= self.places;
        let is_overtaken = |flight: &Flight| match flight {
            Flight::Live { others } => is_full || *others >= self.places * 2,
            Flight::Other => false,
        };
        !task.is_live && self.in_flight.values().any(is_overtaken)
    }

    fn is_free(&self, session: SessionId, now: Duration) -> bool {
        !self.in_flight.contains_key(&session)
            && self.ended.get(&session).is_none_or(|at| *at < self.board.read_at)
            && self.taken.get(&session).is_none_or(|until| *until <= now)
    }
}

#[cfg(test)]
mod tests;

//! Subject by subject: what the ledger's row, and what the last pass said of it, come to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::desired::{Gate, closes_at, session_gate};
use crate::ledger::{State, SubjectStanding, WorkedOn};
use crate::model::{Kind, NotifyTime, SessionId, SlidesPolicy, SubjectKey, Why};
use crate::plan::{Wait, push_it};

/// Subjects that may still matter, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub settled: usize,
    pub waiting: usize,
    pub in_doubt: usize,
    pub parked: usize,
}

/// A request was sent, and it is not known whether it took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InDoubt {
    pub subject: SubjectKey,
    pub since: DateTime<Utc>,
    /// The next try is not made before this moment, nor before the provider answers.
    pub not_before: Option<DateTime<Utc>>,
    pub words: Option<String>,
    /// Somebody works on the session now: the doubt may be that of a request that is under way.
    pub under_way: bool,
    /// Who works on it, or did and was cut off.
    pub by: Option<String>,
    /// Whoever worked on it is gone, and nobody may go on before this moment; null else.
    pub cut_off_until: Option<DateTime<Utc>>,
}

/// A confirming send, of what was accepted. While it is in doubt once more, it is told there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owed {
    pub subject: SubjectKey,
    pub at: DateTime<Utc>,
}

/// Slides that were in doubt, or not sent, when their window closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowClosed {
    pub subject: SubjectKey,
    /// `window_closed_unsent`, as the plan and the log call it.
    pub why: Why,
    pub slot_end: DateTime<Utc>,
    /// Something was sent, and it is not known whether it is what is shown; else it was not sent.
    pub was_sent: bool,
    pub words: Option<String>,
    pub way_on: String,
}

/// What went wrong with a subject, and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    pub subject: SubjectKey,
    pub since: DateTime<Utc>,
    /// The next try is not made before this moment, nor before the provider answers.
    pub not_before: Option<DateTime<Utc>>,
    pub tries: u32,
    pub words: Option<String>,
}

/// A change that is not sent yet, since edits may still come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pending {
    pub subject: SubjectKey,
    /// When it is sent, if no other edit comes.
    pub at: DateTime<Utc>,
    /// And if they don't stop (`slides.max_wait`).
    pub latest: DateTime<Utc>,
}

pub(super) fn pending(subject: &SubjectStanding, slides: &SlidesPolicy) -> Option<Pending> {
    let burst = subject.burst?;
    let at = burst.due(slides.quiet, slides.max_wait);
    Some(Pending { subject: subject.subject, at, latest: burst.first + slides.max_wait })
}

/// What the last pass said of subjects of which something is open.
pub(super) type Said = BTreeMap<SubjectKey, Wait>;

pub(super) fn counts(subjects: &[SubjectStanding]) -> Counts {
    let of = |state: State| subjects.iter().filter(|subject| subject.state == state).count();
    Counts {
        settled: of(State::Settled),
        waiting: of(State::Waiting),
        in_doubt: of(State::InDoubt),
        parked: of(State::Parked),
    }
}

/// `is_gone`: whether the owner of a lease can't be at it any more.
pub(super) fn in_doubt(
    subject: &SubjectStanding,
    leases: &[WorkedOn],
    is_gone: impl Fn(&str) -> bool,
) -> Option<InDoubt> {
    let lease = leases.iter().find(|lease| lease.session == subject.subject.session);
    let cut_off = lease.filter(|lease| is_gone(&lease.owner));
    Some(InDoubt {
        subject: subject.subject,
        since: subject.doubt_since?,
        not_before: subject.not_before,
        words: subject.last_error.clone(),
        under_way: lease.is_some() && cut_off.is_none(),
        by: lease.map(|lease| lease.owner.clone()),
        cut_off_until: cut_off.map(|lease| lease.until),
    })
}

/// When the slides' windows close, where that depends on a slot that is known.
pub(super) fn closing(
    subjects: &[SubjectStanding],
    notify: NotifyTime,
) -> BTreeMap<SubjectKey, DateTime<Utc>> {
    let decks = subjects.iter().filter(|subject| subject.subject.kind == Kind::Decks);
    decks.filter_map(|subject| Some((subject.subject, closes_at(subject.slot?, notify)?))).collect()
}

pub(super) fn owed(subject: &SubjectStanding, said: &Said) -> Option<Owed> {
    let at = subject
        .confirm_at
        .filter(|_| subject.doubt_since.is_none() && !is_left_unconfirmed(subject, said))?;
    Some(Owed { subject: subject.subject, at })
}

/// By the last pass nobody makes the confirming send of these slides: nothing is sent for the session as it is now.
pub(super) fn is_left_unconfirmed(subject: &SubjectStanding, said: &Said) -> bool {
    subject.confirm_at.is_some() && subject.subject.kind == Kind::Decks && has_nothing_to_do(subject, said)
}

/// What was refused. Slides are not tried again by themselves once their window is closed.
pub(super) fn refused(subjects: &[SubjectStanding], notify: NotifyTime, now: DateTime<Utc>) -> Vec<Trouble> {
    let mut refused = troubles(subjects, |subject| subject.state == State::Parked);
    for trouble in &mut refused {
        let mut slots = subjects.iter().filter(|subject| subject.subject == trouble.subject);
        let slot = slots.next().and_then(|subject| subject.slot);
        let is_closed = slot.is_some_and(|slot| session_gate(slot, notify, now) == Some(Gate::Closed));
        if trouble.subject.kind == Kind::Decks && is_closed {
            trouble.not_before = None;
        }
    }
    refused
}

pub(super) fn troubles(
    subjects: &[SubjectStanding],
    which: impl Fn(&SubjectStanding) -> bool,
) -> Vec<Trouble> {
    let trouble = |subject: &SubjectStanding| Trouble {
        subject: subject.subject,
        since: subject.changed_at,
        not_before: subject.not_before,
        tries: subject.tries,
        words: subject.last_error.clone(),
    };
    subjects.iter().filter(|subject| which(subject)).map(trouble).collect()
}

/// A failure of before, of a subject that the planner has nothing to do about by now.
pub(super) fn has_nothing_to_do(subject: &SubjectStanding, said: &Said) -> bool {
    said.get(&subject.subject).is_some_and(|wait| wait.reason.is_nothing_to_do())
}

/// As the planner has it (its word `window_closed_unsent`), by the row and by the settings' own margin. None for what is
/// under way, what is as it should be, what the last pass had nothing to do about, and what needs a person all the same.
/// A room is kept after its slot, too.
pub(super) fn window_closed(
    subject: &SubjectStanding,
    said: &Said,
    notify: NotifyTime,
    now: DateTime<Utc>,
    leased: &BTreeSet<SessionId>,
) -> Option<WindowClosed> {
    let slot = subject.slot?;
    let is_closed = session_gate(slot, notify, now) == Some(Gate::Closed);
    let is_decks = subject.subject.kind == Kind::Decks;
    let was_sent = subject.doubt_since.is_some();
    // A confirming send that is owed is made all the same.
    let is_unsent = || said.get(&subject.subject).is_some_and(|wait| wait.reason == Why::WindowClosedUnsent);
    let is_open = match subject.state {
        State::InDoubt => true,
        State::Waiting => subject.confirm_at.is_none() || is_unsent(),
        State::Settled | State::Parked => false,
    };
    let is_under_way = leased.contains(&subject.subject.session);
    let matters = is_decks && is_open && !is_under_way && !has_nothing_to_do(subject, said);
    (is_closed && matters).then(|| WindowClosed {
        subject: subject.subject,
        why: Why::WindowClosedUnsent,
        slot_end: slot.end,
        was_sent,
        words: subject.last_error.clone(),
        way_on: push_it(subject.subject.session),
    })
}

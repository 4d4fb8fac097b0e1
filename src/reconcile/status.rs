//! Is the worker well, and what needs a person? Told from the ledger alone, so it can be asked beside a running worker,
//! or where there is none.
//!
//! Health is the age of the last *complete* pass, by the ledger's own clock: a process that is up and reads nothing is
//! not healthy.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::ledger::{
    Attempt, Ledger, LedgerError, Replica, RoomsFound, Standing, StandingHold, State, SubjectStanding,
    WorkedOn,
};
use crate::model::{Kind, Remembered, SessionId, SubjectKey};

mod text;

pub use text::status_text;

/// So many attempts of the history are told.
const ATTEMPTS: u32 = 50;
/// A pass may be as old as so many polls and this much more.
const POLLS: u32 = 5;
const AND: Duration = Duration::from_secs(30);

/// As `status --json` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    pub healthy: bool,
    /// By the ledger's clock, as all ages that are told.
    pub as_of: DateTime<Utc>,
    /// When it ended; null where there never was one.
    pub last_complete_pass: Option<DateTime<Utc>>,
    pub last_pass_ms: Option<u64>,
    pub last_pass_by: Option<String>,
    /// The last pass's plan in numbers.
    pub last_pass_summary: Option<Value>,
    pub subjects: Counts,
    pub in_doubt: Vec<InDoubt>,
    /// One more send is owed, after an answer that never came.
    pub confirming: Vec<Owed>,
    /// What the provider said no to.
    pub parked: Vec<Trouble>,
    /// What failed, and is tried again by itself.
    pub retrying: Vec<Trouble>,
    /// Slides with something open when their slot ended: nobody sends them any more.
    pub window_closed: Vec<WindowClosed>,
    /// What the last look at rooms found, group by group: `meetsync rooms` looks anew.
    pub rooms: Vec<RoomsFound>,
    pub replicas: Vec<Replica>,
    pub leases: Vec<WorkedOn>,
    pub holds: Vec<StandingHold>,
    /// The newest first.
    pub attempts: Vec<Attempt>,
    /// The healthy age of a pass, for the text.
    #[serde(skip)]
    patience: TimeDelta,
    /// Sessions with something that is in the ledger, for the text.
    #[serde(skip)]
    sessions: Sessions,
}

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
    /// The next try is not made before this moment.
    pub not_before: Option<DateTime<Utc>>,
    pub words: Option<String>,
    /// Somebody works on the session now: the doubt of a request that is under way.
    pub under_way: bool,
}

/// A confirming send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owed {
    pub subject: SubjectKey,
    pub at: DateTime<Utc>,
}

/// Slides that were in doubt, or not sent, when their slot ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowClosed {
    pub subject: SubjectKey,
    pub slot_end: DateTime<Utc>,
    /// Something was sent, and it is not known whether it is what is shown; else it was not sent.
    pub was_sent: bool,
    pub words: Option<String>,
}

/// What went wrong with a subject, and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    pub subject: SubjectKey,
    pub since: DateTime<Utc>,
    pub not_before: Option<DateTime<Utc>>,
    pub tries: u32,
    pub words: Option<String>,
}

/// Each session in one of these; the first that fits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sessions {
    needing: usize,
    under_way: usize,
    in_doubt: usize,
    waiting: usize,
    window_closed: usize,
    in_step: usize,
}

/// When the slots of sessions end, as far as the ledger knows.
type SlotEnds = BTreeMap<SubjectKey, DateTime<Utc>>;

/// Reads the ledger. `poll` is how often the worker reads the world.
pub async fn status(ledger: &Ledger, poll: Duration) -> Result<Status, LedgerError> {
    let standing = ledger.standing(ATTEMPTS).await?;
    let slot_ends = slot_ends(ledger, &standing).await?;
    let rooms = ledger.rooms_found().await?;
    Ok(Status { rooms, ..Status::of(standing, &slot_ends, poll) })
}

/// Of subjects with something open.
async fn slot_ends(ledger: &Ledger, standing: &Standing) -> Result<SlotEnds, LedgerError> {
    let is_open =
        |subject: &&SubjectStanding| subject.state != State::Settled || subject.confirm_at.is_some();
    let open: BTreeSet<SessionId> =
        standing.subjects.iter().filter(is_open).map(|subject| subject.subject.session).collect();
    if open.is_empty() {
        return Ok(SlotEnds::new());
    }
    let view = ledger.view_of(&open, TimeDelta::zero(), standing.asked_at).await?;
    let slot_end = |(key, row): (SubjectKey, Remembered)| Some((key, row.slot?.end));
    Ok(view.subjects.into_iter().filter_map(slot_end).collect())
}

/// How old the last complete pass may be.
pub fn healthy_age(poll: Duration) -> TimeDelta {
    TimeDelta::from_std(poll * POLLS + AND).unwrap_or(TimeDelta::MAX)
}

impl Status {
    pub(crate) fn of(standing: Standing, slot_ends: &SlotEnds, poll: Duration) -> Self {
        let Standing { asked_at, last_pass, subjects, replicas, leases, holds, attempts } = standing;
        let patience = healthy_age(poll);
        let leased: BTreeSet<SessionId> = leases.iter().map(|lease| lease.session).collect();
        let last_pass = last_pass.as_ref();
        let counts = counts(&subjects);
        let closed = |subject: &SubjectStanding| {
            let ended = slot_ends.get(&subject.subject).copied().filter(|end| *end < asked_at)?;
            window_closed(subject, ended, &leased)
        };
        let window_closed: Vec<WindowClosed> = subjects.iter().filter_map(closed).collect();
        let (over, subjects): (Vec<_>, Vec<_>) =
            subjects.into_iter().partition(|subject| closed(subject).is_some());
        Self {
            healthy: last_pass.is_some_and(|pass| asked_at - pass.ended_at <= patience),
            as_of: asked_at,
            last_complete_pass: last_pass.map(|pass| pass.ended_at),
            last_pass_ms: last_pass.map(|pass| u64::try_from(pass.took.as_millis()).unwrap_or(u64::MAX)),
            last_pass_by: last_pass.map(|pass| pass.who.clone()),
            last_pass_summary: last_pass.map(|pass| pass.summary.clone()),
            subjects: counts,
            in_doubt: subjects.iter().filter_map(|subject| in_doubt(subject, &leased)).collect(),
            confirming: subjects.iter().filter_map(owed).collect(),
            parked: troubles(&subjects, |subject| subject.state == State::Parked),
            retrying: troubles(&subjects, |subject| {
                subject.state == State::Waiting
                    && (subject.last_error.is_some() || subject.not_before.is_some())
            }),
            window_closed,
            sessions: sessions(&subjects, &over, &leased),
            rooms: Vec::new(),
            replicas,
            leases,
            holds,
            attempts,
            patience,
        }
    }
}

/// None for what is under way, what is as it should be, and what needs a person all the same. A room is kept after its
/// slot, too.
fn window_closed(
    subject: &SubjectStanding,
    slot_end: DateTime<Utc>,
    leased: &BTreeSet<SessionId>,
) -> Option<WindowClosed> {
    let is_decks = subject.subject.kind == Kind::Decks;
    let was_sent = subject.doubt_since.is_some() || subject.confirm_at.is_some();
    let is_open = match subject.state {
        State::Waiting | State::InDoubt => true,
        State::Settled => was_sent,
        State::Parked => false,
    };
    let is_under_way = leased.contains(&subject.subject.session);
    (is_decks && is_open && !is_under_way).then(|| WindowClosed {
        subject: subject.subject,
        slot_end,
        was_sent,
        words: subject.last_error.clone(),
    })
}

fn counts(subjects: &[SubjectStanding]) -> Counts {
    let of = |state: State| subjects.iter().filter(|subject| subject.state == state).count();
    Counts {
        settled: of(State::Settled),
        waiting: of(State::Waiting),
        in_doubt: of(State::InDoubt),
        parked: of(State::Parked),
    }
}

fn in_doubt(subject: &SubjectStanding, leased: &BTreeSet<SessionId>) -> Option<InDoubt> {
    Some(InDoubt {
        subject: subject.subject,
        since: subject.doubt_since?,
        not_before: subject.not_before,
        words: subject.last_error.clone(),
        under_way: leased.contains(&subject.subject.session),
    })
}

fn owed(subject: &SubjectStanding) -> Option<Owed> {
    Some(Owed { subject: subject.subject, at: subject.confirm_at? })
}

fn troubles(subjects: &[SubjectStanding], which: impl Fn(&SubjectStanding) -> bool) -> Vec<Trouble> {
    let trouble = |subject: &SubjectStanding| Trouble {
        subject: subject.subject,
        since: subject.changed_at,
        not_before: subject.not_before,
        tries: subject.tries,
        words: subject.last_error.clone(),
    };
    subjects.iter().filter(|subject| which(subject)).map(trouble).collect()
}

/// `over` are those that their window closed on.
fn sessions(
    subjects: &[SubjectStanding],
    over: &[SubjectStanding],
    leased: &BTreeSet<SessionId>,
) -> Sessions {
    let ids = |subjects: &[SubjectStanding]| -> BTreeSet<SessionId> {
        subjects.iter().map(|subject| subject.subject.session).collect()
    };
    let over = ids(over);
    let all = &ids(subjects) | &over;
    let mut sums = Sessions::default();
    for session in all {
        let has = |state: State| {
            subjects.iter().any(|subject| subject.subject.session == session && subject.state == state)
        };
        let sum = if has(State::Parked) {
            &mut sums.needing
        } else if leased.contains(&session) {
            &mut sums.under_way
        } else if has(State::InDoubt) {
            &mut sums.in_doubt
        } else if has(State::Waiting) {
            &mut sums.waiting
        } else if over.contains(&session) {
            &mut sums.window_closed
        } else {
            &mut sums.in_step
        };
        *sum += 1;
    }
    sums
}

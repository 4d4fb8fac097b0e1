//! Is the worker well, and what needs a person? Told from the ledger alone, so it can be asked beside a running worker,
//! or where there is none.
//!
//! Health is the age of the last *complete* pass, by the ledger's own clock: a process that is up and reads nothing is
//! not healthy.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::ledger::{
    Attempt, Ledger, LedgerError, Replica, Standing, StandingHold, State, SubjectStanding, WorkedOn,
};
use crate::model::{SessionId, SubjectKey};

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
    in_step: usize,
}

/// Reads the ledger. `poll` is how often the worker reads the world.
pub async fn status(ledger: &Ledger, poll: Duration) -> Result<Status, LedgerError> {
    Ok(Status::of(ledger.standing(ATTEMPTS).await?, poll))
}

/// How old the last complete pass may be.
pub fn healthy_age(poll: Duration) -> TimeDelta {
    TimeDelta::from_std(poll * POLLS + AND).unwrap_or(TimeDelta::MAX)
}

impl Status {
    pub fn of(standing: Standing, poll: Duration) -> Self {
        let Standing { asked_at, last_pass, subjects, replicas, leases, holds, attempts } = standing;
        let patience = healthy_age(poll);
        let leased: BTreeSet<SessionId> = leases.iter().map(|lease| lease.session).collect();
        let last_pass = last_pass.as_ref();
        Self {
            healthy: last_pass.is_some_and(|pass| asked_at - pass.ended_at <= patience),
            as_of: asked_at,
            last_complete_pass: last_pass.map(|pass| pass.ended_at),
            last_pass_ms: last_pass.map(|pass| u64::try_from(pass.took.as_millis()).unwrap_or(u64::MAX)),
            last_pass_by: last_pass.map(|pass| pass.who.clone()),
            last_pass_summary: last_pass.map(|pass| pass.summary.clone()),
            subjects: counts(&subjects),
            in_doubt: subjects.iter().filter_map(|subject| in_doubt(subject, &leased)).collect(),
            confirming: subjects.iter().filter_map(owed).collect(),
            parked: troubles(&subjects, |subject| subject.state == State::Parked),
            retrying: troubles(&subjects, |subject| {
                subject.state == State::Waiting
                    && (subject.last_error.is_some() || subject.not_before.is_some())
            }),
            sessions: sessions(&subjects, &leased),
            replicas,
            leases,
            holds,
            attempts,
            patience,
        }
    }
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

fn sessions(subjects: &[SubjectStanding], leased: &BTreeSet<SessionId>) -> Sessions {
    let all: BTreeSet<SessionId> = subjects.iter().map(|subject| subject.subject.session).collect();
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
        } else {
            &mut sums.in_step
        };
        *sum += 1;
    }
    sums
}

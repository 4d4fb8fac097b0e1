//! Is the worker well, and what needs a person? Told from the ledger alone, so it can be asked beside a running worker,
//! or where there is none.
//!
//! Health is the age of the last *complete* pass, by the ledger's own clock: a process that is up and reads nothing is
//! not healthy. What is in step, and what a rule forbids, is the planner's word, which the last pass left in the ledger;
//! what was sent, failed or is under way since then is in the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use super::pass_summary::{Need, PassSummary};
use crate::desired::{Gate, session_gate};
use crate::ledger::{
    Attempt, Ledger, LedgerError, Replica, RoomsFound, Standing, StandingHold, State, SubjectStanding,
    WorkedOn,
};
use crate::model::{Kind, Mode, NotifyTime, SessionId, SubjectKey, Why};
use crate::plan::{self, Wait};

mod sessions;
mod text;

use sessions::Sessions;
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
    /// `scope.mode` of the worker that made the last pass; null where that is not known.
    pub mode: Option<Mode>,
    /// `down` where a worker that is there gets no answer; null where none says so.
    pub provider: Option<&'static str>,
    /// When it ended; null where there never was one.
    pub last_complete_pass: Option<DateTime<Utc>>,
    pub last_pass_ms: Option<u64>,
    pub last_pass_by: Option<String>,
    /// The last pass's plan in numbers, and what of it is not in the rows.
    pub last_pass_summary: Option<Value>,
    pub subjects: Counts,
    /// What goes on only when a person does something.
    pub needs_a_person: Vec<Need>,
    pub in_doubt: Vec<InDoubt>,
    /// One more send is owed, after an answer that never came.
    pub confirming: Vec<Owed>,
    /// What the provider said no to.
    pub parked: Vec<Trouble>,
    /// What failed, and is tried again by itself.
    pub retrying: Vec<Trouble>,
    /// Slides with something open when their window closed: nobody sends them any more.
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
    /// For the text.
    #[serde(skip)]
    sessions: Sessions,
    /// What the datatracker's own call is left to do first, for the text.
    #[serde(skip)]
    settling: Vec<Wait>,
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
    /// The next try is not made before this moment, nor before the provider answers.
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

/// The way on for slides that nobody sends any more: the command that sends them all the same.
pub fn push_it(session: SessionId) -> String {
    format!("if they still matter: meetsync push {session} --reason TEXT")
}

/// Reads the ledger. `poll` is how often the worker reads the world, `notify` when slides are sent.
pub async fn status(ledger: &Ledger, poll: Duration, notify: NotifyTime) -> Result<Status, LedgerError> {
    let standing = ledger.standing(ATTEMPTS).await?;
    let rooms = ledger.rooms_found().await?;
    Ok(Status { rooms, ..Status::of(standing, poll, notify) })
}

/// How old the last complete pass may be.
pub fn healthy_age(poll: Duration) -> TimeDelta {
    TimeDelta::from_std(poll * POLLS + AND).unwrap_or(TimeDelta::MAX)
}

/// What the last pass said of subjects of which something is open.
type Said = BTreeMap<SubjectKey, Wait>;

impl Status {
    pub(crate) fn of(standing: Standing, poll: Duration, notify: NotifyTime) -> Self {
        let Standing { asked_at, last_pass, subjects, replicas, leases, holds, attempts } = standing;
        let patience = healthy_age(poll);
        let leased: BTreeSet<SessionId> = leases.iter().map(|lease| lease.session).collect();
        let last_pass = last_pass.as_ref();
        let summary =
            last_pass.and_then(|pass| serde_json::from_value::<PassSummary>(pass.summary.clone()).ok());
        let said: Said = summary
            .iter()
            .flat_map(|summary| &summary.waits)
            .map(|wait| (wait.subject, wait.clone()))
            .collect();
        let counts = counts(&subjects);
        let closed = |subject: &SubjectStanding| window_closed(subject, &said, notify, asked_at, &leased);
        let window_closed: Vec<WindowClosed> = subjects.iter().filter_map(closed).collect();
        let (over, subjects): (Vec<_>, Vec<_>) =
            subjects.into_iter().partition(|subject| closed(subject).is_some());
        let is_waiting =
            |subject: &SubjectStanding| subject.state == State::Waiting && !has_nothing_to_do(subject, &said);
        let parked = troubles(&subjects, |subject| subject.state == State::Parked);
        let mut needs = needs(summary.as_ref(), &parked, &window_closed);
        if let Some(need) = rejects_us(&replicas, asked_at) {
            // Every group's rooms that can't be read for that reason are the same matter.
            needs.retain(|other| other.rule != need.rule);
            needs.insert(0, need);
        }
        let is_settling =
            |wait: &&Wait| wait.reason == Why::Settling && wait.until.is_some_and(|until| asked_at < until);
        Self {
            healthy: last_pass.is_some_and(|pass| asked_at - pass.ended_at <= patience),
            as_of: asked_at,
            mode: summary.as_ref().and_then(|summary| summary.mode),
            provider: provider(&replicas, asked_at),
            last_complete_pass: last_pass.map(|pass| pass.ended_at),
            last_pass_ms: last_pass.map(|pass| u64::try_from(pass.took.as_millis()).unwrap_or(u64::MAX)),
            last_pass_by: last_pass.map(|pass| pass.who.clone()),
            last_pass_summary: last_pass.map(|pass| pass.summary.clone()),
            subjects: counts,
            in_doubt: subjects.iter().filter_map(|subject| in_doubt(subject, &leased)).collect(),
            confirming: subjects.iter().filter_map(owed).collect(),
            retrying: troubles(&subjects, |subject| {
                is_waiting(subject) && (subject.last_error.is_some() || subject.not_before.is_some())
            }),
            sessions: sessions::sort(&sessions::Known {
                subjects: &subjects,
                over: &over,
                needs: &needs,
                leased: &leased,
                holds: &holds,
                in_step: summary.as_ref().and_then(|summary| summary.in_step_sessions.as_ref()),
                is_waiting: &is_waiting,
            }),
            settling: said.values().filter(is_settling).cloned().collect(),
            needs_a_person: needs,
            parked,
            window_closed,
            rooms: Vec::new(),
            replicas,
            leases,
            holds,
            attempts,
            patience,
        }
    }
}

/// By the workers that are there: what one said that was killed since is no news.
fn provider(replicas: &[Replica], now: DateTime<Utc>) -> Option<&'static str> {
    let says_so = |replica: &Replica| replica.is_there(now) && replica.provider == "down";
    replicas.iter().any(says_so).then_some("down")
}

/// By the workers that are there, too.
fn rejects_us(replicas: &[Replica], now: DateTime<Utc>) -> Option<Need> {
    let says_so = |replica: &&Replica| replica.is_there(now) && replica.provider == "credentials_rejected";
    let who: Vec<&str> = replicas.iter().filter(says_so).map(|replica| replica.name.as_str()).collect();
    (!who.is_empty()).then(|| Need {
        rule: Some(Why::CredentialsRejected),
        kind: None,
        sessions: BTreeSet::new(),
        detail: plan::REJECTS_US.into(),
        way_on: plan::put_credentials_right(&who),
    })
}

/// A failure of before, of a subject that the planner has nothing to do about by now.
fn has_nothing_to_do(subject: &SubjectStanding, said: &Said) -> bool {
    use Why::{Cancelled, NoDecks, NotOnMeetecho, NotScheduled, NotificationsOff, OutsideWindow, Tombstone};
    let over = [Cancelled, NoDecks, NotOnMeetecho, NotScheduled, NotificationsOff, OutsideWindow, Tombstone];
    said.get(&subject.subject).is_some_and(|wait| over.contains(&wait.reason))
}

/// As the planner has it (its word `window_closed_unsent`), by the row and by the settings' own margin. None for what is
/// under way, what is as it should be, what the last pass had nothing to do about, and what needs a person all the same.
/// A room is kept after its slot, too.
fn window_closed(
    subject: &SubjectStanding,
    said: &Said,
    notify: NotifyTime,
    now: DateTime<Utc>,
    leased: &BTreeSet<SessionId>,
) -> Option<WindowClosed> {
    let slot = subject.slot?;
    let is_closed = session_gate(slot, notify, now) == Some(Gate::Closed);
    let is_decks = subject.subject.kind == Kind::Decks;
    let was_sent = subject.doubt_since.is_some() || subject.confirm_at.is_some();
    let is_open = match subject.state {
        State::Waiting | State::InDoubt => true,
        State::Settled => was_sent,
        State::Parked => false,
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

/// What the provider said no to, what a rule forbids, and what nobody sends any more.
fn needs(summary: Option<&PassSummary>, parked: &[Trouble], over: &[WindowClosed]) -> Vec<Need> {
    let of = |rule, subject: SubjectKey, detail, way_on| Need {
        rule,
        kind: Some(subject.kind),
        sessions: [subject.session].into(),
        detail,
        way_on,
    };
    let parked = parked.iter().map(|trouble| {
        let id = trouble.subject.session;
        let words = trouble.words.as_deref().unwrap_or("no reason was written down");
        let way_on = format!(
            "what was refused: meetsync explain {id}; to try at once: meetsync resync --session {id}"
        );
        of(None, trouble.subject, format!("Meetecho said no: {words}"), way_on)
    });
    let refused = summary.into_iter().flat_map(|summary| summary.needs_a_person.clone());
    let over = over.iter().map(|closed| {
        let what = if closed.was_sent {
            "the slides' window closed before it was certain that they are shown"
        } else {
            "the window closed before these slides were sent"
        };
        let words = closed.words.as_deref().map_or_else(String::new, |words| format!(" ({words})"));
        of(Some(closed.why), closed.subject, format!("{what}{words}"), closed.way_on.clone())
    });
    parked.chain(refused).chain(over).collect()
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

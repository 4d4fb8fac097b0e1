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

use super::explain::quiet_until;
use super::pass_summary::{Need, PassSummary};
use crate::ledger::{
    Attempt, Failing, Ledger, LedgerError, Replica, RoomsFound, Standing, StandingHold, State,
    SubjectStanding, WorkedOn, is_gone,
};
use crate::model::{Mode, SessionId, SlidesPolicy, SubjectKey, Why};
use crate::plan::Wait;

mod needs;
mod rooms;
mod sessions;
mod subjects;
mod text;

use needs::{at_work, needs, old_settings, passes_fail, rejects_us};
use sessions::Sessions;
pub use subjects::{Counts, InDoubt, Owed, Pending, Trouble, WindowClosed};
use subjects::{
    Said, closing, counts, has_nothing_to_do, in_doubt, is_left_unconfirmed, owed, pending, refused,
    troubles, window_closed,
};
pub use text::status_text;

/// So many attempts of the history are told.
const ATTEMPTS: u32 = 50;
/// So many workers are told that went without a word.
const GONE: usize = 3;
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
    /// Meetecho asked every worker that is there to leave it alone until then; null where it did not.
    pub quiet_until: Option<DateTime<Utc>>,
    /// Null while the passes of all workers that are there succeed.
    pub failing: Option<FailingPasses>,
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
    /// What waits for edits to stop (`slides.quiet`), or is to be sent now.
    pub pending: Vec<Pending>,
    /// What the provider said no to.
    pub parked: Vec<Trouble>,
    /// What failed, and is tried again by itself.
    pub retrying: Vec<Trouble>,
    /// Slides with something open when their window closed: nobody sends them any more.
    pub window_closed: Vec<WindowClosed>,
    /// What the last look at rooms found, group by group, as far as the datatracker still bears it out: `meetsync rooms` looks
    /// anew.
    pub rooms: Vec<RoomsFound>,
    /// Those that are there, and the last few that went without a word.
    pub replicas: Vec<Replica>,
    pub leases: Vec<WorkedOn>,
    pub holds: Vec<StandingHold>,
    /// What would be changed, by the last pass, and is held.
    pub held_back: Vec<SubjectKey>,
    /// The newest first.
    pub attempts: Vec<Attempt>,
    /// The healthy age of a pass, for the text.
    #[serde(skip)]
    patience: TimeDelta,
    /// Whether a worker is there, for the text.
    #[serde(skip)]
    is_manned: bool,
    /// For the text.
    #[serde(skip)]
    sessions: Sessions,
    /// When the slides' windows close, as far as the ledger has it; for the text.
    #[serde(skip)]
    closing: BTreeMap<SubjectKey, DateTime<Utc>>,
    /// For the text.
    #[serde(skip)]
    summary: Option<PassSummary>,
    /// What the datatracker's own call is left to do first, for the text.
    #[serde(skip)]
    settling: Vec<Wait>,
}

/// Workers are there, and their passes fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailingPasses {
    pub workers: Vec<String>,
    /// Of the one that fails for longest, as the rest: why its last pass did.
    pub words: String,
    pub since: DateTime<Utc>,
    /// In a row.
    pub passes: i64,
}

/// Reads the ledger. `poll` is how often the worker reads the world, `slides` how slides are sent.
pub async fn status(ledger: &Ledger, poll: Duration, slides: &SlidesPolicy) -> Result<Status, LedgerError> {
    // The rooms first: the pass that is read after them knows at least as much.
    let rooms = ledger.rooms_found().await?;
    let status = Status::of(ledger.standing(ATTEMPTS).await?, poll, slides);
    let asked = status.summary.as_ref().and_then(|summary| summary.rooms_asked.as_ref());
    Ok(Status { rooms: rooms::still_so(rooms, asked), ..status })
}

/// How old the last complete pass may be.
pub fn healthy_age(poll: Duration) -> TimeDelta {
    TimeDelta::from_std(poll * POLLS + AND).unwrap_or(TimeDelta::MAX)
}

impl Status {
    pub(crate) fn of(standing: Standing, poll: Duration, slides: &SlidesPolicy) -> Self {
        let notify = slides.notify;
        let Standing { asked_at, last_pass, subjects, replicas, leases, holds, attempts } = standing;
        let patience = healthy_age(poll);
        let is_cut_off = |owner: &str| is_gone(owner, &replicas, asked_at);
        let at_it = leases.iter().filter(|lease| !is_cut_off(&lease.owner));
        let leased: BTreeSet<SessionId> = at_it.map(|lease| lease.session).collect();
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
        let has_failed =
            |subject: &SubjectStanding| subject.last_error.is_some() || subject.not_before.is_some();
        let mode = summary.as_ref().and_then(|summary| summary.mode);
        let parked = refused(&subjects, notify, asked_at);
        let mut needs = needs(summary.as_ref(), &parked, &window_closed);
        needs.splice(0..0, old_settings(&replicas, asked_at));
        if let Some(need) = rejects_us(&replicas, asked_at) {
            // Every group's rooms that can't be read for that reason are the same matter.
            needs.retain(|other| other.rule != need.rule);
            needs.insert(0, need);
        }
        let is_healthy = last_pass.is_some_and(|pass| asked_at - pass.ended_at <= patience);
        let is_manned = replicas.iter().any(|replica| replica.is_there(asked_at));
        let failing = failing(&replicas, asked_at);
        // A worker that says why it doesn't get on runs.
        if let Some(failing) = &failing {
            needs.insert(0, passes_fail(failing));
        } else {
            let who = last_pass.map(|pass| pass.who.as_str());
            needs.splice(0..0, at_work(is_manned, is_healthy, who));
        }
        let is_settling =
            |wait: &&Wait| wait.reason == Why::Settling && wait.until.is_some_and(|until| asked_at < until);
        Self {
            healthy: is_healthy,
            as_of: asked_at,
            mode,
            provider: provider(&replicas, asked_at),
            quiet_until: quiet_until(&replicas, asked_at),
            failing,
            last_complete_pass: last_pass.map(|pass| pass.ended_at),
            last_pass_ms: last_pass.map(|pass| u64::try_from(pass.took.as_millis()).unwrap_or(u64::MAX)),
            last_pass_by: last_pass.map(|pass| pass.who.clone()),
            last_pass_summary: last_pass.map(|pass| pass.summary.clone()),
            subjects: counts,
            in_doubt: subjects.iter().filter_map(|subject| in_doubt(subject, &leases, is_cut_off)).collect(),
            confirming: subjects.iter().filter_map(|subject| owed(subject, &said)).collect(),
            retrying: troubles(&subjects, |subject| is_waiting(subject) && has_failed(subject)),
            pending: {
                let is_told = |subject: &SubjectStanding| {
                    let SubjectKey { session, kind, .. } = subject.subject;
                    let needing = |need: &Need| need.kind == Some(kind) && need.sessions.contains(&session);
                    let held = |held: &StandingHold| held.session.is_none_or(|held| held == session);
                    has_failed(subject)
                        || said.contains_key(&subject.subject)
                        || leased.contains(&session)
                        || needs.iter().any(needing)
                        || holds.iter().any(held)
                };
                let waiting = subjects.iter().filter(|subject| is_waiting(subject) && !is_told(subject));
                waiting.filter_map(|subject| pending(subject, slides)).collect()
            },
            sessions: sessions::sort(&sessions::Known {
                subjects: &subjects,
                over: &over,
                needs: &needs,
                leased: &leased,
                holds: &holds,
                in_step: summary.as_ref().and_then(|summary| summary.in_step_sessions.as_ref()),
                // Who only observes waits for nothing: what would be changed is told by the plan.
                is_waiting: &|subject| mode != Some(Mode::Observe) && is_waiting(subject),
                is_left_unconfirmed: &|subject| is_left_unconfirmed(subject, &said),
            }),
            held_back: said
                .values()
                .filter(|wait| wait.reason == Why::Held)
                .map(|wait| wait.subject)
                .collect(),
            closing: closing(&subjects, notify),
            settling: said.values().filter(is_settling).cloned().collect(),
            summary,
            needs_a_person: needs,
            parked,
            window_closed,
            rooms: Vec::new(),
            replicas: lately_gone(replicas, asked_at),
            leases,
            holds,
            attempts,
            patience,
            is_manned,
        }
    }
}

/// Those that are there, and of the others the ones that were seen last.
fn lately_gone(replicas: Vec<Replica>, now: DateTime<Utc>) -> Vec<Replica> {
    let (mut there, gone): (Vec<_>, Vec<_>) = replicas.into_iter().partition(|replica| replica.is_there(now));
    there.extend(gone.into_iter().take(GONE));
    there
}

/// By the workers that are there: what one said that was killed since is no news.
fn provider(replicas: &[Replica], now: DateTime<Utc>) -> Option<&'static str> {
    let says_so = |replica: &Replica| replica.is_there(now) && replica.provider == "down";
    replicas.iter().any(says_so).then_some("down")
}

/// By the workers that are there, too.
fn failing(replicas: &[Replica], now: DateTime<Utc>) -> Option<FailingPasses> {
    let all = || {
        let there = replicas.iter().filter(move |replica| replica.is_there(now));
        there.filter_map(|replica| Some((replica, replica.failing.as_ref()?)))
    };
    let (_, longest) = all().min_by_key(|(_, failing)| failing.since)?;
    let Failing { words, since, passes } = longest.clone();
    Some(FailingPasses {
        workers: all().map(|(replica, _)| replica.name.clone()).collect(),
        words,
        since,
        passes,
    })
}

#[cfg(test)]
mod test_standing;
#[cfg(test)]
mod tests;

//! One session's turn: the room, then the decks, each a leased step of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::bell::Leave;
use super::board::{Task, TaskStep};
use super::dispatch::StepEnded;
use crate::ledger::{LedgerError, StepEnd};
use crate::model::{Fault, GroupAcronym, Kind, Outcome, SeenRoom, Why};
use crate::plan::{Change, Operation};
use crate::reconcile::acted::{Acted, StepOutcome};
use crate::reconcile::edges::{Books as _, Conference as _, Edges};
use crate::reconcile::step::{Standing, Step, Stepped};
use crate::reconcile::world::{Parts, World};
use crate::schedule::circuit::Answer;

/// How a session's turn ended.
#[derive(Debug, Default)]
pub(super) struct Turned {
    pub(super) steps: Vec<StepEnded>,
    /// The groups whose rooms something was tried about, and whether all of it was done.
    pub(super) rooms_of: BTreeMap<GroupAcronym, bool>,
    /// Somebody else works on the session.
    pub(super) is_taken: bool,
    /// There is more to do, or something to do again: look at once.
    pub(super) look_again: bool,
    pub(super) error: Option<LedgerError>,
    /// It did not come to an end.
    pub(super) is_overdue: bool,
}

impl Turned {
    pub(super) fn overdue() -> Self {
        Self { is_overdue: true, ..Self::default() }
    }
}

/// Works on one session. `prefetch`: the groups of everything that is due, whose tokens come in one call.
pub(super) async fn turn<E: Edges>(
    parts: &Parts<E>,
    ledger: &E::Books,
    world: &Arc<World>,
    task: &Task,
    prefetch: &BTreeSet<GroupAcronym>,
    leave: &Leave,
) -> Turned {
    let mut turned = Turned::default();
    let mut new_room: Option<String> = None;
    // Best effort, and nobody's end is put off for it; nor is a session that has its token, live ones above all.
    let has_token = |step: &TaskStep| parts.meetecho.has_token(&step.change.group);
    if !task.steps.iter().all(has_token) {
        tokio::select! {
            biased;
            () = parts.meetecho.prefetch_tokens(prefetch) => {}
            () = leave.asked() => {}
        }
    }
    for planned in &task.steps {
        if leave.is_asked() {
            break;
        }
        if would_only_wait(parts, planned, &turned) {
            turned.look_again = true;
            break;
        }
        let key = planned.change.subject;
        let step = Step {
            parts,
            ledger,
            world,
            planned: &planned.change,
            new_room: new_room.as_deref(),
            reason: None,
            worker: Some(Standing { generation: planned.generation }),
            leave,
        };
        let ran = step.run().await;
        if key.kind == Kind::Room {
            // Also where nothing was done: somebody else was faster, and what was seen here is from before.
            let is_done = matches!(&ran, Ok(Stepped::Ended(acted)) if is_done(acted) || is_there(acted));
            *turned.rooms_of.entry(planned.change.group.clone()).or_insert(true) &= is_done;
        }
        match ran {
            Ok(Stepped::Ended(acted)) => {
                told(planned, &acted, ledger.is_rehearsal());
                turned.steps.push(StepEnded { key, answer: answer_of(&acted) });
                if key.kind == Kind::Room {
                    new_room.clone_from(&acted.room);
                }
                turned.look_again |= !is_done(&acted);
                if !is_done(&acted) && planned.holds_up_decks() {
                    break;
                }
            }
            Ok(Stepped::PutBack) => {
                turned.steps.push(StepEnded { key, answer: Answer::NotAsked });
                turned.look_again = true;
            }
            Ok(Stepped::Held { until }) => {
                tracing::info!(subject = %key, until = until.to_rfc3339(), "not begun: it was put on hold meanwhile");
                turned.look_again = true;
                break;
            }
            Ok(Stepped::Leased { .. }) => {
                turned.is_taken = true;
                break;
            }
            Err(error) => {
                turned.error = Some(error);
                turned.look_again = true;
                break;
            }
        }
    }
    turned
}

/// Whether the provider asked for a pause since this was laid out: a step that is begun now would wait for its end, with
/// a lease and a doubt mark. One whose call for a token was told so fails at once, and that is written down.
fn would_only_wait<E: Edges>(parts: &Parts<E>, planned: &TaskStep, turned: &Turned) -> bool {
    let fails_at_once = turned.steps.is_empty() && !parts.meetecho.has_token(&planned.change.group);
    parts.meetecho.quiet_for().is_some() && !fails_at_once
}

/// The room is known, and only its link could not be written: no look would tell more.
fn is_there(acted: &Acted) -> bool {
    matches!(acted.end, StepEnd::RoomIs { .. })
}

fn is_done(acted: &Acted) -> bool {
    matches!(acted.outcome, StepOutcome::Applied | StepOutcome::InStep)
}

/// What an attempt says about the provider as a whole.
fn answer_of(acted: &Acted) -> Answer {
    match &acted.fault {
        None if acted.requests == 0 => Answer::NotAsked,
        None => Answer::Alive,
        Some(fault) => match fault.why {
            Why::ProviderDown => Answer::Down,
            // Of all of us, and not of this request alone: until that is put right, nobody gets through.
            Why::CredentialsRejected if acted.outcome == StepOutcome::Retry => Answer::Down,
            _ if acted.requests == 0 => Answer::NotAsked,
            Why::RateLimited => Answer::Down,
            // Another worker's session by now: what we saw of the provider was not told.
            Why::InDoubtConfirming => Answer::NotAsked,
            _ => Answer::Alive,
        },
    }
}

fn told(planned: &TaskStep, acted: &Acted, is_rehearsal: bool) {
    let change = acted.instead.as_deref().unwrap_or(&planned.change);
    let Change { subject, group, reason, operations, .. } = change;
    let outcome = match acted.outcome {
        StepOutcome::Applied if is_rehearsal => "rehearsed",
        outcome => outcome.word(),
    };
    let planned: Vec<&str> = operations.iter().map(Operation::name).collect();
    let (group, planned, requests) = (group.as_str(), planned.join(", "), acted.requests);
    match &acted.fault {
        None => tracing::info!(%subject, group, planned, reason, outcome, requests, "step"),
        Some(Fault { why, words }) => {
            tracing::warn!(%subject, group, planned, reason, outcome, requests, %why, words, "step");
        }
    }
}

/// What was seen of some groups' rooms.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) seen: Vec<(GroupAcronym, Vec<SeenRoom>)>,
    /// With what was said of it, where it was asked.
    pub(super) failed: Vec<(GroupAcronym, Option<Fault>)>,
    pub(super) answer: Option<Answer>,
}

/// Reads the rooms of these groups, one after the other so that slides need not wait behind them. The first group at
/// which the provider is down ends it, and so does its first answer where others found it down meanwhile (`is_down`):
/// they wait to hear of it. It changes nothing there, so whoever is asked to stop does not wait for it, least of all while the
/// provider wants to be left alone: what was not read is wanted again.
pub(super) async fn look<E: Edges>(
    parts: &Parts<E>,
    groups: BTreeSet<GroupAcronym>,
    leave: &Leave,
    is_down: impl Fn() -> bool,
) -> Looked {
    let mut looked = Looked::default();
    tokio::select! {
        biased;
        () = parts.meetecho.prefetch_tokens(&groups) => {}
        () = leave.asked() => {}
    }
    for group in groups {
        let is_awaited = looked.answer == Some(Answer::Down) || (looked.answer.is_some() && is_down());
        if is_awaited || leave.is_asked() {
            looked.failed.push((group, None));
            continue;
        }
        let read = tokio::select! {
            biased;
            read = parts.meetecho.fetch_rooms(&group) => read,
            () = leave.asked() => {
                looked.failed.push((group, None));
                continue;
            }
        };
        match read {
            Outcome::Applied(rooms) => {
                looked.answer = Some(Answer::Alive);
                looked.seen.push((group, rooms));
            }
            failed => {
                // A refusal is an answer.
                let is_answer = matches!(failed, Outcome::Refused(_));
                looked.answer = Some(if is_answer { Answer::Alive } else { Answer::Down });
                tracing::warn!(group = group.as_str(), %failed, "the rooms of a group could not be read");
                looked.failed.push((group, failed.fault().cloned()));
            }
        }
    }
    looked
}

/// How long a session that somebody else works on is left alone.
pub(super) const TAKEN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::ledger::StepEnd;

    fn change(reason: &str, operations: &serde_json::Value) -> Change {
        let change = json!({ "subject": "meetecho/session/1/decks", "session": 1, "group": "mars", "reason": reason,
                             "operations": operations });
        serde_json::from_value(change).unwrap()
    }

    /// A push may have been faster: then it is not the planned change that was made, nor for its reason.
    #[test]
    fn what_is_logged_is_what_was_carried_out() {
        let step = TaskStep {
            change: change("nothing was sent yet", &json!([])),
            generation: 1,
            is_due: true,
            tries: 0,
        };
        let done = || Acted::done(StepEnd::NotProcessed { failure: None });
        let added = json!([{ "op": "end_doubt", "requests": 0 }]);
        let instead = Acted { instead: Some(Box::new(change("a deck was removed", &added))), ..done() };
        for (acted, reason, planned) in
            [(done(), "nothing was sent yet", ""), (instead, "a deck was removed", "end_doubt")]
        {
            let (mut said, log) = std::io::pipe().unwrap();
            let log = tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::new(log)).finish();
            tracing::subscriber::with_default(log, || told(&step, &acted, false));
            let said = std::io::read_to_string(&mut said).unwrap();
            assert!(said.contains(&format!("reason=\"{reason}\"")), "{said}");
            assert!(said.contains(&format!("planned=\"{planned}\"")), "{said}");
        }
    }
}

//! What a person has a hand in beside a running worker: holds.
//!
//! A hold is a row of the ledger. Whoever makes automatic steps, the worker and `resync` alike, reads it before each
//! pass, and the ledger once more as it begins each step; it ends by itself, and outlives every process. What it doesn't
//! stop: what a person does by hand (a push, a room), and a step that was under way when it came.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::world::ReconcileError;
use crate::datatracker::{Datatracker, Look, Range};
use crate::desired::LOOK_BACK;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Hold, Policy, Scope, SessionId, Snapshot};

/// What a hold stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldOn {
    Everything,
    Sessions(BTreeSet<SessionId>),
}

impl HoldOn {
    /// As the ledger names them: None = everything.
    fn keys(&self) -> Vec<Option<SessionId>> {
        match self {
            Self::Everything => vec![None],
            Self::Sessions(ids) => ids.iter().copied().map(Some).collect(),
        }
    }
}

/// What the datatracker has of a scope: the sessions that are named, or all that a pass looks at. Which of them are
/// meant, the scope says.
///
/// # Errors
/// A session, group or meeting that the datatracker doesn't have; a read that failed.
pub async fn sessions_of(
    datatracker: &Datatracker,
    ledger: &Ledger,
    policy: &Policy,
    scope: &Scope,
    now: DateTime<Utc>,
) -> Result<Snapshot, ReconcileError> {
    let mut named = scope.sessions.clone();
    let range = if named.is_empty() {
        named.extend(ledger.open_sessions(now).await?);
        Range::Around { back: LOOK_BACK, ahead: policy.rooms.horizon }
    } else {
        Range::OnlyNamed
    };
    let look = Look { range, named, must_exist: scope.clone(), ..Look::default() };
    Ok(datatracker.snapshot(&look).await?)
}

/// Holds them, and returns for each the hold that stood before, where it was not over.
pub async fn hold(
    ledger: &Ledger,
    on: &HoldOn,
    hold: &Hold,
    now: DateTime<Utc>,
) -> Result<Vec<(Option<SessionId>, Option<Hold>)>, LedgerError> {
    let before = ledger.holds().await?;
    let mut placed = Vec::new();
    for key in on.keys() {
        ledger.hold(key, hold, now).await?;
        placed.push((key, standing(&before, key, now)));
    }
    ring(ledger).await;
    Ok(placed)
}

/// Ends their holds, and returns for each the one that stood. None: there was none, or it was over.
pub async fn release(
    ledger: &Ledger,
    on: &HoldOn,
    now: DateTime<Utc>,
) -> Result<Vec<(Option<SessionId>, Option<Hold>)>, LedgerError> {
    let before = ledger.holds().await?;
    let mut released = Vec::new();
    for key in on.keys() {
        let was_there = ledger.release_hold(key).await?;
        released.push((key, standing(&before, key, now).filter(|_| was_there)));
    }
    ring(ledger).await;
    Ok(released)
}

/// The worker need not wait for its next poll. It looks again by itself, so a bell that can't be rung is no error.
async fn ring(ledger: &Ledger) {
    if let Err(error) = ledger.ring().await {
        tracing::warn!(%error, "the worker could not be woken; it will look again by itself");
    }
}

fn standing(holds: &[(Option<SessionId>, Hold)], key: Option<SessionId>, now: DateTime<Utc>) -> Option<Hold> {
    holds.iter().find(|(held, hold)| *held == key && now < hold.until).map(|(_, hold)| hold.clone())
}

//! What a worker does beside its work: it says in the ledger that it is there, and forgets attempts of long ago.
//!
//! Nothing depends on either, so a failure is a line in the log and the next turn.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use crate::database::chain;
use crate::ledger::{Ledger, LedgerError};

/// How often a worker says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The job of forgetting, by its name in the ledger. Its turn is each day at midnight UTC.
const PRUNE: &str = "prune_attempts";

/// By the datatracker's clock; None before the first pass.
#[derive(Debug, Default)]
pub(super) struct LastAsOf(Mutex<Option<DateTime<Utc>>>);

impl LastAsOf {
    pub(super) fn set(&self, as_of: DateTime<Utc>) {
        *self.value() = Some(as_of);
    }

    fn get(&self) -> Option<DateTime<Utc>> {
        *self.value()
    }

    fn value(&self) -> std::sync::MutexGuard<'_, Option<DateTime<Utc>>> {
        // One plain value: a panic elsewhere can't have left it half written.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Who keeps house.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) ledger: Ledger,
    pub(super) name: String,
    /// `ledger.keep`.
    pub(super) keep: Duration,
}

/// Never ends.
pub(super) async fn keep(hand: &Hand, now: &LastAsOf) {
    let mut turns = tokio::time::interval(HEARTBEAT);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut pruned = None;
    loop {
        turns.tick().await;
        if let Err(error) = hand.ledger.seen_at_work(&hand.name, env!("CARGO_PKG_VERSION"), "").await {
            tracing::debug!(error = chain(&error), "the ledger could not be told that this worker is there");
            continue;
        }
        let Some(now) = now.get() else { continue };
        let Ok(due) = now.duration_trunc(TimeDelta::days(1)) else { continue };
        if pruned == Some(due) {
            continue;
        }
        match hand.prune(due, now).await {
            Ok(()) => pruned = Some(due),
            Err(error) => tracing::warn!(error = chain(&error), "old attempts could not be forgotten"),
        }
    }
}

impl Hand {
    async fn prune(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), LedgerError> {
        if !self.ledger.take_turn(PRUNE, due, &self.name).await? {
            return Ok(());
        }
        let before = TimeDelta::from_std(self.keep).ok().and_then(|keep| now.checked_sub_signed(keep));
        if let Some(before) = before {
            let forgotten = self.ledger.prune(before).await?;
            tracing::info!(forgotten, before = before.to_rfc3339(), "attempts of long ago are forgotten");
        }
        Ok(())
    }

    /// The worker ends.
    pub(super) async fn gone(&self) {
        if let Err(error) = self.ledger.gone_from_work(&self.name).await {
            tracing::debug!(error = chain(&error), "the ledger could not be told that this worker went");
        }
    }
}

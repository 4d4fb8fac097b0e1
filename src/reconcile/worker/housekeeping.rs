//! What a worker does beside its work: it says in the ledger that it is there, and forgets attempts of long ago.
//!
//! Nothing depends on either, so a failure is a line in the log and the next turn.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{PassReport, ProviderSeems};
use crate::database::chain;
use crate::ledger::{AtWork, FailingNow, Ledger, LedgerError, RefusedNow, Turn};
use crate::reconcile::world::ReconcileError;

/// A worker says every second poll that it is there, within these bounds.
const BEATS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// The job of forgetting, by its name in the ledger. Its turn is each day at midnight UTC.
const PRUNE: &str = "prune_attempts";

/// What a pass found that is worth keeping house by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// By the datatracker's clock.
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) provider: ProviderSeems,
    /// The provider asked to be left alone until then.
    pub(crate) quiet_until: Option<Instant>,
}

impl Seen {
    pub(crate) fn of(report: &PassReport) -> Self {
        let quiet_until = report.quiet.map(|quiet| Instant::now() + quiet);
        Self { as_of: report.as_of, provider: report.provider, quiet_until }
    }
}

/// The end of a pause is told anew where it is another by more than this.
const SAME_PAUSE: Duration = Duration::from_millis(500);

/// What was heard of passes, and of settings that were read again.
#[derive(Debug, Default)]
pub(crate) struct Heard(watch::Sender<Said>);

#[derive(Debug, Clone, Default)]
struct Said {
    /// Of the last one that came to its end; None before the first.
    seen: Option<Seen>,
    /// Of those that failed since.
    failing: Option<Failing>,
    refused_settings: Option<RefusedSettings>,
}

/// Settings that were read, and can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedSettings {
    words: String,
    first: Instant,
}

impl RefusedSettings {
    /// Once more, where those before could not be used either. Our errors hold no secret.
    pub(crate) fn again(before: Option<Self>, error: &(dyn std::error::Error + 'static)) -> Self {
        let first = before.map_or_else(Instant::now, |before| before.first);
        Self { words: capped(error), first }
    }
}

#[derive(Debug, Clone)]
struct Failing {
    words: String,
    passes: u32,
    first: Instant,
}

/// An error's words are kept up to here.
const LONGEST_WORDS: usize = 1_000;

impl Heard {
    pub(crate) fn set(&self, seen: Seen) {
        self.0.send_modify(|said| {
            said.seen = Some(seen);
            said.failing = None;
        });
    }

    /// Whether the worker goes on with its settings of before, and why.
    pub(crate) fn refused_settings(&self, refused: Option<RefusedSettings>) {
        self.0.send_modify(|said| said.refused_settings = refused);
    }

    /// A pass failed. Our errors hold no secret: they name a database by its setting, its host and its name.
    pub(crate) fn failed(&self, error: &ReconcileError) {
        let words = capped(error);
        self.0.send_modify(|said| {
            let (before, first) =
                said.failing.as_ref().map_or((0, Instant::now()), |failing| (failing.passes, failing.first));
            said.failing = Some(Failing { words, passes: before.saturating_add(1), first });
        });
    }
}

fn capped(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).chars().take(LONGEST_WORDS).collect()
}

impl Said {
    /// What a worker thinks of the provider, in the ledger's word; empty before it has thought.
    fn provider(&self) -> &'static str {
        self.seen.map_or("", |seen| seen.provider.word())
    }

    fn quiet_until(&self) -> Option<Instant> {
        self.seen.and_then(|seen| seen.quiet_until)
    }

    /// Whether that is to be said before the next beat.
    fn is_news(&self, said: &Self) -> bool {
        let words = |said: &Self| said.failing.as_ref().map(|failing| failing.words.clone());
        self.provider() != said.provider()
            || words(self) != words(said)
            || self.refused_settings != said.refused_settings
            || match (self.quiet_until(), said.quiet_until()) {
                (Some(new), Some(old)) => new.max(old) - new.min(old) > SAME_PAUSE,
                (new, old) => new.is_some() != old.is_some(),
            }
    }
}

/// Who keeps house.
#[derive(Debug)]
pub(crate) struct Hand {
    pub(crate) ledger: Ledger,
    pub(crate) name: String,
    /// `ledger.keep`.
    pub(crate) keep: Duration,
    /// How often the worker reads the world.
    pub(crate) poll: Duration,
}

pub(crate) async fn keep(hand: &Hand, heard: &Heard) -> Infallible {
    let mut turns = tokio::time::interval(hand.interval());
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut heard = heard.0.subscribe();
    let (mut is_known, mut said) = (false, Said::default());
    let mut pruned = None;
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            // What it thinks of the provider is said at once, and that passes fail or succeed again, and that settings
            // can't be used.
            Ok(_) = heard.wait_for(|heard| heard.is_news(&said)) => {}
        }
        said = heard.borrow_and_update().clone();
        match hand.beat(is_known, &said).await {
            Ok(()) => is_known = true,
            Err(error) => {
                tracing::debug!(
                    error = chain(&error),
                    "the ledger could not be told that this worker is there"
                );
                continue;
            }
        }
        let Some(Seen { as_of: now, .. }) = said.seen else { continue };
        let Ok(due) = now.duration_trunc(TimeDelta::days(1)) else { continue };
        if pruned == Some(due) {
            continue;
        }
        match hand.prune(due, now).await {
            Ok(is_done) => pruned = is_done.then_some(due).or(pruned),
            Err(error) => tracing::warn!(error = chain(&error), "old attempts could not be forgotten"),
        }
    }
}

impl Hand {
    fn interval(&self) -> Duration {
        (self.poll * 2).clamp(BEATS.0, BEATS.1)
    }

    /// The first one takes away what was left by one of the same name: in a container host name and process id come
    /// again after a kill, and it would have been there since long ago.
    async fn beat(&self, is_known: bool, said: &Said) -> Result<(), LedgerError> {
        if !is_known {
            self.ledger.gone_from_work(&self.name).await?;
        }
        let failing = said.failing.as_ref().map(|failing| FailingNow {
            words: &failing.words,
            passes: failing.passes,
            since: failing.first.elapsed(),
        });
        let refused = said.refused_settings.as_ref();
        let refused_settings =
            refused.map(|refused| RefusedNow { words: &refused.words, since: refused.first.elapsed() });
        let left = said.quiet_until().map(|until| until.saturating_duration_since(Instant::now()));
        let said = AtWork {
            provider: said.provider(),
            beat: self.interval(),
            failing,
            refused_settings,
            quiet: left.filter(|left| !left.is_zero()),
        };
        self.ledger.seen_at_work(&self.name, env!("CARGO_PKG_VERSION"), &said).await
    }

    /// Whether it is done, by us or by another worker.
    async fn prune(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        match self.ledger.take_turn(PRUNE, due, &self.name).await? {
            Turn::Ours => {}
            Turn::Theirs => return Ok(false),
            Turn::Done => return Ok(true),
        }
        let before = TimeDelta::from_std(self.keep).ok().and_then(|keep| now.checked_sub_signed(keep));
        if let Some(before) = before {
            let forgotten = self.ledger.prune(before).await?;
            let holds = self.ledger.forget_holds(before).await?;
            tracing::info!(
                forgotten,
                holds,
                before = before.to_rfc3339(),
                "attempts of long ago are forgotten, and holds that were over by then"
            );
        }
        self.ledger.end_turn(PRUNE, due).await?;
        Ok(true)
    }

    /// The worker ends.
    pub(crate) async fn gone(&self) {
        if let Err(error) = self.ledger.gone_from_work(&self.name).await {
            tracing::debug!(error = chain(&error), "the ledger could not be told that this worker went");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(quiet_until: Option<Instant>) -> Seen {
        Seen { as_of: DateTime::UNIX_EPOCH, provider: ProviderSeems::Answering, quiet_until }
    }

    /// It is measured anew with every pass, and not written down with every one.
    #[test]
    fn a_pause_is_news_where_it_begins_ends_or_gets_longer() {
        let now = Instant::now();
        let said = |millis: Option<u64>| {
            let quiet_until = millis.map(|millis| now + Duration::from_millis(millis));
            Said { seen: Some(seen(quiet_until)), ..Said::default() }
        };
        for (new, old, is_news) in [
            (None, None, false),
            (Some(40_000), None, true),
            (None, Some(40_000), true),
            (Some(40_000), Some(40_500), false),
            (Some(40_501), Some(40_000), true),
        ] {
            assert_eq!(said(new).is_news(&said(old)), is_news, "{old:?}, then {new:?}");
        }
    }

    fn words(heard: &Heard) -> Option<String> {
        heard.0.borrow().failing.as_ref().map(|failing| failing.words.clone())
    }

    #[test]
    fn a_pass_that_panicked_is_one_that_failed_until_the_next_is_complete() {
        let heard = Heard::default();
        heard.failed(&ReconcileError::TookTooLong);
        heard.failed(&ReconcileError::Panicked);
        assert!(words(&heard).is_some_and(|words| words.contains("panicked")));
        assert_eq!(heard.0.borrow().failing.as_ref().map(|failing| failing.passes), Some(2));
        heard.set(seen(None));
        assert_eq!(words(&heard), None);
    }
}

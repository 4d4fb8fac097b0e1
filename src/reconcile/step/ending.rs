//! Writes down how a step ended: the belief and the row of history in one, and when the worker may try again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Step;
use crate::ledger::{AttemptRow, Begun, CountsAs, Failure, Lease, LedgerError, Settled, StepEnd};
use crate::model::{Fault, Kind};
use crate::plan::{self, Change, Operation};
use crate::reconcile::acted::{Acted, StepOutcome};
use crate::reconcile::edges::{Books as _, Conference as _, Edges, Time as _};
use crate::schedule::backoff;
use crate::schedule::lease::step_timeout;

impl<E: Edges> Step<'_, E> {
    /// The worker tries again for as long as its lease lasts: what was sent and accepted must not be forgotten because
    /// the ledger was away for a moment.
    pub(super) async fn settle(
        &self,
        lease: Lease,
        step: Begun,
        end: &StepEnd,
        attempt: AttemptRow,
        began: Duration,
    ) -> Result<Settled, LedgerError> {
        let time = &self.parts.time;
        let mut pause = Duration::from_millis(250);
        loop {
            let settled =
                self.ledger.settle_and_release(lease.clone(), step.clone(), end, attempt.clone()).await;
            let gone = time.elapsed().saturating_sub(began);
            let is_over = step_timeout(self.parts.lease, pause, gone).is_zero();
            if settled.is_ok() || self.worker.is_none() || is_over {
                return settled;
            }
            time.sleep(pause).await;
            pause *= 2;
        }
    }

    pub(super) fn attempt(
        &self,
        change: &Change,
        begun: &Begun,
        acted: &Acted,
        took: Duration,
    ) -> AttemptRow {
        let emptied = acted.requests > 0 && plan::empties(Some(&begun.before), change);
        let reason = match self.reason {
            Some(words) => format!("{}: {words}", change.reason),
            None => change.reason.clone(),
        };
        AttemptRow {
            at: self.now(),
            who: self.parts.who.clone(),
            what: in_words(&change.operations),
            reason,
            requests: u32::try_from(acted.requests).unwrap_or(u32::MAX),
            outcome: acted.outcome.word().to_owned(),
            words: acted.fault.as_ref().map(|fault| fault.words.clone()),
            took,
            counts_as: acted.counts_as.or(emptied.then_some(CountsAs::DecksEmptied)),
            not_before: self.not_before(change, begun, acted),
        }
    }

    /// The moment before which the worker does not try this subject again.
    fn not_before(&self, change: &Change, step: &Begun, acted: &Acted) -> Option<DateTime<Utc>> {
        self.worker.as_ref()?;
        let wait = match acted.outcome {
            StepOutcome::Applied | StepOutcome::InStep => return None,
            StepOutcome::Refused if acted.is_refused_by_provider() => {
                backoff::parked(change.subject.kind == Kind::Decks, self.needed_in(change))
            }
            StepOutcome::Retry | StepOutcome::InDoubt | StepOutcome::Refused => {
                // Where the provider asked for quiet, nothing goes before that is over.
                let quiet = self.parts.meetecho.quiet_for().unwrap_or_default();
                let is_needed = self.needed_in(change) == Some(Duration::ZERO);
                let pause = if is_needed { backoff::while_needed } else { backoff::worker };
                pause(step.tries, self.parts.time.chance()).max(quiet)
            }
        };
        TimeDelta::from_std(wait).ok().map(|wait| self.now() + wait)
    }

    /// From now to the moment when Meetecho begins to let people in; None = the session is over, or never scheduled.
    fn needed_in(&self, change: &Change) -> Option<Duration> {
        let now = self.now();
        let slot = change.slot.filter(|slot| !slot.is_over(now))?;
        let left = slot.start - self.world.policy.slides.provider_window - now;
        Some(left.to_std().unwrap_or(Duration::ZERO))
    }
}

/// Why something was refused is kept with its code, so that whoever asks later is told the same as the log.
pub(super) fn with_code(mut end: StepEnd, fault: Option<&Fault>) -> StepEnd {
    let refused = match &mut end {
        StepEnd::NotProcessed { failure: Some(Failure::Refused(words)) }
        | StepEnd::NotMade { failure: Failure::Refused(words) }
        | StepEnd::Partly { failure: Failure::Refused(words), .. } => Some(words),
        _ => None,
    };
    if let (Some(words), Some(fault)) = (refused, fault) {
        *words = fault.why.before(words);
    }
    end
}

/// The operations by name, as a plan's JSON calls them.
fn in_words(operations: &[Operation]) -> String {
    operations.iter().map(Operation::name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::Why;

    #[test]
    fn whatever_was_refused_has_its_code() {
        let fault = Fault::new(Why::GroupUnknown, "no such group");
        let refused = || Failure::Refused("no such group".into());
        let coded = || Failure::Refused("group_unknown: no such group".into());
        for (end, kept) in [
            (
                StepEnd::NotProcessed { failure: Some(refused()) },
                StepEnd::NotProcessed { failure: Some(coded()) },
            ),
            (StepEnd::NotMade { failure: refused() }, StepEnd::NotMade { failure: coded() }),
            (
                StepEnd::Partly { failure: refused(), sent: BTreeSet::new() },
                StepEnd::Partly { failure: coded(), sent: BTreeSet::new() },
            ),
        ] {
            assert_eq!(with_code(end, Some(&fault)), kept);
        }
        let retry = StepEnd::NotMade { failure: Failure::Retry("later".into()) };
        assert_eq!(with_code(retry.clone(), Some(&fault)), retry, "only what is parked is told by its code");
    }
}

//! The time that a step has for its calls. It is the lease's, and between two calls the lease is renewed: however many
//! calls a step takes, each has the time that the first one had, and the step comes to its end.

use std::time::Duration;

use super::edges::{Books, Time};
use crate::database::chain;
use crate::ledger::{Lease, Settled};
use crate::schedule::lease::{SKEW, step_timeout};

/// A lease is renewed before a call when less than so much of its time, in thirds, is left. A step of a few quick calls
/// needs the ledger at its ends only.
const ENOUGH_THIRDS: u32 = 2;

/// A lease, and since when.
#[derive(Debug)]
pub(super) struct Tenure<'a, B, T> {
    pub(super) ledger: &'a B,
    pub(super) time: &'a T,
    pub(super) lease: &'a Lease,
    /// `ledger.lease`.
    pub(super) length: Duration,
    /// When it was last asked for.
    pub(super) since: Duration,
}

impl<B: Books, T: Time> Tenure<'_, B, T> {
    fn left(&self) -> Duration {
        step_timeout(self.length, SKEW, self.time.elapsed().saturating_sub(self.since))
    }

    /// What the work comes to; None = the lease was nearly over first.
    pub(super) async fn within<O: Send>(&self, work: impl Future<Output = O> + Send) -> Option<O> {
        self.time.within(self.left(), work).await
    }

    /// Before a call that is not the first: whether the session is still ours. A ledger that can't be asked just now
    /// takes nothing away of the time that is left.
    pub(super) async fn go_on(&mut self) -> bool {
        let whole = step_timeout(self.length, SKEW, Duration::ZERO);
        if self.left() >= whole / 3 * ENOUGH_THIRDS {
            return true;
        }
        let asked = self.time.elapsed();
        match self.within(self.ledger.renew(self.lease, self.length)).await {
            Some(Ok(Settled::Done)) => {
                self.since = asked;
                true
            }
            Some(Ok(Settled::Lost)) => false,
            Some(Err(error)) => {
                tracing::warn!(
                    session = self.lease.session.0,
                    error = chain(&error),
                    "a lease could not be renewed in the middle of a step, which goes on for as long as it lasts"
                );
                true
            }
            None => true,
        }
    }
}

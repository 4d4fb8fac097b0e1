//! Whether the provider is gone: several failures in a row, with no success for a while.
//!
//! One that fails at once costs nobody time, and the next subject may fare better; one that lets everybody wait for
//! every single request would make a command last for hours.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::{Fault, Why};

/// Failures within so short a time cost nobody anything.
const SHORT: Duration = Duration::from_secs(2);

/// What the last answers say of the provider.
#[derive(Debug)]
pub(super) struct Pulse {
    enough: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: usize,
    /// The code of the last failure.
    last: Why,
    /// When something last went well, or we began; None = it was gone the last time.
    well: Option<Instant>,
}

impl Pulse {
    /// `at_once`: as many requests may be waiting for the same timeout; at least three failures are asked for.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            enough: at_once.max(3),
            state: Mutex::new(State { failures: 0, last: Why::ProviderDown, well: Some(Instant::now()) }),
        }
    }

    /// Another round. One that was gone has to show that it is back.
    pub(super) fn begin(&self, was_gone: bool) {
        *self.state() = State { failures: 0, last: Why::ProviderDown, well: (!was_gone).then(Instant::now) };
    }

    /// How something ended; None = well.
    pub(super) fn note(&self, fault: Option<&Fault>) {
        if let Some(fault) = fault.filter(|fault| is_down(fault)) {
            let mut state = self.state();
            state.failures += 1;
            state.last = fault.why;
        } else {
            self.begin(false);
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        let state = self.state();
        state.failures >= self.enough && state.well.is_none_or(|well| well.elapsed() >= SHORT)
    }

    /// What is said of those who are left out.
    pub(super) fn fault(&self) -> Fault {
        match self.state().last {
            Why::RateLimited => Fault::new(
                Why::RateLimited,
                "not sent: Meetecho asked for quiet several times in a row just now",
            ),
            _ => Fault::new(Why::ProviderDown, "not sent: Meetecho failed several times in a row just now"),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Two plain values: a panic elsewhere can't have left them half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not there, or asking to be left alone.
pub(super) fn is_down(fault: &Fault) -> bool {
    matches!(fault.why, Why::ProviderDown | Why::RateLimited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_slow_failures_in_a_row_mean_that_it_is_gone() {
        let down = Fault::new(Why::ProviderDown, "timed out");
        let pulse = Pulse::new(2);
        for _ in 0..100 {
            pulse.note(Some(&down));
        }
        assert!(!pulse.is_gone(), "they took no time");
        tokio::time::advance(SHORT).await;
        assert!(pulse.is_gone());
        pulse.note(None);
        assert!(!pulse.is_gone(), "it is back");
        tokio::time::advance(SHORT).await;
        pulse.note(Some(&down));
        pulse.note(Some(&down));
        assert!(!pulse.is_gone(), "two are not enough");
        pulse.note(Some(&Fault::new(Why::Unsupported, "no")));
        pulse.note(Some(&down));
        assert!(!pulse.is_gone(), "a no is an answer");
        pulse.begin(true);
        assert!(!pulse.is_gone(), "it gets another chance");
        for _ in 0..3 {
            pulse.note(Some(&down));
        }
        assert!(pulse.is_gone(), "but no time");
    }
}

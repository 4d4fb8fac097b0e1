//! How many requests are under way at once, how fast they follow each other, and when the other side asked for quiet.
//!
//! One value per provider and process; its clones share it. It runs on the monotonic clock only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::{Response, SendError};
use crate::schedule::bucket::TokenBucket;

/// A `Retry-After` is honoured within these bounds: never ignored, never a day.
const SHORTEST_HOLD: Duration = Duration::from_secs(1);
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// Lets requests through, in the order in which they asked.
#[derive(Debug, Clone)]
pub struct Pace(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    permits: Arc<Semaphore>,
    began: Instant,
    longest_hold: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bucket: TokenBucket,
    hold_until: Option<Instant>,
}

/// A request is under way for as long as this lives.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
}

impl Pace {
    /// At most `max_in_flight` (at least 1) at once and `rate` per second (0 = no limit), in bursts of `max_in_flight`.
    pub fn new(max_in_flight: usize, rate: f64) -> Self {
        Self::patient(max_in_flight, rate, LONGEST_HOLD)
    }

    /// The same for somebody who holds no longer than this, whatever is asked for (and never longer than 60 s).
    pub fn patient(max_in_flight: usize, rate: f64, longest_hold: Duration) -> Self {
        let max_in_flight = max_in_flight.clamp(1, Semaphore::MAX_PERMITS);
        let burst = u32::try_from(max_in_flight).unwrap_or(u32::MAX);
        Self(Arc::new(Shared {
            permits: Arc::new(Semaphore::new(max_in_flight)),
            began: Instant::now(),
            longest_hold: longest_hold.clamp(SHORTEST_HOLD, LONGEST_HOLD),
            state: Mutex::new(State { bucket: TokenBucket::new(rate, burst), hold_until: None }),
        }))
    }

    /// Waits until one more request may go. Nothing is held while waiting for the rate or for the end of a hold, so
    /// those who wait never keep a place from those who could go.
    pub async fn admit(&self) -> Permit {
        loop {
            self.wait_for_hold().await;
            let wait = {
                let mut state = self.state();
                state.bucket.take(self.0.began.elapsed())
            };
            if !wait.is_zero() {
                sleep_until(Instant::now() + wait).await;
            }
            let permit = Arc::clone(&self.0.permits).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            if self.held_until().is_none() {
                return Permit { _permit: permit };
            }
        }
    }

    /// No request goes out for this long (1 to 60 s). A longer hold that is already there stays.
    pub fn hold(&self, asked: Duration) {
        let until = Instant::now() + asked.clamp(SHORTEST_HOLD, self.0.longest_hold);
        let mut state = self.state();
        state.hold_until = Some(state.hold_until.map_or(until, |there| there.max(until)));
    }

    /// Holds, where an answer asks for it.
    pub(super) fn note(&self, answer: &Result<Response, SendError>) {
        if let Ok(Response { status: 429 | 503, retry_after: Some(asked), .. }) = answer {
            self.hold(*asked);
        }
    }

    /// When the hold ends, if there is one now.
    pub fn held_until(&self) -> Option<Instant> {
        self.state().hold_until.filter(|until| Instant::now() < *until)
    }

    /// How long the hold still lasts, if there is one now.
    pub fn quiet_for(&self) -> Option<Duration> {
        self.held_until().map(|until| until.saturating_duration_since(Instant::now()))
    }

    async fn wait_for_hold(&self) {
        while let Some(until) = self.held_until() {
            sleep_until(until).await;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Plain numbers: a panic elsewhere can't have left them half written.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_than_max_in_flight_at_once() {
        let pace = Pace::new(2, 0.0);
        let first = pace.admit().await;
        let _second = pace.admit().await;
        let third = tokio::time::timeout(Duration::from_secs(100), pace.admit()).await;
        assert!(third.is_err());
        drop(first);
        tokio::time::timeout(Duration::from_secs(1), pace.admit()).await.expect("a place is free");
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_counts_over_all_clones() {
        let pace = Pace::new(2, 5.0);
        let began = Instant::now();
        for _ in 0..12 {
            drop(pace.clone().admit().await);
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(1990) && took < Duration::from_millis(2100), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_is_clamped_and_holds_everybody() {
        for (asked, expected) in [(0, 1), (7, 7), (86_400, 60)] {
            let pace = Pace::new(2, 0.0);
            pace.hold(Duration::from_secs(asked));
            pace.hold(Duration::ZERO);
            let began = Instant::now();
            drop(pace.clone().admit().await);
            assert_eq!(began.elapsed().as_secs(), expected, "asked for {asked} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_command_holds_no_longer_than_it_has_time() {
        let pace = Pace::patient(2, 0.0, Duration::from_secs(10));
        pace.hold(Duration::from_hours(1));
        let began = Instant::now();
        drop(pace.admit().await);
        assert_eq!(began.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_the_rate_keeps_no_place() {
        let pace = Pace::new(1, 1.0);
        drop(pace.admit().await);
        let mut waiting = Box::pin(pace.admit());
        assert!(tokio::time::timeout(Duration::from_millis(10), &mut waiting).await.is_err());
        assert_eq!(pace.0.permits.available_permits(), 1);
    }
}

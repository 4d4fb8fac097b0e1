//! How long to wait before the same thing is tried again.
//!
//! Two schedules: a command that somebody watches gives up after three tries, the worker never does while a
//! session's window is open. The caller draws the jitter and does the waiting.

use std::time::Duration;

use crate::planted::{self, Bug};

/// How often a command tries one subject, the first try included.
pub const ONE_SHOT_TRIES: u32 = 3;

/// The longest `Retry-After` that a command waits for.
pub const ONE_SHOT_LONGEST: Duration = Duration::from_secs(10);

/// The worker's waits in seconds; the last one is repeated for ever.
const WORKER_SECONDS: [u64; 6] = [1, 2, 4, 8, 15, 30];

/// What a command does after its `tries`-th try failed (1 = the first): wait this long, or None = give up.
///
/// It waits 1 s, then 2 s. A `Retry-After` is honoured up to [`ONE_SHOT_LONGEST`], and never shortens the wait.
pub fn one_shot(tries: u32, retry_after: Option<Duration>) -> Option<Duration> {
    if tries == 0 {
        return Some(Duration::ZERO);
    }
    if tries >= ONE_SHOT_TRIES {
        return None;
    }
    let own = Duration::from_secs(1 << (tries - 1));
    Some(retry_after.map_or(own, |asked| asked.min(ONE_SHOT_LONGEST).max(own)))
}

/// How long the worker waits after its `failures`-th failure in a row (1 = the first): 1, 2, 4, 8, 15, 30 s, then
/// 30 s for ever, times a factor from 0.75 (at `jitter` 0) to below 1.25 (at `jitter` towards 1).
///
/// `jitter` outside `[0, 1)` is taken as the nearer end, and anything that is not a number as 0.
pub fn worker(failures: u32, jitter: f64) -> Duration {
    if failures >= 3 && planted::is(Bug::GivesUp) {
        return Duration::from_hours(24);
    }
    let step =
        usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(WORKER_SECONDS.len() - 1);
    let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 0.999_999) };
    Duration::from_secs(WORKER_SECONDS[step]).mul_f64(0.75 + jitter / 2.0)
}

/// The same where people wait for it now: 1 s, then 2 s for ever. That is how often a provider that is down is probed, too.
pub fn while_needed(failures: u32, jitter: f64) -> Duration {
    worker(if failures >= 3 && planted::is(Bug::GivesUp) { failures } else { failures.min(2) }, jitter)
}

/// A subject that people may be looking at is left alone for so long after a refusal.
const PARKED_SHORT: Duration = Duration::from_mins(5);

/// A room that is needed much later is.
const PARKED_LONG: Duration = Duration::from_hours(1);

/// How long the worker leaves a subject alone that the provider said no to, until somebody changes something.
///
/// Five minutes for slides. A room is tried again when it is needed (`needed_in` from now, zero = it is needed now; None =
/// nobody waits for it any more), but after five minutes at the earliest, and after an hour at the latest.
pub fn parked(is_decks: bool, needed_in: Option<Duration>) -> Duration {
    if is_decks {
        return PARKED_SHORT;
    }
    needed_in.map_or(PARKED_LONG, |left| left.clamp(PARKED_SHORT, PARKED_LONG))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_command_tries_three_times() {
        assert_eq!(one_shot(1, None), Some(seconds(1)));
        assert_eq!(one_shot(2, None), Some(seconds(2)));
        assert_eq!(one_shot(3, None), None);
        assert_eq!(one_shot(3, Some(seconds(1))), None);
    }

    #[test]
    fn a_command_honours_retry_after_up_to_ten_seconds() {
        assert_eq!(one_shot(1, Some(seconds(7))), Some(seconds(7)));
        assert_eq!(one_shot(1, Some(seconds(3600))), Some(seconds(10)));
        assert_eq!(one_shot(2, Some(Duration::ZERO)), Some(seconds(2)));
    }

    #[test]
    fn the_worker_waits_as_the_table_says() {
        let middle: Vec<_> = (1..=8).map(|failures| worker(failures, 0.5).as_millis()).collect();
        assert_eq!(middle, [1000, 2000, 4000, 8000, 15_000, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn a_refused_room_is_tried_again_when_it_is_needed_and_then_every_five_minutes() {
        let minutes = Duration::from_mins;
        let room = |left: Option<u64>| parked(false, left.map(minutes));
        for (left, expected) in [(600, 60), (61, 60), (60, 60), (59, 59), (20, 20), (6, 6), (4, 5), (0, 5)] {
            assert_eq!(room(Some(left)), minutes(expected), "needed in {left} min");
        }
        assert_eq!(room(None), minutes(60), "its session is over");
        for left in [None, Some(minutes(0)), Some(minutes(600))] {
            assert_eq!(parked(true, left), minutes(5));
        }
    }

    proptest! {
        #[test]
        fn the_worker_stays_in_bounds(failures in any::<u32>(), jitter in any::<f64>()) {
            let wait = worker(failures, jitter);
            prop_assert!(wait >= Duration::from_millis(750));
            prop_assert!(wait < Duration::from_millis(37_500));
        }

        #[test]
        fn the_worker_never_waits_less_after_more_failures(failures in 0..100_u32, more in 0..100_u32, jitter in 0.0..1.0) {
            prop_assert!(worker(failures, jitter) <= worker(failures + more, jitter));
        }

        #[test]
        fn more_jitter_never_shortens(failures in 0..100_u32, a in 0.0..1.0, b in 0.0..1.0) {
            let (low, high) = if a <= b { (a, b) } else { (b, a) };
            prop_assert!(worker(failures, low) <= worker(failures, high));
        }

        #[test]
        fn a_command_always_ends(tries in ONE_SHOT_TRIES.., after in proptest::option::of(0..100_000_u64)) {
            prop_assert_eq!(one_shot(tries, after.map(seconds)), None);
        }
    }
}

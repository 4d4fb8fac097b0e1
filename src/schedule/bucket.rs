//! A token bucket as arithmetic: how long the next one has to wait.
//!
//! Time is a [`Duration`] since any fixed moment, handed in by the caller; nothing here waits or looks at a clock.

use std::time::Duration;

/// Lets `burst` through at once and `rate` per second after that. Each taker is given a place in the queue, so
/// takers that come together are spread out and none is overtaken.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    /// Below zero = so many have taken a place in the queue.
    level: f64,
    updated: Duration,
}

impl TokenBucket {
    /// `rate` in takers per second, 0 (or less, or not a number) = no limit. It starts full, with `burst` (at least 1).
    pub fn new(rate: f64, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { rate: if rate.is_finite() { rate } else { 0.0 }, burst, level: burst, updated: Duration::ZERO }
    }

    /// Takes one and says how long the taker has to wait before going. A `now` before the last one counts as the last.
    pub fn take(&mut self, now: Duration) -> Duration {
        if self.rate <= 0.0 {
            return Duration::ZERO;
        }
        let passed = now.saturating_sub(self.updated).as_secs_f64();
        self.updated = self.updated.max(now);
        self.level = (self.level + passed * self.rate).min(self.burst) - 1.0;
        // A hair below zero is rounding, not a queue.
        if self.level >= -1e-9 { Duration::ZERO } else { Duration::from_secs_f64(-self.level / self.rate) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_queue_up() {
        let mut bucket = TokenBucket::new(5.0, 4);
        for _ in 0..4 {
            assert_eq!(bucket.take(ms(0)), ms(0));
        }
        assert_eq!(bucket.take(ms(0)), ms(200));
        assert_eq!(bucket.take(ms(0)), ms(400));
        assert_eq!(bucket.take(ms(400)), ms(200), "the two before it are paid for by then");
    }

    #[test]
    fn it_never_saves_up_more_than_the_burst() {
        let mut bucket = TokenBucket::new(5.0, 2);
        assert_eq!(bucket.take(ms(1_000_000)), ms(0));
        assert_eq!(bucket.take(ms(1_000_000)), ms(0));
        assert_eq!(bucket.take(ms(1_000_000)), ms(200));
    }

    #[test]
    fn no_rate_is_no_limit() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut bucket = TokenBucket::new(rate, 1);
            assert!((0..100).all(|_| bucket.take(ms(0)).is_zero()), "{rate}");
        }
    }

    #[test]
    fn time_that_goes_back_counts_as_no_time() {
        let mut bucket = TokenBucket::new(1.0, 1);
        assert_eq!(bucket.take(ms(5000)), ms(0));
        assert_eq!(bucket.take(ms(1000)), ms(1000));
    }
}

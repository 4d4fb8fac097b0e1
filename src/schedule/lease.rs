//! How much time a step has under its lease.
//!
//! The ledger's clock decides when a lease ends, ours may differ, so only spans are compared: the lease began no
//! earlier than we asked for it, hence it can't end before we asked plus its length.

use std::time::Duration;

/// Kept back from a lease, for clocks that run at different speeds and for the write at the end.
pub const SKEW: Duration = Duration::from_secs(3);

/// What is left for a step: the lease's length, less an allowance for clocks that run at different speeds and for
/// the work that follows a request, less what our own monotonic clock says has gone since we asked. Never negative.
pub fn step_timeout(length: Duration, skew: Duration, since_asked: Duration) -> Duration {
    length.saturating_sub(skew).saturating_sub(since_asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fresh_lease_leaves_all_but_the_allowance() {
        let left = step_timeout(Duration::from_secs(30), Duration::from_secs(2), Duration::ZERO);
        assert_eq!(left, Duration::from_secs(28));
    }

    proptest! {
        #[test]
        fn it_ends_before_the_lease_does(length in 0..100_000_u64, skew in 0..100_000_u64, gone in 0..100_000_u64) {
            let [length, skew, gone] = [length, skew, gone].map(Duration::from_millis);
            let left = step_timeout(length, skew, gone);
            prop_assert!(left.is_zero() || gone + left + skew == length);
            prop_assert!(left <= length);
        }
    }
}

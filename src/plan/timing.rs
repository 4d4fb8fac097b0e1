//! When the worker makes a planned change: at once, or at a moment that is known.
//!
//! The one-shots don't ask: a person waits for them. What a dead provider delays is not decided here either, since
//! that is not about one subject.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Burst, Remembered, SlidesPolicy, Why};
use crate::planted::{self, Bug};

/// No back-off after a failure is longer, nor is any burst that far in the future: that was written down by a clock which
/// was set back since, and must not hold up anybody for as long as it was set back.
const LONGEST_BACK_OFF: TimeDelta = TimeDelta::seconds(60);

/// The same after a refusal.
const LONGEST_PARKED: TimeDelta = TimeDelta::hours(1);

/// When a change is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Now,
    /// Not before that moment, and why.
    At(DateTime<Utc>, Why),
}

/// When the change of this subject may be made, by its row with the newest wish in it.
///
/// After a failure that was to be expected to pass, its back-off; after a refusal, a longer one; while edits still come
/// in, when they have stopped for a while.
pub fn due(row: Option<&Remembered>, policy: &SlidesPolicy, now: DateTime<Utc>) -> Due {
    let Some(timing) = row.map(|row| &row.timing) else { return Due::Now };
    let longest = if timing.parked { LONGEST_PARKED } else { LONGEST_BACK_OFF };
    let not_before = timing.not_before.filter(|moment| *moment - now <= longest);
    let is_from_here = |burst: &Burst| burst.first - now <= LONGEST_BACK_OFF;
    let after_burst = timing.burst.filter(is_from_here).map(|burst| {
        let for_ever = planted::is(Bug::DebounceWithoutMaxWait);
        burst.due(policy.quiet, if for_ever { TimeDelta::MAX } else { policy.max_wait })
    });
    match (not_before, after_burst) {
        (Some(moment), _) if now < moment => Due::At(moment, Why::RetryWait),
        (_, Some(moment)) if now < moment => Due::At(moment, Why::WaitingBurst),
        _ => Due::Now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timing;
    use crate::plan::test_world;

    fn policy() -> SlidesPolicy {
        test_world::policy().slides
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).expect("in range")
    }

    #[test]
    fn it_waits_for_the_later_of_what_holds_it_back() {
        let row = |burst: Option<(i64, i64)>, not_before: Option<i64>| Remembered {
            timing: Timing {
                burst: burst.map(|(first, last)| Burst { first: at(first), last: at(last) }),
                not_before: not_before.map(at),
                ..Timing::default()
            },
            ..Remembered::default()
        };
        let due = |row: &Remembered, now| due(Some(row), &policy(), at(now));
        assert_eq!(super::due(None, &policy(), at(0)), Due::Now);
        assert_eq!(due(&row(None, None), 0), Due::Now);
        assert_eq!(due(&row(Some((0, 1)), None), 2), Due::At(at(3), Why::WaitingBurst));
        assert_eq!(due(&row(Some((0, 1)), None), 3), Due::Now);
        assert_eq!(due(&row(Some((0, 9)), None), 9), Due::At(at(10), Why::WaitingBurst), "the longest wait");
        assert_eq!(due(&row(None, Some(5)), 4), Due::At(at(5), Why::RetryWait));
        assert_eq!(due(&row(Some((0, 1)), Some(5)), 4), Due::At(at(5), Why::RetryWait));
        assert_eq!(due(&row(Some((3, 4)), Some(5)), 5), Due::At(at(6), Why::WaitingBurst));
    }

    /// A clock that was ten minutes ahead has been put right: nobody waits for ten minutes.
    #[test]
    fn what_a_clock_wrote_down_that_was_set_back_since_holds_nobody_up() {
        let row = |burst: Option<(i64, i64)>, not_before: Option<i64>, parked| Remembered {
            timing: Timing {
                burst: burst.map(|(first, last)| Burst { first: at(first), last: at(last) }),
                not_before: not_before.map(at),
                parked,
                ..Timing::default()
            },
            ..Remembered::default()
        };
        let due = |row: &Remembered| due(Some(row), &policy(), at(0));
        assert_eq!(due(&row(None, Some(61), false)), Due::Now);
        assert_eq!(due(&row(None, Some(60), false)), Due::At(at(60), Why::RetryWait));
        assert_eq!(due(&row(None, Some(3601), true)), Due::Now);
        assert_eq!(due(&row(None, Some(3600), true)), Due::At(at(3600), Why::RetryWait));
        assert_eq!(due(&row(Some((600, 601)), None, false)), Due::Now);
        assert_eq!(
            due(&row(Some((-1, 600)), None, false)),
            Due::At(at(9), Why::WaitingBurst),
            "its first edit is of now, and the newest one was seen by the clock of before"
        );
    }
}

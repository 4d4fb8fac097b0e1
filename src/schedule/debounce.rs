//! When a burst of changes is over: a chair who uploads five decks in a row causes one request, not five.
//!
//! A burst is due when nothing changed for a while (`quiet`), and at the latest `max_wait` after its first change, so
//! that somebody who never stops editing can't hold the slides back for ever. Both spans come from `[slides]`. What
//! makes a change, and what becomes of a burst whose changes cancel out, is not decided here.

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::Burst;

impl Burst {
    /// The burst after one more change: it begins one, or prolongs the one there is.
    ///
    /// Changes may be told out of order (replicas have clocks of their own); a burst only ever grows.
    #[must_use]
    pub fn then(burst: Option<Self>, at: DateTime<Utc>) -> Self {
        burst.map_or(Self { first: at, last: at }, |burst| Self {
            first: burst.first.min(at),
            last: burst.last.max(at),
        })
    }

    /// The moment from which it may be sent: `quiet` after the last change or `max_wait` after the first one, whichever
    /// comes first. A negative span counts as none; beyond the end of time it is the end of time.
    pub fn due(self, quiet: TimeDelta, max_wait: TimeDelta) -> DateTime<Utc> {
        later(self.last, quiet).min(later(self.first, max_wait))
    }
}

fn later(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(span.max(TimeDelta::zero())).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    fn ms(millis: i64) -> TimeDelta {
        TimeDelta::milliseconds(millis)
    }

    /// What the changes at these moments make.
    fn burst_of(changes: &[i64]) -> Burst {
        changes.iter().fold(None, |burst, change| Some(Burst::then(burst, at(*change)))).unwrap()
    }

    #[test]
    fn one_change_waits_for_quiet() {
        assert_eq!(burst_of(&[1000]).due(ms(2000), ms(10_000)), at(3000));
    }

    #[test]
    fn a_further_change_begins_the_quiet_anew() {
        assert_eq!(burst_of(&[1000, 2500]).due(ms(2000), ms(10_000)), at(4500));
    }

    #[test]
    fn who_never_stops_is_sent_after_the_longest_wait() {
        let every_second: Vec<_> = (0..60).map(|second| second * 1000).collect();
        assert_eq!(burst_of(&every_second).due(ms(2000), ms(10_000)), at(10_000));
    }

    #[test]
    fn time_has_an_end() {
        let last = DateTime::<Utc>::MAX_UTC;
        assert_eq!(Burst { first: last, last }.due(ms(1), ms(1)), last);
        assert_eq!(burst_of(&[0]).due(TimeDelta::MAX, TimeDelta::MAX), last);
        assert_eq!(burst_of(&[0]).due(TimeDelta::MIN, TimeDelta::MAX), at(0));
    }

    proptest! {
        #[test]
        fn it_is_due_between_its_first_change_and_the_longest_wait(
            changes in proptest::collection::vec(-1_000_000..1_000_000_i64, 1..20),
            quiet in 0..20_000_i64,
            max_wait in 0..20_000_i64,
        ) {
            let first = *changes.iter().min().unwrap();
            let due = burst_of(&changes).due(ms(quiet), ms(max_wait));
            prop_assert!(due >= at(first + quiet.min(max_wait)));
            prop_assert!(due <= at(first + max_wait));
        }

        #[test]
        fn a_short_burst_ends_after_the_quiet(
            first in -1_000_000..1_000_000_i64,
            gaps in proptest::collection::vec(0..500_i64, 0..10),
            quiet in 0..5000_i64,
        ) {
            let changes: Vec<_> = std::iter::once(0).chain(gaps).scan(first, |now, gap| {
                *now += gap;
                Some(*now)
            }).collect();
            let last = *changes.last().unwrap();
            prop_assert_eq!(burst_of(&changes).due(ms(quiet), ms(10_000)), at(last + quiet));
        }

        #[test]
        fn a_later_change_or_a_longer_span_never_makes_it_earlier(
            changes in proptest::collection::vec(0..100_000_i64, 1..20),
            more in 0..100_000_i64,
            quiet in 0..20_000_i64,
            max_wait in 0..20_000_i64,
            longer in 0..20_000_i64,
        ) {
            let burst = burst_of(&changes);
            let due = burst.due(ms(quiet), ms(max_wait));
            prop_assert!(burst.due(ms(quiet + longer), ms(max_wait)) >= due);
            prop_assert!(burst.due(ms(quiet), ms(max_wait + longer)) >= due);
            let last = *changes.iter().max().unwrap();
            prop_assert!(Burst::then(Some(burst), at(last + more)).due(ms(quiet), ms(max_wait)) >= due);
        }

        #[test]
        fn the_order_in_which_changes_are_told_does_not_matter(
            changes in proptest::collection::vec(0..100_000_i64, 1..20).prop_shuffle(),
        ) {
            let mut sorted = changes.clone();
            sorted.sort_unstable();
            prop_assert_eq!(burst_of(&changes), burst_of(&sorted));
        }

        #[test]
        fn no_arithmetic_of_dates_overflows(
            first in any::<i64>(), last in any::<i64>(), quiet in any::<i64>(), max_wait in any::<i64>(),
        ) {
            let [first, last] = [first, last].map(|n| DateTime::from_timestamp_millis(n).unwrap_or(DateTime::<Utc>::MAX_UTC));
            let spans = [quiet, max_wait].map(|n| TimeDelta::try_milliseconds(n).unwrap_or(TimeDelta::MIN));
            let due = Burst { first, last }.due(spans[0], spans[1]);
            prop_assert!(due >= first.min(last));
        }
    }
}

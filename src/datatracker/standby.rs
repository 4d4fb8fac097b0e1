//! How much a standby knows of what happened on its primary.
//!
//! A standby can't be asked that. It knows what it has received and what it has replayed, in bytes, and when the newest
//! transaction that it has replayed was committed. Where all that came is replayed, it knows everything up to now, as
//! far as anybody can tell: a primary that has stopped sending without closing the connection is noticed by the server
//! itself (`wal_receiver_timeout`, a minute by default). Where something waits to be replayed, the newest commit says how
//! old the knowledge is, but on a quiet night that was an hour ago, and what waits is no more than a heartbeat that came
//! this very millisecond. So it is remembered how much had come at an earlier reading, and when: once that much is
//! replayed, everything up to then is known.
//!
//! A standby that was cut off and catches up gets the log in pieces, and has replayed all that came again and again. It
//! gives itself away: commits arrive that are old already.

use std::sync::Mutex;

use chrono::{DateTime, Utc};

use crate::model::LONGEST_LAG;

/// How far a standby has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// A connection to the primary (or to another standby) is there.
    pub(super) receiving: bool,
    /// Bytes of the log since its beginning; None where nothing has come by streaming.
    pub(super) received: Option<i64>,
    pub(super) replayed: Option<i64>,
    /// When the newest transaction that was replayed was committed, by the primary's clock. None since a restart
    /// without any.
    pub(super) replayed_until: Option<DateTime<Utc>>,
}

/// What was seen of a standby at earlier readings.
#[derive(Debug, Default)]
pub(super) struct Standby {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    known_until: Option<DateTime<Utc>>,
    /// So much had been received then, and not yet replayed.
    waits: Option<(i64, DateTime<Utc>)>,
    /// The newest commit at the last reading.
    newest: Option<DateTime<Utc>>,
}

impl Standby {
    /// Up to when everything is known that a snapshot of `as_of` could know; `progress` is None on a primary.
    pub(super) fn known_until(&self, as_of: DateTime<Utc>, progress: Option<Progress>) -> DateTime<Utc> {
        // A panic in here would need a bug in a comparison; what it left behind is still true.
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(progress) = progress else {
            *memory = Memory::default();
            return as_of;
        };
        memory.learn(as_of, progress);
        // Where nothing is known at all, it is as old as can be.
        let known = memory.known_until.max(progress.replayed_until).unwrap_or(DateTime::UNIX_EPOCH);
        known.min(as_of)
    }
}

impl Memory {
    fn learn(&mut self, as_of: DateTime<Utc>, progress: Progress) {
        let Progress { receiving, received, replayed, replayed_until } = progress;
        let before = std::mem::replace(&mut self.newest, replayed_until);
        if before.is_some() && replayed_until > before && replayed_until < Some(as_of - LONGEST_LAG) {
            *self = Self { newest: replayed_until, ..Self::default() };
            return;
        }
        // After a primary's failure a standby may follow another one, and count on from less.
        let went_back = self.waits.zip(received).is_some_and(|((waits, _), received)| received < waits);
        if went_back {
            self.waits = None;
        }
        if let Some((_, then)) = self.waits.filter(|(waits, _)| replayed >= Some(*waits)) {
            self.known_until = self.known_until.max(Some(then));
            self.waits = None;
        }
        match received.filter(|_| receiving) {
            Some(received) if replayed >= Some(received) => {
                self.known_until = self.known_until.max(Some(as_of));
                self.waits = None;
            }
            Some(received) => _ = self.waits.get_or_insert((received, as_of)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).expect("in range")
    }

    fn progress(received: i64, replayed: i64, replayed_until: Option<i64>) -> Progress {
        Progress {
            receiving: true,
            received: Some(received),
            replayed: Some(replayed),
            replayed_until: replayed_until.map(at),
        }
    }

    #[test]
    fn a_primary_knows_everything() {
        assert_eq!(Standby::default().known_until(at(7), None), at(7));
    }

    #[test]
    fn a_standby_that_has_replayed_all_knows_everything_however_quiet_it_was() {
        let standby = Standby::default();
        assert_eq!(standby.known_until(at(7000), Some(progress(50, 50, Some(1)))), at(7000));
        assert_eq!(standby.known_until(at(7002), Some(progress(50, 60, None))), at(7002));
    }

    #[test]
    fn one_that_is_behind_knows_what_it_has_replayed() {
        let standby = Standby::default();
        assert_eq!(standby.known_until(at(100), Some(progress(50, 40, Some(80)))), at(80));
        assert_eq!(standby.known_until(at(102), Some(progress(55, 49, Some(81)))), at(81));
        // All that had come by the first reading is replayed now.
        assert_eq!(standby.known_until(at(104), Some(progress(58, 50, Some(82)))), at(100));
        assert_eq!(standby.known_until(at(106), Some(progress(60, 57, Some(82)))), at(100));
        assert_eq!(standby.known_until(at(108), Some(progress(60, 58, Some(82)))), at(104));
    }

    #[test]
    fn a_heartbeat_that_waits_does_not_make_a_quiet_standby_old() {
        let standby = Standby::default();
        assert_eq!(standby.known_until(at(100), Some(progress(50, 50, Some(1)))), at(100));
        assert_eq!(standby.known_until(at(102), Some(progress(51, 50, Some(1)))), at(100));
        assert_eq!(standby.known_until(at(104), Some(progress(52, 51, Some(1)))), at(102));
    }

    #[test]
    fn without_a_connection_only_what_was_replayed_counts() {
        let cut =
            |replayed_until: Option<i64>| Progress { receiving: false, ..progress(50, 50, replayed_until) };
        assert_eq!(Standby::default().known_until(at(100), Some(cut(Some(60)))), at(60));
        assert_eq!(Standby::default().known_until(at(100), Some(cut(None))), DateTime::UNIX_EPOCH);
        let archive = Progress { received: None, ..cut(Some(90)) };
        assert_eq!(Standby::default().known_until(at(100), Some(archive)), at(90));
        // What was known before the cut stays known.
        let standby = Standby::default();
        standby.known_until(at(100), Some(progress(50, 50, Some(60))));
        assert_eq!(standby.known_until(at(140), Some(cut(Some(60)))), at(100));
    }

    #[test]
    fn another_servers_log_starts_anew() {
        let standby = Standby::default();
        standby.known_until(at(100), Some(progress(90, 80, Some(60))));
        assert_eq!(standby.known_until(at(102), Some(progress(70, 65, Some(60)))), at(60));
        assert_eq!(standby.known_until(at(104), Some(progress(95, 92, Some(60)))), at(102));
        assert_eq!(standby.known_until(at(106), None), at(106));
        assert_eq!(standby.known_until(at(108), Some(progress(5, 1, None))), DateTime::UNIX_EPOCH);
    }

    #[test]
    fn one_that_catches_up_does_not_know_what_has_not_come_yet() {
        let standby = Standby::default();
        assert_eq!(
            standby.known_until(at(1000), Some(progress(50, 50, Some(10)))),
            at(1000),
            "who could tell?"
        );
        assert_eq!(standby.known_until(at(1002), Some(progress(60, 60, Some(400)))), at(400));
        assert_eq!(standby.known_until(at(1004), Some(progress(70, 65, Some(800)))), at(800));
        assert_eq!(standby.known_until(at(1006), Some(progress(80, 80, Some(1005)))), at(1006));
        assert_eq!(standby.known_until(at(1090), Some(progress(80, 80, Some(1005)))), at(1090));
    }

    #[test]
    fn no_clock_of_a_primary_makes_it_know_the_future() {
        assert_eq!(Standby::default().known_until(at(100), Some(progress(50, 40, Some(160)))), at(100));
    }
}

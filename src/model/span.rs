//! A stretch of time: a session's slot.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// From `start` (included) to `end` (excluded), in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

impl Span {
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Self {
        Self { start, end }
    }

    /// A span that starts at `start` and lasts `minutes`.
    pub fn of_minutes(start: DateTime<Utc>, minutes: i64) -> Self {
        Self { start, end: start + TimeDelta::minutes(minutes) }
    }

    /// Live: `start <= now < end`.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.start <= now && now < self.end
    }

    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.end <= now
    }

    /// The length in whole minutes, rounded down, as the datatracker sends it.
    pub fn minutes(&self) -> i64 {
        (self.end - self.start).num_minutes()
    }
}

//! What a pass writes down, in one transaction: the wishes that are new, the bursts that came to nothing, and how new
//! the datatracker's state was that it worked from.
//!
//! The last one is the fence. Of several workers one may have read long ago, or from a replica that lags: its wishes
//! must not overwrite newer ones, so a pass that knows less than one before it records nothing at all. Who only observes
//! wishes nothing, and fences nobody off.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::wish::Wish;
use crate::model::{Passes, SubjectKey};
use crate::planted::{self, Bug};

/// A source whose clock seems to have gone back by more than this had its clock set; by less, it is an old state.
const CLOCK_STEP: TimeDelta = TimeDelta::seconds(60);

/// Whoever acts is heard of more often than this.
const ACTS_LATELY: TimeDelta = TimeDelta::seconds(30);

/// What a pass found.
#[derive(Debug, Clone, PartialEq)]
pub struct PassRecord {
    /// Up to when the source's state is known, by its clock.
    pub known_until: DateTime<Utc>,
    /// The pass's *now*.
    pub as_of: DateTime<Utc>,
    pub took: Duration,
    pub who: String,
    /// Whether whoever made it may send (`scope.mode = "act"`), and does not only look.
    pub acts: bool,
    /// The plan in numbers, for people.
    pub summary: Value,
    pub wishes: Vec<Wish>,
    /// Subjects whose burst came to nothing, with the generation of the wish that they were read with.
    pub calmed: Vec<(SubjectKey, i64)>,
}

impl PassRecord {
    /// Since when passes act, if this one does and is the first.
    pub(super) fn acts_from(&self) -> Option<DateTime<Utc>> {
        self.acts.then_some(self.as_of)
    }

    /// Whether it only looks, beside another one that acts: then that one's word counts.
    pub(super) fn yields_to(&self, last_by: &str, passes: &Passes) -> bool {
        let is_recent = passes.newest.is_some_and(|newest| newest > self.as_of - ACTS_LATELY);
        !self.acts && passes.acting_since.is_some() && last_by != self.who && is_recent
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// The wishes that were new, with their generation.
    Done(BTreeMap<SubjectKey, i64>),
    /// Another pass knew a newer state: nothing was recorded, and nothing may be done by this one.
    Stale,
}

/// Whether a state is older than the newest that was recorded.
pub(super) fn is_fenced_off(newest: DateTime<Utc>, known_until: DateTime<Utc>) -> bool {
    let is_step = newest - known_until > CLOCK_STEP && !planted::is(Bug::FenceForEver);
    known_until < newest && !is_step && !planted::is(Bug::NoFence)
}

/// The last pass that was recorded, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct LastPass {
    pub as_of: DateTime<Utc>,
    /// By the ledger's clock, as `asked_at`.
    pub ended_at: DateTime<Utc>,
    pub asked_at: DateTime<Utc>,
    pub took: Duration,
    pub who: String,
    pub summary: Value,
}

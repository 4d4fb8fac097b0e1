//! `[guard]`: the limits beyond which a person must say yes.

use std::time::Duration;

use super::SettingsError;
use super::section::Section;

pub(super) const KEYS: &[&str] = &["max_deletes", "max_creates", "max_sessions", "per"];

/// The section `[guard]`.
#[derive(Debug, Clone)]
pub struct Guard {
    /// `max_deletes`: rooms deleted within `per`. 0 = each one needs a yes.
    pub max_deletes: usize,
    /// `max_creates`: rooms made within `per`.
    pub max_creates: usize,
    /// `max_sessions`: sessions that lose more than half of their decks within `per`.
    pub max_sessions: usize,
    /// `per`: the span over which these are counted.
    pub per: Duration,
}

impl Guard {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        Ok(Self {
            max_deletes: section.whole("max_deletes", 5, 0)?,
            max_creates: section.whole("max_creates", 20, 0)?,
            max_sessions: section.whole("max_sessions", 10, 0)?,
            per: section.duration_from(
                "per",
                Duration::from_hours(1),
                Duration::from_secs(1),
                "the limits count what happened within it, so give it \"1s\" or more",
            )?,
        })
    }
}

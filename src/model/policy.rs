//! The settings that decide, as plain values. They travel in an export, so that `plan --from` needs no settings.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{GroupAcronym, MeetingNumber};

/// Everything that a decision may depend on besides the snapshot, the ledger and the rooms seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub scope: ScopePolicy,
    pub slides: SlidesPolicy,
    pub rooms: RoomsPolicy,
    pub guard: GuardPolicy,
}

/// Whether anything may be sent at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    #[default]
    Observe,
    Act,
}

/// The ladder by which a team dares: observe, then one group, then all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopePolicy {
    pub mode: Mode,
    /// Empty = all.
    pub groups: BTreeSet<GroupAcronym>,
    /// Empty = all.
    pub meetings: BTreeSet<MeetingNumber>,
}

/// When slides are sent, in relation to the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyTime {
    /// From so many minutes before the start to as many after the end, strictly between.
    Minutes(u32),
    Never,
    Always,
}

/// How a difference is spoken to Meetecho.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Materials {
    /// Whole lists, and a DELETE for what is gone. Never doubles a deck, never leaves a moment without one.
    #[default]
    Put,
    /// Each call exactly as the datatracker's own code makes it.
    Calls,
    /// Whole lists only: right where PUT replaces the list.
    WholeList,
}

/// What decides about slides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidesPolicy {
    pub notify: NotifyTime,
    pub include_deleted: bool,
    pub materials: Materials,
    /// How long before the start Meetecho itself begins to listen.
    #[serde(with = "seconds")]
    pub provider_window: TimeDelta,
    /// The whole list again this often while a window is open; zero = never.
    #[serde(with = "seconds")]
    pub refresh: TimeDelta,
    /// How long a request that was given up may still take effect.
    #[serde(with = "seconds")]
    pub late_effect: TimeDelta,
    /// The worker sends when edits have stopped for so long,
    #[serde(with = "seconds", default)]
    pub quiet: TimeDelta,
    /// and at the latest so long after the first one.
    #[serde(with = "seconds", default)]
    pub max_wait: TimeDelta,
}

/// How far the power over rooms goes. There is no default for the power to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoomPowers {
    Full,
    NoDelete,
    Observe,
}

/// What decides about rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsPolicy {
    pub powers: RoomPowers,
    /// The statuses that want a room.
    pub statuses: BTreeSet<String>,
    #[serde(with = "seconds")]
    pub horizon: TimeDelta,
    #[serde(with = "seconds")]
    pub settle: TimeDelta,
    #[serde(with = "seconds")]
    pub quiet_before: TimeDelta,
    pub link_prefix: String,
    /// With the placeholders `{meeting}`, `{group}`, `{date}`.
    pub description: String,
    /// Whether a room's URL is written into the session.
    pub write_back: bool,
    #[serde(with = "seconds")]
    pub late_effect: TimeDelta,
}

/// The limits beyond which a person must say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardPolicy {
    pub max_deletes: usize,
    pub max_creates: usize,
    pub max_sessions: usize,
    #[serde(with = "seconds")]
    pub per: TimeDelta,
}

/// Spans of time as a number of seconds.
mod seconds {
    use super::{Deserialize, Deserializer, Serializer, TimeDelta, de};

    pub(super) fn serialize<S: Serializer>(span: &TimeDelta, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(span.as_seconds_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeDelta, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        std::time::Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|span| TimeDelta::from_std(span).ok())
            .ok_or_else(|| de::Error::custom("expected a number of seconds, not negative"))
    }
}

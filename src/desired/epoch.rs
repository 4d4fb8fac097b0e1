//! Window epochs: what was accepted in one says nothing about the next.
//!
//! When a window opens, a session moves, or its room is new, the whole list goes out once more. Meetecho ignores
//! lists outside a window of its own (docstring of the datatracker's `notify_meetecho_of_all_slides`), so the
//! opening of that one is a new epoch too, whatever `slides_notify_time` says.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::window::{Gate, session_gate};
use crate::model::{SlidesPolicy, Span};

/// How far a session has come, as far as a list that was accepted is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Neither window is open yet: only a push by hand gets here.
    Early,
    /// Our window is open, the provider's is not.
    Open,
    /// The provider's own window has opened.
    Provider,
}

/// One stretch in which an accepted list keeps its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    pub slot: Option<Span>,
    pub phase: Phase,
    /// The public id of the room, where the session has one of its own (interims).
    pub room: Option<String>,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Early => "early",
            Phase::Open => "open",
            Phase::Provider => "provider",
        };
        match self.slot {
            Some(slot) => write!(f, "{}/{}", slot.start.to_rfc3339(), slot.end.to_rfc3339())?,
            None => write!(f, "unscheduled")?,
        }
        write!(f, "/{phase}/{}", self.room.as_deref().unwrap_or("-"))
    }
}

impl Epoch {
    /// Whether a list that was accepted in this other epoch, as the ledger has it, was for the same slot.
    pub fn has_slot_of(&self, other: &str) -> bool {
        let slot = |text: &str| text.rsplitn(3, '/').nth(2).map(str::to_owned);
        slot(&self.to_string()) == slot(other)
    }
}

pub fn epoch(slot: Option<Span>, room: Option<String>, policy: &SlidesPolicy, now: DateTime<Utc>) -> Epoch {
    let phase = match slot {
        Some(slot) if now > slot.start - policy.provider_window => Phase::Provider,
        Some(slot) if session_gate(slot, policy.notify, now) == Some(Gate::Open) => Phase::Open,
        _ => Phase::Early,
    };
    Epoch { slot, phase, room }
}

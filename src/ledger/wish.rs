//! A wish: what one subject should have at its provider. The newest one wins, and a wish that was there before
//! costs nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Value;

use crate::model::{Digest, Span, SubjectKey};

/// What a pass wishes for one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub key: SubjectKey,
    /// The list of decks or the room, as JSON.
    pub desired: Value,
    /// Of `desired`: what decides whether a wish is new.
    pub digest: Digest,
    /// The window epoch that it is meant for, where there is one. A wish for another epoch is a new wish.
    pub epoch: Option<String>,
    /// The session's official slot. A wish for another slot is a new wish.
    pub slot: Option<Span>,
    /// When it was seen: the snapshot's time.
    pub at: DateTime<Utc>,
}

/// The last of several for one subject, at a moment that PostgreSQL can keep.
pub(super) fn newest_of(wishes: &[Wish]) -> BTreeMap<SubjectKey, Wish> {
    let at = |wish: &Wish| Wish { at: wish.at.trunc_subsecs(6), ..wish.clone() };
    wishes.iter().map(|wish| (wish.key, at(wish))).collect()
}

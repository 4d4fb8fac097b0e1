//! Leases: who works on a session at a provider. One step at a time, whoever asks.
//!
//! The ledger's own clock decides when a lease is over. Whoever asks notes by a clock of its own when it asked, and
//! takes no longer than [`crate::schedule::lease::step_timeout`] says.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use uuid::Uuid;

use super::step::Begun;
use crate::model::{DeckId, Provider, SessionId, SubjectKey};

/// What a step asks for before it sends anything: the session's lease, and its subject's doubt mark. It is one step, however
/// often it is asked for: whoever does not hear the answer asks again with the very same, finds its own lease, and marks
/// nothing twice.
#[derive(Debug, Clone)]
pub struct StepAsk<'a> {
    pub key: SubjectKey,
    pub owner: &'a str,
    /// The lease's.
    pub length: Duration,
    /// Every deck id in a request that this step may make, other than a DELETE.
    pub will_send: &'a BTreeSet<DeckId>,
    /// In doubt since then.
    pub at: DateTime<Utc>,
    /// A person asked for it by hand, whom no hold stops.
    pub in_spite_of_holds: bool,
    pub(super) token: Uuid,
}

impl<'a> StepAsk<'a> {
    /// A new step, that nobody has asked for yet, and that a hold stops.
    pub fn new(
        key: SubjectKey,
        owner: &'a str,
        length: Duration,
        will_send: &'a BTreeSet<DeckId>,
        now: DateTime<Utc>,
    ) -> Self {
        let (at, token) = (now.trunc_subsecs(6), Uuid::new_v4());
        Self { key, owner, length, will_send, at, in_spite_of_holds: false, token }
    }

    /// Until when one of these holds (None = of all sessions) keeps it from being begun.
    pub(super) fn held_until(
        &self,
        holds: impl Iterator<Item = (Option<SessionId>, DateTime<Utc>)>,
    ) -> Option<DateTime<Utc>> {
        let stands = |(held, until): &(Option<SessionId>, DateTime<Utc>)| {
            held.is_none_or(|held| held == self.key.session) && self.at < *until
        };
        let until = holds.filter(stands).map(|(_, until)| until).max();
        until.filter(|_| !self.in_spite_of_holds)
    }
}

/// The right to work on one session at one provider, until it ends or somebody gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub session: SessionId,
    pub provider: Provider,
    /// By the ledger's clock, unless it is renewed.
    pub until: DateTime<Utc>,
    /// Also says which step this is: a lease is for one.
    pub(super) token: Uuid,
}

/// What became of asking for a lease and a doubt mark at once.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each step, taken apart at once; the small variant is the rare one"
)]
pub enum LeasedStep {
    Begun(Lease, Begun),
    /// The session is on hold, by itself or with all others, until then; nothing was written. A step that was begun
    /// before the hold came goes on.
    Held {
        until: DateTime<Utc>,
    },
    /// Somebody else has it, until then by the ledger's clock.
    Taken {
        owner: String,
        until: DateTime<Utc>,
    },
}

/// What became of writing down how a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lost step means that another worker has the session"]
pub enum Settled {
    Done,
    /// Another worker took the lease over in the meantime. The attempt is in the history, the subject is theirs.
    Lost,
}

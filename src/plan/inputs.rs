//! All that a plan is made from, and the answer that is given for each subject.

use chrono::{DateTime, Utc};

use super::types::{Change, Refusal};
use crate::model::{Kind, LedgerView, Policy, RoomsSeen, Scope, Session, SessionId, Snapshot, Why};

/// What a person asked for on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Ask {
    pub scope: Scope,
    /// Lifts the guards that count (never the ones that protect a running room).
    pub force: bool,
    /// Trust no record: the provider lost data, or the ledger came from a backup.
    pub resend: bool,
    /// The whole deck list now, whatever the window says, and in spite of a hold.
    pub push: bool,
    /// A person asked for this very room: nothing is left to settle, and a hold doesn't stop it.
    pub by_hand: bool,
    /// The worker asks: what it sees for the first time is left alone for `rooms.settle` from now on.
    pub by_worker: bool,
}

impl Ask {
    /// A person asked for this very thing by hand, and knows of the hold.
    pub(crate) fn overrules_holds(&self) -> bool {
        self.push || self.by_hand
    }
}

/// All that a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub snapshot: &'a Snapshot,
    pub ledger: &'a LedgerView,
    pub rooms: &'a RoomsSeen,
    pub policy: &'a Policy,
    pub ask: &'a Ask,
}

impl Inputs<'_> {
    /// Now is the instant of the snapshot, in every command.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.snapshot.as_of
    }

    /// The sessions to decide about.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.snapshot.sessions.iter().filter(|session| self.ask.scope.includes(session))
    }

    /// Why nothing of this kind could be read of the datatracker; None where it was.
    pub(super) fn unread(&self, kind: Kind) -> Option<String> {
        let words = self.snapshot.unread.get(&kind)?;
        let what = match kind {
            Kind::Room => "the links of sessions",
            Kind::Decks => "the slides of sessions",
        };
        Some(format!("{what} can't be read from the datatracker: {words}"))
    }

    /// Why a session's decks can't be decided about: they were not read, or it is an interim of which nobody knows
    /// whether it meets on Meetecho, since that stands in its link.
    pub(super) fn unread_decks(&self, session: &Session, room_exists: bool) -> Option<String> {
        let by_link = session.is_interim() && !room_exists;
        self.unread(Kind::Decks).or_else(|| self.unread(Kind::Room).filter(|_| by_link))
    }

    pub(super) fn is_held(&self, session: SessionId) -> bool {
        !self.ask.overrules_holds() && self.ledger.hold_of(session, self.now()).is_some()
    }
}

/// What is to be done where columns are missing.
pub(super) const WHEN_IT_CAN_BE_READ: &str =
    "see which columns are missing: meetsync check; it goes on by itself when they can be read again";

/// One subject's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Change(Change),
    Refused(Refusal),
    Waits(Why, Option<DateTime<Utc>>),
    /// As it should be.
    InStep,
}

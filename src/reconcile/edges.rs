//! The edges: everything that a pass or a step touches outside of this process, as traits.
//!
//! The worker and the one-shots run on the real ones ([`super::Real`]); a simulation brings twins in memory, with faults. All
//! that decides lies between the edges and is the same code for both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::datatracker::{Look, ReadError, WriteError};
use crate::ledger::{
    AttemptRow, Begun, Lease, LeasedStep, LedgerError, PassRecord, Recorded, RoomFinding, Settled, StepAsk,
    StepEnd, Turn, Wish,
};
use crate::model::{
    Deck, DeckId, GroupAcronym, LedgerView, Outcome, RoomRecord, RoomSpec, SeenRoom, SessionId, Snapshot,
    SubjectKey,
};

/// One set of edges.
pub trait Edges: Send + Sync + 'static {
    type Source: Source;
    type Books: Books;
    type Conference: Conference;
    type Links: Links;
    type Time: Time;
}

/// Where the datatracker is read.
pub trait Source: Send + Sync {
    fn snapshot(&self, look: &Look) -> impl Future<Output = Result<Snapshot, ReadError>> + Send;
}

/// The ledger, as far as passes and steps need it; see [`crate::ledger::Ledger`] for what each does.
pub trait Books: Clone + Send + Sync {
    fn open_sessions(
        &self,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<BTreeSet<SessionId>, LedgerError>> + Send;

    fn view(
        &self,
        also: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<LedgerView, LedgerError>> + Send;

    fn view_of(
        &self,
        sessions: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<LedgerView, LedgerError>> + Send;

    fn record(&self, wishes: &[Wish]) -> impl Future<Output = Result<usize, LedgerError>> + Send;

    fn record_pass(&self, pass: &PassRecord) -> impl Future<Output = Result<Recorded, LedgerError>> + Send;

    fn take_turn(
        &self,
        job: &str,
        due_at: DateTime<Utc>,
        who: &str,
    ) -> impl Future<Output = Result<Turn, LedgerError>> + Send;

    fn end_turn(
        &self,
        job: &str,
        due_at: DateTime<Utc>,
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// What was found in groups' rooms. For people only, so a twin need not keep it.
    fn record_found(
        &self,
        _who: &str,
        _found: &BTreeMap<GroupAcronym, Vec<RoomFinding>>,
    ) -> impl Future<Output = Result<(), LedgerError>> + Send {
        async { Ok(()) }
    }

    fn lease_and_begin(
        &self,
        ask: &StepAsk<'_>,
    ) -> impl Future<Output = Result<LeasedStep, LedgerError>> + Send;

    fn renew(
        &self,
        lease: &Lease,
        length: Duration,
    ) -> impl Future<Output = Result<Settled, LedgerError>> + Send;

    fn note_room(
        &self,
        lease: &Lease,
        key: SubjectKey,
        room: &RoomRecord,
    ) -> impl Future<Output = Result<Settled, LedgerError>> + Send;

    fn settle_and_release(
        &self,
        lease: Lease,
        begun: Begun,
        end: &StepEnd,
        attempt: AttemptRow,
    ) -> impl Future<Output = Result<Settled, LedgerError>> + Send;

    fn put_back(
        &self,
        lease: Lease,
        begun: Begun,
    ) -> impl Future<Output = Result<Settled, LedgerError>> + Send;

    fn is_rehearsal(&self) -> bool;
}

/// The provider; see [`crate::provider::meetecho::Meetecho`] for what each does.
pub trait Conference: Send + Sync {
    /// The same provider, that counts its own requests: for one step.
    #[must_use]
    fn counting_anew(&self) -> Self;

    /// Requests that change something, made through this handle.
    fn requests_sent(&self) -> u64;

    /// How long the provider asked to be left alone from now on, if it did.
    fn quiet_for(&self) -> Option<Duration>;

    /// Whether this group's token is at hand, so that nothing needs to be asked for.
    fn has_token(&self, group: &GroupAcronym) -> bool;

    /// Whether the provider gives us no tokens at all, as far as was heard last.
    fn rejects_us(&self) -> bool;

    /// Tells a rehearsal of a room that is believed to be there; else it does nothing.
    fn rehearse_with(&self, group: &GroupAcronym, room: &SeenRoom);

    fn prefetch_tokens(&self, groups: &BTreeSet<GroupAcronym>) -> impl Future<Output = ()> + Send;

    fn add_deck(
        &self,
        group: &GroupAcronym,
        session: SessionId,
        deck: &Deck,
    ) -> impl Future<Output = Outcome<()>> + Send;

    fn delete_deck(
        &self,
        group: &GroupAcronym,
        session: SessionId,
        deck: DeckId,
    ) -> impl Future<Output = Outcome<()>> + Send;

    fn set_decks(
        &self,
        group: &GroupAcronym,
        session: SessionId,
        decks: &[Deck],
    ) -> impl Future<Output = Outcome<()>> + Send;

    fn fetch_rooms(&self, group: &GroupAcronym) -> impl Future<Output = Outcome<Vec<SeenRoom>>> + Send;

    fn create_room(
        &self,
        group: &GroupAcronym,
        room: &RoomSpec,
    ) -> impl Future<Output = Outcome<SeenRoom>> + Send;

    /// One that is in use `now` is refused; `now` is asked right before the request goes.
    fn delete_room(
        &self,
        group: &GroupAcronym,
        room_id: i64,
        public_id: Option<&str>,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) -> impl Future<Output = Outcome<()>> + Send;
}

/// Where a session's link is written.
pub trait Links: Send + Sync {
    /// Compare-and-set; see [`crate::datatracker::Writer::write_link`].
    fn write_link(
        &self,
        session: SessionId,
        seen: &str,
        url: &str,
    ) -> impl Future<Output = Result<bool, WriteError>> + Send;
}

/// Time that only goes forward, waiting, and chance.
pub trait Time: Send + Sync {
    /// Since any fixed moment.
    fn elapsed(&self) -> Duration;

    fn sleep(&self, length: Duration) -> impl Future<Output = ()> + Send;

    /// None = it took longer, and was dropped.
    fn within<T: Send>(
        &self,
        length: Duration,
        work: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send;

    /// From 0 to below 1, another one each time.
    fn chance(&self) -> f64;
}

//! The real edges: each call goes to the thing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::edges::{Books, Conference, Edges, Links, Source, Time};
use crate::datatracker::{Datatracker, Look, ReadError, WriteError, Writer};
use crate::ledger::{
    AttemptRow, Begun, Lease, LeasedStep, Ledger, LedgerError, PassRecord, Recorded, RoomFinding, Settled,
    StepAsk, StepEnd, Turn, Wish,
};
use crate::model::{
    Deck, DeckId, GroupAcronym, LedgerView, Outcome, RoomRecord, RoomSpec, SeenRoom, SessionId, Snapshot,
    SubjectKey,
};
use crate::provider::meetecho::Meetecho;

/// PostgreSQL, Meetecho and the machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct Real;

impl Edges for Real {
    type Source = Datatracker;
    type Books = Ledger;
    type Conference = Meetecho;
    type Links = Writer;
    type Time = RealTime;
}

impl Source for Datatracker {
    async fn snapshot(&self, look: &Look) -> Result<Snapshot, ReadError> {
        self.snapshot(look).await
    }
}

impl Books for Ledger {
    async fn open_sessions(&self, now: DateTime<Utc>) -> Result<BTreeSet<SessionId>, LedgerError> {
        self.open_sessions(now).await
    }

    async fn view(
        &self,
        also: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        self.view(also, per, now).await
    }

    async fn view_of(
        &self,
        sessions: &BTreeSet<SessionId>,
        per: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<LedgerView, LedgerError> {
        self.view_of(sessions, per, now).await
    }

    async fn record(&self, wishes: &[Wish]) -> Result<usize, LedgerError> {
        self.record(wishes).await
    }

    async fn record_pass(&self, pass: &PassRecord) -> Result<Recorded, LedgerError> {
        self.record_pass(pass).await
    }

    async fn take_turn(&self, job: &str, due_at: DateTime<Utc>, who: &str) -> Result<Turn, LedgerError> {
        self.take_turn(job, due_at, who).await
    }

    async fn end_turn(&self, job: &str, due_at: DateTime<Utc>) -> Result<(), LedgerError> {
        self.end_turn(job, due_at).await
    }

    async fn record_found(
        &self,
        who: &str,
        found: &BTreeMap<GroupAcronym, Vec<RoomFinding>>,
    ) -> Result<(), LedgerError> {
        self.record_found(who, found).await
    }

    async fn lease_and_begin(&self, ask: &StepAsk<'_>) -> Result<LeasedStep, LedgerError> {
        self.lease_and_begin(ask).await
    }

    async fn renew(&self, lease: &Lease, length: Duration) -> Result<Settled, LedgerError> {
        self.renew(lease, length).await
    }

    async fn note_room(
        &self,
        lease: &Lease,
        key: SubjectKey,
        room: &RoomRecord,
    ) -> Result<Settled, LedgerError> {
        self.note_room(lease, key, room).await
    }

    async fn settle_and_release(
        &self,
        lease: Lease,
        begun: Begun,
        end: &StepEnd,
        attempt: AttemptRow,
    ) -> Result<Settled, LedgerError> {
        self.settle_and_release(lease, begun, end, attempt).await
    }

    async fn put_back(&self, lease: Lease, begun: Begun) -> Result<Settled, LedgerError> {
        self.put_back(lease, begun).await
    }

    fn is_rehearsal(&self) -> bool {
        self.is_rehearsal()
    }
}

impl Conference for Meetecho {
    fn counting_anew(&self) -> Self {
        self.counting_anew()
    }

    fn requests_sent(&self) -> u64 {
        self.requests_sent()
    }

    fn quiet_for(&self) -> Option<Duration> {
        self.quiet_for()
    }

    fn has_token(&self, group: &GroupAcronym) -> bool {
        self.has_token(group)
    }

    fn rejects_us(&self) -> bool {
        self.rejects_us()
    }

    fn rehearse_with(&self, group: &GroupAcronym, room: &SeenRoom) {
        self.rehearse_with(group, room);
    }

    async fn prefetch_tokens(&self, groups: &BTreeSet<GroupAcronym>) {
        self.prefetch_tokens(groups).await;
    }

    async fn add_deck(&self, group: &GroupAcronym, session: SessionId, deck: &Deck) -> Outcome<()> {
        self.add_deck(group, session, deck).await
    }

    async fn delete_deck(&self, group: &GroupAcronym, session: SessionId, deck: DeckId) -> Outcome<()> {
        self.delete_deck(group, session, deck).await
    }

    async fn set_decks(&self, group: &GroupAcronym, session: SessionId, decks: &[Deck]) -> Outcome<()> {
        self.set_decks(group, session, decks).await
    }

    async fn fetch_rooms(&self, group: &GroupAcronym) -> Outcome<Vec<SeenRoom>> {
        self.fetch_rooms(group).await
    }

    async fn create_room(&self, group: &GroupAcronym, room: &RoomSpec) -> Outcome<SeenRoom> {
        self.create_room(group, room).await
    }

    async fn delete_room(
        &self,
        group: &GroupAcronym,
        room_id: i64,
        public_id: Option<&str>,
        now: &(dyn Fn() -> DateTime<Utc> + Sync),
    ) -> Outcome<()> {
        self.delete_room(group, room_id, public_id, now).await
    }
}

impl Links for Writer {
    async fn write_link(&self, session: SessionId, seen: &str, url: &str) -> Result<bool, WriteError> {
        self.write_link(session, seen, url).await
    }
}

/// The machine's monotonic clock, and chance.
#[derive(Debug, Clone, Copy)]
pub struct RealTime {
    began: Instant,
}

impl Default for RealTime {
    fn default() -> Self {
        Self { began: Instant::now() }
    }
}

impl Time for RealTime {
    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    async fn within<T: Send>(&self, length: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        let end = Instant::now() + length;
        let mut alarm = std::pin::pin!(tokio::time::sleep_until(end));
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| {
            // The clock first: a process that was stopped for a while must not send what its lease no longer covers,
            // even if all that it waited for is there.
            if Instant::now() >= end || alarm.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }

    fn chance(&self) -> f64 {
        // A random id has its random bits in the low half.
        let [.., a, b, c, d] = *Uuid::new_v4().as_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_wakes_after_its_time_does_nothing_more() {
        let mut went_on = false;
        let work = async {
            // As a process that is stopped: nothing of it runs, and no timer of its own.
            std::thread::sleep(Duration::from_millis(30));
            tokio::task::yield_now().await;
            went_on = true;
        };
        assert_eq!(RealTime::default().within(Duration::from_millis(10), work).await, None);
        assert!(!went_on);
    }

    #[tokio::test]
    async fn work_without_any_time_is_not_begun() {
        let mut began = false;
        assert_eq!(RealTime::default().within(Duration::ZERO, async { began = true }).await, None);
        assert!(!began);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_ends_in_time_is_done() {
        let work = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            7
        };
        assert_eq!(RealTime::default().within(Duration::from_secs(2), work).await, Some(7));
        let work = tokio::time::sleep(Duration::from_secs(3));
        assert_eq!(RealTime::default().within(Duration::from_secs(2), work).await, None);
    }
}

//! The ledger against a real PostgreSQL: migrations, leases, steps, views, rehearsals.

mod agreement;
mod lease;
mod migrate;
mod order;
mod pass;
mod rehearsal;
mod silence;
mod step;
mod turn;
mod twins;
mod view;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::database::{ConnectOptions, Database, Tls};
use meetsync::ledger::{AttemptRow, Begun, Lease, LeasedStep, Ledger, Settled, StepAsk, StepEnd};
use meetsync::model::{
    Accepted, Deck, DeckId, GroupAcronym, Remembered, RoomRecord, RoomTimes, SessionId, Span, SubjectKey,
};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::support::TestDatabase;

const LEASE: Duration = Duration::from_secs(30);
const PER: TimeDelta = TimeDelta::hours(1);

/// A database in which the ledger is ready, and nothing is in it.
async fn ready() -> TestDatabase {
    static TEMPLATE: OnceCell<()> = OnceCell::const_new();
    let up = include_str!("../../../migrations/ledger/2026-11-21-000001_ledger/up.sql");
    let more = include_str!("../../../migrations/ledger/2026-11-21-000002_worker/up.sql");
    TestDatabase::from_template("template_ledger", &TEMPLATE, &["CREATE SCHEMA meetsync", up, more]).await
}

fn connect(url: String, max_connections: usize, read_only: bool) -> Database {
    let options = ConnectOptions {
        what: "the ledger's database".to_owned(),
        setting: "ledger.database_url".to_owned(),
        url: SecretString::from(url),
        tls: Tls::Disable,
        read_only,
        statement_timeout: None,
        max_connections,
    };
    Database::new(options).unwrap()
}

async fn live(database: &TestDatabase) -> Ledger {
    Ledger::open(connect(database.url(), 4, false)).await.unwrap()
}

async fn rehearsal(database: &TestDatabase) -> Ledger {
    Ledger::rehearsal(connect(database.url(), 4, true)).await.unwrap()
}

/// 2026-11-21 09:00:00 UTC and so many seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_251_600 + seconds, 0).unwrap()
}

fn decks_of(session: i64) -> SubjectKey {
    SubjectKey::decks(SessionId(session))
}

fn room_of(session: i64) -> SubjectKey {
    SubjectKey::room(SessionId(session))
}

fn ids(ids: impl IntoIterator<Item = i64>) -> BTreeSet<DeckId> {
    ids.into_iter().map(DeckId).collect()
}

fn decks(ids: impl IntoIterator<Item = i64>) -> Vec<Deck> {
    let deck = |(order, id): (i32, i64)| Deck {
        id: DeckId(id),
        title: format!("Déck \"{id}\""),
        url: format!("https://example.org/slides-{id}-00.pdf"),
        rev: "00".to_owned(),
        order,
    };
    (1..).zip(ids).map(deck).collect()
}

fn list_of(ids: impl IntoIterator<Item = i64>, when: DateTime<Utc>) -> Accepted {
    Accepted { decks: decks(ids), at: when, epoch: "first".to_owned() }
}

fn accepted(ids: impl IntoIterator<Item = i64>, when: DateTime<Utc>) -> StepEnd {
    StepEnd::DecksAccepted { accepted: list_of(ids, when), deleted: BTreeSet::new(), confirming: None }
}

fn room(session: i64, start: DateTime<Utc>) -> RoomRecord {
    RoomRecord {
        public_id: format!("public-{session}"),
        url: format!("https://example.org/room/{session}"),
        group: GroupAcronym::new("mars"),
        sent: RoomTimes { start, duration_min: 60 },
        adopted: false,
        former_url: None,
        gone: false,
    }
}

fn attempt(outcome: &str, when: DateTime<Utc>) -> AttemptRow {
    AttemptRow {
        at: when,
        who: "resync".to_owned(),
        what: "replace_decks".to_owned(),
        reason: "window opened".to_owned(),
        requests: 1,
        outcome: outcome.to_owned(),
        words: None,
        took: Duration::from_millis(12),
        counts_as: None,
        not_before: None,
    }
}

fn span(start: i64, end: i64) -> Span {
    Span::new(at(start), at(end))
}

async fn begin(
    ledger: &Ledger,
    key: SubjectKey,
    send: impl IntoIterator<Item = i64>,
    now: DateTime<Utc>,
) -> (Lease, Begun) {
    begin_for(ledger, key, LEASE, send, now).await
}

/// With a lease of that length.
async fn begin_for(
    ledger: &Ledger,
    key: SubjectKey,
    length: Duration,
    send: impl IntoIterator<Item = i64>,
    now: DateTime<Utc>,
) -> (Lease, Begun) {
    match ledger.lease_and_begin(&StepAsk::new(key, "test", length, &ids(send), now)).await.unwrap() {
        LeasedStep::Begun(lease, begun) => (lease, begun),
        other => panic!("not begun: {other:?}"),
    }
}

async fn remembered(ledger: &Ledger, key: SubjectKey) -> Option<Remembered> {
    ledger.view_of(&BTreeSet::from([key.session]), PER, at(0)).await.unwrap().subjects.remove(&key)
}

/// Ends a step that is still ours.
async fn finish(ledger: &Ledger, lease: Lease, begun: Begun, end: &StepEnd, row: AttemptRow) {
    assert_eq!(ledger.settle_and_release(lease, begun, end, row).await.unwrap(), Settled::Done);
}

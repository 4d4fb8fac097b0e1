//! The ledger in PostgreSQL: leases, marks, ends and wishes, each as one statement and so as one transaction.
//!
//! A statement sees the world as of its start, but `ON CONFLICT DO UPDATE` and row locks always work on the newest
//! version of a row. So nothing here decides by what a plain subselect saw, only by rows that it locked or wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use tokio::time::Instant;
use uuid::Uuid;

use super::attempt::AttemptRow;
use super::error::LedgerError;
use super::lease::{Lease, LeaseOutcome, LeasedStep, Settled, StepStart};
use super::rows::{Columns, SubjectRow};
use super::statement::Statement;
use super::step::{Begun, capped};
use super::wish::Wish;
use crate::database::{Database, DatabaseError};
use crate::model::{DeckId, Hold, Provider, SessionId, SubjectKey};

/// How often a lease that vanished between two looks is asked for again.
const LOOKS: usize = 5;

/// Takes the lease where nobody has it, or the one who had it let it run out.
macro_rules! take_lease {
    () => {
        "taken AS (
            INSERT INTO meetsync.lease AS l (session, provider, owner, token, until)
            SELECT session, provider, owner, token, clock_timestamp() + length_ms * interval '1 millisecond'
            FROM given
            ON CONFLICT (session, provider) DO UPDATE
            SET owner = excluded.owner, token = excluded.token, until = excluded.until
            WHERE l.until <= clock_timestamp()
            RETURNING l.token, l.until)"
    };
}

/// Extends the lease that we have, if it is not over.
macro_rules! extend_lease {
    () => {
        "taken AS (
            UPDATE meetsync.lease AS l SET until = clock_timestamp() + given.length_ms * interval '1 millisecond'
            FROM given
            WHERE l.session = given.session AND l.provider = given.provider AND l.token = given.token
              AND l.until > clock_timestamp()
            RETURNING l.token, l.until)"
    };
}

/// The doubt mark, where the lease was had.
macro_rules! mark {
    () => {
        ", marked AS (
            INSERT INTO meetsync.subject AS s
                (key, session, provider, kind, state, doubt_since, unanswered, may_be_there, attempts, before_mark)
            SELECT key, session, provider, kind, 'in_doubt', marked_at, true, ids, 1,
                   jsonb_build_object('doubt_since', NULL, 'unanswered', false, 'may_be_there', '[]'::jsonb)
            FROM given, taken
            ON CONFLICT (key) DO UPDATE SET
                before_mark = jsonb_build_object('doubt_since', s.doubt_since, 'unanswered', s.unanswered,
                                                 'may_be_there', to_jsonb(s.may_be_there)),
                state = 'in_doubt',
                doubt_since = coalesce(s.doubt_since, excluded.doubt_since),
                unanswered = true,
                may_be_there = ARRAY(SELECT DISTINCT id FROM unnest(s.may_be_there || excluded.may_be_there) AS id ORDER BY id),
                attempts = s.attempts + 1,
                updated_at = clock_timestamp()
            RETURNING s.*)
        SELECT marked.*, taken.until AS lease_until FROM marked, taken"
    };
}

macro_rules! given_mark {
    () => {
        "WITH given AS (
            SELECT ? AS session, ? AS provider, ? AS owner, ? AS token, ? AS length_ms, ? AS key, ? AS kind,
                   ? AS ids, ? AS marked_at), "
    };
}

/// Writes an end, and the attempt whether or not the lease was still ours.
macro_rules! settle {
    () => {
        ", changed AS (
            UPDATE meetsync.subject AS s SET
                applied = given.applied, applied_digest = given.applied_digest, applied_at = given.applied_at,
                applied_epoch = given.applied_epoch, may_be_there = given.may_be_there, remote = given.remote,
                remote_end = given.remote_end,
                state = CASE WHEN given.state = 'settled' AND s.generation <> given.generation THEN 'waiting'
                             ELSE given.state END,
                first_change = CASE WHEN given.state = 'settled' AND s.generation = given.generation THEN NULL
                                    ELSE s.first_change END,
                doubt_since = given.doubt_since, unanswered = given.unanswered, confirm_at = given.confirm_at,
                attempts = given.attempts, last_error = given.last_error, before_mark = NULL,
                updated_at = clock_timestamp()
            FROM given, mine WHERE s.key = given.key
            RETURNING s.key),
        noted AS (
            INSERT INTO meetsync.attempt
                (at, key, session, who, what, reason, requests, outcome, words, took_ms, counts_as)
            SELECT at, key, session, who, what, reason, requests,
                   CASE WHEN EXISTS (SELECT FROM changed) THEN outcome ELSE 'lost' END, words, took_ms, counts_as
            FROM given)
        SELECT count(*) AS number FROM changed"
    };
}

macro_rules! given_settle {
    () => {
        "WITH given AS (
            SELECT ? AS session, ? AS provider, ? AS token, ? AS key, ? AS generation,
                   ? AS applied, ? AS applied_digest, ? AS applied_at, ? AS applied_epoch, ? AS may_be_there,
                   ? AS remote, ? AS remote_end, ? AS state, ? AS doubt_since, ? AS unanswered, ? AS confirm_at,
                   ? AS attempts, ? AS last_error,
                   ? AS at, ? AS who, ? AS what, ? AS reason, ? AS requests, ? AS outcome, ? AS words, ? AS took_ms,
                   ? AS counts_as), "
    };
}

const LEASE: &str = concat!(
    "WITH given AS (SELECT ? AS session, ? AS provider, ? AS owner, ? AS token, ? AS length_ms), ",
    take_lease!(),
    " SELECT token, until FROM taken"
);
const LEASE_AND_BEGIN: &str = concat!(given_mark!(), take_lease!(), mark!());
const BEGIN: &str = concat!(given_mark!(), extend_lease!(), mark!());
const SETTLE: &str = concat!(
    given_settle!(),
    "mine AS (
        SELECT l.session FROM meetsync.lease AS l, given
        WHERE l.session = given.session AND l.provider = given.provider AND l.token = given.token
        FOR UPDATE OF l)",
    settle!()
);
const SETTLE_AND_RELEASE: &str = concat!(
    given_settle!(),
    "mine AS (
        DELETE FROM meetsync.lease AS l USING given
        WHERE l.session = given.session AND l.provider = given.provider AND l.token = given.token
        RETURNING l.session)",
    settle!()
);
const RELEASE: &str = "DELETE FROM meetsync.lease WHERE session = ? AND provider = ? AND token = ?";
const WHO: &str = "SELECT owner, until FROM meetsync.lease WHERE session = ? AND provider = ?";
const RECORD: &str = "\
    INSERT INTO meetsync.subject AS s
        (key, session, provider, kind, desired, desired_digest, epoch, slot_start, slot_end, first_change, last_change,
         generation)
    SELECT key, session, provider, kind, desired, digest, epoch, slot_start, slot_end, at, at, 1
    FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        AS w (key, session, provider, kind, desired, digest, epoch, slot_start, slot_end, at)
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
        desired = excluded.desired, desired_digest = excluded.desired_digest, epoch = excluded.epoch,
        slot_start = excluded.slot_start, slot_end = excluded.slot_end,
        first_change = coalesce(s.first_change, excluded.first_change), last_change = excluded.last_change,
        generation = s.generation + 1,
        state = CASE WHEN s.doubt_since IS NULL THEN 'waiting' ELSE 'in_doubt' END,
        updated_at = clock_timestamp()
    WHERE (s.desired_digest, s.epoch, s.slot_start, s.slot_end)
        IS DISTINCT FROM (excluded.desired_digest, excluded.epoch, excluded.slot_start, excluded.slot_end)";
const HOLD: &str = "\
    INSERT INTO meetsync.hold (session, until, by_whom, reason, since) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (coalesce(session, 0)) DO UPDATE SET
        until = excluded.until, by_whom = excluded.by_whom, reason = excluded.reason, since = excluded.since";
const RELEASE_HOLD: &str = "DELETE FROM meetsync.hold WHERE coalesce(session, 0) = ?";

/// The ledger in its database.
#[derive(Debug, Clone)]
pub(super) struct Live {
    database: Database,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
    #[diesel(sql_type = Timestamptz)]
    until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Marked {
    #[diesel(embed)]
    marked: SubjectRow,
    #[diesel(sql_type = Timestamptz)]
    lease_until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Timestamptz)]
    until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A lease that is asked for: what identifies it, and when we asked.
struct Asked {
    session: SessionId,
    provider: Provider,
    owner: String,
    token: Uuid,
    length: Duration,
    at: Instant,
}

impl Asked {
    fn statement(&self, sql: &'static str) -> Statement {
        Statement::new(sql)
            .with(self.session.0)
            .with(self.provider.as_str())
            .with(self.owner.as_str())
            .with(self.token)
            .with(millis(self.length))
    }

    fn granted(self, until: DateTime<Utc>) -> Lease {
        let Self { session, provider, token, length, at, .. } = self;
        Lease { session, provider, until, token, length, asked: at }
    }
}

impl Live {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) async fn lease(
        &self,
        session: SessionId,
        provider: Provider,
        owner: &str,
        length: Duration,
    ) -> Result<LeaseOutcome, LedgerError> {
        for _ in 0..LOOKS {
            let asked = new_lease(session, provider, owner, length);
            let taken: Vec<Taken> = self.load(asked.statement(LEASE), "taking a lease").await?;
            if let Some(Taken { until, .. }) = taken.into_iter().find(|taken| taken.token == asked.token) {
                return Ok(LeaseOutcome::Leased(asked.granted(until)));
            }
            if let Some(Owner { owner, until }) = self.owner_of(session, provider).await? {
                return Ok(LeaseOutcome::Taken { owner, until });
            }
        }
        Ok(LeaseOutcome::Taken { owner: UNKNOWN_OWNER.to_owned(), until: DateTime::<Utc>::MIN_UTC })
    }

    pub(super) async fn lease_and_begin(
        &self,
        key: SubjectKey,
        owner: &str,
        length: Duration,
        ids: &BTreeSet<DeckId>,
        now: DateTime<Utc>,
    ) -> Result<LeasedStep, LedgerError> {
        for _ in 0..LOOKS {
            let asked = new_lease(key.session, key.provider, owner, length);
            let statement = with_mark(asked.statement(LEASE_AND_BEGIN), key, ids, now);
            let found: Vec<Marked> = self.load(statement, "taking a lease and marking a step").await?;
            if let Some(Marked { marked, lease_until }) = found.into_iter().next() {
                return Ok(LeasedStep::Begun(asked.granted(lease_until), marked.begun()?));
            }
            if let Some(Owner { owner, until }) = self.owner_of(key.session, key.provider).await? {
                return Ok(LeasedStep::Taken { owner, until });
            }
        }
        Ok(LeasedStep::Taken { owner: UNKNOWN_OWNER.to_owned(), until: DateTime::<Utc>::MIN_UTC })
    }

    pub(super) async fn begin(
        &self,
        lease: &mut Lease,
        key: SubjectKey,
        ids: &BTreeSet<DeckId>,
        now: DateTime<Utc>,
    ) -> Result<StepStart, LedgerError> {
        let asked = Asked {
            session: lease.session,
            provider: lease.provider,
            owner: String::new(),
            token: lease.token,
            length: lease.length,
            at: Instant::now(),
        };
        let statement = with_mark(asked.statement(BEGIN), key, ids, now);
        let found: Vec<Marked> = self.load(statement, "marking a step").await?;
        let Some(Marked { marked, lease_until }) = found.into_iter().next() else {
            return Ok(StepStart::Lost);
        };
        *lease = asked.granted(lease_until);
        Ok(StepStart::Begun(marked.begun()?))
    }

    pub(super) async fn settle(
        &self,
        lease: &Lease,
        begun: &Begun,
        columns: Columns,
        attempt: AttemptRow,
        release: bool,
    ) -> Result<Settled, LedgerError> {
        let statement = Statement::new(if release { SETTLE_AND_RELEASE } else { SETTLE })
            .with(lease.session.0)
            .with(lease.provider.as_str())
            .with(lease.token)
            .with(begun.key.to_string())
            .with(begun.generation)
            .with(columns.applied)
            .with(columns.applied_digest)
            .with(columns.applied_at)
            .with(columns.applied_epoch)
            .with(columns.may_be_there)
            .with(columns.remote)
            .with(columns.remote_end)
            .with(columns.state)
            .with(columns.doubt_since)
            .with(columns.unanswered)
            .with(columns.confirm_at)
            .with(columns.attempts)
            .with(columns.last_error)
            .with(attempt.at)
            .with(attempt.who)
            .with(attempt.what)
            .with(attempt.reason)
            .with(i32::try_from(attempt.requests).unwrap_or(i32::MAX))
            .with(attempt.outcome)
            .with(attempt.words.as_deref().map(capped))
            .with(millis(attempt.took))
            .with(attempt.counts_as.map(|counts| counts.as_str().to_owned()));
        let changed: Vec<Number> = self.load(statement, "writing down how a step ended").await?;
        Ok(if changed.iter().any(|changed| changed.number == 1) { Settled::Done } else { Settled::Lost })
    }

    pub(super) async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
        let statement =
            Statement::new(RELEASE).with(lease.session.0).with(lease.provider.as_str()).with(lease.token);
        self.execute(statement, "giving a lease back").await.map(|_| ())
    }

    /// How many rows were written.
    pub(super) async fn record(&self, wishes: &BTreeMap<SubjectKey, Wish>) -> Result<usize, LedgerError> {
        let wishes = || wishes.values();
        let statement = Statement::new(RECORD)
            .with(wishes().map(|wish| wish.key.to_string()).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.key.session.0).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.key.provider.as_str().to_owned()).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.key.kind.as_str().to_owned()).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.desired.clone()).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.digest.0.clone()).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.epoch.clone()).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.slot.map(|slot| slot.start)).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.slot.map(|slot| slot.end)).collect::<Vec<_>>())
            .with(wishes().map(|wish| wish.at).collect::<Vec<_>>());
        self.execute(statement, "recording the wishes").await
    }

    pub(super) async fn hold(
        &self,
        session: Option<SessionId>,
        hold: &Hold,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let statement = Statement::new(HOLD)
            .with(session.map(|session| session.0))
            .with(hold.until)
            .with(hold.by.as_str())
            .with(hold.reason.as_str())
            .with(now);
        self.execute(statement, "writing down a hold").await.map(|_| ())
    }

    /// Whether there was one.
    pub(super) async fn release_hold(&self, session: Option<SessionId>) -> Result<bool, LedgerError> {
        let statement = Statement::new(RELEASE_HOLD).with(session.map_or(0, |session| session.0));
        self.execute(statement, "ending a hold").await.map(|deleted| deleted > 0)
    }

    async fn owner_of(&self, session: SessionId, provider: Provider) -> Result<Option<Owner>, LedgerError> {
        let statement = Statement::new(WHO).with(session.0).with(provider.as_str());
        Ok(self.load(statement, "looking at a lease").await?.into_iter().next())
    }

    async fn load<T>(&self, statement: Statement, doing: &str) -> Result<Vec<T>, LedgerError>
    where
        T: QueryableByName<Pg> + Send + 'static,
    {
        let mut connection = self.database.connection().await?;
        statement.load(&mut connection).await.map_err(|error| self.failed(doing, error))
    }

    async fn execute(&self, statement: Statement, doing: &str) -> Result<usize, LedgerError> {
        let mut connection = self.database.connection().await?;
        statement.execute(&mut connection).await.map_err(|error| self.failed(doing, error))
    }

    fn failed(&self, doing: &str, error: diesel::result::Error) -> LedgerError {
        DatabaseError::from_diesel(self.database.what(), doing, error).into()
    }
}

/// Where a lease was there and gone again at every look.
const UNKNOWN_OWNER: &str = "somebody else";

fn new_lease(session: SessionId, provider: Provider, owner: &str, length: Duration) -> Asked {
    Asked { session, provider, owner: owner.to_owned(), token: Uuid::new_v4(), length, at: Instant::now() }
}

fn with_mark(statement: Statement, key: SubjectKey, ids: &BTreeSet<DeckId>, now: DateTime<Utc>) -> Statement {
    statement
        .with(key.to_string())
        .with(key.kind.as_str())
        .with(ids.iter().map(|id| id.0).collect::<Vec<_>>())
        .with(now)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

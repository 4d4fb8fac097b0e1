//! The ledger in PostgreSQL: leases, marks, ends and wishes, each as one statement and so as one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use super::attempt::AttemptRow;
use super::error::LedgerError;
use super::lease::{Lease, LeaseOutcome, LeasedStep, Settled, StepStart};
use super::rows::{Columns, SubjectRow};
use super::sql::{
    BEGIN, HOLD, LEASE, LEASE_AND_BEGIN, RECORD, RELEASE, RELEASE_HOLD, SETTLE, SETTLE_AND_RELEASE, WHO,
};
use super::statement::Statement;
use super::step::{Begun, capped};
use super::wish::Wish;
use crate::database::{Database, DatabaseError};
use crate::model::{DeckId, Hold, Provider, SessionId, SubjectKey};

/// How often a lease that vanished between two looks is asked for again.
const LOOKS: usize = 5;

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
        let Self { session, provider, token, length, .. } = self;
        Lease { session, provider, until, token, length }
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
        attempt: Option<AttemptRow>,
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
            .with(columns.not_before);
        let statement = with_attempt(statement, attempt.as_ref());
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
        let statement = wish_columns(Statement::new(RECORD), wishes);
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
    Asked { session, provider, owner: owner.to_owned(), token: Uuid::new_v4(), length }
}

fn with_mark(statement: Statement, key: SubjectKey, ids: &BTreeSet<DeckId>, now: DateTime<Utc>) -> Statement {
    statement
        .with(key.to_string())
        .with(key.kind.as_str())
        .with(ids.iter().map(|id| id.0).collect::<Vec<_>>())
        .with(now)
}

/// One array for each column of a wish.
pub(super) fn wish_columns(statement: Statement, wishes: &BTreeMap<SubjectKey, Wish>) -> Statement {
    let wishes = || wishes.values();
    statement
        .with(wishes().map(|wish| wish.key.to_string()).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.key.session.0).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.key.provider.as_str().to_owned()).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.key.kind.as_str().to_owned()).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.desired.clone()).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.digest.0.clone()).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.epoch.clone()).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.slot.map(|slot| slot.start)).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.slot.map(|slot| slot.end)).collect::<Vec<_>>())
        .with(wishes().map(|wish| wish.at).collect::<Vec<_>>())
}

/// None = there was no attempt, and none is written down.
fn with_attempt(statement: Statement, row: Option<&AttemptRow>) -> Statement {
    let requests = |row: &AttemptRow| i64::from(row.requests);
    statement
        .with(row.map(|row| row.at))
        .with(row.map(|row| row.who.clone()))
        .with(row.map(|row| row.what.clone()))
        .with(row.map(|row| row.reason.clone()))
        .with(row.map(requests))
        .with(row.map(|row| row.outcome.clone()))
        .with(row.and_then(|row| row.words.as_deref().map(capped)))
        .with(row.map(|row| millis(row.took)))
        .with(row.and_then(|row| row.counts_as).map(|counts| counts.as_str().to_owned()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

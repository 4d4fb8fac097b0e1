//! What the worker asks of the ledger beyond steps: passes behind their fence, turns of jobs, who is at work, pruning.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Jsonb, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use serde_json::Value;

use super::error::LedgerError;
use super::live::wish_columns;
use super::pass::{LastPass, PassRecord, Recorded};
use super::sql::{GONE_FROM_WORK, PRUNE, PRUNE_REPLICAS, RECORD_PASS, SEEN_AT_WORK, TAKE_TURN};
use super::statement::Statement;
use super::transaction::ReadOnly;
use super::wish::{Wish, newest_of};
use super::{Ledger, LedgerKind};
use crate::database::DatabaseError;
use crate::model::SubjectKey;

#[derive(QueryableByName)]
struct New {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = BigInt)]
    generation: i64,
}

#[derive(QueryableByName)]
struct Turn {
    #[diesel(sql_type = Text)]
    job: String,
}

#[derive(QueryableByName)]
struct PassRow {
    #[diesel(sql_type = Timestamptz)]
    as_of: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    ended_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    asked_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    took_ms: i64,
    #[diesel(sql_type = Text)]
    who: String,
    #[diesel(sql_type = Jsonb)]
    summary: Value,
}

const LAST_PASS: &str = "\
    SELECT p.as_of, p.ended_at, clock_timestamp() AS asked_at, p.took_ms, p.who, p.summary FROM meetsync.pass AS p";

pub(super) async fn last_pass_on(connection: &mut AsyncPgConnection) -> QueryResult<Option<LastPass>> {
    let mut found: Vec<PassRow> = Statement::new(LAST_PASS).load(connection).await?;
    Ok(found.pop().map(|row| LastPass {
        as_of: row.as_of,
        ended_at: row.ended_at,
        asked_at: row.asked_at,
        took: Duration::from_millis(u64::try_from(row.took_ms).unwrap_or(0)),
        who: row.who,
        summary: row.summary,
    }))
}

impl Ledger {
    /// Writes down what a pass found, in one transaction, unless a pass before it knew a newer state. A rehearsal
    /// leaves the fence to those who act.
    pub async fn record_pass(&self, pass: &PassRecord) -> Result<Recorded, LedgerError> {
        let wishes = newest_of(&pass.wishes);
        if let LedgerKind::Rehearsal(rehearsal) = &self.kind {
            rehearsal.record(&wishes).await?;
            return Ok(Recorded::Done(BTreeMap::new()));
        }
        let statement = Statement::new(RECORD_PASS)
            .with(pass.known_until)
            .with(pass.as_of)
            .with(i64::try_from(pass.took.as_millis()).unwrap_or(i64::MAX))
            .with(pass.who.as_str())
            .with(Some(pass.summary.clone()))
            .with(pass.calmed.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>())
            .with(pass.calmed.iter().map(|(_, generation)| *generation).collect::<Vec<_>>());
        let found: Vec<New> = self.load(wish_columns(statement, &wishes), "recording a pass").await?;
        if found.is_empty() {
            return Ok(Recorded::Stale);
        }
        let by_name: BTreeMap<String, SubjectKey> =
            wishes.values().map(|wish: &Wish| (wish.key.to_string(), wish.key)).collect();
        let new = |found: New| Some((*by_name.get(&found.key)?, found.generation));
        Ok(Recorded::Done(found.into_iter().filter_map(new).collect()))
    }

    /// The last pass that was recorded, if there ever was one.
    pub async fn last_pass(&self) -> Result<Option<LastPass>, LedgerError> {
        let mut transaction = ReadOnly::begin(self.database(), "reading the last pass").await?;
        let found = last_pass_on(transaction.connection()).await;
        transaction.end(found).await
    }

    /// Takes the turn of a job that was due at `due_at`, for all workers on this ledger: true for one of them, and
    /// false where it, or a later one, was taken already.
    pub async fn take_turn(&self, job: &str, due_at: DateTime<Utc>, who: &str) -> Result<bool, LedgerError> {
        if self.is_rehearsal() {
            return Ok(true);
        }
        let statement = Statement::new(TAKE_TURN).with(job).with(due_at).with(who);
        let taken: Vec<Turn> = self.load(statement, "taking a job's turn").await?;
        Ok(taken.iter().any(|turn| turn.job == job))
    }

    /// Says that this worker is there, what it thinks of the provider, and how often it says so.
    pub async fn seen_at_work(
        &self,
        name: &str,
        version: &str,
        provider: &str,
        beat: Duration,
    ) -> Result<(), LedgerError> {
        let beat = i64::try_from(beat.as_millis()).unwrap_or(i64::MAX);
        let statement = Statement::new(SEEN_AT_WORK).with(name).with(version).with(provider).with(beat);
        self.execute(statement, "saying that this worker is there").await.map(|_| ())
    }

    /// Says that this worker went.
    pub async fn gone_from_work(&self, name: &str) -> Result<(), LedgerError> {
        let statement = Statement::new(GONE_FROM_WORK).with(name);
        self.execute(statement, "saying that this worker went").await.map(|_| ())
    }

    /// Forgets attempts from before that moment, and workers that were not seen for a day. How many attempts went.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<usize, LedgerError> {
        self.execute(Statement::new(PRUNE_REPLICAS), "forgetting workers of the past").await?;
        self.execute(Statement::new(PRUNE).with(before), "forgetting old attempts").await
    }

    async fn load<T>(&self, statement: Statement, doing: &str) -> Result<Vec<T>, LedgerError>
    where
        T: QueryableByName<diesel::pg::Pg> + Send + 'static,
    {
        let mut connection = self.database().connection().await?;
        statement.load(&mut connection).await.map_err(|error| self.failed(doing, error))
    }

    /// How many rows. A rehearsal writes nothing.
    async fn execute(&self, statement: Statement, doing: &str) -> Result<usize, LedgerError> {
        if self.is_rehearsal() {
            return Ok(0);
        }
        let mut connection = self.database().connection().await?;
        statement.execute(&mut connection).await.map_err(|error| self.failed(doing, error))
    }

    fn failed(&self, doing: &str, error: diesel::result::Error) -> LedgerError {
        DatabaseError::from_diesel(self.database().what(), doing, error).into()
    }
}

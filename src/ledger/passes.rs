//! What the worker asks of the ledger beyond steps and turns: passes behind their fence, who is at work, pruning.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Jsonb, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use serde_json::Value;

use super::call;
use super::error::LedgerError;
use super::live::wish_columns;
use super::pass::{LastPass, PassRecord, Recorded};
use super::sql::{FORGET_HOLDS, GONE_FROM_WORK, PRUNE, RECORD_PASS, SEEN_AT_WORK};
use super::statement::Statement;
use super::transaction::{ReadOnly, in_time};
use super::wish::{Wish, newest_of};
use super::{Ledger, LedgerKind};
use crate::model::SubjectKey;

#[derive(QueryableByName)]
struct New {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = BigInt)]
    generation: i64,
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

/// So many attempts are forgotten in one statement.
const PRUNED_AT_ONCE: i64 = 5000;

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

/// How a worker is, as it says itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct AtWork<'a> {
    /// What it thinks of the provider.
    pub provider: &'a str,
    /// So often it says that it is there.
    pub beat: Duration,
    /// Where its last passes failed.
    pub failing: Option<FailingNow<'a>>,
    /// Where the settings that it last read can't be used.
    pub refused_settings: Option<RefusedNow<'a>>,
    /// How much longer the provider asked to be left alone.
    pub quiet: Option<Duration>,
}

/// Passes that failed one after the other.
#[derive(Debug, Clone, Copy)]
pub struct FailingNow<'a> {
    /// Why the last one did. Without any secret.
    pub words: &'a str,
    /// How many.
    pub passes: u32,
    /// How long ago the first one did.
    pub since: Duration,
}

/// Settings that can't be used; the worker goes on with those of before.
#[derive(Debug, Clone, Copy)]
pub struct RefusedNow<'a> {
    /// Why. Without any secret.
    pub words: &'a str,
    /// How long ago they were first read.
    pub since: Duration,
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
            .with(pass.acts_from())
            .with(pass.calmed.iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>())
            .with(pass.calmed.iter().map(|(_, generation)| *generation).collect::<Vec<_>>());
        let statement = wish_columns(statement, &wishes);
        let found: Vec<New> = call::load(self.database(), &statement, "recording a pass").await?;
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
        let found = in_time(last_pass_on(transaction.connection())).await;
        transaction.end(found).await
    }

    /// Says that this worker is there, and how it is. Forgets others that were not seen for a day.
    pub async fn seen_at_work(
        &self,
        name: &str,
        version: &str,
        said: &AtWork<'_>,
    ) -> Result<(), LedgerError> {
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let (failing, refused) = (said.failing, said.refused_settings);
        let statement = Statement::new(SEEN_AT_WORK)
            .with(name)
            .with(version)
            .with(said.provider)
            .with(millis(said.beat))
            .with(failing.map(|failing| failing.words.to_owned()))
            .with(failing.map(|failing| i64::from(failing.passes)))
            .with(failing.map(|failing| millis(failing.since)))
            .with(refused.map(|refused| refused.words.to_owned()))
            .with(refused.map(|refused| millis(refused.since)))
            .with(said.quiet.map(millis));
        self.write(&statement, "saying that this worker is there").await.map(|_| ())
    }

    /// Says that this worker went. The turns that it has not finished are anybody's.
    pub async fn gone_from_work(&self, name: &str) -> Result<(), LedgerError> {
        let statement = Statement::new(GONE_FROM_WORK).with(name);
        self.write(&statement, "saying that this worker went").await.map(|_| ())
    }

    /// Forgets attempts from before that moment. How many there were.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<usize, LedgerError> {
        let statement = Statement::new(PRUNE).with(before).with(PRUNED_AT_ONCE);
        let mut all = 0;
        loop {
            let forgotten = self.write(&statement, "forgetting old attempts").await?;
            all += forgotten;
            if i64::try_from(forgotten).unwrap_or(i64::MAX) < PRUNED_AT_ONCE {
                return Ok(all);
            }
        }
    }

    /// Forgets holds that were over before that moment. How many there were.
    pub async fn forget_holds(&self, before: DateTime<Utc>) -> Result<usize, LedgerError> {
        self.write(&Statement::new(FORGET_HOLDS).with(before), "forgetting old holds").await
    }

    /// How many rows. A rehearsal writes nothing.
    pub(super) async fn write(&self, statement: &Statement, doing: &str) -> Result<usize, LedgerError> {
        if self.is_rehearsal() {
            return Ok(0);
        }
        call::execute(self.database(), statement, doing).await
    }
}

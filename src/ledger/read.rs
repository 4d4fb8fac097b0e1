//! Everything that is read from the ledger, always in a transaction that PostgreSQL holds to be read-only.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::Pg;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel::{ExpressionMethods as _, QueryDsl as _, QueryableByName, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use futures_util::future::try_join4;

use super::attempt::{Attempt, CountsAs};
use super::error::LedgerError;
use super::rows::{SubjectRow, still_matters};
use super::sql::{columns_of_s, owes_something};
use super::statement::Statement;
use super::tables;
use super::transaction::{ReadOnly, in_time};
use crate::database::Database;
use crate::model::{Hold, Passes, RecentChanges, SessionId, SubjectKey};

/// Which subjects of the ledger a view is of.
pub(super) enum Which<'a> {
    /// Those that may matter at that time, and all of these sessions.
    MayMatter { also: &'a BTreeSet<SessionId>, now: DateTime<Utc> },
    /// Those of these sessions.
    Of(&'a BTreeSet<SessionId>),
}

/// What a view is made of.
pub(super) struct Found {
    pub(super) subjects: Vec<SubjectRow>,
    /// None = the hold on everything.
    pub(super) holds: Vec<(Option<SessionId>, Hold)>,
    pub(super) recent: RecentChanges,
    pub(super) passes: Passes,
}

const MAY_MATTER: &str = concat!(
    "SELECT ",
    columns_of_s!(),
    " FROM meetsync.subject AS s
    WHERE ",
    owes_something!(),
    " OR s.remote_end > ? OR s.slot_end > ?
       OR s.session = ANY (? || ARRAY(SELECT h.session FROM meetsync.hold AS h
                                      WHERE h.session IS NOT NULL AND h.until > ?))"
);
const OF_SESSIONS: &str =
    concat!("SELECT ", columns_of_s!(), " FROM meetsync.subject AS s WHERE s.session = ANY (?)");
const OPEN: &str = concat!(
    "SELECT ",
    columns_of_s!(),
    " FROM meetsync.subject AS s
    WHERE ",
    owes_something!(),
    " OR s.remote_end > ?"
);
const OPEN_SESSIONS: &str = concat!(
    "SELECT s.session FROM meetsync.subject AS s
    WHERE ",
    owes_something!(),
    " OR s.remote_end > ?
    UNION SELECT h.session FROM meetsync.hold AS h WHERE h.session IS NOT NULL AND h.until > ?"
);
const BY_KEY: &str = concat!("SELECT ", columns_of_s!(), " FROM meetsync.subject AS s WHERE s.key = ANY (?)");
const CLOCK: &str = "SELECT clock_timestamp() AS at";
const PASSES: &str = "SELECT p.as_of, p.acting_since FROM meetsync.pass AS p";
const RECENT: &str = "\
    SELECT a.counts_as, CASE WHEN a.counts_as = 'decks_emptied' THEN a.session END AS session, count(*) AS number
    FROM meetsync.attempt AS a WHERE a.counts_as IS NOT NULL AND a.at > ? GROUP BY 1, 2";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    counts_as: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    session: Option<i64>,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct PassColumns {
    #[diesel(sql_type = Timestamptz)]
    as_of: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    acting_since: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = BigInt)]
    session: i64,
}

#[derive(QueryableByName)]
struct Clock {
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
}

/// One row of `hold`.
#[derive(diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = tables::hold, check_for_backend(Pg))]
struct HoldRow {
    session: Option<i64>,
    until: DateTime<Utc>,
    by_whom: String,
    reason: String,
}

/// One row of `attempt`.
#[derive(diesel::Queryable, diesel::Selectable)]
#[diesel(table_name = tables::attempt, check_for_backend(Pg))]
struct AttemptColumns {
    at: DateTime<Utc>,
    key: String,
    who: String,
    what: String,
    reason: String,
    requests: i32,
    outcome: String,
    words: Option<String>,
    took_ms: i64,
}

/// Subjects, holds, counts and the last pass, as of one instant and in four statements.
pub(super) async fn view(
    database: &Database,
    which: Which<'_>,
    per: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Found, LedgerError> {
    let statement = match which {
        Which::MayMatter { also, now } => {
            let recent = now - still_matters();
            Statement::new(MAY_MATTER).with(recent).with(recent).with(recent).with(ids(also)).with(now)
        }
        Which::Of(sessions) => Statement::new(OF_SESSIONS).with(ids(sessions)),
    };
    let mut transaction = ReadOnly::begin(database, "reading the ledger").await?;
    let found = in_time(view_on(transaction.connection(), statement, now - per)).await;
    transaction.end(found).await
}

async fn view_on(
    connection: &AsyncPgConnection,
    statement: Statement,
    since: DateTime<Utc>,
) -> QueryResult<Found> {
    // None needs another's answer, so all four go out at once; the server takes them one after another.
    let mut same = connection;
    let subjects = statement.load(&mut same);
    let (subjects, holds, recent, passes) =
        try_join4(subjects, holds_on(connection), recent_on(connection, since), passes_on(connection))
            .await?;
    Ok(Found { subjects, holds, recent, passes })
}

/// The sessions that are open or held at `now`.
pub(super) async fn open_sessions(
    database: &Database,
    now: DateTime<Utc>,
) -> Result<BTreeSet<SessionId>, LedgerError> {
    let mut transaction = ReadOnly::begin(database, "reading what is open").await?;
    let statement = Statement::new(OPEN_SESSIONS).with(now - still_matters()).with(now).with(now);
    let found = in_time(statement.load(transaction.connection())).await;
    let found: Vec<Open> = transaction.end(found).await?;
    Ok(found.into_iter().map(|open| SessionId(open.session)).collect())
}

/// Rows that are open at `now`, and the holds, over or not.
pub(super) async fn open(
    database: &Database,
    now: DateTime<Utc>,
) -> Result<(Vec<SubjectRow>, Vec<(Option<SessionId>, Hold)>), LedgerError> {
    let mut transaction = ReadOnly::begin(database, "reading what is open").await?;
    let found = in_time(open_on(transaction.connection(), now)).await;
    transaction.end(found).await
}

async fn open_on(
    connection: &mut AsyncPgConnection,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<SubjectRow>, Vec<(Option<SessionId>, Hold)>)> {
    let rows = Statement::new(OPEN).with(now - still_matters()).with(now).load(connection).await?;
    Ok((rows, holds_on(connection).await?))
}

pub(super) async fn rows(
    database: &Database,
    keys: impl Iterator<Item = SubjectKey>,
) -> Result<Vec<SubjectRow>, LedgerError> {
    let keys: Vec<String> = keys.map(|key| key.to_string()).collect();
    let mut transaction = ReadOnly::begin(database, "reading subjects").await?;
    let found = in_time(Statement::new(BY_KEY).with(keys).load(transaction.connection())).await;
    transaction.end(found).await
}

/// The ledger's own clock.
pub(super) async fn clock(database: &Database) -> Result<DateTime<Utc>, LedgerError> {
    let mut transaction = ReadOnly::begin(database, "reading the ledger's clock").await?;
    let found = in_time(clock_on(transaction.connection())).await;
    transaction.end(found).await
}

pub(super) async fn clock_on(connection: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    let found: Clock = Statement::new(CLOCK).get_result(connection).await?;
    Ok(found.at)
}

/// The newest attempts, newest first.
pub(super) async fn attempts(database: &Database, limit: u32) -> Result<Vec<Attempt>, LedgerError> {
    let mut transaction = ReadOnly::begin(database, "reading the history").await?;
    let found = in_time(attempts_on(transaction.connection(), limit)).await;
    transaction.end(found).await?
}

/// Inside: a row that this release can't read.
pub(super) async fn attempts_on(
    connection: &mut AsyncPgConnection,
    limit: u32,
) -> QueryResult<Result<Vec<Attempt>, LedgerError>> {
    let rows = tables::attempt::table
        .order(tables::attempt::id.desc())
        .limit(i64::from(limit))
        .select(AttemptColumns::as_select())
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(attempt_of).collect())
}

/// Every hold, over or not.
pub(super) async fn holds(database: &Database) -> Result<Vec<(Option<SessionId>, Hold)>, LedgerError> {
    let mut transaction = ReadOnly::begin(database, "reading the holds").await?;
    let found = in_time(holds_on(transaction.connection())).await;
    transaction.end(found).await
}

async fn holds_on(mut connection: &AsyncPgConnection) -> QueryResult<Vec<(Option<SessionId>, Hold)>> {
    let rows = tables::hold::table.select(HoldRow::as_select()).load(&mut connection).await?;
    let hold = |row: HoldRow| {
        (row.session.map(SessionId), Hold { until: row.until, by: row.by_whom, reason: row.reason })
    };
    Ok(rows.into_iter().map(hold).collect())
}

async fn passes_on(mut connection: &AsyncPgConnection) -> QueryResult<Passes> {
    let found: Vec<PassColumns> = Statement::new(PASSES).load(&mut connection).await?;
    let of = |pass: PassColumns| Passes { newest: Some(pass.as_of), acting_since: pass.acting_since };
    Ok(found.into_iter().next().map(of).unwrap_or_default())
}

async fn recent_on(mut connection: &AsyncPgConnection, since: DateTime<Utc>) -> QueryResult<RecentChanges> {
    let counted: Vec<Counted> = Statement::new(RECENT).with(since).load(&mut connection).await?;
    let mut recent = RecentChanges::default();
    for Counted { counts_as, session, number } in counted {
        let number = usize::try_from(number).unwrap_or(0);
        match session {
            Some(session) => {
                recent.sessions_emptied.insert(SessionId(session));
            }
            None if counts_as == CountsAs::RoomDeleted.as_str() => recent.rooms_deleted = number,
            None if counts_as == CountsAs::RoomCreated.as_str() => recent.rooms_created = number,
            None => {}
        }
    }
    Ok(recent)
}

fn attempt_of(row: AttemptColumns) -> Result<Attempt, LedgerError> {
    let subject = row.key.parse().map_err(|error| LedgerError::Unreadable {
        key: row.key.clone(),
        column: "key",
        source: Box::new(error),
    })?;
    Ok(Attempt {
        at: row.at,
        subject,
        who: row.who,
        what: row.what,
        reason: row.reason,
        requests: u32::try_from(row.requests).unwrap_or(0),
        outcome: row.outcome,
        words: row.words,
        took_ms: u64::try_from(row.took_ms).unwrap_or(0),
    })
}

fn ids(sessions: &BTreeSet<SessionId>) -> Vec<i64> {
    sessions.iter().map(|session| session.0).collect()
}

//! How everything stands, for people: what is waiting, in doubt or refused, who is at work on what, and the holds.
//!
//! Nothing is decided by this. It is one look in one read-only transaction, so that its numbers fit together; it asks
//! nobody but the ledger, and so works beside a running worker, or where there is none.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::error::LedgerError;
use super::pass::LastPass;
use super::passes::last_pass_on;
use super::read::{self, attempts_on};
use super::rows::still_matters;
use super::sql::owes_something;
use super::statement::Statement;
use super::step::State;
use super::transaction::{ReadOnly, in_time};
use super::{Ledger, LedgerKind};
use crate::model::{Burst, Hold, SessionId, Span, SubjectKey};

/// The ledger at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// By the ledger's own clock.
    pub asked_at: DateTime<Utc>,
    /// None where there never was one.
    pub last_pass: Option<LastPass>,
    /// Those that may still matter, ordered by session: in doubt, a confirming send owed, or a slot or room that ended
    /// less than two days ago or not yet.
    pub subjects: Vec<SubjectStanding>,
    /// Whoever was at work within the last day, the one that was seen last first.
    pub replicas: Vec<Replica>,
    /// Leases that are not over, ordered by session.
    pub leases: Vec<WorkedOn>,
    /// Holds that are not over; the one on everything first.
    pub holds: Vec<StandingHold>,
    /// The newest first.
    pub attempts: Vec<Attempt>,
}

/// One subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectStanding {
    pub subject: SubjectKey,
    pub state: State,
    pub doubt_since: Option<DateTime<Utc>>,
    pub confirm_at: Option<DateTime<Utc>>,
    /// After a failure: no automatic step before this moment.
    pub not_before: Option<DateTime<Utc>>,
    /// Tries in a row that did not succeed.
    pub tries: u32,
    pub last_error: Option<String>,
    /// Edits that were not sent yet.
    pub burst: Option<Burst>,
    /// When something about it was last written down.
    pub changed_at: DateTime<Utc>,
    /// The session's slot, as it was when something was last wished.
    pub slot: Option<Span>,
}

/// A worker, as it last said that it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    pub name: String,
    pub version: String,
    pub started: DateTime<Utc>,
    pub seen: DateTime<Utc>,
    /// What it thinks of the provider.
    pub provider: String,
    /// So often it says that it is there.
    pub beat_ms: i64,
    /// None while its passes succeed.
    #[serde(default)]
    pub failing: Option<Failing>,
    /// None where it goes by the settings that it last read.
    #[serde(default)]
    pub refused_settings: Option<RefusedSettings>,
    /// The provider asked it to be left alone until then, by the ledger's own clock. It may be over.
    #[serde(default)]
    pub quiet_until: Option<DateTime<Utc>>,
}

/// Settings that a worker read and can't use: it goes on with those of before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSettings {
    /// Why, of those that it read last.
    pub words: String,
    /// When it first read such, by the ledger's own clock.
    pub since: DateTime<Utc>,
}

/// Passes of a worker that failed, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Of the last one.
    pub words: String,
    /// By the ledger's own clock.
    pub since: DateTime<Utc>,
    pub passes: i64,
}

/// So many times in a row a worker may fail to say that it is there, and a little longer, before it counts as gone.
const BEATS: i32 = 3;
const GRACE: TimeDelta = TimeDelta::seconds(3);

impl Replica {
    /// Whether it said so lately enough. One that is asked to stop says that it goes; one that is killed says nothing.
    pub fn is_there(&self, now: DateTime<Utc>) -> bool {
        now - self.seen <= TimeDelta::milliseconds(self.beat_ms) * BEATS + GRACE
    }
}

/// What the name of every worker begins with. A one-shot has another, and is in no list of those at work.
const WORKER: &str = "run@";

/// Whether the owner of a lease can't be at it any more: a worker that was not seen for its time, or that ended. Of a
/// one-shot nobody can know.
pub fn is_gone(owner: &str, replicas: &[Replica], now: DateTime<Utc>) -> bool {
    match replicas.iter().find(|replica| replica.name == owner) {
        Some(replica) => !replica.is_there(now),
        None => owner.starts_with(WORKER),
    }
}

/// Somebody works on a session, until then at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkedOn {
    pub session: SessionId,
    pub provider: String,
    pub owner: String,
    pub until: DateTime<Utc>,
}

/// A hold, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingHold {
    /// None = everything is held.
    pub session: Option<SessionId>,
    #[serde(flatten)]
    pub hold: Hold,
    pub since: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct SubjectColumns {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    doubt_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    confirm_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_change: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_change: Option<DateTime<Utc>>,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    slot_start: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    slot_end: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct ReplicaColumns {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Timestamptz)]
    started: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    seen: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = BigInt)]
    beat_ms: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failing_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    failing_passes: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    failing_words: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    refused_settings_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Text>)]
    refused_settings_words: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    quiet_until: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct LeaseColumns {
    #[diesel(sql_type = BigInt)]
    session: i64,
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Timestamptz)]
    until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct HoldColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    session: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    until: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    by_whom: String,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    since: DateTime<Utc>,
}

/// A wish that was taken back before anything was sent leaves nothing to wait for.
const SUBJECTS: &str = concat!(
    "SELECT s.key, s.doubt_since, s.confirm_at, s.due_at, s.first_change, s.last_change, s.attempts, s.last_error,
           s.updated_at, s.slot_start, s.slot_end,
           CASE WHEN s.state = 'waiting' AND s.desired_digest IS NULL AND s.last_error IS NULL THEN 'settled'
                ELSE s.state END AS state
    FROM meetsync.subject AS s
    WHERE ",
    owes_something!(),
    " OR s.remote_end > ? OR s.slot_end > ?
    ORDER BY s.session, s.kind DESC"
);
const REPLICAS: &str = "\
    SELECT r.name, r.version, r.started, r.seen, r.provider, r.beat_ms, r.failing_since, r.failing_passes,
           r.failing_words, r.refused_settings_since, r.refused_settings_words, r.quiet_until
    FROM meetsync.replica AS r
    WHERE r.seen > ? ORDER BY r.seen DESC, r.name";
const LEASES: &str = "\
    SELECT l.session, l.provider, l.owner, l.until FROM meetsync.lease AS l WHERE l.until > ? ORDER BY l.session";
const HOLDS: &str = "\
    SELECT h.session, h.until, h.by_whom, h.reason, h.since FROM meetsync.hold AS h
    WHERE h.until > ? ORDER BY h.session NULLS FIRST";

impl Ledger {
    /// How everything stands, with the newest `attempts` of the history. What a rehearsal lays over it is left out.
    pub async fn standing(&self, attempts: u32) -> Result<Standing, LedgerError> {
        let mut transaction = ReadOnly::begin(self.database(), "reading how everything stands").await?;
        let found = in_time(standing_on(transaction.connection(), attempts)).await;
        transaction.end(found).await?
    }

    /// Every hold that was not ended by hand, over or not; None = the one on everything.
    pub async fn holds(&self) -> Result<Vec<(Option<SessionId>, Hold)>, LedgerError> {
        let stored = read::holds(self.database()).await?;
        Ok(match &self.kind {
            LedgerKind::Live(_) => stored,
            LedgerKind::Rehearsal(rehearsal) => rehearsal.over_holds(stored),
        })
    }

    /// The time by the ledger's own clock.
    pub async fn clock(&self) -> Result<DateTime<Utc>, LedgerError> {
        read::clock(self.database()).await
    }
}

async fn standing_on(
    connection: &mut AsyncPgConnection,
    attempts: u32,
) -> QueryResult<Result<Standing, LedgerError>> {
    let asked_at = read::clock_on(connection).await?;
    let since = asked_at - still_matters();
    let subjects: Vec<SubjectColumns> =
        Statement::new(SUBJECTS).with(since).with(since).with(since).load(connection).await?;
    let last_pass = last_pass_on(connection).await?;
    let lately = asked_at - TimeDelta::days(1);
    let replicas: Vec<ReplicaColumns> = Statement::new(REPLICAS).with(lately).load(connection).await?;
    let leases: Vec<LeaseColumns> = Statement::new(LEASES).with(asked_at).load(connection).await?;
    let holds: Vec<HoldColumns> = Statement::new(HOLDS).with(asked_at).load(connection).await?;
    let attempts = attempts_on(connection, attempts).await?;
    let readable = || {
        Ok(Standing {
            asked_at,
            last_pass,
            subjects: subjects.into_iter().map(subject_of).collect::<Result<_, _>>()?,
            replicas: replicas.into_iter().map(replica_of).collect(),
            leases: leases.into_iter().map(lease_of).collect(),
            holds: holds.into_iter().map(hold_of).collect(),
            attempts: attempts?,
        })
    };
    Ok(readable())
}

fn subject_of(row: SubjectColumns) -> Result<SubjectStanding, LedgerError> {
    let state = match row.state.as_str() {
        "settled" => State::Settled,
        "in_doubt" => State::InDoubt,
        "parked" => State::Parked,
        _ => State::Waiting,
    };
    let subject = row.key.parse().map_err(|error| LedgerError::Unreadable {
        key: row.key.clone(),
        column: "key",
        source: Box::new(error),
    })?;
    Ok(SubjectStanding {
        subject,
        state,
        doubt_since: row.doubt_since,
        confirm_at: row.confirm_at,
        not_before: row.due_at,
        tries: u32::try_from(row.attempts).unwrap_or(0),
        last_error: row.last_error,
        burst: row.first_change.zip(row.last_change).map(|(first, last)| Burst { first, last }),
        changed_at: row.updated_at,
        slot: row.slot_start.zip(row.slot_end).map(|(start, end)| Span { start, end }),
    })
}

fn replica_of(row: ReplicaColumns) -> Replica {
    let ReplicaColumns { name, version, started, seen, provider, beat_ms, quiet_until, .. } = row;
    let failing = row.failing_words.zip(row.failing_since);
    let passes = row.failing_passes.unwrap_or(1);
    let failing = failing.map(|(words, since)| Failing { words, since, passes });
    let refused = row.refused_settings_words.zip(row.refused_settings_since);
    let refused_settings = refused.map(|(words, since)| RefusedSettings { words, since });
    Replica { name, version, started, seen, provider, beat_ms, failing, refused_settings, quiet_until }
}

fn lease_of(row: LeaseColumns) -> WorkedOn {
    let LeaseColumns { session, provider, owner, until } = row;
    WorkedOn { session: SessionId(session), provider, owner, until }
}

fn hold_of(row: HoldColumns) -> StandingHold {
    let HoldColumns { session, until, by_whom, reason, since } = row;
    StandingHold { session: session.map(SessionId), hold: Hold { until, by: by_whom, reason }, since }
}

//! The ledger in PostgreSQL: leases, marks, ends and wishes, each as one statement and so as one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};

use super::attempt::AttemptRow;
use super::call;
use super::error::LedgerError;
use super::lease::{Lease, LeasedStep, Settled, StepAsk};
use super::rows::{Columns, SubjectRow, json};
use super::sql::{
    HOLD, LEASE_AND_BEGIN, NOTE_ROOM, RECORD, RELEASE_HOLD, RENEW, SETTLE_AND_RELEASE, WHY_NOT,
};
use super::statement::Statement;
use super::step::{Begun, capped};
use super::wish::Wish;
use crate::database::Database;
use crate::model::{Hold, RoomRecord, SessionId, SubjectKey};

/// How often a lease that vanished between two looks is asked for again.
const LOOKS: usize = 5;

/// The ledger in its database.
#[derive(Debug, Clone)]
pub(super) struct Live {
    database: Database,
}

#[derive(QueryableByName)]
struct Marked {
    #[diesel(embed)]
    marked: SubjectRow,
    #[diesel(sql_type = Timestamptz)]
    lease_until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct WhyNot {
    /// None = it is a hold.
    #[diesel(sql_type = Nullable<Text>)]
    owner: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    until: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Live {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) async fn lease_and_begin(&self, ask: &StepAsk<'_>) -> Result<LeasedStep, LedgerError> {
        let StepAsk { key, owner, length, will_send, at, in_spite_of_holds, token } = *ask;
        let SubjectKey { session, provider, .. } = key;
        for _ in 0..LOOKS {
            let statement = Statement::new(LEASE_AND_BEGIN)
                .with(session.0)
                .with(provider.as_str())
                .with(owner)
                .with(token)
                .with(millis(length))
                .with(key.to_string())
                .with(key.kind.as_str())
                .with(will_send.iter().map(|id| id.0).collect::<Vec<_>>())
                .with(at)
                .with(in_spite_of_holds);
            let doing = "taking a lease and marking a step";
            let found: Vec<Marked> = call::load(&self.database, &statement, doing).await?;
            if let Some(Marked { marked, lease_until }) = found.into_iter().next() {
                let lease = Lease { session, provider, until: lease_until, token };
                return Ok(LeasedStep::Begun(lease, marked.begun()?));
            }
            match self.why_not(ask).await? {
                Some(WhyNot { owner: Some(owner), until }) => return Ok(LeasedStep::Taken { owner, until }),
                Some(WhyNot { owner: None, until }) => return Ok(LeasedStep::Held { until }),
                None => {}
            }
        }
        Ok(LeasedStep::Taken { owner: UNKNOWN_OWNER.to_owned(), until: DateTime::<Utc>::MIN_UTC })
    }

    pub(super) async fn settle(
        &self,
        lease: &Lease,
        begun: &Begun,
        columns: Columns,
        attempt: Option<AttemptRow>,
    ) -> Result<Settled, LedgerError> {
        let statement = Statement::new(SETTLE_AND_RELEASE)
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
        let changed: Vec<Number> =
            call::load(&self.database, &statement, "writing down how a step ended").await?;
        Ok(if changed.iter().any(|changed| changed.number == 1) { Settled::Done } else { Settled::Lost })
    }

    pub(super) async fn renew(&self, lease: &Lease, length: Duration) -> Result<Settled, LedgerError> {
        let statement = Statement::new(RENEW)
            .with(lease.session.0)
            .with(lease.provider.as_str())
            .with(lease.token)
            .with(millis(length));
        let renewed = call::execute(&self.database, &statement, "renewing a lease").await?;
        Ok(if renewed == 1 { Settled::Done } else { Settled::Lost })
    }

    pub(super) async fn note_room(
        &self,
        lease: &Lease,
        key: SubjectKey,
        room: &RoomRecord,
    ) -> Result<Settled, LedgerError> {
        let statement = Statement::new(NOTE_ROOM)
            .with(lease.session.0)
            .with(lease.provider.as_str())
            .with(lease.token)
            .with(key.to_string())
            .with(Some(json(room)))
            .with(Some(room.sent.span().end));
        let noted = call::execute(&self.database, &statement, "putting a room on record").await?;
        Ok(if noted == 1 { Settled::Done } else { Settled::Lost })
    }

    /// How many rows were written.
    pub(super) async fn record(&self, wishes: &BTreeMap<SubjectKey, Wish>) -> Result<usize, LedgerError> {
        let statement = wish_columns(Statement::new(RECORD), wishes);
        call::execute(&self.database, &statement, "recording the wishes").await
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
        call::execute(&self.database, &statement, "writing down a hold").await.map(|_| ())
    }

    /// Whether there was one.
    pub(super) async fn release_hold(&self, session: Option<SessionId>) -> Result<bool, LedgerError> {
        let statement = Statement::new(RELEASE_HOLD).with(session.map_or(0, |session| session.0));
        call::execute(&self.database, &statement, "ending a hold").await.map(|deleted| deleted > 0)
    }

    async fn why_not(&self, ask: &StepAsk<'_>) -> Result<Option<WhyNot>, LedgerError> {
        let statement = Statement::new(WHY_NOT)
            .with(ask.key.session.0)
            .with(ask.key.provider.as_str())
            .with(ask.token)
            .with(ask.at)
            .with(ask.in_spite_of_holds);
        Ok(call::load(&self.database, &statement, "looking at a lease").await?.into_iter().next())
    }
}

/// Where a lease was there and gone again at every look.
const UNKNOWN_OWNER: &str = "somebody else";

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

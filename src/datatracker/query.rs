//! The statements of one reading, inside one transaction.
//!
//! Their number does not depend on the number of sessions: what was chosen goes into the next statement as an array of
//! ids. The statements stay simple, because a statement of text is planned anew each time; and an array of thousands of
//! ids is hidden from the planner (`ARRAY(SELECT unnest(...))`), which would weigh each of them.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::model::{GroupAcronym, MeetingNumber, SNAPSHOT_VERSION, Scope, SessionId, Snapshot};

use super::assemble::{self, Beside, Chosen, States};
use super::error::UnknownNames;
use super::href::Hosts;
use super::look::{Look, Range};
use super::rows::{DeckRow, Frame, HomeRow, Opened, SessionRow, SiblingRow, SlotRow, StateRow};
use super::schema::{Schema, SchemaError, candidates};

/// What a transaction is opened with.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) schema: Option<String>,
    pub(super) statement_timeout: Duration,
    pub(super) lock_timeout: Duration,
}

impl Opening {
    /// The first statement of a transaction: its settings, the source's clock, and where the tables are.
    pub(super) async fn open(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> Result<(DateTime<Utc>, Schema), Failed> {
        let looked_in = candidates(self.schema.as_deref());
        let opened: Opened = sql_query(include_str!("sql/settings.sql"))
            .bind::<Array<Text>, _>(&looked_in)
            .bind::<Text, _>(self.statement_timeout.as_millis().to_string())
            .bind::<Text, _>(self.lock_timeout.as_millis().to_string())
            .get_result(connection)
            .await?;
        Ok((opened.as_of, Schema::found(opened.schemas, looked_in)?))
    }
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(super) enum Failed {
    Schema(SchemaError),
    Empty,
    Unknown(UnknownNames),
    Query(diesel::result::Error),
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self::Query(error)
    }
}

impl From<SchemaError> for Failed {
    fn from(error: SchemaError) -> Self {
        Self::Schema(error)
    }
}

/// Reads what `look` asks for. Must run inside a REPEATABLE READ transaction.
pub(super) async fn snapshot(
    connection: &mut AsyncPgConnection,
    opening: &Opening,
    hosts: &Hosts,
    look: &Look,
) -> Result<Snapshot, Failed> {
    let (as_of, schema) = opening.open(connection).await?;
    let mut source = Source { connection, schema };
    let states = source.require(&look.must_exist).await?;

    let everything = look.range == Range::Everything;
    let bounds = look.range.bounds(as_of);
    let slots = match bounds {
        _ if everything => source.all_slots().await?,
        Some(bounds) => source.slots(bounds.after, bounds.before, &look.named).await?,
        None => source.slots(as_of, as_of, &look.named).await?,
    };
    let candidates: BTreeSet<i64> =
        slots.iter().map(|slot| slot.session).chain(look.named.iter().map(|id| id.0)).collect();
    let rows = source
        .sessions(everything, if everything { vec![] } else { candidates.into_iter().collect() })
        .await?;
    let mut chosen = assemble::with_slots(rows, &slots);
    drop(slots);
    let is_in_range = |session: &Chosen| {
        everything || bounds.zip(session.slot).is_some_and(|(bounds, slot)| bounds.hold(slot))
    };
    chosen.retain(|session| is_in_range(session) || look.named.contains(&SessionId(session.row.id)));
    let in_range = chosen.iter().filter(|session| is_in_range(session)).count();

    let ids: Vec<i64> =
        if everything { vec![] } else { chosen.iter().map(|session| session.row.id).collect() };
    // With everything chosen no interim has other sessions.
    let interims = if everything { BTreeSet::new() } else { assemble::interims(&chosen) };
    let others = source.siblings(interims, &ids).await?;
    let siblings = assemble::siblings(&chosen, &others);
    let decks = source.decks(everything, &ids).await?;
    let documents: BTreeSet<i64> =
        if everything { BTreeSet::new() } else { decks.iter().map(|deck| deck.document).collect() };
    let documents = Vec::from_iter(documents);
    let document_states = source.document_states(everything, &documents, states.ids()).await?;
    let elsewhere = source.links_elsewhere(&documents, &ids).await?;
    let beside = Beside { states: &states, document_states: &document_states, elsewhere: &elsewhere };
    let sessions = assemble::sessions(chosen, decks, &beside, hosts);
    Ok(Snapshot { version: SNAPSHOT_VERSION, as_of, complete: true, in_range, sessions, siblings })
}

/// An open transaction on the datatracker's tables.
struct Source<'a> {
    connection: &'a mut AsyncPgConnection,
    schema: Schema,
}

type Rows<T> = Result<Vec<T>, diesel::result::Error>;

impl Source<'_> {
    async fn require(&mut self, names: &Scope) -> Result<States, Failed> {
        let sessions: Vec<_> = names.sessions.iter().map(|id| id.0).collect();
        let groups: Vec<_> = names.groups.iter().map(GroupAcronym::as_str).collect();
        let meetings: Vec<_> = names.meetings.iter().map(MeetingNumber::as_str).collect();
        let frame: Frame = sql_query(self.schema.statement(include_str!("sql/frame.sql")))
            .bind::<Array<BigInt>, _>(sessions)
            .bind::<Array<Text>, _>(groups)
            .bind::<Array<Text>, _>(meetings)
            .get_result(self.connection)
            .await?;
        if !frame.has_meetings {
            return Err(Failed::Empty);
        }
        let mut unknown = UnknownNames {
            sessions: frame.sessions.into_iter().map(SessionId).collect(),
            groups: frame.groups.into_iter().map(GroupAcronym).collect(),
            meetings: frame.meetings.into_iter().map(MeetingNumber).collect(),
        };
        if !unknown.is_empty() {
            // In which order a server finds them is its own affair, and differs between versions.
            unknown.sessions.sort_unstable();
            unknown.groups.sort_unstable();
            unknown.meetings.sort_unstable();
            return Err(Failed::Unknown(unknown));
        }
        let policies = frame.policies.into_iter().zip(frame.policy_slugs).collect();
        Ok(States { deleted: frame.deleted, policies })
    }

    async fn all_slots(&mut self) -> Rows<SlotRow> {
        sql_query(self.schema.statement(include_str!("sql/slots_all.sql"))).load(self.connection).await
    }

    async fn slots(
        &mut self,
        after: DateTime<Utc>,
        before: DateTime<Utc>,
        named: &BTreeSet<SessionId>,
    ) -> Rows<SlotRow> {
        sql_query(self.schema.statement(include_str!("sql/slots_near.sql")))
            .bind::<Timestamptz, _>(after)
            .bind::<Timestamptz, _>(before)
            .bind::<Array<BigInt>, _>(named.iter().map(|id| id.0).collect::<Vec<_>>())
            .load(self.connection)
            .await
    }

    async fn sessions(&mut self, everything: bool, ids: Vec<i64>) -> Rows<SessionRow> {
        sql_query(self.schema.statement(include_str!("sql/sessions.sql")))
            .bind::<Bool, _>(everything)
            .bind::<Array<BigInt>, _>(ids)
            .load(self.connection)
            .await
    }

    async fn siblings(&mut self, interims: BTreeSet<i64>, known: &[i64]) -> Rows<SiblingRow> {
        sql_query(self.schema.statement(include_str!("sql/siblings.sql")))
            .bind::<Array<BigInt>, _>(Vec::from_iter(interims))
            .bind::<Array<BigInt>, _>(known)
            .load(self.connection)
            .await
    }

    async fn decks(&mut self, everything: bool, ids: &[i64]) -> Rows<DeckRow> {
        sql_query(self.schema.statement(include_str!("sql/decks.sql")))
            .bind::<Bool, _>(everything)
            .bind::<Array<BigInt>, _>(ids)
            .load(self.connection)
            .await
    }

    async fn document_states(
        &mut self,
        everything: bool,
        documents: &[i64],
        states: Vec<i64>,
    ) -> Rows<StateRow> {
        sql_query(self.schema.statement(include_str!("sql/states.sql")))
            .bind::<Bool, _>(everything)
            .bind::<Array<BigInt>, _>(documents)
            .bind::<Array<BigInt>, _>(states)
            .load(self.connection)
            .await
    }

    async fn links_elsewhere(&mut self, documents: &[i64], ids: &[i64]) -> Rows<HomeRow> {
        sql_query(self.schema.statement(include_str!("sql/homes.sql")))
            .bind::<Array<BigInt>, _>(documents)
            .bind::<Array<BigInt>, _>(ids)
            .load(self.connection)
            .await
    }
}

//! The statements of one reading, inside one transaction.
//!
//! Their number does not depend on the number of sessions: what was chosen goes into the next statement as an array of
//! ids. The arrays are hidden from the planner (`ARRAY(SELECT unnest(...))`), which would weigh each id of thousands, and
//! make a new plan for each reading. Statements that don't need each other's answers go out together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text, Timestamptz, Untyped};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join;

use crate::model::{GroupAcronym, Kind, MeetingNumber, SNAPSHOT_VERSION, Scope, SessionId, Snapshot};

use super::assemble::{self, Beside, States};
use super::error::UnknownNames;
use super::href::Hosts;
use super::look::{Look, Range};
use super::prepared::prepared;
use super::rows::{
    DeckColumns, DeckRow, Frame, HomeColumns, HomeRow, Opened, SessionColumns, SessionRow, SiblingColumns,
    SiblingRow, StateColumns, StateRow,
};
use super::schema::{Schema, SchemaError, candidates, of_all, without_documents, without_links};
use super::standby::{Progress, Standby};
use crate::database::DatabaseError;

/// What a transaction is opened with.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) schema: Option<String>,
    pub(super) statement_timeout: Duration,
    pub(super) lock_timeout: Duration,
}

impl Opening {
    /// How long all statements of a transaction may take together, and the way to the server with them. Each one has
    /// the server's own limit; this one is for a server that says nothing at all.
    pub(super) fn limit(&self) -> Duration {
        2 * self.statement_timeout
    }

    pub(super) fn took_too_long(&self, what: &str, doing: &str) -> DatabaseError {
        let said = format!("no answer within {} s", self.limit().as_secs());
        DatabaseError::TimedOut { what: what.to_owned(), doing: doing.to_owned(), said }
    }

    /// The first statement of a transaction: its settings, the source's clock, and where the tables are.
    pub(super) async fn open(&self, connection: &mut AsyncPgConnection) -> Result<Open, Failed> {
        let looked_in = candidates(self.schema.as_deref());
        let query = sql_query(include_str!("sql/settings.sql"))
            .bind::<Array<Text>, _>(&looked_in)
            .bind::<Text, _>(self.statement_timeout.as_millis().to_string())
            .bind::<Text, _>(self.lock_timeout.as_millis().to_string());
        let opened: Opened = prepared::<Untyped, _>(query).get_result(connection).await?;
        let Opened { as_of, standby, receiving, received, replayed, replayed_until, schemas } = opened;
        let progress = standby.then_some(Progress { receiving, received, replayed, replayed_until });
        Ok(Open { as_of, progress, schema: Schema::found(schemas, looked_in)? })
    }
}

/// An open transaction.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) as_of: DateTime<Utc>,
    /// Of a standby.
    pub(super) progress: Option<Progress>,
    pub(super) schema: Schema,
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(super) enum Failed {
    Schema(SchemaError),
    Empty,
    Unknown(UnknownNames),
    /// There was no connection at all.
    Connection(DatabaseError),
    Query(diesel::result::Error),
}

impl From<DatabaseError> for Failed {
    fn from(error: DatabaseError) -> Self {
        Self::Connection(error)
    }
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

/// What one reading needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) opening: &'a Opening,
    pub(super) hosts: &'a Hosts,
    pub(super) standby: &'a Standby,
    pub(super) look: &'a Look,
    /// What only these need is left out.
    pub(super) without: &'a BTreeSet<Kind>,
    /// Another number makes other statements of them, for a server or a pooler that has prepared them before.
    pub(super) edition: u32,
}

/// Reads what `look` asks for. Must run inside a REPEATABLE READ transaction.
pub(super) async fn snapshot(
    connection: &mut AsyncPgConnection,
    reading: Reading<'_>,
) -> Result<Snapshot, Failed> {
    let Reading { opening, hosts, standby, look, without, edition } = reading;
    let Open { as_of, progress, schema } = opening.open(connection).await?;
    let source = Source { connection, schema, without, edition };

    let everything = look.range == Range::Everything;
    let bounds = look.range.bounds(as_of);
    let sessions = async {
        let (after, before) = bounds.map_or((as_of, as_of), |bounds| (bounds.after, bounds.before));
        source.sessions(everything, after, before, &look.named).await.map_err(Failed::Query)
    };
    let (states, mut chosen) = try_join(source.require(&look.must_exist), sessions).await?;
    let is_in_range = |session: &SessionRow| {
        everything || bounds.zip(session.slot()).is_some_and(|(bounds, slot)| bounds.hold(slot))
    };
    chosen.retain(|session| is_in_range(session) || look.named.contains(&SessionId(session.id)));
    let in_range = chosen.iter().filter(|session| is_in_range(session)).count();

    let ids: Vec<i64> = if everything { vec![] } else { chosen.iter().map(|session| session.id).collect() };
    // With everything chosen no interim has other sessions.
    let interims = if everything { BTreeSet::new() } else { assemble::interims(&chosen) };
    let (others, decks) = try_join(source.siblings(interims, &ids), source.decks(everything, &ids)).await?;
    let siblings = assemble::siblings(&chosen, &others);
    let documents: BTreeSet<i64> =
        if everything { BTreeSet::new() } else { decks.iter().map(|deck| deck.document).collect() };
    let documents = Vec::from_iter(documents);
    let (document_states, elsewhere) = try_join(
        source.document_states(everything, &documents, states.ids()),
        source.links_elsewhere(&documents, &ids),
    )
    .await?;
    let beside = Beside { states: &states, document_states: &document_states, elsewhere: &elsewhere };
    let sessions = assemble::sessions(chosen, decks, &beside, hosts);
    let known_until = standby.known_until(as_of, progress);
    let complete = true;
    let (version, unread) = (SNAPSHOT_VERSION, BTreeMap::new());
    Ok(Snapshot { version, as_of, known_until, complete, unread, in_range, sessions, siblings })
}

/// An open transaction on the datatracker's tables.
struct Source<'a> {
    connection: &'a AsyncPgConnection,
    schema: Schema,
    without: &'a BTreeSet<Kind>,
    edition: u32,
}

type Rows<T> = Result<Vec<T>, diesel::result::Error>;

impl Source<'_> {
    async fn require(&self, names: &Scope) -> Result<States, Failed> {
        let sessions: Vec<_> = names.sessions.iter().map(|id| id.0).collect();
        let groups: Vec<_> = names.groups.iter().map(GroupAcronym::as_str).collect();
        let meetings: Vec<_> = names.meetings.iter().map(MeetingNumber::as_str).collect();
        let frame = include_str!("sql/frame.sql");
        let query = if self.without.contains(&Kind::Decks) {
            sql_query(self.statement(&without_documents(frame)))
        } else {
            sql_query(self.statement(frame))
        };
        let query = query
            .bind::<Array<BigInt>, _>(sessions)
            .bind::<Array<Text>, _>(groups)
            .bind::<Array<Text>, _>(meetings);
        let frame: Frame = prepared::<Untyped, _>(query).get_result(&mut self.connection()).await?;
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

    fn statement(&self, template: &str) -> String {
        let mut text = self.schema.statement(template);
        if self.edition > 0 {
            // A transaction pooler knows a prepared statement by its text alone, whichever of its connections it was
            // prepared on. One that a migration broke stays broken there until the text is another.
            write!(text, "\n-- edition {}", self.edition).expect("writing to a String can't fail");
        }
        text
    }

    /// The text, for the chosen ids or for everything.
    fn text(&self, everything: bool, template: &str) -> String {
        let text = self.statement(template);
        if everything { of_all(&text) } else { text }
    }

    async fn sessions(
        &self,
        everything: bool,
        after: DateTime<Utc>,
        before: DateTime<Utc>,
        named: &BTreeSet<SessionId>,
    ) -> Rows<SessionRow> {
        let all = include_str!("sql/sessions.sql");
        let query = if self.without.contains(&Kind::Room) {
            sql_query(self.text(everything, &without_links(all)))
        } else {
            sql_query(self.text(everything, all))
        };
        let query = query
            .bind::<Timestamptz, _>(after)
            .bind::<Timestamptz, _>(before)
            .bind::<Array<BigInt>, _>(named.iter().map(|id| id.0).collect::<Vec<_>>());
        prepared::<SessionColumns, _>(query).load(&mut self.connection()).await
    }

    async fn siblings(&self, interims: BTreeSet<i64>, known: &[i64]) -> Rows<SiblingRow> {
        let query = sql_query(self.statement(include_str!("sql/siblings.sql")))
            .bind::<Array<BigInt>, _>(Vec::from_iter(interims))
            .bind::<Array<BigInt>, _>(known);
        prepared::<SiblingColumns, _>(query).load(&mut self.connection()).await
    }

    async fn decks(&self, everything: bool, ids: &[i64]) -> Rows<DeckRow> {
        if self.without.contains(&Kind::Decks) {
            return Ok(Vec::new());
        }
        let text = self.text(everything, include_str!("sql/decks.sql"));
        let query = sql_query(text).bind::<Array<BigInt>, _>(ids);
        prepared::<DeckColumns, _>(query).load(&mut self.connection()).await
    }

    async fn document_states(&self, everything: bool, documents: &[i64], states: Vec<i64>) -> Rows<StateRow> {
        if self.without.contains(&Kind::Decks) {
            return Ok(Vec::new());
        }
        let text = self.text(everything, include_str!("sql/states.sql"));
        let query = sql_query(text).bind::<Array<BigInt>, _>(documents).bind::<Array<BigInt>, _>(states);
        prepared::<StateColumns, _>(query).load(&mut self.connection()).await
    }

    async fn links_elsewhere(&self, documents: &[i64], ids: &[i64]) -> Rows<HomeRow> {
        if self.without.contains(&Kind::Decks) {
            return Ok(Vec::new());
        }
        let query = sql_query(self.statement(include_str!("sql/homes.sql")))
            .bind::<Array<BigInt>, _>(documents)
            .bind::<Array<BigInt>, _>(ids);
        prepared::<HomeColumns, _>(query).load(&mut self.connection()).await
    }

    /// Several statements may be under way on it at once: the server takes them one after another.
    fn connection(&self) -> &AsyncPgConnection {
        self.connection
    }
}

//! The rows of the statements in `sql/`, column by column. Ids are `int8` whatever the table stores.
//!
//! Rows of which there can be many are read by place: their fields, and the types beside them, are in the order of the
//! statement. The others are read by name.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz};
use diesel::{Queryable, QueryableByName};

use crate::model::Span;

/// `settings.sql`
#[derive(QueryableByName)]
pub(super) struct Opened {
    #[diesel(sql_type = Timestamptz)]
    pub(super) as_of: DateTime<Utc>,
    #[diesel(sql_type = Bool)]
    pub(super) standby: bool,
    #[diesel(sql_type = Bool)]
    pub(super) receiving: bool,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) received: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) replayed: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(super) replayed_until: Option<DateTime<Utc>>,
    #[diesel(sql_type = Array<Text>)]
    pub(super) schemas: Vec<String>,
}

/// `frame.sql`: the lists hold what was asked for and is not there.
#[derive(QueryableByName)]
pub(super) struct Frame {
    #[diesel(sql_type = Bool)]
    pub(super) has_meetings: bool,
    #[diesel(sql_type = Array<BigInt>)]
    pub(super) sessions: Vec<i64>,
    #[diesel(sql_type = Array<Text>)]
    pub(super) groups: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    pub(super) meetings: Vec<String>,
    #[diesel(sql_type = Array<BigInt>)]
    pub(super) deleted: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    pub(super) policies: Vec<i64>,
    #[diesel(sql_type = Array<Text>)]
    pub(super) policy_slugs: Vec<String>,
}

/// `sessions.sql`
#[derive(Debug, Queryable)]
pub(super) struct SessionRow {
    pub(super) id: i64,
    pub(super) meeting_id: i64,
    pub(super) meeting: String,
    pub(super) meeting_type: String,
    pub(super) time_zone: String,
    pub(super) schedule: Option<i64>,
    pub(super) base: Option<i64>,
    pub(super) group: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) remote_instructions: String,
    pub(super) tombstone_for: Option<i64>,
    pub(super) modified: DateTime<Utc>,
    /// Of the official slot.
    pub(super) starts: Option<DateTime<Utc>>,
    pub(super) ends: Option<DateTime<Utc>>,
}

impl SessionRow {
    /// The official slot.
    pub(super) fn slot(&self) -> Option<Span> {
        self.starts.zip(self.ends).map(|(start, end)| Span::new(start, end))
    }
}

pub(super) type SessionColumns = (
    BigInt,
    BigInt,
    Text,
    Text,
    Text,
    Nullable<BigInt>,
    Nullable<BigInt>,
    Text,
    Text,
    Text,
    Text,
    Nullable<BigInt>,
    Timestamptz,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
);

/// `siblings.sql`
#[derive(Debug, Queryable)]
pub(super) struct SiblingRow {
    pub(super) session: i64,
    pub(super) meeting_id: i64,
    pub(super) schedule: i64,
    pub(super) starts: DateTime<Utc>,
}

pub(super) type SiblingColumns = (BigInt, BigInt, BigInt, Timestamptz);

/// `decks.sql`
#[derive(Debug, Queryable)]
pub(super) struct DeckRow {
    pub(super) session: i64,
    pub(super) place: i32,
    pub(super) link: i64,
    pub(super) document: i64,
    pub(super) name: String,
    pub(super) title: String,
    pub(super) rev: String,
    pub(super) external_url: String,
    pub(super) uploaded_filename: String,
}

pub(super) type DeckColumns = (BigInt, Integer, BigInt, BigInt, Text, Text, Text, Text, Text);

/// `states.sql`
#[derive(Debug, Queryable)]
pub(super) struct StateRow {
    pub(super) document: i64,
    pub(super) state: i64,
}

pub(super) type StateColumns = (BigInt, BigInt);

/// `homes.sql`
#[derive(Debug, Queryable)]
pub(super) struct HomeRow {
    pub(super) document: i64,
    pub(super) session: i64,
    pub(super) meeting: String,
}

pub(super) type HomeColumns = (BigInt, BigInt, Text);

/// `verify.sql`
#[derive(QueryableByName)]
pub(super) struct ColumnRow {
    #[diesel(sql_type = Text)]
    pub(super) relation: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Bool)]
    pub(super) present: bool,
    #[diesel(sql_type = Bool)]
    pub(super) granted: bool,
}

/// `role.sql`
#[derive(QueryableByName)]
pub(super) struct RoleRow {
    #[diesel(sql_type = Text)]
    pub(super) role: String,
    #[diesel(sql_type = Bool)]
    pub(super) may_use_schema: bool,
    #[diesel(sql_type = Bool)]
    pub(super) superuser: bool,
    #[diesel(sql_type = Bool)]
    pub(super) standby: bool,
    #[diesel(sql_type = Array<Text>)]
    pub(super) wide: Vec<String>,
}

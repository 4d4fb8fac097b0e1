//! The rows of the statements in `sql/`, column by column. Ids are `int8` whatever the table stores.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz};

/// `settings.sql`
#[derive(QueryableByName)]
pub(super) struct Opened {
    #[diesel(sql_type = Timestamptz)]
    pub(super) as_of: DateTime<Utc>,
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

/// `slots_near.sql`, `slots_all.sql`
#[derive(Debug, QueryableByName)]
pub(super) struct SlotRow {
    #[diesel(sql_type = BigInt)]
    pub(super) session: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) schedule: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(super) starts: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) ends: DateTime<Utc>,
}

/// `sessions.sql`
#[derive(Debug, QueryableByName)]
pub(super) struct SessionRow {
    #[diesel(sql_type = BigInt)]
    pub(super) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) meeting_id: i64,
    #[diesel(sql_type = Text)]
    pub(super) meeting: String,
    #[diesel(sql_type = Text)]
    pub(super) meeting_type: String,
    #[diesel(sql_type = Text)]
    pub(super) time_zone: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) schedule: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) base: Option<i64>,
    #[diesel(sql_type = Text)]
    pub(super) group: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) status: String,
    #[diesel(sql_type = Text)]
    pub(super) remote_instructions: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(super) tombstone_for: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    pub(super) modified: DateTime<Utc>,
}

/// `siblings.sql`
#[derive(Debug, QueryableByName)]
pub(super) struct SiblingRow {
    #[diesel(sql_type = BigInt)]
    pub(super) session: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) meeting_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) schedule: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(super) starts: DateTime<Utc>,
}

/// `decks.sql`
#[derive(Debug, QueryableByName)]
pub(super) struct DeckRow {
    #[diesel(sql_type = BigInt)]
    pub(super) session: i64,
    #[diesel(sql_type = Integer)]
    pub(super) place: i32,
    #[diesel(sql_type = BigInt)]
    pub(super) link: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) document: i64,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Text)]
    pub(super) title: String,
    #[diesel(sql_type = Text)]
    pub(super) rev: String,
    #[diesel(sql_type = Text)]
    pub(super) external_url: String,
    #[diesel(sql_type = Text)]
    pub(super) uploaded_filename: String,
}

/// `states.sql`
#[derive(Debug, QueryableByName)]
pub(super) struct StateRow {
    #[diesel(sql_type = BigInt)]
    pub(super) document: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) state: i64,
}

/// `homes.sql`
#[derive(Debug, QueryableByName)]
pub(super) struct HomeRow {
    #[diesel(sql_type = BigInt)]
    pub(super) document: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) session: i64,
    #[diesel(sql_type = Text)]
    pub(super) meeting: String,
}

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

//! A statement in SQL of our own that is prepared once per connection.
//!
//! Several things that must happen together are one statement here (a lease and a doubt mark, an end and its
//! attempt), which diesel's builder can't say, and its `sql_query` prepares anew each time: one more trip to the
//! server for every step.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{
    Array, Bool, Int4, Int8, Jsonb, Nullable, Text, Timestamptz, Untyped, Uuid as SqlUuid,
};
use serde_json::Value;
use uuid::Uuid;

/// SQL in which each `?` is one value, in order.
pub(super) struct Statement {
    sql: &'static str,
    values: Vec<Bind>,
}

/// A value of a statement.
pub(super) enum Bind {
    Bool(bool),
    Int4(i32),
    Int8(i64),
    MaybeInt8(Option<i64>),
    Int8s(Vec<i64>),
    Text(String),
    MaybeText(Option<String>),
    Texts(Vec<String>),
    MaybeTexts(Vec<Option<String>>),
    Uuid(Uuid),
    Time(DateTime<Utc>),
    MaybeTime(Option<DateTime<Utc>>),
    Times(Vec<DateTime<Utc>>),
    MaybeTimes(Vec<Option<DateTime<Utc>>>),
    MaybeJson(Option<Value>),
    Jsons(Vec<Value>),
}

macro_rules! bind_from {
    ($($from:ty => $name:ident,)*) => {
        $(impl From<$from> for Bind {
            fn from(value: $from) -> Self {
                Self::$name(value)
            }
        })*
    };
}

bind_from! {
    bool => Bool,
    i32 => Int4,
    i64 => Int8,
    Option<i64> => MaybeInt8,
    Vec<i64> => Int8s,
    String => Text,
    Option<String> => MaybeText,
    Vec<String> => Texts,
    Vec<Option<String>> => MaybeTexts,
    Uuid => Uuid,
    DateTime<Utc> => Time,
    Option<DateTime<Utc>> => MaybeTime,
    Vec<DateTime<Utc>> => Times,
    Vec<Option<DateTime<Utc>>> => MaybeTimes,
    Option<Value> => MaybeJson,
    Vec<Value> => Jsons,
}

impl Bind {
    fn rows(&self) -> usize {
        match self {
            Self::Int8s(values) => values.len(),
            Self::Texts(values) => values.len(),
            _ => 0,
        }
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl Statement {
    pub(super) fn new(sql: &'static str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// The value of the next `?`.
    pub(super) fn with(mut self, value: impl Into<Bind>) -> Self {
        self.values.push(value.into());
        self
    }

    /// How many rows it writes at most, of those that are given to it as lists.
    pub(super) fn rows(&self) -> usize {
        self.values.iter().map(Bind::rows).max().unwrap_or(0)
    }
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (index, piece) in self.sql.split('?').enumerate() {
            if index > 0 {
                let value = values.next().expect("the SQL is ours: as many marks as values");
                push(&mut out, value)?;
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

fn push<'b>(out: &mut AstPass<'_, 'b, Pg>, value: &'b Bind) -> QueryResult<()> {
    match value {
        Bind::Bool(value) => out.push_bind_param::<Bool, _>(value),
        Bind::Int4(value) => out.push_bind_param::<Int4, _>(value),
        Bind::Int8(value) => out.push_bind_param::<Int8, _>(value),
        Bind::MaybeInt8(value) => out.push_bind_param::<Nullable<Int8>, _>(value),
        Bind::Int8s(value) => out.push_bind_param::<Array<Int8>, _>(value),
        Bind::Text(value) => out.push_bind_param::<Text, _>(value),
        Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, _>(value),
        Bind::Texts(value) => out.push_bind_param::<Array<Text>, _>(value),
        Bind::MaybeTexts(value) => out.push_bind_param::<Array<Nullable<Text>>, _>(value),
        Bind::Uuid(value) => out.push_bind_param::<SqlUuid, _>(value),
        Bind::Time(value) => out.push_bind_param::<Timestamptz, _>(value),
        Bind::MaybeTime(value) => out.push_bind_param::<Nullable<Timestamptz>, _>(value),
        Bind::Times(value) => out.push_bind_param::<Array<Timestamptz>, _>(value),
        Bind::MaybeTimes(value) => out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(value),
        Bind::MaybeJson(value) => out.push_bind_param::<Nullable<Jsonb>, _>(value),
        Bind::Jsons(value) => out.push_bind_param::<Array<Jsonb>, _>(value),
    }
}

/// Told apart by their text, of which there are as many as statements in this room.
impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

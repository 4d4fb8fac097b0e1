//! A statement that is prepared, and planned, once per connection.
//!
//! diesel's `sql_query` prepares its text anew each time, which is one more trip to the server, and one more plan, for
//! each statement of each pass. And it finds columns by their names, row by row; here they are told by their types, in
//! the order of the statement.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;

/// A `sql_query` with its binds, whose rows have these columns.
pub(super) struct Prepared<Q, Columns> {
    query: Q,
    columns: PhantomData<Columns>,
}

/// The text must be one of a few: each one stays prepared for as long as its connection.
pub(super) fn prepared<Columns, Q>(query: Q) -> Prepared<Q, Columns> {
    Prepared { query, columns: PhantomData }
}

impl<Q: QueryFragment<Pg>, Columns> QueryFragment<Pg> for Prepared<Q, Columns> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _backend: &Pg) -> QueryResult<bool> {
        Ok(true)
    }
}

/// Told apart by their text.
impl<Q, Columns> QueryId for Prepared<Q, Columns> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, Columns> Query for Prepared<Q, Columns> {
    type SqlType = Columns;
}

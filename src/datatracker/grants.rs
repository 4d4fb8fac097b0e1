//! The statements that give a role what meetsync needs, and nothing more. Pure text, for `psql`.
//!
//! They can be run twice, and stop at the first error with `ON_ERROR_STOP`. The role itself is made by a person: its
//! password is nobody else's business.

use std::fmt::Write as _;

use super::columns::{READ, WRITTEN};
use super::schema::quoted;

/// The statements for `role`. Without a `schema` they find it: the one of `datatracker` and `public` that holds the
/// tables.
pub fn statements(role: &str, schema: Option<&str>, write_back: bool) -> String {
    let role = quoted(role);
    let comment_role = one_line(&role);
    let mut text = format!(
        "-- What meetsync needs as role {comment_role}. Where that role does not exist yet, make it first, with a \
         password of your own:\n\
         --   CREATE ROLE {comment_role} LOGIN PASSWORD '...';\n\
         -- Everybody may connect to a PostgreSQL database unless somebody took that away; if so, also:\n\
         --   GRANT CONNECT ON DATABASE ... TO {comment_role};\n\n\
         -- Part 1: on the datatracker's primary server, in the datatracker's database, as the owner of its tables.\n\
         -- (A read replica follows by itself.)\n\
         BEGIN;\n"
    );
    text.push_str(&find_schema(&role, schema.filter(|schema| !schema.is_empty())));
    for table in READ {
        let columns = column_list(table.columns);
        writeln!(text, "GRANT SELECT ({columns}) ON {} TO {role};", table.name).expect(INFALLIBLE);
    }
    if write_back {
        let columns = column_list(WRITTEN.columns);
        text.push_str("-- For the room links (datatracker.write_back = true):\n");
        writeln!(text, "GRANT UPDATE ({columns}) ON {} TO {role};", WRITTEN.name).expect(INFALLIBLE);
    }
    text.push_str("COMMIT;\n\n");
    write!(
        text,
        "-- Part 2: on the ledger's server, in the ledger's database (`ledger.database_url`; by default the same as \
         above).\n\
         -- Where that is another server, run this part there, and not here.\n\
         CREATE SCHEMA IF NOT EXISTS meetsync AUTHORIZATION {role};\n"
    )
    .expect(INFALLIBLE);
    text
}

const INFALLIBLE: &str = "writing to a String can't fail";

/// Grants the use of the schema, and makes it the place of the unqualified names that follow in this transaction.
fn find_schema(role: &str, schema: Option<&str>) -> String {
    if let Some(schema) = schema {
        let schema = quoted(schema);
        return format!("SET LOCAL search_path = {schema};\nGRANT USAGE ON SCHEMA {schema} TO {role};\n");
    }
    let body = format!(
        "
DECLARE
  found text[];
BEGIN
  SELECT array_agg(n.nspname::text) INTO found
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relname = 'meeting_session' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
     AND n.nspname IN ('datatracker', 'public');
  IF coalesce(cardinality(found), 0) <> 1 THEN
    RAISE EXCEPTION 'schema datatracker or public must hold the table meeting_session, and not both; found: %', found
      USING HINT = 'Is this the datatracker''s database? Else set datatracker.schema and print these statements again.';
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', found[1], {role});
  PERFORM set_config('search_path', quote_ident(found[1]), true);
END
",
        role = literal(role)
    );
    let tag = dollar_tag(&body);
    format!("DO {tag}{body}{tag};\n")
}

fn column_list(columns: &[&str]) -> String {
    // Some of them are words of SQL (`order`, `time`), so all are quoted.
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

/// A text as an SQL literal, whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    if text.contains('\\') {
        format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// A dollar quote that the body does not contain.
fn dollar_tag(body: &str) -> String {
    let mut tag = "$meetsync$".to_owned();
    while body.contains(&tag) {
        tag.insert(1, 'x');
    }
    tag
}

/// A comment ends where its line does.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_name_can_leave_neither_its_quotes_nor_its_comment() {
        let text = statements("a\"b\nDROP TABLE x; --$meetsync$ 'c' \\", None, true);
        for line in text.lines() {
            assert!(!line.starts_with("DROP TABLE x; -- P"), "{line}");
        }
        assert!(text.contains("TO \"a\"\"b\nDROP TABLE x; --$meetsync$ 'c' \\\";"));
        assert!(text.contains("E'\"a\"\"b\nDROP TABLE x; --$meetsync$ ''c'' \\\\\"'"));
        assert!(text.contains("DO $xmeetsync$"));
        assert!(text.contains("-- What meetsync needs as role \"a\"\"b DROP TABLE x;"));
    }

    #[test]
    fn the_update_is_granted_only_where_links_are_written() {
        assert!(statements("r", None, true).contains("GRANT UPDATE (\"remote_instructions\", \"modified\")"));
        assert!(!statements("r", None, false).contains("UPDATE"));
    }

    #[test]
    fn a_named_schema_is_not_looked_for() {
        let text = statements("r", Some("dt"), true);
        assert!(text.contains("SET LOCAL search_path = \"dt\";") && !text.contains("DO $"), "{text}");
        assert_eq!(statements("r", Some(""), true), statements("r", None, true));
    }
}

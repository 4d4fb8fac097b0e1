//! Whether the role that we connect as can do its task, and whether it can do more than it should.
//!
//! Nothing is read here but PostgreSQL's own catalogs, which every role may read: so it works for a role that lacks
//! everything, and says so.

use std::fmt;

use diesel::sql_query;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::columns::Table;
use super::query::{Failed, Opening};
use super::rows::{ColumnRow, RoleRow};

/// What the role can and can't do with the columns that we need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnReport {
    /// The schema that holds the datatracker's tables.
    pub schema: String,
    /// The role that we are connected as.
    pub role: String,
    /// `table.column`, or a table of which no needed column is there: not in this database.
    pub absent: Vec<String>,
    /// `table.column`: there, and the role may not read (or write) it.
    pub not_granted: Vec<String>,
    /// The role may not use the schema at all, whatever it may do with its tables.
    pub schema_not_granted: bool,
    /// `schema.table`: tables of persons and passwords (`person_*`, `auth_user*`, in any schema) that the role can
    /// read in whole or in part, and should not.
    pub wide: Vec<String>,
    pub superuser: bool,
    /// The server is a standby, to which nothing can be written.
    pub standby: bool,
}

impl ColumnReport {
    /// Whether everything that is needed is there and granted. Says nothing about `wide`.
    pub fn is_enough(&self) -> bool {
        self.absent.is_empty() && self.not_granted.is_empty() && !self.schema_not_granted
    }

    /// Whether the role can read what it has no business with.
    pub fn is_wide(&self) -> bool {
        self.superuser || !self.wide.is_empty()
    }
}

impl fmt::Display for ColumnReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (schema, role) = (&self.schema, &self.role);
        if self.is_enough() {
            return write!(
                f,
                "every column that is needed is in schema `{schema}` and granted to role `{role}`"
            );
        }
        let mut parts = Vec::new();
        if !self.absent.is_empty() {
            parts.push(format!("absent in schema `{schema}`: {}", self.absent.join(", ")));
        }
        if self.schema_not_granted {
            parts.push(format!("not granted to role `{role}`: USAGE on schema `{schema}`"));
        }
        if !self.not_granted.is_empty() {
            parts.push(format!("not granted to role `{role}`: {}", self.not_granted.join(", ")));
        }
        f.write_str(&parts.join("; "))?;
        if self.schema_not_granted || !self.not_granted.is_empty() {
            write!(f, " (`meetsync grants {role}` prints the statements)")?;
        }
        Ok(())
    }
}

/// A privilege and what it is needed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need {
    pub(super) table: Table,
    pub(super) privilege: &'static str,
}

pub(super) async fn report(
    connection: &mut AsyncPgConnection,
    opening: &Opening,
    needs: &[Need],
) -> Result<ColumnReport, Failed> {
    let schema = opening.open(connection).await?.schema;
    let (mut tables, mut columns, mut privileges) = (vec![], vec![], vec![]);
    for need in needs {
        for column in need.table.columns {
            tables.push(need.table.name);
            columns.push(*column);
            privileges.push(need.privilege);
        }
    }
    let found: Vec<ColumnRow> = sql_query(include_str!("sql/verify.sql"))
        .bind::<Array<Text>, _>(tables)
        .bind::<Array<Text>, _>(columns)
        .bind::<Text, _>(&schema.name)
        .bind::<Array<Text>, _>(privileges)
        .load(connection)
        .await?;
    let role: RoleRow =
        sql_query(include_str!("sql/role.sql")).bind::<Text, _>(&schema.name).get_result(connection).await?;
    Ok(ColumnReport {
        schema: schema.name,
        role: role.role,
        absent: absent(&found),
        not_granted: found.iter().filter(|row| row.present && !row.granted).map(name_of).collect(),
        schema_not_granted: !role.may_use_schema,
        wide: role.wide,
        superuser: role.superuser,
        standby: role.standby,
    })
}

fn name_of(row: &ColumnRow) -> String {
    format!("{}.{}", row.relation, row.name)
}

/// A table without any of its columns is named once, as a table.
fn absent(found: &[ColumnRow]) -> Vec<String> {
    let mut names = Vec::new();
    for row in found.iter().filter(|row| !row.present) {
        let nothing_there = found.iter().all(|other| other.relation != row.relation || !other.present);
        let name = if nothing_there { row.relation.clone() } else { name_of(row) };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(relation: &str, name: &str, present: bool) -> ColumnRow {
        ColumnRow { relation: relation.to_owned(), name: name.to_owned(), present, granted: present }
    }

    #[test]
    fn a_table_that_is_not_there_is_named_once() {
        let found = [row("a", "x", false), row("b", "x", true), row("a", "y", false), row("b", "y", false)];
        assert_eq!(absent(&found), ["a", "b.y"]);
    }

    #[test]
    fn the_report_tells_absent_from_not_granted() {
        let report = ColumnReport {
            schema: "public".to_owned(),
            role: "worker".to_owned(),
            absent: vec!["a.x".to_owned()],
            not_granted: vec!["b.y".to_owned()],
            ..ColumnReport::default()
        };
        assert!(!report.is_enough());
        assert_eq!(
            report.to_string(),
            "absent in schema `public`: a.x; not granted to role `worker`: b.y (`meetsync grants worker` prints the \
             statements)"
        );
    }
}

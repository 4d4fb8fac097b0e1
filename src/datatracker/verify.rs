//! Whether the role that we connect as can do its task, and whether it can do more than it should.
//!
//! Nothing is read here but PostgreSQL's own catalogs, which every role may read: so it works for a role that lacks
//! everything, and says so.

use diesel::sql_query;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::column_report::ColumnReport;
use super::columns::Table;
use super::query::{Failed, Opening};
use super::rows::{ColumnRow, RoleRow};

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
        not_granted: not_granted(&found),
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

/// Once, whichever and however many privileges are lacking.
fn not_granted(found: &[ColumnRow]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in found.iter().filter(|row| row.present && !row.granted).map(name_of) {
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
    fn a_column_that_is_needed_for_reading_and_for_writing_is_named_once() {
        let denied = |name: &str| ColumnRow { granted: false, ..row("a", name, true) };
        let found = [denied("x"), denied("y"), row("a", "z", true), row("a", "gone", false), denied("x")];
        assert_eq!(not_granted(&found), ["a.x", "a.y"]);
    }

    #[test]
    fn a_table_that_is_not_there_is_named_once() {
        let found = [row("a", "x", false), row("b", "x", true), row("a", "y", false), row("b", "y", false)];
        assert_eq!(absent(&found), ["a", "b.y"]);
    }
}

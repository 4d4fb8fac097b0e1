//! `migrate`, and what `open` says of a ledger that it can't use.

use diesel::QueryDsl as _;
use diesel_async::RunQueryDsl as _;
use meetsync::ledger::{Ledger, LedgerError, migrate, tables};

use super::{connect, live, ready, rehearsal};
use crate::support::{TestDatabase, cluster};

const TABLES: &str = "SELECT schemaname || '.' || tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn migrate_makes_everything_in_its_own_schema_and_is_safe_twice() {
    let database = TestDatabase::bare().await;
    let first = migrate(&connect(database.url(), 2, false)).await.unwrap();
    assert!(first.schema_created);
    assert_eq!(first.applied, ["20261121000001", "20261121000002"]);
    let tables = database.texts(TABLES).await;
    assert_eq!(tables.len(), 10, "{tables:?}");
    assert!(tables.iter().all(|table| table.starts_with("meetsync.")), "{tables:?}");
    assert!(tables.contains(&"meetsync.__diesel_schema_migrations".to_owned()));

    let again = migrate(&connect(database.url(), 2, false)).await.unwrap();
    assert!(!again.schema_created && again.applied.is_empty(), "{again:?}");
    live(&database).await;
}

/// As in the program, which has one thread.
#[tokio::test]
async fn migrate_needs_no_second_thread() {
    let database = TestDatabase::bare().await;
    let report = migrate(&connect(database.url(), 2, false)).await.unwrap();
    assert!(report.schema_created && report.applied.len() == 2, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_do_the_work_once() {
    let database = TestDatabase::bare().await;
    let [a, b, c] = [(); 3].map(|()| connect(database.url(), 2, false));
    let (a, b, c) = tokio::join!(migrate(&a), migrate(&b), migrate(&c));
    let reports = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(reports.iter().filter(|report| report.schema_created).count(), 1, "{reports:?}");
    assert_eq!(reports.iter().map(|report| report.applied.len()).sum::<usize>(), 2, "{reports:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schemas_owner_needs_no_right_to_create_schemas() {
    let database = TestDatabase::bare().await;
    database.run("CREATE ROLE ledger_owner LOGIN; CREATE ROLE ledger_nobody LOGIN").await;

    let error = migrate(&connect(database.url_as("ledger_owner"), 1, false)).await.unwrap_err();
    assert!(matches!(error, LedgerError::MayNotCreateSchema { .. }), "{error:?}");
    assert!(error.to_string().contains("`meetsync grants ledger_owner`"), "{error}");

    database.run("CREATE SCHEMA meetsync AUTHORIZATION ledger_owner").await;
    let report = migrate(&connect(database.url_as("ledger_owner"), 1, false)).await.unwrap();
    assert!(!report.schema_created && report.applied.len() == 2, "{report:?}");
    Ledger::open(connect(database.url_as("ledger_owner"), 1, false)).await.unwrap();

    let error = migrate(&connect(database.url_as("ledger_nobody"), 1, false)).await.unwrap_err();
    assert!(matches!(error, LedgerError::MayNotCreateTables { .. }), "{error:?}");
    let error = Ledger::open(connect(database.url_as("ledger_nobody"), 1, false)).await.unwrap_err();
    assert!(error.to_string().contains("does not permit"), "{error}");
    drop(database);
    cluster().run_sql("postgres", "DROP ROLE ledger_owner; DROP ROLE ledger_nobody").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_migration_leaves_nothing_behind_and_the_connection_is_fine() {
    let database = TestDatabase::bare().await;
    database.run("CREATE SCHEMA meetsync; CREATE TABLE meetsync.lease (id int)").await;
    let pool = connect(database.url(), 1, false);
    let error = migrate(&pool).await.unwrap_err();
    assert!(matches!(error, LedgerError::Migration(_)), "{error:?}");
    assert_eq!(database.texts(TABLES).await, ["meetsync.lease"]);
    database.run("DROP TABLE meetsync.lease").await;
    assert_eq!(migrate(&pool).await.unwrap().applied.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_not_there_names_the_way_on() {
    let database = TestDatabase::bare().await;
    for error in [
        Ledger::open(connect(database.url(), 1, false)).await.unwrap_err(),
        Ledger::rehearsal(connect(database.url(), 1, true)).await.unwrap_err(),
    ] {
        assert!(matches!(error, LedgerError::NotMigrated), "{error:?}");
        assert!(error.to_string().contains("`meetsync migrate`"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_ledger_opens_as_long_as_it_allows_our_reader() {
    let database = ready().await;
    database.run("UPDATE meetsync.ledger_version SET version = 7").await;
    live(&database).await;
    rehearsal(&database).await;
    database.run("UPDATE meetsync.ledger_version SET oldest_reader = 2").await;
    for error in [
        Ledger::open(connect(database.url(), 1, false)).await.unwrap_err(),
        Ledger::rehearsal(connect(database.url(), 1, true)).await.unwrap_err(),
    ] {
        assert!(
            matches!(error, LedgerError::TooNew { version: 7, oldest_reader: 2, reader: 1 }),
            "{error:?}"
        );
    }
    database.run("UPDATE meetsync.ledger_version SET oldest_reader = 0, version = 0").await;
    let error = Ledger::open(connect(database.url(), 1, false)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Behind { version: 0, .. }), "{error:?}");
}

/// Every column that diesel knows can be selected, and the migrations make no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_tables_are_what_the_migrations_make() {
    let database = ready().await;
    let pool = connect(database.url(), 1, false);
    let mut connection = pool.connection().await.unwrap();
    let mut known: Vec<String> = Vec::new();
    macro_rules! select_all {
        ($($table:ident),*) => {$(
            let select = tables::$table::table.select(tables::$table::all_columns);
            known.extend(columns(&diesel::debug_query::<diesel::pg::Pg, _>(&select).to_string()));
            select.execute(&mut connection).await.unwrap();
        )*};
    }
    select_all!(ledger_version, subject, attempt, lease, hold, pass, tick, replica, rooms_found);
    known.sort();
    let made = "SELECT table_name || '.' || column_name FROM information_schema.columns
        WHERE table_schema = 'meetsync' AND table_name NOT LIKE '%diesel%'";
    let mut made = database.texts(made).await;
    made.sort();
    assert_eq!(known, made);
}

/// `"meetsync"."lease"."owner"` as `lease.owner`.
fn columns(sql: &str) -> Vec<String> {
    let list = sql.strip_prefix("SELECT ").and_then(|rest| rest.split(" FROM ").next()).unwrap();
    list.split(", ").map(|column| column.replace('"', "").replacen("meetsync.", "", 1)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_down_leaves_an_empty_schema() {
    let database = ready().await;
    database.run(include_str!("../../../migrations/ledger/2026-11-21-000002_worker/down.sql")).await;
    assert_eq!(database.texts("SELECT version::text FROM meetsync.ledger_version").await, ["1"]);
    database.run(include_str!("../../../migrations/ledger/2026-11-21-000001_ledger/down.sql")).await;
    assert!(database.texts(TABLES).await.is_empty());
}

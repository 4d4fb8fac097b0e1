//! `migrations/optional/notify.sql`, as a database's owner installs it.

use std::time::Instant;

use meetsync::datatracker::{CHANGES, columns};
use meetsync::demo::sample;

use super::bell::Bell;
use crate::support::TestDatabase;

const NOTIFY: &str = include_str!("../../../migrations/optional/notify.sql");
const TRIGGERS: &str = "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgname = 'meetsync_notify' ORDER BY 1";
const TO_DATATRACKER: &str = "CREATE SCHEMA datatracker; DO $$ DECLARE t text; BEGIN
  FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA datatracker', t);
  END LOOP; END $$";
/// Read, and hardly ever changed: the poll is soon enough.
const LEFT_TO_THE_POLL: [&str; 2] = ["doc_state", "group_group"];

fn watched() -> Vec<&'static str> {
    columns::READ.iter().map(|table| table.name).filter(|table| !LEFT_TO_THE_POLL.contains(table)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_table_rings_once_per_transaction_in_either_schema() {
    let database = TestDatabase::with_sample().await;
    for schema in ["public", "datatracker"] {
        if schema == "datatracker" {
            database.run("DROP FUNCTION public.meetsync_notify() CASCADE").await;
            assert!(database.texts(TRIGGERS).await.is_empty());
            database.run(TO_DATATRACKER).await;
        }
        database.run(NOTIFY).await;
        database.run(NOTIFY).await;
        assert_eq!(database.texts(TRIGGERS).await, watched());
        let mut bell = Bell::on(database.url(), CHANGES).await;
        let mut rings = 1;
        for table in watched() {
            for statement in [
                format!("UPDATE {schema}.{table} SET id = id"),
                format!("DELETE FROM {schema}.{table} WHERE id = -1"),
                format!("INSERT INTO {schema}.{table} SELECT * FROM {schema}.{table} WHERE false"),
            ] {
                let edited = Instant::now();
                // One that is rolled back says nothing: the next ring is that of the one after it.
                database.run(&format!("BEGIN; {statement}; ROLLBACK")).await;
                database.run(&format!("BEGIN; {statement}; {statement}; COMMIT")).await;
                rings += 1;
                bell.expect(rings).await;
                assert!(edited.elapsed().as_secs() < 2, "{statement}: {:?}", edited.elapsed());
            }
        }
        database.run(&format!("BEGIN; TRUNCATE {schema}.meeting_timeslot CASCADE; ROLLBACK")).await;
        database.run(&format!("UPDATE {schema}.group_group SET acronym = acronym")).await;
        database.run(&format!("TRUNCATE {schema}.meeting_session_materials")).await;
        bell.expect(rings + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_never_stands_in_the_datatrackers_way() {
    let database = TestDatabase::with_sample().await;
    database.run(NOTIFY).await;
    database
        .run(
            "CREATE ROLE notify_django LOGIN; CREATE ROLE notify_nobody;
             GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO notify_django;
             REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC",
        )
        .await;
    let (client, connection) =
        tokio_postgres::connect(&database.url_as("notify_django"), tokio_postgres::NoTls).await.unwrap();
    let driven = async {
        let mut bell = Bell::on(database.url(), CHANGES).await;
        let edit = "UPDATE public.meeting_session SET name = 'edited'";
        client.batch_execute(edit).await.unwrap();
        bell.expect(2).await;
        // Whoever owns the function may not notify either: no ring, and no failure.
        database.run("ALTER FUNCTION public.meetsync_notify() OWNER TO notify_nobody").await;
        client.batch_execute(edit).await.unwrap();
        database.run("SELECT pg_notify('meetsync', '')").await;
        bell.expect(3).await;
        // Django's migrations: the triggers hold no column fast.
        for migration in [
            "ALTER TABLE public.meeting_session ALTER COLUMN name TYPE varchar(400)",
            "BEGIN; UPDATE public.meeting_session SET name = name;
             ALTER TABLE public.meeting_session ADD COLUMN extra int; COMMIT",
            "ALTER TABLE public.meeting_session DROP COLUMN name",
            "ALTER TABLE public.doc_document DROP COLUMN title, DROP COLUMN type_id",
        ] {
            database.run(migration).await;
        }
        drop(client);
    };
    let ((), ended) = tokio::join!(driven, connection);
    ended.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_the_datatrackers_is_left_alone() {
    let refused = async |database: &TestDatabase| {
        let (client, connection) =
            tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
        let ask = async {
            let error = client.batch_execute(NOTIFY).await.unwrap_err();
            drop(client);
            error.as_db_error().unwrap().message().to_owned()
        };
        let (said, ended) = tokio::join!(ask, connection);
        ended.unwrap();
        said
    };
    let nothing = TestDatabase::bare().await;
    assert!(refused(&nothing).await.contains("must hold the table meeting_session"));
    let both = TestDatabase::empty_schema().await;
    both.run("CREATE SCHEMA datatracker; CREATE TABLE datatracker.meeting_session (id int)").await;
    assert!(refused(&both).await.contains("{datatracker,public}"));
    assert!(both.texts(TRIGGERS).await.is_empty());
}

/// Every directory in `migrations/ledger` is run by `meetsync migrate`, and nothing else is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_optional_is_not_migrated() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let names = |path: &str| {
        let found = std::fs::read_dir(path).unwrap();
        let mut names: Vec<_> =
            found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(root), ["ledger", "optional"], "a migration outside of migrations/ledger is never run");
    let database = TestDatabase::bare().await;
    database.run(sample::SCHEMA).await;
    let options = super::connect(database.url(), false);
    let ledger = meetsync::database::Database::new(options).unwrap();
    let report = meetsync::ledger::migrate(&ledger).await.unwrap();
    assert_eq!(report.applied.len(), names(&format!("{root}/ledger")).len());
    assert!(database.texts(TRIGGERS).await.is_empty());
}

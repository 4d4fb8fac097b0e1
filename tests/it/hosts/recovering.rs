//! One reader and one writer, as a worker keeps them for weeks: whatever happens to the database, they go on by
//! themselves.

use meetsync::database::DatabaseError;
use meetsync::datatracker::{ReadError, WriteError};
use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use meetsync::model::SessionId;

use super::{everything, reader, writer};
use crate::support::TestDatabase;

const URL: &str = "https://meetings.conf.meetecho.com/interim/?session=1";

/// Some session without a link.
async fn blank_session(database: &TestDatabase) -> SessionId {
    let found = database
        .texts("SELECT id FROM public.meeting_session WHERE remote_instructions = '' ORDER BY id LIMIT 1")
        .await;
    SessionId(found[0].parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_was_gone_for_a_while() {
    let database = TestDatabase::with_sample().await;
    let (datatracker, writer) = (reader(database.url(), true), writer(database.url()));
    let before = datatracker.snapshot(&everything()).await.unwrap();
    let session = blank_session(&database).await;
    assert!(!writer.write_link(session, "never seen", URL).await.unwrap());
    // Another type when it comes back, and another place in the table.
    database.run("ALTER TABLE public.meeting_session ADD COLUMN kept text; UPDATE public.meeting_session SET kept = remote_instructions").await;
    database.run("ALTER TABLE public.meeting_session DROP COLUMN remote_instructions").await;
    for _ in 0..3 {
        let error = datatracker.snapshot(&everything()).await.unwrap_err();
        assert!(matches!(&error, ReadError::Columns(_)), "{error:?}");
        let error = writer.write_link(session, "", URL).await.unwrap_err();
        assert!(matches!(&error, WriteError::Database(DatabaseError::Missing { .. })), "{error:?}");
    }
    database.run("ALTER TABLE public.meeting_session RENAME COLUMN kept TO remote_instructions").await;
    assert_eq!(datatracker.snapshot(&everything()).await.unwrap().sessions, before.sessions);
    assert!(writer.write_link(session, "", URL).await.unwrap());
    let after = datatracker.snapshot(&everything()).await.unwrap();
    assert_eq!(after.session(session).unwrap().remote_instructions, URL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked_for_longer_than_we_wait() {
    let database = TestDatabase::with_sample().await;
    let (datatracker, writer) = (reader(database.url(), true), writer(database.url()));
    let before = datatracker.snapshot(&everything()).await.unwrap();
    let session = blank_session(&database).await;
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    let locked = async {
        client.batch_execute("BEGIN; LOCK TABLE public.meeting_session").await.unwrap();
        for _ in 0..3 {
            let error = datatracker.snapshot(&everything()).await.unwrap_err();
            assert!(
                matches!(&error, ReadError::Database(DatabaseError::TimedOut { said, .. }) if said.contains("lock timeout")),
                "{error:?}"
            );
            let error = writer.write_link(session, "", URL).await.unwrap_err();
            assert!(
                matches!(&error, WriteError::Database(error @ DatabaseError::TimedOut { .. }) if error.is_passing()),
                "{error:?}"
            );
        }
        client.batch_execute("ROLLBACK").await.unwrap();
        drop(client);
    };
    let ((), ended) = tokio::join!(locked, connection);
    ended.unwrap();
    assert_eq!(datatracker.snapshot(&everything()).await.unwrap().sessions, before.sessions);
    assert!(writer.write_link(session, "", URL).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_restarted() {
    let mut cluster = Cluster::start(&Place::from_env()).unwrap();
    sample::create(&cluster, "week").await.unwrap();
    let (datatracker, writer) = (reader(cluster.url("week"), true), writer(cluster.url("week")));
    let before = datatracker.snapshot(&everything()).await.unwrap();
    let session = before.sessions.iter().find(|session| session.remote_instructions.is_empty()).unwrap().id;
    assert!(!writer.write_link(session, "never seen", URL).await.unwrap());
    tokio::task::block_in_place(|| cluster.restart()).unwrap();
    assert_eq!(datatracker.snapshot(&everything()).await.unwrap().sessions, before.sessions);
    assert!(writer.write_link(session, "", URL).await.unwrap());
    // And one that is away for a while: an error that passes, and no snapshot of nothing.
    let socket = cluster.socket_dir().join(".s.PGSQL.5432");
    let hidden = cluster.socket_dir().join("hidden");
    std::fs::rename(&socket, &hidden).unwrap();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meetsync'";
    let hidden_url = cluster.url("week");
    assert!(tokio_postgres::connect(&hidden_url, tokio_postgres::NoTls).await.is_err());
    std::fs::rename(&hidden, &socket).unwrap();
    cluster.run_sql("week", kill).await.unwrap();
    std::fs::rename(&socket, &hidden).unwrap();
    let error = datatracker.snapshot(&everything()).await.unwrap_err();
    assert!(matches!(&error, ReadError::Database(error) if error.is_passing()), "{error:?}");
    let error = writer.write_link(session, URL, "").await.unwrap_err();
    assert!(matches!(&error, WriteError::Database(error) if error.is_passing()), "{error:?}");
    std::fs::rename(&hidden, &socket).unwrap();
    assert!(writer.write_link(session, URL, "").await.unwrap());
    assert_eq!(datatracker.snapshot(&everything()).await.unwrap().sessions.len(), before.sessions.len());
}

/// As a standby does it whose replay the reading holds up, and an administrator with whatever holds up a migration.
#[tokio::test(flavor = "multi_thread")]
async fn a_reading_whose_connection_is_ended_is_made_again() {
    let database = TestDatabase::with_sample().await;
    let datatracker = reader(database.url(), true);
    let before = datatracker.snapshot(&everything()).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    let meanwhile = async {
        client.batch_execute("BEGIN; LOCK TABLE public.meeting_session").await.unwrap();
        let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event_type = 'Lock'";
        let ended = async {
            while database.texts(end).await.is_empty() {}
            client.batch_execute("ROLLBACK").await.unwrap();
        };
        let look = everything();
        let (read, ()) = tokio::join!(datatracker.snapshot(&look), ended);
        drop(client);
        read
    };
    let (read, ended) = tokio::join!(meanwhile, connection);
    ended.unwrap();
    assert_eq!(read.unwrap().sessions, before.sessions);
}

//! What `grants` prints, run as it is, and the role that it makes.

use meetsync::datatracker::grants;
use meetsync::model::SessionId;

use super::{TO_DATATRACKER, everything, own, reader, writer};
use crate::support::TestDatabase;

async fn granted(database: &TestDatabase, role: &str, schema: Option<&str>, write_back: bool) -> String {
    let quoted = format!("\"{}\"", role.replace('"', "\"\""));
    // Whatever the role's own search path is.
    database.run(&format!("CREATE ROLE {quoted} LOGIN; ALTER ROLE {quoted} SET search_path = pg_temp")).await;
    let statements = grants::statements(role, schema, write_back);
    database.run(&statements).await;
    database.run(&statements).await;
    database.url_as(role)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_can_do_its_task_and_nothing_else() {
    for (role, schema, moved) in [
        ("grants_public", None, false),
        ("grants \"moved\" $meetsync$ '1'", None, true),
        ("grants-named", Some("datatracker"), true),
    ] {
        let database = own().await;
        if moved {
            database.run(TO_DATATRACKER).await;
        }
        let home = if moved { "datatracker" } else { "public" };
        let url = granted(&database, role, schema, true).await.replace(' ', "%20").replace('"', "%22");
        let datatracker = reader(url.clone());
        let report = datatracker.verify().await.unwrap();
        assert!(report.is_enough() && !report.is_wide(), "{report}");
        let all = reader(database.url()).snapshot(&everything()).await.unwrap().sessions;
        assert_eq!(datatracker.snapshot(&everything()).await.unwrap().sessions, all);
        let writer = writer(url.clone());
        assert!(writer.may_write().await.unwrap().is_enough());
        assert!(writer.write_link(SessionId(130), "", "https://x.example").await.unwrap());

        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        let work = async move {
            for forbidden in [
                "SELECT name FROM S.person_person",
                "SELECT password FROM S.auth_user",
                "SELECT comments FROM S.meeting_session",
                "SELECT * FROM S.meeting_session",
                "UPDATE S.meeting_session SET name = ''",
                "UPDATE S.meeting_timeslot SET duration = '1 s'",
                "DELETE FROM S.meeting_session_materials",
                "INSERT INTO S.meeting_schedulingevent (session_id) VALUES (1)",
                "CREATE TABLE S.mine ()",
            ] {
                let error =
                    client.batch_execute(&forbidden.replace("S.", &format!("{home}."))).await.unwrap_err();
                assert_eq!(
                    error.code().map(tokio_postgres::error::SqlState::code),
                    Some("42501"),
                    "{forbidden}"
                );
            }
            client.batch_execute("CREATE TABLE meetsync.mine (); DROP TABLE meetsync.mine").await.unwrap();
        };
        let ((), ended) = tokio::join!(work, connection);
        ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_write_back_the_role_can_not_write() {
    let database = own().await;
    let url = granted(&database, "grants_reader", None, false).await;
    reader(url.clone()).snapshot(&everything()).await.unwrap();
    let writer = writer(url);
    let report = writer.may_write().await.unwrap();
    assert_eq!(report.not_granted, ["meeting_session.remote_instructions", "meeting_session.modified"]);
    let error = writer.write_link(SessionId(130), "", "https://x.example").await.unwrap_err().to_string();
    assert!(error.contains("permission denied") && error.contains("meetsync grants"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_stop_where_there_is_no_datatracker() {
    let bare = TestDatabase::bare().await;
    let statements = grants::statements("postgres", None, true);
    let (client, connection) = tokio_postgres::connect(&bare.url(), tokio_postgres::NoTls).await.unwrap();
    let work = async move { client.batch_execute(&statements).await.unwrap_err() };
    let (error, ended) = tokio::join!(work, connection);
    ended.unwrap();
    let said = error.as_db_error().unwrap().message().to_owned();
    assert!(said.contains("schema datatracker or public must hold the table meeting_session"), "{said}");
}

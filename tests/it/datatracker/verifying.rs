//! Absent and not granted are two things, and a role can have too much.

use meetsync::datatracker::{Look, ReadError, columns};
use meetsync::model::{Kind, Session};

use super::{TO_DATATRACKER, everything, own, reader, writer};
use crate::support::TestDatabase;

/// Roles belong to the cluster, so each test makes one of its own.
async fn role(database: &TestDatabase, name: &str, grants: &str) -> String {
    database.run(&format!("CREATE ROLE {name} LOGIN; {grants}")).await;
    database.url_as(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_with_nothing_gets_a_report_and_not_a_crash() {
    let database = own().await;
    database.run(TO_DATATRACKER).await;
    let url = role(&database, "verify_nothing", "").await;
    let report = reader(url.clone()).verify().await.unwrap();
    assert!(!report.is_enough() && report.schema_not_granted && !report.is_wide(), "{report:?}");
    assert_eq!(report.absent, Vec::<String>::new());
    let needed = columns::READ.iter().map(|table| table.columns.len()).sum::<usize>();
    assert_eq!(report.not_granted.len(), needed);
    assert_eq!((report.schema.as_str(), report.role.as_str()), ("datatracker", "verify_nothing"));
    let error = reader(url.clone()).snapshot(&everything()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, ReadError::Columns(_)) && text.contains("USAGE on schema `datatracker`"),
        "{text}"
    );
    assert!(
        text.contains("meeting_timeslot.duration") && text.contains("meetsync grants verify_nothing"),
        "{text}"
    );
    let writing = writer(url).may_write().await.unwrap();
    assert!(!writing.is_enough() && writing.not_granted.contains(&"meeting_session.modified".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_and_a_revoked_column_are_told_apart() {
    let database = own().await;
    let url =
        role(&database, "verify_apart", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO verify_apart").await;
    let datatracker = reader(url);
    assert!(datatracker.verify().await.unwrap().is_enough());
    datatracker.snapshot(&everything()).await.unwrap();
    database
        .run(
            "ALTER TABLE public.meeting_session DROP COLUMN tombstone_for_id;
             DROP TABLE public.doc_document_states;
             REVOKE SELECT ON public.doc_document FROM verify_apart;
             GRANT SELECT (id, name, title, type_id, external_url, uploaded_filename) ON public.doc_document TO verify_apart",
        )
        .await;
    let report = datatracker.verify().await.unwrap();
    assert_eq!(report.absent, ["doc_document_states", "meeting_session.tombstone_for_id"]);
    assert_eq!(report.not_granted, ["doc_document.rev"]);
    let error = datatracker.snapshot(&everything()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the datatracker's tables can't be read: absent in schema `public`: doc_document_states, \
         meeting_session.tombstone_for_id; not granted to role `verify_apart`: doc_document.rev \
         (`meetsync grants verify_apart` prints the statements)"
    );
}

/// Of whoever may lack them; and no reading may lack both.
#[tokio::test(flavor = "multi_thread")]
async fn what_only_one_kind_needs_may_be_lacking() {
    let database = own().await;
    let grants = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO verify_part";
    let datatracker = reader(role(&database, "verify_part", grants).await);
    let whole = datatracker.snapshot(&everything()).await.unwrap();
    assert!(whole.unread.is_empty());
    let in_part = Look { may_lack: [Kind::Room, Kind::Decks].into(), ..everything() };
    assert_eq!(datatracker.snapshot(&in_part).await.unwrap().sessions, whole.sessions);
    database.run("REVOKE SELECT ON public.doc_document FROM verify_part").await;
    let read = datatracker.snapshot(&in_part).await.unwrap();
    let without: Vec<Session> =
        whole.sessions.iter().map(|session| Session { decks: Vec::new(), ..session.clone() }).collect();
    assert_eq!(read.sessions, without);
    let words = &read.unread[&Kind::Decks];
    assert!(words.contains("doc_document.title") && words.contains("meetsync grants verify_part"), "{words}");
    for may_lack in [[].into(), [Kind::Room].into()] {
        let error = datatracker.snapshot(&Look { may_lack, ..everything() }).await.unwrap_err();
        assert!(matches!(error, ReadError::Columns(_)), "{error}");
    }
    database
        .run(
            "GRANT SELECT ON public.doc_document TO verify_part;
             ALTER TABLE public.meeting_session RENAME COLUMN remote_instructions TO instructions",
        )
        .await;
    let read = datatracker.snapshot(&in_part).await.unwrap();
    assert_eq!(read.unread.keys().copied().collect::<Vec<_>>(), [Kind::Room]);
    let pairs = read.sessions.iter().zip(&whole.sessions);
    assert_eq!(read.sessions.len(), whole.sessions.len());
    for (read, whole) in pairs {
        let expected =
            Session { remote_instructions: String::new(), modified: read.modified, ..whole.clone() };
        assert_eq!(*read, expected);
    }
    database.run("DROP TABLE public.meeting_session_materials CASCADE").await;
    assert!(matches!(datatracker.snapshot(&in_part).await, Err(ReadError::Columns(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_sees_persons_is_wide_even_by_one_column_or_elsewhere() {
    let database = own().await;
    let url = role(&database, "verify_wide", "").await;
    let datatracker = reader(url);
    assert!(!datatracker.verify().await.unwrap().is_wide());
    database
        .run(
            "GRANT SELECT (name) ON public.person_person TO verify_wide;
             CREATE SCHEMA old; CREATE TABLE old.person_email (address text); CREATE TABLE old.auth_user_groups (id int);
             GRANT SELECT ON old.person_email TO verify_wide;
             GRANT INSERT ON old.auth_user_groups TO verify_wide;
             GRANT SELECT ON public.auth_user TO PUBLIC",
        )
        .await;
    let report = datatracker.verify().await.unwrap();
    assert_eq!(report.wide, ["old.person_email", "public.auth_user", "public.person_person"]);
    assert!(report.is_wide() && !report.superuser);
    let report = reader(database.url()).verify().await.unwrap();
    assert!(report.superuser && report.is_wide() && report.is_enough() && !report.standby);
}

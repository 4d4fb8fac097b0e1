//! What comes out for each session, and which sessions come out.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::RunQueryDsl as _;
use meetsync::datatracker::{Datatracker, Look, Range, ReadError};
use meetsync::model::{GroupAcronym, MeetingNumber, SNAPSHOT_VERSION, Scope, Session, SessionId, Snapshot};
use serde_json::{Value, json};

use super::{OWN_EXPECTED, TO_DATATRACKER, connect, everything, options, own, reader};
use crate::support::{SAMPLE_BASE, TestDatabase};

fn ids(snapshot: &Snapshot) -> Vec<i64> {
    snapshot.sessions.iter().map(|session| session.id.0).collect()
}

fn named(ids: &[i64]) -> BTreeSet<SessionId> {
    ids.iter().copied().map(SessionId).collect()
}

fn expected_own() -> Vec<Session> {
    serde_json::from_str(OWN_EXPECTED).unwrap()
}

/// A session as `sample_expected.json` writes it down.
fn as_expected(session: &Session) -> Value {
    let base: DateTime<Utc> = SAMPLE_BASE.parse().unwrap();
    let offset = |at: DateTime<Utc>| (at - base).as_seconds_f64();
    let mut value = json!({
        "session": session.id, "group": session.group, "meeting": session.meeting, "status": session.status,
        "scheduled": session.slot.is_some(), "remote_instructions": session.remote_instructions,
    });
    if let Some(slot) = session.slot {
        let decks: Vec<_> = session.decks.iter().map(|linked| json!(linked.deck)).collect();
        value["start_offset_s"] = json!(offset(slot.start));
        value["end_offset_s"] = json!(offset(slot.end));
        value["decks"] = json!(decks);
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_comes_out_as_the_datatrackers_own_python_has_it() {
    let expected: Value =
        serde_json::from_str(include_str!("../../fixtures/datatracker/sample_expected.json")).unwrap();
    let expected = expected["sessions"].as_array().unwrap();
    let database = TestDatabase::with_sample().await;
    let snapshot = reader(database.url()).snapshot(&everything()).await.unwrap();
    assert_eq!((snapshot.version, snapshot.complete, snapshot.in_range), (SNAPSHOT_VERSION, true, 15));
    assert_eq!(snapshot.sessions.len(), expected.len());
    for (session, expected) in snapshot.sessions.iter().zip(expected) {
        assert_eq!(&as_expected(session), expected);
    }
    let deleted: Vec<_> =
        snapshot.sessions.iter().flat_map(|session| &session.decks).filter(|deck| deck.deleted).collect();
    assert_eq!(deleted.iter().map(|linked| linked.deck.id.0).collect::<Vec<_>>(), [5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_fixture_comes_out_by_the_rules_in_either_schema() {
    let database = own().await;
    // What a role's or a database's own default would do to `time + interval '1 day'`.
    database.run("ALTER ROLE postgres RESET ALL; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET TimeZone = ''Europe/Vienna''', current_database()); END $$").await;
    for schema in ["public", "datatracker"] {
        let snapshot = reader(database.url()).snapshot(&everything()).await.unwrap();
        for (found, expected) in snapshot.sessions.iter().zip(expected_own()) {
            assert_eq!(*found, expected, "in schema {schema}");
        }
        assert_eq!(snapshot.sessions.len(), expected_own().len());
        if schema == "public" {
            database.run(TO_DATATRACKER).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_in_another_zone_gives_the_same_instants() {
    let database = own().await;
    for zone in ["Europe/Vienna", "America/New_York"] {
        let pool = connect(database.url());
        let datatracker = Datatracker::new(pool.clone(), options(None));
        // One connection only: what is set here, whoever sits behind a pooler finds it.
        let mut connection = pool.connection().await.unwrap();
        diesel::sql_query(format!("SET TimeZone = '{zone}'")).execute(&mut connection).await.unwrap();
        drop(connection);
        let snapshot = datatracker.snapshot(&everything()).await.unwrap();
        assert_eq!(snapshot.sessions, expected_own(), "{zone}");
        let mut connection = pool.connection().await.unwrap();
        let said = diesel::sql_query(
            "SELECT pg_catalog.current_setting('TimeZone') = '".to_owned() + zone + "' AS kept",
        );
        let kept: Vec<Kept> = said.load(&mut connection).await.unwrap();
        assert!(kept[0].kept, "the setting outlived its transaction");
    }
}

#[derive(diesel::QueryableByName)]
struct Kept {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    kept: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_days_of_an_interim_are_counted_over_the_meeting() {
    let database = own().await;
    let datatracker = reader(database.url());
    let days = [138, 130, 131, 132, 133].map(SessionId);
    for look in [&[137][..], &[130], &[110, 132], &[130, 131, 132, 133, 137, 138]] {
        let snapshot = datatracker.snapshot(&Look { named: named(look), ..Look::default() }).await.unwrap();
        assert_eq!(ids(&snapshot), look);
        assert_eq!(snapshot.in_range, 0);
        assert_eq!(
            snapshot.siblings.iter().map(|sibling| sibling.session).collect::<Vec<_>>(),
            days,
            "{look:?}"
        );
        assert!(snapshot.siblings.iter().all(|sibling| sibling.meeting.as_str() == "interim-2030-amsl-01"));
        assert!(snapshot.siblings.is_sorted_by_key(|sibling| sibling.start));
    }
    let all = datatracker.snapshot(&everything()).await.unwrap();
    let order: Vec<_> = all.siblings.iter().map(|sibling| sibling.session.0).collect();
    assert_eq!(order, [138, 130, 131, 132, 133, 134, 135, 136]);
    let week = datatracker.snapshot(&Look { named: named(&[110]), ..Look::default() }).await.unwrap();
    assert_eq!(week.siblings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_chooses_sessions_by_their_official_slot_and_never_cuts_their_slots() {
    let database = own().await;
    let at = |id: i64, start: &str| {
        format!(r#"UPDATE public.meeting_timeslot SET "time" = now() + interval '{start}' WHERE id = {id};"#)
    };
    // 1 is in the draft of 110 and 113, and in the base for 112; 2 is official for 110, 111 and 112; 3 for 110 (base), 111,
    // 118 and 119.
    database
        .run(
            &[
                at(1, "2 hours"),
                at(2, "-50 hours"),
                at(3, "2 hours"),
                at(31, "-25 hours"),
                at(32, "-24.5 hours"),
                at(33, "10 days"),
                at(34, "10 days 1 hour"),
                at(35, "-90 days"),
            ]
            .concat(),
        )
        .await;
    let datatracker = reader(database.url());
    let around = Range::Around { back: TimeDelta::days(1), ahead: TimeDelta::days(10) };
    let snapshot = datatracker.snapshot(&Look { range: around, ..Look::default() }).await.unwrap();
    // Out: 110, 111 and 112, whose first official slot is long over; 113, a draft; 130, over for a day exactly; 133, just too late.
    assert_eq!((ids(&snapshot), snapshot.in_range), (vec![118, 119, 131, 132], 4));
    assert_eq!(snapshot.siblings.len(), 5, "the other days of the interim are known all the same");
    // Named sessions come in beside them, with and without a slot, and don't count as in range.
    let look = Look { range: around, named: named(&[110, 114, 131, 999_999, -5]), ..Look::default() };
    let snapshot = datatracker.snapshot(&look).await.unwrap();
    assert_eq!((ids(&snapshot), snapshot.in_range), (vec![110, 114, 118, 119, 131, 132], 4));
    assert!(
        snapshot.session(SessionId(110)).unwrap().slot.unwrap().start < snapshot.as_of - TimeDelta::days(2)
    );
    assert_eq!(snapshot.session(SessionId(110)).unwrap().decks.len(), 5);
    assert_eq!(
        snapshot.session(SessionId(131)).unwrap().decks[0].deck.url,
        expected_own()[13].decks[0].deck.url
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instant_is_the_sources_clock_within_the_transaction() {
    let database = own().await;
    let clock = async || {
        let texts = database
            .texts(
                "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
            )
            .await;
        texts[0].parse::<DateTime<Utc>>().unwrap()
    };
    let before = clock().await;
    let snapshot = reader(database.url()).snapshot(&Look::default()).await.unwrap();
    assert!(before <= snapshot.as_of && snapshot.as_of <= clock().await);
    assert!(snapshot.sessions.is_empty() && snapshot.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_must_exist_are_named_when_they_do_not() {
    let database = own().await;
    let datatracker = reader(database.url());
    let mut scope = Scope {
        sessions: named(&[110, 130]),
        groups: [GroupAcronym::new("x-y_z.9")].into(),
        meetings: [MeetingNumber::new("126")].into(),
        ..Scope::default()
    };
    datatracker.snapshot(&Look { must_exist: scope.clone(), ..everything() }).await.unwrap();
    scope.sessions.extend([SessionId(7), SessionId(i64::MAX)]);
    scope.groups.insert(GroupAcronym::new("AMSL"));
    scope.meetings.insert(MeetingNumber::new("999"));
    let error = datatracker.snapshot(&Look { must_exist: scope, ..everything() }).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the datatracker has no session 7, no session 9223372036854775807, no group `AMSL`, no meeting `999`"
    );
    assert!(matches!(error, ReadError::Unknown(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_meetings_or_tables_is_no_empty_snapshot() {
    let empty = TestDatabase::empty_schema().await;
    let error = reader(empty.url()).snapshot(&everything()).await.unwrap_err();
    assert!(
        matches!(error, ReadError::Empty) && error.to_string().contains("datatracker.database_url"),
        "{error}"
    );
    let bare = TestDatabase::bare().await;
    let error = reader(bare.url()).snapshot(&everything()).await.unwrap_err().to_string();
    assert!(
        error.contains("`datatracker` and `public`") && error.contains("`datatracker.schema`"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_in_both_schemas_need_the_setting() {
    let database = own().await;
    database.run(TO_DATATRACKER).await;
    database.run("CREATE TABLE public.meeting_session ()").await;
    let error = reader(database.url()).snapshot(&everything()).await.unwrap_err();
    assert!(
        matches!(error, ReadError::Schema(_)) && error.to_string().contains("`datatracker.schema`"),
        "{error}"
    );
    let told = Datatracker::new(connect(database.url()), options(Some("datatracker")));
    assert_eq!(told.snapshot(&everything()).await.unwrap().sessions, expected_own());
    let elsewhere = Datatracker::new(connect(database.url()), options(Some("else\"where")));
    let error = elsewhere.snapshot(&everything()).await.unwrap_err().to_string();
    assert!(error.contains("else\"where") && error.contains("`datatracker.schema`"), "{error}");
    database.run("ALTER SCHEMA datatracker RENAME TO \"else\"\"where\"").await;
    assert_eq!(elsewhere.snapshot(&everything()).await.unwrap().sessions, expected_own());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_leaves_no_transaction_behind_even_when_it_fails() {
    let database = own().await;
    let pool = connect(database.url());
    let datatracker = Datatracker::new(pool.clone(), options(None));
    datatracker.snapshot(&everything()).await.unwrap();
    database.run("ALTER TABLE public.meeting_session_materials RENAME TO other").await;
    datatracker.snapshot(&everything()).await.unwrap_err();
    let states = database
        .texts("SELECT state FROM pg_stat_activity WHERE application_name = 'meetsync' AND datname = current_database()")
        .await;
    // The connection on which it failed was thrown away, and may be on its way out yet.
    assert!(!states.is_empty() && states.iter().all(|state| state == "idle"), "{states:?}");
    drop(pool);
}

/// Django's migrations run while a worker reads: what a connection has prepared by then may no longer hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_a_migration_widened_is_read_on() {
    let database = TestDatabase::with_sample().await;
    let datatracker = reader(database.url());
    let before = datatracker.snapshot(&everything()).await.unwrap();
    for (table, column, kind) in [
        ("meeting_session", "name", "varchar(500)"),
        ("doc_document", "title", "text"),
        ("meeting_session_materials", "id", "bigint"),
        ("meeting_schedule", "base_id", "bigint"),
    ] {
        database.run(&format!("ALTER TABLE public.{table} ALTER COLUMN {column} TYPE {kind}")).await;
        let after =
            datatracker.snapshot(&everything()).await.unwrap_or_else(|error| panic!("{column}: {error:?}"));
        assert_eq!(after.sessions, before.sessions, "{column}");
    }
    database.run("ALTER TABLE public.doc_document RENAME COLUMN title TO caption").await;
    let gone = datatracker.snapshot(&everything()).await.unwrap_err();
    assert!(matches!(&gone, ReadError::Columns(_)), "{gone:?}");
    database.run("ALTER TABLE public.doc_document RENAME COLUMN caption TO title").await;
    assert_eq!(datatracker.snapshot(&everything()).await.unwrap().sessions, before.sessions);
}

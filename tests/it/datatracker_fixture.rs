//! That the fixtures are what they claim to be, before anything is tested on them.

use crate::support::{SAMPLE_BASE, TestDatabase};

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_has_the_sessions_that_the_expectation_names() {
    let expected: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/datatracker/sample_expected.json")).unwrap();
    assert_eq!(expected["base"].as_str().unwrap().replace("+00:00", "Z"), SAMPLE_BASE);
    let ids = expected["sessions"].as_array().unwrap().iter().map(|session| session["session"].to_string());

    let database = TestDatabase::with_sample().await;
    let found = database.texts("SELECT id FROM public.meeting_session ORDER BY id").await;
    assert_eq!(found, ids.collect::<Vec<_>>());
    // New rows must not collide with the sample's ids.
    database.run("INSERT INTO public.auth_user VALUES (DEFAULT, '', NULL, false, 'me', '', '', '', false, true, now())").await;
    let next = database.texts("SELECT nextval('public.meeting_session_id_seq')").await;
    assert_eq!(next, [(found.len() + 1).to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_can_be_moved_to_this_moment_and_each_test_has_its_own() {
    let (moved, other) = tokio::join!(TestDatabase::with_sample_now(), TestDatabase::with_sample());
    let live = r#"SELECT count(*) > 0 FROM public.meeting_timeslot WHERE "time" <= now() AND now() < "time" + duration"#;
    assert_eq!(moved.texts(live).await, ["t"]);
    assert_ne!(moved.url(), other.url());
    let start = format!(
        r#"SELECT "time" = '{SAMPLE_BASE}'::timestamptz - interval '30 min' FROM public.meeting_timeslot WHERE id = 1"#
    );
    assert_eq!(other.texts(&start).await, ["t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_comes_without_rows() {
    let database = TestDatabase::empty_schema().await;
    assert_eq!(database.texts("SELECT count(*) FROM public.meeting_meeting").await, ["0"]);
    let bare = TestDatabase::bare().await;
    assert_eq!(bare.texts("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await, ["0"]);
    assert!(bare.url_as("reader").contains("user=reader"));
}

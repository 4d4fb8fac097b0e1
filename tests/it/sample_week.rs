//! The demo's own datatracker: that its week is in progress, and that each edit does what it tells.

use meetsync::demo::sample::scenes;
use meetsync::model::SessionId;

use crate::support::TestDatabase;

async fn week() -> TestDatabase {
    TestDatabase::with_week().await
}

/// `title-rev` of the session's decks, in order.
async fn decks(database: &TestDatabase, session: SessionId) -> Vec<String> {
    let sql = format!(
        r#"SELECT d.title || '-' || d.rev FROM public.meeting_session_materials p
        JOIN public.doc_document d ON d.id = p.document_id WHERE p.session_id = {session} ORDER BY p."order", p.id"#
    );
    database.texts(&sql).await
}

/// The sessions whose official slot fits the condition, which may speak of `starts` and `ends`.
async fn sessions_where(database: &TestDatabase, condition: &str) -> Vec<String> {
    let sql = format!(
        r#"SELECT id FROM (
            SELECT s.id, t."time" AS starts, t."time" + t.duration AS ends, s.remote_instructions AS link, m.type_id AS meeting
            FROM public.meeting_session s JOIN public.meeting_meeting m ON m.id = s.meeting_id
            LEFT JOIN public.meeting_schedule o ON o.id = m.schedule_id
            JOIN public.meeting_schedtimesessassignment a ON a.session_id = s.id AND a.schedule_id IN (o.id, o.base_id)
            JOIN public.meeting_timeslot t ON t.id = a.timeslot_id) AS official
        WHERE {condition} ORDER BY id"#
    );
    database.texts(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_week_is_in_progress() {
    let database = week().await;
    let count = async |condition: &str| sessions_where(&database, condition).await.len();
    assert_eq!(count("meeting = 'ietf' AND starts <= now() AND now() < ends AND id <> 36041").await, 5);
    let soon = "starts > now() + interval '4 min' AND starts < now() + interval '14 min'";
    assert_eq!(sessions_where(&database, soon).await, ["36009", "36010", "36011"]);
    assert!(count("meeting = 'ietf'").await >= 40);
    assert_eq!(count("meeting = 'interim' AND starts > now() + interval '4 days' AND link = ''").await, 12);
    for session in [scenes::LIVE, scenes::LIVE_TOO, scenes::SOON, scenes::LATER] {
        assert!(decks(&database, session).await.len() >= 3, "{session}");
    }
    let fresh = "SELECT count(*) FROM public.meeting_session WHERE modified > now() - interval '1 hour'";
    assert_eq!(database.texts(fresh).await, ["0"]);
    let alike = "SELECT count(*) FROM public.meeting_session_materials p JOIN public.doc_document d ON d.id = p.document_id WHERE p.rev <> d.rev";
    assert_eq!(database.texts(alike).await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deck_edits_do_what_they_tell() {
    let database = week().await;
    let session = scenes::SOON;
    let before = decks(&database, session).await;
    let [chairs, uploads, cookies, query] = before.try_into().expect("four decks");

    database.run(&scenes::add_deck(session, "Late news: it's \"here\"").sql).await;
    let late = "Late news: it's \"here\"-00".to_owned();
    assert_eq!(
        decks(&database, session).await,
        [&chairs, &uploads, &cookies, &query, &late].map(Clone::clone)
    );
    let named = database.texts("SELECT name FROM public.doc_document ORDER BY id DESC LIMIT 1").await;
    assert_eq!(named, ["slides-127-httpbis-late-news-its-here"]);
    let states = "SELECT count(*) FROM public.doc_document_states WHERE document_id = (SELECT max(id) FROM public.doc_document)";
    assert_eq!(database.texts(states).await, ["2"]);

    database.run(&scenes::last_deck_first(session).sql).await;
    assert_eq!(
        decks(&database, session).await,
        [&late, &chairs, &uploads, &cookies, &query].map(Clone::clone)
    );
    database.run(&scenes::remove_deck(session, 3).sql).await;
    assert_eq!(decks(&database, session).await, [&late, &chairs, &cookies, &query].map(Clone::clone));
    database.run(&scenes::revise_deck(session, 1).sql).await;
    let revised = "Late news: it's \"here\"-01".to_owned();
    assert_eq!(decks(&database, session).await, [&revised, &chairs, &cookies, &query].map(Clone::clone));
    let linked = format!(
        "SELECT count(*) FROM public.meeting_session_materials WHERE session_id = {session} AND rev = '01'"
    );
    assert_ne!(database.texts(&linked).await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_edits_do_what_they_tell() {
    let database = week().await;
    let session = scenes::INTERIM;
    let starts = async || {
        let sql = format!(
            r#"SELECT extract(epoch FROM "time")::bigint FROM public.meeting_timeslot WHERE id = {session} + 10000"#
        );
        database.texts(&sql).await[0].parse::<i64>().unwrap()
    };
    let before = starts().await;
    database.run(&scenes::move_interim(session, 60).sql).await;
    assert_eq!(starts().await, before + 3600);

    database.run(&scenes::cancel(scenes::OTHER_INTERIM).sql).await;
    let newest = format!(
        r#"SELECT status_id FROM public.meeting_schedulingevent WHERE session_id = {} ORDER BY "time" DESC, id DESC LIMIT 1"#,
        scenes::OTHER_INTERIM
    );
    assert_eq!(database.texts(&newest).await, ["canceled"]);

    database.run(&scenes::blank_link(scenes::OWN_LINK).sql).await;
    let link =
        format!("SELECT remote_instructions FROM public.meeting_session WHERE id = {}", scenes::OWN_LINK);
    assert_eq!(database.texts(&link).await, [""]);
}

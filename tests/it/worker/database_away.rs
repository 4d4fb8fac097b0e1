//! Its databases go away, are locked, and lose a column: it goes on by itself, and takes nothing away meanwhile.

use meetsync::demo::sample::scenes;

use super::{OwnServer, hurried, shows, until, until_in_step};
use crate::support::running::Running;
use crate::support::stage::Stage;

fn takes_nothing_away(stage: &Stage) {
    let counts = stage.standin.counts();
    assert_eq!((counts.delete_deck, counts.delete_room), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_and_comes_back() {
    let mut own = OwnServer::hurried().await;
    let worker = Running::start(&own.stage);
    until_in_step(&own.stage).await;
    tokio::task::block_in_place(|| own.cluster.restart()).unwrap();
    own.run(&scenes::add_deck(scenes::LIVE, "After a restart").sql).await;
    until(&own.stage, "an edit after a restart", |standin| shows(standin, scenes::LIVE, "After a restart"))
        .await;

    // Nobody can reach it, and who was there is thrown out.
    let socket = own.cluster.socket_dir().join(".s.PGSQL.5432");
    let hidden = own.cluster.socket_dir().join("hidden");
    let before = worker.said().matches("a pass failed").count();
    let (client, connection) =
        tokio_postgres::connect(&own.cluster.url("week"), tokio_postgres::NoTls).await.unwrap();
    let away = async {
        client.batch_execute(&scenes::add_deck(scenes::LIVE, "While it was away").sql).await.unwrap();
        std::fs::rename(&socket, &hidden).unwrap();
        let throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                         WHERE datname = 'week' AND pid <> pg_backend_pid()";
        client.batch_execute(throw_out).await.unwrap();
        worker.says("a pass failed", before + 3).await;
        drop(client);
    };
    let ((), ended) = tokio::join!(away, connection);
    ended.unwrap();
    std::fs::rename(&hidden, &socket).unwrap();
    until(&own.stage, "an edit while it was away", |standin| {
        shows(standin, scenes::LIVE, "While it was away")
    })
    .await;
    until_in_step(&own.stage).await;
    takes_nothing_away(&own.stage);
    let ended = worker.stop().await.expect(0);
    own.stage.expect_in_step().await;
    assert!(ended.stderr.contains("passes succeed again"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_locked() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let (client, connection) =
        tokio_postgres::connect(&stage.database.url(), tokio_postgres::NoTls).await.unwrap();
    let locked = async {
        client.batch_execute("BEGIN; LOCK TABLE public.meeting_session_materials").await.unwrap();
        worker.says("a pass failed", 2).await;
        client.batch_execute("ROLLBACK").await.unwrap();
        drop(client);
    };
    let ((), ended) = tokio::join!(locked, connection);
    ended.unwrap();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "After the lock").sql).await;
    until(&stage, "an edit after the lock", |standin| shows(standin, scenes::LIVE, "After the lock")).await;
    takes_nothing_away(&stage);
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
}

/// As a migration of the datatracker's would do it, and undo it. Nothing can be said without this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_gone_for_a_while() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.database.run("ALTER TABLE public.meeting_timeslot RENAME COLUMN duration TO length").await;
    worker.says("a pass failed", 2).await;
    assert!(worker.said().contains("meeting_timeslot"), "it says what is missing: {}", worker.said());
    stage.database.run("ALTER TABLE public.meeting_timeslot RENAME COLUMN length TO duration").await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "After the migration").sql).await;
    until(&stage, "an edit after it", |standin| shows(standin, scenes::LIVE, "After the migration")).await;
    takes_nothing_away(&stage);
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
}

/// Rows that vanish are no wish: a datatracker that is being restored has no sessions for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_datatracker_that_is_empty_for_a_while() {
    let stage = hurried().await;
    let worker = Running::start_with(&stage, &[("MEETSYNC__LOG__FILTER", "meetsync=debug")]);
    until_in_step(&stage).await;
    let before = stage.standin.counts().writes();
    stage
        .database
        .run(
            "CREATE TABLE public.kept AS SELECT * FROM public.meeting_session_materials;
             DELETE FROM public.meeting_session_materials;
             CREATE TABLE public.kept_places AS SELECT * FROM public.meeting_schedtimesessassignment;
             DELETE FROM public.meeting_schedtimesessassignment",
        )
        .await;
    worker.says("complete=false", 8).await;
    assert!(worker.said().contains("guard_empty_source"), "{}", worker.said());
    assert_eq!(stage.standin.counts().writes(), before);
    stage
        .database
        .run(
            "INSERT INTO public.meeting_schedtimesessassignment SELECT * FROM public.kept_places;
             INSERT INTO public.meeting_session_materials SELECT * FROM public.kept",
        )
        .await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "After the restore").sql).await;
    until(&stage, "an edit after it", |standin| shows(standin, scenes::LIVE, "After the restore")).await;
    takes_nothing_away(&stage);
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
}

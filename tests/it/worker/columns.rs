//! A migration of the datatracker's takes columns away under the running worker: what needs them stops and says so, the
//! rest goes on, and all of it comes back by itself.

use meetsync::demo::sample::scenes;
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;
use serde_json::Value;

use super::{at_once, calls_of, how_many, hurried, one, passes, shows, until, until_in_step};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

/// What `status` says that needs a person, by that rule and of that kind.
async fn need(stage: &Stage, kind: &str) -> Option<Value> {
    let status = stage.meetsync(&["status", "--json"]).await.json();
    let needs = status["needs_a_person"].as_array().unwrap().clone();
    needs.into_iter().find(|need| need["rule"] == "source_incomplete" && need["kind"] == kind)
}

/// What `explain` says of a subject: answer and detail.
async fn explained(stage: &Stage, session: SessionId, kind: &str) -> (Value, String) {
    let told = stage.meetsync(&["explain", &session.to_string(), "--json"]).await.expect(0).json();
    let key = format!("meetecho/session/{session}/{kind}");
    let subjects = told["subjects"].as_array().unwrap();
    let subject = subjects.iter().find(|subject| subject["subject"] == key).unwrap();
    (subject["answer"].clone(), subject["detail"].as_str().unwrap().to_owned())
}

/// Each room at the stand-in, as it was made.
fn rooms_of(stage: &Stage) -> Vec<String> {
    stage.standin.rooms().iter().map(|room| format!("{:?}", room.room)).collect()
}

/// Neither failed passes nor a line for each session: it is said once, and that is all.
fn said_once(said: &str, column: &str) {
    assert!(!said.contains("a pass failed"), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("source_incomplete")).collect();
    assert!(lines.len() == 1 && lines[0].contains(column), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slides_go_on_without_the_column_of_links() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let column = "meeting_session.remote_instructions";
    let rooms = rooms_of(&stage);
    let before = stage.standin.counts();
    let links =
        "SELECT md5(string_agg(id || remote_instructions, ',' ORDER BY id)) FROM public.meeting_session";
    let links_before = one(&stage, links).await;
    stage
        .database
        .run("ALTER TABLE public.meeting_session RENAME COLUMN remote_instructions TO instructions")
        .await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "During the migration").sql).await;
    until(&stage, "slides meanwhile", |standin| shows(standin, scenes::LIVE, "During the migration")).await;
    // A cancelled interim is no reason to take a room away now, nor is a link that nobody can read one to make a room.
    stage
        .database
        .run(&scenes::cancel(scenes::INTERIM).sql.replace("remote_instructions", "instructions"))
        .await;
    passes(&stage, 3).await;
    until_true("status tells it", async || need(&stage, "room").await.is_some()).await;
    let needed = need(&stage, "room").await.unwrap();
    assert!(needed["detail"].as_str().unwrap().contains(column), "{needed}");
    assert!(needed["way_on"].as_str().unwrap().contains("meetsync check"), "{needed}");
    let text = stage.meetsync(&["status"]).await.expect(0).stdout;
    assert!(text[text.find("Needs a person").unwrap()..].contains(column), "{text}");
    let (answer, detail) = explained(&stage, scenes::OTHER_INTERIM, "room").await;
    assert!(answer == "refused" && detail.contains(column), "{answer} {detail}");
    // The one-shots do the same; what is about rooms alone has nothing to go on with.
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(4).json();
    assert!(plan["changes"].as_array().unwrap().is_empty(), "{plan:#}");
    stage.meetsync(&["plan", "--slides-only"]).await.expect(0);
    for command in [&["rooms"][..], &["plan", "--rooms-only"], &["rooms", "create", "36104"]] {
        assert!(stage.meetsync(command).await.expect(1).stderr.contains(column), "{command:?}");
    }
    assert_eq!(rooms_of(&stage), rooms);
    let after = stage.standin.counts();
    assert_eq!(
        (after.create_room, after.delete_room, after.delete_deck),
        (before.create_room, before.delete_room, before.delete_deck)
    );
    said_once(&worker.said(), column);

    stage
        .database
        .run(&scenes::reinstate(scenes::INTERIM).sql.replace("remote_instructions", "instructions"))
        .await;
    stage
        .database
        .run("ALTER TABLE public.meeting_session RENAME COLUMN instructions TO remote_instructions")
        .await;
    until_in_step(&stage).await;
    until_true("status is well again", async || need(&stage, "room").await.is_none()).await;
    assert_eq!(rooms_of(&stage), rooms);
    assert_eq!(one(&stage, links).await, links_before);
    assert_eq!(at_once(&stage.standin.log()), Vec::<String>::new());
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_go_on_without_the_tables_of_slides() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    for (away, back, missing) in [
        (
            "ALTER TABLE public.meeting_session_materials RENAME TO kept",
            "ALTER TABLE public.kept RENAME TO meeting_session_materials",
            "meeting_session_materials",
        ),
        (
            "ALTER TABLE public.doc_state RENAME COLUMN slug TO called",
            "ALTER TABLE public.doc_state RENAME COLUMN called TO slug",
            "doc_state.slug",
        ),
    ] {
        let begun = stage.standin.log().len();
        let shown = stage.standin.decks_of(scenes::LIVE);
        stage.database.run(away).await;
        let interim = SessionId(38_000 + i64::try_from(begun).unwrap());
        stage.database.run(&scenes::new_interim(interim, "oauth", 9, 15).sql).await;
        until(&stage, "a room meanwhile", |standin| {
            standin.rooms().iter().any(|room| room.room.room_id == interim.0)
        })
        .await;
        passes(&stage, 3).await;
        let needed = need(&stage, "decks").await.unwrap();
        assert!(needed["detail"].as_str().unwrap().contains(missing), "{needed}");
        let (answer, detail) = explained(&stage, scenes::LIVE, "decks").await;
        assert!(answer == "refused" && detail.contains(missing), "{answer} {detail}");
        stage.meetsync(&["resync"]).await.expect(4);
        for command in [&["push", "36001"][..], &["sessions"], &["plan", "--slides-only"]] {
            assert!(stage.meetsync(command).await.expect(1).stderr.contains(missing), "{command:?}");
        }
        assert_eq!(stage.standin.decks_of(scenes::LIVE), shown);
        let log = stage.standin.log();
        let calls = calls_of(&log[begun..], scenes::LIVE);
        assert_eq!((calls.len(), how_many(&calls, Call::SetDecks)), (0, 0), "{calls:?}");
        stage.database.run(back).await;
        let title = format!("After {missing}");
        stage.database.run(&scenes::add_deck(scenes::LIVE, &title).sql).await;
        until(&stage, "slides after it", |standin| shows(standin, scenes::LIVE, &title)).await;
        until_in_step(&stage).await;
    }
    let counts = stage.standin.counts();
    assert_eq!((counts.delete_deck, counts.delete_room), (0, 0));
    let ended = worker.stop().await.expect(0);
    assert!(!ended.stderr.contains("a pass failed"), "{}", ended.stderr);
    stage.expect_in_step().await;
}

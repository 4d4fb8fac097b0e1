//! Rooms, while the worker runs.

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{LogEntry, Standin, StandinRoom};
use meetsync::model::{GroupAcronym, SeenRoom, SessionId};
use meetsync::provider::meetecho::Call;

use super::{calls_of, hurried, one, passes, until, until_in_step};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

pub(super) const BY_HAND: SessionId = SessionId(36107);
const CANCELLED: SessionId = SessionId(36103);

pub(super) async fn with_sweeps() -> Stage {
    let mut stage = hurried().await;
    stage.change_settings("settle = \"0s\"\n", "settle = \"1s\"\nsweep = \"*/2 * * * * *\"\n");
    stage
}

pub(super) async fn with_a_sweep_at_midnight() -> Stage {
    let mut stage = with_sweeps().await;
    stage.change_settings("sweep = \"*/2 * * * * *\"", "sweep = \"0 0 0 * * *\"");
    stage
}

/// A worker that has made the rooms that were missing, so that there are as many as this.
pub(super) async fn with_rooms_made(stage: &Stage, rooms: usize) -> Running {
    let worker = Running::start(stage);
    until(stage, "all rooms are made", |standin| standin.rooms().len() == rooms).await;
    until_in_step(stage).await;
    worker
}

/// A room that no session of ours stands for.
fn stranger() -> SeenRoom {
    SeenRoom {
        room_id: 99_001,
        public_id: "b0f5cf6e-7d2b-4c55-9e0e-4b7f6ad2a001".into(),
        url: "https://meetings.conf.meetecho.com/interim/?session=99001".into(),
        description: "A stranger's".into(),
        start: "2041-01-01T10:00:00Z".parse().unwrap(),
        duration_min: 60,
    }
}

pub(super) fn room_of(standin: &Standin, session: SessionId) -> Option<StandinRoom> {
    standin.rooms().into_iter().find(|made| made.room.room_id == session.0)
}

pub(super) async fn link_of(stage: &Stage, session: SessionId) -> String {
    one(stage, &format!("SELECT remote_instructions FROM public.meeting_session WHERE id = {session}")).await
}

/// As many whole sweeps as this, each after everything before it.
pub(super) async fn sweeps(stage: &Stage, count: usize) {
    let reads = |log: &[LogEntry]| log.iter().filter(|entry| entry.call == Some(Call::FetchRooms)).count();
    let wanted = reads(&stage.standin.log()) + 11 * count;
    until(stage, "rooms are read", |standin| reads(&standin.log()) >= wanted).await;
    passes(stage, 2).await;
}

/// Until the ledger has that the sweep whose turn it was is done.
async fn until_swept(stage: &Stage) {
    let done = "SELECT job FROM meetsync.tick WHERE job = 'room_sweep' AND done_at IS NOT NULL";
    until_true("the sweep is done", async || !stage.database.texts(done).await.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_follow_the_datatracker_and_come_back() {
    let stage = with_sweeps().await;
    let stranger = stranger();
    stage.standin.plant_room(&GroupAcronym::new("moq"), &stranger);
    let own_link = link_of(&stage, scenes::OWN_LINK).await;
    let worker = with_rooms_made(&stage, 13).await;
    let before = stage.requests();
    for session in [scenes::INTERIM, scenes::OTHER_INTERIM, scenes::TWO_DAYS, BY_HAND, CANCELLED] {
        assert_eq!(calls_of(&stage.standin.log(), session), [Call::CreateRoom], "{session}");
        assert_eq!(link_of(&stage, session).await, room_of(&stage.standin, session).unwrap().room.url);
    }

    let start = room_of(&stage.standin, scenes::OTHER_INTERIM).unwrap().room.start;
    stage.database.run(&scenes::blank_link(scenes::INTERIM).sql).await;
    stage.database.run(&scenes::move_interim(scenes::OTHER_INTERIM, 60).sql).await;
    stage.database.run(&scenes::cancel(CANCELLED).sql).await;
    stage.standin.take_room_away(&room_of(&stage.standin, BY_HAND).unwrap().room.public_id);
    until_true("the blanked link is back", async || !link_of(&stage, scenes::INTERIM).await.is_empty()).await;
    let moved = |standin: &Standin| {
        room_of(standin, scenes::OTHER_INTERIM).is_some_and(|made| made.room.start > start)
    };
    until(&stage, "the moved one is moved", moved).await;
    until(&stage, "the cancelled one is gone", |standin| room_of(standin, CANCELLED).is_none()).await;
    until(&stage, "the one that was taken away is back", |standin| room_of(standin, BY_HAND).is_some()).await;
    sweeps(&stage, 2).await;
    worker.stop().await.expect(0);

    let log = &stage.standin.log()[before..];
    assert_eq!(calls_of(log, scenes::INTERIM), [], "a blanked link takes no request");
    assert_eq!(calls_of(log, scenes::OTHER_INTERIM), [Call::DeleteRoom, Call::CreateRoom]);
    assert_eq!(calls_of(log, CANCELLED), [Call::DeleteRoom]);
    assert_eq!(calls_of(log, BY_HAND), [Call::CreateRoom]);
    assert_eq!(calls_of(log, scenes::TWO_DAYS), []);
    assert_eq!(calls_of(&stage.standin.log(), scenes::OWN_LINK), []);
    assert_eq!(link_of(&stage, scenes::OWN_LINK).await, own_link);
    assert_eq!(room_of(&stage.standin, SessionId(99_001)).map(|made| made.room), Some(stranger));
    assert_eq!(link_of(&stage, BY_HAND).await, room_of(&stage.standin, BY_HAND).unwrap().room.url);
}

/// Nobody has it on record, another worker is at its session, and the next sweep is tomorrow.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_done_for_a_room_is_looked_at_again() {
    let stage = with_a_sweep_at_midnight().await;
    let worker = with_rooms_made(&stage, 12).await;
    until_swept(&stage).await;
    worker.stop().await.expect(0);
    let session = BY_HAND.0;
    stage
        .database
        .run(&format!(
            "DELETE FROM meetsync.subject WHERE session = {session};
             INSERT INTO meetsync.lease (session, provider, owner, token, until)
             VALUES ({session}, 'meetecho', 'another', gen_random_uuid(), clock_timestamp() + interval '4 s')"
        ))
        .await;
    let next = Running::start(&stage);
    let adopted = format!(
        "SELECT key FROM meetsync.subject WHERE session = {session} AND kind = 'room' AND remote IS NOT NULL AND state = 'settled'"
    );
    until_true("it is adopted", async || !stage.database.texts(&adopted).await.is_empty()).await;
    assert_eq!(stage.standin.rooms().len(), 12);
    next.stop().await.expect(0);
}

/// Whoever took the sweep's turn was killed before it had looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_was_left_undone_is_done_by_the_next_worker() {
    let stage = with_a_sweep_at_midnight().await;
    let worker = with_rooms_made(&stage, 12).await;
    until_swept(&stage).await;
    worker.kill().await;

    stage.standin.take_room_away(&room_of(&stage.standin, BY_HAND).unwrap().room.public_id);
    let next = Running::start(&stage);
    passes(&stage, 3).await;
    next.kill().await;
    assert!(room_of(&stage.standin, BY_HAND).is_none(), "the sweep was done, and its next turn is tomorrow");
    stage
        .database
        .run(
            "UPDATE meetsync.tick SET done_at = NULL, taken_at = clock_timestamp() - interval '6 min', who = 'killed'
             WHERE job = 'room_sweep'",
        )
        .await;
    let last = Running::start(&stage);
    until(&stage, "the room is back", |standin| room_of(standin, BY_HAND).is_some()).await;
    until_swept(&stage).await;
    last.stop().await.expect(0);
}

/// What the provider stores otherwise than it was sent, what is nobody's, what nobody asks for any more: told once,
/// shown by `status`, and left alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sweep_finds_is_told_once_and_left_alone() {
    let stage = with_sweeps().await;
    let stranger = stranger();
    let worker = with_rooms_made(&stage, 12).await;
    let group = |id: SessionId| {
        format!(
            "SELECT g.acronym FROM public.meeting_session s JOIN public.group_group g ON g.id = s.group_id WHERE s.id = {id}"
        )
    };
    // Meetecho has made it an hour longer, as somebody there may do by hand.
    let mut drifted = room_of(&stage.standin, scenes::INTERIM).unwrap();
    stage.standin.take_room_away(&drifted.room.public_id);
    drifted.room.duration_min += 60;
    let of = GroupAcronym::new(one(&stage, &group(scenes::INTERIM)).await);
    stage.standin.plant_room(&of, &drifted.room);
    stage.standin.plant_room(&of, &stranger);
    stage.database.run(&scenes::save_link(BY_HAND, "https://example.com/our-own").sql).await;
    let unwanted = room_of(&stage.standin, BY_HAND).unwrap();
    let before = stage.standin.counts().writes();
    worker.says("a room is not as it should be", 3).await;
    sweeps(&stage, 3).await;
    let said = worker.said();
    assert_eq!(said.matches("a room is not as it should be").count(), 3, "each is told once: {said}");
    assert_eq!(stage.standin.counts().writes(), before, "nothing is corrected");

    let status = stage.meetsync(&["status", "--json"]).await.json();
    let mut found: Vec<(String, String)> = Vec::new();
    for group in status["rooms"].as_array().unwrap() {
        for finding in group["findings"].as_array().unwrap() {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            found.push((text("state"), text("url")));
        }
    }
    found.sort();
    let expected = [
        ("drifted", drifted.room.url.clone()),
        ("not_ours", stranger.url.clone()),
        ("unwanted", unwanted.room.url.clone()),
    ];
    assert_eq!(found, expected.map(|(state, url)| (state.to_owned(), url)), "{status:#}");
    let shown = stage.meetsync(&["status"]).await.stdout;
    assert!(shown.contains("Rooms that are not as they should be"), "{shown}");
    assert!(shown.contains("something else than was sent") && shown.contains("instead of"), "{shown}");

    // Put right by people, it is no longer shown; what comes again is told again.
    stage.standin.take_room_away(&stranger.public_id);
    stage.database.run(&scenes::save_link(BY_HAND, &unwanted.room.url).sql).await;
    let fewer = async || {
        let status = stage.meetsync(&["status", "--json"]).await.json();
        let groups = status["rooms"].as_array().unwrap();
        groups.iter().map(|group| group["findings"].as_array().unwrap().len()).sum::<usize>() == 1
    };
    until_true("only the drifted one is left", fewer).await;
    stage.standin.plant_room(&of, &stranger);
    worker.says("a room is not as it should be", 4).await;
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_deletions_are_refused_and_not_tried_again_and_again() {
    let stage = with_sweeps().await;
    let worker = with_rooms_made(&stage, 12).await;
    let before = stage.standin.counts().writes();
    let cancelled: Vec<_> = (36101..=36107).map(|session| scenes::cancel(SessionId(session)).sql).collect();
    stage.database.run(&cancelled.join("\n")).await;
    worker.says("guard_too_many_deletes", 7).await;
    sweeps(&stage, 2).await;
    assert_eq!(stage.standin.counts().writes(), before);
    assert_eq!(worker.said().matches("guard_too_many_deletes").count(), 7, "each is said once");
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Beside it").sql).await;
    until(&stage, "the rest goes on", |standin| super::shows(standin, scenes::LIVE, "Beside it")).await;
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_power_to_delete_it_makes_rooms_and_deletes_none() {
    let mut stage = with_sweeps().await;
    stage.change_settings("policy = \"full\"", "policy = \"no-delete\"");
    let worker = with_rooms_made(&stage, 12).await;
    stage.database.run(&scenes::cancel(CANCELLED).sql).await;
    stage.database.run(&scenes::move_interim(scenes::OTHER_INTERIM, 60).sql).await;
    let before = stage.standin.counts().writes();
    sweeps(&stage, 2).await;
    assert_eq!(stage.standin.counts().writes(), before, "{}", worker.said());
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_only_observes_it_makes_no_room() {
    let mut stage = with_sweeps().await;
    stage.change_settings("policy = \"full\"", "policy = \"observe\"");
    let worker = Running::start(&stage);
    until(&stage, "slides are sent", |standin| !standin.sessions_with_decks().is_empty()).await;
    sweeps(&stage, 2).await;
    assert!(stage.standin.rooms().is_empty());
    assert_eq!(link_of(&stage, scenes::INTERIM).await, "");
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observing_worker_reads_and_plans_and_sends_nothing() {
    let mut stage = with_sweeps().await;
    stage.change_settings("mode = \"act\"", "mode = \"observe\"");
    let worker = Running::start(&stage);
    passes(&stage, 5).await;
    worker.stop().await.expect(0);
    assert_eq!(stage.standin.counts().writes(), 0);
}

/// Until the next look at rooms, tomorrow.
#[tokio::test(flavor = "multi_thread")]
async fn status_does_not_tell_of_a_room_what_the_datatracker_contradicts() {
    let stage = with_a_sweep_at_midnight().await;
    let worker = with_rooms_made(&stage, 12).await;
    until_swept(&stage).await;
    worker.stop().await.expect(0);
    let link = link_of(&stage, BY_HAND).await;
    let write = |text: &str| {
        format!("UPDATE public.meeting_session SET remote_instructions = '{text}' WHERE id = {BY_HAND}")
    };
    // A sweep that finds it replaced by a person's own.
    stage.database.run(&write("https://webex.example.org/own")).await;
    stage.database.run("DELETE FROM meetsync.tick").await;
    let worker = Running::start(&stage);
    until_swept(&stage).await;
    let unwanted = format!("session {BY_HAND} room (");
    let tells = async || stage.meetsync(&["status"]).await.stdout.contains(&unwanted);
    until_true("it is told", tells).await;
    stage.database.run(&write(&link)).await;
    until_true("it is no longer told", async || !tells().await).await;
    let json = stage.meetsync(&["status", "--json"]).await.json();
    assert_eq!(json["rooms"], serde_json::json!([]), "{json:#}");
    worker.stop().await.expect(0);
}

//! Rooms when things go wrong in the middle: between two requests, between two tries, between two processes.

use std::time::Duration;

use meetsync::demo::sample::scenes::{self, INTERIM};
use meetsync::demo::standin::{Failure, GroupRefusal, LinkForm};
use meetsync::model::{GroupAcronym, SeenRoom};
use meetsync::provider::meetecho::Call;
use serde_json::{Value, json};

use crate::support::stage::{Ended, Stage};

/// One interim in an always open window, with a deck to show, and room links that don't name their session.
async fn stage() -> Stage {
    let mut stage = Stage::with_week().await;
    stage.change_settings(
        "[rooms]\n",
        "late_effect = \"0s\"\n[slides]\nslides_notify_time = \"always\"\n[rooms]\n",
    );
    stage.standin.set_link_form(LinkForm::Short);
    stage.database.run(&scenes::add_deck(INTERIM, "Agenda").sql).await;
    stage
}

async fn resync(stage: &Stage) -> Ended {
    stage.meetsync(&["resync", "--json", "--session", "36101"]).await
}

/// In step by every sign: one room, at the right time, with its link in the session, and nothing left to send.
async fn assert_in_step(stage: &Stage) {
    let sent = stage.standin.counts().writes();
    let again = resync(stage).await.expect(0).json();
    assert_eq!(again["changes"], json!([]), "{again:#}");
    assert_eq!(stage.standin.counts().writes(), sent);
    let rooms = stage.standin.rooms();
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    assert_eq!(link(stage).await, rooms[0].room.url);
    let start = format!(
        r#"SELECT (t."time" = '{}')::text FROM public.meeting_timeslot t
        JOIN public.meeting_schedtimesessassignment a ON a.timeslot_id = t.id WHERE a.session_id = {INTERIM}"#,
        rooms[0].room.start
    );
    assert_eq!(stage.database.texts(&start).await, ["true"]);
}

async fn link(stage: &Stage) -> String {
    let sql = format!("SELECT remote_instructions FROM public.meeting_session WHERE id = {INTERIM}");
    stage.database.texts(&sql).await.remove(0)
}

/// What the guards would count, oldest first.
async fn counted(stage: &Stage) -> Vec<String> {
    stage
        .database
        .texts("SELECT counts_as FROM meetsync.attempt WHERE counts_as IS NOT NULL ORDER BY id")
        .await
}

fn requests(document: &Value) -> u64 {
    document["results"].as_array().unwrap().iter().map(|result| result["requests"].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_fails_after_its_deletion_is_finished_by_the_next_try() {
    let stage = stage().await;
    resync(&stage).await.expect(0);
    stage.database.run(&scenes::move_interim(INTERIM, 60).sql).await;
    stage.standin.clear_log();
    stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::TooMany { retry_after: 1 });
    let done = resync(&stage).await.expect(0).json();
    assert_eq!(requests(&done), stage.standin.counts().writes() as u64, "{done:#}");
    assert_eq!(counted(&stage).await, ["room_created", "room_deleted"]);
    assert_in_step(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_fails_after_its_deletion_is_finished_by_the_next_resync() {
    for failure in [Failure::Status(400), Failure::Status(503), Failure::DropBefore, Failure::DropAfter] {
        let stage = stage().await;
        resync(&stage).await.expect(0);
        stage.database.run(&scenes::move_interim(INTERIM, 60).sql).await;
        stage.standin.fail_always(Some(Call::CreateRoom), failure.clone());
        // Where the room was made all the same, the next read finds it.
        let status = if failure == Failure::DropAfter { 0 } else { 4 };
        resync(&stage).await.expect(status);
        stage.standin.heal();
        resync(&stage).await.expect(0);
        assert_eq!(counted(&stage).await.iter().filter(|counts| *counts == "room_deleted").count(), 1);
        assert_in_step(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_deleted_by_hand_can_be_made_again_by_hand() {
    let stage = stage().await;
    resync(&stage).await.expect(0);
    stage.meetsync(&["rooms", "delete", "36101", "--yes"]).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 0);
    stage.meetsync(&["rooms", "create", "36101"]).await.expect(0);
    resync(&stage).await.expect(0);
    assert_eq!(counted(&stage).await, ["room_created", "room_deleted", "room_created"]);
    assert_in_step(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decks_wait_for_a_room_that_takes_two_tries() {
    let stage = stage().await;
    stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::TooMany { retry_after: 1 });
    resync(&stage).await.expect(0);
    let log = stage.standin.log();
    let made = log.iter().position(|entry| entry.call == Some(Call::CreateRoom) && entry.status == Some(200));
    let shown = log.iter().position(|entry| entry.call == Some(Call::SetDecks));
    assert!(made < shown, "the list went to a room that was not there");
    assert_in_step(&stage).await;
}

/// By then its slides were sent to no room at all.
#[tokio::test(flavor = "multi_thread")]
async fn decks_are_sent_again_to_a_room_that_is_made_when_its_doubt_is_over() {
    let mut stage = stage().await;
    stage.change_settings("late_effect = \"0s\"", "late_effect = \"5s\"");
    stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::Status(500));
    let done = resync(&stage).await.expect(0);
    assert!(done.stderr.contains("may still take effect"), "it did not wait: {done:?}");
    let done = done.json();
    let log = stage.standin.log();
    let lists = || log.iter().enumerate().filter(|(_, entry)| entry.call == Some(Call::SetDecks));
    let made = log.iter().position(|entry| entry.call == Some(Call::CreateRoom) && entry.status == Some(200));
    let before = lists().filter(|(place, _)| Some(*place) < made).count();
    let after = lists().filter(|(place, _)| Some(*place) > made).count();
    assert_eq!((before, after), (1, 1), "{log:#?}");
    assert_eq!(requests(&done), stage.standin.counts().writes() as u64, "{done:#}");
    assert_in_step(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_make_one_room_and_send_its_decks_once() {
    let stage = stage().await;
    stage.standin.set_latency(Duration::from_millis(200));
    let (one, other) = tokio::join!(resync(&stage), resync(&stage));
    one.expect(0);
    other.expect(0);
    stage.standin.heal();
    let counts = stage.standin.counts();
    assert_eq!((counts.create_room, counts.set_decks), (1, 1), "{counts:?}");
    assert_in_step(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_no_doubt_and_counts_what_was_sent() {
    let stage = stage().await;
    stage.standin.fail_always(Some(Call::CreateRoom), Failure::Status(400));
    let done = resync(&stage).await.expect(4).json();
    assert_eq!(done["results"][0]["outcome"], "refused", "{done:#}");
    assert_eq!(requests(&done), stage.standin.counts().writes() as u64, "{done:#}");
    assert_eq!(counted(&stage).await, [""; 0]);
    let doubt = "SELECT count(*) FROM meetsync.subject WHERE kind = 'room' AND doubt_since IS NOT NULL";
    assert_eq!(stage.database.texts(doubt).await, ["0"], "no room is there, and Meetecho said so");
    // A group without a token sends nothing, and is asked for once.
    stage.standin.heal();
    stage.standin.refuse_group(&GroupAcronym::new("moq"), GroupRefusal::WholeCall(404));
    stage.standin.clear_log();
    let done = resync(&stage).await.expect(4).json();
    assert_eq!((requests(&done), stage.standin.counts().writes()), (0, 0), "{done:#}");
    assert!(
        done["results"].as_array().unwrap().iter().all(|result| result["outcome"] == "refused"),
        "{done:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_somebody_else_made_first_is_not_counted() {
    let stage = stage().await;
    let plan = stage.meetsync(&["plan", "--json", "--session", "36101"]).await.expect(2).json();
    let wanted = &plan["changes"][0]["operations"][0]["room"];
    // createRoom makes it and answers with an error; the read that follows finds it.
    stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::StatusAfterEffect(409));
    let done = resync(&stage).await.expect(0).json();
    assert_eq!(done["results"][0]["outcome"], "applied", "{done:#} {wanted}");
    assert_eq!(counted(&stage).await, [""; 0], "a refused creation made nothing");
    assert_in_step(&stage).await;
}

/// From the read after the next createRoom on, nothing can be read.
fn fail_reads_after_creation(stage: &Stage, times: usize) {
    let harmless = Failure::Delay(Duration::ZERO);
    // The plan reads once, and the step once before it creates.
    stage.standin.fail_next(Some(Call::FetchRooms), 2, harmless);
    stage.standin.fail_next(Some(Call::FetchRooms), times, Failure::Status(503));
}

async fn room_row(stage: &Stage) -> Vec<String> {
    let sql = "SELECT concat_ws('|', state, doubt_since IS NOT NULL, remote IS NOT NULL) FROM meetsync.subject \
               WHERE kind = 'room' AND session = 36101";
    stage.database.texts(sql).await
}

async fn set_status(stage: &Stage, status: &str) {
    let sql = scenes::cancel(INTERIM).sql.replace("canceled", status);
    stage.database.run(&sql).await;
}

/// Refused, and made all the same: were it forgotten because nobody could look, nothing would ever take it away.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_creation_that_nothing_was_read_after_leaves_doubt() {
    let stage = stage().await;
    stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::StatusAfterEffect(409));
    fail_reads_after_creation(&stage, 1000);
    let done = resync(&stage).await.expect(4).json();
    assert_eq!(done["results"][0]["outcome"], "in_doubt", "{done:#}");
    assert_eq!((stage.standin.rooms().len(), stage.standin.counts().create_room), (1, 1));
    assert_eq!(room_row(&stage).await, ["in_doubt|t|f"]);
    let error = "SELECT last_error FROM meetsync.subject WHERE kind = 'room' AND session = 36101";
    let words = stage.database.texts(error).await.remove(0);
    assert!(words.contains("409") && words.contains("503"), "{words}");
    stage.standin.heal();
    stage.database.run(&scenes::cancel(INTERIM).sql).await;
    resync(&stage).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 0, "the orphan is gone");
}

/// The next look shows nothing, and the next refusal is one.
#[tokio::test(flavor = "multi_thread")]
async fn doubt_about_what_was_refused_for_good_reason_ends_with_the_next_look() {
    let stage = stage().await;
    stage.standin.fail_always(Some(Call::CreateRoom), Failure::Status(400));
    fail_reads_after_creation(&stage, 1);
    let done = resync(&stage).await.expect(4).json();
    assert_eq!(done["results"][0]["outcome"], "refused", "{done:#}");
    assert_eq!(stage.standin.counts().create_room, 2);
    assert_eq!(room_row(&stage).await, ["parked|f|f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doubt_about_a_room_that_is_wanted_no_more_ends_with_a_look() {
    let stage = stage().await;
    stage.standin.fail_always(Some(Call::CreateRoom), Failure::Status(503));
    resync(&stage).await.expect(4);
    assert_eq!(room_row(&stage).await, ["in_doubt|t|f"]);
    set_status(&stage, "schedw").await;
    stage.standin.heal();
    let done = resync(&stage).await.expect(0).json();
    assert_eq!(done["results"][0]["outcome"], "applied", "{done:#}");
    assert_eq!(room_row(&stage).await, ["settled|f|f"]);
    assert_eq!(stage.standin.rooms().len(), 0);
}

/// It stays, and so does the link; it goes when the session is cancelled.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_in_doubt_that_is_wanted_no_more_is_put_on_record() {
    let stage = stage().await;
    stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::DropAfter);
    fail_reads_after_creation(&stage, 1000);
    resync(&stage).await.expect(4);
    assert_eq!(room_row(&stage).await, ["in_doubt|t|f"]);
    set_status(&stage, "schedw").await;
    stage.standin.heal();
    stage.standin.clear_log();
    resync(&stage).await.expect(0);
    assert_eq!(room_row(&stage).await, ["settled|f|t"]);
    assert_eq!((stage.standin.rooms().len(), stage.standin.counts().delete_room), (1, 0));
    assert_eq!(link(&stage).await, "");
    let rooms = stage.meetsync(&["rooms", "--json"]).await.expect(2).json();
    assert!(rooms.to_string().contains("unwanted"), "{rooms:#}");
    stage.database.run(&scenes::cancel(INTERIM).sql).await;
    resync(&stage).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_by_hand_never_takes_a_room_away() {
    let stage = stage().await;
    resync(&stage).await.expect(0);
    stage.database.run(&scenes::move_interim(INTERIM, 60).sql).await;
    let moved = stage.meetsync(&["rooms", "create", "36101"]).await.expect(1);
    assert!(moved.stderr.contains("meetsync resync --session 36101"), "{moved:?}");
    stage.database.run(&scenes::cancel(INTERIM).sql).await;
    let cancelled = stage.meetsync(&["rooms", "create", "36101"]).await.expect(1);
    assert!(cancelled.stderr.contains("cancelled"), "{cancelled:?}");
    assert_eq!(stage.standin.counts().delete_room, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_and_the_powers_hold_by_hand_too() {
    let mut stage = stage().await;
    resync(&stage).await.expect(0);
    stage.database.run(&scenes::blank_link(INTERIM).sql).await;
    stage.change_settings("policy = \"full\"", "policy = \"observe\"");
    stage.meetsync(&["rooms", "relink", "36101"]).await.expect(1);
    stage.change_settings("policy = \"observe\"", "policy = \"full\"");
    stage.change_settings("mode = \"act\"", "mode = \"act\"\ngroups = [\"tls\"]");
    for command in [&["rooms", "delete", "36101", "--yes"][..], &["rooms", "relink", "36101"]] {
        let ended = stage.meetsync(command).await.expect(1);
        assert!(ended.stderr.contains("scope.groups"), "{ended:?}");
    }
    assert_eq!((stage.standin.counts().delete_room, link(&stage).await), (0, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn relinking_leads_to_the_room_that_is_there() {
    let stage = stage().await;
    resync(&stage).await.expect(0);
    // Somebody else made it anew, with another address.
    let there = stage.standin.rooms().remove(0);
    stage.standin.forget_everything();
    let url = "https://meetings.conf.meetecho.com/interim/?short=another".to_owned();
    let anew = SeenRoom { public_id: "another".to_owned(), url: url.clone(), ..there.room };
    stage.standin.plant_room(&there.group, &anew);
    stage.meetsync(&["rooms", "relink", "36101"]).await.expect(0);
    assert_eq!(link(&stage).await, url);
    resync(&stage).await.expect(0);
    assert_in_step(&stage).await;
}

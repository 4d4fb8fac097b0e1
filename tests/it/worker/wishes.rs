//! What becomes of wishes that are no longer wished, or not by everybody.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::provider::meetecho::Call;

use super::rooms::link_of;
use super::{NOTHING, calls_of, how_many, hurried, one, passes, shows, until, until_in_step};
use crate::support::running::{Running, until_none, until_true};

/// While the scope of several workers is changed one after another, or one of them is tried with a group.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_a_narrow_scope_takes_nobody_elses_wish_back() {
    let mut stage = hurried().await;
    // Longer than a few passes of both.
    stage.change_settings("quiet = \"200ms\"\nmax_wait = \"1s\"", "quiet = \"1s\"\nmax_wait = \"5s\"");
    let session = scenes::LIVE;
    let other = format!(
        "SELECT acronym FROM public.group_group
         WHERE id = (SELECT group_id FROM public.meeting_session WHERE id = {})
         AND id <> (SELECT group_id FROM public.meeting_session WHERE id = {session})",
        scenes::SOON
    );
    let other = one(&stage, &other).await;
    let wide = Running::start(&stage);
    until_in_step(&stage).await;
    let narrow = Running::start_with(&stage, &[("MEETSYNC__SCOPE__GROUPS", other.as_str())]);
    narrow.says("at work", 1).await;
    passes(&stage, 3).await;
    stage.database.run(&scenes::add_deck(session, "For everybody").sql).await;
    until(&stage, "it is shown", |standin| shows(standin, session, "For everybody")).await;
    wide.stop().await.expect(0);
    narrow.stop().await.expect(0);
}

/// The next blank link is the datatracker's own call's for as long as any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_persons_link_ends_the_wish_for_a_room() {
    const SETTLE: Duration = Duration::from_secs(3);
    let mut stage = hurried().await;
    stage.change_settings("settle = \"0s\"", "settle = \"3s\"");
    let session = scenes::INTERIM;
    let worker = Running::start(&stage);
    let wished = format!(
        "SELECT key FROM meetsync.subject WHERE session = {session} AND kind = 'room' AND first_change IS NOT NULL"
    );
    until_true("it is wished", async || !stage.database.texts(&wished).await.is_empty()).await;
    stage.database.run(&scenes::save_link(session, "https://webex.example.org/meet/me").sql).await;
    until_none("a wish for a room", async || stage.database.texts(&wished).await).await;
    assert_eq!(how_many(&calls_of(&stage.standin.log(), session), Call::CreateRoom), 0);
    // Not as the datatracker's form does it, which writes down when.
    let blank = format!("UPDATE public.meeting_session SET remote_instructions = '' WHERE id = {session}");
    let blanked = Instant::now();
    stage.database.run(&blank).await;
    let is_asked_for = |calls: &[Call]| how_many(calls, Call::CreateRoom) > 0;
    until(&stage, "a room", |standin| is_asked_for(&calls_of(&standin.log(), session))).await;
    assert!(blanked.elapsed() >= SETTLE, "made {:?} after its link was blanked", blanked.elapsed());
    worker.stop().await.expect(0);
}

/// As by a role that may not.
const LINKS_ARE_REFUSED: &str =
    "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
     CREATE TRIGGER refuse BEFORE UPDATE OF remote_instructions ON public.meeting_session
     FOR EACH ROW EXECUTE FUNCTION public.refuse()";

/// Finds the interim once its room was tried so often.
fn tried(times: usize) -> String {
    format!(
        "SELECT session::text FROM meetsync.attempt WHERE key LIKE '%room' AND session = {}
         GROUP BY session HAVING count(*) >= {times}",
        scenes::INTERIM
    )
}

/// The try by hand comes to its end under a wish that was only there to let the room settle. Then nobody knew any more
/// since when it was left alone, and it was left alone from each pass on.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_try_by_hand_that_failed_a_room_is_not_left_to_settle_for_ever() {
    let mut stage = hurried().await;
    stage.change_settings("settle = \"0s\"\n", "settle = \"1s\"\n");
    stage.meetsync(&["resync"]).await.expect(0);
    let session = scenes::INTERIM;
    let link = link_of(&stage, session).await;
    let before = stage.database.texts(&tried(1)).await.len();
    assert_eq!(before, 1, "it was made by hand");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    stage.database.run(LINKS_ARE_REFUSED).await;
    let blank = format!(
        "ALTER TABLE public.meeting_session DISABLE TRIGGER refuse;
         UPDATE public.meeting_session SET remote_instructions = '', modified = now() WHERE id = {session};
         ALTER TABLE public.meeting_session ENABLE TRIGGER refuse"
    );
    stage.database.run(&blank).await;
    until_true("the worker tries it", async || !stage.database.texts(&tried(2)).await.is_empty()).await;
    stage.meetsync(&["resync", "--session", &session.to_string()]).await.expect(4);
    stage.database.run("DROP TRIGGER refuse ON public.meeting_session").await;
    until_true("the link is back", async || link_of(&stage, session).await == link).await;
    worker.stop().await.expect(0);
}

/// That is the database's trouble, and no look at Meetecho's rooms tells more of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_written_is_no_reason_to_ask_meetecho() {
    let stage = hurried().await;
    stage.database.run(LINKS_ARE_REFUSED).await;
    let worker = Running::start(&stage);
    until_true("it is tried", async || !stage.database.texts(&tried(2)).await.is_empty()).await;
    let before = stage.requests();
    until_true("it is tried again", async || !stage.database.texts(&tried(4)).await.is_empty()).await;
    let log = stage.standin.log();
    let reads = log[before..].iter().filter(|entry| entry.call == Some(Call::FetchRooms)).count();
    assert_eq!(reads, 0, "rooms were read {reads} times");
    worker.stop().await.expect(0);
}

/// The ledger of a worker that ran for years has much that nobody waits for any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_dig_up_the_past() {
    let stage = hurried().await;
    let session = scenes::LIVE_TOO;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
    stage
        .database
        .run(&format!(
            "UPDATE public.meeting_timeslot SET time = time - interval '400 days' WHERE id = {session} + 10000;
             UPDATE meetsync.subject SET slot_start = slot_start - interval '400 days',
                slot_end = slot_end - interval '400 days', doubt_since = clock_timestamp() - interval '400 days',
                state = 'in_doubt', unanswered = true WHERE session = {session}"
        ))
        .await;
    let worker = Running::start(&stage);
    worker.says("at work", 1).await;
    passes(&stage, 2).await;
    let said = worker.stop().await.expect(0).stderr;
    assert!(!said.contains("the window closed before this was sent"), "{said}");
    let open = "SELECT key FROM meetsync.subject WHERE first_change IS NOT NULL";
    assert_eq!(stage.database.texts(open).await, NOTHING);
}

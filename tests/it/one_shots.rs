//! Three tries and no more, a confirming send that stays owed, and the guards that ask for a yes.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Failure;
use meetsync::provider::meetecho::Call;
use serde_json::{Value, json};

use crate::support::stage::Stage;

const ONE: [&str; 4] = ["resync", "--json", "--session", "36001"];

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_gets_three_tries_one_and_two_seconds_apart() {
    for (failures, status, tries, outcome) in [(2, 0, 3, "applied"), (3, 4, 3, "failed")] {
        let stage = Stage::with_week().await;
        stage.standin.fail_next(Some(Call::SetDecks), failures, Failure::Status(408));
        let begun = Instant::now();
        let ended = stage.meetsync(&ONE).await.expect(status).json();
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(3) && took < Duration::from_secs(8), "{took:?}");
        assert_eq!(stage.standin.counts().set_decks, tries);
        assert_eq!(ended["results"][0]["outcome"], outcome);
        assert_eq!(ended["results"][0]["error"].is_null(), status == 0, "{ended:#}");
        stage.meetsync(&ONE).await.expect(0);
        assert!(!stage.standin.decks_of(scenes::LIVE).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_not_tried_again() {
    let stage = Stage::with_week().await;
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Status(422));
    let ended = stage.meetsync(&ONE).await.expect(4).json();
    assert_eq!(ended["results"][0]["outcome"], "refused");
    assert_eq!(stage.standin.counts().set_decks, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_is_waited_for() {
    let stage = Stage::with_week().await;
    stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::TooMany { retry_after: 4 });
    let begun = Instant::now();
    stage.meetsync(&ONE).await.expect(0);
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirming_send_is_owed_printed_and_made_when_it_is_due() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("rate = 0\n", "rate = 0\nlate_effect = \"4s\"\n");
    stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::DropAfter);
    let ended = stage.meetsync(&["resync", "--session", "36001"]).await.expect(0);
    let owed = ended
        .stdout
        .lines()
        .find(|line| line.contains("confirm owed at"))
        .unwrap_or_else(|| panic!("{ended:?}"));
    let time = owed.split("confirm owed at ").nth(1).unwrap().get(..8).unwrap();
    assert!(chrono::NaiveTime::parse_from_str(time, "%H:%M:%S").is_ok(), "{owed}");
    let sent = stage.standin.counts().set_decks;
    let early = stage.meetsync(&ONE).await.expect(0).json();
    assert_eq!((&early["changes"], stage.standin.counts().set_decks), (&json!([]), sent));
    assert_eq!(
        early["waits"][1]["reason"].as_str().or(early["waits"][0]["reason"].as_str()),
        Some("in_doubt_confirming")
    );
    let begun = Instant::now();
    while stage.standin.counts().set_decks == sent {
        stage.meetsync(&ONE).await.expect(0);
        assert!(begun.elapsed() < Duration::from_secs(20), "it is never made");
    }
    let after = stage.meetsync(&ONE).await.expect(0).json();
    assert_eq!((&after["changes"], stage.standin.counts().set_decks), (&json!([]), sent + 1));
    assert!(after["waits"].as_array().unwrap().iter().all(|wait| wait["reason"] != "in_doubt_confirming"));
}

fn refused_by(plan: &Value, rule: &str) -> usize {
    plan["refusals"].as_array().unwrap().iter().filter(|refusal| refusal["rule"] == rule).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_rooms_ask_for_a_yes_and_hold_nothing_else_back() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("max_creates = 50", "max_creates = 11");
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(3).json();
    assert_eq!(refused_by(&plan, "guard_too_many_creates"), 12);
    let ended = stage.meetsync(&["resync", "--json"]).await.expect(3).json();
    assert_eq!((stage.standin.rooms().len(), stage.standin.sessions_with_decks().len()), (0, 11));
    let of_rooms =
        ended["results"].as_array().unwrap().iter().filter(|result| result["outcome"] == "refused");
    assert_eq!(of_rooms.count(), 12);
    let text = stage.meetsync(&["resync"]).await.expect(3).stdout;
    assert!(text.contains("guard.max_creates = 11"), "{text}");
    // The way on names just what was refused.
    let way_on = text.lines().find_map(|line| line.split_once("then: meetsync ")).unwrap().1.to_owned();
    assert!(
        way_on.starts_with("resync --session 36101 ") && way_on.ends_with(" --rooms-only --force"),
        "{text}"
    );
    stage.meetsync(&way_on.split(' ').collect::<Vec<_>>()).await.expect(0);
    stage.expect_in_step().await;

    // They count over guard.per: one more is one too many.
    stage.meetsync(&["rooms", "delete", "36101", "--yes"]).await.expect(0);
    let ended = stage.meetsync(&["resync", "--json"]).await.expect(3).json();
    assert_eq!(refused_by(&ended, "guard_too_many_creates"), 1);
    assert_eq!(stage.standin.rooms().len(), 11);
    stage.database.run("UPDATE meetsync.attempt SET at = at - interval '2 h'").await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_deletions_and_emptied_sessions_too() {
    let mut stage = Stage::with_week().await;
    stage.add_settings("max_deletes = 1\nmax_sessions = 1\n");
    stage.meetsync(&["resync"]).await.expect(0);
    for session in [scenes::INTERIM, scenes::OTHER_INTERIM] {
        stage.database.run(&scenes::cancel(session).sql).await;
    }
    stage
        .database
        .run(
            "UPDATE meeting_session SET modified = now() - interval '1 hour';
             DELETE FROM meeting_session_materials WHERE session_id IN (36001, 36003) AND \"order\" > 1",
        )
        .await;
    stage.database.run(&scenes::revise_deck(scenes::SOON, 1).sql).await;
    let decks = stage.standin.decks_of(scenes::LIVE);
    let soon = stage.standin.decks_of(scenes::SOON);
    let ended = stage.meetsync(&["resync", "--json"]).await.expect(3).json();
    assert_eq!(refused_by(&ended, "guard_too_many_deletes"), 4, "{:#}", ended["refusals"]);
    assert_eq!((stage.standin.rooms().len(), stage.standin.decks_of(scenes::LIVE)), (12, decks));
    assert_ne!(stage.standin.decks_of(scenes::SOON), soon, "the rest is done");
    stage.meetsync(&["resync", "--force"]).await.expect(0);
    assert_eq!((stage.standin.rooms().len(), stage.standin.decks_of(scenes::LIVE).len()), (10, 1));
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_what_a_guard_stopped_is_a_yes_to_the_plan_that_was_seen() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("max_creates = 50", "max_creates = 3");
    let seen = stage.meetsync(&["plan", "--json"]).await.expect(3).json();
    let hash = seen["hash"].as_str().unwrap();
    stage.meetsync(&["resync", "--plan", hash, "--force"]).await.expect(0);
    assert_eq!(stage.standin.rooms().len(), 12);
    stage.meetsync(&["resync", "--plan", hash, "--force"]).await.expect(3);
}

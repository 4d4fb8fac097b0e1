//! `meetsync explain`, by the real binary: it says what the plan says, for people and for scripts.

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Failure;
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;
use serde_json::{Value, json};

use crate::support::stage::Stage;

fn subject<'a>(explained: &'a Value, key: &str) -> &'a Value {
    let subjects = explained["subjects"].as_array().unwrap();
    subjects
        .iter()
        .find(|subject| subject["subject"] == key)
        .unwrap_or_else(|| panic!("no {key} in {explained:#}"))
}

fn rule<'a>(subject: &'a Value, name: &str) -> &'a Value {
    let rules = subject["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("no {name} in {subject:#}"))
}

async fn decks(stage: &Stage, session: i64) -> Value {
    let told = stage.meetsync(&["explain", &session.to_string(), "--json"]).await.expect(0).json();
    assert_eq!(told["session"], session);
    subject(&told, &format!("meetecho/session/{session}/decks")).clone()
}

/// Every subject of the plan, and what it says of each.
fn by_the_plan(plan: &Value, key: &str) -> &'static str {
    let is_in = |list: &str| plan[list].as_array().unwrap().iter().any(|entry| entry["subject"] == key);
    match () {
        () if is_in("changes") => "will_send",
        () if is_in("refusals") => "refused",
        () if is_in("waits") => "waits",
        () => "in_step",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_agrees_with_the_plan_about_the_whole_week() {
    let mut stage = Stage::with_week().await;
    stage.change_settings("max_creates = 50", "max_creates = 3");
    for round in 0..2 {
        let plan = stage.meetsync(&["plan", "--json"]).await.json();
        let sessions = stage.meetsync(&["sessions", "--json"]).await.expect(0).json();
        let mut groups: Vec<&str> =
            sessions.as_array().unwrap().iter().map(|session| session["group"].as_str().unwrap()).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut told = 0;
        for group in groups {
            let ended = stage.meetsync(&["explain", group, "--json"]).await;
            if ended.status == 1 {
                assert!(ended.stderr.contains("is scheduled from yesterday on"), "{ended:?}");
                continue;
            }
            let all = ended.expect(0).json();
            for explained in all.as_array().unwrap_or(&vec![all.clone()]) {
                for subject in explained["subjects"].as_array().unwrap() {
                    let key = subject["subject"].as_str().unwrap();
                    assert_eq!(subject["answer"], by_the_plan(&plan, key), "{round} {subject:#}");
                    told += 1;
                }
            }
        }
        assert!(told > 60, "{told}");
        stage.meetsync(&["resync"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_doubt_is_said_to_be_so_with_since_and_next() {
    let stage = Stage::with_week().await;
    stage.standin.fail_next(Some(Call::SetDecks), 3, Failure::Status(500));
    stage.meetsync(&["resync", "--session", "36001"]).await.expect(4);
    let told = decks(&stage, 36001).await;
    assert_eq!(
        (&told["answer"], &told["why"]),
        (&json!("in_doubt"), &json!("in_doubt_confirming")),
        "{told:#}"
    );
    assert!(told["since"].is_string() && told["next"].is_string(), "{told:#}");
    assert!(rule(&told, "no_doubt")["value"].as_str().unwrap().contains("500"), "{told:#}");
    stage.meetsync(&["resync", "--session", "36001"]).await.expect(0);
    let owed = decks(&stage, 36001).await;
    assert_eq!(
        (&owed["answer"], &owed["since"]),
        (&json!("in_doubt"), &Value::Null),
        "one more is owed: {owed:#}"
    );
    let at = stage.database.texts("SELECT to_char(confirm_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') FROM meetsync.subject WHERE confirm_at IS NOT NULL").await;
    assert!(owed["next"].as_str().unwrap().starts_with(&at[0]), "{owed:#}");
    let status = stage.meetsync(&["status"]).await.expect(2);
    assert!(status.stdout.contains("session 36001 decks: accepted; one more send"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_what_people_paste_and_what_they_get_wrong() {
    let stage = Stage::with_week().await;
    let pasted = stage
        .meetsync(&["explain", "https://datatracker.ietf.org/meeting/127/session/36001/materials"])
        .await;
    assert!(pasted.expect(0).stdout.contains("session 36001"));
    for unknown in ["nosuchgroup", "99999999"] {
        let ended = stage.meetsync(&["explain", unknown]).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
    }
    let group = stage.meetsync(&["explain", "TLS", "--json"]).await.expect(0).json();
    let ids: Vec<&Value> = group.as_array().unwrap().iter().map(|one| &one["session"]).collect();
    assert_eq!(ids, [&json!(36001), &json!(36112)]);

    // The page of a group's sessions at a meeting, as the agenda links to it.
    let page = "https://datatracker.ietf.org/meeting/127/session/tls";
    let told = stage.meetsync(&["explain", page, "--json"]).await.expect(0).json();
    assert_eq!(told["session"], 36001);
    for nothing in
        [page.replace("tls", "nosuchgroup"), page.replace("127", "126"), page.replace("127", "x-1")]
    {
        let ended = stage.meetsync(&["explain", &nothing]).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
    }
    let of_tls = "SELECT group_id FROM meeting_session WHERE id = 36001";
    stage.database.run(&format!("UPDATE meeting_session SET group_id = ({of_tls}) WHERE id = 36003")).await;
    let several = stage.meetsync(&["explain", page]).await.expect(64);
    assert!(several.stderr.contains("2 sessions at meeting 127: 36001, 36003;"), "{several:?}");

    stage.database.run("UPDATE meeting_session SET tombstone_for_id = 36003 WHERE id = 36001").await;
    let told = decks(&stage, 36001).await;
    assert_eq!((&told["answer"], &told["why"]), (&json!("waits"), &json!("tombstone")));
    let text = stage.meetsync(&["explain", "36001"]).await.expect(0).stdout;
    assert!(text.contains("meetsync explain 36003"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_is_explained_too() {
    let stage = Stage::with_week().await;
    stage
        .database
        .run(
            "UPDATE meeting_timeslot SET time = time - interval '30 days' WHERE id IN
             (SELECT timeslot_id FROM meeting_schedtimesessassignment WHERE session_id = 36001)",
        )
        .await;
    let told = decks(&stage, 36001).await;
    assert_eq!(
        (&told["answer"], &told["why"], &told["next"]),
        (&json!("waits"), &json!("outside_window"), &Value::Null)
    );
    assert_eq!(rule(&told, "looked_at")["holds"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_meetecho_down_rooms_are_told_by_the_record() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage.standin.fail_always(None, Failure::Status(503));
    let told = stage.meetsync(&["explain", "36101", "--json"]).await.expect(0).json();
    let room = subject(&told, "meetecho/session/36101/room");
    assert_eq!(room["answer"], "in_step", "{room:#}");
    let read = rule(room, "rooms_read");
    assert_eq!(read["holds"], false);
    assert!(read["value"].as_str().unwrap().contains("503"), "{read:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_changes_nothing_anywhere() {
    let stage = Stage::with_week().await;
    let before = stage.digests().await;
    for command in [&["explain", "36001"][..], &["explain", "36101"], &["explain", "tls"], &["status"]] {
        stage.meetsync(command).await;
    }
    assert_eq!(stage.digests().await, before);
    assert_eq!(stage.standin.counts().writes(), 0);
}

/// A room of which only a link is known is looked at before anything is planned about it, as the worker does.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_that_are_not_there_do_not_count_in_a_guard() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    let rooms = stage.standin.rooms();
    let (kept, gone) = (rooms[0].room.room_id, &rooms[1..7]);
    for room in gone {
        stage.standin.take_room_away(&room.room.public_id);
        let id = room.room.room_id;
        stage.database.run(&scenes::cancel(SessionId(id)).sql).await;
        stage.database.run(&format!("DELETE FROM meetsync.subject WHERE session = {id}")).await;
    }
    stage.database.run(&scenes::cancel(SessionId(kept)).sql).await;
    stage.database.run("UPDATE meeting_session SET modified = now() - interval '1 hour'").await;
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    let key = format!("meetecho/session/{kept}/room");
    assert_eq!(by_the_plan(&plan, &key), "will_send", "{:#}", plan["refusals"]);
    let told = stage.meetsync(&["explain", &kept.to_string(), "--json"]).await.expect(0).json();
    assert_eq!(subject(&told, &key)["answer"], "will_send", "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_on_a_session_is_told_and_until_when() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage
        .database
        .run(
            "INSERT INTO meetsync.lease VALUES (36001, 'meetecho', 'resync@two/9', gen_random_uuid(), '2126-01-01T00:00:00Z');
             UPDATE meetsync.subject SET state = 'in_doubt', doubt_since = now() WHERE session = 36001 AND kind = 'decks'",
        )
        .await;
    let told = decks(&stage, 36001).await;
    assert_eq!((&told["answer"], &told["next"]), (&json!("in_doubt"), &json!("2126-01-01T00:00:00Z")));
    assert_eq!(rule(&told, "nobody_at_it")["holds"], false);
    let text = stage.meetsync(&["explain", "36001"]).await.expect(0).stdout;
    assert!(text.contains("resync@two/9 works on this session") && !text.contains("tried again"), "{text}");
}

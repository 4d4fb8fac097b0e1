//! `meetsync export` and `plan --from`: the same plan elsewhere, and nothing in the file that may not leave the house.

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::GroupRefusal;
use meetsync::model::GroupAcronym;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::support::stage::{SECRET, Stage};

/// All of a plan but the moment at which it was made.
fn timeless(mut plan: Value) -> Value {
    plan.as_object_mut().expect("a map").remove("as_of");
    plan
}

async fn expect_same_plan(stage: &Stage, scope: &[&str]) -> String {
    let file = stage.path().join("world.json");
    let name = file.to_str().unwrap();
    let before = stage.digests().await;
    let exported = stage.meetsync(&[&["export"], scope, &[name]].concat()).await.expect(0);
    assert!(exported.stdout.is_empty(), "{exported:?}");
    assert_eq!(stage.digests().await, before);
    let plan = stage.meetsync(&[&["plan", "--json"], scope].concat()).await;
    let from = Stage::without_settings(&["plan", "--json", "--from", name]).await.expect(plan.status);
    assert_eq!(from.stderr, "");
    assert_eq!(timeless(from.json()), timeless(plan.json()));
    std::fs::read_to_string(file).unwrap()
}

/// A world in which much is not as it should be.
async fn muddled() -> Stage {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    for edit in [
        scenes::add_deck(scenes::LIVE, "Late news"),
        scenes::remove_deck(scenes::LIVE_TOO, 2),
        scenes::move_interim(scenes::INTERIM, 60),
        scenes::cancel(scenes::OTHER_INTERIM),
        scenes::blank_link(scenes::TWO_DAYS),
    ] {
        stage.database.run(&edit.sql).await;
    }
    stage
        .database
        .run(
            "UPDATE meeting_session SET modified = now() - interval '1 hour';
             UPDATE meeting_session SET remote_instructions = 'call Zaphod at extension 4711' WHERE id = 36102;
             UPDATE meeting_session SET remote_instructions = 'https://meetings.conf.meetecho.com/interim/?group=ford-prefect'
             WHERE id = 36103;
             UPDATE meetsync.subject SET doubt_since = now() - interval '5 s', last_error = 'Trillian broke it'
             WHERE session = 36004;
             INSERT INTO meetsync.hold (session, until, by_whom, reason, since)
             VALUES (36001, now() + interval '1 h', 'Slartibartfast', 'fjords first', now());",
        )
        .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_from_an_export_is_the_plan_from_the_database() {
    let stage = muddled().await;
    expect_same_plan(&stage, &[]).await;
    expect_same_plan(&stage, &["--group", "moq", "--group", "quic"]).await;
    expect_same_plan(&stage, &["--session", "36102"]).await;
    stage.standin.refuse_group(&GroupAcronym::new("rats"), GroupRefusal::WholeCall(404));
    let text = expect_same_plan(&stage, &[]).await;
    assert!(text.contains("group_unknown"), "a group that could not be read is named");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_resync_too() {
    let stage = Stage::with_week().await;
    expect_same_plan(&stage, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_persons_words_leave_the_house() {
    let stage = muddled().await;
    let text = expect_same_plan(&stage, &[]).await;
    for words in ["webex", "Zaphod", "4711", "ford-prefect", "Trillian", "Slartibartfast", "fjords", SECRET] {
        assert!(!text.contains(words), "{words}");
    }
    for secret in stage.standin.secrets() {
        assert!(!text.contains(secret.expose_secret()));
    }
    assert!(text.contains("other:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_export_is_refused_in_a_sentence() {
    let stage = Stage::with_week().await;
    for (name, content) in [
        ("empty.json", ""),
        ("list.json", "[]"),
        ("old.json", "{\"version\": 0}"),
        ("new.json", "{\"version\": 99}"),
        ("half.json", "{\"version\": 1, \"snapshot\": {"),
    ] {
        let file = stage.path().join(name);
        std::fs::write(&file, content).unwrap();
        let ended = Stage::without_settings(&["plan", "--from", file.to_str().unwrap()]).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
        assert!(ended.stderr.contains(name), "{ended:?}");
    }
    let ended = Stage::without_settings(&["plan", "--from", "nowhere.json"]).await.expect(1);
    assert!(ended.stderr.contains("nowhere.json"), "{ended:?}");
    let ended = stage.meetsync(&["export", "/nowhere/at/all.json"]).await.expect(1);
    assert!(ended.stderr.contains("/nowhere/at/all.json"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_scope_holds_no_other_session() {
    let stage = muddled().await;
    stage.meetsync(&["export", "--session", "36001", "one.json"]).await.expect(0);
    let text = std::fs::read_to_string(stage.path().join("one.json")).unwrap();
    let export: Value = serde_json::from_str(&text).unwrap();
    let sessions = export["snapshot"]["sessions"].as_array().unwrap();
    assert_eq!(sessions.iter().map(|session| session["id"].clone()).collect::<Vec<_>>(), [36001]);
    let whole = stage.meetsync(&["export", "--group", "tls", "group.json"]).await.expect(0);
    assert_eq!(whole.stdout, "");
    let text = std::fs::read_to_string(stage.path().join("group.json")).unwrap();
    let export: Value = serde_json::from_str(&text).unwrap();
    let sessions = export["snapshot"]["sessions"].as_array().unwrap();
    assert!(!sessions.is_empty() && sessions.iter().all(|session| session["group"] == "tls"));
}

//! The main job, as a user has it: the binary between a real database and the stand-in.

use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_makes_it_so_and_a_second_one_sends_nothing() {
    let stage = Stage::with_week().await;
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    assert_eq!(stage.standin.counts().writes(), 0, "a plan writes nothing");
    let done = stage.meetsync(&["resync", "--json"]).await.expect(0).json();
    assert_eq!(done["hash"], plan["hash"], "the same world, the same plan");
    let sent = stage.standin.counts().writes();
    assert_eq!(plan["summary"]["requests"], sent);
    let again = stage.meetsync(&["resync", "--json"]).await.expect(0).json();
    assert_eq!(again["changes"], serde_json::json!([]), "{again:#}");
    assert_eq!(stage.standin.counts().writes(), sent, "in step means silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_begun_before_every_live_session_had_its_turn() {
    let stage = Stage::with_week().await;
    let sessions = stage.meetsync(&["sessions", "--json"]).await.expect(0).json();
    let live: Vec<String> = sessions
        .as_array()
        .expect("a list")
        .iter()
        .filter(|line| line["start"].as_str() < Some(&now()) && Some(now().as_str()) < line["end"].as_str())
        .map(|line| line["session"].to_string())
        .collect();
    stage.meetsync(&["resync"]).await.expect(0);
    let sent: Vec<bool> = stage
        .standin
        .log()
        .iter()
        .filter(|entry| entry.path.ends_with("/materials"))
        .map(|entry| {
            live.contains(
                &entry.body.as_ref().expect("a list")["session"].as_str().expect("an id").to_owned(),
            )
        })
        .collect();
    assert!(sent.contains(&true) && sent.contains(&false), "both kinds are in the week");
    assert!(sent.is_sorted_by(|a, b| a >= b), "{sent:?}");
}

fn now() -> String {
    meetsync::clock::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

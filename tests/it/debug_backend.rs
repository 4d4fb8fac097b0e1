//! A rehearsal: every path runs and every request is shown, nothing is sent, and no row of any table changes.

use meetsync::demo::sample::scenes;
use serde_json::Value;

use crate::support::stage::Stage;

/// In step, and then with something to do of every kind.
async fn much_to_do() -> Stage {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    for edit in [
        scenes::add_deck(scenes::LIVE, "Late <news> & \"more\""),
        scenes::remove_deck(scenes::LIVE_TOO, 2),
        scenes::move_interim(scenes::INTERIM, 60),
        scenes::cancel(scenes::OTHER_INTERIM),
    ] {
        stage.database.run(&edit.sql).await;
    }
    stage
        .database
        .run(
            "UPDATE meeting_session SET modified = now() - interval '1 hour';
             DELETE FROM meetsync.subject WHERE session = 36102;
             UPDATE meeting_session SET remote_instructions = '' WHERE id = 36102",
        )
        .await;
    stage
}

/// `METHOD path session-or-room` of each request that was shown, sorted.
fn spoken(lines: &[Value]) -> Vec<String> {
    let mut spoken: Vec<String> = lines
        .iter()
        .map(|line| {
            let path = line["url"].as_str().unwrap().split("/api/v1/").nth(1).unwrap();
            let body = &line["body"];
            let about = if body["session"].is_null() { &body["room_id"] } else { &body["session"] };
            format!("{} {path} {about}", line["method"].as_str().unwrap())
        })
        .filter(|request| {
            request.starts_with("PUT") || !request.ends_with("null") || request.contains("delete")
        })
        .collect();
    spoken.sort();
    spoken
}

const EXPECTED: [&str; 6] = [
    "DELETE materials \"36003\"",
    "POST meeting/interim/createRoom 36101",
    "POST meeting/interim/createRoom 36102",
    "POST meeting/interim/deleteRoom null",
    "POST meeting/interim/deleteRoom null",
    "PUT materials \"36001\"",
];

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_shown_and_nothing_is_done() {
    let stage = much_to_do().await;
    let (before, requests) = (stage.digests().await, stage.requests());
    let text = stage.meetsync(&["--debug-backend", "resync"]).await.expect(0);
    let json =
        stage.meetsync(&["--debug-backend", "--log-format", "json", "resync", "--json"]).await.expect(0);
    let by_settings =
        stage.meetsync_with(&["resync", "--json"], &[("MEETSYNC__MEETECHO__DEBUG", "true")]).await;
    assert_eq!(stage.digests().await, before);
    assert_eq!(stage.requests(), requests, "not even a read");
    assert_eq!(by_settings.status, 0);

    let results = json.json()["results"].as_array().unwrap().clone();
    assert!(
        results.len() >= 5 && results.iter().all(|result| result["outcome"] == "rehearsed"),
        "{results:#?}"
    );
    let lines: Vec<Value> = json
        .notes()
        .iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["url"].is_string())
        .collect();
    let shown = spoken(&lines);
    for expected in EXPECTED {
        assert!(shown.iter().any(|request| request == expected), "{expected} in {shown:#?}");
    }
    assert_eq!(shown.iter().filter(|request| request.contains("deleteRoom")).count(), 2, "{shown:#?}");
    assert!(
        lines
            .iter()
            .all(|line| line["authorization"].is_null() || line["authorization"] == "bearer [redacted]")
    );

    // For people: one block per request, on stdout.
    for block in ["PUT http", "DELETE http", "POST http"] {
        assert!(text.stdout.contains(&format!("\n{block}")), "{block} in {}", text.stdout);
    }
    assert!(text.stdout.contains("deleteRoom") && text.stdout.contains("rehearsed"), "{}", text.stdout);
    assert!(text.stdout.contains("Late <news> & \\\"more\\\""), "{}", text.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_rehearsed_is_what_is_then_done() {
    let stage = much_to_do().await;
    let rehearsed = stage.meetsync(&["--debug-backend", "plan", "--json"]).await.expect(2).json();
    let ended = stage.meetsync(&["--debug-backend", "resync", "--json"]).await.expect(0).json();
    assert_eq!(ended["hash"], rehearsed["hash"]);
    stage.meetsync(&["resync", "--json"]).await.expect(0);
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_too_and_before_anything_was_sent() {
    let stage = Stage::with_week().await;
    let before = stage.digests().await;
    for command in [&["resync"][..], &["push", "36001"], &["rooms", "create", "36101"]] {
        let ended = stage.meetsync(&[&["--debug-backend"], command].concat()).await.expect(0);
        assert!(ended.stdout.contains("http://"), "{ended:?}");
    }
    assert_eq!((stage.digests().await, stage.requests()), (before, 0));

    stage.meetsync(&["resync"]).await.expect(0);
    let (before, requests) = (stage.digests().await, stage.requests());
    let ended = stage.meetsync(&["--debug-backend", "rooms", "delete", "36101"]).await.expect(0);
    assert!(ended.stdout.contains("deleteRoom"), "{ended:?}");
    assert_eq!((stage.digests().await, stage.requests()), (before, requests));
}

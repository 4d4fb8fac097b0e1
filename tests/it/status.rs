//! `meetsync status`, asked of the ledger alone.

use serde_json::{Value, json};

use crate::support::TestDatabase;
use crate::support::stage::Stage;

/// A pass that a worker wrote down so long ago. It is there, and makes no other.
async fn a_pass(stage: &Stage, seconds_ago: u32) {
    let ended = format!("clock_timestamp() - interval '{seconds_ago} seconds'");
    stage
        .database
        .run(&format!(
            "INSERT INTO meetsync.pass (known_until, as_of, ended_at, took_ms, who, summary)
             VALUES (now(), now(), {ended}, 25, 'run@one/7', '{{}}')
             ON CONFLICT (only_row) DO UPDATE SET ended_at = {ended};
             INSERT INTO meetsync.replica VALUES ('run@one/7', '0', now(), now(), 'answers', 600000)
             ON CONFLICT DO NOTHING"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_migrate_it_ends_with_1_and_names_the_way_on() {
    let stage = Stage::not_migrated(TestDatabase::with_week().await).await;
    for command in [
        &["status"][..],
        &["explain", "36001"],
        &["hold", "--all", "--until", "1h", "--reason", "x"],
        &["release", "--all"],
    ] {
        let ended = stage.meetsync(command).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
        assert!(ended.stderr.contains("meetsync migrate"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_the_age_of_the_last_complete_pass() {
    let mut stage = Stage::with_week().await;
    let never = stage.meetsync(&["status", "--json"]).await.expect(2).json();
    assert_eq!(
        (&never["healthy"], &never["last_complete_pass"], &never["last_pass_ms"]),
        (&json!(false), &Value::Null, &Value::Null)
    );
    a_pass(&stage, 5).await;
    let well = stage.meetsync(&["status", "--json"]).await.expect(0).json();
    assert_eq!((&well["healthy"], &well["last_pass_ms"]), (&json!(true), &json!(25)));
    a_pass(&stage, 45).await;
    stage.meetsync(&["status", "--json"]).await.expect(2);
    stage.change_settings("[datatracker]\n", "[datatracker]\npoll = \"10s\"\n");
    stage.meetsync(&["status", "--json"]).await.expect(0);
    assert_eq!(stage.requests(), 0, "nobody but the ledger is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_counts_subjects_and_tells_the_newest_attempts() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    a_pass(&stage, 0).await;
    let status = stage.meetsync(&["status", "--json"]).await.expect(0).json();
    let rows: i64 =
        stage.database.texts("SELECT count(*)::text FROM meetsync.subject").await[0].parse().unwrap();
    assert_eq!(status["subjects"], json!({"settled": rows, "waiting": 0, "in_doubt": 0, "parked": 0}));
    let attempts = status["attempts"].as_array().unwrap();
    let done: usize =
        stage.database.texts("SELECT count(*)::text FROM meetsync.attempt").await[0].parse().unwrap();
    assert_eq!(attempts.len(), done.min(50));
    assert_eq!(attempts[0]["outcome"], "applied");

    stage
        .database
        .run(
            "UPDATE meetsync.subject SET state = 'in_doubt', doubt_since = now() WHERE session = 36001 AND kind = 'decks';
             UPDATE meetsync.subject SET state = 'parked', last_error = '422: no' WHERE session = 36003 AND kind = 'decks';
             UPDATE meetsync.subject SET slot_end = now() - interval '3 days', slot_start = now() - interval '4 days'
             WHERE session = 36009;
             INSERT INTO meetsync.replica VALUES ('run@two/9', '0', now(), now(), 'answers', 600000);
             INSERT INTO meetsync.lease VALUES (36004, 'meetecho', 'run@two/9', gen_random_uuid(), now() + interval '20 s'),
                                               (36005, 'meetecho', 'run@two/9', gen_random_uuid(), now() - interval '1 s')",
        )
        .await;
    let status = stage.meetsync(&["status", "--json"]).await.expect(0).json();
    assert_eq!(
        status["subjects"],
        json!({"settled": rows - 3, "waiting": 0, "in_doubt": 1, "parked": 1}),
        "the old one is over"
    );
    assert_eq!(status["in_doubt"][0]["subject"], "meetecho/session/36001/decks");
    assert_eq!(status["leases"].as_array().unwrap().len(), 1);
    let text = stage.meetsync(&["status"]).await.expect(0).stdout;
    let first = text.lines().next().unwrap();
    assert!(
        first.starts_with("The worker's last pass was ") && first.ends_with("1 is in doubt, 1 needs you."),
        "{text}"
    );
    assert!(
        text.contains("session 36003 decks: it was refused: 422: no")
            && text.contains("run@two/9 works on session 36004"),
        "{text}"
    );
}

/// Nobody will ever send these again, so nothing of them goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_window_closed_on_is_a_list_of_its_own() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    a_pass(&stage, 0).await;
    let in_doubt = "state = 'in_doubt', doubt_since = now() - interval '2 hours'";
    let failed = "state = 'waiting', last_error = '429', attempts = 3, due_at = now() + interval '1 hour'";
    let over = "slot_start = now() - interval '2 hours', slot_end = now() - interval '1 hour'";
    let to_come = "slot_start = now(), slot_end = now() + interval '1 hour'";
    for (session, stands, slot) in [
        (36001, in_doubt, over),
        (36003, failed, over),
        (36004, "state = 'waiting'", over),
        (36005, in_doubt, to_come),
    ] {
        let sql = format!(
            "UPDATE meetsync.subject SET {stands}, {slot} WHERE session = {session} AND kind = 'decks'"
        );
        stage.database.run(&sql).await;
    }
    let status = stage.meetsync(&["status", "--json"]).await.expect(0).json();
    let subjects = |list: &str| {
        let subjects = status[list].as_array().unwrap().iter().map(|entry| entry["subject"].clone());
        subjects.collect::<Vec<_>>()
    };
    let decks = |id: i64| json!(format!("meetecho/session/{id}/decks"));
    assert_eq!(subjects("window_closed"), [decks(36001), decks(36003), decks(36004)]);
    assert_eq!(subjects("in_doubt"), [decks(36005)]);
    assert_eq!(subjects("retrying"), Vec::<Value>::new());
    let text = stage.meetsync(&["status"]).await.expect(0).stdout;
    let by_itself = &text[text.find("Goes on by itself").unwrap()..];
    assert!(by_itself.contains("session 36005 decks: in doubt"), "{text}");
    assert!(!by_itself.contains("session 36001 decks: in doubt"), "{text}");
    for line in [
        "! session 36001 decks: the slides' window closed before it was certain that they are shown",
        "! session 36003 decks: the window closed before these slides were sent (429) (window_closed_unsent)",
        "! session 36004 decks: the window closed before these slides were sent (window_closed_unsent)",
        "if they still matter: meetsync push 36004 --reason TEXT",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.lines().next().unwrap().ends_with("1 is in doubt, 3 need you."), "{text}");
    // It goes on until the margin of `slides_notify_time` is over.
    let within = "UPDATE meetsync.subject SET slot_end = now() - interval '14 minutes' WHERE session = 36004";
    stage.database.run(within).await;
    let status = stage.meetsync(&["status", "--json"]).await.expect(0).json();
    assert_eq!(status["window_closed"].as_array().unwrap().len(), 2, "{status:#}");
}

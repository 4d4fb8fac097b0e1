//! The databases and the settings go wrong: one sentence that says what, where and the way on, status 1, nothing sent.

use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;

use crate::support::stage::{Ended, Stage};

/// One sentence on stderr with all of these words, and nothing on stdout.
fn expect_sentence(ended: &Ended, words: &[&str]) {
    assert_eq!((ended.notes().len(), ended.stdout.as_str()), (1, ""), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    }
}

const READERS: [&[&str]; 6] =
    [&["plan"], &["plan", "--json"], &["sessions", "--json"], &["resync"], &["push", "36001"], &["rooms"]];

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down() {
    let mut stage = Stage::with_week().await;
    let url = stage.database.url();
    stage.change_settings(&url, "postgres://meetsync:planted-password@127.0.0.1:1/datatracker");
    for command in READERS {
        let ended = stage.meetsync(command).await.expect(1);
        expect_sentence(&ended, &["127.0.0.1", "database_url"]);
        assert!(!ended.stderr.contains("planted-password"), "{ended:?}");
    }
    let ended = stage.meetsync(&["migrate"]).await.expect(1);
    expect_sentence(&ended, &["127.0.0.1"]);
    let checked = stage.meetsync(&["check"]).await.expect(1);
    assert!(
        checked.stdout.contains("127.0.0.1") && !checked.stdout.contains("planted-password"),
        "{checked:?}"
    );
    assert_eq!(stage.standin.counts().writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_or_database() {
    let cluster = Cluster::start(&Place { tcp: true, ..Place::from_env() }).unwrap();
    sample::create(&cluster, "week").await.unwrap();
    cluster.run_sql("week", "CREATE ROLE reader SUPERUSER LOGIN PASSWORD 'right'").await.unwrap();
    let mut stage = Stage::with_week().await;
    let mut url = stage.database.url();
    for (database, password, word) in [
        ("week", "planted-wrong", "log-in"),
        ("nosuch", "right", "nosuch"),
        ("week", "right", "meetsync migrate"),
    ] {
        let other = cluster.tcp_url(database, "reader", password).unwrap();
        stage.change_settings(&url, &other);
        url = other;
        let ended = stage.meetsync(&["resync"]).await.expect(1);
        expect_sentence(&ended, &[word]);
        assert!(!ended.stderr.contains("planted"), "{ended:?}");
    }
    stage.meetsync(&["migrate"]).await.expect(0);
    stage.meetsync(&["resync"]).await.expect(0);
    assert!(stage.standin.counts().writes() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_missing_or_not_granted() {
    let stage = Stage::with_week().await;
    stage.database.run("ALTER TABLE meeting_session RENAME remote_instructions TO remote_text").await;
    for command in [&["sessions", "--json"][..], &["rooms"], &["resync", "--rooms-only"]] {
        let ended = stage.meetsync(command).await.expect(1);
        expect_sentence(&ended, &["absent", "meeting_session.remote_instructions"]);
    }
    // The rest goes on.
    let planned = stage.meetsync(&["plan", "--json"]).await.expect(4).json();
    let of_rooms = |entry: &serde_json::Value| entry["subject"].as_str().unwrap().ends_with("/room");
    assert!(!planned["changes"].as_array().unwrap().iter().any(of_rooms), "{planned:#}");
    let refused = |entry: &serde_json::Value| entry["rule"] == "source_incomplete" && of_rooms(entry);
    assert!(planned["refusals"].as_array().unwrap().iter().any(refused), "{planned:#}");
    let exported = stage.path().join("in-part.json");
    let exported = exported.to_str().unwrap();
    stage.meetsync(&["export", exported]).await;
    let from = stage.meetsync(&["plan", "--json", "--from", exported]).await.expect(4).json();
    assert_eq!(from["hash"], planned["hash"]);
    let checked = stage.meetsync(&["check"]).await.expect(1);
    assert!(checked.stdout.contains("meeting_session.remote_instructions"), "{checked:?}");
    assert_eq!(stage.standin.counts().writes(), 0);
    stage.database.run("ALTER TABLE meeting_session RENAME remote_text TO remote_instructions").await;
    stage.database.run("DROP TABLE doc_document_states").await;
    for command in [&["sessions", "--json"][..], &["push", "36001"], &["resync", "--slides-only"]] {
        expect_sentence(&stage.meetsync(command).await.expect(1), &["absent", "doc_document_states"]);
    }
    let resynced = stage.meetsync(&["resync"]).await.expect(4);
    assert!(resynced.stdout.contains("doc_document_states"), "{resynced:?}");
    let counts = stage.standin.counts();
    assert!(
        counts.create_room > 0 && counts.add_deck + counts.set_decks + counts.delete_deck == 0,
        "{counts:?}"
    );
    // Both kinds, or what both need: nothing.
    stage.database.run("ALTER TABLE meeting_session RENAME remote_instructions TO remote_text").await;
    for command in READERS {
        expect_sentence(&stage.meetsync(command).await.expect(1), &["absent", "doc_document_states"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_datatracker_is_not_believed() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    let (rooms, decks) = (stage.standin.rooms().len(), stage.standin.sessions_with_decks());
    stage.database.run("UPDATE meeting_timeslot SET time = time - interval '10 years'").await;
    let ended = stage.meetsync(&["resync"]).await.expect(3);
    assert!(ended.stdout.contains("guard_empty_source") && ended.stdout.contains("--force"), "{ended:?}");
    stage.database.run("TRUNCATE meeting_meeting CASCADE").await;
    let ended = stage.meetsync(&["resync"]).await.expect(1);
    expect_sentence(&ended, &["meeting_meeting", "database_url"]);
    assert_eq!((stage.standin.rooms().len(), stage.standin.sessions_with_decks()), (rooms, decks));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_be_used_name_file_line_and_key() {
    let mut stage = Stage::with_week().await;
    for (from, to, words) in [
        ("rate = 0\n", "rate = 0\nspeed = 9\n", &["[meetecho] speed", "unknown key"][..]),
        ("rate = 0\nspeed = 9\n", "rate = 0\nlate_effect = \"soon\"\n", &["[meetecho] late_effect", "3.01s"]),
        ("rate = 0\nlate_effect = \"soon\"\n", "rate = 0\n", &[]),
        ("policy = \"full\"\n", "", &["rooms", "policy", "full", "no-delete", "observe"]),
        ("[rooms]\n", "[rooms]\npolicy = \"all\"\n", &["policy", "all", "no-delete"]),
        ("policy = \"all\"", "policy = \"full", &["meetsync.toml"]),
    ] {
        stage.change_settings(from, to);
        if words.is_empty() {
            continue;
        }
        for command in [&["plan"][..], &["resync"], &["check"], &["migrate"], &["sessions"]] {
            let ended = stage.meetsync(command).await.expect(1);
            expect_sentence(&ended, words);
            assert!(ended.stderr.contains("meetsync.toml"), "{ended:?}");
        }
    }
    assert_eq!(stage.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_settings_at_all_name_the_file_that_was_looked_for() {
    for command in [&["plan"][..], &["resync"], &["check"], &["sessions"]] {
        let ended = Stage::without_settings(command).await.expect(1);
        expect_sentence(&ended, &["meetsync.toml"]);
    }
    let stage = Stage::with_week().await;
    for (name, value, words) in [
        ("MEETSYNC__ROOMS__POLCY", "full", "MEETSYNC__ROOMS__POLCY"),
        ("MEETSYNC__ROOMS__SETTLE", "soon", "MEETSYNC__ROOMS__SETTLE"),
    ] {
        let ended = stage.meetsync_with(&["plan"], &[(name, value)]).await.expect(1);
        expect_sentence(&ended, &[words]);
    }
    stage.meetsync_with(&["plan"], &[("MEETSYNC__ROOMS__SETTLE", "5m")]).await.expect(2);
}

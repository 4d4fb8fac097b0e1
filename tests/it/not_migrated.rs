//! Before `meetsync migrate`, and while `scope.mode` is `observe`: what still works, and what says why it doesn't.

use crate::support::TestDatabase;
use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_what_only_reads_works_and_says_so_once() {
    let stage = Stage::not_migrated(TestDatabase::with_week().await).await;
    for command in [&["plan"][..], &["rooms"], &["export", "world.json"]] {
        let ended = stage.meetsync(command).await;
        assert!(matches!(ended.status, 0 | 2), "{command:?} {ended:?}");
        let about = ended.notes().iter().filter(|line| line.contains("meetsync migrate")).count();
        assert_eq!(about, 1, "{ended:?}");
    }
    let sessions = stage.meetsync(&["sessions"]).await.expect(0);
    assert_eq!(sessions.stderr, "");
    for command in [
        &["resync"][..],
        &["push", "36001"],
        &["rooms", "create", "36101"],
        &["rooms", "delete", "36101", "--yes"],
        &["rooms", "relink", "36101"],
        &["--debug-backend", "resync"],
    ] {
        let ended = stage.meetsync(command).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
        assert!(ended.stderr.contains("meetsync migrate"), "{ended:?}");
    }
    assert_eq!(stage.standin.counts().writes(), 0);
    stage.meetsync(&["migrate"]).await.expect(0);
    stage.meetsync(&["migrate"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_the_future_is_refused_by_all_that_open_it() {
    let stage = Stage::with_week().await;
    stage.database.run("UPDATE meetsync.ledger_version SET version = 99, oldest_reader = 99").await;
    for command in [&["plan"][..], &["resync"], &["rooms"], &["export", "x.json"], &["push", "36001"]] {
        let ended = stage.meetsync(command).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
    }
    stage.meetsync(&["sessions"]).await.expect(0);
    assert_eq!(stage.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_sends_nothing_by_no_command_and_says_so() {
    let mut stage = Stage::with_week().await;
    stage.meetsync(&["resync", "--session", "36101"]).await.expect(0);
    stage.change_settings("mode = \"act\"", "mode = \"observe\"");
    let (before, sent) = (stage.digests().await, stage.standin.counts().writes());
    for (command, status) in [
        (&["resync"][..], 2),
        (&["resync", "--json"], 2),
        (&["push", "36001"], 2),
        (&["rooms", "create", "36102"], 2),
        (&["rooms", "delete", "36101", "--yes"], 2),
        (&["rooms", "delete", "36101"], 2),
        (&["resync", "--session", "36101"], 0),
    ] {
        let ended = stage.meetsync(command).await.expect(status);
        assert!(ended.stderr.contains("observe"), "{command:?} {ended:?}");
    }
    stage.database.run("UPDATE meeting_session SET remote_instructions = '' WHERE id = 36101").await;
    let relink = stage.meetsync(&["rooms", "relink", "36101"]).await.expect(2);
    assert!(relink.stderr.contains("observe"), "{relink:?}");
    assert_eq!(stage.standin.counts().writes(), sent);
    let unlinked = before.iter().filter(|line| !line.starts_with("public.meeting_session "));
    assert!(unlinked.clone().count() > 10);
    let after = stage.digests().await;
    assert!(unlinked.into_iter().all(|line| after.contains(line)));
}

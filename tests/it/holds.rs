//! Holds, as a person puts them on and takes them off: what they stop, what goes through, and how they end.

use std::time::Duration;

use meetsync::demo::standin::{Failure, Standin};
use meetsync::model::SessionId;
use meetsync::provider::meetecho::Call;
use serde_json::Value;

use crate::support::stage::{Ended, Stage};

const FOR_A_WHILE: [&str; 4] = ["--until", "2h", "--reason", "the chairs asked"];

async fn hold(stage: &Stage, what: &[&str]) -> Ended {
    stage.meetsync(&[&["hold"], what, &FOR_A_WHILE].concat()).await
}

async fn reasons(stage: &Stage, session: &str) -> Vec<String> {
    let plan = stage.meetsync(&["plan", "--json", "--session", session]).await.json();
    let waits = plan["waits"].as_array().unwrap();
    waits.iter().map(|wait| wait["reason"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_session_is_left_alone_but_for_a_push() {
    let stage = Stage::with_week().await;
    let said = hold(&stage, &["36001"]).await.expect(0);
    assert!(
        said.stdout.contains("session 36001") && said.stdout.contains(": the chairs asked\n"),
        "{said:?}"
    );
    let ended = stage.meetsync(&["resync", "--session", "36001"]).await.expect(0);
    assert!(ended.stdout.contains("1 is held, and a change waits for that to end"), "{ended:?}");
    assert_eq!(stage.standin.counts().writes(), 0);
    let told = stage.meetsync(&["explain", "36001", "--json"]).await.expect(0).json();
    let decks = &told["subjects"][0];
    assert_eq!((&decks["answer"], &decks["why"]), (&Value::from("waits"), &Value::from("held")), "{told:#}");
    // The window closes before the hold ends, so that its end is nothing to wait for.
    let detail = decks["detail"].as_str().unwrap();
    assert!(decks["next"].is_null() && detail.contains(", before the hold ends, "), "{told:#}");
    stage.meetsync(&["push", "36001"]).await.expect(0);
    assert_eq!(stage.standin.counts().set_decks, 1);
    let status = stage.meetsync(&["status", "--json"]).await.expect(2).json();
    assert_eq!(
        (&status["holds"][0]["session"], &status["holds"][0]["reason"]),
        (&36001.into(), &"the chairs asked".into())
    );
}

/// Each step asks once more; what was begun before goes on. A hold can come as long as there is something to begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_comes_in_the_middle_of_a_resync_stops_what_was_not_begun() {
    for command in [&["resync"][..], &["push", "36001"]] {
        let stage = Stage::with_week().await;
        stage.standin.fail_next(Some(Call::Tokens), 1, Failure::Delay(Duration::from_secs(3)));
        let holds = async {
            let asks = |standin: &Standin| standin.log().iter().any(|entry| entry.call == Some(Call::Tokens));
            stage.standin.until(asks).await;
            hold(&stage, &["36001"]).await.expect(0);
        };
        let is_push = command[0] == "push";
        let command = if is_push {
            command.to_vec()
        } else {
            vec!["resync", "--session", "36001", "--session", "36003"]
        };
        let (ended, ()) = tokio::join!(stage.meetsync(&command), holds);
        let shown = |session| !stage.standin.decks_of(SessionId(session)).is_empty();
        assert_eq!((shown(36001), shown(36003)), (is_push, !is_push), "{ended:?}");
        assert_eq!(ended.status, if is_push { 0 } else { 4 }, "{ended:?}");
        if !is_push {
            assert!(ended.stdout.contains("not sent: it was put on hold meanwhile, until "), "{ended:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_by_itself_or_by_a_release_and_a_newer_one_replaces_it() {
    let stage = Stage::with_week().await;
    hold(&stage, &["36001", "36003"]).await.expect(0);
    let again = stage.meetsync(&["hold", "36001", "--until", "1d", "--reason", "more"]).await.expect(0);
    assert!(
        again.stdout.contains("instead of until ") && again.stdout.contains("the chairs asked"),
        "{again:?}"
    );
    assert_eq!(reasons(&stage, "36001").await, ["held"]);
    stage.database.run("UPDATE meetsync.hold SET until = now() - interval '1 s' WHERE session = 36001").await;
    assert_eq!(reasons(&stage, "36001").await, Vec::<String>::new(), "it is over");
    let over = stage.meetsync(&["release", "36001"]).await.expect(0);
    assert!(over.stdout.starts_with("Not held: session 36001"), "{over:?}");
    let released = stage.meetsync(&["release", "36003"]).await.expect(0);
    assert!(released.stdout.starts_with("Released: session 36003"), "{released:?}");
    let again = stage.meetsync(&["release", "36003"]).await.expect(0);
    assert!(again.stdout.starts_with("Not held: session 36003"), "{again:?}");
    assert_eq!(stage.database.texts("SELECT count(*)::text FROM meetsync.hold").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_held_without_the_datatracker_and_released_again() {
    let stage = Stage::with_week().await;
    hold(&stage, &["36001"]).await.expect(0);
    let away = [
        ("MEETSYNC__DATATRACKER__DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
        ("MEETSYNC__LEDGER__DATABASE_URL", &stage.database.url()),
    ];
    let command = [&["hold", "--all"][..], &FOR_A_WHILE].concat();
    let held = stage.meetsync_with(&command, &away).await.expect(0);
    assert!(held.stdout.starts_with("Everything is held until "), "{held:?}");
    let one = stage.meetsync_with(&["release", "36001"], &away).await.expect(0);
    assert!(one.stdout.contains("! Still nothing is sent: everything is held"), "{one:?}");
    stage.meetsync(&["resync"]).await.expect(0);
    assert_eq!(stage.standin.counts().writes(), 0);
    hold(&stage, &["36003"]).await.expect(0);
    let all = stage.meetsync_with(&["release", "--all"], &away).await.expect(0);
    assert!(
        all.stdout.starts_with("Released: everything") && all.stdout.contains("36003 has a hold of its own"),
        "{all:?}"
    );
    stage.meetsync(&["resync"]).await.expect(0);
    assert!(stage.standin.counts().writes() > 20);
}

/// As the agenda links to it: one that people have before them.
const PAGE: &str = "https://datatracker.ietf.org/meeting/127/session/tls";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_groups_session_stands_for_it() {
    let stage = Stage::with_week().await;
    let held = hold(&stage, &[PAGE]).await.expect(0);
    assert!(held.stdout.contains("session 36001 tls"), "{held:?}");
    assert_eq!(stage.database.texts("SELECT session::text FROM meetsync.hold").await, ["36001"]);
    let released = stage.meetsync(&["release", "--session", PAGE]).await.expect(0);
    assert!(released.stdout.starts_with("Released: session 36001"), "{released:?}");
    stage.meetsync(&["push", PAGE]).await.expect(0);
    let of_it = |entry: &&meetsync::demo::standin::LogEntry| entry.session().is_some();
    let pushed: Vec<i64> =
        stage.standin.log().iter().filter(of_it).filter_map(|entry| Some(entry.session()?.0)).collect();
    assert_eq!(pushed, [36001]);
    let sessions = stage.meetsync(&["sessions", "--json", "--session", PAGE]).await.expect(0).json();
    assert_eq!((sessions.as_array().unwrap().len(), &sessions[0]["session"]), (1, &36001.into()));
    let file = stage.path().join("export.json");
    let file = file.to_str().unwrap();
    stage.meetsync(&["export", file]).await.expect(0);
    let plan = stage.meetsync(&["plan", "--json", "--from", file, "--session", PAGE]).await.json();
    assert_eq!(plan["summary"]["sessions"], 1, "{plan:#}");

    let two = "UPDATE meeting_session SET group_id = (SELECT group_id FROM meeting_session WHERE id = 36001)
               WHERE id = 36003";
    stage.database.run(two).await;
    let several = hold(&stage, &[PAGE]).await.expect(64);
    assert!(
        several.stderr.contains("2 sessions at meeting 127: 36001, 36003; name one of them"),
        "{several:?}"
    );
    for nobody in [PAGE.replace("tls", "nosuch"), PAGE.replace("127", "999")] {
        for command in [&["push"][..], &["release"], &["resync", "--session"]] {
            let ended = stage.meetsync(&[command, &[&nobody]].concat()).await.expect(1);
            assert_eq!(ended.notes().len(), 1, "{ended:?}");
        }
        hold(&stage, &[&nobody]).await.expect(1);
    }
    assert_eq!(stage.database.texts("SELECT count(*)::text FROM meetsync.hold").await, ["0"]);
}

/// A number needs nobody; which session a page is about, only the datatracker knows.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_datatracker_a_number_can_be_held_and_a_page_can_not() {
    let stage = Stage::with_week().await;
    let away = [
        ("MEETSYNC__DATATRACKER__DATABASE_URL", "postgres://nobody:canary@127.0.0.1:1/none"),
        ("MEETSYNC__LEDGER__DATABASE_URL", &stage.database.url()),
    ];
    for command in [&["release", PAGE][..], &["push", PAGE], &[&["hold", PAGE][..], &FOR_A_WHILE].concat()] {
        let ended = stage.meetsync_with(command, &away).await.expect(1);
        let clear =
            ended.stderr.contains("only the datatracker knows which session of group tls at meeting 127");
        assert!(clear && ended.stderr.contains("name the session by its id"), "{ended:?}");
        assert!(ended.notes().len() == 1 && !ended.stderr.contains("canary"), "{ended:?}");
    }
    let held = stage.meetsync_with(&[&["hold", "36001"][..], &FOR_A_WHILE].concat(), &away).await.expect(0);
    assert!(held.stderr.contains("whether these sessions exist could not be asked"), "{held:?}");
    assert!(held.stdout.contains("  session 36001\n"), "{held:?}");
    let status = stage.meetsync_with(&["status", "--json"], &away).await.expect(2).json();
    assert_eq!(status["holds"][0]["session"], 36001);
    stage.meetsync_with(&["release", "36001"], &away).await.expect(0);
    let not_held = stage.meetsync_with(&["release", "36001"], &away).await.expect(0);
    assert!(not_held.stdout.starts_with("Not held: session 36001"), "{not_held:?}");
    // Which ones a group has, it can't know either.
    stage.meetsync_with(&[&["hold", "--group", "tls"][..], &FOR_A_WHILE].concat(), &away).await.expect(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_each_of_its_sessions_and_an_unknown_one_an_error() {
    let stage = Stage::with_week().await;
    hold(&stage, &["--group", "tls"]).await.expect(0);
    let held = stage.database.texts("SELECT session::text FROM meetsync.hold ORDER BY 1").await;
    assert_eq!(held, ["36001", "36112"]);
    hold(&stage, &["--group", "tls", "--meeting", "127"]).await.expect(0);
    let who = stage.database.texts("SELECT DISTINCT by_whom FROM meetsync.hold").await;
    assert!(who.len() == 1 && !who[0].is_empty(), "{who:?}");
    for unknown in [&["--group", "nosuch"][..], &["--meeting", "999"], &["99999999"], &["36001", "99999999"]]
    {
        let ended = hold(&stage, unknown).await.expect(1);
        assert_eq!(ended.notes().len(), 1, "{ended:?}");
        stage.meetsync(&[&["release"], unknown].concat()).await.expect(1);
    }
    assert_eq!(stage.database.texts("SELECT session::text FROM meetsync.hold ORDER BY 1").await, held);
    let named = stage
        .command(&["hold", "36001", "--until", "1h", "--reason", "x"])
        .env("USER", "anna")
        .output()
        .await
        .unwrap();
    assert!(String::from_utf8(named.stdout).unwrap().contains("by anna@"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsed_hold_changes_nothing_and_says_so() {
    let stage = Stage::with_week().await;
    let before = stage.digests().await;
    let command = [&["--debug-backend", "hold", "36001"][..], &FOR_A_WHILE].concat();
    let ended = stage.meetsync(&command).await.expect(0);
    assert!(ended.stderr.contains("rehearsed only"), "{ended:?}");
    assert_eq!(stage.digests().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_one_line_and_64() {
    for arguments in [
        &["hold"][..],
        &["hold", "36001"],
        &["hold", "36001", "--until", "2h"],
        &["hold", "36001", "--reason", "x"],
        &["hold", "36001", "--until", "2h", "--reason", "  "],
        &["hold", "36001", "--until", "0s", "--reason", "x"],
        &["hold", "36001", "--until", "2020-01-01T00:00:00Z", "--reason", "x"],
        &["hold", "36001", "--until", "soon", "--reason", "x"],
        &["hold", "36001", "--until", "5000d", "--reason", "x"],
        &["hold", "36001", "--until", "9000-01-01T00:00:00Z", "--reason", "x"],
        &["hold", "36001", "--until", "-2h", "--reason", "x"],
        &["hold", "36001", "--until", "30", "--reason", "x"],
        &["hold", "--until", "2h", "--reason", "x"],
        &["hold", "--all", "36001", "--until", "2h", "--reason", "x"],
        &["hold", "--all", "--group", "tls", "--until", "2h", "--reason", "x"],
        &["hold", "36001", "--slides-only", "--until", "2h", "--reason", "x"],
        &["release"],
        &["release", "--all", "--session", "36001"],
        &["explain"],
        &["explain", "https://example.org/nothing"],
        &["explain", "36001", "36003"],
        &["status", "36001"],
    ] {
        let ended = Stage::without_settings(arguments).await.expect(64);
        assert_eq!((ended.notes().len(), ended.stdout.as_str()), (1, ""), "{arguments:?} {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_can_not_be_meant_gets_a_sentence_that_says_so() {
    for (until, words) in [
        ("-2h", "-2h is not in the future"),
        ("2020-01-01T00:00:00Z", "is not in the future"),
        ("5000d", "a hold lasts 366 days at most"),
    ] {
        let hold = ["hold", "36001", "--until", until, "--reason", "x"];
        let ended = Stage::without_settings(&hold).await.expect(64);
        assert!(ended.notes().len() == 1 && ended.stderr.contains(words), "{until}: {ended:?}");
    }
}

/// Whoever names a session means it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_rest_of_the_choice_leaves_out_is_an_error_and_nothing_is_done() {
    let stage = Stage::with_week().await;
    hold(&stage, &["36003"]).await.expect(0);
    let held = "SELECT session || ' ' || until FROM meetsync.hold ORDER BY 1";
    let before = stage.database.texts(held).await;
    let interim = "SELECT number FROM meeting_meeting WHERE type_id = 'interim' ORDER BY number LIMIT 1";
    let interim = stage.database.texts(interim).await.remove(0);
    for (kind, other) in [("--group", "quic"), ("--meeting", &interim)] {
        let choice = ["36001", "36003", kind, other];
        let push = [&["push"], &choice[..], &["--reason", "x"]].concat();
        let release = [&["release"], &choice[..]].concat();
        for ended in
            [hold(&stage, &choice).await, stage.meetsync(&push).await, stage.meetsync(&release).await]
        {
            let ended = ended.expect(64);
            assert!(ended.notes().len() == 1 && ended.stdout.is_empty(), "{ended:?}");
            assert!(ended.stderr.contains("session 36001 is of group tls and meeting 127"), "{ended:?}");
            assert!(ended.stderr.contains(&format!("{kind} {other}")), "{ended:?}");
        }
    }
    assert_eq!(stage.database.texts(held).await, before);
    assert_eq!(stage.requests(), 0);
}

//! How it ends, and how it reads its settings again.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::{Failure, Standin};
use meetsync::provider::meetecho::Call;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{NOTHING, UNSETTLED, hurried, shows, until, until_in_step};
use crate::support::running::{PATIENCE, Running, until_true};
use crate::support::stage::{SECRET, Stage};

const ALL_LEASES: &str = "SELECT session || ' ' || owner FROM meetsync.lease";

const IN_JSON: [(&str, &str); 1] = [("MEETSYNC__LOG__FORMAT", "json")];

/// Every line is JSON, and the last one tells of the end.
fn last_event(stderr: &str) -> Value {
    let lines: Vec<Value> = stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let mut fields = lines.last().expect("it said something")["fields"].clone();
    let message = fields.as_object_mut().and_then(|fields| fields.remove("message")).expect(stderr);
    assert!(message.as_str().is_some_and(|message| message.starts_with("stopped")), "{stderr}");
    fields
}

/// A worker in the middle of a request about the live session.
async fn in_mid_request(stage: &Stage) -> Running {
    let worker = Running::start_with(stage, &IN_JSON);
    until_in_step(stage).await;
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    let asked = |standin: &Standin| {
        standin.log()[before..]
            .iter()
            .any(|entry| entry.session() == Some(scenes::LIVE) && entry.ended.is_none())
    };
    // Looked at first when it comes in, and then with each change of the stand-in's.
    until(stage, "a request is under way", asked).await;
    worker
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_comes_to_its_end() {
    let stage = hurried().await;
    stage.standin.set_latency(Duration::from_millis(300));
    let worker = in_mid_request(&stage).await;
    let ended = worker.stop().await.expect(0);
    assert_eq!(last_event(&ended.stderr), json!({"how": "drained", "drained": 1, "cut_off": 0}));
    assert!(shows(&stage.standin, scenes::LIVE, "Under way"));
    assert_eq!(stage.database.texts(ALL_LEASES).await, NOTHING, "{}", ended.stderr);
    assert_eq!(stage.database.texts(UNSETTLED).await, NOTHING, "{}", ended.stderr);
    assert_eq!(stage.database.texts("SELECT name FROM meetsync.replica").await, NOTHING);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_its_grace_is_left_in_doubt() {
    let mut stage = hurried().await;
    stage.add_settings("[shutdown]\ngrace = \"1s\"\n");
    // Longer than grace and last words together.
    stage.change_settings("rate = 0\n", "rate = 0\nrequest_timeout = \"8s\"\n");
    let worker = Running::start_with(&stage, &IN_JSON);
    until_in_step(&stage).await;
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    until(&stage, "its request hangs", |standin| {
        standin.log()[before..].iter().any(|entry| entry.call == Some(Call::SetDecks))
    })
    .await;
    let begun = Instant::now();
    let ended = worker.stop().await.expect(0);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(begun.elapsed() > Duration::from_secs(1), "it had its grace");
    assert_eq!(last_event(&ended.stderr), json!({"how": "after shutdown.grace", "drained": 0, "cut_off": 1}));
    assert_eq!(stage.database.texts(ALL_LEASES).await, NOTHING, "{}", ended.stderr);
    let doubt = "SELECT key FROM meetsync.subject WHERE state = 'in_doubt'";
    assert_eq!(stage.database.texts(doubt).await.len(), 1, "{}", ended.stderr);
    // The next one makes it right.
    stage.standin.heal();
    let next = Running::start(&stage);
    until_in_step(&stage).await;
    next.stop().await.expect(0);
    stage.expect_in_step().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_twice_it_ends_at_once() {
    let stage = hurried().await;
    let worker = Running::start_with(&stage, &IN_JSON);
    until_in_step(&stage).await;
    stage.standin.fail_always(Some(Call::SetDecks), Failure::Hang);
    let before = stage.requests();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Under way").sql).await;
    until(&stage, "its request hangs", |standin| {
        standin.log()[before..].iter().any(|entry| entry.call == Some(Call::SetDecks))
    })
    .await;
    worker.signal("INT");
    worker.says("asked to stop", 1).await;
    let begun = Instant::now();
    let ended = worker.stop().await.expect(4);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(last_event(&ended.stderr), json!({"how": "at once", "drained": 0, "cut_off": 1}));
    let doubt = "SELECT key FROM meetsync.subject WHERE state = 'in_doubt'";
    assert_eq!(stage.database.texts(doubt).await.len(), 1, "the mark was there before the request");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_while_it_waits_for_its_database() {
    let mut stage = hurried().await;
    let url = stage.database.url();
    stage.change_settings(&url, "postgres:///nothing?host=/nowhere&user=postgres");
    let worker = Running::start(&stage);
    worker.says("can't begin yet", 2).await;
    let ended = worker.stop().await.expect(0);
    assert!(ended.stderr.trim_end().ends_with("stopped how=\"before it had begun\" drained=0 cut_off=0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_counts_from_the_next_hangup() {
    let mut stage = hurried().await;
    let file = stage.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    stage.change_settings(&format!("client_secret = \"{SECRET}\""), "client_secret_file = \"secret\"");
    let worker = Running::start(&stage);
    until_in_step(&stage).await;

    stage.standin.set_client_secret(SecretString::from("another-canary"));
    stage.standin.reject_tokens();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "With the old one").sql).await;
    worker.says("why=credentials_rejected", 1).await;
    assert!(!shows(&stage.standin, scenes::LIVE, "With the old one"));
    std::fs::write(&file, "another-canary\n").unwrap();
    worker.signal("HUP");
    stage.database.run(&scenes::add_deck(scenes::LIVE_TOO, "With the new one").sql).await;
    until(&stage, "the new secret is used", |standin| shows(standin, scenes::LIVE_TOO, "With the new one"))
        .await;
    until(&stage, "nobody is left behind", |standin| shows(standin, scenes::LIVE, "With the old one")).await;
    let ended = worker.stop().await.expect(0);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}

/// Whoever makes a mistake in the settings of a worker that runs must not end it, nor what is under way.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_can_not_be_used_change_nothing() {
    let mut stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let good = stage.database.url();
    let wrong = [
        ("poll = \"200ms\"".to_owned(), "poll = \"often\"".to_owned()),
        (good.clone(), stage.database.url_as("nobody_here")),
        (good, "postgres:///nothing?host=/nowhere&user=postgres".to_owned()),
    ];
    for (number, (right, wrong)) in wrong.iter().enumerate() {
        stage.change_settings(right, wrong);
        worker.signal("HUP");
        worker.says("going on with those from before", number + 1).await;
        let title = format!("Deck {number}");
        stage.database.run(&scenes::add_deck(scenes::LIVE, &title).sql).await;
        until(&stage, "it goes on", |standin| shows(standin, scenes::LIVE, &title)).await;
        stage.change_settings(wrong, right);
    }
    let ended = worker.stop().await.expect(0);
    assert_eq!(ended.stderr.matches("at work").count(), 1, "it was left as it was: {}", ended.stderr);
}

/// What the settings from before named may be gone by then; only good ones help, and no worker that ended.
#[tokio::test(flavor = "multi_thread")]
async fn unreadable_settings_do_not_end_a_worker_that_lost_its_log_in() {
    let mut stage = hurried().await;
    let role = format!("soon_gone_{}", std::process::id());
    stage.database.run(&format!("CREATE ROLE {role} SUPERUSER LOGIN")).await;
    let (good, soon_gone) = (stage.database.url(), stage.database.url_as(&role));
    stage.change_settings(&good, &soon_gone);
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let no_more = format!(
        "ALTER ROLE {role} NOLOGIN; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    );
    stage.database.run(&no_more).await;
    stage.change_settings("poll = \"200ms\"", "poll = \"often\"");
    worker.signal("HUP");
    worker.says("going on with those from before", 1).await;
    stage.change_settings("poll = \"often\"", "poll = \"200ms\"");
    stage.change_settings(&soon_gone, &good);
    worker.signal("HUP");
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Again").sql).await;
    until(&stage, "it works again", |standin| shows(standin, scenes::LIVE, "Again")).await;
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_mends_settings_with_which_it_can_not_begin() {
    let mut stage = hurried().await;
    let (good, wrong) = (stage.database.url(), "postgres:///nothing?host=/nowhere&user=postgres");
    stage.change_settings(&good, wrong);
    let worker = Running::start(&stage);
    worker.says("can't begin yet", 1).await;
    // One of the same name was killed long ago: in a container, host name and process id come again.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = format!("run@{}/{}", host.trim(), worker.id());
    let former =
        format!("INSERT INTO meetsync.replica VALUES ('{name}', '0', now() - interval '2 days', now(), '')");
    stage.database.run(&former).await;
    // As good as nothing: it is waited for on.
    stage.change_settings("poll = \"200ms\"", "poll = \"often\"");
    worker.signal("HUP");
    worker.says("going on with those from before", 1).await;
    stage.change_settings("poll = \"often\"", "poll = \"200ms\"");
    stage.change_settings(wrong, &good);
    worker.signal("HUP");
    let answers = format!(
        "SELECT name FROM meetsync.replica
         WHERE name = '{name}' AND provider = 'answers' AND started > now() - interval '1 hour'"
    );
    until_true("it is there anew", async || !stage.database.texts(&answers).await.is_empty()).await;
    until_in_step(&stage).await;
    worker.stop().await.expect(0);
}

/// The ledger keeps the worker from saying that it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_hangs_does_not_hold_up_the_end() {
    for (signals, status, most) in [(1, 0, 8), (2, 0, 2)] {
        let stage = hurried().await;
        let worker = Running::start(&stage);
        until_in_step(&stage).await;
        let locked = "SELECT 1::text FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted
                      AND relation = 'meetsync.replica'::regclass";
        let ends = async {
            until_true("the table is locked", async || !stage.database.texts(locked).await.is_empty()).await;
            let begun = Instant::now();
            worker.signal("TERM");
            worker.says("asked to stop", 1).await;
            if signals == 2 {
                worker.signal("TERM");
            }
            worker.ended().await.expect(status);
            assert!(begun.elapsed() < Duration::from_secs(most), "{signals}: {:?}", begun.elapsed());
        };
        tokio::select! {
            () = ends => {}
            () = stage.database.run("BEGIN; LOCK TABLE meetsync.replica; SELECT pg_sleep(60)") => panic!("too late"),
        }
    }
}

/// A service manager that restarts whoever says nothing for 600 ms.
struct Manager {
    socket: tokio::net::UnixDatagram,
    path: String,
}

impl Manager {
    fn beside(stage: &Stage) -> Self {
        let path = stage.path().join("notify");
        let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
        Self { socket, path: path.to_str().unwrap().to_owned() }
    }

    fn start(&self, stage: &Stage) -> Running {
        Running::start_with(stage, &[("NOTIFY_SOCKET", &self.path), ("WATCHDOG_USEC", "600000")])
    }

    /// Waits until it was told this so often.
    async fn hears(&self, words: &str, times: usize) {
        let mut bytes = [0; 1000];
        let all = async {
            let mut left = times;
            while left > 0 {
                let length = self.socket.recv(&mut bytes).await.unwrap();
                left -= usize::from(String::from_utf8_lossy(&bytes[..length]).contains(words));
            }
        };
        assert!(tokio::time::timeout(PATIENCE, all).await.is_ok(), "never heard {times} times: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_fed_more_often_than_the_world_is_read() {
    let mut stage = hurried().await;
    stage.change_settings("poll = \"200ms\"", "poll = \"5m\"");
    let manager = Manager::beside(&stage);
    let worker = manager.start(&stage);
    manager.hears("READY=1", 1).await;
    until_in_step(&stage).await;
    manager.hears("STATUS=", 1).await;
    manager.hears("WATCHDOG=1", 40).await;
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_fed_while_the_worker_waits_for_its_database() {
    let mut stage = hurried().await;
    let url = stage.database.url();
    stage.change_settings(&url, "postgres:///nothing?host=/nowhere&user=postgres");
    let manager = Manager::beside(&stage);
    let worker = manager.start(&stage);
    manager.hears("WATCHDOG=1", 10).await;
    worker.stop().await.expect(0);
}

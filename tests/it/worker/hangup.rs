//! How a running worker reads its settings again, and what it makes of those that can't be used.

use std::path::PathBuf;

use meetsync::demo::sample::scenes;
use secrecy::SecretString;

use super::{hurried, shows, until, until_in_step};
use crate::support::running::{Running, until_true};
use crate::support::stage::{SECRET, Stage};

async fn with_a_secret_in_a_file() -> (Stage, PathBuf) {
    let mut stage = hurried().await;
    let file = stage.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    stage.change_settings(&format!("client_secret = \"{SECRET}\""), "client_secret_file = \"secret\"");
    (stage, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_counts_from_the_next_hangup() {
    let (stage, file) = with_a_secret_in_a_file().await;
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

/// The log may be far away from whoever changed them; `status` says that they don't count, until others do.
#[tokio::test(flavor = "multi_thread")]
async fn status_tells_that_new_settings_could_not_be_used() {
    let mut stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    assert!(refused_settings(&stage).await.is_null());
    let mut since = Vec::new();
    let secret = (format!("client_secret = \"{SECRET}\""), format!("client_secret = {SECRET}"));
    let poll = ("poll = \"200ms\"".to_owned(), "poll = \"often\"".to_owned());
    // The second time the secret stands right where it is wrong.
    for ((right, wrong), part) in [(poll, "[datatracker] poll"), (secret, "not valid TOML")] {
        stage.change_settings(&right, &wrong);
        worker.signal("HUP");
        let says_so =
            format!("SELECT 1::text FROM meetsync.replica WHERE refused_settings_words LIKE '%{part}%'");
        until_true("it is told", async || !stage.database.texts(&says_so).await.is_empty()).await;
        // By these, status could not be asked either.
        stage.change_settings(&wrong, &right);
        let told = refused_settings(&stage).await;
        assert!(told["words"].as_str().unwrap().contains(part), "{told}");
        since.push(told["since"].clone());
        let text = stage.meetsync(&["status"]).await.stdout;
        let needs = &text[text.find("Needs a person").unwrap()..];
        assert!(
            needs.contains("goes on with its settings of before, since ") && needs.contains(part),
            "{text}"
        );
        assert!(needs.contains("(kill -HUP) to run@") && text.contains("1 needs you"), "{text}");
        assert!(!text.contains(SECRET) && !told.to_string().contains(SECRET), "{text}");
    }
    assert_eq!(since[0], since[1], "of the first");
    worker.signal("HUP");
    until_true("those of now count", async || refused_settings(&stage).await.is_null()).await;
    worker.says("at work", 2).await;
    worker.stop().await.expect(0);
}

async fn refused_settings(stage: &Stage) -> serde_json::Value {
    stage.meetsync(&["status", "--json"]).await.json()["replicas"][0]["refused_settings"].clone()
}

/// A slip in the secret must not stop a worker that sends; a Meetecho that is away must not keep the old secret in place.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_meetecho_rejects_change_nothing() {
    let (stage, file) = with_a_secret_in_a_file().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    std::fs::write(&file, "a-slip-canary\n").unwrap();
    worker.signal("HUP");
    worker.says("going on with those from before", 1).await;
    let said = worker.said();
    assert!(said.contains("the new credentials were tried") && said.contains("client_secret"), "{said}");
    assert_eq!(said.matches("at work").count(), 1, "{said}");
    // Its tokens don't count any more either, so that it has to ask for new ones: by the secret from before.
    stage.standin.reject_tokens();
    stage.standin.heal();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "As before").sql).await;
    until(&stage, "it goes on", |standin| shows(standin, scenes::LIVE, "As before")).await;

    // Nobody can say whether these are right.
    stage.standin.go_away();
    stage.standin.set_client_secret(SecretString::from("another-canary"));
    std::fs::write(&file, "another-canary\n").unwrap();
    worker.signal("HUP");
    worker.says("at work", 2).await;
    stage.standin.come_back();
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Back again").sql).await;
    until(&stage, "it goes on with them", |standin| shows(standin, scenes::LIVE, "Back again")).await;
    let ended = worker.stop().await.expect(0);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
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

//! Encrypted databases, and a machine whose clock is wrong.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::demo::sample::{self, scenes};

use super::{LEASES, NOTHING, hurried, hurry, one, shows, until, until_in_step};
use crate::database_tls::{cluster_with_tls, fixture};
use crate::support::TestDatabase;
use crate::support::running::Running;
use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn it_works_over_encrypted_connections() {
    let Some(cluster) = cluster_with_tls().await else {
        return eprintln!("left out: this PostgreSQL was built without TLS");
    };
    sample::create(&cluster, "week").await.unwrap();
    cluster.run_sql("week", "CREATE ROLE worker LOGIN SUPERUSER PASSWORD 'right'").await.unwrap();
    let url = cluster.tcp_url("week", "worker", "right").unwrap();
    let mut stage = Stage::not_migrated(TestDatabase::bare().await).await;
    let shared = format!("database_url = \"{}\"", stage.database.url());
    let authority = fixture("authority.pem");
    let encrypted =
        format!("database_url = \"{url}\"\ntls = \"verify-full\"\ntls_ca_file = \"{}\"", authority.display());
    stage.change_settings(&shared, &encrypted);
    hurry(&mut stage);
    stage.meetsync(&["migrate"]).await.expect(0);
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let plain = "SELECT count(*)::text FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
                 WHERE a.usename = 'worker' AND NOT s.ssl";
    assert_eq!(cluster.query_texts("week", plain).await.unwrap(), ["0"]);
    let kill = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename = 'worker'";
    assert!(!cluster.query_texts("week", kill).await.unwrap().is_empty());
    cluster.run_sql("week", &scenes::add_deck(scenes::LIVE, "Sealed").sql).await.unwrap();
    until(&stage, "an edit is shown", |standin| shows(standin, scenes::LIVE, "Sealed")).await;
    worker.stop().await.expect(0);
    stage.expect_in_step().await;
}

/// The library that makes a process see another time, where the machine has it (Debian: libfaketime).
fn faketime() -> Option<String> {
    let places = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
    let file = |place| format!("/usr/lib/{place}/faketime/libfaketime.so.1");
    places.into_iter().map(file).find(|file| Path::new(file).exists())
}

/// One worker is two hours ahead, the other half an hour behind. Windows and leases go by the databases' clocks.
#[tokio::test(flavor = "multi_thread")]
async fn workers_whose_clocks_are_wrong_do_as_all_others() {
    let Some(library) = faketime() else {
        return eprintln!("left out: no libfaketime here");
    };
    let stage = hurried().await;
    let wrong_by = |by: &'static str| {
        let variables = [
            ("LD_PRELOAD", library.as_str()),
            ("FAKETIME", by),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DISABLE_SHM", "1"),
        ];
        Running::start_with(&stage, &variables)
    };
    let workers = [wrong_by("+2h"), wrong_by("-30m")];
    until_in_step(&stage).await;
    stage.expect_in_step().await;
    let before = stage.requests();
    for n in 0..6 {
        let edits: Vec<_> = (36001..=36005)
            .map(|id| scenes::add_deck(meetsync::model::SessionId(id), &format!("Deck {n}")).sql)
            .collect();
        stage.database.run(&edits.join("\n")).await;
        until(&stage, "an edit is shown", |standin| shows(standin, scenes::LIVE, &format!("Deck {n}"))).await;
    }
    until_in_step(&stage).await;
    let wrong = "SELECT count(*)::text FROM meetsync.attempt
                 WHERE abs(extract(epoch FROM at - clock_timestamp())) > 300";
    assert_eq!(one(&stage, wrong).await, "0", "what is written down has the databases' time");
    let database_time: DateTime<Utc> =
        one(&stage, "SELECT to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
            .await
            .parse()
            .unwrap();
    for worker in workers {
        let ended = worker.stop().await.expect(0);
        // Its own lines show that it really saw another time.
        let first: DateTime<Utc> = ended.stderr.split(' ').next().unwrap().parse().unwrap();
        assert!((database_time - first).abs() > TimeDelta::minutes(20), "{first}");
    }
    stage.expect_in_step().await;
    let log = stage.standin.log();
    assert_eq!(super::at_once(&log[before..]), NOTHING);
    assert_eq!(stage.database.texts(LEASES).await, NOTHING);
}

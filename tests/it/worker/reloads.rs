//! A worker whose settings are read again and again, by whatever renews a secret say, stays as small as it was.

use super::{hurried, passes, until_in_step};
use crate::support::running::{Running, until_none};
use crate::support::stage::Stage;

/// By then all has been made that is made once.
const FIRST: usize = 10;
const LAST: usize = 40;

/// Something that stays behind with each reload must be found by its size or by its number.
const LEEWAY: Held = Held { memory: 2_000, threads: 3, connections: 8 };

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_does_not_grow_with_reloads() {
    let stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    let reload = async |number: usize| {
        worker.signal("HUP");
        worker.says("at work", number + 1).await;
    };
    does_not_grow(&stage, &worker, reload).await;
    worker.stop().await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_does_not_grow_with_settings_that_can_not_be_used() {
    let mut stage = hurried().await;
    let worker = Running::start(&stage);
    until_in_step(&stage).await;
    // What is tried last, with everything else at hand by then.
    stage.change_settings("poll = \"200ms\"", "poll = \"200ms\"\nschema = \"nowhere\"");
    let reload = async |number: usize| {
        worker.signal("HUP");
        worker.says("going on with those from before", number).await;
    };
    does_not_grow(&stage, &worker, reload).await;
    let ended = worker.stop().await.expect(0);
    assert_eq!(ended.stderr.matches("at work").count(), 1, "{}", ended.stderr);
}

/// `reload` comes to its end when the worker has said what became of this one, the first being 1.
async fn does_not_grow(stage: &Stage, worker: &Running, reload: impl AsyncFn(usize)) {
    for number in 1..=FIRST {
        reload(number).await;
    }
    passes(stage, 1).await;
    let first = Held::by(stage, worker).await;
    for number in FIRST + 1..=LAST {
        reload(number).await;
    }
    // What was let go is gone a little later.
    let more = async || {
        let (first, last) = (first.each(), Held::by(stage, worker).await.each());
        let pairs = first.into_iter().zip(last).zip(LEEWAY.each());
        let more = pairs.filter(|(((_, first), (_, last)), (_, leeway))| *last > first + leeway);
        more.map(|(((name, first), (_, last)), _)| format!("{name}: {first}, then {last}")).collect()
    };
    until_none("more than before", more).await;
}

struct Held {
    /// Of its own, in kB.
    memory: usize,
    threads: usize,
    /// To the database, which is the ledger's too.
    connections: usize,
}

impl Held {
    async fn by(stage: &Stage, worker: &Running) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
        let number = |name: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let sql = "SELECT pid::text FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'meetsync'";
        let connections = stage.database.texts(sql).await.len();
        Self { memory: number("RssAnon:"), threads: number("Threads:"), connections }
    }

    fn each(&self) -> [(&'static str, usize); 3] {
        [("kB of memory", self.memory), ("threads", self.threads), ("connections", self.connections)]
    }
}

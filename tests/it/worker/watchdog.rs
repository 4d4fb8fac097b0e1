//! What the service manager is told, so that it restarts whoever hangs, and nobody else.

use super::{hurried, until_in_step};
use crate::support::running::{PATIENCE, Running};
use crate::support::stage::Stage;

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

//! What the service manager is told: that the worker is ready, that it ends, what it does, and that it is not stuck.
//!
//! Without `NOTIFY_SOCKET` in the environment nobody listens, and nothing is done. What can't be told is logged and no
//! reason to stop: the manager has its own time limits.
//!
//! The watchdog is to be fed by passes that came to an end, not by a timer of its own: a worker that lives and gets
//! nothing done is stuck too. A pass that failed because a database is away has come to an end; a restart would not
//! bring the database back. Only where no pass is to be expected, before the first and during a drain,
//! [`feed_watchdog`] has a timer.

use std::convert::Infallible;
use std::time::Duration;

use sd_notify::NotifyState;

/// The worker works: settings read, ledger there, first pass made. With `Type=notify` the unit counts as started.
pub fn ready() {
    tell(&NotifyState::Ready);
}

/// The worker ends, and takes its time to finish what has begun.
pub fn stopping() {
    tell(&NotifyState::Stopping);
}

/// A pass has come to an end. Often enough is twice within [`watchdog_interval`].
pub fn watchdog() {
    tell(&NotifyState::Watchdog);
}

/// How long the manager waits for [`watchdog`] before it restarts the worker: `WATCHDOG_USEC`, where it is meant for this
/// process. None = it doesn't watch.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|interval| !interval.is_zero())
}

/// Feeds the watchdog for as long as this is waited for: where no pass is to be expected.
pub async fn feed_watchdog() -> Infallible {
    let Some(interval) = watchdog_interval() else { return std::future::pending().await };
    let mut turns = tokio::time::interval((interval / 2).max(Duration::from_millis(1)));
    loop {
        turns.tick().await;
        watchdog();
    }
}

/// One line for `systemctl status`. Line breaks become blanks: behind one stands another message.
pub fn status(words: &str) {
    tell(&NotifyState::Status(&words.replace(['\n', '\r'], " ")));
}

fn tell(state: &NotifyState<'_>) {
    if let Err(problem) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%problem, "the service manager can't be told {state}");
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test that runs itself as a child")]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    /// Set = this process is the one that tells.
    const TELLER: &str = "MEETSYNC_TEST_SYSTEMD";

    /// Runs one test as a process of its own, with these variables.
    fn run(name: &str, variables: &[(&str, &str)]) {
        let ended = Command::new(std::env::current_exe().expect("a test knows its program"))
            .args(["--exact", &format!("systemd::tests::{name}")])
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .env(TELLER, "1")
            .envs(variables.iter().copied())
            .output()
            .expect("this very program can be run");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && said.contains("1 passed"), "{variables:?}: {said}");
    }

    fn tells_everything() {
        ready();
        status("12 sessions in step\nREADY=0");
        watchdog();
        stopping();
    }

    fn next(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 1000];
        let length = socket.recv(&mut bytes).expect("nothing more was told");
        String::from_utf8(bytes[..length].to_vec()).expect("what was told is text")
    }

    #[test]
    fn the_manager_hears_what_it_is_told() {
        let name = "the_manager_hears_what_it_is_told";
        if std::env::var_os(TELLER).is_some() {
            return tells_everything();
        }
        let directory = tempfile::tempdir().expect("a place for the socket");
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("the place is new");
        socket.set_nonblocking(true).expect("a socket of ours");
        run(name, &[("NOTIFY_SOCKET", path.to_str().expect("a path in ASCII"))]);
        for told in ["READY=1\n", "STATUS=12 sessions in step READY=0\n", "WATCHDOG=1\n", "STOPPING=1\n"] {
            assert_eq!(next(&socket), told);
        }
        assert!(socket.recv(&mut [0; 10]).is_err(), "and nothing else");
    }

    #[test]
    fn no_manager_or_one_that_is_gone_is_no_error() {
        let name = "no_manager_or_one_that_is_gone_is_no_error";
        if std::env::var_os(TELLER).is_some() {
            return tells_everything();
        }
        run(name, &[]);
        run(name, &[("NOTIFY_SOCKET", "/nonexistent/notify")]);
    }

    #[test]
    fn the_watchdog_is_asked_for_in_microseconds() {
        let name = "the_watchdog_is_asked_for_in_microseconds";
        if let Some(expected) = std::env::var_os(TELLER) {
            assert_eq!(
                format!("{:?}", watchdog_interval()),
                expected.into_string().expect("it was given as text")
            );
            return;
        }
        for (usec, pid, expected) in [
            ("30000000", None, "Some(30s)"),
            ("1500000", None, "Some(1.5s)"),
            ("0", None, "None"),
            ("soon", None, "None"),
            // Meant for another process.
            ("30000000", Some("1"), "None"),
        ] {
            let mut variables = vec![("WATCHDOG_USEC", usec), (TELLER, expected)];
            variables.extend(pid.map(|pid| ("WATCHDOG_PID", pid)));
            run(name, &variables);
        }
        run(name, &[(TELLER, "None")]);
    }
}

//! The signals by which the worker is ended or told to look again. What they lead to is decided by whoever listens.
//!
//! SIGTERM and SIGINT ask to stop; the worker takes the first as "finish what has begun" and the second as "now". SIGHUP
//! asks for secrets to be read again and for a pass.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};

/// What somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, or SIGINT (Ctrl-C).
    Stop,
    /// SIGHUP.
    Hangup,
}

/// Listens to the signals of this process. From then on they no longer end it, even when this is gone.
#[derive(Debug)]
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Begins to listen. To be called on a tokio runtime, before anything that must not be cut off.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal; a wish to stop goes first. Nothing is lost where this is dropped before it is ready, so it may
    /// stand in a `select!`. Two of one kind that come before they are looked at count as one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hangup.recv() => Signal::Hangup,
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test that runs itself as a child")]
mod tests {
    use super::*;
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
    use tokio::process::{Child, ChildStdout, Command};
    use tokio::time::timeout;

    /// Set = this process is the one that is signalled.
    const LISTENER: &str = "MEETSYNC_TEST_SIGNALS";

    /// Says what it hears, until it is asked to stop for the second time.
    async fn listener() {
        let mut signals = Signals::listen().unwrap();
        println!("\nlistens");
        let mut stops = 0;
        while stops < 2 {
            let heard = signals.next().await;
            stops += u32::from(heard == Signal::Stop);
            println!("{heard:?}");
        }
    }

    async fn send(child: &Child, name: &str) {
        let id = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    /// Waits until the child says it.
    async fn says(lines: &mut Lines<BufReader<ChildStdout>>, word: &str) {
        let found = timeout(Duration::from_secs(20), async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line == word {
                    return true;
                }
                assert!(!["Stop", "Hangup"].contains(&line.as_str()), "{line} instead of {word}");
            }
            false
        });
        assert!(found.await.unwrap(), "it ended without {word}");
    }

    #[tokio::test]
    async fn real_signals_are_heard_and_end_nothing_by_themselves() {
        if std::env::var_os(LISTENER).is_some() {
            return listener().await;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "shutdown::tests::real_signals_are_heard_and_end_nothing_by_themselves"])
            .args(["--nocapture", "--test-threads=1"])
            .env(LISTENER, "1")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        says(&mut lines, "listens").await;
        for (name, word) in [("HUP", "Hangup"), ("TERM", "Stop"), ("HUP", "Hangup"), ("INT", "Stop")] {
            send(&child, name).await;
            says(&mut lines, word).await;
        }
        assert!(timeout(Duration::from_secs(20), child.wait()).await.unwrap().unwrap().success());
    }
}

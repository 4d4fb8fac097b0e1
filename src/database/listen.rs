//! A connection that only listens, so that a change in a database is noticed at once and not at the next poll.
//!
//! It is a wake-up and nothing more: what a notification says is not looked at, and one that gets lost costs nothing but
//! the time until the next poll. So a lost connection is an inconvenience, made again in the background for as long as
//! it takes. It needs a server that takes writes (a standby refuses LISTEN), and no transaction pooler in between, behind
//! which nothing would ever be heard.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};

use super::connect::{Connector, Messages};
use super::{ConnectOptions, DatabaseError, chain};

/// What is done when the bell rings. It is called on the runtime, so it must be short and may not block.
pub type Ring = Arc<dyn Fn() + Send + Sync>;

const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How it is noticed that nobody is there any more. A server whose processes hang, or a proxy that has lost its other
/// side, still answers TCP's own probes, so it is asked something now and then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) between_beats: Duration,
    pub(super) answer: Duration,
}

impl Patience {
    const USUAL: Self = Self { between_beats: Duration::from_secs(30), answer: Duration::from_secs(10) };
}

/// Listens for as long as it lives.
#[derive(Debug)]
pub struct Listener {
    task: JoinHandle<()>,
}

impl Listener {
    /// Rings on every notification on `channel`, and once whenever a connection is made, the first included: something
    /// may have been missed before. Errors: what `options` says can't be used; whether the server is there shows
    /// later, and only in the log. Must be called on a tokio runtime.
    pub fn start(options: ConnectOptions, channel: &str, ring: Ring) -> Result<Self, DatabaseError> {
        Self::start_with(options, channel, ring, Patience::USUAL)
    }

    pub(super) fn start_with(
        options: ConnectOptions,
        channel: &str,
        ring: Ring,
        patience: Patience,
    ) -> Result<Self, DatabaseError> {
        let ear = Ear { connector: Connector::new(options)?, channel: channel.to_owned(), ring, patience };
        #[expect(
            clippy::disallowed_methods,
            reason = "it belongs to the Listener, which ends it when dropped; it has no result, and its errors are logged"
        )]
        let task = tokio::spawn(ear.listen_on());
        Ok(Self { task })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Ear {
    connector: Connector,
    channel: String,
    ring: Ring,
    patience: Patience,
}

impl Ear {
    async fn listen_on(self) {
        let mut failures = 0;
        loop {
            let mut heard = false;
            let error = self.listen_once(&mut heard).await;
            failures = if heard { 1 } else { failures + 1 };
            let wait = wait_after(failures);
            // One line for each time that the hearing is lost, however long it stays so.
            if failures == 1 {
                tracing::warn!(channel = self.channel, "{}; trying again", chain(&error));
            } else {
                tracing::debug!(channel = self.channel, ?wait, "{}", chain(&error));
            }
            sleep(wait).await;
        }
    }

    /// One connection, from its log-in to its end. `heard` becomes true when it listens.
    async fn listen_once(&self, heard: &mut bool) -> DatabaseError {
        let (client, messages) = match self.connector.connect_to_hear().await {
            Ok(connected) => connected,
            Err(error) => return error,
        };
        // The client gets no answer unless the messages are polled, so both go on side by side.
        tokio::select! {
            error = self.stay_connected(&client, heard) => error,
            error = self.hear(messages) => error,
        }
    }

    async fn stay_connected(&self, client: &Client, heard: &mut bool) -> DatabaseError {
        let Patience { between_beats, answer } = self.patience;
        let no_answer = || self.broken(format!("no answer within {answer:?}"));
        let listen = format!("LISTEN \"{}\"", self.channel.replace('"', "\"\""));
        match timeout(answer, client.batch_execute(&listen)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return self.refused(&error),
            Err(_) => return no_answer(),
        }
        tracing::debug!(channel = self.channel, "listening to {}", self.connector.what());
        *heard = true;
        (self.ring)();
        loop {
            sleep(between_beats).await;
            // An empty statement: the shortest question there is.
            match timeout(answer, client.batch_execute("")).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return self.broken(words(&error)),
                Err(_) => return no_answer(),
            }
        }
    }

    async fn hear(&self, mut messages: Box<dyn Messages>) -> DatabaseError {
        loop {
            match poll_fn(|context| messages.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(_))) => (self.ring)(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return self.broken(words(&error)),
                None => return self.broken("it was closed".to_owned()),
            }
        }
    }

    fn refused(&self, error: &tokio_postgres::Error) -> DatabaseError {
        let (what, channel) = (self.connector.what().to_owned(), self.channel.clone());
        DatabaseError::CannotListen { what, channel, said: words(error) }
    }

    fn broken(&self, said: String) -> DatabaseError {
        let what = self.connector.what().to_owned();
        DatabaseError::Broken { what, doing: "listening for changes".to_owned(), said }
    }
}

/// The server's own words, where it said any.
fn words(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| chain(error), |said| said.message().to_owned())
}

/// After this many failures in a row: 1, 2, 4, 8, 16, then 30 s for ever.
fn wait_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (SHORTEST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_up_to_half_a_minute() {
        let waits: Vec<_> = (0..9).map(|failures| wait_after(failures).as_secs()).collect();
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}

//! A bell that counts, and a listener that rings it.

use std::sync::Arc;
use std::time::Duration;

use meetsync::database::Listener;
use tokio::sync::watch;
use tokio::time::timeout;

pub(super) struct Bell {
    rung: watch::Receiver<u32>,
    /// Stops listening when dropped.
    pub(super) listener: Option<Listener>,
}

impl Bell {
    /// Listens, and has heard the ring of the first connection.
    pub(super) async fn on(url: String, channel: &str) -> Self {
        let mut bell = Self::started(url, channel);
        bell.expect(1).await;
        bell
    }

    pub(super) fn started(url: String, channel: &str) -> Self {
        let (sender, rung) = watch::channel(0);
        let count_one = Arc::new(move || sender.send_modify(|rung| *rung += 1));
        let listener = Listener::start(super::connect(url, false), channel, count_one).unwrap();
        Self { rung, listener: Some(listener) }
    }

    pub(super) fn count(&self) -> u32 {
        *self.rung.borrow()
    }

    /// Exactly so many rings in all, the last of them within some seconds.
    pub(super) async fn expect(&mut self, count: u32) {
        let waited = timeout(Duration::from_secs(10), self.rung.wait_for(|rung| *rung >= count)).await;
        let rung = *waited.unwrap_or_else(|_| panic!("no ring number {count}")).expect("it is listening");
        assert_eq!(rung, count);
    }
}

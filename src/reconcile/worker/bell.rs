//! What wakes the worker, and what ends it.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// One bell for everything: poll, cron, NOTIFY, SIGHUP, a person. It says nothing but "look again", so rings that come
/// while the worker is busy are one ring. Clones are the same bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    pub fn ring(&self) {
        self.0.notify_one();
    }

    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }
}

/// How far we were asked to stop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Work,
    /// Nothing new is begun; what is under way gets its time.
    Drain,
    /// What is under way is cut off, and left in doubt.
    Cut,
}

/// The word to stop, as somebody gives it and everybody hears it: the worker, or a command that sends. Clones are the
/// same word.
#[derive(Debug, Clone)]
pub struct Leave(Arc<watch::Sender<Stage>>);

impl Default for Leave {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::Work)))
    }
}

impl Leave {
    /// Asks to begin nothing new.
    pub fn ask(&self) {
        self.raise(Stage::Drain);
    }

    /// Ends the time of what is under way.
    pub fn cut(&self) {
        self.raise(Stage::Cut);
    }

    pub fn is_asked(&self) -> bool {
        *self.0.borrow() >= Stage::Drain
    }

    /// Ends when somebody asked to stop.
    pub async fn asked(&self) {
        self.reached(Stage::Drain).await;
    }

    /// Ends when the time of what is under way is over.
    pub(in crate::reconcile) async fn is_cut(&self) {
        self.reached(Stage::Cut).await;
    }

    pub(in crate::reconcile) fn was_cut(&self) -> bool {
        *self.0.borrow() >= Stage::Cut
    }

    fn raise(&self, to: Stage) {
        self.0.send_if_modified(|stage| {
            let is_new = *stage < to;
            *stage = to.max(*stage);
            is_new
        });
    }

    async fn reached(&self, wanted: Stage) {
        let mut heard = self.0.subscribe();
        // We hold the sender, so it can't be gone.
        heard.wait_for(|stage| *stage >= wanted).await.ok();
    }
}

//! The real worker, in this process: what `meetsync run` starts, without its signals and bells. It polls.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Stage, StoryError};
use crate::app::{self, App, Backend};
use crate::ledger::LedgerError;
use crate::reconcile::ReconcileError;
use crate::reconcile::worker::housekeeping::{self, Hand, Heard, Seen};
use crate::reconcile::worker::{Bell, Ended, Leave, PassReport, Worker};

/// The newest pass of whichever worker there is; None before the first.
pub(super) type Passes = Arc<watch::Sender<Option<PassReport>>>;

/// A worker at work. Dropped, it is cut off in the middle of whatever it does, as by `kill -9`.
#[derive(Debug)]
pub(crate) struct Hired {
    leave: Leave,
    tasks: JoinSet<Ended>,
}

impl Hired {
    /// `name` is how leases and the history call it.
    pub(super) async fn start(stage: &Stage, name: &str) -> Result<Self, StoryError> {
        let app = App::for_worker(&stage.settings, name, Backend::Live).await?;
        let ledger = app.parts.ledger.clone().ok_or(LedgerError::NotMigrated)?;
        let options = app::worker_options(&stage.settings, !app.only_observes());
        let hand = Hand {
            ledger: ledger.clone(),
            name: app.parts.who.clone(),
            keep: stage.settings.ledger.keep,
            poll: options.poll,
        };
        let leave = Leave::default();
        let worker = Worker::new(app.parts, ledger, leave.clone(), options);
        let passes = Arc::clone(&stage.passes);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let heard = Heard::default();
            let told = |pass: Result<&PassReport, &ReconcileError>| match pass {
                Ok(report) => {
                    heard.set(Seen::of(report));
                    passes.send_replace(Some(report.clone()));
                }
                Err(error) => heard.failed(error),
            };
            let bell = Bell::default();
            let ended = tokio::select! {
                ended = worker.run(&bell, &told) => ended,
                never = housekeeping::keep(&hand, &heard) => match never {},
            };
            hand.gone().await;
            ended
        });
        Ok(Self { leave, tasks })
    }

    /// It gets no word, and leaves everything as it stands.
    pub(super) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }

    /// It is asked to stop, and brings to an end what it has begun.
    pub(crate) async fn stop(mut self) {
        self.leave.ask();
        // A panic of the worker's was told when it happened.
        self.tasks.join_next().await;
    }
}

//! `meetsync run`: the worker, until somebody ends it.

use std::sync::Arc;

use super::exit::Exit;
use super::{CliError, Context, output};
use crate::app::{App, LedgerNeed};
use crate::database::chain;
use crate::reconcile::ReconcileError;
use crate::reconcile::worker::{Bell, Ended, Leave, PassReport, Worker, WorkerOptions};
use crate::shutdown::{Signal, Signals};

pub(super) async fn run(context: &Context) -> Result<Exit, CliError> {
    let settings = context.settings()?;
    let mut signals = Signals::listen()?;
    let app = App::open(&settings, "run", LedgerNeed::Required, context.backend(&settings, false)).await?;
    let may_send = !app.only_observes();
    let ledger = app.parts.ledger.clone().ok_or_else(|| CliError::Other("the ledger is needed".into()))?;
    let options = WorkerOptions {
        poll: settings.datatracker.poll,
        last_sweep: Arc::new(|_| None),
        may_send,
        grace: settings.shutdown.grace,
    };
    let (bell, leave) = (Bell::default(), Leave::default());
    let worker = Worker::new(app.parts, ledger, leave.clone(), options);
    let work = worker.run(&bell, &told);
    tokio::pin!(work);
    let mut asked = false;
    loop {
        tokio::select! {
            ended = &mut work => {
                return Ok(match ended {
                    Ended::Drained => Exit::Done,
                    Ended::CutOff => Exit::Done,
                });
            }
            signal = signals.next() => match signal {
                Signal::Hangup => bell.ring(),
                Signal::Stop if asked => {
                    output::note("meetsync: asked twice to stop: ended at once; what was under way is in doubt");
                    return Ok(Exit::Error);
                }
                Signal::Stop => {
                    asked = true;
                    leave.ask();
                }
            },
        }
    }
}

fn told(pass: Result<&PassReport, &ReconcileError>) {
    match pass {
        Ok(report) => {
            tracing::debug!(took_ms = report.took.as_millis(), is_complete = report.is_complete, "pass")
        }
        Err(error) => {
            tracing::error!(error = chain(error), "a pass failed: nothing is planned until one succeeds")
        }
    }
}

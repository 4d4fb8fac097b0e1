//! One life of the worker: from settings that can be used to a drain.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::begin::{self, Begun};
use super::prepared::Prepared;
use super::voice::Voice;
use crate::app;
use crate::cli::which::unknown_in_scope;
use crate::cli::{CliError, Context};
use crate::datatracker::Datatracker;
use crate::reconcile::ReconcileError;
use crate::reconcile::worker::housekeeping::{self, Hand, RefusedSettings};
use crate::reconcile::worker::{Ended, Leave, PassReport, Worker};
use crate::settings::Settings;
use crate::shutdown::{Signal, Signals};
use crate::systemd;

/// How long the ledger is waited for, to say there that this worker goes.
const LAST_WORD: Duration = Duration::from_secs(3);

/// And so long where nothing is waited for.
const PARTING: Duration = Duration::from_millis(300);

/// A datatracker that could not be asked for names is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Why a life ended.
pub(super) enum End {
    /// Asked to stop, and what was under way had its time.
    Stopped(Ended),
    /// Asked a second time: nothing is waited for, and what is under way is cut off.
    AtOnce(Ended),
    /// By other settings, which can be used; those that were read after them could not be, where there are any.
    Next(Box<Prepared>, Option<RefusedSettings>),
}

/// Works until it is asked to stop, or until a hangup brought settings that can be used.
/// `refused`: settings that were read since these, and can't be used.
pub(super) async fn live((prepared, mut refused): Begun, context: &Context, signals: &mut Signals) -> End {
    let Prepared { app, ledger, settings, bell, listeners, turns } = prepared;
    let may_send = !app.only_observes();
    let mut options = app::worker_options(&settings, may_send);
    options.poll = within_watchdog(options.poll, systemd::watchdog_interval());
    let hand = Hand {
        ledger: ledger.clone(),
        name: app.parts.who.clone(),
        keep: settings.ledger.keep,
        poll: options.poll,
    };
    let voice = Voice::default();
    voice.heard.refused_settings(refused.clone());
    tracing::info!(
        mode = if may_send { "act" } else { "observe" },
        debug_backend = app.is_debug,
        poll_s = options.poll.as_secs_f64(),
        "at work"
    );
    if !may_send {
        tracing::warn!(
            "scope.mode is \"observe\": this worker reads, plans and records, and sends nothing until it is \"act\""
        );
    }

    let leave = Leave::default();
    let datatracker = app.parts.datatracker.clone();
    let worker = Worker::new(app.parts, ledger, leave.clone(), options);
    let told = |pass: Result<&PassReport, &ReconcileError>| voice.told(pass);
    let work = async {
        let ended = tokio::select! {
            ended = worker.run(&bell, &told) => ended,
            never = housekeeping::keep(&hand, &voice.heard) => match never {},
            never = tell_unknown_names(&datatracker, &settings) => match never {},
        };
        if tokio::time::timeout(LAST_WORD, hand.gone()).await.is_err() {
            tracing::warn!("the ledger did not answer in time that this worker goes");
        }
        ended
    };
    tokio::pin!(work);
    let mut renewal = Renewal::default();
    let mut next: Option<Box<Prepared>> = None;
    let (mut is_stopping, mut over) = (false, None);
    let end = loop {
        if let Some(ended) = over.filter(|_| is_stopping) {
            break End::Stopped(ended);
        }
        if over.is_some()
            && renewal.0.is_none()
            && let Some(next) = next.take()
        {
            break End::Next(next, refused);
        }
        let is_leaving = is_stopping || next.is_some();
        tokio::select! {
            ended = &mut work, if over.is_none() => over = Some(ended),
            renewed = renewal.ended() => {
                refused = match renewed {
                    Ok(renewed) => {
                        if next.is_none() {
                            tracing::info!(
                                "the settings were read again; what is under way comes to its end first"
                            );
                        }
                        next = Some(renewed);
                        leave.ask();
                        None
                    }
                    Err(error) => Some(begin::stays(refused, &error)),
                };
                voice.heard.refused_settings(refused.clone());
            },
            // No pass is made any more, and a drain has its own time limit.
            never = systemd::feed_watchdog(), if is_leaving => match never {},
            signal = signals.next() => match signal {
                Signal::Stop if is_stopping => {
                    // Else it would be told to be at work. What it leaves is in the ledger, whatever comes of this.
                    let _ = tokio::time::timeout(PARTING, hand.gone()).await;
                    break End::AtOnce(Ended { drained: 0, cut_off: worker.under_way() });
                }
                Signal::Stop => {
                    tracing::info!(grace_s = settings.shutdown.grace.as_secs_f64(), "asked to stop");
                    is_stopping = true;
                    renewal = Renewal::default();
                    systemd::stopping();
                    leave.ask();
                }
                Signal::Hangup if is_stopping => {}
                Signal::Hangup => {
                    tracing::info!("asked to read the settings again");
                    renewal = Renewal(Some(Box::pin(begin::renew(context, &settings.meetecho))));
                }
            },
        }
    };
    drop((listeners, turns));
    end
}

/// A name that is misspelt in `[scope]` leaves everything undone that was meant by it.
async fn tell_unknown_names(datatracker: &Datatracker, settings: &Settings) -> Infallible {
    loop {
        match unknown_in_scope(datatracker, settings).await {
            Ok(None) => break,
            Ok(Some(words)) => {
                tracing::warn!("{words}");
                break;
            }
            // Passes say what is wrong with the database.
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
    std::future::pending().await
}

/// New settings that are being tried; one that is begun anew forgets what it had read.
#[derive(Default)]
struct Renewal<'a>(Option<BoxFuture<'a, Renewed>>);

type Renewed = Result<Box<Prepared>, CliError>;

impl Renewal<'_> {
    /// Never ends where nothing is being tried.
    async fn ended(&mut self) -> Renewed {
        let Some(renewal) = &mut self.0 else { return std::future::pending().await };
        let renewed = renewal.await;
        self.0 = None;
        renewed
    }
}

/// A pass begins at least twice within what the service manager waits for.
fn within_watchdog(poll: Duration, interval: Option<Duration>) -> Duration {
    interval.map_or(poll, |interval| poll.min(interval / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_begins_twice_within_the_watchdogs_interval() {
        let seconds = Duration::from_secs;
        for (poll, interval, expected) in [(2, None, 2), (2, Some(30), 2), (60, Some(30), 15), (60, None, 60)]
        {
            assert_eq!(within_watchdog(seconds(poll), interval.map(seconds)), seconds(expected));
        }
    }
}

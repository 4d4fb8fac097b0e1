//! All that one life of the worker needs and that may fail. What is prepared only has to be lived.

use std::sync::Arc;

use crate::app::{self, App};
use crate::cli::{CliError, Context};
use crate::cron::Scheduler;
use crate::database::{Listener, Ring};
use crate::ledger::{Ledger, LedgerError};
use crate::reconcile::worker::Bell;
use crate::settings::Settings;

/// By settings that can be used, and with all that they name at hand.
pub(super) struct Prepared {
    pub(super) app: App,
    pub(super) ledger: Ledger,
    pub(super) settings: Settings,
    pub(super) bell: Bell,
    /// Kept until the end of this life; a listener that is dropped hears nothing.
    pub(super) listeners: [Option<Listener>; 2],
    pub(super) turns: Scheduler,
}

impl Prepared {
    pub(super) async fn from_settings(context: &Context, settings: Settings) -> Result<Self, CliError> {
        let app = App::for_worker(&settings, "run", context.backend(&settings, false)).await?;
        let ledger = app.parts.ledger.clone().ok_or(LedgerError::NotMigrated)?;
        let bell = Bell::default();
        let listeners =
            [app::changes(&settings, ring_of(&bell))?, app::operators_ring(&settings, ring_of(&bell))?];
        // It wakes us at the moment of a turn; a turn is taken in the ledger, so without it one would only be late.
        let turns = Scheduler::start(vec![(settings.rooms.sweep.clone(), ring_of(&bell))]).await?;
        Ok(Self { app, ledger, settings, bell, listeners, turns })
    }

    /// Whether the datatracker's database lets us in; nothing else asks it before the first pass.
    pub(super) async fn can_read(&self) -> Result<(), CliError> {
        self.app.parts.datatracker.verify().await?;
        Ok(())
    }
}

fn ring_of(bell: &Bell) -> Ring {
    let bell = bell.clone();
    Arc::new(move || bell.ring())
}

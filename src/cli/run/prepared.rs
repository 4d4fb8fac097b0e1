//! All that one life of the worker needs and that may fail. What is prepared only has to be lived.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::app::{self, App};
use crate::cli::{CliError, Context};
use crate::cron::Scheduler;
use crate::database::{Listener, Ring};
use crate::datatracker::{Look, Range};
use crate::desired::LOOK_BACK;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Fault, GroupAcronym, Why};
use crate::reconcile::worker::Bell;
use crate::settings::Settings;

/// New credentials are tried by the tokens of so many groups.
const WITNESSES: usize = 3;

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

    /// What Meetecho says where it gives none of a few groups a token, and says that it is for our credentials. None: they
    /// count, or nobody can know, since it does not answer or there is no group to ask for.
    pub(super) async fn rejected_credentials(&self) -> Option<Fault> {
        if self.app.is_debug {
            return None;
        }
        let range = Range::Around { back: LOOK_BACK, ahead: self.app.policy.rooms.horizon };
        let look = Look { range, ..Look::default() };
        let snapshot = self.app.parts.datatracker.snapshot(&look).await.ok()?;
        let groups: BTreeSet<GroupAcronym> =
            snapshot.sessions.into_iter().map(|session| session.group).collect();
        // One that Meetecho does not know would look like us being rejected.
        let groups: BTreeSet<GroupAcronym> = groups.into_iter().take(WITNESSES).collect();
        let meetecho = &self.app.parts.meetecho;
        meetecho.prefetch_tokens(&groups).await;
        if groups.iter().any(|group| meetecho.has_token(group)) {
            return None;
        }
        let outcome = meetecho.check_credentials(Some(groups.first()?)).await;
        outcome.fault().filter(|fault| fault.why == Why::CredentialsRejected).cloned()
    }
}

fn ring_of(bell: &Bell) -> Ring {
    let bell = bell.clone();
    Arc::new(move || bell.ring())
}

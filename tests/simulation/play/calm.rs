//! After the last fault: all must come into step, and stay so.

use meetsync::provider::meetecho::Call;
use tokio::time::{Duration as Span, sleep};

use super::Stage;
use crate::history::{Down, Edge, Fault, What, seconds};
use crate::world::World;

/// Longer than anything may take when nothing fails any more: a refusal is parked for five minutes.
const LONGEST_CALM_MS: u64 = 420_000;

/// So long nothing may change any more.
const STAYS_MS: u64 = 16_000;

/// Where nobody is live, one that failed is asked again after so long, and a little by chance.
const PROBE_MS: u64 = 38_000;

impl World {
    /// How long it may take until somebody notices that the provider is well again.
    fn longest_until_probed_ms(&self, session: usize) -> u64 {
        let slot = self.source.sessions()[session].slot;
        let is_live = slot.is_some_and(|slot| slot.is_live(self.source_now()));
        let failed_ms = self.far.failed_ms.filter(|_| !is_live);
        failed_ms.map_or(0, |failed_ms| (failed_ms + PROBE_MS).saturating_sub(self.now_ms()))
    }
}

impl Stage<'_> {
    /// Nothing fails any more: all must come into step, and stay. How long that took.
    pub(super) async fn calm(&self) -> Result<u64, String> {
        // What was put off by a clock that went back since takes so much longer.
        let skewed_ms = {
            let world = self.shared.lock();
            (world.skews_ms.1 - world.source_skew_ms).unsigned_abs()
        };
        let calm_at = self.now_ms();
        let mut restless = 0;
        loop {
            let (trouble, is_open, has_late, changed_ms) = {
                let mut world = self.shared.lock();
                world.land();
                if !world.judge.violations.is_empty() {
                    return Ok(0);
                }
                (world.trouble(), world.is_owing(), world.far.has_late(), world.far.changed_ms)
            };
            let now = self.now_ms();
            if trouble.is_none() && !is_open && !has_late {
                let in_step_ms = changed_ms.saturating_sub(calm_at);
                if self.stays().await? {
                    self.one_more_edit().await?;
                    return Ok(in_step_ms);
                }
                restless += 1;
                if restless > 8 {
                    return Err(
                        "it never comes to rest: requests are sent although all is in step".to_owned()
                    );
                }
            } else if now - calm_at > LONGEST_CALM_MS + skewed_ms {
                let what = trouble.unwrap_or_else(|| "a session in its window is still in doubt".to_owned());
                return Err(format!(
                    "not in step {:.0} s after the last fault: {what}",
                    seconds(now - calm_at)
                ));
            } else {
                let pause = if now - calm_at > 60_000 { 5000 } else { 1000 };
                sleep(Span::from_millis(pause)).await;
            }
        }
    }

    /// When all is well, an edit is sent without delay. Asked of every fourth history.
    async fn one_more_edit(&self) -> Result<(), String> {
        // Whoever was refused a token remembers that for a minute.
        let was_refused = self.shared.lock().struck.iter().any(|struck| {
            let is_no = matches!(struck.fault, Fault::Status { status } if status < 500);
            is_no && struck.edge == Edge::Provider(Call::Tokens)
        }) || self
            .history
            .events
            .iter()
            .any(|event| matches!(event.what, What::ProviderDown { how: Down::GivesNoTokens, .. }));
        let is_asked =
            self.history.seed.is_multiple_of(4) && !was_refused && !self.shared.lock().is_fenced_off();
        if !is_asked || self.history.settings.only_observes {
            return Ok(());
        }
        let (session, within_ms) = {
            let mut world = self.shared.lock();
            let Some(session) = world.one_in_its_window() else { return Ok(()) };
            let now = world.now_ms();
            let deck = 10 * world.source.sessions()[session].id.0 + 9;
            world.tell(|| format!("one more deck for session {}", self.id(session)));
            let touched = world.source_now();
            world.source.edit(now, touched, What::AddDeck { session, deck });
            let until_probed_ms = world.longest_until_probed_ms(session);
            (session, until_probed_ms + world.settings.quiet_ms + 2 * world.settings.poll_ms + 3000)
        };
        sleep(Span::from_millis(within_ms)).await;
        let world = self.shared.lock();
        match world.decks_trouble(&world.source.sessions()[session], world.source_now()) {
            Some(trouble) => Err(format!("nothing fails, and {within_ms} ms after an edit {trouble}")),
            None => Ok(()),
        }
    }

    /// In step by now: nothing may be sent any more, and nothing come loose.
    async fn stays(&self) -> Result<bool, String> {
        let before = self.shared.lock().far.writes;
        let from = self.now_ms();
        sleep(Span::from_millis(STAYS_MS)).await;
        let mut world = self.shared.lock();
        world.land();
        let now = world.now_ms();
        let (earliest, latest) = world.by_source(from.saturating_sub(5000), now + 1000);
        let may_send = world.something_opens(earliest, latest);
        let is_quiet = world.far.writes == before;
        match world.trouble() {
            Some(trouble) if is_quiet && !may_send => {
                Err(format!("it was in step, and did not stay so: {trouble}"))
            }
            trouble => Ok(trouble.is_none() && (is_quiet || may_send)),
        }
    }
}

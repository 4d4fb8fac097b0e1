//! What goes wrong with slides: Meetecho away, an answer that never comes, a worker that is killed.

use super::super::{Hired, Story, StoryError};
use crate::clock;
use crate::demo::sample::scenes::{self, LIVE, LIVE_TOO, SOON};
use crate::demo::standin::{Failure, LogEntry};
use crate::model::SessionId;
use crate::provider::meetecho::Call;

/// So many tries in vain are waited for.
const TRIES: usize = 5;

impl Story<'_, '_> {
    pub(super) async fn outage(&mut self) -> Result<(), StoryError> {
        self.teller.scene("Meetecho is gone, and chairs go on")?;
        self.stage.standin.go_away();
        let began = self.stage.attempts_since(0).await?.len();
        for edit in [
            scenes::revise_deck(SOON, 1),
            scenes::revise_deck(LIVE_TOO, 2),
            scenes::add_deck(LIVE_TOO, "Any other business"),
            scenes::revise_deck(LIVE, 1),
        ] {
            self.edit(&edit).await?;
        }
        self.teller.say(
            "Every connection is refused. After three failures in a row the worker no longer sends what waits: it asks with\n\
             one request at a time whether Meetecho lives, every 2 s because people are waiting in a live session.",
        )?;
        self.until(async || {
            let tries = self.stage.attempts_since(began).await?.len();
            Ok((tries < TRIES).then(|| format!("{TRIES} tries; so far there were {tries}")))
        })
        .await?;
        let tries = self.stage.attempts_since(began).await?;
        self.teller.list("Its tries, by the ledger:", &tries)?;
        self.status(&["Goes on by itself"]).await?;

        self.teller.scene("Meetecho is back: one request each")?;
        self.stage.standin.come_back();
        self.until_in_step(&[LIVE, LIVE_TOO, SOON]).await?;
        let fresh = self.wire()?;
        let sent: Vec<SessionId> = fresh.iter().filter_map(session_of_list).collect();
        let all = [LIVE, LIVE_TOO, SOON];
        let is_one_each = sent.len() == all.len() && all.iter().all(|id| sent.contains(id));
        let is_live_first = sent.first().is_some_and(|id| *id != SOON);
        let otherwise = format!("not one list for each, a live session's first: {sent:?}");
        self.teller.expect(is_one_each && is_live_first, &otherwise)?;
        self.teller.say("\nThe question that was answered was a live session's list; then all that waited went out at once.")?;
        self.show_decks(LIVE_TOO).await
    }

    pub(super) async fn stuck(&mut self) -> Result<(), StoryError> {
        self.teller.scene("A request gets stuck on its way: no answer is no answer")?;
        self.stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::Held);
        self.edit(&scenes::revise_deck(LIVE_TOO, 1)).await?;
        self.until_it_fails(&Failure::Held).await?;
        self.edit(&scenes::revise_deck(LIVE_TOO, 1)).await?;
        let is_doubted = async || {
            let doubts = self.stage.doubts_without_a_lease().await?;
            Ok(doubts.is_empty().then(|| "a session in doubt".to_owned()))
        };
        self.until(is_doubted).await?;
        self.teller.say(
            "Nobody knows whether the first of the two will still take effect. The session is in doubt, and is shown so:",
        )?;
        self.status(&["Goes on by itself"]).await?;
        self.until_shown(LIVE_TOO).await?;
        self.wire()?;

        self.teller.scene("The request that was stuck arrives after all")?;
        let right = self.stage.standin.decks_of(LIVE_TOO);
        self.teller.say("Meetecho has taken the newer list. Now the old request takes effect, and the older list is back.")?;
        self.stage.standin.land_held();
        let is_older = self.stage.standin.decks_of(LIVE_TOO) != right;
        self.teller.expect(is_older, "the late request had no effect")?;
        self.show_decks(LIVE_TOO).await?;
        self.teller.say(
            "\nFor this one more send is owed after every success that follows a request without an answer\n\
             (meetecho.late_effect after it: 3 s in this demo, 30 s otherwise).",
        )?;
        self.until_in_step(&[LIVE_TOO]).await?;
        self.expect_writes(1)?;
        self.show_decks(LIVE_TOO).await
    }

    /// The first worker is killed in the middle of a request; a second one takes its place.
    pub(super) async fn killed(&mut self, worker: Hired) -> Result<Hired, StoryError> {
        self.teller.scene("The worker is killed in the middle of a request")?;
        self.stage.standin.fail_next(Some(Call::SetDecks), 1, Failure::Held);
        self.edit(&scenes::revise_deck(LIVE_TOO, 1)).await?;
        self.until_it_fails(&Failure::Held).await?;
        worker.kill().await;
        self.wire()?;
        self.put_aside = Some(LIVE_TOO);
        self.teller.say(
            "\nIt got no time to write anything down. But it had written, before it sent, that it is about to; and that\n\
             nobody else may work on this session for a while (ledger.lease: 10 s in this demo, 30 s otherwise).",
        )?;
        self.status(&["works on", "being sent", "in doubt"]).await?;
        self.teller.command("meetsync run")?;
        let second = Hired::start(self.stage, "second worker").await?;
        self.edit(&scenes::revise_deck(LIVE, 2)).await?;
        self.until_in_step(&[LIVE]).await?;
        self.expect_writes(1)?;
        self.teller
            .say("\nA second worker has taken its place, and does everything else meanwhile. We come back to this session.")?;
        Ok(second)
    }

    /// What the killed worker had begun.
    pub(super) async fn taken_over(&mut self) -> Result<(), StoryError> {
        self.teller.scene("What the killed worker had begun is taken over")?;
        self.edited_at = clock::now();
        self.put_aside = None;
        self.until_in_step(&[LIVE_TOO]).await?;
        let tries = self.stage.attempts_of(LIVE_TOO, 2).await?;
        self.teller.list(&format!("The last attempts at session {LIVE_TOO}, by the ledger:"), &tries)?;
        let is_second = tries.iter().all(|line| line.contains("second worker"));
        self.teller.expect(is_second, "the second worker has not taken the session over")?;
        self.wire()?;
        self.show_decks(LIVE_TOO).await
    }
}

/// The session of a list that was accepted.
fn session_of_list(entry: &LogEntry) -> Option<SessionId> {
    let is_list = entry.call == Some(Call::SetDecks) && entry.status == Some(202);
    let session = entry.body.as_ref()?["session"].as_str()?;
    is_list.then(|| session.parse().ok()).flatten().map(SessionId)
}

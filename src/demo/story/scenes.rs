//! The story itself, scene by scene.

use chrono::TimeDelta;

use super::check::{self, Shown};
use super::{Stage, Story, StoryError, Teller, Verdict};
use crate::clock;
use crate::datatracker::{Look, Range};
use crate::demo::sample::scenes::{self, Edit, INTERIM, LIVE, LIVE_TOO, OTHER_INTERIM, TWO_DAYS};
use crate::demo::standin::Failure;
use crate::model::{Scope, Session, Snapshot};
use crate::plan::{Ask, Plan, sessions_text};
use crate::provider::meetecho::Call;
use crate::reconcile::SubjectOutcome;

/// So many of the interims are shown at the beginning.
const FIRST_INTERIMS: usize = 3;

/// Tells the whole story. The stage stays as the story leaves it.
pub(crate) async fn tell(stage: &Stage, teller: &mut Teller<'_>) -> Result<Verdict, StoryError> {
    let mut story = Story { stage, teller, told_requests: 0 };
    let plan = story.opening().await?;
    story.first_resync(&plan).await?;
    story.slides().await?;
    story.rooms().await?;
    story.trouble_with_a_room().await?;
    story.trouble_with_slides().await?;
    story.final_check().await
}

impl Story<'_, '_> {
    async fn opening(&mut self) -> Result<Plan, StoryError> {
        self.teller.scene("What the datatracker says")?;
        let snapshot = self.everything().await?;
        let (start, end) = (snapshot.as_of + TimeDelta::hours(1), snapshot.as_of - TimeDelta::minutes(15));
        let around_now =
            |session: &&Session| session.slot.is_some_and(|slot| slot.start < start && slot.end > end);
        let (interims, week): (Vec<&Session>, Vec<&Session>) =
            snapshot.sessions.iter().partition(|session| session.is_interim());
        self.teller.say(&format!(
            "An IETF week is on: {} sessions, and {} interims are to come. The sessions around now, and the first interims\n\
             (`meetsync sessions` prints all of them):",
            week.len(),
            interims.len()
        ))?;
        let few = week.into_iter().filter(around_now).chain(interims.into_iter().take(FIRST_INTERIMS));
        let notify = self.stage.settings.slides.notify;
        let text = sessions_text(few, notify, snapshot.as_of, self.teller.style());
        self.teller.command("meetsync sessions")?;
        self.teller.printed(&text)?;

        self.teller.scene("What would be done")?;
        self.teller.say(
            "Meetecho knows nothing yet. Slides go out from 15 minutes before a session to 15 minutes after it; interims\n\
             get rooms. A plan only reads, on both sides.",
        )?;
        let plan = self.plan().await?;
        self.wire()?;
        let untouched = self.stage.standin.counts().writes() == 0;
        self.teller.expect(untouched, "a plan changed something at Meetecho")?;
        Ok(plan)
    }

    async fn first_resync(&mut self, plan: &Plan) -> Result<(), StoryError> {
        self.teller.scene("The first resync: slides go out, so many new rooms need a yes")?;
        self.teller.say(
            "A guard stops what could be a mistake: more new rooms at once than guard.max_creates (10 in this demo, 20\n\
             otherwise). Everything else is done all the same.",
        )?;
        self.resync_approved(plan).await?;
        self.show_decks(LIVE).await?;
        self.expect_in_step(LIVE).await?;
        let held_back = self.stage.standin.rooms().is_empty();
        self.teller.expect(held_back, "the guard let rooms through")?;

        self.teller.scene("Somebody has looked at the list and says yes")?;
        self.resync(Ask { force: true, ..Ask::default() }).await?;
        self.show_room(INTERIM).await?;
        self.expect_in_step(INTERIM).await?;

        self.teller.scene("A second resync sends nothing")?;
        let before = self.stage.standin.counts().writes();
        self.resync(Ask::default()).await?;
        let silent = self.stage.standin.counts().writes() == before;
        Ok(self.teller.expect(silent, "something was sent though nothing had changed")?)
    }

    async fn slides(&mut self) -> Result<(), StoryError> {
        self.change_of_decks("A chair adds a deck", &scenes::add_deck(LIVE, "Late news")).await?;
        self.change_of_decks("A chair revises a deck", &scenes::revise_deck(LIVE, 2)).await?;
        self.change_of_decks("A chair changes the order", &scenes::last_deck_first(LIVE)).await?;
        self.change_of_decks("A chair removes a deck", &scenes::remove_deck(LIVE, 3)).await
    }

    async fn rooms(&mut self) -> Result<(), StoryError> {
        let title = "An interim is moved: its room is made anew, its link stays";
        self.change_of_room(title, &scenes::move_interim(INTERIM, 30)).await?;
        let title = "An interim is cancelled: its room is taken away";
        self.change_of_room(title, &scenes::cancel(OTHER_INTERIM)).await?;
        let edit = scenes::blank_link(INTERIM);
        self.teller.scene("An edit blanks a link, and it comes back")?;
        self.edit(&edit).await?;
        self.teller.say(
            "(A blank link is left alone for rooms.settle first, so that the datatracker's own call can go before: 60 s\n\
             otherwise, 0 s in this demo.)",
        )?;
        self.resync(Ask::default()).await?;
        self.show_room(INTERIM).await?;
        self.expect_in_step(INTERIM).await
    }

    async fn trouble_with_a_room(&mut self) -> Result<(), StoryError> {
        self.teller.scene("Meetecho makes a room and says that it did not")?;
        self.edit(&scenes::move_interim(TWO_DAYS, -60)).await?;
        self.teller.say(
            "Meetecho will answer the new room with an error 500, and make it all the same. To ask again would make a\n\
             second one, so meetsync looks first, finds the room, and takes it as its own.",
        )?;
        self.stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::StatusAfterEffect(500));
        self.resync(Ask::default()).await?;
        self.show_room(TWO_DAYS).await?;
        self.expect_in_step(TWO_DAYS).await
    }

    async fn trouble_with_slides(&mut self) -> Result<(), StoryError> {
        let standin = &self.stage.standin;
        self.teller.scene("Meetecho fails: three tries, no usable answer")?;
        self.edit(&scenes::revise_deck(LIVE_TOO, 1)).await?;
        self.teller.say(
            "Meetecho will answer the first try with an error 500 and lose it, never answer the second (it is stuck\n\
             somewhere), and answer the third with a maintenance page. None of that is a yes, and none is a no: the\n\
             session is in doubt, and is shown so.",
        )?;
        for failure in [Failure::Status(500), Failure::Held, Failure::Html] {
            standin.fail_next(Some(Call::SetDecks), 1, failure);
        }
        let results = self.resync(Ask::default()).await?;
        let in_doubt = results.iter().any(|result| result.outcome == SubjectOutcome::InDoubt);
        self.teller.expect(in_doubt, "three failures did not leave the session in doubt")?;

        self.teller.scene("Meetecho is back: the whole list goes out, and one more is owed")?;
        standin.heal();
        let results = self.resync(Ask::default()).await?;
        self.show_decks(LIVE_TOO).await?;
        self.expect_in_step(LIVE_TOO).await?;
        let owed = results.iter().find_map(|result| result.confirm_owed);
        self.teller.expect(owed.is_some(), "no confirming send is owed after a request without an answer")?;

        self.teller.scene("The request that was stuck arrives after all")?;
        self.edit(&scenes::revise_deck(LIVE_TOO, 1)).await?;
        self.resync(Ask::default()).await?;
        let right = standin.decks_of(LIVE_TOO);
        self.expect_in_step(LIVE_TOO).await?;
        self.teller
            .say("\nAnd now the old request, given up long ago, takes effect: the older list is back.")?;
        standin.land_held();
        let is_older = standin.decks_of(LIVE_TOO) != right;
        self.teller.expect(is_older, "the late request had no effect")?;
        self.show_decks(LIVE_TOO).await?;
        self.teller.say(
            "\nThat is what the confirming send is for. It is owed some time after a success that followed a request\n\
             without an answer (meetecho.late_effect: 30 s otherwise, 5 s in this demo). The next pass after that sends it.",
        )?;
        if let Some(moment) = owed {
            self.until(moment).await;
        }
        self.resync(Ask::default()).await?;
        self.show_decks(LIVE_TOO).await?;
        self.expect_in_step(LIVE_TOO).await
    }

    pub(super) async fn final_check(&mut self) -> Result<Verdict, StoryError> {
        self.teller.scene("Are both sides the same?")?;
        self.resync(Ask::default()).await?;
        let snapshot = self.everything().await?;
        let shown = Shown::by(&self.stage.standin);
        let found = check::differences(&snapshot.sessions, &shown, clock::now());
        let decks: usize = shown.decks.values().map(Vec::len).sum();
        self.teller.say(&format!(
            "\nAll {} sessions compared, row by row: {} show {decks} decks at Meetecho, and {} interims have their room.",
            snapshot.sessions.len(),
            shown.decks.len(),
            shown.rooms.len(),
        ))?;
        if !found.is_empty() {
            self.teller.list("The two sides differ:", &found)?;
            return Ok(Verdict::Differs);
        }
        self.teller.say("Both sides are the same.")?;
        let wrong = self.teller.wrong().to_vec();
        if wrong.is_empty() {
            return Ok(Verdict::InStep);
        }
        self.teller.list("But on the way this was not as it should be:", &wrong)?;
        Ok(Verdict::Differs)
    }

    async fn change_of_decks(&mut self, title: &str, edit: &Edit) -> Result<(), StoryError> {
        self.teller.scene(title)?;
        self.edit(edit).await?;
        self.resync(Ask::default()).await?;
        self.show_decks(edit.session).await?;
        self.expect_in_step(edit.session).await
    }

    async fn change_of_room(&mut self, title: &str, edit: &Edit) -> Result<(), StoryError> {
        self.teller.scene(title)?;
        self.edit(edit).await?;
        self.resync(Ask::default()).await?;
        self.show_room(edit.session).await?;
        self.expect_in_step(edit.session).await
    }

    async fn everything(&self) -> Result<Snapshot, StoryError> {
        let look = Look { range: Range::Everything, named: [].into(), must_exist: Scope::default() };
        Ok(self.stage.app.parts.datatracker.snapshot(&look).await?)
    }
}

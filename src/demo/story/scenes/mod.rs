//! The story itself, scene by scene. The troubles are in [`trouble`], the rooms in [`rooms`], and what happens while the
//! datatracker still calls Meetecho by itself in [`beside`].

mod beside;
mod rooms;
mod trouble;

use chrono::TimeDelta;

use super::check::{self, Shown};
use super::{Hired, Stage, Story, StoryError, Teller, Told, Verdict};
use crate::clock;
use crate::demo::sample::scenes::{self, Edit, INTERIM, LATER, LIVE, OWN_LINK, SOON};
use crate::model::{Hold, Kind, Session, SessionId, Why};
use crate::plan::sessions_text;
use crate::provider::meetecho::Call;
use crate::reconcile::operate::{self, HoldOn};
use crate::reconcile::worker::PassReport;

/// So many of the interims are shown at the beginning.
const FIRST_INTERIMS: usize = 3;

/// Tells the whole story. The stage stays as the story leaves it, with a worker at work.
pub(crate) async fn tell(stage: &Stage, teller: &mut Teller<'_>) -> Result<Told, StoryError> {
    let mut story = Story::new(stage, teller);
    story.opening().await?;
    let worker = story.first_sight().await?;
    story.slides().await?;
    story.many_edits().await?;
    story.by_hand().await?;
    story.outage().await?;
    story.stuck().await?;
    let worker = story.killed(worker).await?;
    story.rooms().await?;
    story.beside_the_datatracker().await?;
    story.taken_over().await?;
    story.guarded().await?;
    let verdict = story.final_check().await?;
    Ok(Told { verdict, worker })
}

impl Story<'_, '_> {
    async fn opening(&mut self) -> Result<(), StoryError> {
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
        self.plan().await?;
        self.wire()?;
        let untouched = self.stage.standin.counts().writes() == 0;
        Ok(self.teller.expect(untouched, "a plan changed something at Meetecho")?)
    }

    /// The worker, from its start until both sides are the same.
    pub(super) async fn first_sight(&mut self) -> Result<Hired, StoryError> {
        self.teller.scene("The worker starts, and makes everything so")?;
        self.teller.say(
            "From here on nobody calls a command to send something: the worker reads the datatracker again and again\n\
             (every 0.2 s in this demo, 2 s otherwise), and sends what is missing at Meetecho.",
        )?;
        self.teller.command("meetsync run")?;
        let worker = Hired::start(self.stage, "first worker").await?;
        let all: Vec<SessionId> =
            self.everything().await?.sessions.iter().map(|session| session.id).collect();
        self.until_in_step(&all).await?;
        self.wire()?;
        self.show_decks(LIVE).await?;
        self.show_room(INTERIM).await?;
        self.show_room(OWN_LINK).await?;
        self.teller.say(
            "\nThe last one meets elsewhere, as its chairs wrote. A person's own words are never touched.",
        )?;
        self.idle().await?;
        Ok(worker)
    }

    /// Passes that find nothing to do send nothing.
    async fn idle(&mut self) -> Result<(), StoryError> {
        let before = self.stage.standin.log().len();
        for _ in 0..3 {
            self.edited_at = clock::now();
            self.until_pass("one more pass", |_| true).await?;
        }
        let silent = self.stage.standin.log().len() == before;
        self.teller.expect(silent, "something was asked of Meetecho though nothing had changed")?;
        Ok(self.teller.say("Three more passes have found nothing to do, and have asked Meetecho nothing.")?)
    }

    async fn slides(&mut self) -> Result<(), StoryError> {
        self.change_of_decks("A chair adds a deck", &scenes::add_deck(LIVE, "Late news"), 1).await?;
        self.change_of_decks("A chair revises a deck", &scenes::revise_deck(LIVE, 2), 1).await?;
        self.change_of_decks("A chair changes the order", &scenes::last_deck_first(LIVE), 1).await?;
        // Taken away, and then the list that is left: right whatever Meetecho takes a list to mean.
        self.change_of_decks("A chair removes a deck", &scenes::remove_deck(LIVE, 3), 2).await
    }

    async fn many_edits(&mut self) -> Result<(), StoryError> {
        self.teller.scene("Six edits in a row are one request")?;
        self.teller.say(
            "The worker waits until no edit came for a while (slides.quiet: 0.8 s in this demo, 2 s otherwise).",
        )?;
        let edits = [
            scenes::add_deck(SOON, "Agenda bashing"),
            scenes::add_deck(SOON, "Hackathon results"),
            scenes::revise_deck(SOON, 1),
            scenes::revise_deck(SOON, 2),
            scenes::last_deck_first(SOON),
            scenes::revise_deck(SOON, 1),
        ];
        for edit in &edits {
            self.edit(edit).await?;
        }
        self.until_in_step(&[SOON]).await?;
        self.expect_writes(1)?;
        self.show_decks(SOON).await?;

        self.teller.scene("Edits that cancel out send nothing")?;
        let places = self.session(SOON).await?.map_or(0, |session| session.decks.len());
        self.edit(&scenes::add_deck(SOON, "Uploaded by mistake")).await?;
        let is_seen = |pass: &PassReport| pass.plan.changes.iter().any(|change| change.session == SOON);
        self.until_pass("a pass that sees the new deck", is_seen).await?;
        self.teller.say("The worker has seen it, and waits for more.")?;
        let last = u32::try_from(places + 1).unwrap_or(u32::MAX);
        self.edit(&scenes::remove_deck(SOON, last)).await?;
        self.until_in_step(&[SOON]).await?;
        self.expect_writes(0)
    }

    async fn by_hand(&mut self) -> Result<(), StoryError> {
        self.teller.scene("A session that is not near yet waits; one that is held waits too")?;
        self.edit(&scenes::revise_deck(LATER, 1)).await?;
        let waits = |id: SessionId, why: Why| {
            move |pass: &PassReport| {
                let is_it = |session: SessionId, kind: Kind| session == id && kind == Kind::Decks;
                let waits = &pass.plan.waits;
                waits.iter().any(|wait| is_it(wait.session, wait.subject.kind) && wait.reason == why)
            }
        };
        self.until_pass("a pass in which it waits for its window", waits(LATER, Why::OutsideWindow)).await?;
        self.teller.say("Its window opens in less than two hours; until then nothing is sent.")?;

        let ledger = self.ledger()?;
        let now = ledger.clock().await?;
        let reason = "the chairs are still at it";
        let hold = Hold { until: now + TimeDelta::hours(1), by: "a person".into(), reason: reason.into() };
        let on = HoldOn::Sessions([SOON].into());
        self.teller.command(&format!("meetsync hold {SOON} --until 1h --reason \"{reason}\""))?;
        operate::hold(&ledger, &on, &hold, now).await?;
        self.edit(&scenes::revise_deck(SOON, 3)).await?;
        self.until_pass("a pass in which it is held", waits(SOON, Why::Held)).await?;
        self.status(&["held until"]).await?;
        self.expect_writes(0)?;
        self.teller.command(&format!("meetsync release {SOON}"))?;
        operate::release(&ledger, &on, now).await?;
        self.until_in_step(&[SOON]).await?;
        self.expect_writes(1)?;

        self.teller.scene("A person pushes a list by hand, beside the worker")?;
        self.push(LIVE).await?;
        self.until_in_step(&[LIVE]).await?;
        self.expect_writes(1)
    }

    pub(super) async fn final_check(&mut self) -> Result<Verdict, StoryError> {
        self.teller.scene("Are both sides the same?")?;
        self.edited_at = clock::now();
        self.until_nothing_is_owed().await?;
        self.status(&["Needs a person", "Goes on by itself"]).await?;
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

    async fn change_of_decks(&mut self, title: &str, edit: &Edit, requests: usize) -> Result<(), StoryError> {
        self.teller.scene(title)?;
        self.edit(edit).await?;
        self.until_in_step(&[edit.session]).await?;
        self.expect_writes(requests)?;
        self.show_decks(edit.session).await
    }

    /// Tells what went over the wire, and how many requests of ours that changed something were to be among it.
    pub(super) fn expect_writes(&mut self, expected: usize) -> Result<(), StoryError> {
        let fresh = self.wire()?;
        let ours = fresh.iter().filter(|entry| !super::wire::is_from_the_datatracker(entry));
        let writes = ours.filter(|entry| entry.call.is_some_and(Call::is_write)).count();
        let otherwise = format!("{writes} requests of ours changed something, and {expected} should have");
        Ok(self.teller.expect(writes == expected, &otherwise)?)
    }
}

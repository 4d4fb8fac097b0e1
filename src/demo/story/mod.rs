//! The story of `meetsync demo`: what people do to a datatracker in a week, what meetsync makes of it, and what
//! Meetecho shows then.
//!
//! Only the edges are not the real thing (a throwaway database, a stand-in provider); between them runs the code that
//! every command runs. Each scene says what happened, plans, carries the plan out with the one-shot pass, and then looks
//! at the stand-in itself, because a provider's "accepted" proves nothing. What does not come out as told is kept, and
//! the last scene compares both sides with a judge of its own ([`check`]).
//!
//! The scenes are in [`scenes`]; here is what they are made of.

mod check;
mod scenes;
mod stage;
mod teller;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use self::check::Shown;
pub(crate) use self::scenes::tell;
pub(crate) use self::stage::{Stage, StoryError};
pub(crate) use self::teller::Teller;
use crate::cli::results_text;
use crate::clock;
use crate::datatracker::{Look, Range};
use crate::demo::sample::scenes::Edit;
use crate::ledger::LedgerError;
use crate::model::{Scope, Session, SessionId};
use crate::plan::{Ask, Plan, plan_text};
use crate::reconcile::{self, ReadRooms, SubjectResult, World, read_world};

/// A scene shows at most so many requests.
const SHOWN_REQUESTS: usize = 5;

/// How the story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both sides are the same, and every scene came out as told.
    InStep,
    Differs,
}

/// The stage, the teller, and how far the stand-in's log has been told.
struct Story<'a, 'b> {
    stage: &'a Stage,
    teller: &'a mut Teller<'b>,
    told_requests: u64,
}

impl Story<'_, '_> {
    /// Somebody changes something in the datatracker.
    async fn edit(&mut self, edit: &Edit) -> Result<(), StoryError> {
        self.teller.say(&format!("In the datatracker: {}.", edit.tells))?;
        Ok(self.stage.edit(&edit.sql).await?)
    }

    /// What `meetsync plan` does: reads both sides, prints, and changes nothing.
    async fn plan(&mut self) -> Result<Plan, StoryError> {
        let world = self.read(Ask::default()).await?;
        let plan = world.plan();
        self.teller.command("meetsync plan")?;
        self.print_plan(&plan, &world)?;
        Ok(plan)
    }

    /// Plans and carries out, as somebody does who looks first; with nothing to do, or by force, in one go.
    async fn resync(&mut self, ask: Ask) -> Result<Vec<SubjectResult>, StoryError> {
        let force = ask.force;
        let world = self.read(ask).await?;
        let plan = world.plan();
        if force || plan.changes.is_empty() {
            self.teller.command(if force { "meetsync resync --force" } else { "meetsync resync" })?;
            self.print_plan(&plan, &world)?;
        } else {
            self.teller.command("meetsync plan")?;
            self.print_plan(&plan, &world)?;
            self.teller.command(&approved(&plan))?;
        }
        self.carry_out(&world, &plan).await
    }

    /// Carries out a plan that was printed before, if it is still the same.
    async fn resync_approved(&mut self, seen: &Plan) -> Result<Vec<SubjectResult>, StoryError> {
        let world = self.read(Ask::default()).await?;
        let plan = world.plan();
        self.teller.command(&approved(seen))?;
        self.teller.expect(plan.hash == seen.hash, "nothing changed, and yet the plan is another one")?;
        self.carry_out(&world, &plan).await
    }

    async fn read(&self, ask: Ask) -> Result<World, StoryError> {
        Ok(read_world(&self.stage.app.parts, ask, ReadRooms::Yes, clock::now()).await?)
    }

    fn print_plan(&mut self, plan: &Plan, world: &World) -> Result<(), StoryError> {
        let changed: BTreeSet<SessionId> = plan.changes.iter().map(|change| change.session).collect();
        let text = plan_text(plan, &world.snapshot, self.teller.style());
        Ok(self.teller.plan(&text, changed.len())?)
    }

    /// The one-shot pass; then its results, and what went over the wire.
    async fn carry_out(&mut self, world: &World, plan: &Plan) -> Result<Vec<SubjectResult>, StoryError> {
        let parts = &self.stage.app.parts;
        let ledger = parts.ledger.as_ref().ok_or(LedgerError::NotMigrated)?;
        let results = reconcile::resync(parts, ledger, world, plan, None, &|_| {}).await?;
        self.teller.printed(&results_text(&results))?;
        self.wire()?;
        Ok(results)
    }

    /// What came in at the stand-in since this was last asked.
    fn wire(&mut self) -> Result<(), StoryError> {
        let log = self.stage.standin.log();
        let fresh: Vec<_> = log.into_iter().filter(|entry| entry.seq > self.told_requests).collect();
        self.told_requests = fresh.last().map_or(self.told_requests, |entry| entry.seq);
        Ok(self.teller.list("Sent to Meetecho:", &wire::lines(&fresh, SHOWN_REQUESTS))?)
    }

    /// What Meetecho shows for a session, deck by deck.
    async fn show_decks(&mut self, id: SessionId) -> Result<(), StoryError> {
        let session = self.session(id).await?;
        let lines: Vec<String> = (1..)
            .zip(self.stage.standin.decks_of(id))
            .map(|(place, deck)| format!("{place}. {} (rev {})", deck.title, deck.rev))
            .collect();
        let lines = if lines.is_empty() { vec!["no decks".into()] } else { lines };
        Ok(self.teller.list(&format!("Meetecho now shows for {}:", name(id, session.as_ref())), &lines)?)
    }

    /// A session's room at Meetecho, and its link in the datatracker.
    async fn show_room(&mut self, id: SessionId) -> Result<(), StoryError> {
        let session = self.session(id).await?;
        let rooms = self.stage.standin.rooms();
        let mut lines: Vec<String> = rooms
            .iter()
            .map(|made| &made.room)
            .filter(|room| room.room_id == id.0)
            .map(|room| {
                format!(
                    "room {}: {} UTC, {} min, {}",
                    room.room_id,
                    room.start.format("%a %Y-%m-%d %H:%M"),
                    room.duration_min,
                    room.description
                )
            })
            .collect();
        if lines.is_empty() {
            lines.push("no room".into());
        }
        let link = session.as_ref().map_or("", |session| session.remote_instructions.as_str());
        lines.push(format!("link in the datatracker: {}", if link.is_empty() { "(blank)" } else { link }));
        Ok(self.teller.list(&format!("Meetecho now has for {}:", name(id, session.as_ref())), &lines)?)
    }

    /// Looks at both sides of one session, past all plans and records.
    async fn expect_in_step(&mut self, id: SessionId) -> Result<(), StoryError> {
        let found = match self.session(id).await? {
            Some(session) => check::of_session(&session, &Shown::by(&self.stage.standin), clock::now()),
            None => vec![format!("session {id} is not in the datatracker any more")],
        };
        Ok(self.teller.expect(found.is_empty(), &found.join("; "))?)
    }

    /// The session as the datatracker has it now.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoryError> {
        let look =
            Look { range: Range::OnlyNamed, named: BTreeSet::from([id]), must_exist: Scope::default() };
        let snapshot = self.stage.app.parts.datatracker.snapshot(&look).await?;
        Ok(snapshot.session(id).cloned())
    }

    /// Waits for a moment that a plan named. (Everything else the story waits for is something that the stand-in shows.)
    async fn until(&self, moment: DateTime<Utc>) {
        let left = (moment - clock::now()).to_std().unwrap_or_default();
        tokio::time::sleep(left).await;
    }
}

/// The command that carries out this plan and no other; a hash may be shortened.
fn approved(plan: &Plan) -> String {
    let hash: String = plan.hash.0.chars().take(12).collect();
    format!("meetsync resync --plan {hash}")
}

fn name(id: SessionId, session: Option<&Session>) -> String {
    session.map_or_else(|| format!("session {id}"), |session| format!("session {id} ({})", session.group))
}

//! The story of `meetsync demo`: what people do to a datatracker in a week, what meetsync makes of it, and what
//! Meetecho shows then.
//!
//! Only the edges are not the real thing (a throwaway database, a stand-in provider); between them runs the worker that
//! `meetsync run` starts, and now and then a command. Each scene says what happened, waits until a fact has come true
//! (at the stand-in, in the ledger, in a pass of the worker's; never a span of time), and then looks at the stand-in
//! itself, because a provider's "accepted" proves nothing. What does not come out as told is kept, and the last scene
//! compares both sides with a judge of its own ([`check`]).
//!
//! The scenes are in [`scenes`]; here is what they are made of.

mod check;
mod facts;
mod scenes;
mod stage;
mod teller;
mod wire;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub(crate) use self::scenes::tell;
pub(crate) use self::stage::{Stage, StoryError};
pub(crate) use self::teller::Teller;
pub(crate) use self::worker::Hired;
use crate::clock;
use crate::datatracker::{Look, Range};
use crate::demo::sample::scenes::Edit;
use crate::demo::standin::LogEntry;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Scope, Session, SessionId, Snapshot};
use crate::plan::{Ask, Style, plan_text};
use crate::provider::meetecho::Call;
use crate::reconcile::worker::Leave;
use crate::reconcile::{ReadRooms, read_world, results_text, resync, status, status_text};

/// A scene shows at most so many requests.
const SHOWN_REQUESTS: usize = 6;

/// Whatever the story waits for comes much sooner, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// How the story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both sides are the same, and every scene came out as told.
    InStep,
    Differs,
}

/// The end of a story.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) verdict: Verdict,
    /// The worker, still at work.
    pub(crate) worker: Hired,
}

/// The stage, the teller, and how far the stand-in's log has been told.
struct Story<'a, 'b> {
    stage: &'a Stage,
    teller: &'a mut Teller<'b>,
    /// Requests that were told, by their numbers.
    told_requests: BTreeSet<u64>,
    /// Requests about this session are told later.
    put_aside: Option<SessionId>,
    /// The newest edit was saved before this moment.
    edited_at: DateTime<Utc>,
}

impl<'a, 'b> Story<'a, 'b> {
    fn new(stage: &'a Stage, teller: &'a mut Teller<'b>) -> Self {
        let edited_at = clock::now();
        Self { stage, teller, told_requests: BTreeSet::new(), put_aside: None, edited_at }
    }

    /// Somebody changes something in the datatracker.
    async fn edit(&mut self, edit: &Edit) -> Result<(), StoryError> {
        self.teller.say(&format!("In the datatracker: {}.", edit.tells))?;
        self.save(edit).await
    }

    /// The same, without a word.
    async fn save(&mut self, edit: &Edit) -> Result<(), StoryError> {
        self.stage.edit(&edit.sql).await?;
        self.edited_at = clock::now();
        Ok(())
    }

    /// What `meetsync plan` does: reads both sides, prints, and changes nothing.
    async fn plan(&mut self) -> Result<(), StoryError> {
        let world = read_world(&self.stage.app.parts, Ask::default(), ReadRooms::Yes, clock::now()).await?;
        let plan = world.plan();
        self.teller.command("meetsync plan")?;
        let changed: BTreeSet<SessionId> = plan.changes.iter().map(|change| change.session).collect();
        let text = plan_text(&plan, &world.snapshot, self.teller.style());
        Ok(self.teller.plan(&text, changed.len())?)
    }

    /// What `meetsync push` does: one session's whole list now, through the same lease as the worker's steps.
    async fn push(&mut self, id: SessionId) -> Result<(), StoryError> {
        let scope = Scope { sessions: BTreeSet::from([id]), ..Scope::default() };
        let ask = Ask { scope, push: true, ..Ask::default() };
        let world = read_world(&self.stage.app.parts, ask, ReadRooms::No, clock::now()).await?;
        let plan = world.plan();
        self.teller.command(&format!("meetsync push {id}"))?;
        let style = Style { is_under_way: true, ..self.teller.style().clone() };
        self.teller.plan(&plan_text(&plan, &world.snapshot, &style), 1)?;
        let results =
            resync(&self.stage.app.parts, &self.ledger()?, &world, &plan, None, &Leave::default(), &|_| {})
                .await?;
        Ok(self.teller.printed(&results_text(&results))?)
    }

    /// What `meetsync status` says: its first sentence, and what it says under these headings.
    async fn status(&mut self, headings: &[&str]) -> Result<(), StoryError> {
        let settings = &self.stage.settings;
        let status = status(&self.ledger()?, settings.datatracker.poll, &settings.policy().slides).await?;
        let text = status_text(&status, self.teller.style());
        let mut parts = text.split("\n\n");
        let first = parts.next().unwrap_or_default();
        let others = parts.filter(|part| headings.iter().any(|heading| part.contains(heading)));
        let shown: Vec<&str> = std::iter::once(first).chain(others).collect();
        self.teller.command("meetsync status")?;
        Ok(self.teller.printed(&shown.join("\n\n"))?)
    }

    fn ledger(&self) -> Result<Ledger, StoryError> {
        Ok(self.stage.app.parts.ledger.clone().ok_or(LedgerError::NotMigrated)?)
    }

    /// What came in at the stand-in since this was last asked.
    fn wire(&mut self) -> Result<Vec<LogEntry>, StoryError> {
        let fresh = self.fresh();
        self.told_requests.extend(fresh.iter().map(|entry| entry.seq));
        self.teller.list("Sent to Meetecho:", &wire::lines(&fresh, SHOWN_REQUESTS))?;
        Ok(fresh)
    }

    /// What came in at the stand-in and was not told yet.
    fn fresh(&self) -> Vec<LogEntry> {
        let is_put_aside = |entry: &LogEntry| self.put_aside.is_some() && entry.session() == self.put_aside;
        let log = self.stage.standin.log().into_iter();
        log.filter(|entry| !self.told_requests.contains(&entry.seq) && !is_put_aside(entry)).collect()
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

    /// The session as the datatracker has it now.
    async fn session(&self, id: SessionId) -> Result<Option<Session>, StoryError> {
        let look = Look { range: Range::OnlyNamed, named: BTreeSet::from([id]), ..Look::default() };
        let snapshot = self.stage.app.parts.datatracker.snapshot(&look).await?;
        Ok(snapshot.session(id).cloned())
    }

    async fn everything(&self) -> Result<Snapshot, StoryError> {
        let look = Look { range: Range::Everything, named: [].into(), ..Look::default() };
        Ok(self.stage.app.parts.datatracker.snapshot(&look).await?)
    }
}

/// Tells each request as it comes, until the caller has enough of it: for a person who plays the chair.
pub(crate) async fn follow(stage: &Stage, teller: &mut Teller<'_>) -> Result<(), StoryError> {
    let mut told: BTreeSet<u64> = stage.standin.log().iter().map(|entry| entry.seq).collect();
    loop {
        let is_new = |entry: &LogEntry| !told.contains(&entry.seq) && entry.status.is_some();
        stage.standin.until(|standin| standin.log().iter().any(is_new)).await;
        let fresh: Vec<LogEntry> = stage.standin.log().into_iter().filter(is_new).collect();
        for entry in fresh {
            if entry.call.is_some_and(Call::is_write) {
                teller.say(&format!("{} UTC  {}", clock::now().format("%H:%M:%S"), wire::line(&entry)))?;
            }
            told.insert(entry.seq);
        }
    }
}

fn name(id: SessionId, session: Option<&Session>) -> String {
    session.map_or_else(|| format!("session {id}"), |session| format!("session {id} ({})", session.group))
}

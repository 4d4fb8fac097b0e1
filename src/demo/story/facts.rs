//! What the story waits for: facts, looked at again after each pass of the worker, and for so long at most.

use chrono::{DateTime, Utc};

use super::check::{self, Shown};
use super::{PATIENCE, Story, StoryError};
use crate::clock;
use crate::demo::standin::{Failure, LogEntry};
use crate::model::{SessionId, Why};
use crate::reconcile::worker::PassReport;

impl Story<'_, '_> {
    /// Waits until `missing` finds nothing missing any more. What it found last is told, should that never be.
    pub(super) async fn until(
        &self,
        mut missing: impl AsyncFnMut() -> Result<Option<String>, StoryError>,
    ) -> Result<(), StoryError> {
        let mut passes = self.stage.passes.subscribe();
        let mut last = String::new();
        let waiting = async {
            loop {
                passes.mark_unchanged();
                match missing().await? {
                    None => return Ok(()),
                    Some(words) => last = words,
                }
                // The sender is the stage's, so this can't fail.
                passes.changed().await.ok();
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(ended) => ended,
            Err(_) => Err(StoryError::NeverCame { what: last, patience: PATIENCE }),
        }
    }

    /// Waits for a pass that read the datatracker after the newest edit, and is as asked for.
    pub(super) async fn until_pass(
        &self,
        what: &str,
        holds: impl Fn(&PassReport) -> bool,
    ) -> Result<(), StoryError> {
        self.until(async || Ok((!self.pass_is(&holds)).then(|| what.to_owned()))).await
    }

    /// Waits until Meetecho shows what the datatracker says of these sessions, and the worker owes them nothing more.
    pub(super) async fn until_in_step(&self, ids: &[SessionId]) -> Result<(), StoryError> {
        self.until(async || {
            let mut found = Vec::new();
            for id in ids {
                if let Some(session) = self.session(*id).await? {
                    found.extend(check::of_session(&session, &Shown::by(&self.stage.standin), clock::now()));
                }
            }
            if !found.is_empty() {
                return Ok(Some(format!("both sides alike; {}", found.join("; "))));
            }
            let is_owed = !self.pass_is(&|pass: &PassReport| ids.iter().all(|id| !owes(pass, *id)));
            Ok(is_owed.then(|| "a pass that owes nothing more".to_owned()))
        })
        .await
    }

    /// Waits until Meetecho shows what the datatracker says of a session, whatever is still owed.
    pub(super) async fn until_shown(&self, id: SessionId) -> Result<(), StoryError> {
        self.until(async || {
            let session = self.session(id).await?;
            let found = session
                .map(|session| check::of_session(&session, &Shown::by(&self.stage.standin), clock::now()));
            let found = found.unwrap_or_default();
            Ok((!found.is_empty()).then(|| format!("both sides alike; {}", found.join("; "))))
        })
        .await
    }

    /// Waits for a pass that owes nothing to anybody.
    pub(super) async fn until_nothing_is_owed(&self) -> Result<(), StoryError> {
        let is_calm = |pass: &PassReport| {
            pass.plan.changes.is_empty() && !pass.plan.waits.iter().any(|wait| is_debt(wait.reason))
        };
        self.until_pass("a pass that owes nothing to anybody", is_calm).await
    }

    /// Waits until a request that goes wrong in this way has come in at the stand-in.
    pub(super) async fn until_it_fails(&self, failure: &Failure) -> Result<(), StoryError> {
        let has_come = |entry: &LogEntry| entry.failure.as_ref() == Some(failure);
        let arrived = async || Ok((!self.fresh().iter().any(has_come)).then(|| "the request".to_owned()));
        self.until(arrived).await
    }

    /// Whether the newest pass that knows of the newest edit is like this.
    fn pass_is(&self, holds: &impl Fn(&PassReport) -> bool) -> bool {
        let after = self.edited_at;
        let is_newer = |pass: &PassReport, than: DateTime<Utc>| pass.is_complete && pass.as_of > than;
        self.stage.passes.borrow().as_ref().is_some_and(|pass| is_newer(pass, after) && holds(pass))
    }
}

/// Whether something is still to be done about this session, as a pass saw it.
fn owes(pass: &PassReport, id: SessionId) -> bool {
    pass.plan.changes.iter().any(|change| change.session == id)
        || pass.plan.waits.iter().any(|wait| wait.session == id && is_debt(wait.reason))
}

fn is_debt(reason: Why) -> bool {
    matches!(reason, Why::InDoubtConfirming | Why::Settling)
}

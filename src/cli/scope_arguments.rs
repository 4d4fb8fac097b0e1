//! The choice of sessions, as most commands take it: what may be typed, and the [`Scope`] that it means.

use std::collections::BTreeSet;

use clap::Args;

use super::CliError;
use super::session_argument::SessionArgument;
use super::which::{id_among, ids_of};
use crate::model::{GroupAcronym, KindFilter, MeetingNumber, Scope, SessionId, Snapshot};
use crate::settings::Settings;

/// Where help lists the choice of sessions.
const WHICH: &str = "Which sessions (several of one kind: or; different kinds: and)";

/// Which sessions. Several of one kind mean "or", different kinds mean "and"; none means all.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WhichArgs {
    /// A session: its id, or the URL of its page or room, or of its group's page at a meeting
    #[arg(long = "session", value_name = "ID", help_heading = WHICH)]
    pub(crate) sessions: Vec<SessionArgument>,
    /// All sessions of a group, by its acronym
    #[arg(long = "group", value_name = "ACRONYM", help_heading = WHICH)]
    pub(crate) groups: Vec<String>,
    /// All sessions of a meeting, by its number: 127, or interim-2026-mars-01
    #[arg(long = "meeting", value_name = "NUMBER", help_heading = WHICH)]
    pub(crate) meetings: Vec<String>,
}

impl WhichArgs {
    /// Whether nothing is named, neither here nor without `--session`.
    pub(crate) fn names_nothing(&self, bare: &[SessionArgument]) -> bool {
        let is_empty = self.sessions.is_empty() && self.groups.is_empty() && self.meetings.is_empty();
        is_empty && bare.is_empty()
    }

    /// The scope with sessions that were named without `--session`. The datatracker is asked where it must be.
    pub(crate) async fn scope(
        &self,
        bare: &[SessionArgument],
        settings: &Settings,
    ) -> Result<Scope, CliError> {
        Ok(self.scope_of(ids_of(settings, self.sessions.iter().chain(bare)).await?))
    }

    fn scope_of(&self, sessions: BTreeSet<SessionId>) -> Scope {
        Scope {
            sessions,
            groups: self.groups.iter().map(GroupAcronym::new).collect::<BTreeSet<_>>(),
            meetings: self.meetings.iter().map(MeetingNumber::new).collect(),
            kinds: KindFilter::Both,
        }
    }
}

/// Which sessions, and what of them.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ScopeArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// Slides only, no rooms
    #[arg(long, conflicts_with = "rooms_only", help_heading = WHICH)]
    pub(crate) slides_only: bool,
    /// Rooms only, no slides
    #[arg(long, help_heading = WHICH)]
    pub(crate) rooms_only: bool,
}

impl ScopeArgs {
    /// Whether no session, group or meeting is named, neither here nor without `--session`.
    pub(crate) fn names_nothing(&self, bare: &[SessionArgument]) -> bool {
        self.which.names_nothing(bare)
    }

    /// The datatracker is asked where it must be: see [`SessionArgument::AtMeeting`].
    pub(crate) async fn scope(&self, settings: &Settings) -> Result<Scope, CliError> {
        self.scope_with(&[], settings).await
    }

    /// The scope with sessions that were named without `--session`.
    pub(crate) async fn scope_with(
        &self,
        bare: &[SessionArgument],
        settings: &Settings,
    ) -> Result<Scope, CliError> {
        Ok(Scope { kinds: self.kinds(), ..self.which.scope(bare, settings).await? })
    }

    /// The scope among these sessions, and no others.
    pub(crate) fn scope_among(&self, snapshot: &Snapshot) -> Result<Scope, CliError> {
        let ids = self.which.sessions.iter().map(|argument| id_among(snapshot, argument));
        Ok(Scope { kinds: self.kinds(), ..self.which.scope_of(ids.collect::<Result<_, _>>()?) })
    }

    fn kinds(&self) -> KindFilter {
        match (self.slides_only, self.rooms_only) {
            (true, _) => KindFilter::SlidesOnly,
            (_, true) => KindFilter::RoomsOnly,
            _ => KindFilter::Both,
        }
    }
}

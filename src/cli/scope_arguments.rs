//! The choice of sessions, as most commands take it: what may be typed, and the [`Scope`] that it means.

use std::collections::BTreeSet;

use clap::Args;

use super::session_argument::SessionArgument;
use crate::model::{GroupAcronym, KindFilter, MeetingNumber, Scope};

/// Where help lists the choice of sessions.
const WHICH: &str = "Which sessions (several of one kind: or; different kinds: and)";

/// Which sessions. Several of one kind mean "or", different kinds mean "and"; none means all.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WhichArgs {
    /// A session: its id, or the URL of its page or room
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
    /// The scope with sessions that were named without `--session`.
    pub(crate) fn scope_with(&self, bare: &[SessionArgument]) -> Scope {
        Scope {
            sessions: self.sessions.iter().chain(bare).map(|argument| argument.0).collect(),
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
    pub(crate) fn scope(&self) -> Scope {
        self.scope_with(&[])
    }

    /// The scope with sessions that were named without `--session`.
    pub(crate) fn scope_with(&self, bare: &[SessionArgument]) -> Scope {
        let kinds = match (self.slides_only, self.rooms_only) {
            (true, _) => KindFilter::SlidesOnly,
            (_, true) => KindFilter::RoomsOnly,
            _ => KindFilter::Both,
        };
        Scope { kinds, ..self.which.scope_with(bare) }
    }
}

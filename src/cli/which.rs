//! A choice of sessions that contradicts itself: a session is named, and the rest of the choice leaves it out.
//!
//! Different kinds mean "and". Whoever names a session means it, so that nothing is done about it without a word would be
//! a trap.

use super::CliError;
use crate::model::{Scope, Session, Snapshot};

/// Refuses a choice that names sessions and leaves them out.
///
/// # Errors
/// `CliError::Usage`, with the first such session and what it is of.
pub(super) fn refuse_excluded(scope: &Scope, snapshot: &Snapshot) -> Result<(), CliError> {
    let is_left_out = |session: &&Session| scope.sessions.contains(&session.id) && !scope.includes(session);
    let Some(session) = snapshot.sessions.iter().find(is_left_out) else { return Ok(()) };
    let (kind, named) = if scope.groups.is_empty() || scope.groups.contains(&session.group) {
        ("--meeting", scope.meetings.iter().map(ToString::to_string).collect::<Vec<_>>())
    } else {
        ("--group", scope.groups.iter().map(ToString::to_string).collect())
    };
    Err(CliError::Usage(format!(
        "session {} is of group {} and meeting {}, so {kind} {} leaves it out (different kinds mean \"and\"), and nothing \
         was done; leave out {kind}, or the session",
        session.id,
        session.group,
        session.meeting,
        named.join(&format!(" {kind} "))
    )))
}

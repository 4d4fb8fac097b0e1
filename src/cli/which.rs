//! Choices of sessions that can't be meant: one that names a session and leaves it out, and a `[scope]` whose names nobody
//! bears. Both would be traps if nothing was done, and nothing said.

use super::CliError;
use crate::datatracker::{Datatracker, Look, ReadError};
use crate::model::{KindFilter, Scope, Session, Snapshot};
use crate::settings::Settings;

/// Refuses a choice that names sessions and leaves them out: different kinds mean "and", but whoever names a session means
/// it.
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

/// The names in `scope.groups` and `scope.meetings` that the datatracker does not have, in a sentence.
///
/// # Errors
/// The datatracker could not be asked, so nothing is known.
pub(super) async fn unknown_in_scope(
    datatracker: &Datatracker,
    settings: &Settings,
) -> Result<Option<String>, ReadError> {
    let scope = &settings.scope;
    let must_exist = Scope {
        sessions: std::collections::BTreeSet::new(),
        groups: scope.groups.clone(),
        meetings: scope.meetings.clone(),
        kinds: KindFilter::Both,
    };
    if must_exist.is_everything() {
        return Ok(None);
    }
    let look = Look { must_exist, ..Look::default() };
    match datatracker.snapshot(&look).await {
        Ok(_) => Ok(None),
        Err(ReadError::Unknown(names)) => Ok(Some(format!(
            "the datatracker has {names}: scope.groups or scope.meetings names it, and nothing is done for it"
        ))),
        Err(error) => Err(error),
    }
}

//! Which sessions are meant. The page of a group's sessions at a meeting stands for one of them, which the datatracker
//! knows. And choices that can't be meant: one that names a session and leaves it out, and a `[scope]` whose names nobody
//! bears. Both would be traps if nothing was done, and nothing said.

use std::collections::BTreeSet;

use super::CliError;
use super::session_argument::SessionArgument;
use crate::app;
use crate::database::chain;
use crate::datatracker::{Datatracker, Look, Range, ReadError};
use crate::desired::LOOK_BACK;
use crate::model::{GroupAcronym, KindFilter, MeetingNumber, Scope, Session, SessionId, Snapshot};
use crate::settings::Settings;

/// The ids of sessions that are named. Nobody is asked where all are named by their ids.
///
/// # Errors
/// A page that stands for no session, or for several; a datatracker that can't be asked.
pub(super) async fn ids_of<'a>(
    settings: &Settings,
    named: impl IntoIterator<Item = &'a SessionArgument>,
) -> Result<BTreeSet<SessionId>, CliError> {
    let mut ids = BTreeSet::new();
    let mut pages = Vec::new();
    for argument in named {
        match argument {
            SessionArgument::Id(id) => {
                ids.insert(*id);
            }
            SessionArgument::AtMeeting(meeting, group) => pages.push((meeting, group)),
        }
    }
    if !pages.is_empty() {
        let snapshot = read_pages(settings, &pages).await?;
        for (meeting, group) in pages {
            ids.insert(only_one(meeting, group, &snapshot)?);
        }
    }
    Ok(ids)
}

/// The id of one that is named.
///
/// # Errors
/// As of [`ids_of`].
pub(super) async fn id_of(settings: &Settings, named: &SessionArgument) -> Result<SessionId, CliError> {
    match named {
        SessionArgument::Id(id) => Ok(*id),
        SessionArgument::AtMeeting(meeting, group) => {
            only_one(meeting, group, &read_pages(settings, &[(meeting, group)]).await?)
        }
    }
}

/// The same among sessions that were read.
pub(super) fn id_among(snapshot: &Snapshot, named: &SessionArgument) -> Result<SessionId, CliError> {
    match named {
        SessionArgument::Id(id) => Ok(*id),
        SessionArgument::AtMeeting(meeting, group) => only_one(meeting, group, snapshot),
    }
}

async fn read_pages(
    settings: &Settings,
    pages: &[(&MeetingNumber, &GroupAcronym)],
) -> Result<Snapshot, CliError> {
    let range = Range::Around { back: LOOK_BACK, ahead: settings.policy().rooms.horizon };
    let must_exist = Scope {
        meetings: pages.iter().map(|(meeting, _)| (*meeting).clone()).collect(),
        groups: pages.iter().map(|(_, group)| (*group).clone()).collect(),
        ..Scope::default()
    };
    let look = Look { range, must_exist, ..Look::default() };
    let cannot = |words: &str| {
        let pages: Vec<String> =
            pages.iter().map(|(meeting, group)| format!("group {group} at meeting {meeting}")).collect();
        CliError::Other(format!(
            "only the datatracker knows which session of {} is meant, and it can't be asked just now; name the session by its \
             id: {words}",
            pages.join(" and of ")
        ))
    };
    match app::datatracker(settings)?.snapshot(&look).await {
        Ok(snapshot) if snapshot.complete => Ok(snapshot),
        Ok(_) => Err(cannot("the read was not complete")),
        Err(error @ ReadError::Unknown(_)) => Err(error.into()),
        Err(error) => Err(cannot(&chain(&error))),
    }
}

/// The page of a group's sessions at a meeting stands for the session, where there is one.
pub(super) fn only_one(
    meeting: &MeetingNumber,
    group: &GroupAcronym,
    snapshot: &Snapshot,
) -> Result<SessionId, CliError> {
    let is_meant = |session: &&Session| {
        session.group == *group && session.meeting == *meeting && session.tombstone_for.is_none()
    };
    let ids: Vec<SessionId> = snapshot.sessions.iter().filter(is_meant).map(|session| session.id).collect();
    match ids.as_slice() {
        [] => Err(CliError::Other(format!(
            "no session of group {group} at meeting {meeting} is scheduled from yesterday on; name one by its id"
        ))),
        [one] => Ok(*one),
        several => Err(CliError::Usage(format!(
            "group {group} has {} sessions at meeting {meeting}: {}; name one of them by its id",
            several.len(),
            several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ))),
    }
}

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
        sessions: BTreeSet::new(),
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

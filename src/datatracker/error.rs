//! Why nothing was read, or not written, in words for the person who has to do something about it.

use crate::database::DatabaseError;
use crate::model::{GroupAcronym, MeetingNumber, SessionId};

use super::column_report::ColumnReport;
use super::schema::SchemaError;

/// Why there is no snapshot. None of these may be taken for "there are no sessions".
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the datatracker has {0}")]
    Unknown(UnknownNames),
    #[error(
        "the datatracker's table meeting_meeting is empty, so this reading is not believed; does \
         `datatracker.database_url` name the right database?"
    )]
    Empty,
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("the datatracker's tables can't be read: {0}")]
    Columns(Box<ColumnReport>),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Why a link was not written. The row is as it was, unless the connection was lost while the answer was awaited.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(
        "the link of session {session} can't be written: {length} characters, and the datatracker keeps at most 1024"
    )]
    TooLong { session: SessionId, length: usize },
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Names that were asked for and are not in the datatracker, in the order in which they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnknownNames {
    pub sessions: Vec<SessionId>,
    pub groups: Vec<GroupAcronym>,
    pub meetings: Vec<MeetingNumber>,
}

impl UnknownNames {
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.groups.is_empty() && self.meetings.is_empty()
    }
}

impl std::fmt::Display for UnknownNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sessions = self.sessions.iter().map(|id| format!("no session {id}"));
        let groups = self.groups.iter().map(|acronym| format!("no group `{acronym}`"));
        let meetings = self.meetings.iter().map(|number| format!("no meeting `{number}`"));
        f.write_str(&sessions.chain(groups).chain(meetings).collect::<Vec<_>>().join(", "))
    }
}

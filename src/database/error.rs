//! What may go wrong between us and a database.
//!
//! A URL never appears here, nor a password: only host, database and role.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error};

/// A failure in one sentence: what, where, and the way on.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("`{setting}` is not a usable PostgreSQL URL: {reason}; expected postgres://USER@HOST/DATABASE")]
    BadUrl { setting: String, reason: String },
    #[error("{what} can't be reached at {target}; see that it runs and that `{setting}` is right")]
    Unreachable {
        what: String,
        target: String,
        setting: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{what} refused the log-in at {target} ({said}); see the user and password in `{setting}`")]
    LoginRejected { what: String, target: String, setting: String, said: String },
    #[error("{what} does not exist at {target}; see the database's name in `{setting}`")]
    NoSuchDatabase { what: String, target: String, setting: String },
    #[error("{what} can't be reached over TLS at {target}; see `{setting}`")]
    Tls { what: String, target: String, setting: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("`{setting}` names {}, which can't be used: {reason}; expected a file of certificates (PEM)", file.display())]
    BadCertificates { setting: String, file: PathBuf, reason: String },
    #[error(
        "`{setting}` is verify-full, but the system's trusted certificates can't be read; name a file in `{setting}_ca_file`"
    )]
    NoSystemCertificates { setting: String, source: rustls::Error },
    #[error("{what} takes no more connections at {target} ({said}); try again, or raise its max_connections")]
    TooManyConnections { what: String, target: String, said: String },
    #[error(
        "{what} gave no connection within {seconds} s: all {connections} of ours are in use, or it hangs; try again"
    )]
    Busy { what: String, seconds: u64, connections: usize },
    #[error("{what} does not permit {doing} ({said}); `meetsync grants ROLE` prints what the role needs")]
    PermissionDenied { what: String, doing: String, said: String },
    #[error(
        "{what} lacks a table or column that is needed for {doing} ({said}); `meetsync check` names all that are missing"
    )]
    Missing { what: String, doing: String, said: String },
    #[error("{what} took too long at {doing} ({said}); try again when it has less to do")]
    TimedOut { what: String, doing: String, said: String },
    #[error("the connection to {what} broke while {doing} ({said}); try again")]
    Broken { what: String, doing: String, said: String },
    #[error(
        "{what} gave up {doing}, since somebody else changed the same at that moment ({said}); try again"
    )]
    Conflict { what: String, doing: String, said: String },
    #[error("a table of {what} was changed under the statement for {doing}; try again")]
    Outdated { what: String, doing: String },
    #[error(
        "{what} can't be listened to on channel {channel} ({said}); its changes are only seen at the next poll"
    )]
    CannotListen { what: String, channel: String, said: String },
    #[error("{what} failed at {doing}")]
    Query { what: String, doing: String, source: Error },
}

impl DatabaseError {
    /// What a failed statement means. `doing` reads well after "failed at": `reading the sessions`.
    ///
    /// diesel keeps no SQLSTATE, so the server's words decide; a server that speaks another language than English
    /// gives [`DatabaseError::Query`], with its words as the source.
    pub fn from_diesel(what: &str, doing: &str, error: Error) -> Self {
        let (what, doing) = (what.to_owned(), doing.to_owned());
        let said = match &error {
            Error::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                info,
            ) => {
                return Self::Broken { what, doing, said: info.message().to_owned() };
            }
            Error::DatabaseError(_, info) => info.message().to_owned(),
            _ => return Self::Query { what, doing, source: error },
        };
        if matches!(&error, Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _))
            || said == "deadlock detected"
        {
            Self::Conflict { what, doing, said }
        } else if said.starts_with("permission denied") || said.starts_with("must be owner") {
            Self::PermissionDenied { what, doing, said }
        } else if said.ends_with("does not exist")
            && (said.starts_with("relation") || said.starts_with("column"))
        {
            Self::Missing { what, doing, said }
        } else if said.starts_with("canceling statement due to") {
            Self::TimedOut { what, doing, said }
        } else if said.starts_with("terminating connection") {
            Self::Broken { what, doing, said }
        } else if said == "cached plan must not change result type" {
            Self::Outdated { what, doing }
        } else {
            Self::Query { what, doing, source: error }
        }
    }

    /// Whether a standby ended the statement, or its connection, because the rows that it read were cleaned up on the
    /// primary. The next attempt reads newer ones.
    pub fn is_recovery_conflict(&self) -> bool {
        match self {
            Self::TimedOut { said, .. } | Self::Broken { said, .. } | Self::Conflict { said, .. } => {
                said.contains("conflict with recovery")
            }
            _ => false,
        }
    }

    /// Whether the same attempt may well succeed in a moment. After [`DatabaseError::Outdated`] it needs another
    /// connection: [`super::Database::start_afresh`].
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::TooManyConnections { .. }
                | Self::Busy { .. }
                | Self::TimedOut { .. }
                | Self::Broken { .. }
                | Self::Conflict { .. }
                | Self::Outdated { .. }
        )
    }
}

/// An error with all of its causes in one line: no `Display` of ours repeats its source.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

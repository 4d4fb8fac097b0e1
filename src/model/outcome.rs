//! What became of a request. A timeout is `InDoubt`, and nothing may treat that as yes or no.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Why;

/// The callee classifies, one place acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The provider said that it took it.
    Applied(T),
    /// Provably not processed: the same request may be made again, after this long if the provider said so.
    Retry { after: Option<Duration>, fault: Fault },
    /// The provider said no; the same request will get the same answer.
    Refused(Fault),
    /// Sent, and no usable answer: it may have taken effect, may do so later, or not at all.
    InDoubt(Fault),
}

/// What went wrong, as a code and in words for the person who reads it. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{words}")]
pub struct Fault {
    pub why: Why,
    pub words: String,
}

impl Fault {
    pub fn new(why: Why, words: impl Into<String>) -> Self {
        Self { why, words: words.into() }
    }
}

impl<T> Outcome<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Applied(value) => Outcome::Applied(change(value)),
            Self::Retry { after, fault } => Outcome::Retry { after, fault },
            Self::Refused(fault) => Outcome::Refused(fault),
            Self::InDoubt(fault) => Outcome::InDoubt(fault),
        }
    }

    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Applied(_) => None,
            Self::Retry { fault, .. } | Self::Refused(fault) | Self::InDoubt(fault) => Some(fault),
        }
    }

    /// One word for logs and the ledger.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Applied(_) => "applied",
            Self::Retry { .. } => "retry",
            Self::Refused(_) => "refused",
            Self::InDoubt(_) => "in_doubt",
        }
    }
}

impl<T> fmt::Display for Outcome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault() {
            None => f.write_str(self.word()),
            Some(fault) => write!(f, "{}: {fault}", self.word()),
        }
    }
}

//! What became of each subject of a plan, for people, scripts and the exit status.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::acted::{Acted, StepOutcome};
use crate::ledger::StepEnd;
use crate::model::SubjectKey;

mod text;

pub use text::results_text;

/// One subject's result, as `resync --json` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectResult {
    pub subject: SubjectKey,
    pub outcome: SubjectOutcome,
    pub requests: usize,
    pub error: Option<String>,
    /// A confirming send is owed at this moment: the worker or a later resync makes it.
    pub confirm_owed: Option<DateTime<Utc>>,
}

/// What became of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectOutcome {
    Applied,
    Failed,
    /// By the provider, or by a guard.
    Refused,
    InDoubt,
    /// Somebody else had done it.
    InStep,
    /// Logged instead of sent.
    Rehearsed,
}

impl SubjectResult {
    pub(super) fn of(subject: SubjectKey, acted: &Acted, is_rehearsal: bool) -> Self {
        let outcome = match acted.outcome {
            StepOutcome::Applied if is_rehearsal => SubjectOutcome::Rehearsed,
            StepOutcome::Applied => SubjectOutcome::Applied,
            StepOutcome::InStep => SubjectOutcome::InStep,
            StepOutcome::Retry => SubjectOutcome::Failed,
            StepOutcome::Refused => SubjectOutcome::Refused,
            StepOutcome::InDoubt => SubjectOutcome::InDoubt,
        };
        Self {
            subject,
            outcome,
            requests: acted.requests,
            error: acted.fault.as_ref().map(|fault| format!("{}: {}", fault.why, fault.words)),
            confirm_owed: confirm_owed(&acted.end),
        }
    }

    /// What was in doubt turned out as it should be.
    pub(crate) fn in_step(subject: SubjectKey, requests: usize) -> Self {
        Self { subject, outcome: SubjectOutcome::InStep, requests, error: None, confirm_owed: None }
    }
}

fn confirm_owed(end: &StepEnd) -> Option<DateTime<Utc>> {
    match end {
        StepEnd::DecksAccepted { confirming, .. }
        | StepEnd::RoomIs { confirming, .. }
        | StepEnd::RoomGone { confirming, .. } => confirming.map(|owed| owed.at),
        _ => None,
    }
}

//! What a pass found, as it is kept in the ledger for people: `status` reads it there, and so says of sessions what the
//! planner said, and not what the rows alone would make one think.
//!
//! It is written with every pass, so it holds no more than a person can use.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::world::World;
use crate::model::{Kind, Mode, Remembered, SessionId, Why};
use crate::plan::{Plan, Refusal, Summary, Wait};

/// So many different matters, and so many waits, are kept.
const MOST: usize = 100;

/// The plan in numbers, and what of it is not in the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassSummary {
    #[serde(flatten)]
    pub sums: Summary,
    /// Of the worker whose pass it was.
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    pub in_step_sessions: Option<BTreeSet<SessionId>>,
    /// What was refused, and is not so by the settings.
    #[serde(default)]
    pub needs_a_person: Vec<Need>,
    /// Of subjects of which something is open.
    #[serde(default)]
    pub waits: Vec<Wait>,
}

/// Something that only a person can put right; what is alike is told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Null where the provider said no, and why is in its words.
    pub rule: Option<Why>,
    /// Null where it is about no subject.
    pub kind: Option<Kind>,
    pub sessions: BTreeSet<SessionId>,
    pub detail: String,
    /// The exact command or setting that goes on.
    pub way_on: String,
}

impl PassSummary {
    pub(super) fn of(plan: &Plan, world: &World) -> Self {
        let is_open = |row: &Remembered| {
            row.timing.burst.is_some() || row.doubt_since.is_some() || row.last_error.is_some()
        };
        // What this very pass saw first has no row yet.
        let is_new = |wait: &Wait| wait.reason == Why::Settling;
        let open = plan
            .waits
            .iter()
            .filter(|wait| is_new(wait) || world.ledger.get(wait.subject).is_some_and(is_open));
        Self {
            sums: plan.summary,
            mode: Some(world.policy.scope.mode),
            in_step_sessions: Some(plan.in_step.clone()),
            needs_a_person: needs_of(&plan.refusals),
            waits: open.take(MOST).cloned().collect(),
        }
    }
}

fn needs_of(refusals: &[Refusal]) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for refusal in refusals.iter().filter(|refusal| !refusal.rule.is_as_set()) {
        let Refusal { subject, session, rule, detail, way_on, .. } = refusal;
        let kind = subject.map(|subject| subject.kind);
        let is_same = |need: &&mut Need| {
            need.rule == Some(*rule) && need.kind == kind && need.detail == *detail && need.way_on == *way_on
        };
        if let Some(need) = needs.iter_mut().find(is_same) {
            need.sessions.extend(session);
        } else if needs.len() < MOST {
            needs.push(Need {
                rule: Some(*rule),
                kind,
                sessions: session.iter().copied().collect(),
                detail: detail.clone(),
                way_on: way_on.clone(),
            });
        }
    }
    needs
}

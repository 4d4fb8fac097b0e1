//! An export: all that a plan is made from, in one file. For a rehearsal elsewhere, or a bug report.
//!
//! It holds no secret and no person's words: a link that is not ours becomes `other:` and eight digits of its hash,
//! and errors of the past stay in the ledger, as do who set a hold and why. `plan --from` makes the same plan from it, by the same code.

use serde::{Deserialize, Serialize};

use super::world::World;
use crate::model::{Hold, LedgerView, Policy, RoomsSeen, Scope, Snapshot};
use crate::plan::{Ask, Known, sanitised};

/// The version that is written into every export, and the only one that is read.
pub const EXPORT_VERSION: u32 = 1;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    pub version: u32,
    pub snapshot: Snapshot,
    pub ledger: LedgerView,
    pub rooms_seen: RoomsSeen,
    pub policy: Policy,
    pub scope: Scope,
}

/// The file is not an export that this release reads.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(
        "{file} is not an export of meetsync (line {line}, column {column}); make one with: meetsync export FILE"
    )]
    NotAnExport { file: String, line: usize, column: usize },
    #[error(
        "{file} is an export of version {found}, and this release reads version {EXPORT_VERSION}; export it again"
    )]
    OtherVersion { file: String, found: u64 },
}

impl Export {
    pub fn of(world: &World) -> Self {
        let mut snapshot = world.snapshot.clone();
        snapshot.sessions.retain(|session| world.ask.scope.includes(session));
        for session in &mut snapshot.sessions {
            let link = Known::of(&world.inputs(), session).link;
            session.remote_instructions =
                sanitised(&session.remote_instructions, link, &world.policy.rooms.link_prefix);
        }
        let mut ledger = world.ledger.clone();
        if !world.ask.scope.is_everything() {
            ledger.subjects.retain(|key, _| snapshot.session(key.session).is_some());
        }
        for row in ledger.subjects.values_mut() {
            row.last_error = None;
        }
        for hold in ledger.holds.values_mut().chain(&mut ledger.hold_all) {
            *hold = Hold { until: hold.until, by: String::new(), reason: String::new() };
        }
        Self {
            version: EXPORT_VERSION,
            snapshot,
            ledger,
            rooms_seen: world.rooms.clone(),
            policy: world.policy.clone(),
            scope: world.ask.scope.clone(),
        }
    }

    /// Reads a file's text; `file` is its name, for errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, ExportError> {
        let not_an_export = |error: serde_json::Error| ExportError::NotAnExport {
            file: file.to_owned(),
            line: error.line(),
            column: error.column(),
        };
        let value: serde_json::Value = serde_json::from_str(text).map_err(not_an_export)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found != u64::from(EXPORT_VERSION) => {
                Err(ExportError::OtherVersion { file: file.to_owned(), found })
            }
            _ => serde_json::from_value(value).map_err(not_an_export),
        }
    }

    /// The world as it was exported. A scope that is given narrows it.
    pub fn into_world(self, scope: Scope) -> World {
        let scope = if scope == Scope::default() { self.scope } else { scope };
        let ask = Ask { scope, ..Ask::default() };
        World::of(self.snapshot, self.ledger, self.rooms_seen, self.policy, ask)
    }
}

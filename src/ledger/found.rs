//! What was last seen of rooms at the provider and is not as it should be, group by group: for people only, who ask
//! another process than the one that looked. Nothing is decided by it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Jsonb, Text, Timestamptz};
use diesel_async::RunQueryDsl as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Ledger;
use super::error::LedgerError;
use super::rows::json;
use super::statement::Statement;
use super::transaction::{ReadOnly, in_time};
use crate::model::{GroupAcronym, SessionId};

/// A room that nobody corrects by himself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RoomFinding {
    /// Null where it is the room of no session that was looked at.
    pub session: Option<SessionId>,
    pub room_id: i64,
    /// As `meetsync rooms` calls it.
    pub state: String,
    /// Null where the room is missing.
    pub url: Option<String>,
    /// What is wrong with it, in words.
    pub words: String,
}

/// One group's rooms, as they were last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomsFound {
    pub group: GroupAcronym,
    /// By the ledger's clock.
    pub looked_at: DateTime<Utc>,
    pub who: String,
    pub findings: Vec<RoomFinding>,
}

#[derive(QueryableByName)]
struct FoundColumns {
    #[diesel(sql_type = Text)]
    grp: String,
    #[diesel(sql_type = Timestamptz)]
    looked_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    who: String,
    #[diesel(sql_type = Jsonb)]
    findings: Value,
}

/// All in one order, so that of two who write the same groups each comes to its end.
const RECORD_FOUND: &str = "\
    INSERT INTO meetsync.rooms_found AS f (grp, looked_at, who, findings)
    SELECT n.grp, clock_timestamp(), ?, n.findings FROM unnest(?, ?) AS n (grp, findings) ORDER BY n.grp
    ON CONFLICT (grp) DO UPDATE SET looked_at = excluded.looked_at, who = excluded.who, findings = excluded.findings";
/// A group that was not looked at for so long has no session any more that asks for a room.
const FOUND: &str = "\
    SELECT f.grp, f.looked_at, f.who, f.findings FROM meetsync.rooms_found AS f
    WHERE f.findings <> '[]' AND f.looked_at > clock_timestamp() - interval '7 days' ORDER BY f.grp";

impl Ledger {
    /// Writes down what was found in these groups' rooms, in place of what was found before, in one statement. A rehearsal
    /// does not.
    pub async fn record_found(
        &self,
        who: &str,
        found: &BTreeMap<GroupAcronym, Vec<RoomFinding>>,
    ) -> Result<(), LedgerError> {
        if found.is_empty() {
            return Ok(());
        }
        let findings = found.values().map(json).collect::<Vec<_>>();
        let statement = Statement::new(RECORD_FOUND)
            .with(who)
            .with(found.keys().map(|group| group.as_str().to_owned()).collect::<Vec<_>>())
            .with(findings);
        self.write(&statement, "writing down what was found in rooms").await.map(|_| ())
    }

    /// The groups in whose rooms something was found when they were last looked at, ordered by name.
    pub async fn rooms_found(&self) -> Result<Vec<RoomsFound>, LedgerError> {
        let mut transaction = ReadOnly::begin(self.database(), "reading what was found in rooms").await?;
        let found = in_time(Statement::new(FOUND).load::<FoundColumns>(transaction.connection())).await;
        transaction.end(found).await?.into_iter().map(rooms_found).collect()
    }
}

fn rooms_found(row: FoundColumns) -> Result<RoomsFound, LedgerError> {
    let FoundColumns { grp, looked_at, who, findings } = row;
    let findings = serde_json::from_value(findings).map_err(|error| LedgerError::Unreadable {
        key: grp.clone(),
        column: "findings",
        source: Box::new(error),
    })?;
    Ok(RoomsFound { group: GroupAcronym::new(grp), looked_at, who, findings })
}

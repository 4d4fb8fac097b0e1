//! Is what was planned still what is to be done, by what is believed under the lease? Where not, the planner is asked once
//! more, about this one subject.

use super::{Next, Standing, Step};
use crate::ledger::{Begun, LedgerError};
use crate::model::{Kind, LedgerView, Remembered, RoomsSeen, Snapshot, SubjectKey};
use crate::plan::{self, Ask, Change, Inputs};
use crate::planted::{self, Bug};
use crate::reconcile::edges::{Books as _, Edges};
use crate::reconcile::look;

impl<E: Edges> Step<'_, E> {
    /// The planned change, or a fresh one where the belief is not what it was planned on.
    pub(super) async fn next_for(&self, begun: &Begun) -> Result<Next, LedgerError> {
        let planned = self.planned;
        let is_old = |worker: Standing| worker.generation != begun.before.timing.generation;
        if self.worker.is_some_and(is_old) && !planted::is(Bug::GenerationNotChecked) {
            return Ok(Next::Nothing);
        }
        let planned_on = self.world.ledger.get(planned.subject).cloned().unwrap_or_default();
        if same_belief(&planned_on, &begun.before) {
            return Ok(Next::Act(planned.clone()));
        }
        let Some(fresh) = self.plan_again(begun.before.clone()).await? else { return Ok(Next::Nothing) };
        // The guards have counted what was planned, and a person may have approved it.
        let deletes = plan::takes_a_room_away(&fresh) && !plan::takes_a_room_away(planned);
        let makes = plan::makes_a_room(&fresh) && !plan::makes_a_room(planned);
        Ok(if deletes || makes { Next::MoreThanPlanned } else { Next::Act(fresh) })
    }

    /// What the planner says of this one subject now: by the ledger as it is, and the rooms as they are. For decks
    /// the ledger's word on the room will do: the step before this one, ours or another's, has just written it.
    async fn plan_again(&self, belief: Remembered) -> Result<Option<Change>, LedgerError> {
        let key = self.planned.subject;
        let world = self.world;
        let snapshot = Snapshot {
            sessions: world.snapshot.session(key.session).cloned().into_iter().collect(),
            ..world.snapshot.carried_to(self.now())
        };
        let other = SubjectKey { kind: if key.kind == Kind::Room { Kind::Decks } else { Kind::Room }, ..key };
        let view = self.ledger.view_of(&[key.session].into(), world.policy.guard.per, snapshot.as_of).await?;
        let mut ledger = LedgerView::default();
        ledger.subjects.extend(view.get(other).cloned().map(|row| (other, row)));
        ledger.subjects.insert(key, belief);
        // The guards have counted this change already, and no hold stood when the step was begun.
        let ask = Ask { force: true, ..world.ask.clone() };
        let unread = RoomsSeen::default();
        let inputs =
            Inputs { snapshot: &snapshot, ledger: &ledger, rooms: &unread, policy: &world.policy, ask: &ask };
        let rooms = match key.kind {
            Kind::Room => {
                look::rooms_of(&self.parts.meetecho, plan::groups_to_read(inputs), self.parts.max_in_flight)
                    .await
            }
            Kind::Decks => unread.clone(),
        };
        let plan = plan::make(Inputs { rooms: &rooms, ..inputs });
        Ok(plan.changes.into_iter().find(|change| change.subject == key))
    }
}

/// What decides the next change; the rest of a row is history.
fn same_belief(a: &Remembered, b: &Remembered) -> bool {
    a.accepted == b.accepted
        && a.may_be_there == b.may_be_there
        && a.room == b.room
        && a.doubt_since == b.doubt_since
        && a.confirming == b.confirming
}

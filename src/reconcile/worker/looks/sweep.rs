//! The sweep: at its moment one worker takes its turn, and looks at the rooms of every group.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Looks, Sweep};
use crate::ledger::Turn;
use crate::plan::groups_to_read;
use crate::reconcile::world::World;

/// How often a sweep is asked after that somebody, here or elsewhere, has taken and not yet finished.
pub(super) const ASK_AGAIN: Duration = Duration::from_mins(1);

impl Looks {
    /// Whether this sweep's turn is to be asked for, at `as_of` by the clock that it is due by. One that was asked for and
    /// is still to come was due by a clock which was set back since: the ledger has the last word then.
    pub(in crate::reconcile::worker) fn asks_for(
        &self,
        due: DateTime<Utc>,
        as_of: DateTime<Utc>,
        now: Duration,
    ) -> bool {
        self.asked.is_none_or(|(asked, again)| {
            asked < due || as_of < asked || (asked == due && again.is_some_and(|at| at <= now))
        })
    }

    /// What became of asking. Where it is ours, all rooms are to be compared.
    pub(in crate::reconcile::worker) fn sweep(
        &mut self,
        due: DateTime<Utc>,
        turn: Turn,
        world: &World,
        now: Duration,
    ) {
        self.asked = Some((due, (turn != Turn::Done).then_some(now + ASK_AGAIN)));
        if turn == Turn::Ours {
            let under_way = self.sweep.take().filter(|sweep| sweep.due == due);
            let left = under_way.map_or_else(|| groups_to_read(world.inputs()), |sweep| sweep.left);
            for group in &left {
                self.want(group.clone(), now);
            }
            self.sweep = Some(Sweep { due, left });
        }
    }

    /// The sweep of which nothing is left to do.
    pub(in crate::reconcile::worker) fn finished(&self) -> Option<DateTime<Utc>> {
        self.sweep.as_ref().filter(|sweep| sweep.left.is_empty()).map(|sweep| sweep.due)
    }

    /// It was said in the ledger that this sweep is done.
    pub(in crate::reconcile::worker) fn end_sweep(&mut self, due: DateTime<Utc>) {
        self.sweep = None;
        if self.asked.is_some_and(|(asked, _)| asked == due) {
            self.asked = Some((due, None));
        }
    }
}

//! Rooms of interims: moved, cancelled, found again; and a guard that stops what could be a mistake.

use super::super::{Story, StoryError};
use crate::demo::sample::scenes::{self, Edit, INTERIM, OTHER_INTERIM, TWO_DAYS};
use crate::demo::standin::Failure;
use crate::model::{SessionId, Why};
use crate::provider::meetecho::Call;
use crate::reconcile::worker::PassReport;

/// Interims that somebody cancels by mistake, all at once: more than `guard.max_deletes`.
const MISTAKEN: [SessionId; 6] = [
    SessionId(36106),
    SessionId(36107),
    SessionId(36108),
    SessionId(36109),
    SessionId(36110),
    SessionId(36111),
];

impl Story<'_, '_> {
    pub(super) async fn rooms(&mut self) -> Result<(), StoryError> {
        let title = "An interim is moved: its room is made anew, its link stays";
        self.change_of_room(title, &scenes::move_interim(INTERIM, 30)).await?;

        self.teller.scene("Meetecho makes a room and says that it did not")?;
        self.stage.standin.fail_next(Some(Call::CreateRoom), 1, Failure::StatusAfterEffect(500));
        self.edit(&scenes::move_interim(TWO_DAYS, -60)).await?;
        self.until_in_step(&[TWO_DAYS]).await?;
        self.wire()?;
        self.teller.say(
            "\nTo ask again would make a second room. So meetsync looked first, found the room, and took it as its own.",
        )?;
        self.show_room(TWO_DAYS).await?;

        let title = "An interim is cancelled: its room is taken away";
        self.change_of_room(title, &scenes::cancel(OTHER_INTERIM)).await?;

        self.teller.scene("An edit blanks a link, and it comes back")?;
        self.edit(&scenes::blank_link(INTERIM)).await?;
        self.teller.say(
            "(A blank link is left alone for rooms.settle first, so that the datatracker's own call can go before: 1.5 s in\n\
             this demo, 60 s otherwise.)",
        )?;
        self.until_in_step(&[INTERIM]).await?;
        self.expect_writes(0)?;
        self.show_room(INTERIM).await
    }

    pub(super) async fn guarded(&mut self) -> Result<(), StoryError> {
        self.teller.scene("Somebody cancels six interims by mistake: a guard stops it")?;
        let cancelled: String = MISTAKEN.iter().map(|id| scenes::cancel(*id).sql).collect();
        let edit = Edit {
            session: MISTAKEN[0],
            tells: "a script cancels six interims at once".into(),
            sql: cancelled,
        };
        self.edit(&edit).await?;
        let is_refused = |pass: &PassReport| {
            let refused =
                pass.plan.refusals.iter().filter(|refusal| refusal.rule == Why::GuardTooManyDeletes);
            refused.count() == MISTAKEN.len()
        };
        self.until_pass("a pass that refuses six deletions", is_refused).await?;
        self.plan().await?;
        self.expect_writes(0)?;

        self.teller.scene("The mistake is put right before anything was lost")?;
        let reinstated: String = MISTAKEN.iter().map(|id| scenes::reinstate(*id).sql).collect();
        let tells = "the six interims take place after all".into();
        self.edit(&Edit { session: MISTAKEN[0], tells, sql: reinstated }).await?;
        self.until_in_step(&MISTAKEN).await?;
        self.expect_writes(0)?;
        Ok(self.teller.say(&format!(
            "\nAll six have their rooms, the same as before. Had it been meant, a person would have said so:\n\
             meetsync resync{} --force",
            MISTAKEN.map(|id| format!(" --session {id}")).concat()
        ))?)
    }

    async fn change_of_room(&mut self, title: &str, edit: &Edit) -> Result<(), StoryError> {
        self.teller.scene(title)?;
        self.edit(edit).await?;
        self.until_in_step(&[edit.session]).await?;
        self.wire()?;
        self.show_room(edit.session).await
    }
}

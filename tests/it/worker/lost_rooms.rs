//! A room that Meetecho lost, and does not make again: no look makes its pause start anew, though by the record all is well
//! until the next look.

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Failure;
use meetsync::provider::meetecho::Call;

use super::rooms::{BY_HAND, link_of, room_of, sweeps, with_rooms_made, with_sweeps};
use super::{calls_of, how_many, one, until, until_in_step, until_nothing_is_wished};
use crate::support::running::{Running, until_true};
use crate::support::stage::Stage;

/// All is well, but for this room, which is gone, and every request to make it fails so.
async fn lost(failure: Failure) -> (Stage, Running) {
    let stage = with_sweeps().await;
    let worker = with_rooms_made(&stage, 12).await;
    // What was wished last is another matter than the room: that it is to be made is a new wish.
    stage.database.run(&scenes::blank_link(BY_HAND).sql).await;
    until_true("the blanked link is back", async || !link_of(&stage, BY_HAND).await.is_empty()).await;
    until_nothing_is_wished(&stage).await;
    stage.standin.clear_log();
    stage.standin.fail_always(Some(Call::CreateRoom), failure);
    stage.standin.take_room_away(&room_of(&stage.standin, BY_HAND).unwrap().room.public_id);
    (stage, worker)
}

fn tries(stage: &Stage) -> usize {
    how_many(&calls_of(&stage.standin.log(), BY_HAND), Call::CreateRoom)
}

async fn comes_back(stage: &Stage, worker: Running) {
    stage.standin.heal();
    until(stage, "the room is back", |standin| room_of(standin, BY_HAND).is_some()).await;
    until_in_step(stage).await;
    worker.stop().await.expect(0);
}

/// Its pauses: 1, 2, 4 s, less a quarter at the most.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_fails_again_and_again_is_tried_less_and_less_often() {
    let (stage, worker) = lost(Failure::Status(500)).await;
    let tried_so_often =
        format!("SELECT attempts::text FROM meetsync.subject WHERE session = {BY_HAND} AND kind = 'room'");
    until_true("four tries", async || one(&stage, &tried_so_often).await.parse::<u32>().unwrap() >= 4).await;
    let log = stage.standin.log();
    let made = log.iter().filter(|entry| entry.call == Some(Call::CreateRoom)).map(|entry| entry.began);
    let began: Vec<_> = made.collect();
    let gaps: Vec<f64> = began.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64()).collect();
    for (gap, least) in gaps.iter().zip([0.7, 1.4, 2.9]) {
        assert!(*gap > least, "{gaps:?}");
    }
    comes_back(&stage, worker).await;
}

/// A no stands for minutes, however often its group's rooms are looked at.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_that_is_refused_is_left_alone_by_the_looks_after_it() {
    let (stage, worker) = lost(Failure::Status(422)).await;
    until(&stage, "it is refused", |standin| {
        how_many(&calls_of(&standin.log(), BY_HAND), Call::CreateRoom) > 0
    })
    .await;
    sweeps(&stage, 3).await;
    assert_eq!(tries(&stage), 1, "{}", worker.said());
    let standing = "SELECT state || ' ' || (due_at > now() + interval '4 min')::text FROM meetsync.subject
                    WHERE session = 36107 AND kind = 'room'";
    assert_eq!(one(&stage, standing).await, "parked true");
    // By hand nobody waits for that.
    stage.standin.heal();
    stage.meetsync(&["resync"]).await.expect(0);
    comes_back(&stage, worker).await;
}

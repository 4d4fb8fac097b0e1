//! A room that is made again, because its session moved, while Meetecho or we ourselves fail in the middle.

use std::time::Duration;

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Failure;
use meetsync::provider::meetecho::Call;

use crate::support::stage::Stage;

async fn with_rooms(late_effect: &str) -> Stage {
    let mut stage = Stage::with_week().await;
    stage.change_settings("rate = 0\n", &format!("rate = 0\nlate_effect = \"{late_effect}\"\n"));
    stage.meetsync(&["resync"]).await.expect(0);
    stage.database.run(&scenes::move_interim(scenes::INTERIM, 60).sql).await;
    stage.standin.clear_log();
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passing_failure_between_the_two_requests_is_got_over_at_once() {
    for (call, failure) in [
        (Call::CreateRoom, Failure::TooMany { retry_after: 1 }),
        (Call::CreateRoom, Failure::StatusAfterEffect(500)),
        (Call::CreateRoom, Failure::DropAfter),
        (Call::FetchRooms, Failure::Status(500)),
        (Call::DeleteRoom, Failure::TooMany { retry_after: 1 }),
        (Call::DeleteRoom, Failure::StatusAfterEffect(500)),
        (Call::DeleteRoom, Failure::Status(500)),
    ] {
        // Where Meetecho said that it did nothing, nothing can come late.
        let late_effect = if matches!(failure, Failure::TooMany { .. }) { "30s" } else { "1s" };
        let stage = with_rooms(late_effect).await;
        stage.standin.fail_next(Some(call), 1, failure.clone());
        let ended = stage.meetsync(&["resync", "--json"]).await;
        assert_eq!(ended.status, 0, "{call:?} {failure:?} {:#}", ended.json()["results"]);
        stage.expect_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_in_the_middle_it_is_made_in_the_end() {
    for failure in [Failure::Status(500), Failure::Status(422), Failure::DropBefore, Failure::Html] {
        let stage = with_rooms("1s").await;
        stage.standin.fail_always(Some(Call::CreateRoom), failure);
        let ended = stage.meetsync(&["resync", "--json"]).await.expect(4);
        assert_eq!(stage.standin.rooms().len(), 11, "{ended:?}");
        let plan = stage.meetsync(&["plan", "--json"]).await.json();
        let lost = plan["refusals"].as_array().unwrap().iter().find(|refusal| refusal["session"] == 36101);
        assert!(lost.is_none(), "nobody has to do anything by hand: {lost:#?}");
        stage.standin.heal();
        stage.resync_until_done().await;
        stage.expect_in_step().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_two_requests() {
    for requests in 1..=6 {
        let stage = with_rooms("1s").await;
        stage.standin.set_latency(Duration::from_millis(60));
        let mut running = stage.command(&["resync", "--json", "--session", "36101"]).spawn().unwrap();
        let came = stage.standin.until(|standin| standin.log().len() >= requests);
        tokio::time::timeout(Duration::from_secs(20), came).await.unwrap();
        running.kill().await.unwrap();
        stage.standin.heal();
        stage.database.run("UPDATE meetsync.lease SET until = clock_timestamp()").await;
        let ended = stage.meetsync(&["resync", "--json"]).await;
        assert_eq!(ended.status, 0, "killed at {requests}: {ended:?}");
        stage.expect_in_step().await;
    }
}

/// Killed in between, or with the ledger away, and the room lost by Meetecho besides: a link that nobody knows to be
/// ours would stand there for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_on_record_before_its_link_is_written() {
    let stage = Stage::with_week().await;
    stage
        .database
        .run(
            "CREATE FUNCTION is_on_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF NOT EXISTS (SELECT FROM meetsync.subject AS s WHERE s.session = NEW.id AND s.kind = 'room'
                                AND s.remote ->> 'url' = NEW.remote_instructions) THEN
                     RAISE EXCEPTION 'nobody knows of this room';
                 END IF;
                 RETURN NEW;
             END $$;
             CREATE TRIGGER is_on_record BEFORE UPDATE OF remote_instructions ON public.meeting_session
             FOR EACH ROW WHEN (NEW.remote_instructions <> '') EXECUTE FUNCTION is_on_record()",
        )
        .await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage.database.run(&scenes::move_interim(scenes::INTERIM, 60).sql).await;
    stage.meetsync(&["resync"]).await.expect(0);
    stage.expect_in_step().await;
}

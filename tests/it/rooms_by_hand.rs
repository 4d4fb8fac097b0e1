//! Rooms by hand, as a person does it: what a command says where there is nothing to do.

use crate::support::stage::Stage;

const INTERIM: &str = "36103";

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_there_is_not_written_again_and_one_that_is_gone_is() {
    let stage = Stage::with_week().await;
    stage.meetsync(&["resync"]).await.expect(0);
    let again = stage.meetsync(&["rooms", "relink", INTERIM]).await.expect(0);
    assert_eq!(again.stdout, "", "nothing is planned");
    assert_eq!(again.stderr, "meetsync: session 36103: the link is there already\n");

    let blank = format!("UPDATE public.meeting_session SET remote_instructions = '' WHERE id = {INTERIM}");
    stage.database.run(&blank).await;
    stage.meetsync(&["rooms", "relink", INTERIM]).await.expect(0);
    let link = format!("SELECT remote_instructions FROM public.meeting_session WHERE id = {INTERIM}");
    let link = stage.database.texts(&link).await;
    assert!(link[0].ends_with("?session=36103"), "{link:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_without_rooms_are_a_bad_argument() {
    let stage = Stage::with_week().await;
    let refused = stage.meetsync(&["rooms", "--slides-only"]).await.expect(64);
    assert_eq!(refused.stderr.lines().count(), 1);
}

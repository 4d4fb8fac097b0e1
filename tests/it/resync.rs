//! The main job, as a user has it: the binary between a real database and the stand-in.

use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_makes_it_so_and_a_second_one_sends_nothing() {
    let stage = Stage::with_week().await;
    let plan = stage.meetsync(&["plan", "--json"]).await.expect(2).json();
    assert_eq!(stage.standin.counts().writes(), 0, "a plan writes nothing");
    let done = stage.meetsync(&["resync", "--json"]).await.expect(0).json();
    assert_eq!(done["hash"], plan["hash"], "the same world, the same plan");
    let sent = stage.standin.counts().writes();
    assert_eq!(plan["summary"]["requests"], sent);
    let again = stage.meetsync(&["resync", "--json"]).await.expect(0).json();
    assert_eq!(again["changes"], serde_json::json!([]), "{again:#}");
    assert_eq!(stage.standin.counts().writes(), sent, "in step means silent");
}

//! `meetsync run`, as a process of its own between a real database and the stand-in.

mod whole;

use std::time::Instant;

use crate::support::running::PATIENCE;
use crate::support::stage::Stage;
use meetsync::demo::standin::Standin;

/// The sample week, for a worker that has not much time.
async fn hurried() -> Stage {
    let mut stage = Stage::with_week().await;
    stage.change_settings("[scope]", "poll = \"200ms\"\n[scope]");
    stage.change_settings("policy = \"full\"\n", "policy = \"full\"\nsettle = \"0s\"\n");
    stage.add_settings("[slides]\nquiet = \"200ms\"\nmax_wait = \"1s\"\n");
    stage
}

/// Waits for a fact at the stand-in.
async fn until(stage: &Stage, fact: &str, holds: impl FnMut(&Standin) -> bool) {
    let found = tokio::time::timeout(PATIENCE, stage.standin.until(holds)).await;
    assert!(found.is_ok(), "never came true: {fact}; {:#?}", stage.standin.counts());
}

/// Waits until a command that reads both sides finds nothing to do, and nothing owed.
async fn until_in_step(stage: &Stage) {
    let begun = Instant::now();
    loop {
        let plan = stage.meetsync(&["plan", "--json"]).await;
        let summary = &plan.json()["summary"];
        if plan.status == 0 && summary["in_doubt"] == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "still not in step: {plan:?}");
    }
}

//! Whoever read the log went away (`meetsync run 2>&1 | head -1`): the work goes on without one.

use std::process::Stdio;

use meetsync::demo::sample::scenes;

use super::{NOTHING, UNSETTLED, hurried, shows, until, until_in_step};
use crate::support::running::{Running, until_true};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_log_nobody_reads_goes_on() {
    let stage = hurried().await;
    let worker = Running::start_unheard(&stage);
    until_in_step(&stage).await;
    stage.database.run(&scenes::add_deck(scenes::LIVE, "Unheard").sql).await;
    until(&stage, "it goes on", |standin| shows(standin, scenes::LIVE, "Unheard")).await;
    let settled = async || stage.database.texts(UNSETTLED).await == NOTHING;
    until_true("nothing is left open", settled).await;
    worker.stop().await.expect(0);
}

/// Neither its log lines nor its last line can be written.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_log_nobody_reads_ends_as_ever() {
    let stage = hurried().await;
    let unknown = &["resync", "--session", "1"][..];
    for (arguments, format, status) in
        [(&["resync"][..], "text", 0), (&["resync"], "json", 0), (unknown, "text", 1), (unknown, "json", 1)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = stage.command(arguments);
        command.env("MEETSYNC__LOG__FORMAT", format).env("MEETSYNC__LOG__FILTER", "trace");
        let ended = command.stdout(Stdio::null()).stderr(writer).status().await.unwrap();
        assert_eq!(ended.code(), Some(status), "{arguments:?} {format}");
    }
}

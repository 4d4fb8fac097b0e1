//! Planted secrets are in no output, no log line, no ledger row, no export.

use std::collections::BTreeSet;

use meetsync::demo::sample::scenes;
use meetsync::demo::standin::Failure;
use meetsync::provider::meetecho::Call;
use secrecy::ExposeSecret as _;

use crate::support::stage::{Ended, SECRET, Stage};

const PASSWORD: &str = "canary-password-77aa";
const OPERATOR: &str = "canary-operator-91bc";

/// Every secret that the stand-in ever gave out, and those of the settings.
struct Canaries(BTreeSet<String>);

impl Canaries {
    fn new() -> Self {
        Self([SECRET, PASSWORD, OPERATOR].map(str::to_owned).into())
    }

    fn learn(&mut self, stage: &Stage) {
        self.0.extend(stage.standin.secrets().iter().map(|secret| secret.expose_secret().to_owned()));
    }

    fn expect_none_in(&self, what: &str, text: &str) {
        for secret in &self.0 {
            assert!(!text.contains(secret.as_str()), "{secret} in {what}:\n{text}");
        }
    }
}

async fn stage() -> Stage {
    let mut stage = Stage::with_week().await;
    let url = stage.database.url();
    let (before, after) = url.split_once("///").unwrap();
    stage.change_settings(&url, &format!("{before}///{after}&password={PASSWORD}"));
    stage.change_settings("rate = 0\n", "rate = 0\nlate_effect = \"1s\"\nrequest_timeout = \"300ms\"\n");
    stage.add_settings(&format!("[http]\noperator_token = \"{OPERATOR}\"\n[log]\nfilter = \"trace\"\n"));
    stage
}

async fn run(stage: &Stage, canaries: &mut Canaries, arguments: &[&str]) -> Ended {
    let ended = stage.meetsync(arguments).await;
    canaries.learn(stage);
    let what = arguments.join(" ");
    canaries.expect_none_in(&format!("stdout of {what}"), &ended.stdout);
    canaries.expect_none_in(&format!("stderr of {what}"), &ended.stderr);
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn no_output_and_no_row_ever_shows_a_secret() {
    let stage = stage().await;
    let mut canaries = Canaries::new();
    for failure in [
        None,
        Some((Call::Tokens, Failure::Status(403))),
        Some((Call::Tokens, Failure::BrokenJson)),
        Some((Call::Tokens, Failure::StatusAfterEffect(500))),
        Some((Call::FetchRooms, Failure::StatusAfterEffect(500))),
        Some((Call::FetchRooms, Failure::BrokenJson)),
        Some((Call::CreateRoom, Failure::StatusAfterEffect(500))),
        Some((Call::CreateRoom, Failure::TruncatedJson)),
        Some((Call::DeleteRoom, Failure::Status(500))),
        Some((Call::SetDecks, Failure::Status(401))),
        Some((Call::SetDecks, Failure::Hang)),
    ] {
        if let Some((call, failure)) = failure {
            stage.standin.fail_next(Some(call), 2, failure);
        }
        for edit in [scenes::revise_deck(scenes::LIVE, 1), scenes::move_interim(scenes::INTERIM, 30)] {
            stage.database.run(&edit.sql).await;
        }
        for arguments in [
            &["plan"][..],
            &["--debug-backend", "resync"],
            &["--debug-backend", "--log-format", "json", "resync", "--force"],
            &["--log-format", "json", "resync", "--json"],
            &["resync", "--force"],
            &["check"],
        ] {
            run(&stage, &mut canaries, arguments).await;
        }
        stage.standin.heal();
    }
    for arguments in [
        &["sessions", "--json"][..],
        &["rooms", "--json"],
        &["push", "36001", "--reason", "because"],
        &["rooms", "create", "36101"],
        &["rooms", "delete", "36101", "--yes"],
        &["rooms", "relink", "36102"],
        &["export", "world.json"],
        &["plan", "--json", "--from", "world.json"],
        &["migrate"],
        &["grants", "somebody"],
    ] {
        run(&stage, &mut canaries, arguments).await;
    }
    assert!(canaries.0.len() > 20, "tokens and deletion tokens were given out");
    let export = std::fs::read_to_string(stage.path().join("world.json")).unwrap();
    canaries.expect_none_in("the export", &export);
    for table in ["subject", "attempt", "lease", "hold", "ledger_version"] {
        let rows = stage.database.texts(&format!("SELECT t::text FROM meetsync.{table} t")).await;
        canaries.expect_none_in(table, &rows.join("\n"));
    }
}

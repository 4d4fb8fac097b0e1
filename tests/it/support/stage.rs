//! The real binary between a real database and the stand-in Meetecho: what a user has, in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use meetsync::demo::standin::{Standin, StandinOptions};
use meetsync::model::{Deck, SessionId};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use super::TestDatabase;

/// Planted in the settings; no output may ever show it.
pub(crate) const SECRET: &str = "canary-secret-5f1c";

/// A datatracker, a Meetecho, and settings that know both.
pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    pub(crate) standin: Standin,
    directory: TempDir,
    settings: String,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON on stdout ({error}): {self:?}"))
    }

    /// The lines on stderr.
    pub(crate) fn notes(&self) -> Vec<&str> {
        self.stderr.lines().collect()
    }

    /// Fails the test where the status is another one.
    pub(crate) fn expect(self, status: i32) -> Self {
        let shown: String = self.stdout.chars().take(3000).collect();
        assert_eq!(self.status, status, "stdout:\n{shown}\nstderr:\n{}", self.stderr);
        self
    }
}

impl Stage {
    /// The sample week around now, migrated, `mode = "act"`.
    pub(crate) async fn with_week() -> Self {
        Self::over(TestDatabase::with_week().await).await
    }

    /// Any datatracker, migrated, `mode = "act"`.
    pub(crate) async fn over(database: TestDatabase) -> Self {
        let stage = Self::not_migrated(database).await;
        stage.meetsync(&["migrate"]).await.expect(0);
        stage
    }

    pub(crate) async fn not_migrated(database: TestDatabase) -> Self {
        let options = StandinOptions { client_secret: SECRET.into(), ..StandinOptions::default() };
        let standin = Standin::start_with(options).await.expect("a port on this machine");
        let settings = format!(
            "[datatracker]\ndatabase_url = \"{}\"\n[scope]\nmode = \"act\"\n\
             [meetecho]\napi_base = \"{}\"\nclient_id = \"datatracker\"\nclient_secret = \"{SECRET}\"\nrate = 0\n\
             [rooms]\npolicy = \"full\"\n[check]\nallow_wide_role = true\n[guard]\nmax_creates = 50\n",
            database.url(),
            standin.base_url,
        );
        let stage = Self {
            database,
            standin,
            directory: tempfile::tempdir().expect("a temporary directory"),
            settings,
        };
        stage.write_settings(&stage.settings);
        stage
    }

    fn write_settings(&self, text: &str) {
        std::fs::write(self.config(), text).expect("the directory is ours");
    }

    /// Other settings from here on: each pair replaces a text of the present ones.
    pub(crate) fn change_settings(&mut self, from: &str, to: &str) {
        assert!(self.settings.contains(from), "no {from:?} in the settings");
        self.settings = self.settings.replace(from, to);
        self.write_settings(&self.settings);
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("meetsync.toml")
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The binary with these arguments, not started yet. Its environment is empty but for the path.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meetsync"));
        command
            .env_clear()
            .current_dir(self.directory.path())
            .env("MEETSYNC_CONFIG", self.config())
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn meetsync(&self, arguments: &[&str]) -> Ended {
        self.meetsync_with(arguments, &[]).await
    }
}

/// What both sides show.
impl Stage {
    /// The binary with variables in its otherwise empty environment.
    pub(crate) async fn meetsync_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        ended(self.command(arguments).envs(variables.iter().copied()).output().await)
    }

    /// The binary in a place without settings, with an empty environment.
    pub(crate) async fn without_settings(arguments: &[&str]) -> Ended {
        let place = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(env!("CARGO_BIN_EXE_meetsync"));
        command.env_clear().current_dir(place.path()).args(arguments).stdin(Stdio::null());
        ended(command.output().await)
    }

    /// Runs `resync` until it ends with 0, as an operator would; after doubt that takes `late_effect`.
    pub(crate) async fn resync_until_done(&self) -> Ended {
        let begun = Instant::now();
        loop {
            let ended = self.meetsync(&["resync", "--json"]).await;
            if ended.status == 0 {
                return ended;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "still not in step: {ended:?}");
        }
    }

    /// More settings; a section that is there already can't come again.
    pub(crate) fn add_settings(&mut self, text: &str) {
        self.settings.push_str(text);
        self.write_settings(&self.settings);
    }

    /// Every table of the database, the ledger's too, as `schema.table md5-of-its-rows`.
    pub(crate) async fn digests(&self) -> Vec<String> {
        let tables = self
            .database
            .texts(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                 WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
            )
            .await;
        let each: Vec<_> = tables
            .iter()
            .map(|table| {
                format!(
                    "SELECT '{table} ' || md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {table} t"
                )
            })
            .collect();
        self.database.texts(&each.join(" UNION ALL ")).await
    }

    /// How many requests the stand-in has seen, of whatever kind.
    pub(crate) fn requests(&self) -> usize {
        self.standin.log().len()
    }

    /// Fails the test unless the stand-in shows what the datatracker asks for, down to the last field.
    pub(crate) async fn expect_in_step(&self) {
        let sessions = self.meetsync(&["sessions", "--json"]).await.expect(0).json();
        let mut with_decks = Vec::new();
        for session in sessions.as_array().expect("a list") {
            let id = SessionId(session["session"].as_i64().expect("a number"));
            let wanted: Vec<Deck> = session["decks"]
                .as_array()
                .expect("a list")
                .iter()
                .filter(|deck| deck["deleted"] != true)
                .map(|deck| serde_json::from_value(deck.clone()).expect("a deck"))
                .collect();
            if matches!(session["window"]["state"].as_str(), Some("open" | "always")) && !wanted.is_empty() {
                assert_eq!(self.standin.decks_of(id), wanted, "decks of {id}");
                with_decks.push(id);
            }
        }
        assert_eq!(self.standin.sessions_with_decks(), with_decks, "nobody else has decks");
        self.expect_rooms(&sessions);
    }

    fn expect_rooms(&self, sessions: &Value) {
        let rooms = self.standin.rooms();
        let wants = |session: &&Value| {
            session["meeting_type"] == "interim"
                && matches!(session["status"].as_str(), Some("apprw" | "appr" | "scheda" | "sched"))
                && !session["remote_instructions"].as_str().is_some_and(|link| link.contains("webex"))
        };
        let wanted: Vec<_> = sessions
            .as_array()
            .expect("a list")
            .iter()
            .filter(wants)
            .map(|session| {
                (session["session"].clone(), session["start"].clone(), session["remote_instructions"].clone())
            })
            .collect();
        let there: Vec<_> = rooms
            .iter()
            .map(|made| {
                (made.room.room_id.into(), serde_json::json!(made.room.start), made.room.url.clone().into())
            })
            .collect();
        assert_eq!(there, wanted, "each room once, at the session's start, its URL in the session");
    }
}

pub(super) fn ended(output: std::io::Result<std::process::Output>) -> Ended {
    let output = output.expect("the binary was built for this test");
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

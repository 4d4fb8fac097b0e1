//! The real binary between a real database and the stand-in Meetecho: what a user has, in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use meetsync::demo::standin::{Standin, StandinOptions};
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
             [rooms]\npolicy = \"full\"\n[guard]\nmax_creates = 50\n",
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
            .arg("--config")
            .arg(self.config())
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn meetsync(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().await.expect("the binary was built for this test");
        Ended {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

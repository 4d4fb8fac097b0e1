//! The database server, the stand-in and the two workers, and what can be done to them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use meetsync::demo::cluster::{Cluster, Place};
use meetsync::demo::sample;
use meetsync::demo::standin::{Failure, Standin};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use crate::Anything;
use crate::edits;

const DATABASE: &str = "week";

pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) standin: Arc<Standin>,
    pub(crate) faults: usize,
    pub(crate) killed: usize,
    directory: TempDir,
    /// The first one is never killed: its memory is looked at.
    workers: Vec<Child>,
    /// What is to be undone, and when.
    ends: Vec<(Instant, Undo)>,
}

#[derive(Clone, Copy)]
enum Undo {
    ProviderAway,
    ProviderHangs,
    Stopped(u32),
}

impl Stage {
    pub(crate) async fn set() -> Result<Self, Anything> {
        let cluster = tokio::task::block_in_place(|| Cluster::start(&Place::from_env()))?;
        sample::create(&cluster, DATABASE).await?;
        cluster.run_sql(DATABASE, &edits::for_days()).await?;
        let standin = Arc::new(Standin::start().await?);
        let directory = tempfile::tempdir()?;
        let mut stage =
            Self { cluster, standin, faults: 0, killed: 0, directory, workers: Vec::new(), ends: Vec::new() };
        std::fs::write(stage.settings(), stage.settings_text())?;
        let migrated = stage.command().arg("migrate").stdout(Stdio::null()).status()?;
        if !migrated.success() {
            return Err("meetsync migrate failed".into());
        }
        for _ in 0..2 {
            let worker = stage.start()?;
            stage.workers.push(worker);
        }
        Ok(stage)
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.directory.path().join("meetsync.toml")
    }

    fn settings_text(&self) -> String {
        format!(
            "[datatracker]\ndatabase_url = \"{}\"\npoll = \"500ms\"\n\
             [ledger]\nlease = \"10s\"\n[scope]\nmode = \"act\"\n\
             [meetecho]\napi_base = \"{}\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\nrate = 0\n\
             request_timeout = \"2s\"\nlate_effect = \"3s\"\n\
             [slides]\nquiet = \"500ms\"\nmax_wait = \"3s\"\nrefresh = \"30s\"\n\
             [rooms]\npolicy = \"full\"\nsettle = \"2s\"\nsweep = \"*/15 * * * * *\"\n\
             [guard]\nmax_deletes = 1000000\nmax_creates = 1000000\nmax_sessions = 1000000\n\
             [check]\nallow_wide_role = true\n[http]\nlisten = \"\"\n",
            self.cluster.url(DATABASE),
            self.standin.base_url,
            self.standin.options.client_id,
            self.standin.options.client_secret.expose_secret(),
        )
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meetsync"));
        command.env_clear().arg("--config").arg(self.settings()).stdin(Stdio::null());
        command
    }

    fn start(&self) -> Result<Child, Anything> {
        let said = File::options().create(true).append(true).open(self.said())?;
        Ok(self.command().arg("run").stdout(Stdio::null()).stderr(said).spawn()?)
    }

    /// What the workers said, all in one file.
    pub(crate) fn said(&self) -> PathBuf {
        self.directory.path().join("said")
    }

    /// Also undoes what has lasted long enough.
    pub(crate) async fn edit(&mut self, sql: &str) -> Result<(), Anything> {
        self.undo(Instant::now())?;
        Ok(self.cluster.run_sql(DATABASE, sql).await?)
    }

    pub(crate) async fn texts(&self, sql: &str) -> Result<Vec<String>, Anything> {
        Ok(self.cluster.query_texts(DATABASE, sql).await?)
    }

    pub(crate) fn requests(&self) -> usize {
        self.standin.log().len()
    }

    pub(crate) fn kill_one(&mut self) -> Result<(), Anything> {
        if let Some(mut worker) = self.workers.pop() {
            worker.kill()?;
            worker.wait()?;
            self.killed += 1;
        }
        let next = self.start()?;
        self.workers.push(next);
        Ok(())
    }

    pub(crate) fn stop_one_for(&mut self, span: Duration) -> Result<(), Anything> {
        let worker = &self.workers[0];
        signal(worker.id(), "STOP")?;
        self.ends.push((Instant::now() + span, Undo::Stopped(worker.id())));
        Ok(())
    }

    pub(crate) fn restart_database(&mut self) -> Result<(), Anything> {
        Ok(tokio::task::block_in_place(|| self.cluster.restart())?)
    }

    pub(crate) fn provider_away_for(&mut self, span: Duration) {
        self.standin.go_away();
        self.ends.push((Instant::now() + span, Undo::ProviderAway));
    }

    pub(crate) fn provider_hangs_for(&mut self, span: Duration) {
        self.standin.fail_always(None, Failure::Hang);
        self.ends.push((Instant::now() + span, Undo::ProviderHangs));
    }

    fn undo(&mut self, now: Instant) -> Result<(), Anything> {
        let (over, lasting) = self.ends.drain(..).partition(|(end, _)| *end <= now);
        self.ends = lasting;
        for (_, undo) in over as Vec<(Instant, Undo)> {
            match undo {
                Undo::ProviderAway => self.standin.come_back(),
                Undo::ProviderHangs => self.standin.heal(),
                Undo::Stopped(worker) => signal(worker, "CONT")?,
            }
        }
        Ok(())
    }

    pub(crate) fn heal(&mut self) -> Result<(), Anything> {
        let last = self.ends.iter().map(|(end, _)| *end).max().unwrap_or_else(Instant::now);
        self.undo(last)?;
        self.standin.heal();
        Ok(())
    }

    /// Of the worker that is never killed, in MiB.
    pub(crate) fn memory(&self) -> Result<f64, Anything> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.workers[0].id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")).ok_or("no VmRSS in /proc")?;
        Ok(kib.trim().parse::<f64>()? / 1024.0)
    }

    /// Both end as they should, or it is an error.
    pub(crate) async fn stop(&mut self) -> Result<(), Anything> {
        for worker in &self.workers {
            signal(worker.id(), "TERM")?;
        }
        for worker in &mut self.workers {
            let status = tokio::task::block_in_place(|| worker.wait())?;
            if !status.success() {
                return Err(format!("a worker ended with {status}").into());
            }
        }
        let leases = self.texts("SELECT owner FROM meetsync.lease WHERE until > clock_timestamp()").await?;
        if leases.is_empty() { Ok(()) } else { Err(format!("leases were left: {leases:?}").into()) }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.kill().ok();
            worker.wait().ok();
        }
        keep_what_was_said(&self.said());
    }
}

/// For whoever wants to know more, `MEETSYNC_SOAK_LOG` names a file.
fn keep_what_was_said(said: &Path) {
    let kept = meetsync::settings::Environment::of_process().path("MEETSYNC_SOAK_LOG");
    if let Some(kept) = kept {
        std::fs::copy(said, kept).ok();
    }
}

fn signal(process: u32, name: &str) -> Result<(), Anything> {
    Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status()?;
    Ok(())
}

//! `meetsync run` as a process of its own, what it says, and how it ends.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::process::Child;

use super::stage::{Ended, Stage};

/// Whoever waits longer than this for the worker has found a defect.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Facts that nobody tells us of are looked at this often.
const LOOK: Duration = Duration::from_millis(20);

/// A worker at work, or another command. Killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    id: u32,
    /// What it says goes to a file: a pipe that nobody reads would hold it up.
    said: PathBuf,
}

impl Running {
    pub(crate) fn start(stage: &Stage) -> Self {
        Self::start_with(stage, &[])
    }

    pub(crate) fn start_with(stage: &Stage, variables: &[(&str, &str)]) -> Self {
        Self::begin(stage, &["run"], variables)
    }

    /// Another command, that somebody may interrupt.
    pub(crate) fn of(stage: &Stage, arguments: &[&str]) -> Self {
        Self::begin(stage, arguments, &[])
    }

    fn begin(stage: &Stage, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let said = stage.path().join(format!("said-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let file = std::fs::File::create(&said).expect("the directory is ours");
        let mut command = stage.command(arguments);
        command.envs(variables.iter().copied()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().expect("the binary was built for this test");
        let id = child.id().expect("it was just started");
        Self { child, id, said }
    }

    /// One whose log nobody reads any more: every write to its stderr fails.
    pub(crate) fn start_unheard(stage: &Stage) -> Self {
        let (reader, writer) = std::io::pipe().expect("pipes are there");
        drop(reader);
        let mut command = stage.command(&["run"]);
        command.stdout(Stdio::null()).stderr(writer);
        let child = command.spawn().expect("the binary was built for this test");
        let id = child.id().expect("it was just started");
        Self { child, id, said: PathBuf::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn signal(&self, name: &str) {
        let mut kill = std::process::Command::new("kill");
        let status = kill.arg(format!("-{name}")).arg(self.id.to_string()).status();
        assert!(status.expect("kill is there").success(), "it is gone already: {}", self.said());
    }

    /// As `kill -9` does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// Asked to stop, and waited for.
    pub(crate) async fn stop(self) -> Ended {
        self.signal("TERM");
        self.ended().await
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status: ExitStatus =
            status.unwrap_or_else(|_| panic!("it never ended: {}", self.said())).expect("it is our child");
        Ended { status: status.code().unwrap_or(-1), stdout: String::new(), stderr: self.said() }
    }

    /// All that it has said until now.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Waits until it has said this so often.
    pub(crate) async fn says(&self, words: &str, times: usize) {
        let said = || self.said().matches(words).count() >= times;
        let begun = Instant::now();
        while !said() {
            assert!(begun.elapsed() < PATIENCE, "never said {times} times: {words}\n{}", self.said());
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Waits for a fact that nobody tells us of, a row in a database say.
pub(crate) async fn until_true(fact: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "never came true: {fact}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a query finds nothing any more.
pub(crate) async fn until_none(what: &str, mut left: impl AsyncFnMut() -> Vec<String>) {
    let begun = Instant::now();
    loop {
        let left = left().await;
        if left.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}, still: {left:#?}");
        tokio::time::sleep(LOOK).await;
    }
}

//! `meetsync run` as a process of its own, and how it ends.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;

use super::stage::{Ended, Stage};

/// Whoever waits longer than this for the worker has found a defect.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A worker at work. Killed when it is dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn start(stage: &Stage) -> Self {
        Self::start_with(stage, &[])
    }

    pub(crate) fn start_with(stage: &Stage, variables: &[(&str, &str)]) -> Self {
        let mut command = stage.command(&["run"]);
        command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().expect("the binary was built for this test") }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub(crate) fn signal(&self, name: &str) {
        let mut kill = std::process::Command::new("kill");
        let status = kill.arg(format!("-{name}")).arg(self.id().to_string()).status();
        assert!(status.expect("kill is there").success(), "it is gone already");
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

    pub(crate) async fn ended(self) -> Ended {
        let output = tokio::time::timeout(PATIENCE, self.child.wait_with_output()).await;
        super::stage::ended(output.expect("it ends in time"))
    }
}

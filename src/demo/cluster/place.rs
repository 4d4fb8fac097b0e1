//! Where a throwaway cluster finds its programs and puts its files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a RAM disk must have free to be chosen by default.
const ROOM_ENOUGH_KIB: u64 = 1024 * 1024;

/// Answers to "which programs, which directory, and how is it reached".
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// `MEETSYNC_PG_BIN`: the directory of the server's programs; `none` = as if none were installed.
    pub bin: Option<String>,
    /// `MEETSYNC_PG_DIR`: where the cluster's own directory is made.
    pub dir: Option<PathBuf>,
    /// `PATH`, searched for the programs.
    pub path: Option<OsString>,
    /// Also listen on 127.0.0.1, at a free port, where roles need their password.
    pub tcp: bool,
}

impl Place {
    /// What the environment says.
    #[expect(
        clippy::disallowed_methods,
        reason = "three variables that belong to tests and demo, not to the settings"
    )]
    pub fn from_env() -> Self {
        let text = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            bin: text("MEETSYNC_PG_BIN").map(|bin| bin.to_string_lossy().into_owned()),
            dir: text("MEETSYNC_PG_DIR").map(PathBuf::from),
            path: text("PATH"),
            tcp: false,
        }
    }

    /// The directory in which the cluster's own is made: the one asked for, else a roomy RAM disk, else the usual
    /// place for temporary files.
    pub(super) fn base(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| {
            let ram = Path::new("/dev/shm");
            if has_room(ram) { ram.to_owned() } else { std::env::temp_dir() }
        })
    }
}

/// Whether a directory can be written to, and has room for some databases.
fn has_room(dir: &Path) -> bool {
    tempfile_fits(dir) && free_kib(dir).is_some_and(|free| free > ROOM_ENOUGH_KIB)
}

fn tempfile_fits(dir: &Path) -> bool {
    let probe = dir.join(format!("meetsync-probe-{}", uuid::Uuid::new_v4().simple()));
    let made = std::fs::create_dir(&probe).is_ok();
    made && std::fs::remove_dir(&probe).is_ok()
}

/// The fourth column of the last line of `df -Pk`, which POSIX fixes.
fn free_kib(dir: &Path) -> Option<u64> {
    let output = Command::new("df").arg("-Pk").arg(dir).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

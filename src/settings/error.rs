//! What can be wrong with settings: one sentence that says where, what, and what was expected.

use std::path::PathBuf;

/// Why settings can't be used. No message shows the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Nobody named a file, the default one isn't there, and no variable stands in for it.
    #[error(
        "there is no settings file {}: copy config.example.toml there, or name yours with --config FILE or \
         MEETSYNC_CONFIG",
        path.display()
    )]
    NoFile { path: PathBuf },
    /// A file that was named (or the default one) is there and can't be read, or was named and isn't there.
    #[error("the settings file {} can't be read", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// Not TOML at all.
    #[error("{}:{line}: not valid TOML: {problem}", path.display())]
    NotToml { path: PathBuf, line: usize, problem: String },
    /// One key, wherever it came from: `meetsync.toml:12: [rooms] policy` or `MEETSYNC__ROOMS__POLICY`.
    #[error("{place}: {problem}")]
    Key { place: String, problem: String },
}

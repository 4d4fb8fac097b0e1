//! The environment, read once and in one place, then handed on as plain data.
//!
//! Tests build one from pairs, so that no test depends on the machine, and none changes it for another.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// The settings file, where `--config` doesn't name one.
pub const CONFIG: &str = "MEETSYNC_CONFIG";
/// The directory of PostgreSQL's server programs; `none` = as if none were installed.
pub const PG_BIN: &str = "MEETSYNC_PG_BIN";
/// The directory in which throwaway clusters are made.
pub const PG_DIR: &str = "MEETSYNC_PG_DIR";
/// What every variable begins with that stands for a key of the settings file.
pub(super) const PREFIX: &str = "MEETSYNC__";

/// Variables by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// The value of a variable. None where it is not set or not Unicode.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(OsStr::to_str)
    }

    /// The value of a variable, whatever bytes it has.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// A variable that names a file or directory. Set but empty counts as not set.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The variables that stand for keys, in the order of their names. A value that is not Unicode is None.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (String, Option<&str>)> {
        self.variables.iter().filter_map(|(name, value)| {
            let name = name.to_string_lossy();
            name.starts_with(PREFIX).then(|| (name.into_owned(), value.to_str()))
        })
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        Self { variables: pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect() }
    }
}

/// Names only: a value may be a secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_and_no_values() {
        let environment = Environment::from_iter([("MEETSYNC__MEETECHO__CLIENT_SECRET", "hush")]);
        let shown = format!("{environment:?}");
        assert!(shown.contains("CLIENT_SECRET") && !shown.contains("hush"), "{shown}");
    }

    #[test]
    fn only_names_of_the_right_form_are_overrides() {
        let environment =
            Environment::from_iter([("MEETSYNC_CONFIG", "a"), ("MEETSYNC__LOG__FORMAT", "b"), ("HOME", "c")]);
        let found: Vec<_> = environment.overrides().collect();
        assert_eq!(found, [("MEETSYNC__LOG__FORMAT".to_owned(), Some("b"))]);
        assert_eq!(environment.path(CONFIG), Some(PathBuf::from("a")));
    }

    #[test]
    fn the_process_has_variables() {
        assert!(Environment::of_process().raw("PATH").is_some());
    }
}

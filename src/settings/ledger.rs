//! `[ledger]`: where our own tables are.

use std::time::Duration;

use secrecy::SecretString;

use super::section::Section;
use super::{Datatracker, SettingsError, secret::database_url};

pub(super) const KEYS: &[&str] = &["database_url", "database_url_file", "keep", "lease"];

/// The section `[ledger]`.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// `database_url`: the database with the schema `meetsync`. Default: `datatracker.write_url`.
    pub database_url: SecretString,
    /// `keep`: how long attempts are kept.
    pub keep: Duration,
    /// `lease`: how long one process may work on a session before another may take it over.
    pub lease: Duration,
}

impl Ledger {
    pub(super) fn read(section: &Section, datatracker: &Datatracker) -> Result<Self, SettingsError> {
        Ok(Self {
            database_url: database_url(section, "database_url")?
                .unwrap_or_else(|| datatracker.write_url.clone()),
            keep: section.duration_from(
                "keep",
                Duration::from_hours(90 * 24),
                Duration::from_hours(1),
                "attempts are what `status` and the guards look at, so keep at least \"1h\" of them",
            )?,
            lease: section.duration_from(
                "lease",
                Duration::from_secs(30),
                Duration::from_secs(10),
                "a step needs time to end before its lease does, so give it \"10s\" or more",
            )?,
        })
    }
}

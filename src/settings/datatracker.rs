//! `[datatracker]`: where the datatracker's database is, and what its web addresses look like.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::SettingsError;
use super::secret::{database_url, path};
use super::section::Section;
use crate::database::Tls;

pub(super) const KEYS: &[&str] = &[
    "database_url",
    "database_url_file",
    "write_url",
    "write_url_file",
    "base_url",
    "archive_url",
    "write_back",
    "poll",
    "tls",
    "tls_ca_file",
    "schema",
    "pooled",
];

/// The section `[datatracker]`.
#[derive(Debug, Clone)]
pub struct Datatracker {
    /// `database_url` (required): the datatracker's database, or a read replica of it.
    pub database_url: SecretString,
    /// `write_url`: where room links are written. Default: `database_url`.
    pub write_url: SecretString,
    /// `base_url`: what the datatracker's own pages begin with.
    pub base_url: Url,
    /// `archive_url`: what the address of a deck outside of meetings begins with, as `{archive_url}/slides/...`.
    pub archive_url: Url,
    /// `write_back`: whether a new room's link is written into its session.
    pub write_back: bool,
    /// `poll`: how often the world is read.
    pub poll: Duration,
    /// `tls` and `tls_ca_file`: how the way to both databases is protected, the ledger's too.
    pub tls: Tls,
    /// `schema`: the one that holds the datatracker's tables. None = found.
    pub schema: Option<String>,
    /// `pooled`: there is a transaction pooler in between, so nothing may outlive a transaction.
    pub pooled: bool,
}

impl Datatracker {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        let Some(database) = database_url(section, "database_url")? else {
            return Err(section.wrong(
                "database_url",
                "missing: say where the datatracker's database is, as in \
                 \"postgres://meetsync@db/datatracker\" (it may be a read replica)",
            ));
        };
        Ok(Self {
            write_url: database_url(section, "write_url")?.unwrap_or_else(|| database.clone()),
            database_url: database,
            base_url: section.web_address("base_url", "https://datatracker.ietf.org")?,
            archive_url: section.web_address("archive_url", "https://www.ietf.org")?,
            write_back: section.boolean("write_back", true)?,
            poll: section.duration_from(
                "poll",
                Duration::from_secs(2),
                Duration::from_millis(100),
                "the world is read ten times a second at most",
            )?,
            tls: tls(section)?,
            schema: schema(section)?,
            pooled: section.boolean("pooled", false)?,
        })
    }
}

fn tls(section: &Section) -> Result<Tls, SettingsError> {
    let ca_file = path(section, "tls_ca_file")?;
    let choices = [
        ("disable", Plain::Disable),
        ("prefer", Plain::Prefer),
        ("require", Plain::Require),
        ("verify-full", Plain::Verify),
    ];
    let tls = match section.choice("tls", &choices)?.unwrap_or(Plain::Prefer) {
        Plain::Verify => return Ok(Tls::VerifyFull { ca_file }),
        Plain::Disable => Tls::Disable,
        Plain::Prefer => Tls::Prefer,
        Plain::Require => Tls::Require,
    };
    if ca_file.is_some() {
        return Err(
            section.wrong("tls_ca_file", "is used with tls = \"verify-full\" only: set both, or neither")
        );
    }
    Ok(tls)
}

/// The words of `tls`, before the file is known.
#[derive(Clone, Copy)]
enum Plain {
    Disable,
    Prefer,
    Require,
    Verify,
}

fn schema(section: &Section) -> Result<Option<String>, SettingsError> {
    let name = section.text("schema")?.unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.len() > 63 || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(section.wrong(
            "schema",
            format!(
                "expected the name of a schema such as \"datatracker\", or \"\" to have it found, found {}",
                section.shown("schema")
            ),
        ));
    }
    Ok(Some(name).filter(|name| !name.is_empty()))
}

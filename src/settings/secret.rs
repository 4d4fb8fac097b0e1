//! Secrets: given in the settings, or in a file of their own (`client_secret` or `client_secret_file`).
//!
//! A value never appears in an error, and is held so that `Debug` doesn't show it.

use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};

use super::SettingsError;
use super::section::Section;

/// The secret of a key, its file's if the `_file` twin is set. One newline at the end of a file doesn't count.
pub(super) fn secret(section: &Section, key: &str) -> Result<Option<SecretString>, SettingsError> {
    let twin = format!("{key}_file");
    let value = section.filled(key)?;
    let Some(file) = path(section, &twin)? else { return Ok(value.map(SecretString::from)) };
    if value.is_some() {
        return Err(section
            .wrong(&twin, format!("{key} is set too (at {}); keep one of the two", section.place(key))));
    }
    let text = std::fs::read_to_string(&file)
        .map_err(|problem| section.wrong(&twin, format!("can't read {}: {problem}", file.display())))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(section.wrong(&twin, format!("{} holds nothing", file.display())));
    }
    if text.contains(['\n', '\r']) {
        return Err(section.wrong(&twin, format!("{} has more than one line", file.display())));
    }
    Ok(Some(SecretString::from(text)))
}

/// A file named by a key; relative to the settings file, if that is where the key stands.
pub(super) fn path(section: &Section, key: &str) -> Result<Option<PathBuf>, SettingsError> {
    Ok(section.filled(key)?.map(|file| section.base(key).join(file)))
}

/// The URL of a database, which may hold a password. Checked as far as that goes without a connection.
pub(super) fn database_url(section: &Section, key: &str) -> Result<Option<SecretString>, SettingsError> {
    let Some(url) = secret(section, key)? else { return Ok(None) };
    let set = if section.entry(key).is_some() { key.to_owned() } else { format!("{key}_file") };
    let text = url.expose_secret();
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(section.wrong(&set, "expected a URL such as \"postgres://meetsync@db/datatracker\""));
    }
    if let Some((_, query)) = text.split_once('?')
        && query.split('&').any(|pair| pair == "sslmode=verify-full" || pair == "sslmode=verify-ca")
    {
        return Err(section.wrong(
            &set,
            "sslmode doesn't go that far in the URL: leave it out and set tls = \"verify-full\" in [datatracker]",
        ));
    }
    // The parser's own words may repeat a piece of the URL, and with it of a password that wasn't escaped.
    if text.parse::<tokio_postgres::Config>().is_err() {
        return Err(section.wrong(
            &set,
            "not the URL of a database (in a password, write @ / : % ? # as %40 %2F %3A %25 %3F %23)",
        ));
    }
    Ok(Some(url))
}

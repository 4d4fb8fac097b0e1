//! `[slides]`: when decks are sent.

use std::time::Duration;

use super::SettingsError;
use super::section::{Given, Section};
use crate::model::NotifyTime;

pub(super) const KEYS: &[&str] = &["slides_notify_time", "quiet", "max_wait", "refresh", "include_deleted"];

/// The section `[slides]`.
#[derive(Debug, Clone)]
pub struct Slides {
    /// `slides_notify_time`: minutes before the start and after the end; `never`; `always` (any negative number).
    pub notify: NotifyTime,
    /// `quiet`: how long edits must have stopped before they are sent.
    pub quiet: Duration,
    /// `max_wait`: how long edits that don't stop are waited for; not shorter than `quiet`.
    pub max_wait: Duration,
    /// `refresh`: the whole list again this often while a window is open. Zero = never.
    pub refresh: Duration,
    /// `include_deleted`: also send decks that are linked and deleted.
    pub include_deleted: bool,
}

impl Slides {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        let quiet = section.duration("quiet", Duration::from_secs(2))?;
        let max_wait = section.duration("max_wait", Duration::from_secs(10))?;
        if max_wait < quiet {
            let key = if section.entry("max_wait").is_some() { "max_wait" } else { "quiet" };
            return Err(section.wrong(key, "max_wait must not be shorter than quiet"));
        }
        Ok(Self {
            notify: notify(section, "slides_notify_time")?,
            quiet,
            max_wait,
            refresh: section.duration("refresh", Duration::ZERO)?,
            include_deleted: section.boolean("include_deleted", false)?,
        })
    }
}

fn notify(section: &Section, key: &str) -> Result<NotifyTime, SettingsError> {
    let minutes = |number: i64| match u32::try_from(number) {
        _ if number < 0 => Some(NotifyTime::Always),
        // A year of minutes; more would be a mistake, and `always` says it better.
        Ok(minutes) if minutes <= 366 * 24 * 60 => Some(NotifyTime::Minutes(minutes)),
        _ => None,
    };
    let found = match section.entry(key).map(|entry| &entry.given) {
        None => Some(NotifyTime::Minutes(15)),
        Some(Given::Integer(number)) => minutes(*number),
        Some(Given::Typed(text) | Given::Text(text)) => match text.trim() {
            "never" => Some(NotifyTime::Never),
            "always" => Some(NotifyTime::Always),
            number => number.parse().ok().and_then(minutes),
        },
        Some(_) => None,
    };
    found.ok_or_else(|| {
        let expected = "expected a whole number of minutes (at most a year of them), \"never\" or \"always\"";
        section.wrong(key, format!("{expected}, found {}", section.shown(key)))
    })
}

//! `[log]`: how logs look, and how much is said.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::SettingsError;
use super::section::Section;

pub(super) const KEYS: &[&str] = &["format", "filter"];

/// What a line of log looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The section `[log]`.
#[derive(Debug, Clone)]
pub struct Log {
    /// `format`: text or json. `--log-format` has the last word.
    pub format: LogFormat,
    /// `filter`: directives of tracing, such as `info` or `info,meetsync::provider=debug`. Known to be valid.
    pub filter: String,
}

impl Log {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        let format = section
            .choice("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)])?
            .unwrap_or_default();
        let filter = section.filled("filter")?.unwrap_or_else(|| "info".to_owned());
        if EnvFilter::try_new(&filter).is_err() || !filter.split(',').all(is_meant) {
            return Err(section.wrong(
                "filter",
                format!(
                    "expected levels (off, error, warn, info, debug, trace), as in \"info\" or \
                     \"info,meetsync::provider=debug\", found {}",
                    section.shown("filter")
                ),
            ));
        }
        Ok(Self { format, filter })
    }
}

/// A word alone is a level, or a place of ours. tracing would take any word for the name of a place, and a level that is
/// misspelt would silence the log.
fn is_meant(directive: &str) -> bool {
    let word = directive.trim();
    let is_ours = word == "meetsync" || word.starts_with("meetsync::");
    let is_a_word = word.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | ':'));
    !is_a_word || is_ours || word.parse::<LevelFilter>().is_ok()
}

//! `[log]`: how logs look, and how much is said.

use tracing_subscriber::EnvFilter;

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
        if EnvFilter::try_new(&filter).is_err() {
            return Err(section.wrong(
                "filter",
                format!(
                    "expected levels such as \"info\" or \"info,meetsync::provider=debug\", found {}",
                    section.shown("filter")
                ),
            ));
        }
        Ok(Self { format, filter })
    }
}

//! `[shutdown]`: how the worker ends, and a command that is stopped in the middle.

use std::time::Duration;

use super::SettingsError;
use super::section::Section;

pub(super) const KEYS: &[&str] = &["grace"];

/// The section `[shutdown]`.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// `grace`: how long steps that have begun may go on after somebody said to stop.
    pub grace: Duration,
}

impl Shutdown {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        Ok(Self { grace: section.duration("grace", Duration::from_secs(20))? })
    }
}

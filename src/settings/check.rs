//! `[check]`: what `meetsync check` lets pass.

use super::SettingsError;
use super::section::Section;

pub(super) const KEYS: &[&str] = &["allow_wide_role"];

/// The section `[check]`.
#[derive(Debug, Clone)]
pub struct Check {
    /// `allow_wide_role`: a role that can read persons and passwords is accepted.
    pub allow_wide_role: bool,
}

impl Check {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        Ok(Self { allow_wide_role: section.boolean("allow_wide_role", false)? })
    }
}

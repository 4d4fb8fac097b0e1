//! `[scope]`: whether anything is sent, and for whom. The ladder by which a team dares.

use std::collections::BTreeSet;

use super::SettingsError;
use super::section::Section;
use crate::model::{GroupAcronym, MeetingNumber, Mode};

pub(super) const KEYS: &[&str] = &["mode", "groups", "meetings"];

/// The section `[scope]`.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `mode`: observe (reads, plans, records; nothing is sent, by no command) or act.
    pub mode: Mode,
    /// `groups`: acronyms. Empty = all.
    pub groups: BTreeSet<GroupAcronym>,
    /// `meetings`: numbers, as in `126` or `interim-2026-mars-01`. Empty = all.
    pub meetings: BTreeSet<MeetingNumber>,
}

impl Scope {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        Ok(Self {
            mode: section
                .choice("mode", &[("observe", Mode::Observe), ("act", Mode::Act)])?
                .unwrap_or(Mode::Observe),
            groups: section.list("groups")?.into_iter().flatten().map(GroupAcronym::new).collect(),
            meetings: section.list("meetings")?.into_iter().flatten().map(MeetingNumber::new).collect(),
        })
    }
}

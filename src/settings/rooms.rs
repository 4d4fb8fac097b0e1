//! `[rooms]`: the power over rooms, and which sessions get one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::SettingsError;
use super::section::Section;
use crate::model::RoomPowers;
use crate::schedule::cron::Pattern;

pub(super) const KEYS: &[&str] =
    &["policy", "statuses", "horizon", "settle", "quiet_before", "link_prefix", "description", "sweep"];

/// What may stand in braces in `description`.
const PLACEHOLDERS: [&str; 3] = ["meeting", "group", "date"];

/// The section `[rooms]`.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// `policy` (required): full, no-delete or observe.
    pub policy: RoomPowers,
    /// `statuses`: those of a session that wants a room, by the datatracker's slugs.
    pub statuses: BTreeSet<String>,
    /// `horizon`: how far ahead rooms are made.
    pub horizon: Duration,
    /// `settle`: how long a blank link, or a cancelled session's room, is left to the datatracker's own call.
    pub settle: Duration,
    /// `quiet_before`: no room is moved in this time before its start.
    pub quiet_before: Duration,
    /// `link_prefix`: what a link to a room of Meetecho's begins with.
    pub link_prefix: String,
    /// `description`: of a room, with `{meeting}`, `{group}` and `{date}`.
    pub description: String,
    /// `sweep`: when rooms are compared with the provider's; cron in UTC, six fields, seconds first.
    pub sweep: Pattern,
}

impl Rooms {
    pub(super) fn read(section: &Section) -> Result<Self, SettingsError> {
        let powers = [
            ("full", RoomPowers::Full),
            ("no-delete", RoomPowers::NoDelete),
            ("observe", RoomPowers::Observe),
        ];
        let Some(policy) = section.choice("policy", &powers)? else {
            return Err(section.wrong(
                "policy",
                "missing: choose \"full\" (makes rooms, and deletes those of ours that are not wanted any more), \
                 \"no-delete\" (makes rooms, deletes none) or \"observe\" (only says what it would do); there is no \
                 default for the power to delete",
            ));
        };
        let text = |key, default: &str| Ok(section.filled(key)?.unwrap_or_else(|| default.to_owned()));
        let statuses = section.list("statuses")?;
        Ok(Self {
            policy,
            statuses: statuses.map_or_else(
                || ["apprw", "appr", "scheda", "sched"].map(str::to_owned).into(),
                |given| given.into_iter().collect(),
            ),
            horizon: section.duration("horizon", Duration::from_hours(180 * 24))?,
            settle: section.duration("settle", Duration::from_mins(1))?,
            quiet_before: section.duration("quiet_before", Duration::from_mins(15))?,
            link_prefix: text("link_prefix", "https://meetings.conf.meetecho.com/interim/")?,
            description: description(section, text("description", "{meeting}")?)?,
            sweep: Pattern::parse(&text("sweep", "0 0 * * * *")?)
                .map_err(|problem| section.wrong("sweep", problem.to_string()))?,
        })
    }
}

/// Knows every placeholder, and every brace belongs to one.
fn description(section: &Section, text: String) -> Result<String, SettingsError> {
    let mut rest = text.clone();
    for name in PLACEHOLDERS {
        rest = rest.replace(&format!("{{{name}}}"), "");
    }
    if rest.contains(['{', '}']) {
        return Err(section.wrong(
            "description",
            format!(
                "only {{meeting}}, {{group}} and {{date}} may stand in braces, found {}",
                section.shown("description")
            ),
        ));
    }
    Ok(text)
}

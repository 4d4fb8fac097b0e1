//! Settings: a TOML file, the environment over it, and what of it decides as a plain [`Policy`].
//!
//! One file per section; each key is described where it is declared, and `config.example.toml` shows them all.
//! Everything is checked here, so that no other room meets a setting it can't use. Nothing is decided here, nothing
//! is connected to, and no secret is ever shown.

mod check;
mod datatracker;
mod duration;
mod env;
mod error;
mod guard;
mod http;
mod ledger;
mod load;
mod log;
mod meetecho;
mod rooms;
mod scope;
mod secret;
mod section;
mod shutdown;
mod slides;

use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;

pub use check::Check;
pub use datatracker::Datatracker;
pub use duration::parse_duration;
pub use env::{CONFIG, Environment, PG_BIN, PG_DIR};
pub use error::SettingsError;
pub use guard::Guard;
pub use http::Http;
pub use ledger::Ledger;
pub use load::DEFAULT_FILE;
pub use log::{Log, LogFormat};
pub use meetecho::Meetecho;
pub use rooms::Rooms;
pub use scope::Scope;
pub use shutdown::Shutdown;
pub use slides::Slides;

use crate::model::{GuardPolicy, Policy, RoomsPolicy, ScopePolicy, SlidesPolicy};
use crate::schedule::lease::SKEW;
use load::Document;

/// All settings, each known to be usable.
#[derive(Debug, Clone)]
pub struct Settings {
    pub datatracker: Datatracker,
    pub ledger: Ledger,
    pub scope: Scope,
    pub meetecho: Meetecho,
    pub slides: Slides,
    pub rooms: Rooms,
    pub guard: Guard,
    pub check: Check,
    pub http: Http,
    pub log: Log,
    pub shutdown: Shutdown,
}

impl Settings {
    /// Reads `path`, else the file that `MEETSYNC_CONFIG` names, else `meetsync.toml`, and lays the variables
    /// `MEETSYNC__SECTION__KEY` over it. A file that was named must be there; the default one may be missing where
    /// there is such a variable.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place: names before values, then sections in the order of the fields.
    pub fn load(path: Option<&Path>, environment: &Environment) -> Result<Self, SettingsError> {
        let document = Document::load(path, environment)?;
        let datatracker = Datatracker::read(&document.section("datatracker"))?;
        let settings = Self {
            ledger: Ledger::read(&document.section("ledger"), &datatracker)?,
            datatracker,
            scope: Scope::read(&document.section("scope"))?,
            meetecho: Meetecho::read(&document.section("meetecho"))?,
            slides: Slides::read(&document.section("slides"))?,
            rooms: Rooms::read(&document.section("rooms"))?,
            guard: Guard::read(&document.section("guard"))?,
            check: Check::read(&document.section("check"))?,
            http: Http::read(&document.section("http"))?,
            log: Log::read(&document.section("log"))?,
            shutdown: Shutdown::read(&document.section("shutdown"))?,
        };
        if settings.meetecho.request_timeout + SKEW >= settings.ledger.lease {
            return Err(document.section("meetecho").wrong(
                "request_timeout",
                "must be more than 3 s shorter than ledger.lease, or no step could end in time",
            ));
        }
        if settings.guard.per > settings.ledger.keep {
            return Err(document
                .section("guard")
                .wrong("per", "must not be longer than ledger.keep: what is forgotten can't be counted"));
        }
        Ok(settings)
    }

    /// How log lines are to look, where the rest of the settings may be wrong. None = that can't be read either.
    pub fn log_format(path: Option<&Path>, environment: &Environment) -> Option<LogFormat> {
        let document = Document::load(path, environment).ok()?;
        Log::read(&document.section("log")).ok().map(|log| log.format)
    }

    /// What of the settings decides.
    pub fn policy(&self) -> Policy {
        Policy {
            scope: ScopePolicy {
                mode: self.scope.mode,
                groups: self.scope.groups.clone(),
                meetings: self.scope.meetings.clone(),
            },
            slides: SlidesPolicy {
                notify: self.slides.notify,
                include_deleted: self.slides.include_deleted,
                materials: self.meetecho.materials,
                provider_window: delta(self.meetecho.window),
                refresh: delta(self.slides.refresh),
                late_effect: delta(self.meetecho.late_effect),
                quiet: delta(self.slides.quiet),
                max_wait: delta(self.slides.max_wait),
            },
            rooms: RoomsPolicy {
                powers: self.rooms.policy,
                statuses: self.rooms.statuses.clone(),
                horizon: delta(self.rooms.horizon),
                settle: delta(self.rooms.settle),
                quiet_before: delta(self.rooms.quiet_before),
                link_prefix: self.rooms.link_prefix.clone(),
                description: self.rooms.description.clone(),
                write_back: self.datatracker.write_back,
                late_effect: delta(self.meetecho.late_effect),
            },
            guard: GuardPolicy {
                max_deletes: self.guard.max_deletes,
                max_creates: self.guard.max_creates,
                max_sessions: self.guard.max_sessions,
                per: delta(self.guard.per),
            },
        }
    }
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).expect("spans are limited to a hundred years when they are read")
}

#[cfg(test)]
mod tests;

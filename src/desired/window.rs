//! The notify window: when slides are sent, in relation to a session's slot.
//!
//! `gate` returns the moment at which its answer changes, so nothing has to poll for windows.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{NotifyTime, Session, Span};
use crate::planted::{self, Bug};

/// Whether slides are sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    OpensAt(DateTime<Utc>),
    Closed,
}

/// Strictly `start - minutes < now < end + minutes`, as the datatracker compares it (`SlidesManager._should_send_update`).
pub fn gate(now: DateTime<Utc>, slot: Span, minutes: u32) -> Gate {
    let (opens_at, closes_at) = bounds(slot, minutes);
    if now >= closes_at {
        Gate::Closed
    } else if now <= opens_at {
        Gate::OpensAt(opens_at)
    } else {
        Gate::Open
    }
}

fn bounds(slot: Span, minutes: u32) -> (DateTime<Utc>, DateTime<Utc>) {
    let margin = TimeDelta::minutes(i64::from(minutes) + i64::from(planted::is(Bug::WindowOffByOne)));
    (slot.start - margin, slot.end + margin)
}

/// The state of a session's window, as `sessions --json` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowState {
    Open,
    Opens,
    Closed,
    /// Notifications are off: `slides_notify_time = "never"`.
    Off,
    /// Notifications don't depend on the slot: `slides_notify_time = "always"`.
    Always,
    NotScheduled,
    Cancelled,
}

/// A session's window with its edges, which are known wherever there is a slot and a number of minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub state: WindowState,
    pub opens_at: Option<DateTime<Utc>>,
    pub closes_at: Option<DateTime<Utc>>,
}

pub fn window(session: &Session, notify: NotifyTime, now: DateTime<Utc>) -> Window {
    let edges = match (session.slot, notify) {
        (Some(slot), NotifyTime::Minutes(minutes)) => Some(bounds(slot, minutes)),
        _ => None,
    };
    let state = match (session.slot, notify) {
        _ if session.status.is_cancelled() => WindowState::Cancelled,
        (None, _) => WindowState::NotScheduled,
        (Some(_), NotifyTime::Never) => WindowState::Off,
        (Some(_), NotifyTime::Always) => WindowState::Always,
        (Some(slot), NotifyTime::Minutes(minutes)) => match gate(now, slot, minutes) {
            Gate::Open => WindowState::Open,
            Gate::OpensAt(_) => WindowState::Opens,
            Gate::Closed => WindowState::Closed,
        },
    };
    Window { state, opens_at: edges.map(|(opens, _)| opens), closes_at: edges.map(|(_, closes)| closes) }
}

/// When its window closes for good; None where that does not depend on the slot.
pub fn closes_at(slot: Span, notify: NotifyTime) -> Option<DateTime<Utc>> {
    match notify {
        NotifyTime::Minutes(minutes) => Some(bounds(slot, minutes).1),
        NotifyTime::Never | NotifyTime::Always => None,
    }
}

/// The gate of a scheduled session; None where slides are never sent.
pub fn session_gate(slot: Span, notify: NotifyTime, now: DateTime<Utc>) -> Option<Gate> {
    match notify {
        NotifyTime::Never => None,
        NotifyTime::Always => Some(Gate::Open),
        NotifyTime::Minutes(minutes) => Some(gate(now, slot, minutes)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).expect("in range")
    }

    #[test]
    fn both_edges_are_strict() {
        let slot = Span::new(at(0), at(3600));
        assert_eq!(gate(at(-900), slot, 15), Gate::OpensAt(at(-900)), "not yet at the very second");
        assert_eq!(gate(at(-899), slot, 15), Gate::Open);
        assert_eq!(gate(at(4499), slot, 15), Gate::Open);
        assert_eq!(gate(at(4500), slot, 15), Gate::Closed);
        assert_eq!(gate(at(0), slot, 0), Gate::OpensAt(at(0)), "0 = strictly during the slot");
        assert_eq!(gate(at(1), slot, 0), Gate::Open);
    }

    proptest! {
        /// The gate agrees with the datatracker's own comparison, and the moment it names is the one at which it changes.
        #[test]
        fn the_gate_is_the_datatrackers_and_names_its_change(
            start in -100_000_i64..100_000, length in 0_i64..30_000, minutes in 0_u32..600, now in -200_000_i64..200_000,
        ) {
            let slot = Span::new(at(start), at(start + length));
            let margin = i64::from(minutes) * 60;
            let open = start - margin < now && now < start + length + margin;
            let answer = gate(at(now), slot, minutes);
            prop_assert_eq!(answer == Gate::Open, open);
            if let Gate::OpensAt(moment) = answer {
                prop_assert!(at(now) <= moment);
                let after = gate(moment + TimeDelta::microseconds(1), slot, minutes);
                prop_assert!(after != Gate::OpensAt(moment));
            }
        }
    }
}

//! Meetecho, spoken to exactly as the datatracker's own client does (`ietf/utils/meetecho.py`).
//!
//! `wire` writes bodies, `reading` reads answers, `judge` says what an answer means: all pure. `auth` keeps tokens,
//! `caller` makes one call, `api` puts them together, `answers` is a rehearsal's other side.
//!
//! Materials can't be read back: what was accepted is all that anybody can know of them. Rooms can.

mod answers;
mod api;
mod auth;
mod caller;
mod judge;
mod options;
mod reading;
mod wire;

pub use api::Meetecho;
pub use options::MeetechoOptions;
pub use wire::Call;

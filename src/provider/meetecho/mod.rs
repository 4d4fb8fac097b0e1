//! Meetecho, spoken to exactly as the datatracker's own client does (`ietf/utils/meetecho.py`).
//!
//! `wire` writes bodies and reads answers, `judge` says what an answer means: both pure. `auth` keeps tokens,
//! `caller` makes one call, `api` puts them together, `answers` is a rehearsal's other side.
//!
//! Materials can't be read back: what was accepted is all that anybody can know of them. Rooms can.

mod answers;
mod api;
mod auth;
mod caller;
mod judge;
mod wire;

pub use api::{Meetecho, MeetechoOptions};
pub use wire::Call;

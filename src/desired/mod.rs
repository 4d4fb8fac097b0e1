//! What each session should have at its provider: which decks, which room, and whether its window is open.
//!
//! Pure: (session, policy, now) in, a value out. Nothing here knows what was sent before; the difference is made
//! in `plan`. Times are compared as instants in UTC, so a meeting's zone can be anything, or nonsense.

mod decks;
mod epoch;
mod look;
mod room;
mod window;

pub use decks::wanted_decks;
pub use epoch::{Epoch, Phase, epoch};
pub use look::{LOOK_BACK, is_looked_at};
pub use room::{NoRoom, room_spec, wants_room};
pub use window::{Gate, Window, WindowState, closes_at, gate, session_gate, window};

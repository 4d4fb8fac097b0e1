//! The difference between what should be and what is believed, as a value: changes, refusals, waits.
//!
//! Pure and deterministic: the same snapshot, ledger view, rooms and policy give the same plan, byte for byte. It
//! makes every choice; a change holds all that is needed to act on it. `resync`, `push` and (read-only) `plan` run
//! this same code. What it is not: it sends nothing, records nothing, and reads no clock (`now` is the snapshot's
//! `as_of`).
//!
//! How a session's two subjects are decided:
//!
//! | subject | decided in | from |
//! |---|---|---|
//! | room | [`rooms`] | status, slot, link (`link`), the ledger's record, the rooms seen |
//! | decks | [`decks`] | window gate, epoch, the list last accepted, doubt |
//!
//! Then policy ([`policy`]) and guards ([`guard`]) turn changes into refusals; a refusal never holds back another
//! session's change.

mod decks;
mod diff;
mod explain;
mod guard;
mod hash;
mod inputs;
mod link;
mod make;
mod policy;
mod render;
mod rooms;
mod timing;
mod types;
mod unsent;

pub(crate) use explain::exact;
pub use explain::{
    AtWork, Explained, ExplainedAnswer, ProviderIs, REJECTS_US, Rule, SubjectExplained, Taken, View, explain,
    put_credentials_right,
};
pub use guard::empties;
pub use inputs::{Ask, Inputs};
pub use link::{Link, leads_to, sanitised};
pub use make::{make, makes_a_room, of_one};
pub use policy::{is_in_scope, takes_a_room_away};
pub(crate) use render::{Page, Paint, counted, moment, when};
pub use render::{Style, explained_text, plan_text, rooms_text, sessions_text};
pub(crate) use rooms::MOVED;
pub use rooms::{
    FoundRoom, Known, RoomReport, RoomState, RoomsAsked, fits, groups_to_read, left_to_settle, report,
    rooms_asked,
};
pub use timing::{Due, due};
pub use types::{Change, DeckCall, DeckRef, Operation, PLAN_VERSION, Plan, Refusal, RoomRef, Summary, Wait};
pub use unsent::{push_it, unsent_words};

#[cfg(test)]
pub(crate) mod test_world;
#[cfg(test)]
mod tests;

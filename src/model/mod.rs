//! The nouns that flow through everything: sessions, slots, decks, rooms, and what we believe of them.
//!
//! Nothing here reads a database, a clock or a network, and nothing decides. Every type is plain data that
//! serde can write and read back, because an `export` is these types on disk and `plan --from` reads them.

mod deck;
mod digest;
mod ids;
mod ledger_view;
mod outcome;
mod policy;
mod room;
mod scope;
mod session;
mod snapshot;
mod span;
mod subject;
mod why;

pub use deck::{Deck, LinkedDeck};
pub use digest::{Digest, digest_of};
pub use ids::{DeckId, GroupAcronym, MeetingNumber, SessionId};
pub use ledger_view::{
    Accepted, Belief, Burst, Confirming, Hold, LedgerView, Passes, RecentChanges, Remembered, Timing,
};
pub use outcome::{Fault, Outcome};
pub use policy::{
    GuardPolicy, Materials, Mode, NotifyTime, Policy, RoomPowers, RoomsPolicy, ScopePolicy, SlidesPolicy,
};
pub use room::{RoomRecord, RoomSpec, RoomTimes, RoomsSeen, SeenRoom};
pub use scope::{KindFilter, Scope};
pub use session::{Session, SessionStatus};
pub use snapshot::{LONGEST_LAG, SNAPSHOT_VERSION, Sibling, Snapshot};
pub use span::Span;
pub use subject::{Kind, NotASubject, Provider, SubjectKey};
pub use why::Why;

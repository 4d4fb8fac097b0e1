//! Where the rooms of the house meet: read the world, plan, and make the plan so, one leased session at a time.
//!
//! [`world`] reads (datatracker, ledger, rooms at the provider) into the values that [`crate::plan`] decides on.
//! [`mod@resync`] carries a plan out in rounds; [`step`] is one subject under its lease: mark doubt, act, write down how
//! it ended; [`act_decks`] and [`act_room`] speak the operations of a change, and judge nothing but the order of
//! calls. Nothing here decides what should be: a step whose belief turned out to be stale asks the planner again.

mod act_decks;
mod act_room;
mod acted;
pub mod by_hand;
mod dead;
pub mod edges;
mod explain;
mod export;
mod look;
pub mod operate;
mod pass_summary;
mod real;
mod rehearse;
mod result;
mod resync;
mod status;
mod step;
mod tenure;
mod wishes;
mod work;
pub mod worker;
mod world;

pub use explain::{at_work, explain, read_to_explain};
pub use export::{EXPORT_VERSION, Export, ExportError};
pub use pass_summary::{Need, PassSummary};
pub use real::{Real, RealTime};
pub use result::{SubjectOutcome, SubjectResult, results_text};
pub use resync::{Progress, resync};
pub use status::{
    Counts, InDoubt, Owed, Pending, Status, Trouble, WindowClosed, healthy_age, status, status_text,
};
pub use world::{Parts, Range, ReadRooms, ReconcileError, World, read_world};

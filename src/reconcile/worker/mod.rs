//! The worker: keeps the provider in step for as long as it runs.
//!
//! ```text
//! bells (poll, cron, NOTIFY, SIGHUP, a person)     driver    all of them mean: look again
//!   -> a pass                                      pass      read, plan, record the wishes behind the fence
//!   -> a board                                     board     what is due, what may be tried, and when to look again   pure
//!   -> the next task                               dispatch  live sessions first, bounded, one probe at a dead provider   pure
//!   -> steps of one session                        task      lease, doubt mark, act, settle: the room, then the decks
//! ```
//!
//! It keeps nothing in memory that could not be lost: every pass reads the world again, and what must outlive a crash
//! is in the ledger. Several workers on one ledger share the work, with nobody in charge: each plans the same, the
//! lease decides who acts, and a step whose wish is no longer the newest does nothing.
//!
//! What it is not: it decides nothing about decks or rooms (that is [`crate::plan`]), and knows no clock but [`Time`].
//!
//! [`Time`]: super::edges::Time

mod bell;
mod board;
mod calmed;
mod dispatch;
mod driver;
mod findings;
pub(crate) mod housekeeping;
mod looks;
mod pass;
mod task;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use bell::{Bell, Leave};
pub use driver::{Ended, Told, Worker};
pub use pass::{PassReport, ProviderSeems};

/// The job of comparing all rooms, by its name in the ledger.
const SWEEP: &str = "room_sweep";

/// The newest turn of a job that is not after the given moment; None = it never has one.
pub type LastTurn = Arc<dyn Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync>;

/// What of the settings says how the worker runs, and not what it decides.
#[derive(Clone)]
pub struct WorkerOptions {
    /// How often the world is read where no bell rings.
    pub poll: Duration,
    pub last_sweep: LastTurn,
    /// False under `scope.mode = "observe"`: it reads, plans and records, and sends nothing.
    pub may_send: bool,
    /// What is under way when it is asked to stop may go on for so long.
    pub grace: Duration,
    /// By this machine's clock: what the ledger has open since long before it is the past, and no pass looks at it.
    pub begins_at: DateTime<Utc>,
}

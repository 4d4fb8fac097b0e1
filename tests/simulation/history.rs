//! A history as a value: the settings, the sessions at its beginning, what happens when, and which calls fail how.
//!
//! It can be played, made shorter, and told to a person. The faults of a drawn history come from its seed; once they
//! are listed, each can be taken out.

use chrono::{DateTime, TimeDelta, Utc};
use meetsync::model::{Materials, RoomPowers};
use meetsync::provider::meetecho::Call;

/// When every history begins.
pub(crate) fn beginning() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("in range")
}

pub(crate) fn at(ms: u64) -> DateTime<Utc> {
    beginning() + millis(ms)
}

pub(crate) fn millis(ms: u64) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(ms).expect("a short history"))
}

/// What PUT of a list does to decks that are shown and not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Replaces,
    Upserts,
}

/// What the provider makes of a second room with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecondRoom {
    Conflict,
    ServerError,
    GivesTheFirst,
    MakesIt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub(crate) struct Settings {
    pub(crate) materials: Materials,
    pub(crate) put: Put,
    /// POST of a deck that is there shows it twice.
    pub(crate) post_doubles: bool,
    pub(crate) second_room: SecondRoom,
    /// A room's link names its session; else only its public id.
    pub(crate) link_names_session: bool,
    pub(crate) powers: RoomPowers,
    /// None = always.
    pub(crate) notify_minutes: Option<u32>,
    pub(crate) refresh_s: u64,
    pub(crate) late_effect_s: u64,
    pub(crate) settle_s: u64,
    pub(crate) quiet_before_s: u64,
    pub(crate) poll_ms: u64,
    pub(crate) sweep_s: u64,
    pub(crate) quiet_ms: u64,
    pub(crate) max_wait_ms: u64,
    pub(crate) lease_s: u64,
    pub(crate) request_timeout_ms: u64,
    pub(crate) max_in_flight: usize,
    pub(crate) max_deletes: usize,
    pub(crate) write_back: bool,
    /// `scope.mode = "observe"`.
    pub(crate) only_observes: bool,
    pub(crate) workers: usize,
    /// The second one only observes, and never sends slides by its settings.
    pub(crate) has_shadow: bool,
    /// The datatracker tells of its edits (NOTIFY) with this chance.
    pub(crate) told_percent: u64,
    /// The ledger's clock, less the datatracker's.
    pub(crate) ledger_skew_ms: i64,
}

impl Settings {
    pub(crate) fn is_shadow(&self, worker: usize) -> bool {
        self.has_shadow && worker == 1
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionSetup {
    pub(crate) id: i64,
    pub(crate) is_interim: bool,
    pub(crate) group: &'static str,
    /// From the beginning of the history, in seconds.
    pub(crate) start_s: i64,
    pub(crate) minutes: i64,
    pub(crate) decks: Vec<i64>,
    /// A person's own link.
    pub(crate) own_link: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at_ms: u64,
    pub(crate) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    AddDeck {
        session: usize,
        deck: i64,
    },
    /// The decks are named by their place, so that an event means something whatever came before it.
    RemoveDeck {
        session: usize,
        place: usize,
    },
    ReviseDeck {
        session: usize,
        place: usize,
    },
    RenumberDecks {
        session: usize,
        by: usize,
    },
    MarkDeleted {
        session: usize,
        place: usize,
    },
    UnlinkAll {
        session: usize,
    },
    Move {
        session: usize,
        by_s: i64,
    },
    Cancel {
        session: usize,
    },
    Restore {
        session: usize,
    },
    BlankLink {
        session: usize,
    },
    OwnLink {
        session: usize,
    },
    /// The session was moved, and this one only marks its place from now on.
    Tombstone {
        session: usize,
    },
    Hold {
        session: Option<usize>,
        for_s: u64,
    },
    /// Comes when the next step of the session has begun; `released`: and goes before that step ends.
    HoldInStep {
        session: usize,
        for_s: u64,
        released: bool,
    },
    Release {
        session: Option<usize>,
    },
    Crash {
        worker: usize,
        for_ms: u64,
        /// Not before it is in the middle of a step.
        in_step: bool,
    },
    Stall {
        worker: usize,
        for_ms: u64,
    },
    /// SIGTERM, and another one starts.
    Replace {
        worker: usize,
    },
    /// `meetsync push` by a person, beside the workers; it is killed after so long.
    Push {
        session: usize,
        killed_after_ms: Option<u64>,
    },
    ForgetDecks,
    ForgetRooms,
    ForgetTokens,
    ForeignRoom {
        group: &'static str,
    },
    ProviderDown {
        for_ms: u64,
        how: Down,
    },
    LedgerDown {
        for_ms: u64,
    },
    SourceDown {
        for_ms: u64,
    },
    /// No link can be written.
    LinksDown {
        for_ms: u64,
    },
    /// The clock of the datatracker's database is set.
    ClockStep {
        by_ms: i64,
    },
    /// The datatracker's standby stops to follow.
    SourceLags {
        for_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    Refuses,
    Hangs,
    Fails,
    AsksForQuiet,
    /// Answers 401 to whoever asks for a token.
    GivesNoTokens,
}

/// A kind of call at an edge, of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edge {
    Source,
    LedgerRead,
    LedgerPass,
    LedgerTurn,
    LedgerLease,
    LedgerNote,
    LedgerSettle,
    Provider(Call),
    Link,
}

impl Edge {
    pub(crate) const COUNT: usize = 15;

    pub(crate) fn place(self) -> usize {
        match self {
            Self::Source => 0,
            Self::LedgerRead => 1,
            Self::LedgerPass => 2,
            Self::LedgerTurn => 3,
            Self::LedgerLease => 4,
            Self::LedgerNote => 5,
            Self::LedgerSettle => 6,
            Self::Link => 7,
            Self::Provider(call) => 8 + call as usize,
        }
    }
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    // Ledger, source, links.
    FailsBefore,
    FailsAfter,
    Incomplete,
    Empty,
    Stale {
        by_ms: u64,
    },
    Slow {
        by_ms: u64,
    },
    // Provider.
    RefusesConnection,
    RequestLost,
    ReplyLost,
    /// Lands so long after we gave up.
    LandsLate {
        by_ms: u64,
    },
    AnswersLate,
    Status {
        status: u16,
    },
    StatusAfterEffect {
        status: u16,
    },
    TooMany {
        retry_after_s: u64,
    },
    Html {
        after_effect: bool,
    },
    Truncated,
    TokensExpire,
}

/// A fault, and the call that it strikes: the n-th of its kind, of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Struck {
    pub(crate) worker: usize,
    pub(crate) edge: Edge,
    pub(crate) number: u32,
    pub(crate) fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Faults {
    Drawn { percent: u64 },
    Listed(Vec<Struck>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) sessions: Vec<SessionSetup>,
    /// In the order of their time.
    pub(crate) events: Vec<Event>,
    pub(crate) faults: Faults,
    /// From here on nothing fails any more, and nothing is edited.
    pub(crate) calm_at_ms: u64,
    /// The first session is edited without a pause, and nothing fails: it must be sent all the same.
    pub(crate) is_storm: bool,
    /// Worker 0 dies at this boundary between two calls, counted from 1.
    pub(crate) dies_at: Option<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "to be read by people")]
pub(crate) fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

//! The ways in which the stand-in can go wrong, and the questions that only the real one could answer.

use std::time::Duration;

use crate::provider::meetecho::Call;

/// What happens to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Answered with this status and a line of JSON; nothing is done.
    Status(u16),
    /// Done, and then answered with this status.
    StatusAfterEffect(u16),
    /// 429 with `Retry-After: SECONDS`; nothing is done.
    TooMany { retry_after: u64 },
    /// 302 to another address; nothing is done.
    Redirect(String),
    /// A maintenance page with status 200; nothing is done.
    Html,
    /// Done, and the JSON answer is cut in the middle.
    TruncatedJson,
    /// Done, and answered with something that only claims to be JSON.
    BrokenJson,
    /// Done, and answered with 10 MB.
    Huge,
    /// Done at once, and answered after this long.
    Delay(Duration),
    /// The connection is closed; nothing is done.
    DropBefore,
    /// Done, and then the connection is closed without an answer.
    DropAfter,
    /// Never answered, nothing done.
    Hang,
    /// Never answered; done after this long, whether or not anybody still waits.
    LateLanding(Duration),
    /// Never answered; done when [`super::Standin::land_held`] is called, whether or not anybody still waits.
    Held,
    /// 401, and all tokens that were given out stop counting.
    RejectTokens,
}

/// A failure for the next so many requests of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub call: Option<Call>,
    pub left: usize,
    pub failure: Failure,
}

/// How a group is refused a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupRefusal {
    /// A token call that names it is answered with this status, whatever other groups are in it.
    WholeCall(u16),
    /// The answer leaves it out.
    LeftOut,
}

/// What PUT does to decks that are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PutRule {
    /// They go.
    #[default]
    Replace,
    /// They stay.
    Upsert,
}

/// What POST does with a deck that is already there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RepostRule {
    /// It is there twice.
    #[default]
    Doubles,
    Replaces,
}

/// What `createRoom` does with an id that is already there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DuplicateRoom {
    #[default]
    Conflict409,
    Error500,
    /// Answers with the room that is there, unchanged.
    Existing200,
}

/// How the address of a new room is made: both forms have been seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LinkForm {
    /// `?session=36101`: a new room of the session has the address of the old one.
    #[default]
    Session,
    /// `?short=` and the public id: nothing in it tells whose it is.
    Short,
}

//! Bugs that can be switched on, to see that the simulation finds them.
//!
//! Only a build with the feature `planted` has the switch, and no default one does: elsewhere [`is`] is a constant
//! `false`, and the compiler drops what it guards. Most bugs are planted at the edges, in the simulation itself; here
//! are those that have to sit in the code that decides.

/// One way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// The notify window opens and closes a minute off.
    WindowOffByOne,
    /// A token that was rejected is kept.
    TokenNeverRenewed,
    /// A step is settled whoever has the lease by now.
    FinishWithoutToken,
    /// A DELETE of what is not there counts as refused.
    GoneIsFailure,
    /// What equals the last accepted list is not sent, although another list may be shown.
    BackToTheLastAccepted,
    /// A burst that goes on for ever is never sent.
    DebounceWithoutMaxWait,
    /// A provider that was gone stays gone.
    CircuitNeverCloses,
    /// A step that was planned on an older wish is made all the same, and settles the newer one.
    GenerationNotChecked,
    /// `scope.mode = "observe"` is not looked at.
    DryRunThatWrites,
    /// A pass that knows an older state than one before it is recorded all the same.
    NoFence,
    /// The rooms at the provider are not read before one is made.
    CreateWithoutRead,
    /// A session's lease is given to whoever asks, although another has it.
    LeaseGivenTwice,
    /// A session that only marks the place of another gets slides.
    TombstoneServed,
    /// A source whose clock was set back is taken for an old state until its clock has caught up.
    FenceForEver,
    /// Each pass records its wishes as new ones.
    EveryPassAnEdit,
    /// What failed three times is not tried again for a day.
    GivesUp,
    /// A worker takes a wish for its own because it once had one of the same subject.
    OnceOwnAlwaysOwn,
    /// A worker takes back whatever it would not send by its own settings.
    OthersWishesTakenBack,
    /// Who was once refused a token is never asked for one again.
    RefusalForEver,
}

#[cfg(feature = "planted")]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants one bug, or none, in all that this thread does from now on.
    pub fn plant(bug: Option<Bug>) {
        ON.with(|on| on.set(bug));
    }

    /// Whether this bug is planted here and now.
    pub fn is(bug: Bug) -> bool {
        ON.with(|on| on.get() == Some(bug))
    }
}

#[cfg(feature = "planted")]
pub use switch::{is, plant};

/// No bug is planted in this build.
#[cfg(not(feature = "planted"))]
pub const fn is(_: Bug) -> bool {
    false
}

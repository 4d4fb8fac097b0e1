//! The planted bugs: at the edges here, in deciding code in `meetsync::planted`.

use std::cell::Cell;

use meetsync::planted::{self, Bug};

/// A bug that sits at an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeBug {
    /// What got no answer counts as accepted.
    AckBeforeReply,
    /// The mark of a step is gone when the worker dies.
    NoDoubtMark,
    /// A creation without an answer is made again at once.
    SecondCreate,
    /// A read that was cut short counts as complete.
    PartialReadBelieved,
    /// After doubt nothing is confirmed.
    NoConfirming,
    /// Only what was accepted may be there, not what was sent.
    EverAccepted,
    /// A link is written whatever stands there.
    LinkWithoutCompare,
    /// No turn of the sweep is ever taken.
    NoSweep,
    /// Holds are set, and nobody reads them.
    HoldsNotRead,
    /// A step that was laid out before the hold came is begun all the same.
    HoldsReadByPassesOnly,
    /// Every step asks for tokens of its own.
    TokensNotShared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    Edge(EdgeBug),
    Deep(Bug),
}

thread_local! {
    static EDGE: Cell<Option<EdgeBug>> = const { Cell::new(None) };
}

/// Plants it in all that this thread does from now on.
pub(crate) fn plant(mutant: Option<Mutant>) {
    let (edge, deep) = match mutant {
        None => (None, None),
        Some(Mutant::Edge(bug)) => (Some(bug), None),
        Some(Mutant::Deep(bug)) => (None, Some(bug)),
    };
    EDGE.with(|on| on.set(edge));
    planted::plant(deep);
}

pub(crate) fn is(bug: EdgeBug) -> bool {
    EDGE.with(|on| on.get() == Some(bug))
}

/// A bug as the table shows it.
#[derive(Debug)]
pub(crate) struct Planted {
    pub(crate) mutant: Mutant,
    pub(crate) name: &'static str,
    /// What is wrong, in one phrase.
    pub(crate) words: &'static str,
}

const fn edge(bug: EdgeBug, name: &'static str, words: &'static str) -> Planted {
    Planted { mutant: Mutant::Edge(bug), name, words }
}

const fn deep(bug: Bug, name: &'static str, words: &'static str) -> Planted {
    Planted { mutant: Mutant::Deep(bug), name, words }
}

/// All of them.
pub(crate) const ALL: &[Planted] = &[
    edge(EdgeBug::AckBeforeReply, "ack before the reply", "a request that got no answer counts as accepted"),
    edge(EdgeBug::NoDoubtMark, "no doubt mark", "a process that is killed in a step leaves no doubt behind"),
    edge(
        EdgeBug::SecondCreate,
        "second create instead of a read",
        "a room whose creation got no answer is made again at once",
    ),
    deep(
        Bug::CreateWithoutRead,
        "create without a read",
        "a room is made without a look at those that are there",
    ),
    edge(
        EdgeBug::PartialReadBelieved,
        "partial read believed",
        "a read that was cut short is taken for an empty list",
    ),
    deep(Bug::WindowOffByOne, "window off by one", "the notify window opens and closes a minute off"),
    deep(Bug::TokenNeverRenewed, "token never renewed", "a token that was rejected is kept"),
    deep(Bug::FinishWithoutToken, "finish without token", "a step is settled by who lost its lease"),
    deep(
        Bug::LeaseGivenTwice,
        "lease given twice",
        "a lease is given to whoever asks, although another has it",
    ),
    deep(Bug::DebounceWithoutMaxWait, "debounce without max_wait", "edits that don't stop are never sent"),
    deep(Bug::EveryPassAnEdit, "every pass an edit", "each pass records what it wishes as a new edit"),
    edge(
        EdgeBug::NoConfirming,
        "no confirming send",
        "after doubt the first answer is believed, and a late request wins",
    ),
    edge(
        EdgeBug::EverAccepted,
        "ever accepted in place of ever sent",
        "only decks that were accepted are ever taken away again",
    ),
    deep(Bug::DryRunThatWrites, "dry run that writes", "scope.mode = observe is not looked at"),
    deep(Bug::GoneIsFailure, "404 on delete as failure", "a deck that is already gone can't be taken away"),
    edge(
        EdgeBug::LinkWithoutCompare,
        "link without compare-and-set",
        "a link is written whatever stands there by now",
    ),
    deep(Bug::BackToTheLastAccepted, "A-B-A", "an edit back to the last accepted list is not sent"),
    deep(Bug::CircuitNeverCloses, "circuit never closes", "a provider that was gone stays gone"),
    deep(Bug::GivesUp, "gives up", "what failed three times is not tried again for a day"),
    deep(
        Bug::OnceOwnAlwaysOwn,
        "once own, always own",
        "a worker takes back another's wish of a room, since it once had one itself",
    ),
    deep(Bug::NoRest, "no rest", "a slow pass is followed by the next one at once"),
    deep(
        Bug::OthersWishesTakenBack,
        "others' wishes taken back",
        "a worker that only observes, and has another window, takes back what its neighbour is about to send",
    ),
    deep(Bug::RefusalForEver, "refusal for ever", "who was once refused a token never asks again"),
    deep(
        Bug::GenerationNotChecked,
        "generation not checked",
        "a step that was planned on an older wish settles the newer one",
    ),
    deep(Bug::NoFence, "no fence", "a pass that knows an older state overwrites a newer wish"),
    deep(
        Bug::FenceForEver,
        "fence for ever",
        "a clock that was set back stops all passes until it has caught up",
    ),
    deep(
        Bug::TombstoneServed,
        "tombstone served",
        "a session that only marks the place of another gets slides",
    ),
    edge(EdgeBug::NoSweep, "no sweep", "rooms that Meetecho lost are never missed"),
    edge(EdgeBug::HoldsNotRead, "holds not read", "a hold is set, and nobody reads it"),
    edge(
        EdgeBug::HoldsReadByPassesOnly,
        "holds read by passes only",
        "a step that was laid out before the hold came is begun all the same",
    ),
    edge(EdgeBug::TokensNotShared, "tokens not shared", "every step asks for tokens of its own"),
];

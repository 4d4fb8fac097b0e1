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

/// All of them, with what the table calls them.
pub(crate) const ALL: &[(Mutant, &str)] = &[
    (Mutant::Edge(EdgeBug::AckBeforeReply), "ack before the reply"),
    (Mutant::Edge(EdgeBug::NoDoubtMark), "no doubt mark"),
    (Mutant::Edge(EdgeBug::SecondCreate), "second create instead of a read"),
    (Mutant::Deep(Bug::CreateWithoutRead), "create without a read before it"),
    (Mutant::Edge(EdgeBug::PartialReadBelieved), "a read cut short taken for an empty list"),
    (Mutant::Deep(Bug::WindowOffByOne), "window off by one minute"),
    (Mutant::Deep(Bug::TokenNeverRenewed), "token never renewed"),
    (Mutant::Deep(Bug::FinishWithoutToken), "finish without the lease's token"),
    (Mutant::Deep(Bug::DebounceWithoutMaxWait), "debounce without max_wait"),
    (Mutant::Edge(EdgeBug::NoConfirming), "no confirming send"),
    (Mutant::Edge(EdgeBug::EverAccepted), "ever accepted in place of ever sent"),
    (Mutant::Deep(Bug::DryRunThatWrites), "dry run that writes"),
    (Mutant::Deep(Bug::GoneIsFailure), "404 on delete as failure"),
    (Mutant::Edge(EdgeBug::LinkWithoutCompare), "link written without compare-and-set"),
    (Mutant::Deep(Bug::BackToTheLastAccepted), "A-B-A: nothing sent where the wish is the last accepted"),
    (Mutant::Deep(Bug::CircuitNeverCloses), "circuit never closes"),
    (Mutant::Deep(Bug::GenerationNotChecked), "generation not checked"),
    (Mutant::Deep(Bug::NoFence), "no fence against an older state"),
];

//! Two deck lists and the operations that turn one into the other.
//!
//! | believed B and wanted D | `put` | `calls` | `whole_list` |
//! |---|---|---|---|
//! | equal | nothing | nothing | nothing |
//! | B unknown | DELETE what may be there and D lacks, PUT D | the same | PUT D |
//! | one deck more, the others untouched | PUT D | POST it | PUT D |
//! | decks gone | DELETE each, PUT D unless D is empty | the same | PUT D |
//! | one deck revised in its place | PUT D | DELETE it, POST it | PUT D |
//! | anything else | DELETE what is gone, PUT D | the same | PUT D |
//!
//! `put` is right whether PUT replaces the list or only updates known ids; that is why it deletes what is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{DeckCall, DeckRef, Operation};
use crate::model::{Deck, DeckId, Materials};

/// The operations from a list that is known to be shown to the wanted one; empty where they are equal.
pub(super) fn difference(believed: &[Deck], wanted: &[Deck], materials: Materials) -> Vec<Operation> {
    if believed == wanted {
        return Vec::new();
    }
    let wanted_ids: BTreeSet<DeckId> = wanted.iter().map(|deck| deck.id).collect();
    let gone: Vec<&Deck> = believed.iter().filter(|deck| !wanted_ids.contains(&deck.id)).collect();
    let believed_by_id: BTreeMap<DeckId, &Deck> = believed.iter().map(|deck| (deck.id, deck)).collect();
    let added: Vec<&Deck> = wanted.iter().filter(|deck| !believed_by_id.contains_key(&deck.id)).collect();
    match (added.as_slice(), gone.as_slice()) {
        ([deck], []) if same_sequence(believed, wanted, &deck.id) => {
            vec![Operation::add_deck((*deck).clone(), calls_to_add(believed, wanted, deck.id, materials))]
        }
        ([], [_, ..]) if same_sequence(wanted, believed, &wanted_ids) => {
            deletions(&gone, wanted.is_empty(), materials)
        }
        ([], []) => rearrangement(believed, wanted, materials),
        _ => replacement(gone.iter().map(|deck| named(deck)), wanted, materials),
    }
}

/// The operations where anything may be shown: of `may_be_there`, what is not wanted is taken away first.
pub(super) fn replacement_of_unknown(
    may_be_there: &BTreeSet<DeckId>,
    last_sent: &[Deck],
    wanted: &[Deck],
    materials: Materials,
) -> Vec<Operation> {
    let strays =
        may_be_there.iter().filter(|id| wanted.iter().all(|deck| deck.id != **id)).map(|id| DeckRef {
            id: *id,
            title: last_sent.iter().find(|deck| deck.id == *id).map(|deck| deck.title.clone()),
        });
    replacement(strays, wanted, materials)
}

/// Decks of one list that count when its sequence is compared with a shorter one.
trait Leaves {
    fn leaves_out(&self, id: DeckId) -> bool;
}

impl Leaves for DeckId {
    fn leaves_out(&self, id: DeckId) -> bool {
        *self == id
    }
}

impl Leaves for BTreeSet<DeckId> {
    fn leaves_out(&self, id: DeckId) -> bool {
        !self.contains(&id)
    }
}

/// Whether `longer`, without some of its decks, has the content and the sequence of `shorter`. The numbers in
/// `order` may differ: the datatracker renumbers the others when one is added or taken away.
fn same_sequence(shorter: &[Deck], longer: &[Deck], left_out: &impl Leaves) -> bool {
    let rest: Vec<&Deck> = longer.iter().filter(|deck| !left_out.leaves_out(deck.id)).collect();
    rest.len() == shorter.len() && rest.iter().zip(shorter).all(|(a, b)| a.same_content(b))
}

fn calls_to_add(believed: &[Deck], wanted: &[Deck], added: DeckId, materials: Materials) -> Vec<DeckCall> {
    let untouched = wanted.iter().filter(|deck| deck.id != added).eq(believed);
    match materials {
        Materials::Calls if untouched => vec![DeckCall::Post],
        _ => vec![DeckCall::Put],
    }
}

fn deletions(gone: &[&Deck], nothing_left: bool, materials: Materials) -> Vec<Operation> {
    let last = gone.len() - 1;
    gone.iter()
        .enumerate()
        .map(|(place, deck)| {
            let mut calls = Vec::new();
            if materials != Materials::WholeList {
                calls.push(DeckCall::Delete);
            }
            if place == last && (materials == Materials::WholeList || !nothing_left) {
                calls.push(DeckCall::Put);
            }
            Operation::delete_deck(named(deck), calls)
        })
        .collect()
}

/// The same ids: one revised in its place, only another order, or anything.
fn rearrangement(believed: &[Deck], wanted: &[Deck], materials: Materials) -> Vec<Operation> {
    let changed: Vec<(&Deck, &Deck)> = believed.iter().zip(wanted).filter(|(was, is)| was != is).collect();
    if let [(was, is)] = changed.as_slice()
        && was.id == is.id
        && was.order == is.order
    {
        let calls = match materials {
            Materials::Calls => vec![DeckCall::Delete, DeckCall::Post],
            Materials::Put | Materials::WholeList => vec![DeckCall::Put],
        };
        return vec![Operation::revise_deck((*is).clone(), (*was).clone(), calls)];
    }
    let only_order = wanted.iter().all(|deck| believed.iter().any(|other| other.same_content(deck)));
    if only_order {
        vec![Operation::reorder_decks(wanted.to_vec())]
    } else {
        vec![Operation::replace_decks(wanted.to_vec())]
    }
}

fn replacement(gone: impl Iterator<Item = DeckRef>, wanted: &[Deck], materials: Materials) -> Vec<Operation> {
    let mut operations: Vec<Operation> = match materials {
        Materials::WholeList => Vec::new(),
        Materials::Put | Materials::Calls => {
            gone.map(|deck| Operation::delete_deck(deck, vec![DeckCall::Delete])).collect()
        }
    };
    operations.push(Operation::replace_decks(wanted.to_vec()));
    operations
}

fn named(deck: &Deck) -> DeckRef {
    DeckRef { id: deck.id, title: Some(deck.title.clone()) }
}

#[cfg(test)]
mod tests;

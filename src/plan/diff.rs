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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a provider makes of PUT. Which one Meetecho means is not known (its own text says "update/reorder").
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum PutMeans {
        Replace,
        Upsert,
    }

    fn apply(operations: &[Operation], shown: &[Deck], wanted: &[Deck], put: PutMeans) -> Vec<Deck> {
        let mut list = shown.to_vec();
        for operation in operations {
            let (calls, id, deck) = match operation {
                Operation::AddDeck { deck, calls, .. } | Operation::ReviseDeck { deck, calls, .. } => {
                    (calls, Some(deck.id), Some(deck))
                }
                Operation::DeleteDeck { deck, calls, .. } => (calls, Some(deck.id), None),
                Operation::ReorderDecks { calls, .. } | Operation::ReplaceDecks { calls, .. } => {
                    (calls, None, None)
                }
                _ => panic!("a room operation in a deck plan"),
            };
            for call in calls {
                match call {
                    DeckCall::Delete => list.retain(|other| Some(other.id) != id),
                    DeckCall::Post => list.push(deck.expect("a POST has its deck").clone()),
                    DeckCall::Put if put == PutMeans::Replace => list = wanted.to_vec(),
                    DeckCall::Put => {
                        list.retain(|other| wanted.iter().all(|deck| deck.id != other.id));
                        list.extend_from_slice(wanted);
                    }
                }
            }
        }
        list
    }

    /// Lists are equal as sets of decks: where they stand is said by `order`.
    fn sorted(mut list: Vec<Deck>) -> Vec<Deck> {
        list.sort_by_key(|deck| deck.id);
        list
    }

    fn deck_strategy() -> impl Strategy<Value = Vec<Deck>> {
        proptest::sample::subsequence((1_i64..=5).collect::<Vec<_>>(), 0..=5)
            .prop_shuffle()
            .prop_flat_map(|ids| {
                let revs = proptest::collection::vec(0_u8..2, ids.len());
                (Just(ids), revs, 0_i32..2)
            })
            .prop_map(|(ids, revs, gap)| {
                ids.into_iter()
                    .zip(revs)
                    .zip(1..)
                    .map(|((id, rev), place)| Deck {
                        id: DeckId(id),
                        title: format!("Deck {id}"),
                        url: format!("https://example.org/{id}-{rev:02}"),
                        rev: format!("{rev:02}"),
                        order: place + gap,
                    })
                    .collect()
            })
    }

    fn materials_strategy() -> impl Strategy<Value = Materials> {
        prop_oneof![Just(Materials::Put), Just(Materials::Calls), Just(Materials::WholeList)]
    }

    fn most_requests(believed: &[Deck], wanted: &[Deck], materials: Materials) -> usize {
        let gone = believed.iter().filter(|deck| wanted.iter().all(|other| other.id != deck.id)).count();
        match materials {
            _ if believed == wanted => 0,
            Materials::WholeList => 1,
            Materials::Put => gone + usize::from(!wanted.is_empty()),
            Materials::Calls => (gone + usize::from(!wanted.is_empty())).max(2),
        }
    }

    proptest! {
        #[test]
        fn the_operations_lead_to_what_is_wanted(
            believed in deck_strategy(), wanted in deck_strategy(), materials in materials_strategy(),
        ) {
            let operations = difference(&believed, &wanted, materials);
            prop_assert_eq!(
                sorted(apply(&operations, &believed, &wanted, PutMeans::Replace)), sorted(wanted.clone())
            );
            if materials != Materials::WholeList {
                prop_assert_eq!(
                    sorted(apply(&operations, &believed, &wanted, PutMeans::Upsert)), sorted(wanted.clone())
                );
            }
            let requests: usize = operations.iter().map(Operation::requests).sum();
            prop_assert!(requests <= most_requests(&believed, &wanted, materials), "{requests}: {operations:?}");
            prop_assert!(difference(&wanted, &wanted, materials).is_empty());
        }

        /// Whatever is shown, as long as its ids are among those that may be there.
        #[test]
        fn the_unknown_is_replaced(
            shown in deck_strategy(), wanted in deck_strategy(), materials in materials_strategy(),
        ) {
            let may_be_there = shown.iter().map(|deck| deck.id).collect();
            let operations = replacement_of_unknown(&may_be_there, &shown, &wanted, materials);
            prop_assert_eq!(
                sorted(apply(&operations, &shown, &wanted, PutMeans::Replace)), sorted(wanted.clone())
            );
            if materials != Materials::WholeList {
                prop_assert_eq!(
                    sorted(apply(&operations, &shown, &wanted, PutMeans::Upsert)), sorted(wanted.clone())
                );
            }
        }

        /// With `put`, no wanted deck that was shown is ever absent on the way.
        #[test]
        fn put_never_leaves_a_moment_without_a_wanted_deck(
            believed in deck_strategy(), wanted in deck_strategy(),
        ) {
            for operation in difference(&believed, &wanted, Materials::Put) {
                if let Operation::DeleteDeck { deck, .. } = operation {
                    prop_assert!(wanted.iter().all(|other| other.id != deck.id));
                }
            }
        }
    }

    fn deck(id: i64, rev: &str, order: i32) -> Deck {
        Deck {
            id: DeckId(id),
            title: format!("Deck {id}"),
            url: format!("u{id}-{rev}"),
            rev: rev.into(),
            order,
        }
    }

    fn spoken(believed: &[Deck], wanted: &[Deck], materials: Materials) -> String {
        difference(believed, wanted, materials)
            .iter()
            .map(|operation| {
                let value = serde_json::to_value(operation).expect("plain");
                format!("{} {}", value["op"].as_str().expect("op"), value["calls"])
            })
            .collect::<Vec<_>>()
            .join("; ")
    }

    #[test]
    fn each_row_of_the_table_is_named_and_spoken() {
        use Materials::{Calls, Put, WholeList};
        let (a, b, c) = (deck(1, "00", 1), deck(2, "00", 2), deck(3, "00", 3));
        let ab = vec![a.clone(), b.clone()];
        let abc = vec![a.clone(), b.clone(), c.clone()];
        let rows: &[(&[Deck], &[Deck], Materials, &str)] = &[
            (&ab, &ab, Put, ""),
            (&ab, &abc, Put, r#"add_deck ["put"]"#),
            (&ab, &abc, Calls, r#"add_deck ["post"]"#),
            (&ab, &abc, WholeList, r#"add_deck ["put"]"#),
            (&abc, &ab, Put, r#"delete_deck ["delete","put"]"#),
            (&abc, &ab, WholeList, r#"delete_deck ["put"]"#),
            (&ab, &[], Calls, r#"delete_deck ["delete"]; delete_deck ["delete"]"#),
            (&ab, &[], WholeList, r#"delete_deck []; delete_deck ["put"]"#),
            (&ab, &[a.clone(), deck(2, "01", 2)], Put, r#"revise_deck ["put"]"#),
            (&ab, &[a.clone(), deck(2, "01", 2)], Calls, r#"revise_deck ["delete","post"]"#),
            (&ab, &[deck(2, "00", 1), deck(1, "00", 2)], Calls, r#"reorder_decks ["put"]"#),
            (&ab, &[deck(2, "01", 1), deck(1, "00", 2)], Put, r#"replace_decks ["put"]"#),
            (&ab, &[b.clone(), c.clone()], Put, r#"delete_deck ["delete"]; replace_decks ["put"]"#),
            (&ab, &[b, c], WholeList, r#"replace_decks ["put"]"#),
        ];
        for (believed, wanted, materials, expected) in rows {
            assert_eq!(spoken(believed, wanted, *materials), *expected, "{believed:?} -> {wanted:?}");
        }
    }
}

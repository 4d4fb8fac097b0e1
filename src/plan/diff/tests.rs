//! The operations, carried out on what a provider may make of them, lead to the wanted list.

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
    Deck { id: DeckId(id), title: format!("Deck {id}"), url: format!("u{id}-{rev}"), rev: rev.into(), order }
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

//! What people do in a while, at random, and what the datatracker sends for it.

use std::time::{Duration, Instant};

use meetsync::demo::sample::scenes;
use meetsync::demo::second_sender::{Answered, Calls, DeckEdit};
use meetsync::model::{DeckId, SessionId};
use meetsync::provider::meetecho::Call;

use super::{Beside, QUIET, SETTLE};

/// Sessions with slides in their window, the live ones and those around them.
pub(super) const SESSIONS: std::ops::RangeInclusive<i64> = 36001..=36007;
/// Interims whose rooms the worker has made, and new ones that the datatracker makes rooms for.
pub(super) const INTERIMS: std::ops::RangeInclusive<i64> = 36101..=36102;
pub(super) const NEW_INTERIMS: std::ops::RangeInclusive<i64> = 37001..=37003;
const GROUPS: [&str; 3] = ["oauth", "quic", "moq"];

/// A random sequence that is the same each time (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.roll(most))
    }

    /// Sometimes right after the last edit, sometimes just when the worker sends that one, sometimes later.
    fn pause(&mut self, span: Duration) -> Duration {
        match self.roll(4) {
            0 => self.millis(150),
            1 | 2 => span + self.millis(400),
            _ => self.millis(3000),
        }
    }
}

/// One session's history, as far as the datatracker's own calls went.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) session: i64,
    /// What was done, in words.
    pub(super) edits: Vec<String>,
    /// Answers that make the datatracker log an error or warn.
    pub(super) troubles: Vec<Answered>,
    /// The same, where the datatracker alone would have got it too.
    pub(super) its_own: usize,
    /// From a save to the end of the calls for it, at most.
    pub(super) slowest: Duration,
}

impl Beside {
    /// Chairs at work on one session.
    pub(super) async fn slides(&self, id: i64, seed: u64) -> History {
        let session = SessionId(id);
        let mut dice = Dice(seed);
        let mut history = History { session: id, ..History::default() };
        for number in 0..3 + dice.roll(2) {
            tokio::time::sleep(dice.pause(QUIET)).await;
            let decks = self.decks(session).await;
            let many = decks.len() as u64;
            let (edit, named) = match dice.roll(4) {
                0 => (scenes::add_deck(session, &format!("Deck {number}")), None),
                1 if many > 1 => {
                    let (place, deck) = one_of(&decks, dice.roll(many));
                    (scenes::revise_deck(session, place), Some(DeckEdit::Revised(deck)))
                }
                2 if many > 1 => (scenes::last_deck_first(session), Some(DeckEdit::Reordered)),
                3 if many > 1 => {
                    let (place, deck) = one_of(&decks, dice.roll(many));
                    (scenes::remove_deck(session, place), Some(DeckEdit::Removed(deck)))
                }
                _ => (scenes::add_deck(session, &format!("One more deck {number}")), None),
            };
            let began = Instant::now();
            self.save(&edit).await;
            let what = match named {
                Some(what) => what,
                None => DeckEdit::Added(*self.decks(session).await.last().unwrap()),
            };
            tokio::time::sleep(dice.millis(200)).await;
            let calls = self.sender.decks_edited(session, what).await.unwrap();
            assert!(!calls.answered.is_empty(), "the session is in its window");
            history.troubles.extend(calls.trouble());
            history.edits.push(format!("{what:?} -> {:?}", statuses(&calls)));
            history.slowest = history.slowest.max(began.elapsed());
        }
        history
    }

    /// An interim's form is saved now and then, and in the end some are cancelled.
    pub(super) async fn interim(&self, id: i64, seed: u64) -> History {
        let session = SessionId(id);
        let mut dice = Dice(seed);
        let mut history = History { session: id, ..History::default() };
        let mut is_new = NEW_INTERIMS.contains(&id);
        for _ in 0..2 + dice.roll(2) {
            tokio::time::sleep(dice.pause(SETTLE)).await;
            let had_a_room = self.stage.standin.rooms().iter().any(|made| made.room.room_id == id) && !is_new;
            let group = GROUPS[usize::try_from(id).unwrap() % GROUPS.len()];
            let day = 20 + u32::try_from(id % 50).unwrap();
            let (words, edit) = match dice.roll(3) {
                _ if std::mem::take(&mut is_new) => {
                    ("asked for", scenes::new_interim(session, group, day, 15))
                }
                0 => ("form saved", scenes::blank_link(session)),
                1 => {
                    let mut edit = scenes::move_interim(session, 30);
                    edit.sql.push_str(&scenes::blank_link(session).sql);
                    ("moved", edit)
                }
                _ => ("cancelled", scenes::cancel(session)),
            };
            let began = Instant::now();
            self.save(&edit).await;
            tokio::time::sleep(dice.millis(200)).await;
            let calls = if words == "cancelled" {
                self.sender.interim_cancelled(session).await.unwrap()
            } else {
                let calls = self.sender.interim_saved(&[session]).await.unwrap();
                for (session, link) in &calls.links {
                    self.save(&scenes::save_link(*session, link)).await;
                }
                calls
            };
            let is_its_own = |trouble: &Answered| trouble.call == Call::CreateRoom && had_a_room;
            let (own, ours): (Vec<Answered>, Vec<Answered>) =
                calls.trouble().into_iter().partition(is_its_own);
            history.its_own += own.len();
            history.troubles.extend(ours);
            history.edits.push(format!("{words} -> {:?}", statuses(&calls)));
            history.slowest = history.slowest.max(began.elapsed());
            if words == "cancelled" {
                break;
            }
        }
        history
    }
}

/// A deck, and its place counted from 1.
pub(super) fn one_of(decks: &[DeckId], index: u64) -> (u32, DeckId) {
    (u32::try_from(index + 1).unwrap(), decks[usize::try_from(index).unwrap()])
}

fn statuses(calls: &Calls) -> Vec<(Call, Option<u16>)> {
    calls.answered.iter().map(|answered| (answered.call, answered.status)).collect()
}

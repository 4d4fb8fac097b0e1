//! What people do to the datatracker meanwhile.

use meetsync::demo::sample::scenes::{self, Edit};
use meetsync::model::SessionId;

use crate::random::Random;

/// Live for as long as it takes.
pub(crate) const LIVE: std::ops::RangeInclusive<i64> = 36001..=36011;
/// Moved into their window and out of it.
const COMING_AND_GOING: std::ops::RangeInclusive<i64> = 36012..=36020;
const INTERIMS: [i64; 8] = [36101, 36102, 36103, 36104, 36105, 36106, 36107, 36109];

fn any_of(chance: &mut Random, range: &std::ops::RangeInclusive<i64>) -> SessionId {
    let count = u64::try_from(range.end() - range.start() + 1).unwrap_or(1);
    SessionId(range.start() + i64::try_from(chance.below(count)).unwrap_or(0))
}

/// None = nobody does anything this time.
pub(crate) fn any(chance: &mut Random, number: usize) -> Option<Edit> {
    let mostly_live = if chance.below(4) == 0 { COMING_AND_GOING } else { LIVE };
    let session = any_of(chance, &mostly_live);
    let interim = SessionId(chance.pick(&INTERIMS));
    let place = u32::try_from(chance.below(6)).unwrap_or(0) + 1;
    Some(match chance.below(20) {
        0..=4 => scenes::add_deck(session, &format!("Deck {number}")),
        5..=8 => scenes::remove_deck(session, place),
        9..=11 => scenes::revise_deck(session, place),
        12..=14 => scenes::last_deck_first(session),
        15 => comes_or_goes(any_of(chance, &COMING_AND_GOING), chance.below(2) == 0),
        16 => scenes::move_interim(interim, i32::try_from(chance.below(9)).unwrap_or(0) * 15 - 60),
        17 => scenes::blank_link(interim),
        18 if chance.below(2) == 0 => scenes::cancel(interim),
        18 => scenes::reinstate(interim),
        _ => return None,
    })
}

/// The session takes place now, or tomorrow.
fn comes_or_goes(session: SessionId, comes: bool) -> Edit {
    let (when, words) = if comes { ("-5 min", "now") } else { ("1 day", "tomorrow") };
    let sql = format!(
        "UPDATE public.meeting_timeslot SET \"time\" = now() + interval '{when}' WHERE id = {session} + 10000"
    );
    Edit { session, tells: format!("session {session} takes place {words}"), sql }
}

/// What makes the live sessions stay live.
pub(crate) fn for_days() -> String {
    format!(
        "UPDATE public.meeting_timeslot SET \"time\" = now() - interval '10 min', duration = interval '30 days'
         WHERE id BETWEEN {} + 10000 AND {} + 10000",
        LIVE.start(),
        LIVE.end()
    )
}

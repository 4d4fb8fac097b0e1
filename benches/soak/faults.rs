//! What goes wrong meanwhile.

use std::time::Duration;

use meetsync::demo::standin::Failure;
use meetsync::provider::meetecho::Call;

use crate::Anything;
use crate::random::Random;
use crate::stage::Stage;

/// Something, small things mostly.
pub(crate) fn any(stage: &mut Stage, chance: &mut Random) -> Result<(), Anything> {
    stage.faults += 1;
    match chance.below(40) {
        0..=2 => stage.kill_one()?,
        3 => stage.stop_one_for(Duration::from_millis(500 + chance.below(14_000)))?,
        4 => stage.restart_database()?,
        5 => stage.standin.forget_everything(),
        6 | 7 => stage.provider_away_for(Duration::from_millis(500 + chance.below(6000))),
        8 | 9 => stage.provider_hangs_for(Duration::from_millis(500 + chance.below(6000))),
        10 | 11 => stage.standin.reject_tokens(),
        12..=14 => stage.standin.set_latency(Duration::from_millis(chance.below(300))),
        _ => small(stage, chance),
    }
    Ok(())
}

fn small(stage: &Stage, chance: &mut Random) {
    let calls =
        [None, Some(Call::SetDecks), Some(Call::DeleteDeck), Some(Call::CreateRoom), Some(Call::FetchRooms)];
    let call = chance.pick(&calls);
    let failure = match chance.below(10) {
        0 => Failure::Status(503),
        1 => Failure::StatusAfterEffect(502),
        2 => Failure::TooMany { retry_after: 1 + chance.below(2) },
        3 => Failure::Html,
        4 => Failure::TruncatedJson,
        5 => Failure::Delay(Duration::from_millis(chance.below(4000))),
        6 => Failure::DropBefore,
        7 => Failure::DropAfter,
        8 => Failure::Hang,
        // Within `late_effect`, as it is promised.
        _ => Failure::LateLanding(Duration::from_millis(chance.below(2500))),
    };
    let times = usize::try_from(1 + chance.below(3)).unwrap_or(1);
    stage.standin.fail_next(call, times, failure);
}

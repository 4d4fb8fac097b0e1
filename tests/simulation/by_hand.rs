//! `meetsync push` beside the workers: a person's one-shot, through the same ledger, leases and provider.

use meetsync::model::{Scope, SessionId};
use meetsync::plan::Ask;
use meetsync::reconcile::worker::Leave;
use meetsync::reconcile::{ReadRooms, read_world, resync};

use super::books::BooksTwin;
use super::edges::parts;
use super::history::Settings;
use super::world::{Life, Shared};

/// Pushes one session's slides, as the command does. What fails is told to the person, who leaves it at that.
pub(crate) async fn push(shared: Shared, session: SessionId, settings: Settings) {
    let worker = settings.workers;
    let life = Life { world: shared.clone(), worker, number: 0 };
    let parts = parts(&life, &settings);
    let scope = Scope { sessions: [session].into(), ..Scope::default() };
    let ask = Ask { scope, push: true, ..Ask::default() };
    let now = shared.lock().source_now();
    let world = match read_world(&parts, ask, ReadRooms::No, now).await {
        Ok(world) => world,
        Err(error) => return shared.lock().tell(|| format!("the push fails: {error}")),
    };
    let plan = world.plan();
    let books = BooksTwin(life);
    let pushed = resync(&parts, &books, &world, &plan, Some("a reason"), &Leave::default(), &|_| ()).await;
    shared.lock().tell(|| match pushed {
        Ok(results) => {
            format!("the push ends: {:?}", results.iter().map(|result| result.outcome).collect::<Vec<_>>())
        }
        Err(error) => format!("the push fails: {error}"),
    });
}

//! Rings at the moments of a pattern. The one place that knows `tokio-cron-scheduler`, so that it can be replaced.
//!
//! A job rings and does nothing else: what follows, that it doesn't run twice at once, and what was missed while nobody
//! was there ([`Pattern::latest_until`](crate::schedule::cron::Pattern::latest_until)) is up to whoever hears it. A ring
//! comes up to half a second late, and the worker must not live by it alone: it looks for work at an interval as well.
//!
//! How the scheduler is used, and why: patterns in UTC only (it freezes a zone to the offset of its creation); cron
//! patterns only (a job repeated by an interval dies for ever once it is late by more than that); asynchronous bodies
//! only (a panic in a synchronous one poisons the job); all jobs added before the start, and few (its channels hold 200);
//! on a thread and a runtime of its own (all but one of its tasks wait for each other for ever, also after its shutdown:
//! only the end of their runtime ends them, and a worker begins anew with every hangup).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime;
use tokio::sync::oneshot;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::schedule::cron::Pattern;

/// What is called at the moments of a pattern.
type Ring = Arc<dyn Fn() + Send + Sync>;

/// Patterns, each with what is called at its moments.
pub type Jobs = Vec<(Pattern, Ring)>;

/// Why nothing will ring.
#[derive(Debug, thiserror::Error)]
pub enum CronError {
    #[error("the scheduler can't be set up to ring at \"{pattern}\"")]
    Pattern { pattern: String, source: JobSchedulerError },
    #[error(
        "the scheduler can't have a thread of its own; look at the limits on processes and open files (ulimit -u, ulimit -n)"
    )]
    Thread(#[source] std::io::Error),
    #[error("the scheduler panicked while it was set up; the log says where")]
    Panicked,
}

/// Rings until it is stopped or dropped.
#[derive(Debug)]
pub struct Scheduler {
    stopped: Arc<AtomicBool>,
    /// The scheduler's thread ends when this is dropped.
    _alive: oneshot::Sender<Infallible>,
}

impl Scheduler {
    /// Calls each at the moments of its pattern, on a thread of the scheduler's; it must return at once.
    pub async fn start(jobs: Jobs) -> Result<Self, CronError> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (alive, ended) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let started = Self { stopped: Arc::clone(&stopped), _alive: alive };
        // Without the network, and without threads beside this one.
        let runtime =
            runtime::Builder::new_current_thread().enable_time().build().map_err(CronError::Thread)?;
        let live = move || {
            runtime.block_on(async {
                // Whoever asked may have gone meanwhile.
                let _ = tell.send(ring_from_now_on(jobs, &stopped).await);
                let _ = ended.await;
            });
        };
        thread::Builder::new().name("cron".to_owned()).spawn(live).map_err(CronError::Thread)?;
        told.await.unwrap_or(Err(CronError::Panicked))?;
        Ok(started)
    }

    /// Nothing rings any more from now on, but for a ring that is under way.
    pub fn stop(self) {
        drop(self);
    }
}

/// To be called on the runtime that is the scheduler's own.
async fn ring_from_now_on(jobs: Jobs, stopped: &Arc<AtomicBool>) -> Result<(), CronError> {
    let all = jobs.iter().map(|(pattern, _)| pattern.as_str()).collect::<Vec<_>>().join("\", \"");
    let wrong = |pattern: &str| {
        let pattern = pattern.to_owned();
        move |source| CronError::Pattern { pattern, source }
    };
    let mut scheduler = JobScheduler::new().await.map_err(wrong(&all))?;
    scheduler.init().await.map_err(wrong(&all))?;
    for (pattern, ring) in jobs {
        let job = job(&pattern, ring, stopped).map_err(wrong(pattern.as_str()))?;
        scheduler.add(job).await.map_err(wrong(pattern.as_str()))?;
    }
    scheduler.start().await.map_err(wrong(&all))
}

/// The thread ends a little after it is told to, and could ring once more; the job looks.
fn job(pattern: &Pattern, ring: Ring, stopped: &Arc<AtomicBool>) -> Result<Job, JobSchedulerError> {
    let stopped = Arc::clone(stopped);
    Job::new_async(pattern.as_str(), move |_, _| {
        let (ring, stopped) = (Arc::clone(&ring), Arc::clone(&stopped));
        Box::pin(async move {
            if !stopped.load(Ordering::Relaxed) {
                ring();
            }
        })
    })
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::sync::Notify;
    use tokio::time::timeout;

    /// A bell, how often it rang, and the job that rings it each second.
    fn each_second() -> (Arc<Notify>, Arc<AtomicUsize>, Jobs) {
        let (bell, count) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
        let (heard, counted) = (Arc::clone(&bell), Arc::clone(&count));
        let ring = Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            heard.notify_one();
        });
        (bell, count, vec![(Pattern::parse("* * * * * *").expect("each second"), ring)])
    }

    async fn rings(bell: &Notify) {
        timeout(Duration::from_secs(3), bell.notified()).await.expect("no ring in three seconds");
    }

    #[tokio::test]
    async fn a_job_of_each_second_rings_again_and_again_and_others_keep_still() {
        let (bell, _, mut jobs) = each_second();
        let (_, seldom, other) = each_second();
        jobs.push((Pattern::parse("0 0 0 29 2 +MON").expect("a rare day"), Arc::clone(&other[0].1)));
        let scheduler = Scheduler::start(jobs).await.expect("these patterns have a next moment");
        rings(&bell).await;
        rings(&bell).await;
        scheduler.stop();
        assert_eq!(seldom.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn what_was_stopped_rings_no_more() {
        let (bell, count, jobs) = each_second();
        let stopped = Scheduler::start(jobs).await.expect("these patterns have a next moment");
        rings(&bell).await;
        let (other_bell, _, jobs) = each_second();
        let other = Scheduler::start(jobs).await.expect("these patterns have a next moment");
        stopped.stop();
        let before = count.load(Ordering::SeqCst);
        // When the other one has rung three times, this one has had two seconds of its own.
        for _ in 0..3 {
            rings(&other_bell).await;
        }
        assert_eq!(count.load(Ordering::SeqCst), before);
        drop(other);
    }

    #[tokio::test]
    async fn a_ring_that_panics_is_rung_again() {
        let (bell, count, _) = each_second();
        let (heard, counted) = (Arc::clone(&bell), Arc::clone(&count));
        let ring = Arc::new(move || {
            heard.notify_one();
            assert!(counted.fetch_add(1, Ordering::SeqCst) > 0, "the first ring panics");
        });
        let _scheduler = Scheduler::start(vec![(Pattern::parse("* * * * * *").expect("each second"), ring)])
            .await
            .expect("these patterns have a next moment");
        rings(&bell).await;
        rings(&bell).await;
    }

    #[tokio::test]
    async fn what_was_stopped_leaves_nothing_behind() {
        let alive = runtime::Handle::current().metrics();
        let before = alive.num_alive_tasks();
        for turn in 0..50 {
            let (held, mut let_go) = tokio::sync::mpsc::channel::<()>(1);
            let ring: Ring = Arc::new(move || drop(held.clone()));
            let scheduler = Scheduler::start(vec![(Pattern::parse("0 0 * * * *").expect("each hour"), ring)])
                .await
                .expect("these patterns have a next moment");
            if turn % 2 == 0 {
                scheduler.stop();
            } else {
                drop(scheduler);
            }
            let gone = timeout(Duration::from_secs(10), let_go.recv()).await;
            assert_eq!(gone, Ok(None), "somebody still holds what it was to ring");
        }
        assert_eq!(alive.num_alive_tasks(), before);
    }

    #[tokio::test]
    async fn no_jobs_are_no_mistake() {
        Scheduler::start(Vec::new()).await.expect("nothing to ring is fine").stop();
    }
}

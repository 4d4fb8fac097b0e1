//! Rings at the moments of a pattern. The one place that knows `tokio-cron-scheduler`, so that it can be replaced.
//!
//! A job rings and does nothing else: what follows, that it doesn't run twice at once, and what was missed while nobody
//! was there ([`Pattern::latest_until`](crate::schedule::cron::Pattern::latest_until)) is up to whoever hears it. A ring
//! comes up to half a second late, and the worker must not live by it alone: it looks for work at an interval as well.
//!
//! How the scheduler is used, and why: patterns in UTC only (it freezes a zone to the offset of its creation); cron
//! patterns only (a job repeated by an interval dies for ever once it is late by more than that); asynchronous bodies
//! only (a panic in a synchronous one poisons the job); all jobs added before the start, and few (its channels hold 200).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use crate::schedule::cron::Pattern;

/// Patterns, each with what is called at its moments.
pub type Jobs = Vec<(Pattern, Arc<dyn Fn() + Send + Sync>)>;

/// Why nothing will ring.
#[derive(Debug, thiserror::Error)]
#[error("the scheduler can't be set up to ring at \"{pattern}\"")]
pub struct CronError {
    pattern: String,
    source: JobSchedulerError,
}

/// Rings until it is stopped or dropped.
#[derive(Debug)]
pub struct Scheduler {
    stopped: Arc<AtomicBool>,
}

impl Scheduler {
    /// Calls each at the moments of its pattern, on a task of the scheduler's; it must return at once. To be called on a
    /// tokio runtime with time.
    pub async fn start(jobs: Jobs) -> Result<Self, CronError> {
        let all = jobs.iter().map(|(pattern, _)| pattern.as_str()).collect::<Vec<_>>().join("\", \"");
        let wrong = |pattern: &str| {
            let pattern = pattern.to_owned();
            move |source| CronError { pattern, source }
        };
        let mut scheduler = JobScheduler::new().await.map_err(wrong(&all))?;
        // It has no other handle that could be used in `drop`.
        let stopped = Arc::clone(&scheduler.scheduler.read().await.shutdown);
        let started = Self { stopped };
        scheduler.init().await.map_err(wrong(&all))?;
        for (pattern, ring) in jobs {
            let job = job(&pattern, ring, &started.stopped).map_err(wrong(pattern.as_str()))?;
            scheduler.add(job).await.map_err(wrong(pattern.as_str()))?;
        }
        scheduler.start().await.map_err(wrong(&all))?;
        Ok(started)
    }

    /// Nothing rings any more from now on, but for a ring that is under way.
    pub fn stop(self) {
        drop(self);
    }
}

/// The scheduler's own loop looks at the flag only every half second, and could ring once more; the job looks too.
fn job(
    pattern: &Pattern,
    ring: Arc<dyn Fn() + Send + Sync>,
    stopped: &Arc<AtomicBool>,
) -> Result<Job, JobSchedulerError> {
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
        (bell, count, vec![(Pattern::parse("* * * * * *").unwrap(), ring)])
    }

    async fn rings(bell: &Notify) {
        timeout(Duration::from_secs(3), bell.notified()).await.expect("no ring in three seconds");
    }

    #[tokio::test]
    async fn a_job_of_each_second_rings_again_and_again_and_others_keep_still() {
        let (bell, _, mut jobs) = each_second();
        let (_, seldom, other) = each_second();
        jobs.push((Pattern::parse("0 0 0 29 2 +MON").unwrap(), Arc::clone(&other[0].1)));
        let scheduler = Scheduler::start(jobs).await.unwrap();
        rings(&bell).await;
        rings(&bell).await;
        scheduler.stop();
        assert_eq!(seldom.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn what_was_stopped_rings_no_more() {
        let (bell, count, jobs) = each_second();
        let stopped = Scheduler::start(jobs).await.unwrap();
        rings(&bell).await;
        let (other_bell, _, jobs) = each_second();
        let other = Scheduler::start(jobs).await.unwrap();
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
        let _scheduler =
            Scheduler::start(vec![(Pattern::parse("* * * * * *").unwrap(), ring)]).await.unwrap();
        rings(&bell).await;
        rings(&bell).await;
    }

    #[tokio::test]
    async fn no_jobs_are_no_mistake() {
        Scheduler::start(Vec::new()).await.unwrap().stop();
    }
}

//! The arithmetic of when: how long to wait before trying again, how much of a lease is left, how fast requests go, when
//! a burst of changes is over, how a dead provider is probed, when a pattern of cron comes next.
//!
//! Nothing here waits, reads a clock or draws a random number: those are arguments.

pub mod backoff;
pub mod bucket;
pub mod circuit;
pub mod cron;
pub mod debounce;
pub mod lease;

//! The arithmetic of when: how long to wait before trying again, and how much of a lease is left.
//!
//! Nothing here waits, reads a clock or draws a random number: those are arguments.

pub mod backoff;
pub mod lease;

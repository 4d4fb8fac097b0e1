//! The arithmetic of when: how long to wait before trying again, how much of a lease is left, how fast requests go.
//!
//! Nothing here waits, reads a clock or draws a random number: those are arguments.

pub mod backoff;
pub mod bucket;
pub mod circuit;
pub mod debounce;
pub mod lease;

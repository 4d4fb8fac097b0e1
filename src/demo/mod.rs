//! The job rehearsed on one machine: a throwaway PostgreSQL, a sample datatracker, edits to it, and a stand-in
//! Meetecho.
//!
//! Nothing here is used against a real database or a real provider. The tests stand on the same parts.

pub mod cluster;
pub mod sample;
pub mod standin;
pub(crate) mod story;

//! The job rehearsed on one machine: a throwaway PostgreSQL, a sample datatracker, edits to it, a stand-in
//! Meetecho, and what the datatracker sends to it by itself.
//!
//! Nothing here is used against a real database or a real provider. The tests stand on the same parts.

pub mod cluster;
pub mod sample;
pub mod second_sender;
pub mod standin;
pub(crate) mod story;

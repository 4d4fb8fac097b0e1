//! The job rehearsed on one machine: a throwaway PostgreSQL, a sample datatracker, and edits to it.
//!
//! Nothing here is used against a real database. The tests stand on the same cluster.

pub mod cluster;
pub mod sample;

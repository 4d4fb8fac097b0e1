//! A datatracker of our own: its tables, and an IETF week in progress.
//!
//! The tables are the part of the real schema that meetsync touches. The content is made up; no person in it is.

/// The datatracker's tables, empty. Made for an empty database; runs as one simple query.
pub const SCHEMA: &str = include_str!("schema.sql");

//! When things may happen: pure arithmetic on times that are handed in.

pub mod bucket;

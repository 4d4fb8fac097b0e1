//! The demonstration: everything real but the two edges.

pub mod standin;

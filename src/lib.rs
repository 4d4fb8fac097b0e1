//! meetsync keeps remote conference systems in step with the IETF datatracker.

pub mod database;
pub mod datatracker;
pub mod demo;
pub mod desired;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod provider;
pub mod schedule;
pub mod settings;
pub mod transport;

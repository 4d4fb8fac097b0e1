//! meetsync keeps remote conference systems in step with the IETF datatracker.

mod app;
pub mod cli;
pub mod clock;
pub mod database;
pub mod datatracker;
pub mod demo;
pub mod desired;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod provider;
pub mod reconcile;
pub mod schedule;
pub mod settings;
pub mod telemetry;
pub mod transport;

//! Everything that needs more than one room of the house, as one test binary: one throwaway PostgreSQL serves all.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail loudly, as the test itself")]

mod architecture;
mod arguments;
mod beside;
mod by_hand;
mod check;
mod cluster_ends;
mod database_tls;
mod datatracker;
mod datatracker_fixture;
mod debug_backend;
mod decks_in_trouble;
mod demo;
mod explain;
mod export;
mod faults;
mod holds;
mod hosts;
mod killed;
mod ledger;
mod meetecho;
mod moved;
mod not_migrated;
mod one_shots;
mod plan_command;
mod readme;
mod resync;
mod rooms_in_trouble;
mod sample_week;
mod secrets;
mod source_faults;
mod standin;
mod status;
mod stopped;
mod support;
mod worker;

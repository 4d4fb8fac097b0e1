//! Everything that needs more than one room of the house, as one test binary: one throwaway PostgreSQL serves all.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail loudly, as the test itself")]

mod architecture;
mod cluster_ends;
mod database_tls;
mod datatracker;
mod datatracker_fixture;
mod ledger;
mod meetecho;
mod resync;
mod rooms_in_trouble;
mod sample_week;
mod standin;
mod support;

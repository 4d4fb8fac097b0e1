//! Everything that needs more than one room of the house, as one test binary: one throwaway PostgreSQL serves all.

mod cluster_ends;
mod database_tls;
mod datatracker_fixture;
mod sample_week;
mod support;
